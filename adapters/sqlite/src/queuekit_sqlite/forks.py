"""Forks: a process has no connection open at the moment in which it forks.

SQLite keeps a process-wide record of the locks that its connections hold on a file, and a forked
child inherits the record without the locks. Even a connection that the child opens afresh believes
in it: it may wait for ever for a lock that nobody holds, or write to a log that its parent, taking
itself for the last user, deletes (https://www.sqlite.org/howtocorrupt.html, section 2.6). So a fork
waits until no transaction of ours is running, which is a matter of milliseconds, and closes all
connections; parent and child open new ones when they next need them.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Final, Protocol

PATIENCE: Final = 30.0
"""Seconds that a fork waits for transactions; as long as those may wait for a lock themselves."""


class Closes(Protocol):
    """What has connections to let go of."""

    def drop(self) -> None:
        """Close all connections; the next use opens new ones."""
        ...


class Gate:
    """Counts the transactions that are running, and keeps new ones out while a fork is made."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin afresh, as in a forked child, where none of the other threads exists."""
        self._changed = threading.Condition(threading.Lock())
        self._inside = 0
        self._shut = False

    def __enter__(self) -> None:
        with self._changed:
            while self._shut:
                self._changed.wait()
            self._inside += 1

    def __exit__(self, *_exception: object) -> None:
        with self._changed:
            self._inside -= 1
            if self._shut:
                self._changed.notify_all()

    def shut(self) -> None:
        """Let those inside finish, and nobody in."""
        with self._changed:
            self._shut = True
            self._changed.wait_for(lambda: self._inside == 0, PATIENCE)

    def open(self) -> None:
        """Let everybody in again."""
        with self._changed:
            self._shut = False
            self._changed.notify_all()


gate: Final = Gate()
"""Every use of a connection is inside of it."""

_users: Final[weakref.WeakSet[Closes]] = weakref.WeakSet()


def close_at_fork(user: Closes) -> None:
    """Have the user's connections closed before any fork of this process."""
    _users.add(user)


def _before() -> None:
    gate.shut()
    for user in list(_users):
        user.drop()


os.register_at_fork(before=_before, after_in_parent=gate.open, after_in_child=gate.renew)
