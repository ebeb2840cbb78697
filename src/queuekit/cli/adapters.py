"""``queuekit adapters``: which stores are installed, and what they can do."""

from __future__ import annotations

from dataclasses import asdict, fields
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from queuekit.cli.asked import Asked, pass_asked
from queuekit.cli.frame import Command, Group
from queuekit.cli.params import common, json_flag
from queuekit.cli.table import print_fields, print_json, print_table, say
from queuekit.errors import ConfigurationError, QueuekitError
from queuekit.hookspecs import ADAPTERS, Adapter
from queuekit.plugins import load_adapter, open_store
from queuekit.storage import CONTRACT_VERSION, Ability, Capabilities, Store


@click.group("adapters", cls=Group)
@common
def command() -> None:
    """List the stores that are installed, and what they can do."""


@command.command("ls", cls=Command)
@json_flag
@common
@pass_asked
def list_adapters(asked: Asked) -> None:
    """List the URL schemes that installed packages serve; none of them is loaded."""
    found = sorted(entry_points(group=ADAPTERS), key=lambda entry: (entry.name, _owner(entry)))
    if asked.json:
        print_json({"adapters": [_entry_shape(entry) for entry in found]})
    elif found:
        print_table(
            ["SCHEME", "DISTRIBUTION", "VERSION"],
            [[f"{entry.name}://", *_owner(entry)] for entry in found],
        )
    else:
        say("no adapter is installed, not even our own: install queuekit anew")


@command.command("show", cls=Command)
@click.argument("scheme", metavar="SCHEME")
@json_flag
@common
@pass_asked
def show_adapter(asked: Asked, scheme: str) -> None:
    """Load the adapter for a URL scheme. With --url, open that store, and show what it can do.

    Example:
      queuekit adapters show sqlite --url sqlite:///jobs.db
    """
    scheme = scheme.partition(":")[0].partition("+")[0]
    adapter = _load(scheme)
    (entry,) = entry_points(group=ADAPTERS, name=scheme)
    store = _open(asked, scheme) if "--url" in asked.words() else None
    try:
        if asked.json:
            print_json(_shape(entry, adapter, store))
        else:
            _print(entry, adapter, store)
    finally:
        if store is not None:
            store.close()


def _load(scheme: str) -> Adapter:
    try:
        return load_adapter(scheme)
    except QueuekitError:
        raise
    except Exception as problem:  # whatever a stranger's module does when it is imported
        raise ConfigurationError(
            f"the adapter for {scheme}:// cannot be loaded: {type(problem).__name__}: {problem}"
        ) from problem


def _open(asked: Asked, scheme: str) -> Store:
    """The store, also one that lives in this process alone: it is only looked at."""
    where = asked.where()
    if where.url.partition("://")[0].partition("+")[0] != scheme:
        raise click.BadParameter(f"is no URL of a {scheme}:// store", param_hint="--url")
    return open_store(where.url, folder=where.folder)


def _owner(entry: EntryPoint) -> tuple[str, str]:
    """The distribution that brings the adapter, and its version."""
    return (entry.dist.name, entry.dist.version) if entry.dist else ("unknown", "unknown")


def _entry_shape(entry: EntryPoint) -> dict[str, Any]:
    distribution, version = _owner(entry)
    return {"scheme": entry.name, "distribution": distribution, "version": version}


def _shape(entry: EntryPoint, adapter: Adapter, store: Store | None) -> dict[str, Any]:
    return {
        **_entry_shape(entry),
        "adapter": adapter.name,
        "schemes": list(adapter.schemes),
        "contract": adapter.contract,
        "core_contract": CONTRACT_VERSION,
        "store": None if store is None else _store_shape(store),
    }


def _store_shape(store: Store) -> dict[str, Any]:
    info, capabilities = store.info(), store.capabilities
    return {
        "location": info.location,
        "server": info.server,
        "schema": info.schema,
        "warnings": list(info.warnings),
        "durability": asdict(capabilities.durability),
        "capabilities": {
            name: {"level": ability.level.value, "topology": ability.topology}
            for name, ability in _abilities(capabilities)
        },
    }


def _print(entry: EntryPoint, adapter: Adapter, store: Store | None) -> None:
    distribution, version = _owner(entry)
    listed = [
        ("adapter", adapter.name),
        ("schemes", ", ".join(f"{scheme}://" for scheme in adapter.schemes)),
        ("from", f"{distribution} {version}"),
        ("contract", f"{adapter.contract}, as this queuekit speaks it"),
    ]
    if store is None:
        print_fields(listed)
        return
    info, capabilities = store.info(), store.capabilities
    durability = asdict(capabilities.durability)
    setting = durability.pop("setting")
    survived = ", ".join(name.replace("_", " ") for name, kept in durability.items() if kept)
    print_fields(
        [
            *listed,
            ("store", info.location),
            ("server", info.server),
            ("schema", str(info.schema)),
            ("survives", f"{survived or 'nothing'}{f' ({setting})' if setting else ''}"),
        ]
    )
    for warning in info.warnings:
        say(f"warning: {warning}")
    click.echo()
    print_table(
        ["CAPABILITY", "LEVEL", "TOPOLOGY"],
        [[name, ability.level, ability.topology] for name, ability in _abilities(capabilities)],
    )


def _abilities(capabilities: Capabilities) -> list[tuple[str, Ability]]:
    """Every optional ability, the absent ones included."""
    values = ((field.name, getattr(capabilities, field.name)) for field in fields(capabilities))
    return [(name, value) for name, value in values if isinstance(value, Ability)]
