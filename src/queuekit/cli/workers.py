"""``queuekit workers``: who works on the store."""

from __future__ import annotations

import shlex
from datetime import datetime

import click

from queuekit.cli.asked import Asked, pass_asked
from queuekit.cli.frame import Command, Group
from queuekit.cli.params import common, json_flag
from queuekit.cli.serving import Worker, workers_of
from queuekit.cli.shapes import worker_shape
from queuekit.cli.table import ago, print_json, print_table, say


@click.group("workers", cls=Group)
@common
def command() -> None:
    """List the workers that are alive."""


@command.command("ls", cls=Command)
@json_flag
@common
@pass_asked
def list_workers(asked: Asked) -> None:
    """List the workers on record, with their last heartbeat.

    One that is silent for longer than its lease was killed or is cut off; its jobs are taken over.
    """
    store = asked.store()
    workers = workers_of(store)
    if asked.json:
        print_json({"workers": [worker_shape(worker) for worker in workers]})
    elif workers:
        now = store.info().now
        print_table(
            ["WORKER", "HOST", "PID", "APP", "QUEUES", "STARTED", "LAST BEAT", "IS"],
            [_row(worker, now) for worker in workers],
            right=["PID"],
            shrink="WORKER",
        )
    else:
        start = shlex.join(["queuekit", *asked.words(), "worker"])
        say(f"no worker is on record; to start one: {start}")


def _row(worker: Worker, now: datetime) -> list[object]:
    return [
        worker.id,
        worker.host or "?",
        "?" if worker.pid is None else worker.pid,
        worker.app or "?",
        "every queue" if worker.queues is None else ",".join(worker.queues),
        ago(worker.started_at, now),
        ago(worker.beat_at, now),
        "alive" if worker.alive else "silent",
    ]
