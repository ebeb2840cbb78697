"""Closes, signals and forks that come in the middle of a verb."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from adapters.sqlite.tests.words import connection_of, new_job, open_at

from queuekit.errors import StoreUnavailable
from queuekit.storage import JobFilter
from queuekit_sqlite import links
from queuekit_sqlite.forks import Gate, gate
from queuekit_sqlite.store import SqliteStore

PATIENT = 30
FORK = multiprocessing.get_context("fork")


class Interrupt(BaseException):
    """What a signal handler raises, as Ctrl-C raises KeyboardInterrupt."""


# --- close


class HeldVerb:
    """A thread in the middle of a verb: inside SQLite, until it is let go."""

    def __init__(self, store: SqliteStore) -> None:
        self.inside, self.may_go = threading.Event(), threading.Event()
        self.answers: list[object] = []
        self.thread = threading.Thread(target=self._run, args=(store,))
        self.thread.start()
        assert self.inside.wait(PATIENT)

    def _run(self, store: SqliteStore) -> None:
        connection_of(store).set_trace_callback(self._hold)
        self.answers += store.enqueue([new_job()])

    def _hold(self, statement: str) -> None:
        if statement.startswith("INSERT"):
            self.inside.set()
            self.may_go.wait(PATIENT)

    def let_go(self) -> None:
        self.may_go.set()
        self.thread.join(PATIENT)


def _close_beside_a_verb(path: Path) -> None:
    store = open_at(path)
    held = HeldVerb(store)
    closing = threading.Thread(target=store.close)
    closing.start()
    while not store._links._closed.is_set():
        pass
    held.let_go()
    closing.join(PATIENT)
    assert len(held.answers) == 1
    with pytest.raises(StoreUnavailable, match="closed"):
        store.enqueue([new_job()])


def test_close_waits_for_the_verbs_that_run(path: Path) -> None:
    """In a process of its own: to close a connection under a thread kills the process."""
    child = FORK.Process(target=_close_beside_a_verb, args=(path,))
    child.start()
    child.join(PATIENT)
    assert child.exitcode == 0
    store = open_at(path)
    assert store.count(JobFilter(), 9).n == 1
    store.close()


def _close_without_patience(path: Path) -> None:
    links.CLOSING_PATIENCE = 0.01  # type: ignore[misc]
    store = open_at(path)
    held = HeldVerb(store)
    store.close()
    assert not held.answers
    held.let_go()
    assert len(held.answers) == 1
    with sqlite3.connect(path, timeout=0) as alone:
        # The journal mode of a file changes only when no other connection is left.
        assert alone.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",)


def test_a_connection_in_use_beyond_patience_is_closed_by_its_own_thread(path: Path) -> None:
    child = FORK.Process(target=_close_without_patience, args=(path,))
    child.start()
    child.join(PATIENT)
    assert child.exitcode == 0


# --- signals


@pytest.fixture
def alarms() -> Iterator[None]:
    """SIGALRM raises, and threads change places only where one of them waits."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise Interrupt

    usual, interval = signal.signal(signal.SIGALRM, ring), sys.getswitchinterval()
    sys.setswitchinterval(PATIENT)
    yield
    sys.setswitchinterval(interval)
    signal.signal(signal.SIGALRM, usual)


def test_a_signal_while_a_write_waits_for_the_lock_leaves_it_to_others(
    store: SqliteStore, path: Path, alarms: None
) -> None:
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    other.execute("BEGIN IMMEDIATE")
    waits = threading.Event()

    def signal_then_unlock() -> None:
        waits.wait(PATIENT)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
        other.execute("ROLLBACK")

    thread = threading.Thread(target=signal_then_unlock)
    thread.start()
    connection_of(store).set_trace_callback(lambda _statement: waits.set())
    with pytest.raises(Interrupt):
        store.enqueue([new_job()])
    thread.join(PATIENT)
    other.execute("BEGIN IMMEDIATE")
    other.execute("ROLLBACK")
    other.close()
    connection_of(store).set_trace_callback(None)
    store.enqueue([new_job()])
    assert store.count(JobFilter(), 9).n == 1


