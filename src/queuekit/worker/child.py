"""A child of the worker: imports the app, runs what it is handed, says what became of it.

It never touches a lease.

Started as a fresh interpreter, so that no thread, lock or connection of the supervisor is carried
over.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import os
import signal
import socket
import sys
from typing import Any

from queuekit.app import App, load_app
from queuekit.context import enter
from queuekit.errors import AppImportError
from queuekit.failures import failure_of
from queuekit.job import Failure
from queuekit.outcomes import (
    Cancel,
    Cancelled,
    Completed,
    Discard,
    Discarded,
    Failed,
    Outcome,
    Snooze,
    Snoozed,
    UnknownTask,
)
from queuekit.payload import decode_arguments, encode_result, storable_text
from queuekit.tasks import Executor, Task
from queuekit.worker import lifeline
from queuekit.worker.channel import ChildEnd, Message, Unpacker, pack
from queuekit.worker.wire import dump_outcome, load_context


def main() -> None:
    """Run as the child that the supervisor describes in the one argument, a JSON object."""
    orders = json.loads(sys.argv[1])
    lifeline.watch(orders["lifeline"], lambda: os._exit(1))
    lifeline.die_with_parent(orders["parent"])
    _leave_signals_to_the_supervisor()
    sock = socket.socket(fileno=orders["channel"])
    os.register_at_fork(after_in_child=sock.close)  # a job's own children have no part in this
    end = ChildEnd(sock)
    try:
        app = load_app(orders["app"])
    except AppImportError as problem:
        end.send({"broken": str(problem)})
        return
    if orders["url"]:
        app.url = orders["url"]
    end.send({"ready": {task.name: task.executor for task in app.tasks}, "url": app.url})
    if orders["executor"] == Executor.ASYNCIO:
        asyncio.run(_serve_coroutines(app, sock))
    else:
        _serve_calls(app, end)


def _leave_signals_to_the_supervisor() -> None:
    """A service manager sends its stop to every process of a service: the supervisor decides.

    Handlers that do nothing, rather than ignoring: programs that a job starts get the default back.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)


def _serve_calls(app: App, end: ChildEnd) -> None:
    """One job at a time, in the main thread: time limits and signals work there alone."""
    pid = os.getpid()
    for message in end:
        run = message["run"]
        outcome = contextvars.Context().run(_outcome_of, app, run)
        if os.getpid() != pid:
            os._exit(0)  # a copy that the job forked, and let return
        end.send(_finished(run, outcome))


def _outcome_of(app: App, run: Message) -> Outcome:
    """Run a call to its outcome. Nothing that user code raises gets past this."""
    if run["task"] not in app.tasks:
        return UnknownTask()
    enter(load_context(run))
    try:
        result = _call(app.tasks[run["task"]], run)
        if inspect.isawaitable(result):
            raise TypeError("the task returned an awaitable: declare it with async def")
        return Completed(encode_result(result))
    except (
        BaseException
    ) as raised:  # SystemExit and KeyboardInterrupt are the job's, not the child's
        return _outcome_of_raised(raised)


def _call(task: Task[Any, Any], run: Message) -> Any:
    args, kwargs = decode_arguments(run["payload"])
    return task(*args, **kwargs)


def _outcome_of_raised(raised: BaseException) -> Outcome:
    try:
        if isinstance(raised, Snooze):
            return Snoozed(raised.delay)
        if isinstance(raised, Discard):
            return Discarded(storable_text(str(raised.reason)))
        if isinstance(raised, Cancel):
            return Cancelled(storable_text(str(raised.reason)))
    except BaseException as worse:  # a signal made by hand, without what it should carry
        return Failed(failure_of(worse))
    return Failed(failure_of(raised))


async def _serve_coroutines(app: App, sock: socket.socket) -> None:
    """Many jobs at once on this loop, each a task of its own."""
    reader, writer = await asyncio.open_connection(sock=sock)
    running: dict[str, asyncio.Task[Outcome]] = {}

    def start(run: Message) -> None:
        key = json.dumps(run["token"])
        job = asyncio.create_task(_await(app, run), context=contextvars.Context())
        running[key] = job
        job.add_done_callback(lambda _: report(key, run))

    def report(key: str, run: Message) -> None:
        job = running.pop(key)
        # A task that is cancelled before its first step never enters its own code.
        outcome = Failed(Failure("CancelledError")) if job.cancelled() else job.result()
        writer.write(pack(_finished(run, outcome)))

    unpacker = Unpacker()
    while data := await reader.read(1 << 16):
        for message in unpacker.feed(data):
            if "run" in message:
                start(message["run"])
            elif job := running.get(json.dumps(message["cancel"])):
                job.cancel()


async def _await(app: App, run: Message) -> Outcome:
    if run["task"] not in app.tasks:
        return UnknownTask()
    enter(load_context(run))
    try:
        return Completed(encode_result(await _call(app.tasks[run["task"]], run)))
    except BaseException as raised:  # as in `_outcome_of`; a cancel of this attempt ends here too
        return _outcome_of_raised(raised)


def _finished(run: Message, outcome: Outcome) -> Message:
    return {"finished": run["token"], "outcome": dump_outcome(outcome)}


if __name__ == "__main__":
    main()
