"""Options that several commands have, and the types of what is typed: durations and instants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import click

from queuekit.cli.frame import CommonOption
from queuekit.clock import to_micros

F = TypeVar("F", bound=Callable[..., Any])

_COMMON: Final = (
    # The environment of these four is read with the configuration, which is where it stands in the
    # order: were it read by click, it would beat a flag that stands before the command's word.
    (("-a", "--app"), "MODULE:APP", "The program that holds the tasks.  [env var: QUEUEKIT_APP]"),
    (("--url",), "URL", "The store; default: the app's own.  [env var: QUEUEKIT_URL]"),
    (("--config",), "FILE", "Read this file alone.  [env var: QUEUEKIT_CONFIG]"),
    (("--profile",), "NAME", "A profile of the configuration.  [env var: QUEUEKIT_PROFILE]"),
)


def common(command: F) -> F:
    """Add the options that every command has, before and after its words."""
    return _add(command, _COMMON)


def url_alone(command: F) -> F:
    """Add the one of them that names the store, for a command that brings its own program."""
    return _add(command, [(("--url",), "URL", "The store; default: a SQLite file of its own.")])


def _add(command: F, options: Sequence[tuple[tuple[str, ...], str, str]]) -> F:
    command = _switch("--traceback", "QUEUEKIT_TRACEBACK", "Show tracebacks, too.")(command)
    for names, metavar, help_text in reversed(options):
        add = click.option(
            *names, metavar=metavar, help=help_text, cls=CommonOption, allow_from_autoenv=False
        )
        command = add(command)
    return command


def json_flag(command: F) -> F:
    """Add ``--json``, for a command that has a form for scripts."""
    return _switch("--json", "QUEUEKIT_JSON", "Print one JSON object.")(command)


def _switch(name: str, envvar: str, help_text: str) -> Callable[[F], F]:
    return click.option(
        name, is_flag=True, envvar=envvar, show_envvar=True, help=help_text, cls=CommonOption
    )


def flag(*names: str, **settings: Any) -> Callable[[F], F]:
    """An option whose help names its environment variable, ``QUEUEKIT_<COMMAND>_<FLAG>``."""
    return click.option(*names, show_envvar=True, **settings)


yes_flag = flag("--yes", is_flag=True, help="Do not ask.")
dry_run_flag = flag("--dry-run", is_flag=True, help="Only tell what would be done.")


class Duration(click.ParamType):  # type: ignore[type-arg]  # has none in 8.1
    """A duration, as ``queuekit.words`` reads it: ``30s``, ``1h30m``, ``7d``."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """The duration, or wrong use."""
        from queuekit.words import parse_duration

        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(value)
        except (ValueError, OverflowError) as problem:
            self.fail(str(problem), param, ctx)


class Instant(click.ParamType):  # type: ignore[type-arg]  # has none in 8.1
    """An instant in ISO 8601 that names its time zone."""

    name = "iso"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The instant, or wrong use."""
        if isinstance(value, datetime):
            return value
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no ISO time, such as 2026-11-25T09:00Z", param, ctx)
        if instant.tzinfo is None:
            self.fail(
                f"{value} has no time zone: add Z for UTC, or an offset such as +01:00", param, ctx
            )
        try:
            to_micros(instant)
        except (ValueError, OverflowError) as problem:
            self.fail(str(problem), param, ctx)
        return instant


class Since(click.ParamType):  # type: ignore[type-arg]  # has none in 8.1
    """How far back to look: a duration, or the instant itself."""

    name = "since"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta | datetime:
        """The duration or the instant, or wrong use."""
        if isinstance(value, timedelta | datetime):
            return value
        if "-" in value[1:]:
            return INSTANT.convert(value, param, ctx)
        return DURATION.convert(value, param, ctx)


DURATION: Final = Duration()
INSTANT: Final = Instant()
SINCE: Final = Since()
