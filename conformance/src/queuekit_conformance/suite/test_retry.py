"""The moves that send a job back to wait: retry, snooze, release, and a task nobody knows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from queuekit.clock import MAX_INSTANT
from queuekit.job import AttemptOutcome, JobState, Reason, Resolution
from queuekit.storage import Answer, ControlAnswer
from queuekit_conformance.steps import (
    HOUR,
    LEASE,
    MINUTE,
    PAST,
    SECOND,
    TravellingStore,
    cancel,
    claim,
    claim_one,
    complete,
    discard,
    in_order,
    lost,
    new_job,
    read,
    release,
    rescue_one,
    reserve_one,
    retry,
    send,
    send_one,
    settle,
    snooze,
    start,
    state,
    unknown_task,
)

# ---------------------------------------------------------------- retry


def test_a_failed_job_waits_for_its_delay(store: TravellingStore) -> None:
    """A retry waits for its delay from the store's now, shown as `retryable`."""
    job_id = send_one(store)
    one = claim_one(store)
    before = store.info().now
    settle(store, one, retry(HOUR))
    after = store.info().now
    job = read(store, job_id)
    assert (job.state, job.reason, job.attempts) == (JobState.RETRYABLE, Reason.RETRY, 1)
    assert before + HOUR <= job.run_at <= after + HOUR
    assert (job.worker, job.lease_until, job.finished_at) == (None, None, None)
    store.travel(HOUR - MINUTE)
    assert claim(store, 1) == ()
    store.travel(MINUTE)
    assert state(store, job_id) is JobState.AVAILABLE
    assert claim_one(store).attempt == 2


def test_a_retry_without_delay_is_available_at_once(store: TravellingStore) -> None:
    """A delay of nought is no delay."""
    job_id = send_one(store)
    settle(store, claim_one(store), retry())
    assert state(store, job_id) is JobState.AVAILABLE
    assert claim_one(store).attempt == 2


def test_a_retry_takes_its_place_by_the_time_it_is_due(store: TravellingStore) -> None:
    """At equal priority a job that is due again stands behind those that were due before."""
    failed = send_one(store, due=PAST)
    one = claim_one(store)
    waiting = send_one(store)
    settle(store, one, retry())
    assert in_order(claim(store, 2)) == [waiting, failed]


def test_attempts_go_on_counting(store: TravellingStore) -> None:
    """Each start counts one, and nothing else does."""
    job_id = send_one(store)
    for number in (1, 2, 3, 4):
        one = claim_one(store)
        assert one.attempt == number
        settle(store, one, retry())
    assert read(store, job_id).attempts == 4


def test_a_delay_beyond_all_calendars_saturates(store: TravellingStore) -> None:
    """A delay too long for any store is held at the last instant that all can keep."""
    job_id = send_one(store)
    assert settle(store, claim_one(store), retry(timedelta(days=1_000_000))) is Answer.DONE
    assert read(store, job_id).run_at == MAX_INSTANT


# ---------------------------------------------------------------- snooze and release


def test_a_snooze_gives_the_attempt_back(store: TravellingStore) -> None:
    """A snoozed job waits, its attempt uncounted, its line in history kept."""
    job_id = send_one(store)
    settle(store, claim_one(store), snooze(HOUR))
    job = read(store, job_id)
    assert (job.state, job.reason, job.attempts) == (JobState.SCHEDULED, Reason.SNOOZED, 0)
    (line,) = store.history(job_id)
    assert (line.number, line.outcome) == (1, AttemptOutcome.SNOOZED)
    store.travel(HOUR - SECOND)
    assert claim(store, 1) == ()
    store.travel(SECOND)
    assert claim_one(store).attempt == 1


def test_a_released_job_gives_the_attempt_back(store: TravellingStore) -> None:
    """A job cut short by its worker's stop is available again, its attempt uncounted."""
    job_id = send_one(store)
    settle(store, claim_one(store), release())
    job = read(store, job_id)
    assert (job.state, job.reason, job.attempts) == (JobState.AVAILABLE, Reason.RELEASED, 0)
    assert (job.worker, job.lease_until, job.started_at) == (None, None, None)
    (line,) = store.history(job_id)
    assert (line.number, line.outcome) == (1, AttemptOutcome.RELEASED)
    assert claim_one(store).attempt == 1


def test_a_released_job_keeps_its_place(store: TravellingStore) -> None:
    """A job that is given back stands where it stood: its `run_at` is kept."""
    ids = send(store, *[new_job(due=PAST) for _ in range(3)])
    started, reserved = claim(store, 1, reserve=1)
    store.travel(MINUTE)
    settle(store, reserved, release())
    settle(store, started, release())
    assert {read(store, job_id).run_at for job_id in ids} == {PAST}
    assert in_order(claim(store, 3)) == list(ids)


