"""Finding adapters among the installed packages, and opening the one that a URL asks for.

Only the adapter whose scheme is asked for is loaded, so a broken or half-installed one breaks
nothing else.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

import pluggy

from queuekit import hookspecs
from queuekit.errors import ConfigurationError, ContractMismatch, DriverMissing, UnknownScheme
from queuekit.hookspecs import ADAPTERS, PROJECT, Adapter
from queuekit.storage import CONTRACT_VERSION, OpenOptions, Store

EXTRAS: Final = {
    "sqlite": "queuekit[sqlite]",
}
"""Schemes of our own adapters, and what to install for each; used in messages alone."""


def installed_schemes() -> tuple[str, ...]:
    """The URL schemes that some installed package serves, sorted; nothing is loaded."""
    return tuple(sorted({entry.name for entry in entry_points(group=ADAPTERS)}))


def load_adapter(scheme: str) -> Adapter:
    """The adapter registered for `scheme`.

    Raises:
        UnknownScheme: none is installed.
        DriverMissing: the package is there, but something that it imports is not.
        ContractMismatch: it speaks another version of the contract.
        ConfigurationError: several packages claim the scheme, or the entry point offers no adapter.
    """
    entries = list(entry_points(group=ADAPTERS, name=scheme))
    if not entries:
        install = EXTRAS.get(scheme)
        hint = f"Run: pip install '{install}'" if install else ""
        raise UnknownScheme(scheme, installed_schemes(), hint)
    if len(entries) > 1:
        owners = ", ".join(sorted(entry.dist.name if entry.dist else "?" for entry in entries))
        raise ConfigurationError(f"{scheme}:// is claimed by several packages: {owners}. Keep one.")
    try:
        plugin = entries[0].load()
    except ModuleNotFoundError as missing:
        install = EXTRAS.get(scheme, entries[0].dist.name if entries[0].dist else scheme)
        raise DriverMissing(scheme, missing.name or str(missing), install) from missing
    return _ask(scheme, plugin)


def open_store(url: str, *, testing: bool = False, folder: Path | None = None) -> Store:
    """Open the store that `url` names, by its scheme: ``sqlite:///jobs.db``, ``memory://``.

    A relative path in it counts from `folder`, or from the current one. A scheme may carry a
    driver, as SQLAlchemy writes it (``mysql+pymysql://``); the part before the plus decides.

    Raises:
        ConfigurationError: see `load_adapter`; also a URL without a scheme, or
            one of which a part would be lost.
        StoreError: the store is not there, or cannot be used.
    """
    if not url:
        raise ConfigurationError(
            "the URL of the store is empty: is the variable that it comes from set?"
        )
    parts = _split(url)
    if not parts.scheme or "://" not in url:
        raise ConfigurationError(
            "a store is named by a URL such as sqlite:///jobs.db; this one has no scheme"
        )
    options = _options_in(parts.query)
    adapter = load_adapter(parts.scheme.partition("+")[0])
    return adapter.open(url, OpenOptions(testing, options, folder))


def _split(url: str) -> SplitResult:
    """The parts of a URL, none of it left out.

    `urlsplit` drops line ends, and everybody after it the fragment: the store would be another one
    than was written.
    """
    for character in url:
        if character < " " or character == "\x7f":
            raise ConfigurationError(
                f"a URL cannot hold the control character {character!a};"
                f" if a name has it, write %{ord(character):02X}"
            )
    try:
        parts = urlsplit(url)
    except ValueError as problem:
        raise ConfigurationError(f"this is no URL of a store: {problem}") from None
    if "#" in url:
        raise ConfigurationError("a # ends a URL; if a name has one, write %23")
    return parts


def _options_in(query: str) -> dict[str, str]:
    """The options that stand behind the question mark, each with a value and only once."""
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if not value:
            raise ConfigurationError(
                f"the option {name!r} has no value; write ?{name}=VALUE, or %3F if the question"
                " mark is part of a name"
            )
        if name in options:
            raise ConfigurationError(f"the option {name!r} stands twice; keep one")
        options[name] = value
    return options


def _ask(scheme: str, plugin: object) -> Adapter:
    """Call the plugin's hook through a manager of its own, so that plugins cannot see one
    another.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    offers = [offer for offer in manager.hook.queuekit_adapter() if scheme in offer.schemes]
    if len(offers) != 1:
        raise ConfigurationError(
            f"the entry point for {scheme}:// offers {len(offers)} adapters for it"
        )
    adapter: Adapter = offers[0]
    if adapter.contract != CONTRACT_VERSION:
        raise ContractMismatch(adapter.name, adapter.contract, CONTRACT_VERSION)
    return adapter
