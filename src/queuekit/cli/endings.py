"""How a command line ends when something is wrong: one line, and an exit code for scripts."""

from __future__ import annotations

import traceback as tracebacks
from typing import Final

import click

from queuekit.cli.table import safe, say
from queuekit.errors import (
    AppImportError,
    ConfigurationError,
    DriverMissing,
    InvalidTransition,
    JobCancelled,
    JobError,
    JobFailed,
    JobNotFound,
    QueuekitError,
    ResultTimeout,
    SchemaError,
    StoreError,
    UnknownQueue,
    UnknownScheme,
    UnknownTask,
    UnsupportedOperation,
)

EXIT_CODES: Final = (
    (AppImportError, 5),
    ((UnknownTask, UnknownQueue, JobNotFound), 6),
    ((UnknownScheme, DriverMissing, UnsupportedOperation), 7),
    ((InvalidTransition, JobFailed, JobCancelled, ResultTimeout), 1),
    ((ConfigurationError, JobError), 2),
    (SchemaError, 4),
    (StoreError, 3),
)
"""The first that fits decides. Anything else, of ours or not, is 1."""

INTERRUPTED: Final = 130


def told(problem: BaseException, *, traceback: bool) -> int:
    """Tell what went wrong; the exit code."""
    if isinstance(problem, click.ClickException):
        say(_one_line(_usage(problem)))
        return problem.exit_code
    if isinstance(problem, QueuekitError | OSError):
        say(_one_line(str(problem)))
    else:
        line = f"unexpected {type(problem).__name__}: {problem}"
        say(_one_line(line if traceback else f"{line}; --traceback shows where"))
    if traceback:
        text = _without_passwords("".join(tracebacks.format_exception(problem)))
        for line in text.splitlines():
            click.echo(safe(line), err=True)
    return exit_code(problem)


def exit_code(problem: BaseException) -> int:
    """What a script can tell apart."""
    return next((code for kind, code in EXIT_CODES if isinstance(problem, kind)), 1)


def _usage(problem: click.ClickException) -> str:
    """Wrong use, with what may have been meant and where to read on."""
    text = problem.format_message()
    text = text[:1].lower() + text[1:]
    if isinstance(problem, click.NoSuchOption):
        near = f", did you mean {problem.possibilities[0]}?" if problem.possibilities else ""
        text = f"no such option {problem.option_name}{near}"
    if isinstance(problem, click.UsageError) and problem.ctx is not None:
        return f"{text.rstrip('.')} (see: {problem.ctx.command_path} --help)"
    return text


def _one_line(text: str) -> str:
    return _without_passwords(" ".join(text.split()))


def _without_passwords(text: str) -> str:
    from queuekit.urls import hide_password

    return hide_password(text)
