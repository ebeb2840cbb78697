"""The worker's main process: it claims, extends, finishes and watches its children, and runs no
user code.

The shell around `core`: one loop over sockets, signals and time, and two threads for store calls.
Heartbeats have a thread of their own, so that a slow claim does not delay them.
"""

from __future__ import annotations

import json
import logging
import os
import random
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from queuekit.config import StoreUrl
from queuekit.errors import ConfigurationError
from queuekit.plugins import open_store
from queuekit.storage import Store, SupportsChangeMark, WorkerBeat
from queuekit.tasks import Executor
from queuekit.worker import lifeline
from queuekit.worker.caller import Caller
from queuekit.worker.channel import Message
from queuekit.worker.children import AppName, ChildProcess, Nursery, hello
from queuekit.worker.core import WorkerCore
from queuekit.worker.messages import (
    Action,
    AskClaim,
    AskExtend,
    AskLeave,
    AskRescue,
    AskSettle,
    AskTidy,
    CancelRun,
    ChildBroken,
    ChildFinished,
    ChildGone,
    ChildReady,
    Event,
    Exit,
    KillChild,
    Run,
    Say,
    StartChild,
    StopAsked,
    StoreChanged,
    TellEnd,
    Tick,
)
from queuekit.worker.settings import WorkerSettings
from queuekit.worker.telling import tell_end
from queuekit.worker.wire import TaskLine, dump_run, dump_token, load_outcome, load_token

LOOK_FIRST: Final = 0.002
LOOK_LONGEST: Final = 0.02
"""Seconds between looks at the store's change mark: quick after activity, then slow enough to cost
nothing."""

log = logging.getLogger("queuekit.worker")


@dataclass(frozen=True, slots=True)
class Ready:
    """What a worker is about to work on, for people."""

    store: Store
    where: StoreUrl
    tasks: list[TaskLine]


