"""``queuekit config``: what is set, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from queuekit.cli.asked import Asked, pass_asked
from queuekit.cli.frame import Command, Group
from queuekit.cli.params import common, flag, json_flag
from queuekit.cli.shapes import seconds
from queuekit.cli.table import print_json, print_table, say
from queuekit.config import KEYS, Setting, default_of
from queuekit.urls import hide_password
from queuekit.words import show_duration

DEFAULT: Final = "default"
"""The origin of what nobody sets."""

_UNSET: Final = {"url": "not set", "app": "not set", "worker.queues": "every queue"}
"""What it means that nobody sets a key that has no default."""


@dataclass(frozen=True, slots=True)
class Line:
    """One key, as it counts."""

    key: str
    value: Any
    origin: str
    folder: Path | None = None


@click.group("config", cls=Group)
@common
def command() -> None:
    """Show the configuration, and where each value comes from."""


@command.command("show", cls=Command)
@flag("--origin", is_flag=True, help="Tell where each value comes from, too.")
@json_flag
@common
@pass_asked
def show(asked: Asked, origin: bool) -> None:
    """Show every key, and the value that counts.

    A URL is shown as it is written, with each ${VAR} as it stands, and without its password.

    Example:
      queuekit config show --origin --profile prod
    """
    config = asked.config
    for file in config.files:
        say(f"read {file}")
    if not config.files:
        say("no configuration file was found from here upward")
    lines = list(_lines(asked))
    if asked.json:
        print_json(
            {
                "settings": {line.key: _shape(line) for line in lines},
                "files": [str(file) for file in config.files],
                "warnings": list(config.warnings),
            }
        )
        return
    headers = ["KEY", "VALUE", *(["ORIGIN"] if origin else [])]
    rows = [[line.key, _shown(line), line.origin][: len(headers)] for line in lines]
    print_table(headers, rows)


def _lines(asked: Asked) -> Iterator[Line]:
    """Every key with what counts for it: this line's own flags before what is configured."""
    flags = _flags(asked)
    for key in KEYS:
        setting = flags.get(key) or asked.config.settings.get(key)
        if setting is None:
            yield Line(key, default_of(key), DEFAULT)
        else:
            yield Line(key, setting.value, setting.origin, setting.folder)


def _flags(asked: Asked) -> dict[str, Setting]:
    words = asked.words()
    given = dict(zip(words[::2], words[1::2], strict=True))
    named = {"app": ("-a", "--app"), "url": ("--url", "--url")}
    return {
        key: Setting(key, given[word], origin, Path.cwd())
        for key, (word, origin) in named.items()
        if word in given
    }


def _shown(line: Line) -> str:
    value = line.value
    if value is None:
        return _UNSET[line.key]
    if isinstance(value, timedelta):
        return show_duration(value)
    if isinstance(value, tuple):
        return ",".join(value)
    return hide_password(str(value))


def _shape(line: Line) -> dict[str, Any]:
    value = line.value
    if isinstance(value, timedelta):
        value = seconds(value)
    elif isinstance(value, str):
        value = hide_password(value)
    return {
        "value": list(value) if isinstance(value, tuple) else value,
        "origin": line.origin,
        "folder": None if line.folder is None else str(line.folder),
    }
