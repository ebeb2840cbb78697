"""Transactions: every verb that writes begins as a write, every verb that reads sees one snapshot.

Writers of one process take turns on a lock before they ask SQLite, whose own way to wait is to
sleep and try again. Between processes that way remains, bounded by `links.PATIENCE`.

A signal handler may raise anywhere in here, a key press or a time limit. What was taken is given
back all the same: each thing is taken inside the very `try` whose `finally` gives it back.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
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

_turns: Final[dict[Path, threading.RLock]] = {}


def _turn_for(path: Path) -> threading.RLock:
    """The lock of a file's writers in this process, however the file was named."""
    return _turns.setdefault(Path(os.path.realpath(path)), threading.RLock())


class Transactions:
    """Runs verbs on a store's connections."""

    def __init__(self, links: Links, now: Callable[[], int]) -> None:
        self._links = links
        self._now = now
        self._path = links.location.path
        self._turn_of_file = _turn_for(self._path)

    def write(self, verb: Verb[T]) -> T:
        """Run a verb in a write transaction: all of it is kept, or nothing."""
        return gate.through(lambda: self._in_turn(verb))

    def read(self, verb: Verb[T]) -> T:
        """Run a verb on one snapshot; neither waits for a writer nor keeps one waiting."""
        return gate.through(lambda: self._links.use(lambda cursor: self._look(verb, cursor)))

    def _in_turn(self, verb: Verb[T]) -> T:
        turn = self._turn_of_file
        try:
            if not turn.acquire(timeout=PATIENCE):
                raise StoreUnavailable(
                    f"{self._path} is kept busy by other threads of this process; try again"
                )
            return self._links.use(lambda cursor: self._change(verb, cursor))
        finally:
            try:  # noqa: SIM105 - `suppress` runs Python code, in which a signal may come first
                turn.release()
            except RuntimeError:
                pass  # it is not ours: it was not given, or a signal came before

    def _change(self, verb: Verb[T], cursor: sqlite3.Cursor) -> T:
        _roll_back(cursor)  # what an interrupted roll-back has left
        try:
            cursor.execute("BEGIN IMMEDIATE")
            # Read once the lock is held, so that the times of two writers follow their order.
            answer = drive(verb, cursor, DIALECT, self._now())
        except sqlite3.Error as error:
            _roll_back(cursor)
            raise explain(error, self._path) from error
        except BaseException:
            _roll_back(cursor)
            raise
        try:
            cursor.execute("COMMIT")
        except sqlite3.Error as error:
            _roll_back(cursor)
            raise explain_commit(error, self._path) from error
        except BaseException:
            _roll_back(cursor)
            raise
        return answer

    def _look(self, verb: Verb[T], cursor: sqlite3.Cursor) -> T:
        _roll_back(cursor)
        try:
            cursor.execute("BEGIN")
            return drive(verb, cursor, DIALECT, self._now())
        except sqlite3.Error as error:
            raise explain(error, self._path) from error
        finally:
            _roll_back(cursor)


def _roll_back(cursor: sqlite3.Cursor) -> None:
    """End the transaction, if there is one and SQLite has not ended it itself.

    That it fails, too, changes nothing: the file was not changed.
    """
    if cursor.connection.in_transaction:
        with suppress(sqlite3.Error):
            cursor.execute("ROLLBACK")
