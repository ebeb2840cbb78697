"""Many threads and processes on one file: no job lost, none run twice, nobody told "locked"."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from adapters.sqlite.tests.words import finishes, new_job, open_at, request

from queuekit.job import JobState
from queuekit.storage import Answer, JobFilter
from queuekit_sqlite.store import SqliteStore

PATIENT = 60
"""Seconds that a test waits for its processes."""

FORK = multiprocessing.get_context("fork")
JOBS, WORKERS, PRODUCERS = 500, 8, 2


def _open_and_tell(path: Path, barrier: Any, told: Any) -> None:
    barrier.wait(PATIENT)
    store = open_at(path)
    store.enqueue([new_job()])
    store.close()
    with sqlite3.connect(path) as connection:
        told.put(connection.execute("SELECT value FROM queuekit_meta ORDER BY key").fetchall())
    connection.close()


def test_many_processes_that_start_at_once_make_one_schema(path: Path) -> None:
    barrier, told = FORK.Barrier(WORKERS), FORK.Queue()
    processes = [
        FORK.Process(target=_open_and_tell, args=(path, barrier, told)) for _ in range(WORKERS)
    ]
    for process in processes:
        process.start()
    seen = [told.get(timeout=PATIENT) for _ in processes]
    for process in processes:
        process.join(PATIENT)
        assert process.exitcode == 0
    assert all(one == seen[0] for one in seen)
    assert len(seen[0]) == 2


def _work(store: SqliteStore, tell: Callable[[UUID], object], is_over: Callable[[], bool]) -> None:
    """Claim a few, finish them, until all producers are done and nothing is left."""
    while True:
        over = is_over()  # asked before the claim: what came in before is seen by it
        claimed = store.claim(request(3, 2))
        reserved = tuple(claim for claim in claimed.claims if not claim.started)
        started = tuple(claim for claim in claimed.claims if claim.started)
        answer = store.finish(finishes(started), [claim.token for claim in reserved])
        assert set(answer.finished + answer.started) <= {Answer.DONE}
        assert set(store.finish(finishes(reserved)).finished) <= {Answer.DONE}
        for claim in claimed.claims:
            tell(claim.token.job_id)
        if over and not claimed.claims:
            return


def _worker(path: Path, threads: int, told: Any, is_over: Any) -> None:
    store = open_at(path)
    ours = [
        threading.Thread(target=_work, args=(store, told.put, is_over.is_set))
        for _ in range(threads)
    ]
    for thread in ours:
        thread.start()
    for thread in ours:
        thread.join()
    store.close()


def _producer(path: Path, n: int) -> None:
    store = open_at(path)
    for _ in range(n):
        store.enqueue([new_job()])
    store.close()


def _reader(path: Path, is_over: Any, pages: Any) -> None:
    store = open_at(path)
    n = 0
    while not is_over.is_set():
        store.list(JobFilter())
        store.queues()
        n += 1
    pages.put(n)
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 4])
def test_each_job_runs_once_whoever_else_works_on_the_file(path: Path, threads: int) -> None:
    told, pages = FORK.Queue(), FORK.Queue()
    is_over = FORK.Event()
    workers = [
        FORK.Process(target=_worker, args=(path, threads, told, is_over)) for _ in range(WORKERS)
    ]
    producers = [
        FORK.Process(target=_producer, args=(path, JOBS // PRODUCERS)) for _ in range(PRODUCERS)
    ]
    reader = FORK.Process(target=_reader, args=(path, is_over, pages))
    for process in (*workers, reader, *producers):
        process.start()
    for process in producers:
        process.join(PATIENT)
    is_over.set()
    runs = Counter(told.get(timeout=PATIENT) for _ in range(JOBS))
    assert pages.get(timeout=PATIENT) > 0
    for process in (*workers, reader, *producers):
        process.join(PATIENT)
        assert process.exitcode == 0
    assert told.empty()
    assert len(runs) == JOBS
    assert set(runs.values()) == {1}
    store = open_at(path)
    assert store.count(JobFilter(states=frozenset({JobState.COMPLETED})), JOBS).n == JOBS
    assert {len(store.history(job_id)) for job_id in runs} == {1}
    store.close()


def _write_half(path: Path, half_done: Any) -> None:
    """A writer inside a transaction of many rows, with pages of it in the log already."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA cache_size=1")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE queuekit_jobs SET payload = printf('%.2000c', 'x'), task = 'torn'")
    half_done.set()
    signal.pause()


