"""Start: a reserved job's attempt is counted before its code runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from queuekit.job import JobState
from queuekit.storage import Answer, ControlAnswer, Finish
from queuekit_conformance.steps import (
    LEASE,
    MINUTE,
    SECOND,
    TravellingStore,
    claim,
    claim_one,
    complete,
    new_job,
    read,
    release,
    rescue,
    reserve_one,
    send,
    send_one,
    settle,
    start,
    state,
    visible,
)


def test_a_start_counts_the_attempt(store: TravellingStore) -> None:
    """A reserved job's start is recorded, and its attempt counted, when its worker says so."""
    job_id = send_one(store)
    assert start(store, reserve_one(store)) is Answer.DONE
    job = read(store, job_id)
    assert (job.attempts, job.claims, job.state) == (1, 1, JobState.RUNNING)
    assert job.started_at is not None


def test_a_repeated_start_counts_once(store: TravellingStore) -> None:
    """The same start again answers `done` and changes nothing."""
    job_id = send_one(store)
    reserved = reserve_one(store)
    start(store, reserved)
    before = visible(store)
    assert start(store, reserved) is Answer.DONE
    assert visible(store) == before
    assert read(store, job_id).attempts == 1


def test_a_started_job_finishes_with_the_token_of_its_reservation(store: TravellingStore) -> None:
    """A start gives no new token: the fence grows with claims and rescues alone."""
    send_one(store)
    reserved = reserve_one(store)
    start(store, reserved)
    assert settle(store, reserved, complete()) is Answer.DONE
    (line,) = store.history(reserved.token.job_id)
    assert (line.number, line.fence) == (1, reserved.token.fence)


def test_one_call_finishes_and_starts(store: TravellingStore) -> None:
    """Starts are recorded in the call that finishes earlier jobs; each answers for itself."""
    send(store, *[new_job() for _ in range(3)])
    running, held, given_back = claim(store, 1, reserve=2)
    settle(store, given_back, release())
    answers = store.finish([Finish(running.token, complete())], [given_back.token, held.token])
    assert answers.finished == (Answer.DONE,)
    assert answers.started == (Answer.LOST, Answer.DONE)
    assert state(store, running.token.job_id) is JobState.COMPLETED
    assert read(store, held.token.job_id).attempts == 1


@pytest.mark.parametrize("wrong", ["fence", "nonce"])
def test_a_stale_token_starts_nothing(store: TravellingStore, wrong: str) -> None:
    """A token holds only with both its parts."""
    send_one(store)
    token = reserve_one(store).token
    stale = {
        "fence": replace(token, fence=token.fence + 1),
        "nonce": replace(token, nonce=b"another nonce..."),
    }
    before = visible(store)
    assert store.finish([], [stale[wrong]]).started == (Answer.LOST,)
    assert visible(store) == before


def test_a_rescued_reservation_cannot_be_started_by_its_old_holder(store: TravellingStore) -> None:
    """From a rescue on, the old token is stale."""
    send_one(store)
    reserved = reserve_one(store)
    store.travel(LEASE)
    rescue(store)
    before = visible(store)
    assert start(store, reserved) is Answer.LOST
    assert visible(store) == before


def test_a_cancelled_reservation_does_not_start(store: TravellingStore) -> None:
    """A reserved job that was cancelled in the buffer never runs."""
    job_id = send_one(store)
    reserved = reserve_one(store)
    (controlled,) = store.cancel([job_id], "not wanted")
    assert controlled.answer is ControlAnswer.DONE
    assert start(store, reserved) is Answer.LOST
    assert state(store, job_id) is JobState.CANCELLED


def test_an_expired_reservation_does_not_start(store: TravellingStore) -> None:
    """Expiry ends a job that has not started, though it waits in a buffer; it never runs."""
    job_id = send_one(store, expires=MINUTE)
    reserved = reserve_one(store, lease=2 * MINUTE)
    store.travel(MINUTE)
    assert start(store, reserved) is Answer.LOST
    job = read(store, job_id)
    assert (job.state, job.final_reason) == (JobState.DISCARDED, "expired")
    assert (job.attempts, store.history(job_id)) == (0, ())


def test_a_reservation_starts_until_its_expiry(store: TravellingStore) -> None:
    """Before its expiry a reserved job starts as any other."""
    job_id = send_one(store, expires=MINUTE)
    reserved = reserve_one(store, lease=2 * MINUTE)
    store.travel(MINUTE - SECOND)
    assert start(store, reserved) is Answer.DONE
    assert read(store, job_id).attempts == 1


def test_starting_what_the_claim_started_counts_once(store: TravellingStore) -> None:
    """A start that the claim has recorded already is a repeat."""
    job_id = send_one(store)
    assert start(store, claim_one(store)) is Answer.DONE
    assert read(store, job_id).attempts == 1
