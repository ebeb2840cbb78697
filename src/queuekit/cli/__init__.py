"""The command line.

Each command lives in a module of its own, imported when it is asked for, so that ``--help`` stays
quick.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Final

import click

from queuekit import __version__
from queuekit.errors import (
    AppImportError,
    ConfigurationError,
    DriverMissing,
    QueuekitError,
    SchemaError,
    StoreError,
    UnknownScheme,
    UnknownTask,
    UnsupportedOperation,
)

COMMANDS: Final = {
    "worker": "Run jobs until told to stop.",
    "demo": "Send one job for each file of a folder, run them, and check the sums.",
}
"""Command to its line in the overview; the module of the same name holds it."""

EXIT_CODES: Final = (
    (AppImportError, 5),
    (UnknownTask, 6),
    ((UnknownScheme, DriverMissing, UnsupportedOperation), 7),
    (ConfigurationError, 2),
    (SchemaError, 4),
    (StoreError, 3),
)
"""The first that fits decides: what a script can tell apart. Anything else of ours is 1."""


class _Lazy(click.Group):
    """A group whose commands are imported when called; the overview needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"queuekit.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="queuekit")
def group() -> None:
    """A job queue with pluggable backends."""


def main(arguments: list[str] | None = None) -> None:
    """The ``queuekit`` command: one line and an exit code for what goes wrong, a traceback
    never.
    """
    try:
        answer: Any = group.main(
            arguments, prog_name="queuekit", standalone_mode=False, auto_envvar_prefix="QUEUEKIT"
        )
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except QueuekitError as problem:
        click.echo(f"queuekit: {problem}", err=True)
        sys.exit(_exit_code(problem))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader has gone, as in `| head`. Python would complain once more while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as problem:
        click.echo(f"queuekit: {problem}", err=True)
        sys.exit(1)
    sys.exit(answer if isinstance(answer, int) else 0)


def _exit_code(problem: QueuekitError) -> int:
    return next((code for kind, code in EXIT_CODES if isinstance(problem, kind)), 1)
