"""The screen that a worker shows when its work begins."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from queuekit.cli.table import count_words, fields, table
from queuekit.suggest import did_you_mean
from queuekit.worker.children import AppName
from queuekit.worker.settings import WorkerSettings
from queuekit.worker.supervisor import Ready
from queuekit.worker.wire import TaskLine

MOST_TASKS: Final = 20
"""Lines of tasks, so that all stays one screen."""


def show_welcome(app: AppName, settings: WorkerSettings, ready: Ready) -> None:
    """Tell on stderr what this worker works on, and how to stop it."""
    file = file_of(app)
    click.echo(f"queuekit worker {settings.worker}, version {settings.version}", err=True)
    lines = fields(
        [
            ("app", f"{app.target}{f' in {file}' if file else ''}"),
            ("store", f"{ready.store.info().location}\nnamed by {ready.where.origin}"),
            ("tasks", "\n".join(_tasks(ready.tasks)) or "none"),
            ("queues", ", ".join(settings.queues) if settings.queues else "every queue"),
            ("slots", _slots(settings)),
            ("schedules", "none"),
            ("stop", "Ctrl-C or SIGTERM; again to give running jobs back at once"),
        ],
        indent="  ",
    )
    click.echo("\n".join(lines), err=True)


def unknown_queues(settings: WorkerSettings, ready: Ready) -> Iterator[str]:
    """A warning for each queue to serve that neither the store nor a task knows: it may be
    misspelt, or come into being later.
    """
    if settings.queues is None:
        return
    known = {queue.name for queue in ready.store.queues()} | {task.queue for task in ready.tasks}
    for name in settings.queues:
        if name not in known:
            yield f"no job and no task is in queue {name!r} yet{did_you_mean(name, known)}"


def file_of(app: AppName) -> str | None:
    """The file of the app's module, found without importing anything; None if it is no plain
    file.
    """
    module = Path(*app.target.partition(":")[0].split("."))
    for place in (*([str(app.folder)] if app.folder else []), "", *sys.path):
        for file in (Path(place, module, "__init__.py"), Path(place, module).with_suffix(".py")):
            if file.is_file():
                return str(file.absolute())
    return None


def _tasks(tasks: Sequence[TaskLine]) -> Iterator[str]:
    rows = [
        (task.name, f"queue {task.queue}", task.executor, count_words(task.max_attempts, "attempt"))
        for task in tasks[:MOST_TASKS]
    ]
    yield from table(rows)
    if len(tasks) > MOST_TASKS:
        yield f"and {len(tasks) - MOST_TASKS} more"


def _slots(settings: WorkerSettings) -> str:
    processes = f"{settings.processes} process{'' if settings.processes == 1 else 'es'}"
    return f"{processes} for sync jobs, {count_words(settings.coroutines, 'coroutine')} for async"
