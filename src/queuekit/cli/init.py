"""``queuekit init``: a first program, and the configuration that makes it one."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from queuekit.cli.asked import Asked, pass_asked
from queuekit.cli.frame import Command
from queuekit.cli.params import common
from queuekit.cli.table import say
from queuekit.config import default_of
from queuekit.errors import ConfigurationError
from queuekit.plugins import load_adapter
from queuekit.urls import hide_password
from queuekit.words import show_duration

USUAL_URL: Final = "sqlite:///jobs.db"

PROGRAM: Final = '''\
"""A first program: one task, and the app that it belongs to."""

from queuekit import App

app = App.from_config()


@app.task
def add(a: int, b: int) -> int:
    """Add two numbers in a worker."""
    print(f"{a} + {b} = {a + b}")
    return a + b
'''

CONFIGURATION: Final = """\
# What is started in this folder, or below it, reads this. To see what counts, and why:
#   queuekit config show --origin

url = {url}
app = "jobs:app"

[worker]
# queues = ["default"]  # every queue, if it is not set
# concurrency = 4       # jobs at once, each in a process; the number of CPUs, if it is not set
# coroutines = {coroutines}       # async jobs at once
# lease = "{lease}"         # after so long, the jobs of a dead worker are taken over
# grace = "{grace}"         # so long may running jobs go on when the worker is told to stop
"""

NEXT: Final = (
    "queuekit enqueue jobs.add a=2 b=3",
    "queuekit worker",
    "queuekit jobs ls",
)


@click.command("init", cls=Command)
@common
@pass_asked
def command(asked: Asked) -> None:
    """Write queuekit.toml and jobs.py, a program with one task, into the current folder.

    With --url, that is the store, else sqlite:///jobs.db. It is written as it is given: in quotes
    that keep the shell away, ${VAR} leaves a password to the environment.

    Example:
      queuekit init --url sqlite:///jobs.db
    """
    url = _url(asked)
    files = {
        Path("queuekit.toml"): CONFIGURATION.format(
            url=json.dumps(url, ensure_ascii=False),  # TOML reads JSON's text, but for surrogates
            coroutines=default_of("worker.coroutines"),
            lease=show_duration(default_of("worker.lease")),
            grace=show_duration(default_of("worker.grace")),
        ),
        Path("jobs.py"): PROGRAM,
    }
    write_all(files)
    if hide_password(url) != url and "${" not in url:
        say("the password stands in queuekit.toml; to leave it to the environment, write ${VAR}")
    click.echo(f"wrote {' and '.join(str(path) for path in files)}\nnext, type:")
    for line in NEXT:
        click.echo(f"  {line}")


def _url(asked: Asked) -> str:
    """The store's URL, if an adapter for it is installed."""
    words = asked.words()
    others = [word for word in words[::2] if word != "--url"]
    if others:
        raise click.UsageError(f"init writes a new configuration, so it takes no {others[0]}")
    url = asked.where().url if words else USUAL_URL
    scheme, colon, _ = url.partition("://")
    if not colon or not url.isprintable():
        raise click.BadParameter(
            f"{hide_password(url)!r} is no URL of a store, such as {USUAL_URL}", param_hint="--url"
        )
    if "$" not in scheme:
        load_adapter(scheme.partition("+")[0])
    return url


def write_all(files: dict[Path, str]) -> None:
    """Write all of the files, or none.

    Raises:
        ConfigurationError: one of them is there already.
    """
    there = [str(path) for path in files if os.path.lexists(path)]
    if there:
        raise ConfigurationError(
            f"{' and '.join(there)} {'is' if len(there) == 1 else 'are'} here already, in"
            f" {Path.cwd()}; nothing was written"
        )
    written: list[Path] = []
    try:
        for path, text in files.items():
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except BaseException:
        for path in written:
            with suppress(OSError):
                path.unlink()
        raise
