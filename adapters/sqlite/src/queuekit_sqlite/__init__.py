"""The SQLite adapter: a durable queue in one file, for the processes of one machine.

The entry point ``sqlite`` names `plugin`; nothing else is imported until a store is opened.
"""

from __future__ import annotations

from queuekit.hookspecs import Adapter, hookimpl
from queuekit.storage import OpenOptions, Store


def open_sqlite(url: str, options: OpenOptions) -> Store:
    """Open the store that the URL names; makes the file and its tables if they are not there."""
    from queuekit_sqlite.store import SqliteStore  # brings SQLAlchemy, half a second of import

    return SqliteStore.open(url, options)


class Plugin:
    """What the entry point hands to pluggy."""

    @hookimpl
    def queuekit_adapter(self) -> Adapter:
        """The adapter of this package."""
        return Adapter("sqlite", ("sqlite",), open_sqlite)


plugin = Plugin()
