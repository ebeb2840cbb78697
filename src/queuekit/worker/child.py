"""A child of the worker: imports the app, runs what it is handed, says what became of it.

It never touches a lease.

Started as a fresh interpreter, so that no thread, lock or connection of the supervisor is carried
over.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import signal
import socket
import sys

from queuekit.app import App
from queuekit.errors import AppImportError, ConfigurationError
from queuekit.job import Failure
from queuekit.loading import load_app
from queuekit.outcomes import Failed, Outcome
from queuekit.running import run_call, run_coroutine
from queuekit.tasks import Executor
from queuekit.worker import lifeline
from queuekit.worker.channel import ChildEnd, Message, Unpacker, pack
from queuekit.worker.wire import (
    dump_outcome,
    dump_task,
    dump_where,
    load_context,
    load_folder,
    load_where,
)


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
        app = load_app(orders["app"], load_folder(orders["folder"]))
        if orders["where"] is not None:
            app.use(load_where(orders["where"]))
        tasks = [dump_task(task) for task in app.tasks]
        end.send({"ready": tasks, "where": dump_where(app.where())})
    except AppImportError as problem:
        end.send({"broken": str(problem)})
        return
    except ConfigurationError as problem:
        end.send({"unconfigured": str(problem)})
        return
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
        outcome = contextvars.Context().run(run_call, app, load_context(run), run["payload"])
        if os.getpid() != pid:
            os._exit(0)  # a copy that the job forked, and let return
        end.send(_finished(run, outcome))


async def _serve_coroutines(app: App, sock: socket.socket) -> None:
    """Many jobs at once on this loop, each a task of its own."""
    reader, writer = await asyncio.open_connection(sock=sock)
    running: dict[str, asyncio.Task[Outcome]] = {}

    def start(run: Message) -> None:
        key = json.dumps(run["token"])
        coroutine = run_coroutine(app, load_context(run), run["payload"])
        job = asyncio.create_task(coroutine, context=contextvars.Context())
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


def _finished(run: Message, outcome: Outcome) -> Message:
    return {"finished": run["token"], "outcome": dump_outcome(outcome)}


if __name__ == "__main__":
    main()
