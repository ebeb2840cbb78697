"""The command line.

Each command lives in a module of its own, imported when it is asked for, so that ``--help`` stays
quick. Exit codes are in `queuekit.cli.endings`.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, Final

import click

from queuekit import __version__
from queuekit.cli.asked import Asked
from queuekit.cli.endings import INTERRUPTED, told
from queuekit.cli.frame import LazyGroup
from queuekit.cli.params import common, json_flag

COMMANDS: Final = {
    "Start": {
        "init": "Write a first program and its configuration.",
        "demo": "Send a job for each file of a folder, and check the sums.",
    },
    "Run": {
        "worker": "Run jobs until told to stop.",
    },
    "Send and look": {
        "enqueue": "Send one job, and tell its id.",
        "jobs": "List, show, rerun, cancel, discard and reschedule jobs.",
        "queues": "List, show, pause, resume and purge queues.",
        "tasks": "List the tasks of the app.",
        "workers": "List the workers that are alive.",
        "stats": "Count jobs by state.",
    },
    "Look after": {
        "migrate": "Bring the store's tables to this release.",
        "prune": "Delete jobs that ended long ago.",
        "adapters": "List the stores that are installed, and what they can do.",
        "config": "Show the configuration, and where each value comes from.",
    },
}
"""What people do, the command for it, and its line in the overview."""


class _Overview(LazyGroup):
    sections = COMMANDS


@click.group(cls=_Overview, context_settings={"help_option_names": ["-h", "--help"]})
@common
@json_flag
@click.version_option(__version__, prog_name="queuekit")
def group() -> None:
    """A job queue with pluggable backends."""


def main(arguments: list[str] | None = None) -> None:
    """The ``queuekit`` command: one line and an exit code for what goes wrong, a traceback only if
    it is asked for.

    A reader that has gone, as in ``| head``, ends it with 1 and without a word; click sees to that.
    """
    asked = Asked()
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments, asked)
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except Exception as problem:  # whatever it is, a person reads one line
        code = told(problem, traceback=asked.traceback)
    sys.exit(code)


def _run(arguments: list[str], asked: Asked) -> int:
    for place, argument in enumerate(arguments, 1):
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise click.UsageError(f"argument {place} is no UTF-8 text: {argument!a}")
    if isinstance(sys.stdout, io.TextIOWrapper):  # an encoding that lacks a character shows it
        sys.stdout.reconfigure(errors="backslashreplace")  # escaped, as stderr does anyway
    try:
        answer: Any = group.main(
            arguments,
            prog_name="queuekit",
            standalone_mode=False,
            auto_envvar_prefix="QUEUEKIT",
            obj=asked,
            color=False if os.environ.get("NO_COLOR") else None,
        )
    finally:
        asked.close()
    return answer if isinstance(answer, int) else 0
