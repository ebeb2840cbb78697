"""The hooks through which packages plug into queuekit.

An adapter is an installed distribution with an entry point in the group ``queuekit.adapters``,
named as the URL scheme that it serves. The entry point is a module or object with one `hookimpl`,
which returns an `Adapter`. Ours register in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pluggy

from queuekit.storage import CONTRACT_VERSION, OpenOptions, Store

PROJECT: Final = "queuekit"
ADAPTERS: Final = "queuekit.adapters"
"""Entry-point group of stores; the entry's name is the URL scheme."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class Adapter:
    """What an adapter package offers.

    `open` takes the whole URL and the options; it imports its driver then, not before. It raises
    `StoreError` if the store cannot be reached, `ConfigurationError` if the URL makes no sense.
    """

    name: str
    schemes: tuple[str, ...]
    open: Callable[[str, OpenOptions], Store]
    contract: int = CONTRACT_VERSION


@hookspec
def queuekit_adapter() -> Adapter:  # type: ignore[empty-body]
    """The adapter of this package."""
