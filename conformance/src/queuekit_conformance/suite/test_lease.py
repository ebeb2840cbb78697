"""Leases: extended by heartbeats, rescued when they run out, and fenced for ever after."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from queuekit.job import AttemptOutcome, Claim, JobState, Resolution, Token
from queuekit.storage import NONCE_BYTES, Answer, ControlAnswer, Finish, WorkerBeat
from queuekit_conformance.steps import (
    HOUR,
    LEASE,
    SECOND,
    TravellingStore,
    claim,
    claim_one,
    complete,
    extend,
    in_order,
    lost,
    new_id,
    new_job,
    read,
    release,
    request,
    rescue,
    rescue_one,
    reserve_one,
    retry,
    send,
    send_one,
    settle,
    start,
    state,
    visible,
)

# ---------------------------------------------------------------- rescue


def test_a_live_lease_is_not_rescued(store: TravellingStore) -> None:
    """Nobody takes over a lease that has not run out."""
    send_one(store)
    claim_one(store)
    store.travel(LEASE - SECOND)
    assert rescue(store) == ()


def test_a_lease_that_ran_out_is_rescued(store: TravellingStore) -> None:
    """An expired lease is taken over with a new token, and counts as a claim."""
    job_id = send_one(store, payload='{"a": 1}', priority=3)
    old = claim_one(store)
    store.travel(LEASE)
    nonce = os.urandom(NONCE_BYTES)
    new = rescue_one(store, nonce=nonce)
    assert new.token == Token(job_id, old.token.fence + 1, nonce)
    assert (new.started, new.attempt) == (True, 1)
    assert (new.task, new.payload, new.priority) == (old.task, '{"a": 1}', 3)
    job = read(store, job_id)
    assert (job.claims, job.attempts, job.state) == (2, 1, JobState.RUNNING)


def test_a_rescue_gives_a_lease_of_its_own(store: TravellingStore) -> None:
    """The rescuer has as long as it asked for; if it dies, it is rescued in turn."""
    send_one(store)
    claim_one(store)
    store.travel(LEASE)
    first = rescue_one(store)
    assert rescue(store) == ()
    store.travel(LEASE)
    second = rescue_one(store)
    assert second.token.fence == first.token.fence + 1
    assert settle(store, first, retry()) is Answer.LOST
    assert settle(store, second, retry()) is Answer.DONE


def test_an_expired_lease_is_not_claimed(store: TravellingStore) -> None:
    """A job whose lease ran out is decided by a rescuer, and never handed out as if it waited."""
    send_one(store)
    claim_one(store)
    store.travel(HOUR)
    assert claim(store, 5, reserve=5) == ()


def test_the_oldest_lease_is_rescued_first(store: TravellingStore) -> None:
    """Leases are rescued in the order in which they ran out, up to as many as were asked for."""
    send(store, *[new_job() for _ in range(3)])
    last = claim_one(store, lease=3 * SECOND)
    first = claim_one(store, lease=SECOND)
    second = claim_one(store, lease=2 * SECOND)
    store.travel(LEASE)
    assert in_order(rescue(store, 2)) == in_order([first, second])
    assert in_order(rescue(store, 2)) == in_order([last])


def test_a_repeated_rescue_gives_the_same_answer(store: TravellingStore) -> None:
    """The same nonce again gives the same claims, and takes over nothing more."""
    send(store, *[new_job() for _ in range(3)])
    claim(store, 2, reserve=1)
    store.travel(LEASE)
    asked = request(2, worker="rescuer")
    first = store.rescue(asked)
    assert len(first) == 2
    before = visible(store)
    assert store.rescue(asked) == first
    assert visible(store) == before


def test_a_rescued_reservation_costs_no_attempt(store: TravellingStore) -> None:
    """`started` says that the holder had not begun; giving the job back leaves no trace."""
    job_id = send_one(store)
    reserve_one(store)
    store.travel(LEASE)
    new = rescue_one(store)
    assert (new.started, new.attempt) == (False, 1)
    assert settle(store, new, release()) is Answer.DONE
    job = read(store, job_id)
    assert (job.attempts, job.lost, job.state) == (0, 0, JobState.AVAILABLE)
    assert store.history(job_id) == ()


def test_a_reservation_that_was_started_is_rescued_as_started(store: TravellingStore) -> None:
    """`started` says whether the code had begun, however the job was claimed."""
    send_one(store)
    start(store, reserve_one(store))
    store.travel(LEASE)
    new = rescue_one(store)
    assert (new.started, new.attempt) == (True, 1)


def test_a_lost_attempt_is_counted_and_kept(store: TravellingStore) -> None:
    """A crash spends its attempt: a job that kills its workers runs out of attempts."""
    job_id = send_one(store)
    for number in (1, 2, 3):
        assert claim_one(store).attempt == number
        store.travel(LEASE)
        rescued = rescue_one(store)
        assert (rescued.attempt, rescued.lost) == (number, number - 1)
        settle(store, rescued, lost())
    assert (read(store, job_id).attempts, read(store, job_id).lost) == (3, 3)
    lines = store.history(job_id)
    assert [(line.number, line.outcome) for line in lines] == [
        (number, AttemptOutcome.LOST) for number in (1, 2, 3)
    ]


def test_a_lost_attempt_names_the_worker_that_started_it(store: TravellingStore) -> None:
    """History tells who ran the code, not who spoke for it afterwards."""
    job_id = send_one(store)
    claim_one(store, worker="the lost one")
    store.travel(LEASE)
    settle(store, rescue_one(store, worker="the rescuer"), lost())
    (line,) = store.history(job_id)
    assert line.worker == "the lost one"


def test_a_rescue_needs_no_worker_record(store: TravellingStore) -> None:
    """A lease is rescued whether its worker sent heartbeats, said goodbye, or never did."""
    send(store, new_job(), new_job())
    beaten, silent = claim(store, 2)
    extend(store, beaten, silent)
    store.leave("worker-1")
    store.travel(LEASE)
    assert set(in_order(rescue(store, 5))) == set(in_order([beaten, silent]))


def test_a_pause_delays_no_rescue(store: TravellingStore) -> None:
    """A lease that ran out in a paused queue is rescued all the same."""
    send_one(store)
    claim_one(store)
    store.set_queue("default", paused=True)
    store.travel(LEASE)
    assert len(rescue(store)) == 1


# ---------------------------------------------------------------- stale tokens


def test_an_unrescued_lease_still_holds(store: TravellingStore) -> None:
    """A lease that ran out holds until somebody takes it over: late work is not thrown away."""
    send(store, new_job(), new_job())
    first, second = claim(store, 2)
    store.travel(HOUR)
    assert settle(store, first, complete()) is Answer.DONE
    assert extend(store, second) == (Answer.DONE,)
    assert rescue(store) == ()


@pytest.mark.parametrize("resolution", [complete(), retry(), release()], ids=lambda r: r.move)
def test_a_rescued_token_finishes_nothing(store: TravellingStore, resolution: Resolution) -> None:
    """From a rescue on, the old token is stale: it finishes nothing and is told so."""
    send_one(store)
    old = claim_one(store)
    store.travel(LEASE)
    rescue(store)
    before = visible(store)
    assert settle(store, old, resolution) is Answer.LOST
    assert visible(store) == before


def test_a_rescued_token_extends_nothing(store: TravellingStore) -> None:
    """A stale heartbeat is told so, and does not move the new holder's lease."""
    job_id = send_one(store)
    old = claim_one(store)
    store.travel(LEASE)
    rescue(store)
    held_until = read(store, job_id).lease_until
    store.travel(SECOND)
    assert extend(store, old) == (Answer.LOST,)
    assert read(store, job_id).lease_until == held_until


