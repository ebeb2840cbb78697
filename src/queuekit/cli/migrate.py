"""``queuekit migrate``."""

from __future__ import annotations

import click

from queuekit.cli.asked import Asked, pass_asked
from queuekit.cli.frame import Command
from queuekit.cli.params import common, json_flag
from queuekit.cli.table import print_json, safe


@click.command("migrate", cls=Command)
@json_flag
@common
@pass_asked
def command(asked: Asked) -> None:
    """Bring the store's tables to this release. Doing it again changes nothing.

    Several may try at once: one does it, the others wait and find it done.
    """
    store = asked.store()
    schema, location = store.migrate(), store.info().location
    if asked.json:
        print_json({"schema": schema, "location": location})
    else:
        click.echo(f"schema {schema}: {safe(location)}")
