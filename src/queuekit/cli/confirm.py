"""Asking before much is changed."""

from __future__ import annotations

import sys

import click

from queuekit.cli.table import safe, say


def ask(what: str, *, yes: bool) -> bool:
    """Whether to go on with what is announced; `yes` answers for the person.

    Question and remarks go to stderr, so that the answer of the command stays alone on stdout.

    Raises:
        UsageError: nobody is there to ask.
    """
    if yes:
        say(what)
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(f"{what}: pass --yes, since there is no terminal to ask on")
    click.echo(f"queuekit: {safe(what)}. Go on? [y/N] ", err=True, nl=False)
    answer = sys.stdin.readline()
    if not answer:  # the end of the input left the cursor where it was
        click.echo(err=True)
    if answer.strip().lower() in ("y", "yes"):
        return True
    say("nothing was changed")
    return False
