"""``queuekit queues``: looking at queues, and holding, releasing and emptying them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from queuekit.cli.asked import Asked, pass_asked
from queuekit.cli.confirm import ask
from queuekit.cli.frame import Command, Group
from queuekit.cli.params import common, dry_run_flag, flag, json_flag, yes_flag
from queuekit.cli.serving import Worker, serving, workers_of
from queuekit.cli.shapes import queue_shape
from queuekit.cli.table import count_words, print_fields, print_json, print_table, say
from queuekit.cli.waiting import resume_words, worker_words
from queuekit.errors import UnknownQueue
from queuekit.job import FINAL_STATES, JobState
from queuekit.storage import MAX_BATCH, JobFilter, QueueInfo, QueueMode, Store

MOST_COUNTED: Final = 10_000
"""Ended jobs are counted no further: there may be millions, and nobody waits for them."""

WAITING: Final = frozenset({JobState.AVAILABLE, JobState.SCHEDULED, JobState.RETRYABLE})
"""What a purge deletes. A pending job stands in no line yet."""

_EVERY: Final = 2**31 - 1

_name = click.argument("name", metavar="NAME")


@click.group("queues", cls=Group)
@common
def command() -> None:
    """List, show, pause, resume and purge queues."""


@command.command("ls", cls=Command)
@json_flag
@common
@pass_asked
def list_queues(asked: Asked) -> None:
    """List the queues that have live jobs, settings, or a task of the app."""
    workers = workers_of(asked.store())
    queues = _queues(asked)
    if asked.json:
        shapes = [queue_shape(queue, len(serving(workers, queue.name))) for queue in queues]
        print_json({"queues": shapes})
    elif queues:
        print_table(
            ["QUEUE", "WAITING", "RUNNING", "WORKERS", ""],
            [_row(queue, workers) for queue in queues],
            right=["WAITING", "RUNNING", "WORKERS"],
            shrink="QUEUE",
        )
    else:
        say("no queues yet: one is there once a job is sent to it")


@command.command("show", cls=Command)
@_name
@json_flag
@common
@pass_asked
def show_queue(asked: Asked, name: str) -> None:
    """Show one queue: its jobs by state, and the live workers that serve it."""
    queue = _find(asked, name)
    store = asked.store()
    workers = serving(workers_of(store), name)
    ended = {state: _count_ended(store, name, state) for state in JobState if state in FINAL_STATES}
    if asked.json:
        shape = queue_shape(queue, len(workers))
        shape["counts"] |= {state.value: number for state, (number, _) in ended.items()}
        shape["exact"] = all(exact for _, exact in ended.values())
        shape["worker_ids"] = [worker.id for worker in workers]
        print_json(shape)
        return
    words = asked.words()
    paused = f"yes; to let it go on: {resume_words(words, name)}" if queue.paused else "no"
    nobody = f"none alive; to start one: {worker_words(words, name)}"
    live = ((state, f"{queue.counts.get(state, 0):,}") for state in JobState)
    fields = [
        ("queue", name),
        ("paused", paused),
        ("mode", queue.mode.value),
        *((state.value, shown) for state, shown in live if state not in FINAL_STATES),
        *((state.value, f"{n:,}{'' if exact else '+'}") for state, (n, exact) in ended.items()),
        ("workers", "\n".join(worker.id for worker in workers) or nobody),
    ]
    print_fields(fields)


@command.command("pause", cls=Command)
@_name
@flag("--force", is_flag=True, help="Even if nobody uses the queue yet.")
@json_flag
@common
@pass_asked
def pause_queue(asked: Asked, name: str, force: bool) -> None:
    """Let no worker start jobs of a queue. What runs goes on; jobs may still be sent."""
    queue = _empty(name) if force else _find(asked, name)
    asked.store().set_queue(name, paused=True)
    running = queue.counts.get(JobState.RUNNING, 0)
    goes_on = f"; {count_words(running, 'job')} still running" if running else ""
    _tell_paused(asked, name, paused=True, words=f"queue {name} is paused{goes_on}")


@command.command("resume", cls=Command)
@_name
@json_flag
@common
@pass_asked
def resume_queue(asked: Asked, name: str) -> None:
    """Let workers start jobs of a paused queue again."""
    queue = _find(asked, name)
    asked.store().set_queue(name, paused=False)
    words = f"queue {name} goes on" if queue.paused else f"queue {name} was not paused"
    _tell_paused(asked, name, paused=False, words=words)


@command.command("purge", cls=Command)
@_name
@yes_flag
@dry_run_flag
@json_flag
@common
@pass_asked
def purge_queue(asked: Asked, name: str, yes: bool, dry_run: bool) -> int:
    """Delete the waiting jobs of a queue for good. What runs, and what has ended, stays."""
    _find(asked, name)
    store = asked.store()
    waiting = store.count(JobFilter(states=WAITING, queue=name), _EVERY).n
    what = f"will delete {count_words(waiting, 'waiting job')} of queue {name}"
    if not waiting or dry_run:
        _tell_purged(asked, name, waiting, 0, what if waiting else f"queue {name} is empty")
        return 0
    if not ask(what, yes=yes):
        return 1
    purged = 0
    while purged < waiting:
        deleted = store.purge(name, min(MAX_BATCH, waiting - purged))
        if not deleted:
            break
        purged += deleted
    words = f"{count_words(purged, 'job')} deleted"
    _tell_purged(asked, name, waiting, purged, words)
    return 0


def _queues(asked: Asked) -> Sequence[QueueInfo]:
    """The store's queues, and those that only the app's tasks name, by name."""
    found = {queue.name: queue for queue in asked.store().queues()}
    app = asked.app_if_named()
    for task in app.tasks if app is not None else ():
        found.setdefault(task.options.queue, _empty(task.options.queue))
    return [found[name] for name in sorted(found)]


def _find(asked: Asked, name: str) -> QueueInfo:
    """The queue, known to the store or the app.

    Raises:
        UnknownQueue: to neither.
    """
    queues = {queue.name: queue for queue in _queues(asked)}
    if name not in queues:
        # A queue whose jobs have all ended is none that a store lists, but it is known all the
        # same.
        if not asked.store().list(JobFilter(queue=name), limit=1).jobs:
            raise UnknownQueue(name, list(queues))
        return _empty(name)
    return queues[name]


def _empty(name: str) -> QueueInfo:
    return QueueInfo(name, paused=False, mode=QueueMode.STRICT, counts={})


def _count_ended(store: Store, name: str, state: JobState) -> tuple[int, bool]:
    count = store.count(JobFilter(states=frozenset({state}), queue=name), MOST_COUNTED)
    return count.n, count.exact


def _row(queue: QueueInfo, workers: Sequence[Worker]) -> list[object]:
    running = queue.counts.get(JobState.RUNNING, 0)
    return [
        queue.name,
        f"{sum(queue.counts.values()) - running:,}",
        f"{running:,}",
        len(serving(workers, queue.name)),
        "paused" if queue.paused else "",
    ]


def _tell_paused(asked: Asked, name: str, *, paused: bool, words: str) -> None:
    if asked.json:
        print_json({"queue": name, "paused": paused})
    else:
        click.echo(words)


def _tell_purged(asked: Asked, name: str, counted: int, purged: int, words: str) -> None:
    if asked.json:
        print_json({"queue": name, "counted": counted, "purged": purged})
    else:
        click.echo(words)
