"""What is special to the memory store; that it keeps the contract is the suite's claim."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuekit.errors import ConfigurationError, StoreUnavailable, UnsupportedOperation
from queuekit.job import (
    AttemptOutcome,
    JobState,
    LimitKey,
    LimitKind,
    Move,
    NewJob,
    Parent,
    Resolution,
    UniqueKey,
    uuid7,
)
from queuekit.memory import MemoryStore, open_memory, plugin
from queuekit.memory.line import WaitingLine
from queuekit.memory.rows import Row
from queuekit.storage import (
    MAX_BATCH,
    ClaimRequest,
    Finish,
    JobFilter,
    OpenOptions,
    Store,
    SupportsChangeMark,
    SupportsTravel,
)

LEASE = timedelta(seconds=30)
COMPLETE = Resolution(Move.COMPLETE, AttemptOutcome.COMPLETED)
FAIL_FOR_GOOD = Resolution(Move.DISCARD, AttemptOutcome.FAILED, reason="out of attempts")

_numbers = count()


@pytest.fixture
def name() -> str:
    """A store name that no other test uses."""
    return f"memory://test-{next(_numbers)}"


def open_url(url: str = "memory://", *, testing: bool = False) -> MemoryStore:
    store = open_memory(url, OpenOptions(testing=testing))
    assert isinstance(store, MemoryStore)
    return store


def new_job(*parents: UUID) -> NewJob:
    job_id = uuid7(next(_numbers), os.urandom(10))
    return NewJob(job_id, "task", "{}", parents=tuple(Parent(parent) for parent in parents))


def request(start: int, worker: str = "worker") -> ClaimRequest:
    return ClaimRequest(os.urandom(16), worker, LEASE, start)


def stored(store: Store) -> list[UUID]:
    return [job.id for job in store.list(JobFilter()).jobs]


# ---------------------------------------------------------------- names


def test_the_plugin_offers_the_store_for_its_scheme() -> None:
    adapter = plugin.queuekit_adapter()
    assert adapter.schemes == ("memory",)
    assert isinstance(adapter.open("memory://", OpenOptions()), Store)


def test_stores_of_one_name_share_their_jobs(name: str) -> None:
    job = new_job()
    open_url(name).enqueue([job])
    assert stored(open_url(name)) == [job.id]


def test_names_differ_by_case(name: str) -> None:
    open_url(name).enqueue([new_job()])
    assert stored(open_url(name.replace("test", "TEST"))) == []


def test_stores_without_a_name_share_nothing() -> None:
    open_url().enqueue([new_job()])
    assert stored(open_url()) == []


def test_closing_a_named_store_keeps_its_jobs_and_leases(name: str) -> None:
    store = open_url(name)
    store.enqueue([new_job()])
    (claim,) = store.claim(request(1)).claims
    store.close()
    again = open_url(name)
    assert again.finish([Finish(claim.token, COMPLETE)]).finished == ("done",)


def test_a_closed_handle_refuses_and_leaves_the_others_open(name: str) -> None:
    closed, other = open_url(name), open_url(name)
    closed.close()
    closed.close()
    with pytest.raises(StoreUnavailable):
        closed.enqueue([new_job()])
    assert stored(other) == []


def test_a_url_with_a_password_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigurationError) as refused:
        open_url("memory://user:secret@name")
    assert "secret" not in str(refused.value)


def test_options_in_the_url_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="journal"):
        open_memory("memory://?journal=wal", OpenOptions(options={"journal": "wal"}))


# ---------------------------------------------------------------- abilities


def test_travel_is_refused_unless_the_store_was_opened_for_testing() -> None:
    store = open_url()
    before = store.info().now
    with pytest.raises(ConfigurationError, match="testing"):
        store.travel(timedelta(hours=1))
    assert store.info().now - before < timedelta(minutes=30)


def test_travel_moves_the_clock_of_all_who_share_the_store(name: str) -> None:
    traveller: SupportsTravel = open_url(name, testing=True)
    other = open_url(name)
    before = other.info().now
    traveller.travel(timedelta(hours=1))
    assert other.info().now - before >= timedelta(hours=1)


def test_travel_never_leads_back() -> None:
    with pytest.raises(ValueError, match="back"):
        open_url(testing=True).travel(timedelta(microseconds=-1))


def test_the_change_mark_moves_with_writes_of_others_and_not_with_looks(name: str) -> None:
    store: SupportsChangeMark = open_url(name)
    other = open_url(name)
    mark = store.change_mark()
    other.claim(request(1))  # takes nothing: two idle workers must not wake each other for ever
    other.list(JobFilter())
    assert store.change_mark() == mark
    other.enqueue([new_job()])
    assert store.change_mark() != mark


@pytest.mark.parametrize(
    "asking",
    [
        {"unique": UniqueKey("key")},
        {"limits": (LimitKey(LimitKind.CONCURRENCY, "task:x", "key"),)},
        {"limits": (LimitKey(LimitKind.RATE, "task:x", "key"),)},
        {"limits": (LimitKey(LimitKind.ORDER, "task:x", "key"),)},
    ],
)
def test_an_ability_declared_absent_is_refused_and_its_batch_leaves_no_trace(
    asking: dict[str, Any],
) -> None:
    store = open_url()
    with pytest.raises(UnsupportedOperation):
        store.enqueue([new_job(), replace(new_job(), **asking)])
    assert stored(store) == []


# ---------------------------------------------------------------- one lock


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Threads change places every few bytecodes, so a step without its lock is soon cut in two."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_eight_threads_finish_each_of_two_thousand_jobs_exactly_once(
    name: str, restless_threads: None
) -> None:
    jobs = [new_job() for _ in range(2_000)]
    together = threading.Barrier(8)
    finished: Counter[UUID] = Counter()
    finished_lock = threading.Lock()

    def work(number: int) -> None:
        store = open_url(name)
        together.wait(timeout=30)
        store.enqueue(jobs[number * 250 : (number + 1) * 250])
        while claims := store.claim(request(7, f"worker-{number}")).claims:
            answers = store.finish([Finish(claim.token, COMPLETE) for claim in claims]).finished
            assert set(answers) == {"done"}
            with finished_lock:
                finished.update(claim.token.job_id for claim in claims)

    with ThreadPoolExecutor(8) as threads:
        for outcome in [threads.submit(work, number) for number in range(8)]:
            outcome.result(timeout=60)

    store = open_url(name)
    assert finished == Counter({job.id: 1 for job in jobs})
    assert store.count(JobFilter(states=frozenset({JobState.COMPLETED})), 2_001).n == 2_000
    assert all(len(store.history(job.id)) == 1 for job in jobs)


# ---------------------------------------------------------------- graphs


def chain(length: int) -> Iterator[NewJob]:
    """Jobs of which each waits for the one before."""
    job = new_job()
    yield job
    for _ in range(length - 1):
        job = new_job(job.id)
        yield job


def test_a_chain_of_ten_thousand_is_cancelled_to_its_end_in_one_step() -> None:
    """Deeper than Python's stack, so cancelling child by child must not recurse."""
    store = open_url()
    jobs = list(chain(10_000))
    for first in range(0, len(jobs), MAX_BATCH):
        store.enqueue(jobs[first : first + MAX_BATCH])
    (claim,) = store.claim(request(2)).claims
    assert claim.token.job_id == jobs[0].id
    store.finish([Finish(claim.token, FAIL_FOR_GOOD)])
    assert store.count(JobFilter(states=frozenset({JobState.CANCELLED})), 10_000).n == 9_999
    (last,) = store.get([jobs[-1].id])
    assert last is not None
    assert (last.final_reason, last.blockers) == ("parent", 0)


# ---------------------------------------------------------------- the index


def row(seq: int, priority: int, run_at: int) -> Row:
    job = new_job()
    return Row(job, b"", seq, 0, run_at, None, job.queue, priority)


@given(st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 6))), st.integers(-1, 7), st.data())
def test_a_line_gives_what_sorting_all_rows_would(
    places: list[tuple[int, int]], now: int, data: st.DataObject
) -> None:
    rows = [row(seq, *place) for seq, place in enumerate(places)]
    line = WaitingLine()
    for each in rows:
        line.add(each)
    gone = data.draw(st.sets(st.sampled_from(rows))) if rows else set()
    for each in gone:
        line.remove(each)

    left = sorted(set(rows) - gone, key=lambda each: (-each.priority, each.run_at, each.seq))
    assert list(line.due(now)) == [each for each in left if each.run_at <= now]
    assert line.next_due(now) == min(
        (each.run_at for each in left if each.run_at > now), default=None
    )