def test_a_killed_writer_leaves_nothing_half_done_and_blocks_nobody(
    store: SqliteStore, path: Path
) -> None:
    store.enqueue([new_job() for _ in range(500)])
    half_done = FORK.Event()
    writer = FORK.Process(target=_write_half, args=(path, half_done))
    writer.start()
    assert half_done.wait(PATIENT)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join(PATIENT)
    claimed = store.claim(request(500))
    assert {(claim.task, claim.payload) for claim in claimed.claims} == {("task", "{}")}
    assert len(claimed.claims) == 500


def _claim_in_child(store: SqliteStore, told: Any) -> None:
    told.put([claim.token.job_id for claim in store.claim(request(1)).claims])


def test_a_forked_child_opens_its_own_connections(store: SqliteStore) -> None:
    store.enqueue([new_job(), new_job()])
    told = FORK.SimpleQueue()
    child = FORK.Process(target=_claim_in_child, args=(store, told))
    child.start()
    theirs = told.get()
    child.join(PATIENT)
    assert child.exitcode == 0
    ours = [claim.token.job_id for claim in store.claim(request(2)).claims]
    assert len(theirs) == len(ours) == 1
    assert theirs != ours


def _enqueue_once_told(store: SqliteStore, may_write: Any) -> None:
    assert may_write.wait(PATIENT)
    store.enqueue([new_job(queue="late")])
    store.close()


def test_what_a_forked_child_writes_outlives_the_close_of_its_parent(path: Path) -> None:
    """The parent, believing itself alone, would delete the log that the child writes to."""
    store, may_write = open_at(path), FORK.Event()
    store.enqueue([new_job()])
    child = FORK.Process(target=_enqueue_once_told, args=(store, may_write))
    child.start()
    store.close()
    may_write.set()
    child.join(PATIENT)
    assert child.exitcode == 0
    again = open_at(path)
    assert again.count(JobFilter(queue="late"), 10).n == 1
    again.close()


def test_a_fork_waits_for_the_transactions_of_other_threads(store: SqliteStore) -> None:
    """A child forked in the middle of one would inherit its lock, with nobody to release it."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            store.enqueue([new_job(queue="noise") for _ in range(50)])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(10):
            child = FORK.Process(target=store.enqueue, args=([new_job(queue="child")],))
            child.start()
            child.join(PATIENT)
            assert child.exitcode == 0
    finally:
        stop.set()
        thread.join(PATIENT)
    assert store.count(JobFilter(queue="child"), 100).n == 10


def test_close_reaches_the_connections_of_other_threads(path: Path) -> None:
    store = open_at(path)
    opened, may_end = threading.Event(), threading.Event()

    def use() -> None:
        store.get([])
        opened.set()
        may_end.wait(PATIENT)

    thread = threading.Thread(target=use)
    thread.start()
    assert opened.wait(PATIENT)
    store.close()
    with sqlite3.connect(path, timeout=0) as alone:
        # The journal mode of a file changes only when no other connection is left.
        assert alone.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",)
    alone.close()
    may_end.set()
    thread.join(PATIENT)


def test_the_change_mark_moves_when_anybody_else_wrote(store: SqliteStore, path: Path) -> None:
    other = open_at(path)
    before = store.change_mark()
    assert store.change_mark() == before
    other.get([])
    assert store.change_mark() == before
    other.enqueue([new_job()])
    after = store.change_mark()
    assert after != before
    store.enqueue([new_job()])
    assert store.change_mark() != after
    other.close()
