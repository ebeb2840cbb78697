"""``queuekit worker``."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Callable
from typing import Any, Final

import click

from queuekit import __version__
from queuekit.cli.asked import Asked, pass_asked
from queuekit.cli.frame import Command
from queuekit.cli.params import common, flag
from queuekit.cli.table import say
from queuekit.cli.welcome import show_welcome, unknown_queues
from queuekit.config import KEYS
from queuekit.worker.children import AppName
from queuekit.worker.settings import WorkerSettings
from queuekit.worker.supervisor import Ready, Supervisor

_KEYS: Final = ("queues", "concurrency", "coroutines", "lease", "grace")


def _setting(*names: str, metavar: str, help_text: str) -> Callable[[Any], Any]:
    """A flag that stands above the configuration's [worker] key of its name, which knows what it
    may be; the environment is read there, too.
    """
    key = names[-1].lstrip("-")
    variable = f"QUEUEKIT_WORKER_{key.upper()}"
    return click.option(
        *names,
        metavar=metavar,
        callback=lambda _ctx, param, text: _parsed(f"worker.{key}", param, text),
        allow_from_autoenv=False,
        help=f"{help_text}  [env var: {variable}]",
    )


def _parsed(key: str, param: click.Parameter, text: str | None) -> Any:
    if text is None:
        return None
    try:
        return KEYS[key].parse(KEYS[key].from_text(text))
    except ValueError as problem:
        raise click.BadParameter(str(problem), param=param) from None


@click.command("worker", cls=Command)
@_setting("-Q", "--queues", metavar="NAMES", help_text="Queues, with commas; default: every queue.")
@_setting("-c", "--concurrency", metavar="N", help_text="Sync jobs at once; default: CPUs.")
@_setting("--coroutines", metavar="N", help_text="Async jobs at once; default: 10.")
@_setting(
    "--lease",
    metavar="DURATION",
    help_text="After which the jobs of a dead worker are taken over; default: 30s.",
)
@_setting(
    "--grace",
    metavar="DURATION",
    help_text="That running jobs get to end when the worker is told to stop; default: 25s.",
)
@flag("--burst", is_flag=True, help="Stop when no due job is left.")
@flag("-q", "--quiet", is_flag=True, help="Of jobs, tell of trouble only.")
@click.option("--parent-pipe", type=int, hidden=True, help="Stop when this inherited pipe closes.")
@common
@pass_asked
def command(
    asked: Asked, /, burst: bool, quiet: bool, parent_pipe: int | None, **flags: Any
) -> int:
    """Run jobs until told to stop.

    The first SIGTERM or Ctrl-C stops claiming, lets running jobs end within the grace time and
    gives the others back; the second one gives back at once.

    What no flag says is taken from the environment, then from [worker] in the configuration.

    Examples:
      queuekit worker -a jobs:app
      queuekit worker -a jobs:app -Q mail,reports -c 4
    """
    logging.basicConfig(
        format="%(asctime)s %(levelname)-7s %(message)s",
        level=logging.WARNING if quiet else logging.INFO,
    )
    app = asked.app_to_run()
    values = {
        key: asked.config.value(f"worker.{key}") if flags[key] is None else flags[key]
        for key in _KEYS
    }
    settings = WorkerSettings(
        worker=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
        processes=values["concurrency"],
        coroutines=values["coroutines"],
        queues=values["queues"],
        lease=values["lease"],
        grace=values["grace"],
        burst=burst,
        version=__version__,
    )
    name = AppName(app.value, app.folder)

    def begin(ready: Ready) -> None:
        show_welcome(name, settings, ready)
        for warning in unknown_queues(settings, ready):
            say(f"warning: {warning}")

    return Supervisor(
        name, asked.url_flag(), settings, parent_pipe=parent_pipe, on_ready=begin
    ).run()
