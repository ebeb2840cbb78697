"""``queuekit jobs``: looking at jobs, and what is done to them by hand."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import click

from queuekit.cli import bulk
from queuekit.cli.asked import Asked, pass_asked
from queuekit.cli.filters import Chosen, filter_flags
from queuekit.cli.frame import Command, Group
from queuekit.cli.job_page import page_shape, read_page, show_page
from queuekit.cli.params import common, flag, json_flag
from queuekit.cli.shapes import job_shape
from queuekit.cli.table import ago, print_json, print_table, say
from queuekit.errors import JobNotFound
from queuekit.job import JobState, StoredJob
from queuekit.storage import JobFilter, Store

MOST_LISTED: Final = 10_000


@click.group("jobs", cls=Group)
@common
def command() -> None:
    """List, show, rerun, cancel, discard and reschedule jobs."""


@command.command("ls", cls=Command)
@filter_flags
@flag(
    "--limit",
    type=click.IntRange(1, MOST_LISTED),
    metavar="N",
    default=20,
    show_default=True,
    help="How many at most.",
)
@flag("--cursor", type=int, metavar="N", help="Go on below this number.")
@json_flag
@common
@pass_asked
def list_jobs(asked: Asked, chosen: Chosen, limit: int, cursor: int | None) -> None:
    """List jobs, the newest first.

    Examples:
      queuekit jobs ls
      queuekit jobs ls --state discarded --task mail.send --since 1d
    """
    store = asked.store()
    now = store.info().now
    jobs, further = read(store, chosen.filter(now), cursor, limit)
    if asked.json:
        shapes = [job_shape(job, asked.cipher()) for job in jobs]
        print_json({"jobs": shapes, "cursor": further})
    elif jobs:
        print_table(
            ["ID", "STATE", "WHEN", "QUEUE", "TASK"],
            [_row(job, now) for job in jobs],
            shrink="TASK",
        )
    else:
        say(f"no jobs{chosen.words()}" + (" below that cursor" if cursor is not None else ""))
    if further is not None and not asked.json:
        words = ["queuekit", *asked.words(), "jobs", "ls", *chosen.flags()]
        words += ["--limit", str(limit)] if limit != 20 else []
        say(f"there are more: {shlex.join([*words, '--cursor', str(further)])}")


@command.command("show", cls=Command)
@click.argument("job_id", metavar="ID", type=click.UUID)
@json_flag
@common
@pass_asked
def show_job(asked: Asked, job_id: UUID) -> None:
    """Show all about one job: its fields, its arguments, and each attempt.

    --traceback shows those of its failed attempts, too.
    """
    store = asked.store()
    (job,) = store.get([job_id])
    if job is None:
        raise JobNotFound(job_id)
    page = read_page(store, job, asked.cipher(), asked.words())
    if asked.json:
        print_json(page_shape(page))
    else:
        show_page(page, tracebacks=asked.traceback)


for _command in bulk.COMMANDS:
    command.add_command(_command)


def read(
    store: Store, where: JobFilter, cursor: int | None, limit: int
) -> tuple[Sequence[StoredJob], int | None]:
    """Up to `limit` jobs, and the cursor that goes on. A store's page may be short, even empty, and
    yet not the last one.
    """
    jobs: list[StoredJob] = []
    while True:
        page = store.list(where, cursor, limit - len(jobs))
        jobs += page.jobs
        cursor = page.cursor
        if cursor is None or len(jobs) == limit:
            return jobs, cursor


def _row(job: StoredJob, now: datetime) -> list[object]:
    tries = f" {job.attempts}/{job.round_start + job.max_attempts}"
    state = f"{job.state}{tries if job.state is JobState.RETRYABLE else ''}"
    return [job.id, state, ago(_when(job), now), job.queue, job.task]


def _when(job: StoredJob) -> datetime:
    """The instant that matters in the job's state."""
    if job.state is JobState.RUNNING:
        return job.started_at or job.run_at
    if job.state is JobState.PENDING:
        return job.enqueued_at
    return job.finished_at or job.run_at
