"""The demo's program: what a user would write, and nothing of queuekit's inside.

One job for each file of a folder measures it; one more, queued behind them all, adds up what they
found.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Final, TypedDict

from queuekit.app import App
from queuekit.context import Context
from queuekit.demo.files import Sums, add, fold, measure_file, no_sums, stumbles
from queuekit.options import Retry
from queuekit.paging import all_jobs
from queuekit.retry import Backoff, BackoffKind
from queuekit.storage import JobFilter

QUEUE: Final = "demo"

RETRY: Final = Retry(
    max_attempts=20,
    backoff=Backoff(BackoffKind.FIXED, base=timedelta(milliseconds=200)),
)
"""Attempts enough for somebody who kills the worker again and again to see what happens."""

app = App()


class Total(TypedDict):
    """What the summing job returns: sums by suffix, and how many files could not be measured."""

    sums: dict[str, Sums]
    unmeasured: int


@app.task(queue=QUEUE, retry=RETRY)
def measure(path: str) -> Sums:
    """Read one file. Some stumble at their first attempt, as jobs do, and are tried again."""
    if Context.current().attempt == 1 and stumbles(path):
        raise OSError(f"stumbled over {path}, as one in fifty does at its first attempt")
    return measure_file(Path(path))


@app.task(queue=QUEUE, retry=RETRY)
async def total(run: str) -> Total:
    """Add up the results of a run.

    Queued behind all of its jobs: it starts when the last one is final.
    """
    sums: dict[str, Sums] = {}
    unmeasured = 0
    for path, found in results_of(run):
        if found is None:
            unmeasured += 1
        else:
            suffix = Path(path).suffix
            sums[suffix] = add(sums.get(suffix, no_sums()), found)
    return Total(sums=fold(sums), unmeasured=unmeasured)


def results_of(run: str) -> list[tuple[str, Sums | None]]:
    """Path and result of every measuring job of a run; None where the job gave up."""
    return [
        (json.loads(job.payload)["args"][0], None if job.result is None else json.loads(job.result))
        for job in all_jobs(app.store, JobFilter(task=measure.name, tag=run))
    ]
