"""The door: what some store could not keep is refused by all, before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from queuekit.clock import EPOCH
from queuekit.errors import InvalidJob, UnsupportedOperation
from queuekit.job import (
    AttemptOutcome,
    Claim,
    Failure,
    JobState,
    LimitKey,
    LimitKind,
    Move,
    Resolution,
)
from queuekit.storage import Change, JobFilter, QueueMode, WorkerBeat
from queuekit_conformance.steps import (
    LEASE,
    SECOND,
    TravellingStore,
    all_jobs,
    claim_one,
    complete,
    discard,
    new_job,
    read,
    request,
    rescue,
    retry,
    send_one,
    settle,
    snooze,
    visible,
)

Call = Callable[[TravellingStore, Claim, str], object]


def failed(*texts: str) -> Resolution:
    """A failure of these texts."""
    return Resolution(Move.DISCARD, AttemptOutcome.FAILED, failure=Failure(*texts))


TEXTS: Final[dict[str, Call]] = {
    "payload": lambda store, _, text: store.enqueue([replace(new_job(), payload=text)]),
    "meta": lambda store, _, text: store.enqueue([new_job(meta=text)]),
    "result": lambda store, one, text: settle(store, one, complete(text)),
    "reason": lambda store, one, text: settle(store, one, discard(text)),
    "error class": lambda store, one, text: settle(store, one, failed(text)),
    "error message": lambda store, one, text: settle(store, one, failed("E", text)),
    "traceback": lambda store, one, text: settle(store, one, failed("E", "", text)),
    "cause": lambda store, one, text: settle(store, one, failed("E", "", "", text)),
    "progress": lambda store, one, text: store.progress(one.token, text),
    "log": lambda store, one, text: store.progress(one.token, "1", ["good", text]),
    "cancel": lambda store, one, text: store.cancel([one.token.job_id], text),
    "discard": lambda store, one, text: store.discard([one.token.job_id], text),
    "beat id": lambda store, one, text: store.extend(WorkerBeat(text), [one.token], LEASE),
    "beat info": lambda store, one, text: store.extend(WorkerBeat("w", text), [one.token], LEASE),
    "leave": lambda store, _, text: store.leave(text),
    "claim worker": lambda store, _, text: store.claim(request(worker=text)),
    "claim queues": lambda store, _, text: store.claim(request(queues=("q", text))),
    "rescue worker": lambda store, _, text: rescue(store, worker=text),
    "purge": lambda store, _, text: store.purge(text, 1),
    "amend": lambda store, one, text: store.amend([one.token.job_id], Change(queue=text)),
    "set_queue": lambda store, _, text: store.set_queue(text, paused=True),
    "filter queue": lambda store, _, text: store.list(JobFilter(queue=text)),
    "filter task": lambda store, _, text: store.list(JobFilter(task=text)),
    "filter tag": lambda store, _, text: store.count(JobFilter(tag=text), 1),
    "filter unique": lambda store, _, text: store.count(JobFilter(unique=text), 1),
    "filter key": lambda store, _, text: store.list(
        JobFilter(key=LimitKey(LimitKind.RATE, "scope", text))
    ),
}


@pytest.mark.parametrize("text", ["a\ud800", "a\x00b"], ids=["surrogate", "nul"])
@pytest.mark.parametrize("where", TEXTS)
def test_a_text_that_some_store_cannot_keep_is_refused(
    store: TravellingStore, where: str, text: str
) -> None:
    """A lone surrogate or NUL is refused wherever it stands, and the whole call with it."""
    send_one(store)
    running = claim_one(store)
    before = visible(store)
    with pytest.raises(InvalidJob):
        TEXTS[where](store, running, text)
    assert visible(store) == before


NAIVE: Final = EPOCH.replace(tzinfo=None)

NUMBERS: Final[dict[str, Callable[[TravellingStore], object]]] = {
    "max_attempts": lambda store: store.enqueue([new_job(max_attempts=2**31)]),
    "max_attempts 1.5": lambda store: store.enqueue([new_job(max_attempts=1.5)]),
    "priority 1.5": lambda store: store.enqueue([new_job(priority=1.5)]),
    "priority nan": lambda store: store.enqueue([new_job(priority=float("nan"))]),
    "expire below": lambda store: store.expire(-1),
    "expire above": lambda store: store.expire(2**63),
    "purge below": lambda store: store.purge("default", -1),
    "purge above": lambda store: store.purge("default", 2**63),
    "prune below": lambda store: store.prune(frozenset({JobState.COMPLETED}), SECOND, -1),
    "prune above": lambda store: store.prune(frozenset({JobState.COMPLETED}), SECOND, 2**63),
    "count none": lambda store: store.count(JobFilter(), 0),
    "count below": lambda store: store.count(JobFilter(), -1),
    "count above": lambda store: store.count(JobFilter(), 2**63 - 1),
    "list none": lambda store: store.list(JobFilter(), None, 0),
    "list above": lambda store: store.list(JobFilter(), None, 2**63 - 1),
    "cursor below": lambda store: store.list(JobFilter(), -1),
    "cursor above": lambda store: store.list(JobFilter(), 2**63),
    "naive from": lambda store: store.list(JobFilter(enqueued_from=NAIVE)),
    "naive to": lambda store: store.count(JobFilter(enqueued_to=NAIVE), 1),
}


@pytest.mark.parametrize("what", NUMBERS)
def test_a_number_out_of_range_is_refused(store: TravellingStore, what: str) -> None:
    """Numbers and instants that some store has no room for are refused by all."""
    send_one(store)
    before = visible(store)
    with pytest.raises(InvalidJob):
        NUMBERS[what](store)
    assert visible(store) == before


FAR_AWAY: Final = [timedelta.min, -SECOND, timedelta.max]


@pytest.mark.parametrize("delay", FAR_AWAY, ids=str)
@pytest.mark.parametrize("resolution", [retry, snooze], ids=["retry", "snooze"])
def test_a_delay_is_held_inside_what_a_store_can_keep(
    store: TravellingStore, resolution: Callable[[timedelta], Resolution], delay: timedelta
) -> None:
    """A negative delay counts as none, and one without end as the last instant that there is."""
    job_id = send_one(store)
    before = store.info().now
    settle(store, claim_one(store), resolution(delay))
    run_at = read(store, job_id).run_at
    if delay < SECOND:
        assert before <= run_at <= store.info().now
    else:
        assert run_at.year >= 2254


@pytest.mark.parametrize("lease", FAR_AWAY, ids=str)
def test_a_lease_is_held_inside_what_a_store_can_keep(
    store: TravellingStore, lease: timedelta
) -> None:
    """A negative lease is over at once, and one without end goes as far as time does."""
    job_id = send_one(store)
    before = store.info().now
    running = claim_one(store, lease=lease)
    for _ in range(2):
        until = read(store, job_id).lease_until
        assert until is not None
        if lease < SECOND:
            assert before <= until <= store.info().now
        else:
            assert until.year >= 2254
        store.extend(WorkerBeat("worker-1"), [running.token], lease)


@pytest.mark.parametrize("age", FAR_AWAY, ids=str)
def test_an_age_is_held_inside_what_a_store_can_keep(
    store: TravellingStore, age: timedelta
) -> None:
    """A negative age counts as none."""
    send_one(store)
    settle(store, claim_one(store), complete())
    assert store.prune(frozenset({JobState.COMPLETED}), age, 9) == int(age < SECOND)


def test_travel_never_leads_back(store: TravellingStore) -> None:
    """A store's clock goes forward alone."""
    before = store.info().now
    with pytest.raises(ValueError, match="back"):
        store.travel(-SECOND)
    assert store.info().now >= before


def test_travel_ends_where_time_does(store: TravellingStore) -> None:
    """A store that has travelled as far as it can still works."""
    store.travel(timedelta.max)
    store.travel(timedelta.max)
    assert store.info().now.year >= 2254
    send_one(store)
    settle(store, claim_one(store), complete())
    assert [job.state for job in all_jobs(store)] == [JobState.COMPLETED]


@pytest.mark.parametrize("mode", [QueueMode.AGEING, QueueMode.FAIR])
def test_an_absent_queue_mode_is_refused(store: TravellingStore, mode: QueueMode) -> None:
    """A mode is kept or refused by its name, and a refused one changes nothing."""
    store.set_queue("a", mode=QueueMode.STRICT)
    before = visible(store)
    if getattr(store.capabilities, mode.value):
        store.set_queue("a", mode=mode)
        assert [queue.mode for queue in store.queues()] == [mode]
        return
    for name in ("a", "new"):
        with pytest.raises(UnsupportedOperation) as refused:
            store.set_queue(name, paused=True, mode=mode)
        assert refused.value.capability == mode.value
    assert visible(store) == before
