"""The file under a store: the same one for as long as the store is open, and under one name.

SQLite finds a file's log by the file's name. Under a second hard link the same pages have another
log, and each side overwrites what the other has acknowledged. A file that was deleted or replaced
is still written to by those who have it open, and nobody will ever read it. Neither is noticed by
SQLite, so the store looks before each transaction, which costs one `stat`.

A store whose file has gone refuses all verbs until it is closed; opening it again takes the file
that is then there, or makes a new one. It does not do so by itself: whoever moved the file should
learn that workers were at it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from queuekit.errors import StoreUnavailable


class File:
    """Recognises a store's file."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._known: tuple[int, int] | None = None

    def recognise(self) -> None:
        """Take the file that was opened first for the store's own."""
        if self._known is None:
            found = os.stat(self._path)
            self._known = found.st_dev, found.st_ino

    def check(self) -> None:
        """Refuse to go on with another file, or with one that has two names.

        Raises:
            StoreUnavailable: see above; nothing was done.
        """
        try:
            found = os.stat(self._path)
        except OSError as problem:
            if self._known is None:
                return  # to be made, or SQLite will say why not
            raise self._is_gone(f"was deleted, or cannot be reached ({problem.strerror})") from None
        if found.st_nlink > 1 and not os.path.isdir(self._path):
            raise StoreUnavailable(
                f"{self._path} has {found.st_nlink} names (hard links), under each of which SQLite"
                " would keep a log of its own and lose jobs; remove all but one, or copy the file"
            )
        if self._known not in (None, (found.st_dev, found.st_ino)):
            raise self._is_gone("was replaced by another file")

    def _is_gone(self, what: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"{self._path} {what} while the store was open; stop its workers, see to the file, and"
            " open it again"
        )