def test_a_rescued_token_reports_no_progress(store: TravellingStore) -> None:
    """A stale token changes nothing, its progress neither."""
    job_id = send_one(store)
    old = claim_one(store)
    assert store.progress(old.token, '{"done": 1}', ["one"]) is Answer.DONE
    store.travel(LEASE)
    rescue(store)
    assert store.progress(old.token, '{"done": 2}') is Answer.LOST
    assert read(store, job_id).progress == '{"done": 1}'


@pytest.mark.parametrize("wrong", ["job", "fence", "higher fence", "nonce"])
def test_a_token_holds_only_with_all_its_parts(store: TravellingStore, wrong: str) -> None:
    """Fence and nonce must both be those of the claim, or nothing is changed."""
    send_one(store)
    token = claim_one(store).token
    forged = {
        "job": replace(token, job_id=new_id()),
        "fence": replace(token, fence=token.fence - 1),
        "higher fence": replace(token, fence=token.fence + 1),
        "nonce": replace(token, nonce=bytes(NONCE_BYTES)),
    }[wrong]
    before = visible(store)
    assert store.finish([Finish(forged, complete())]).finished == (Answer.LOST,)
    assert store.progress(forged, "{}") is Answer.LOST
    assert visible(store) == before
    assert store.extend(WorkerBeat("w"), [forged], HOUR).answers == (Answer.LOST,)


