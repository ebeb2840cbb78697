"""The in-memory store: the contract written down as plainly as Python allows.

It is the reference model that every other store is compared with, so it is meant to be obviously
right rather than clever: mutable rows in dicts, and one lock around each verb. A verb that refuses
does so before it has touched a row, so the lock is all the transaction that it needs.

- ``memory://NAME``: one store of that name in the process, shared by all who open it. It lives as
  long as the process: closing a handle ends the handle, neither the jobs nor their leases.
- ``memory://``: a store of its own for each opener, gone when the opener lets go of it.

Where things stand, each module knowing only those above it::

    rows      one job's row, and the frozen values that are shown of it
    line      the waiting jobs of one queue, in the order of claims
    tables    all rows of one store, the indexes over them, its clock
    endings   how a job ends, and what that does to its children
    sending   enqueue
    claiming  claim, rescue
    finishing finish, start, extend, progress
    control   arm, cancel, rerun, expire, purge ...
    reading   get, list, count ...
    store     the lock, and the seam's verbs
"""

from __future__ import annotations

from threading import Lock
from urllib.parse import urlsplit

from queuekit.errors import ConfigurationError
from queuekit.hookspecs import Adapter, hookimpl
from queuekit.memory.store import MemoryStore
from queuekit.memory.tables import Tables
from queuekit.storage import OpenOptions, Store

__all__ = ["MemoryStore", "open_memory", "plugin"]

_shared: dict[str, Tables] = {}
"""Stores that have a name. Kept to the end of the process, because `close` must lose no job."""

_shared_lock = Lock()


def open_memory(url: str, options: OpenOptions) -> Store:
    """Open the store that the URL names; ``memory://`` alone is a new one.

    Raises:
        ConfigurationError: the URL holds more than a name.
    """
    name = _name_in(url)
    if options.options:
        raise ConfigurationError(
            f"memory:// takes no options (given: {', '.join(sorted(options.options))})"
        )
    return MemoryStore(_tables_of(name), f"memory://{name}", testing=options.testing)


def _name_in(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "memory":
        raise ConfigurationError("the memory store is named memory:// or memory://NAME")
    if "@" in parts.netloc:  # what stands before it may be a password, and the name is shown
        raise ConfigurationError("memory:// takes a name alone, without a user")
    return parts.netloc + parts.path  # not `hostname`, which would fold the case


def _tables_of(name: str) -> Tables:
    if not name:
        return Tables()
    with _shared_lock:
        return _shared.setdefault(name, Tables())


class _Plugin:
    """What the entry point ``memory`` names, just as a stranger's adapter would have it."""

    @hookimpl
    def queuekit_adapter(self) -> Adapter:
        """The memory store."""
        return Adapter("memory", ("memory",), open_memory)


plugin = _Plugin()