def interrupted_at(step: int, act: Callable[[], object]) -> bool:
    """Raise as a handler may, where the step-th call of a Python function begins or ends."""
    left = step

    def trace(_frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal left
        if event in ("call", "return"):
            left -= 1
            if left == 0:
                raise Interrupt
        return trace

    sys.settrace(trace)
    try:
        act()
    except Interrupt:
        return True
    finally:
        sys.settrace(None)
    return left <= 0  # raised, and swallowed: a destructor happened to run


def assert_free(store: SqliteStore, path: Path) -> None:
    """Nothing is held: not the gate, not the turn of the file's writers, not the file."""
    assert gate._inside == set()
    free: list[bool] = []
    thread = threading.Thread(
        target=lambda: free.append(store._transactions._turn_of_file.acquire(blocking=False))
    )
    thread.start()
    thread.join(PATIENT)
    assert free == [True]
    # That thread has it now for good; a new lock for those who come after.
    store._transactions._turn_of_file = threading.RLock()
    with sqlite3.connect(path, isolation_level=None, timeout=0) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    other.close()


def test_an_interrupt_at_any_step_of_a_write_leaves_nothing_held(
    store: SqliteStore, path: Path
) -> None:
    store.enqueue([new_job()])  # its statements are compiled, so that only our own steps are left
    step = 1
    while interrupted_at(step, lambda: store.enqueue([new_job()])):
        assert_free(store, path)
        step += 1
    assert step > 50
    store.enqueue([new_job()])


def test_an_interrupt_at_any_step_of_a_read_leaves_the_store_usable(
    store: SqliteStore, path: Path
) -> None:
    store.enqueue([new_job()])
    store.count(JobFilter(), 9)  # its statements are compiled, so that only our own steps are left
    step = 1
    while interrupted_at(step, lambda: store.count(JobFilter(), 9)):
        store.enqueue([new_job()])
        assert_free(store, path)
        step += 1
    assert step > 20


def test_a_verb_in_the_middle_of_another_is_refused(store: SqliteStore) -> None:
    """A signal handler's verb would wait for the one that it interrupts."""
    refused: list[str] = []

    def call_again(_statement: str) -> None:
        try:
            store.get([])
        except StoreUnavailable as error:
            refused.append(str(error))

    connection_of(store).set_trace_callback(call_again)
    store.enqueue([new_job()])
    connection_of(store).set_trace_callback(None)
    assert "signal handler" in refused[0]


# --- forks


def test_of_two_threads_that_fork_one_waits_for_the_other() -> None:
    own = Gate()
    own.shut()
    let_in, shut, may_open = threading.Event(), threading.Event(), threading.Event()

    def second() -> None:
        own.shut()
        shut.set()
        may_open.wait(PATIENT)
        own.open()

    forker = threading.Thread(target=second)
    forker.start()
    own.open()
    assert shut.wait(PATIENT)
    verb = threading.Thread(target=lambda: own.through(let_in.set))
    verb.start()
    assert not let_in.is_set()
    may_open.set()
    for thread in (forker, verb):
        thread.join(PATIENT)
    assert let_in.is_set()


def _forked_child(store: SqliteStore) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(20)
    try:
        store.enqueue([new_job(queue="child")])
    except BaseException:
        os._exit(1)
    os._exit(0)


def test_threads_that_fork_at_once_leave_their_children_a_store_that_works(
    store: SqliteStore,
) -> None:
    forkers, forks, ends = 4, 25, list[int]()
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            store.enqueue([new_job(queue="noise")])

    def fork() -> None:
        for _ in range(forks):
            child = os.fork()
            if child == 0:
                _forked_child(store)
            ends.append(os.waitpid(child, 0)[1])

    writers = [threading.Thread(target=write) for _ in range(3)]
    forking = [threading.Thread(target=fork) for _ in range(forkers)]
    for thread in (*writers, *forking):
        thread.start()
    for thread in forking:
        thread.join(60)
    stop.set()
    for thread in writers:
        thread.join(PATIENT)
    assert ends == [0] * (forkers * forks)
    assert store.count(JobFilter(queue="child"), 1_000).n == forkers * forks