# ---------------------------------------------------------------- heartbeats


def test_a_heartbeat_moves_the_end_of_the_lease(store: TravellingStore) -> None:
    """A lease lasts as long as its worker goes on extending it."""
    send_one(store)
    one = claim_one(store)
    for _ in range(5):
        store.travel(LEASE - SECOND)
        assert extend(store, one) == (Answer.DONE,)
        assert rescue(store) == ()
    store.travel(LEASE)
    assert len(rescue(store)) == 1


def test_a_reservation_is_extended_as_well(store: TravellingStore) -> None:
    """A lease is a lease, started or reserved."""
    send_one(store)
    reserved = reserve_one(store)
    store.travel(LEASE - SECOND)
    assert extend(store, reserved) == (Answer.DONE,)
    store.travel(LEASE - SECOND)
    assert rescue(store) == ()
    assert start(store, reserved) is Answer.DONE


def test_each_lease_of_a_heartbeat_answers_for_itself(store: TravellingStore) -> None:
    """One stale token spoils no other, and answers come in the order asked."""
    send(store, *[new_job() for _ in range(3)])
    first, ended, last = claim(store, 3)
    settle(store, ended, complete())
    store.travel(LEASE - SECOND)
    assert extend(store, first, ended, last) == (Answer.DONE, Answer.LOST, Answer.DONE)
    store.travel(LEASE - SECOND)
    assert rescue(store, 5) == ()


def test_a_heartbeat_carries_cancels_of_the_held_jobs(store: TravellingStore) -> None:
    """A worker learns which of its jobs are to be cancelled, and hears nothing of another's."""
    send(store, *[new_job() for _ in range(3)])
    mine, wanted, others = claim(store, 3)
    store.cancel([mine.token.job_id, others.token.job_id], "not wanted")
    beat = store.extend(WorkerBeat("w"), [mine.token, wanted.token], LEASE)
    assert beat.cancels == {mine.token.job_id}


def test_a_heartbeat_carries_no_cancel_of_a_lost_job(store: TravellingStore) -> None:
    """A cancel is for the worker that holds the job now."""
    job_id = send_one(store)
    old = claim_one(store)
    store.travel(LEASE)
    new = rescue_one(store)
    store.cancel([job_id], "not wanted")
    assert store.extend(WorkerBeat("w"), [old.token], LEASE).cancels == frozenset()
    assert store.extend(WorkerBeat("r"), [new.token], LEASE).cancels == {job_id}


def test_a_heartbeat_carries_the_paused_queues(store: TravellingStore) -> None:
    """Every worker learns which queues are paused, whatever it holds."""
    for name in ("a", "b", "c"):
        store.set_queue(name, paused=True)
    store.set_queue("b", paused=False)
    assert store.extend(WorkerBeat("w"), [], LEASE).paused == {"a", "c"}


