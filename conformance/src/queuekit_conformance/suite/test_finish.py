"""Finish: one outcome for each attempt, recorded once, by the one who holds the lease."""

from __future__ import annotations

from dataclasses import replace

import pytest

from queuekit.job import (
    AttemptOutcome,
    Failure,
    JobState,
    Move,
    Phase,
    Resolution,
)
from queuekit.storage import Answer, Finish
from queuekit_conformance.steps import (
    BOOM,
    HOUR,
    LEASE,
    SECOND,
    WORKER,
    TravellingStore,
    cancel,
    claim,
    claim_one,
    complete,
    discard,
    in_order,
    new_job,
    read,
    release,
    rescue,
    rescue_one,
    retry,
    send,
    send_one,
    settle,
    snooze,
    state,
    visible,
)


def test_a_completed_job_keeps_its_result(store: TravellingStore) -> None:
    """A completed job is final, shows its result, and is held by nobody."""
    job_id = send_one(store)
    one = claim_one(store)
    store.travel(SECOND)
    assert settle(store, one, complete('{"n": 1}')) is Answer.DONE
    job = read(store, job_id)
    assert (job.phase, job.state) == (Phase.FINAL, JobState.COMPLETED)
    assert (job.result, job.attempts) == ('{"n": 1}', 1)
    assert (job.worker, job.lease_until) == (None, None)
    assert job.finished_at is not None
    assert job.finished_at >= job.enqueued_at + SECOND


def test_no_result_is_no_result(store: TravellingStore) -> None:
    """A job that returned nothing has no result, which is not the JSON text `null`."""
    send(store, new_job(), new_job())
    first, second = claim(store, 2)
    settle(store, first, complete(None))
    settle(store, second, complete("null"))
    assert read(store, first.token.job_id).result is None
    assert read(store, second.token.job_id).result == "null"


def test_a_discarded_job_keeps_its_reason(store: TravellingStore) -> None:
    """A job that gave up is final, with the reason that it gave."""
    job_id = send_one(store)
    assert settle(store, claim_one(store), discard("no such user")) is Answer.DONE
    job = read(store, job_id)
    assert (job.state, job.final_reason) == (JobState.DISCARDED, "no such user")
    assert job.finished_at is not None


def test_a_cancelled_job_keeps_its_reason(store: TravellingStore) -> None:
    """A job that ended itself as cancelled is final, with the reason that it gave."""
    job_id = send_one(store)
    assert settle(store, claim_one(store), cancel("not wanted")) is Answer.DONE
    job = read(store, job_id)
    assert (job.state, job.final_reason) == (JobState.CANCELLED, "not wanted")


@pytest.mark.parametrize("resolution", [complete(), discard(), cancel()], ids=lambda r: r.move)
def test_a_final_job_is_never_claimed(store: TravellingStore, resolution: Resolution) -> None:
    """Only a rerun moves a final job on."""
    send_one(store)
    settle(store, claim_one(store), resolution)
    store.travel(HOUR)
    assert claim(store, 5, reserve=5) == ()
    assert rescue(store, 5) == ()


# ---------------------------------------------------------------- history


def test_history_keeps_an_ended_attempt(store: TravellingStore) -> None:
    """History keeps number, fence, worker, start, end, outcome and error of an attempt."""
    job_id = send_one(store)
    one = claim_one(store)
    started_at = read(store, job_id).started_at
    assert store.history(job_id) == (), "the running attempt lives in the job"
    store.travel(SECOND)
    settle(store, one, retry())
    (line,) = store.history(job_id)
    assert (line.number, line.fence, line.worker) == (1, one.token.fence, WORKER)
    assert (line.outcome, line.failure) == (AttemptOutcome.FAILED, BOOM)
    assert line.started_at == started_at
    assert line.ended_at >= line.started_at + SECOND


def test_history_is_told_first_to_last(store: TravellingStore) -> None:
    """Every attempt has its line, as they ended; those that did not count share a number."""
    job_id = send_one(store)
    for resolution in (retry(), snooze(), release(), retry(), complete()):
        settle(store, claim_one(store), resolution)
    lines = store.history(job_id)
    assert [(line.number, line.fence, line.outcome) for line in lines] == [
        (1, 1, AttemptOutcome.FAILED),
        (2, 2, AttemptOutcome.SNOOZED),
        (2, 3, AttemptOutcome.RELEASED),
        (2, 4, AttemptOutcome.FAILED),
        (3, 5, AttemptOutcome.COMPLETED),
    ]


@pytest.mark.parametrize(
    "failure",
    [
        Failure("E"),
        Failure("E", "", "", ""),
        Failure("E", "m", None, "c"),
        Failure("a.B", "line\nline\r\n\ttab", "t" * 65_536, "é"),
    ],
)
def test_a_failure_is_kept_as_it_is(store: TravellingStore, failure: Failure) -> None:
    """Class, message, traceback and cause come back exactly; None is no empty text."""
    job_id = send_one(store)
    settle(store, claim_one(store), replace(retry(), failure=failure))
    assert store.history(job_id)[0].failure == failure


