"""``queuekit worker``."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from datetime import timedelta

import click

from queuekit.storage import Store
from queuekit.worker.settings import (
    DEFAULT_COROUTINES,
    DEFAULT_GRACE,
    DEFAULT_LEASE,
    WorkerSettings,
)
from queuekit.worker.supervisor import Supervisor

SMALLEST_LEASE = 1.0
"""Seconds. A third of it is the time for a heartbeat to be answered; on a busy machine less than
that is not safe.
"""


@click.command("worker")
@click.option("-a", "--app", required=True, envvar="QUEUEKIT_APP", help="The app, as module:name.")
@click.option("--url", help="The store; default: the one the app names, else QUEUEKIT_URL.")
@click.option("-Q", "--queues", help="Queues to serve, separated by commas; default: every queue.")
@click.option(
    "-c",
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=os.cpu_count() or 1,
    show_default="CPUs",
    help="Sync jobs at once, each in a process of its own.",
)
@click.option(
    "--coroutines",
    type=click.IntRange(1, 10_000),
    default=DEFAULT_COROUTINES,
    show_default=True,
    help="Async jobs at once.",
)
@click.option(
    "--lease",
    type=click.FloatRange(SMALLEST_LEASE, 86_400),
    default=DEFAULT_LEASE.total_seconds(),
    show_default=True,
    help="Seconds after which the jobs of a dead worker are taken over.",
)
@click.option(
    "--grace",
    type=click.FloatRange(0, 86_400),
    default=DEFAULT_GRACE.total_seconds(),
    show_default=True,
    help="Seconds that running jobs get to end when the worker is told to stop.",
)
@click.option("-q", "--quiet", is_flag=True, help="Tell of trouble only, not of each job.")
@click.option("--parent-pipe", type=int, hidden=True, help="Stop when this inherited pipe closes.")
def command(
    app: str,
    url: str | None,
    queues: str | None,
    concurrency: int,
    coroutines: int,
    lease: float,
    grace: float,
    quiet: bool,
    parent_pipe: int | None,
) -> int:
    """Run jobs until told to stop.

    The first SIGTERM or Ctrl-C stops claiming, lets running jobs end within the grace time and
    gives the others back; the second one gives back at once.
    """
    logging.basicConfig(
        format="%(asctime)s %(levelname)-7s %(message)s",
        level=logging.WARNING if quiet else logging.INFO,
    )
    settings = WorkerSettings(
        worker=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
        processes=concurrency,
        coroutines=coroutines,
        queues=_names(queues) if queues is not None else None,
        lease=timedelta(seconds=lease),
        grace=timedelta(seconds=grace),
    )

    def show(store: Store, tasks: list[str]) -> None:
        click.echo(
            f"queuekit worker {settings.worker}\n"
            f"  store   {store.info().location}\n"
            f"  queues  {', '.join(settings.queues) if settings.queues else 'every queue'}\n"
            f"  tasks   {', '.join(tasks) or 'none'}\n"
            f"  slots   {concurrency} processes, {coroutines} coroutines\n"
            f"  stop    Ctrl-C or SIGTERM; again to give running jobs back at once",
            err=True,
        )

    return Supervisor(app, url, settings, parent_pipe=parent_pipe, on_ready=show).run()


def _names(queues: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in queues.split(","))
    if not all(names):
        raise click.BadParameter(f"{queues!r} holds an empty name", param_hint="--queues")
    return names