class Supervisor:
    """One worker process. `run` returns its exit code.

    `where=None` takes the store that the app itself names. `on_ready` is told once work begins.
    """

    def __init__(
        self,
        app: AppName,
        where: StoreUrl | None,
        settings: WorkerSettings,
        *,
        parent_pipe: int | None = None,
        on_ready: Callable[[Ready], None] | None = None,
    ) -> None:
        self._app = app
        self._settings = settings
        self._parent_pipe = parent_pipe
        self._on_ready = on_ready
        self._core = WorkerCore(settings, random.SystemRandom())
        self._nursery = Nursery(app, where)
        self._children: dict[int, ChildProcess] = {}
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._answers: deque[Event] = deque()
        self._hello: tuple[list[TaskLine], StoreUrl] | None = None
        self._store: Store | None = None
        self._marks: SupportsChangeMark | None = None
        self._work: Caller | None = None
        self._beat: Caller | None = None
        self._tick_at = 0.0
        self._someone_died = False
        self._look = LOOK_FIRST
        self._mark: int | None = None
        self._code: int | None = None

    def run(self) -> int:
        """Work until told to stop.

        Raises:
            QueuekitError: the store cannot be opened; nothing was claimed.
        """
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays in force
                signal.signal(number, lambda *_: self._tell(StopAsked()))
        signal.signal(signal.SIGCHLD, lambda *_: self._note_death())
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        if self._parent_pipe is not None:
            lifeline.watch(self._parent_pipe, lambda: self._tell(StopAsked()))
        try:
            self._perform(self._core.start())
            while self._code is None:
                self._turn()
            return self._code
        finally:
            self._close()

    # --- the loop

    def _turn(self) -> None:
        """Wait for something to happen, and deal with all of it."""
        happened: list[Event] = []
        for key, _ in self._selector.select(self._patience()):
            if key.fileobj is self._wake_read:
                self._drain_wakes()
            else:
                happened += self._hear(key.data)
        if self._someone_died:
            self._someone_died = False
            happened += self._bury()
        while self._answers:
            happened.append(self._answers.popleft())
        if not happened and self._store_changed():
            happened.append(StoreChanged())
        if not happened and time.monotonic() >= self._tick_at:
            happened.append(Tick())
        for event in happened:
            self._perform(self._core.step(event, time.monotonic()))
        self._watch_unsent()

    def _patience(self) -> float | None:
        now = time.monotonic()
        wake = self._core.next_wake(now)
        self._tick_at = now + wake if wake is not None else float("inf")
        if self._marks is None or not self._core.hungry:
            self._look = LOOK_FIRST
            return wake
        self._look = min(self._look * 1.2, LOOK_LONGEST)
        return self._look if wake is None else min(wake, self._look)

    def _store_changed(self) -> bool:
        if self._marks is None or not self._core.hungry:
            return False
        mark, self._mark = self._mark, self._marks.change_mark()
        return mark is not None and mark != self._mark

    def _drain_wakes(self) -> None:
        try:
            while self._wake_read.recv(4096):
                pass
        except BlockingIOError:
            return

    def _tell(self, event: Event) -> None:
        """Hand the loop an event, from any thread or a signal handler."""
        self._answers.append(event)
        try:
            self._wake_write.send(b"x")
        except (BlockingIOError, OSError):
            return  # the pipe is full of wakes already, or the loop has ended

    # --- children

    def _hear(self, child: ChildProcess) -> list[Event]:
        events: list[Event] | None = None
        try:
            messages = child.channel.receive()
            if messages is not None:
                events = [self._event_of(child.number, message) for message in messages]
        except (ValueError, LookupError, TypeError, OverflowError) as problem:
            # Nobody but the child itself may pay for what it says.
            log.error("child %s cannot be understood: %s", child.number, problem)
            child.kill()
        if self._store is None and self._hello is not None:
            self._open(*self._hello)
        return self._let_go(child) if events is None else events

    def _bury(self) -> list[Event]:
        """Children whose processes have ended, though something that they forked keeps a hold of
        their channels; what they said last is still heard.
        """
        events: list[Event] = []
        for child in [child for child in self._children.values() if child.is_gone]:
            while child.number in self._children and (heard := self._hear(child)):
                events += heard
            if child.number in self._children:
                events += self._let_go(child)
        return events

    def _note_death(self) -> None:
        self._someone_died = True

    def _let_go(self, child: ChildProcess) -> list[Event]:
        self._selector.unregister(child.channel)
        del self._children[child.number]
        return [ChildGone(child.number, child.reap())]

    def _event_of(self, number: int, message: Message) -> Event:
        if "finished" in message:
            token, outcome = load_token(message["finished"]), load_outcome(message["outcome"])
            return ChildFinished(number, token, outcome)
        if "broken" in message:
            return ChildBroken(number, message["broken"])
        if "unconfigured" in message:
            raise ConfigurationError(message["unconfigured"])
        self._hello = hello(message)
        tasks, _ = self._hello
        return ChildReady(number, {task.name: task.executor for task in tasks})

    def _open(self, tasks: list[TaskLine], where: StoreUrl) -> None:
        self._store = store = open_store(where.url, folder=where.folder)
        if not store.capabilities.durability.process_kill:
            raise ConfigurationError(
                f"{store.info().location} lives inside one process, and jobs run in others:"
                " give the worker a store that processes share, such as sqlite:///jobs.db"
            )
        self._marks = store if isinstance(store, SupportsChangeMark) else None
        beat = WorkerBeat(self._settings.worker, _about(self._settings, self._app))
        self._work = Caller("queuekit-work", store, beat, self._tell)
        self._beat = Caller("queuekit-beat", store, beat, self._tell)
        if self._on_ready is not None:
            self._on_ready(Ready(store, where, tasks))

    def _watch_unsent(self) -> None:
        for child in self._children.values():
            if child.channel.unsent:
                child.channel.flush()
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if child.channel.unsent else 0)
            if self._selector.get_key(child.channel).events != wanted:
                self._selector.modify(child.channel, wanted, child)

    # --- actions

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case StartChild(number, executor):
                    self._start_child(number, executor)
                case Run(number, claim):
                    self._send(number, {"run": dump_run(claim)})
                case CancelRun(number, token):
                    self._send(number, {"cancel": dump_token(token)})
                case KillChild(number):
                    if number in self._children:
                        self._children[number].kill()
                case AskClaim() | AskSettle() | AskTidy() | AskLeave():
                    assert self._work is not None, "a store is open before anything is asked of it"
                    self._work.ask(action)
                case AskExtend() | AskRescue():
                    assert self._beat is not None, "a store is open before anything is asked of it"
                    self._beat.ask(action)
                case Say(level, text):
                    log.log(level, "%s", text)
                case TellEnd(claim, resolution, seconds):
                    tell_end(log, claim, resolution, seconds)
                case Exit(code):
                    self._code = code if self._code is None else self._code

    def _start_child(self, number: int, executor: Executor) -> None:
        try:
            child = self._nursery.start(number, executor)
        except OSError as problem:  # no more processes or descriptors: the core tries again later
            self._tell(ChildGone(number, f"it could not be started: {problem}"))
            return
        self._children[number] = child
        self._selector.register(child.channel, selectors.EVENT_READ, child)

    def _send(self, number: int, message: Message) -> None:
        if number in self._children:
            self._children[number].channel.send(message)

    def _close(self) -> None:
        for child in self._children.values():
            child.reap()
        self._nursery.close()
        signal.set_wakeup_fd(-1)
        self._selector.close()
        callers = [caller for caller in (self._work, self._beat) if caller is not None]
        if self._store is not None and all(caller.is_idle for caller in callers):
            self._store.close()  # else a call that nobody waits for ends with the process


def _about(settings: WorkerSettings, app: AppName) -> str:
    """What each heartbeat tells people and programs of this worker, as JSON."""
    return json.dumps(
        {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "app": app.target,
            "queues": settings.queues,
            "lease": settings.lease.total_seconds(),
            "processes": settings.processes,
            "coroutines": settings.coroutines,
            "version": settings.version,
        }
    )