def test_a_success_has_no_failure(store: TravellingStore) -> None:
    """What did not fail has no error on record."""
    job_id = send_one(store)
    settle(store, claim_one(store), complete())
    assert store.history(job_id)[0].failure is None


def test_an_exhausted_job_keeps_its_last_failure(store: TravellingStore) -> None:
    """A job discarded for want of attempts shows the reason, and its last error in history."""
    job_id = send_one(store)
    exhausted = Resolution(
        Move.DISCARD, AttemptOutcome.FAILED, failure=BOOM, reason="out of attempts"
    )
    settle(store, claim_one(store), exhausted)
    (line,) = store.history(job_id)
    assert (line.outcome, line.failure) == (AttemptOutcome.FAILED, BOOM)
    assert read(store, job_id).final_reason == "out of attempts"


# ---------------------------------------------------------------- once, and by the holder


ALL_MOVES = [complete('"x"'), retry(HOUR), snooze(HOUR), release(), discard(), cancel()]


@pytest.mark.parametrize("resolution", ALL_MOVES, ids=lambda r: r.move)
def test_the_same_finish_again_is_done_once(store: TravellingStore, resolution: Resolution) -> None:
    """The same token with the same outcome answers `done` again and changes nothing."""
    send_one(store)
    one = claim_one(store)
    assert settle(store, one, resolution) is Answer.DONE
    before = visible(store)
    assert settle(store, one, resolution) is Answer.DONE
    assert visible(store) == before


@pytest.mark.parametrize("first", [retry(), snooze(), release()], ids=lambda r: r.move)
def test_the_same_finish_again_is_done_after_later_claims(
    store: TravellingStore, first: Resolution
) -> None:
    """A late repeat gives the first answer again, and does not touch the attempt that runs now."""
    send_one(store)
    one = claim_one(store)
    settle(store, one, first)
    other = claim_one(store)
    before = visible(store)
    assert settle(store, one, first) is Answer.DONE
    assert visible(store) == before
    assert settle(store, other, complete()) is Answer.DONE


@pytest.mark.parametrize("first", ALL_MOVES, ids=lambda r: r.move)
def test_a_spent_token_takes_no_other_outcome(store: TravellingStore, first: Resolution) -> None:
    """Any other use of a spent token is `lost` and changes nothing."""
    send_one(store)
    one = claim_one(store)
    settle(store, one, first)
    before = visible(store)
    for other in ALL_MOVES:
        if other.move is not first.move:
            assert settle(store, one, other) is Answer.LOST, other.move
    assert visible(store) == before


@pytest.mark.parametrize("resolution", ALL_MOVES, ids=lambda r: r.move)
def test_a_stale_token_finishes_nothing(store: TravellingStore, resolution: Resolution) -> None:
    """The token of an earlier claim does not end the attempt that runs now."""
    send_one(store)
    stale = claim_one(store)
    store.travel(LEASE)
    rescued = rescue_one(store)
    settle(store, rescued, retry())
    claim_one(store)
    before = visible(store)
    assert settle(store, stale, resolution) is Answer.LOST
    assert visible(store) == before


def test_each_finish_answers_for_itself(store: TravellingStore) -> None:
    """One stale token spoils no other, and answers come in the order asked."""
    send(store, *[new_job() for _ in range(4)])
    first, spent, third, fourth = claim(store, 4)
    settle(store, spent, complete())
    asked = [
        Finish(fourth.token, complete('"4"')),
        Finish(spent.token, retry()),
        Finish(first.token, retry(HOUR)),
        Finish(spent.token, complete()),
        Finish(third.token, discard()),
    ]
    done, stale = Answer.DONE, Answer.LOST
    assert store.finish(asked).finished == (done, stale, done, done, done)
    ended = [state(store, one.token.job_id) for one in (first, spent, third, fourth)]
    assert ended == [
        JobState.RETRYABLE,
        JobState.COMPLETED,
        JobState.DISCARDED,
        JobState.COMPLETED,
    ]
    assert read(store, fourth.token.job_id).result == '"4"'


def test_many_finish_in_one_call(store: TravellingStore) -> None:
    """Finishes are batched: a few hundred in one call, each with its own result."""
    send(store, *[new_job() for _ in range(300)])
    claims = claim(store, 300)
    asked = [Finish(one.token, complete(f'"{n}"')) for n, one in enumerate(claims)]
    assert store.finish(asked).finished == (Answer.DONE,) * 300
    results = [job and job.result for job in store.get(in_order(claims))]
    assert results == [f'"{n}"' for n in range(300)]


def test_finishing_nothing_is_no_error(store: TravellingStore) -> None:
    """Nothing asked, nothing answered."""
    answers = store.finish([])
    assert (answers.finished, answers.started) == ((), ())
