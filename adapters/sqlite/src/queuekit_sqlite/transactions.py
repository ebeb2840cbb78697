"""Transactions: every verb that writes begins as a write, every verb that reads sees one snapshot.

Writers of one process take turns on a lock before they ask SQLite, whose own way to wait is to
sleep and try again. Between processes that way remains, bounded by `links.PATIENCE`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from queuekit.errors import StoreUnavailable
from queuekit_sql.asking import Verb
from queuekit_sql.dialect import Dialect
from queuekit_sql.driving import drive
from queuekit_sqlite.failures import explain, explain_commit
from queuekit_sqlite.forks import gate
from queuekit_sqlite.links import PATIENCE, Links

T = TypeVar("T")

DIALECT: Final = Dialect(SQLiteDialect_pysqlite(paramstyle="qmark"))

_turns: Final[dict[Path, threading.Lock]] = {}
_turns_lock: Final = threading.Lock()


def _turn_for(path: Path) -> threading.Lock:
    """The lock of a file's writers in this process, however the file was named."""
    with gate, _turns_lock:
        return _turns.setdefault(Path(os.path.realpath(path)), threading.Lock())


class Transactions:
    """Runs verbs on a store's connections."""

    def __init__(self, links: Links, now: Callable[[], int]) -> None:
        self._links = links
        self._now = now
        self._path = links.location.path
        self._turn_of_file = _turn_for(self._path)

    def write(self, verb: Verb[T]) -> T:
        """Run a verb in a write transaction: all of it is kept, or nothing."""
        with gate, self._turn():
            link = self._links.mine()
            try:
                link.cursor.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                raise explain(error, self._path) from error
            try:
                # Read once the lock is held, so that the times of two writers follow their order.
                answer = drive(verb, link.cursor, DIALECT, self._now())
            except sqlite3.Error as error:
                _roll_back(link.cursor)
                raise explain(error, self._path) from error
            except BaseException:
                _roll_back(link.cursor)
                raise
            try:
                link.cursor.execute("COMMIT")
            except sqlite3.Error as error:
                _roll_back(link.cursor)
                raise explain_commit(error, self._path) from error
        return answer

    def read(self, verb: Verb[T]) -> T:
        """Run a verb on one snapshot; neither waits for a writer nor keeps one waiting."""
        with gate:
            link = self._links.mine()
            try:
                link.cursor.execute("BEGIN")
                try:
                    return drive(verb, link.cursor, DIALECT, self._now())
                finally:
                    _roll_back(link.cursor)
            except sqlite3.Error as error:
                raise explain(error, self._path) from error

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turn_of_file.acquire(timeout=PATIENCE):
            raise StoreUnavailable(
                f"{self._path} is kept busy by other threads of this process; try again"
            )
        try:
            yield
        finally:
            self._turn_of_file.release()


def _roll_back(cursor: sqlite3.Cursor) -> None:
    """End the transaction, if SQLite has not done so itself.

    That it fails, too, changes nothing: the file was not changed.
    """
    if cursor.connection.in_transaction:
        with suppress(sqlite3.Error):
            cursor.execute("ROLLBACK")
