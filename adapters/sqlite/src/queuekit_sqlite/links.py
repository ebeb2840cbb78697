"""Connections: one for each thread, opened on first use.

All settings of a connection are made here. Transactions are begun by name (`isolation_level=None`):
Python's own module would begin them late and as reads, and in WAL mode a read that turns into a
write fails at once, whatever the busy time-out.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from queuekit.errors import StoreUnavailable
from queuekit_sqlite.failures import explain
from queuekit_sqlite.file import File
from queuekit_sqlite.forks import close_at_fork, gate
from queuekit_sqlite.location import Location

PATIENCE: Final = 30.0
"""Seconds to wait for another process's write transaction. Ours last milliseconds, so only a stuck
one takes that long."""

CLOSING_PATIENCE: Final = 10.0
"""Seconds that `close` waits for running verbs; one lasts milliseconds, unless it waits for another
process."""

_CACHED_STATEMENTS: Final = 512
"""Prepared statements kept by a connection: more than our verbs have, in all list lengths."""

_RETRY_WAL: Final = 0.01
"""Seconds between attempts to switch the journal mode: SQLite does not wait for the lock there as
it does elsewhere."""

T = TypeVar("T")


class Link:
    """An open connection; closed when its thread ends or its store closes."""

    def __init__(self, location: Location) -> None:
        self.connection: Final = _connect(location)
        self.cursor: Final = self.connection.cursor()
        self.in_use: Final = threading.Lock()
        self.is_open = True

    def close(self, patience: float) -> None:
        """Close the connection, unless a thread uses it for longer than that; again is fine.

        To close it under a thread that is inside SQLite ends the process.
        """
        self.is_open = False  # its thread takes it no more
        if self.in_use.acquire(timeout=max(0.0, patience)):
            try:
                self.connection.close()
            finally:
                self.in_use.release()

    def __del__(self) -> None:
        if hasattr(self, "connection"):
            self.is_open = False
            self.connection.close()


class Links:
    """A store's connections."""

    def __init__(self, location: Location) -> None:
        self.location: Final = location
        self._file = File(location.path)
        self._lock = threading.Lock()
        self._own = threading.local()
        self._all: weakref.WeakSet[Link] = weakref.WeakSet()
        self._closed = threading.Event()
        close_at_fork(self)

    def use(self, act: Callable[[sqlite3.Cursor], T], link: Link | None = None) -> T:
        """Act on this thread's connection, or on that one.

        Raises:
            StoreError: the file cannot be opened, or the store is closed.
        """
        link = link or self.mine()
        try:
            with link.in_use:
                if not link.is_open:
                    raise self._is_closed()
                self._file.check()
                return act(link.cursor)
        finally:
            if not link.is_open:  # the store was closed meanwhile, and left this one to us
                link.close(0)

    def mine(self) -> Link:
        """This thread's connection.

        Raises:
            StoreError: the file cannot be opened, or the store is closed.
        """
        link: Link | None = getattr(self._own, "link", None)
        if link is None or not link.is_open:
            link = self._own.link = self.extra()
        return link

    def extra(self) -> Link:
        """A further connection, closed with the others."""
        if self._closed.is_set():
            raise self._is_closed()
        self._file.check()
        link = Link(self.location)
        with self._lock:
            self._all.add(link)
            self._file.recognise()
        if self._closed.is_set():  # meanwhile: `close` may have missed it
            link.close(0)
            raise self._is_closed()
        return link

    def drop(self, patience: float = 0) -> None:
        """Close all connections that are not in use, those of other threads too.

        The next use opens new ones.
        """
        with self._lock:
            links = list(self._all)
            self._all.clear()
        deadline = time.monotonic() + patience
        for link in links:
            link.close(deadline - time.monotonic())

    def close(self) -> None:
        """Refuse further use, wait for what is under way, and close all connections.

        One that is in use beyond patience is closed by its own thread as soon as it has done.
        """
        self._closed.set()
        with suppress(StoreUnavailable):  # by a signal handler, in the middle of a verb
            gate.through(lambda: self.drop(CLOSING_PATIENCE))

    def _is_closed(self) -> StoreUnavailable:
        return StoreUnavailable(f"the store {self.location.path} was closed; open it again")


def _connect(location: Location) -> sqlite3.Connection:
    connection = None
    try:
        connection = sqlite3.connect(
            location.path,
            timeout=PATIENCE,
            isolation_level=None,
            check_same_thread=False,  # `close` reaches the connections of all threads
            cached_statements=_CACHED_STATEMENTS,
        )
        _use_log(connection)
        connection.execute(f"PRAGMA synchronous={location.synchronous.value}")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise explain(error, location.path) from error
    return connection


def _use_log(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log, in which readers and the writer do not stop each other.

    The mode is kept in the file, so this writes once in a file's life.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_WAL)
