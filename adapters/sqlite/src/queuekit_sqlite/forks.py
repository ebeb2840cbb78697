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
import time
import weakref
from collections.abc import Callable
from threading import get_ident
from typing import Final, Protocol, TypeVar

from queuekit.errors import StoreUnavailable

PATIENCE: Final = 30.0
"""Seconds that a fork waits for transactions; as long as those may wait for a lock themselves."""

_LOOK: Final = 0.001
"""Seconds between a fork's looks at whether somebody is still inside."""

T = TypeVar("T")


class Closes(Protocol):
    """What has connections to let go of."""

    def drop(self) -> None:
        """Close all connections; the next use opens new ones."""
        ...


class Gate:
    """Knows which threads are inside, and keeps new ones out while a fork is made.

    A signal handler may raise between any two steps of `through`. So who is inside stands in a set,
    to which adding and from which taking away are one step each, rather than in a count that an
    interrupted thread would leave wrong for ever.
    """

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin afresh, as in a forked child, where none of the other threads exists."""
        self._inside: set[int] = set()
        self._opened = threading.Event()
        self._opened.set()
        self._forking = threading.Lock()
        self._forker: int | None = None

    def through(self, act: Callable[[], T]) -> T:
        """Do this inside, once no fork is being made.

        Raises:
            StoreUnavailable: this thread is inside already: a signal handler calls a verb in the
                middle of another one, which it would wait for in vain.
        """
        inside, me = self._inside, get_ident()
        if me in inside:
            raise StoreUnavailable(
                "this thread is in the middle of a call to an SQLite store: a signal handler"
                " cannot make another one; let it set a flag instead"
            )
        try:
            inside.add(me)  # first in, then look: a fork shuts first, and then looks who is in
            while not self._opened.is_set():
                inside.discard(me)
                self._opened.wait()
                inside.add(me)
            return act()
        finally:
            inside.discard(me)

    def shut(self) -> None:
        """Let those inside finish, and nobody in; of several threads that fork, one at a time."""
        self._forking.acquire()
        self._forker = get_ident()
        self._opened.clear()
        deadline = time.monotonic() + PATIENCE
        while self._inside - {self._forker} and time.monotonic() < deadline:
            time.sleep(_LOOK)

    def open(self) -> None:
        """Let everybody in again."""
        if self._forker == get_ident():  # not if a signal kept this thread from shutting it
            self._forker = None
            self._opened.set()
            self._forking.release()


gate: Final = Gate()
"""Every use of a connection is inside of it."""

_users: Final[weakref.WeakSet[Closes]] = weakref.WeakSet()


def close_at_fork(user: Closes) -> None:
    """Have the user's connections closed before any fork of this process."""
    gate.through(lambda: _users.add(user))


def _before() -> None:
    gate.shut()
    for user in list(_users):
        user.drop()


os.register_at_fork(before=_before, after_in_parent=gate.open, after_in_child=gate.renew)