def test_a_heartbeat_may_hold_nothing(store: TravellingStore) -> None:
    """An idle worker beats as well."""
    answer = store.extend(WorkerBeat("idle"), [], LEASE)
    assert (answer.answers, answer.cancels, answer.paused) == ((), frozenset(), frozenset())
    assert [worker.id for worker in store.workers()] == ["idle"]


# ---------------------------------------------------------------- workers


def test_a_worker_is_known_by_its_heartbeats(store: TravellingStore) -> None:
    """Workers are listed by id, with what they said of themselves and when they were last heard."""
    store.extend(WorkerBeat("b", '{"pid": 1}'), [], LEASE)
    store.extend(WorkerBeat("a"), [], LEASE)
    begun = {worker.id: worker.started_at for worker in store.workers()}
    store.travel(HOUR)
    store.extend(WorkerBeat("b", '{"pid": 2}'), [], LEASE)
    a, b = store.workers()
    assert [(a.id, a.info), (b.id, b.info)] == [("a", "{}"), ("b", '{"pid": 2}')]
    assert (a.started_at, b.started_at) == (begun["a"], begun["b"])
    assert b.beat_at >= b.started_at + HOUR
    assert a.beat_at < b.beat_at


def test_a_worker_that_leaves_is_forgotten(store: TravellingStore) -> None:
    """A goodbye removes the worker and leaves its leases as they are."""
    send_one(store)
    one = claim_one(store)
    extend(store, one)
    store.extend(WorkerBeat("other"), [], LEASE)
    store.leave("worker-1")
    store.leave("never-here")
    assert [worker.id for worker in store.workers()] == ["other"]
    assert settle(store, one, complete()) is Answer.DONE


def test_a_claim_is_no_heartbeat(store: TravellingStore) -> None:
    """Only a heartbeat puts a worker on record."""
    send_one(store)
    claim_one(store)
    assert store.workers() == ()


# ---------------------------------------------------------------- progress


def test_progress_is_kept_while_running(store: TravellingStore) -> None:
    """The running job shows its latest progress."""
    job_id = send_one(store)
    one = claim_one(store)
    assert store.progress(one.token, '{"done": 1}', ["a", "b"]) is Answer.DONE
    assert store.progress(one.token, '{"done": 2}') is Answer.DONE
    assert read(store, job_id).progress == '{"done": 2}'
    assert state(store, job_id) is JobState.RUNNING


def test_progress_of_an_ended_job_is_refused(store: TravellingStore) -> None:
    """A job that has ended is finished with."""
    one = started_and(store, complete())
    before = visible(store)
    assert store.progress(one.token, "{}") is Answer.LOST
    assert visible(store) == before


def test_a_request_to_cancel_outlives_a_rescue(store: TravellingStore) -> None:
    """A job that was to be cancelled when its worker died does not run again."""
    job_id = send_one(store)
    claim_one(store)
    assert store.cancel([job_id], "not wanted")[0].answer is ControlAnswer.REQUESTED
    store.travel(LEASE)
    rescued = rescue_one(store)
    assert settle(store, rescued, lost()) is Answer.DONE
    job = read(store, job_id)
    assert (job.state, job.final_reason) == (JobState.CANCELLED, "not wanted")


def started_and(store: TravellingStore, resolution: Resolution) -> Claim:
    """A claim whose attempt has ended."""
    send_one(store)
    one = claim_one(store)
    settle(store, one, resolution)
    return one


def test_a_repeated_rescue_answers_in_the_order_of_the_first(store: TravellingStore) -> None:
    """The same nonce again gives the claims of the first rescue, oldest lease first as before."""
    late = send_one(store)
    early = send_one(store, priority=1)
    claim_one(store)
    store.travel(SECOND)
    claim_one(store)
    store.travel(LEASE)
    nonce = os.urandom(NONCE_BYTES)
    first = rescue(store, 2, nonce=nonce)
    assert [one.token.job_id for one in first] == [early, late]
    assert rescue(store, 2, nonce=nonce) == first
