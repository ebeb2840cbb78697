"""``queuekit enqueue``."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import click

from queuekit.cli.asked import Asked, pass_asked
from queuekit.cli.call import read_call
from queuekit.cli.frame import Command
from queuekit.cli.params import DURATION, INSTANT, common, flag, json_flag
from queuekit.cli.serving import serving, workers_of
from queuekit.cli.shapes import parsed
from queuekit.cli.table import print_json, say
from queuekit.cli.waiting import resume_words, worker_words
from queuekit.handle import Job
from queuekit.job import EnqueueStatus, StoredJob
from queuekit.options import Retry
from queuekit.payload import Cipher
from queuekit.storage import Store
from queuekit.words import parse_duration

FOR_EVER: Final = "for ever"
"""What ``--wait`` alone means."""


@click.command("enqueue", cls=Command)
@click.argument("task", metavar="TASK")
@click.argument("pairs", metavar="[NAME=VALUE]...", nargs=-1)
@flag("--args", metavar="JSON", help="All arguments: a list or an object; - is stdin.")
@flag("--queue", metavar="NAME", help="Another queue than the task's own.")
@flag("--delay", type=DURATION, metavar="DURATION", help="Due so long from now, such as 1h30m.")
@flag("--at", type=INSTANT, metavar="ISO", help="Due then, such as 2026-11-25T09:00Z.")
@flag("--priority", type=int, metavar="N", help="Higher runs first.")
@flag("--expires", type=DURATION, metavar="DURATION", help="Never start it later than that.")
@flag("--max-attempts", type=int, metavar="N", help="How often it may run, the first included.")
@flag("--tag", multiple=True, metavar="NAME", help="To find it by; may be repeated.")
@flag("--id", type=click.UUID, metavar="UUID", help="The same id again sends it once.")
@flag(
    "--wait",
    is_flag=False,
    flag_value=FOR_EVER,
    metavar="[DURATION]",
    help="Wait until it has ended, and print its result.",
)
@json_flag
@common
@pass_asked
def command(
    asked: Asked,
    /,
    task: str,
    pairs: tuple[str, ...],
    args: str | None,
    wait: str | None,
    **options: Any,
) -> None:
    """Send one job, and print its id.

    Arguments are given by name, and read as JSON if they are JSON: n=3 is a number, name=ada a
    text. What the task annotates as str stays the text that it is.

    Examples:
      queuekit enqueue mail.send to=ada@example.org copies=2
      queuekit enqueue mail.send --args '["ada@example.org", 2]' --delay 1h
      queuekit enqueue report.make year=2026 --wait=5m
    """
    if wait is not None and "=" in wait:  # it took the first argument, which is no duration
        wait, pairs = FOR_EVER, (wait, *pairs)
    patience = _patience(wait)
    app = asked.app()
    known = app.tasks[task]
    call = read_call(known, pairs, _json_text(args), app.codec)
    using = _using(known.options.retry, **options)
    store = asked.store()
    job = known.using(**using).enqueue(*call.args, **call.kwargs)
    if wait is not None:
        say(f"job {job.id}")
    elif not asked.json:
        click.echo(job.id)  # before anything else is asked of the store, and may fail
    stored = job.refresh()
    if wait is None and asked.json:
        print_json(_shape(job, stored))
    if job.enqueued is not EnqueueStatus.CREATED:
        say(f"nothing new was sent: {job.enqueued}")
    if not stored.state.is_final:
        _tell_of_workers(asked, store, stored.queue)
    if wait is not None:
        job.result(patience)
        _tell_result(asked, job, app.codec.cipher)


def _patience(wait: str | None) -> timedelta | None:
    if wait is None or wait == FOR_EVER:
        return None
    try:
        return parse_duration(wait)
    except ValueError as problem:
        raise click.BadParameter(
            f"{problem}; or write --wait behind all else", param_hint="--wait"
        ) from None


def _json_text(given: str | None) -> str | None:
    if given != "-":
        return given
    try:
        return "" if sys.stdin is None else sys.stdin.read()
    except UnicodeDecodeError as problem:
        raise click.UsageError(f"--args: what came on stdin is no text: {problem}") from None


def _using(
    retry: Retry,
    *,
    delay: timedelta | None,
    at: datetime | None,
    max_attempts: int | None,
    tag: tuple[str, ...],
    **others: Any,
) -> dict[str, Any]:
    """What was said about the enqueue, as `Task.using` takes it."""
    if delay is not None and at is not None:
        raise click.UsageError("--delay and --at exclude each other")
    return {
        **others,
        "delay": delay if at is None else at,
        "retry": None if max_attempts is None else replace(retry, max_attempts=max_attempts),
        "tags": tag or None,
    }


def _tell_result(asked: Asked, job: Job[Any], cipher: Cipher | None) -> None:
    stored = job.refresh()
    result = parsed(stored.result, cipher)
    if asked.json:
        print_json(_shape(job, stored) | {"result": result})
    else:
        click.echo(json.dumps(result))


def _shape(job: Job[Any], stored: StoredJob) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "task": stored.task,
        "queue": stored.queue,
        "status": str(job.enqueued),
        "state": stored.state.value,
    }


def _tell_of_workers(asked: Asked, store: Store, queue: str) -> None:
    """Say what would keep the job waiting for ever."""
    if any(info.paused for info in store.queues() if info.name == queue):
        say(f"queue {queue!r} is paused; to let it go on: {resume_words(asked.words(), queue)}")
    elif not serving(workers_of(store), queue):
        words = worker_words(asked.words(), queue)
        say(f"no live worker serves queue {queue!r}; to start one: {words}")