def test_an_unstarted_release_leaves_no_trace(store: TravellingStore) -> None:
    """A reservation given back was no attempt: no count, no line of history."""
    job_id = send_one(store)
    reserved = reserve_one(store)
    assert settle(store, reserved, release()) is Answer.DONE
    job = read(store, job_id)
    assert (job.state, job.attempts, job.claims) == (JobState.AVAILABLE, 0, 1)
    assert store.history(job_id) == ()


def test_an_unstarted_release_is_done_once(store: TravellingStore) -> None:
    """The same release again answers `done`, though history has no line of it."""
    send_one(store)
    reserved = reserve_one(store)
    settle(store, reserved, release())
    other = claim_one(store)
    assert settle(store, reserved, release()) is Answer.DONE
    assert settle(store, reserved, complete()) is Answer.LOST
    assert settle(store, other, complete()) is Answer.DONE


def test_an_attempt_is_given_back_only_once(store: TravellingStore) -> None:
    """After failures, a snooze takes back its own attempt and no other."""
    job_id = send_one(store)
    for resolution in (retry(), retry(), snooze(), release()):
        settle(store, claim_one(store), resolution)
    assert read(store, job_id).attempts == 2
    assert claim_one(store).attempt == 3


# ---------------------------------------------------------------- unknown task


def test_an_unknown_task_waits_for_its_delay(store: TravellingStore) -> None:
    """A job of an unknown task is given back uncounted, with a delay, and shown so."""
    job_id = send_one(store)
    settle(store, reserve_one(store), unknown_task(MINUTE))
    job = read(store, job_id)
    assert (job.state, job.reason) == (JobState.SCHEDULED, Reason.UNKNOWN_TASK)
    assert job.attempts == 0
    store.travel(MINUTE - SECOND)
    assert claim(store, 1) == ()
    store.travel(SECOND)
    assert in_order(claim(store, 1)) == [job_id]


def test_returns_as_an_unknown_task_are_counted_in_a_row(store: TravellingStore) -> None:
    """`Claim.unknown` says how often in a row the job was given back as an unknown task."""
    send_one(store)
    for seen in (0, 1, 2, 3):
        reserved = reserve_one(store)
        assert reserved.unknown == seen
        settle(store, reserved, unknown_task())


def test_a_start_ends_the_row_of_unknown_tasks(store: TravellingStore) -> None:
    """A worker that starts the job knows its task, and the count begins anew."""
    send_one(store)
    for _ in range(2):
        settle(store, reserve_one(store), unknown_task())
    known = reserve_one(store)
    start(store, known)
    settle(store, known, retry())
    assert reserve_one(store).unknown == 0


# ---------------------------------------------------------------- lost


def test_only_a_loss_counts_as_lost(store: TravellingStore) -> None:
    """`lost` counts the leases that were rescued after their start, and nothing else."""
    job_id = send_one(store)
    for resolution in (retry(), snooze(), release()):
        settle(store, claim_one(store), resolution)
    assert read(store, job_id).lost == 0
    claim_one(store)
    store.travel(LEASE)
    rescued = rescue_one(store)
    settle(store, rescued, lost(MINUTE))
    job = read(store, job_id)
    assert (job.lost, job.attempts, job.state) == (1, 2, JobState.RETRYABLE)


# ---------------------------------------------------------------- a cancel meets an outcome


@pytest.mark.parametrize(
    "resolution",
    [retry(HOUR), snooze(HOUR), release(), unknown_task(HOUR)],
    ids=["retry", "snooze", "release", "unknown_task"],
)
def test_a_job_to_be_cancelled_does_not_wait_again(
    store: TravellingStore, resolution: Resolution
) -> None:
    """A cancel that was asked for while the job ran ends it when the job would wait again."""
    job_id = send_one(store)
    one = claim_one(store)
    assert store.cancel([job_id], "not wanted")[0].answer is ControlAnswer.REQUESTED
    assert settle(store, one, resolution) is Answer.DONE
    job = read(store, job_id)
    assert (job.state, job.final_reason) == (JobState.CANCELLED, "not wanted")
    assert job.finished_at is not None
    assert settle(store, one, resolution) is Answer.DONE


@pytest.mark.parametrize(
    ("resolution", "ended"),
    [(complete('"x"'), JobState.COMPLETED), (discard("why"), JobState.DISCARDED)],
)
def test_a_job_that_ended_first_was_not_cancelled(
    store: TravellingStore, resolution: Resolution, ended: JobState
) -> None:
    """A job that completes or gives up in spite of the request stands as it ended."""
    job_id = send_one(store)
    one = claim_one(store)
    store.cancel([job_id], "not wanted")
    settle(store, one, resolution)
    job = read(store, job_id)
    assert (job.state, job.final_reason) == (ended, resolution.reason)


def test_a_job_that_obeys_a_cancel_is_cancelled(store: TravellingStore) -> None:
    """The worker that carries the request out ends the job as cancelled."""
    job_id = send_one(store)
    one = claim_one(store)
    store.cancel([job_id], "not wanted")
    assert settle(store, one, cancel("not wanted")) is Answer.DONE
    assert state(store, job_id) is JobState.CANCELLED
