"""What went wrong, in queuekit's errors: one clear line with the absolute path and what to do.

SQLite's own exception is kept as the cause and never crosses the seam.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from queuekit.errors import (
    OutcomeUnknown,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
)

_PRIMARY = 0xFF
"""An extended result code carries the primary one in its low byte."""


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """The error to raise for one that came before any commit: nothing was done."""
    match _code(error):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreUnavailable(
                f"{path} is locked by another process for too long; look for a program that holds"
                " a transaction open on it, and try again"
            )
        case sqlite3.SQLITE_FULL:
            return StoreFull(f"no space is left for {path}; free some, or prune old jobs")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return _read_only(path)
        case sqlite3.SQLITE_NOTADB:
            return StoreCorrupt(f"{path} is not an SQLite database; name another file")
        case sqlite3.SQLITE_CORRUPT:
            return StoreCorrupt(
                f"{path} is damaged ({error}); restore a backup, or try sqlite3's .recover"
            )
        case sqlite3.SQLITE_ERROR:  # our statements are tested: it is the tables that do not fit
            return StoreCorrupt(
                f"the tables in {path} are not those of this queuekit ({error}); restore a backup,"
                " or name another file"
            )
        case sqlite3.SQLITE_CANTOPEN:
            return _cannot_open(error, path)
        case _:
            return StoreUnavailable(f"{path} cannot be used: {error}")


def explain_commit(error: sqlite3.Error, path: Path) -> StoreError:
    """The error to raise for a commit that failed and was rolled back.

    A full disk or a lock stops a commit before its last page is written, so nothing was done. After
    any other fault, such as a failed fsync, that page may be in the log, and whether it counts is
    known only once the file is opened anew.
    """
    if _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY):
        return explain(error, path)
    return OutcomeUnknown(
        f"{path}: the commit failed ({error}), and whether it was kept is not known;"
        " repeat the call, which is safe"
    )


def _code(error: sqlite3.Error) -> int:
    code = getattr(error, "sqlite_errorcode", None)  # absent on errors of the Python module itself
    return -1 if code is None else code & _PRIMARY


def _read_only(path: Path) -> StoreError:
    is_file_closed = os.path.exists(path) and not os.access(path, os.W_OK)
    what = path if is_file_closed else path.parent
    return StoreReadOnly(
        f"{path} cannot be written: {what} is read-only for this user;"
        " give it write permission on the file and its directory"
    )


def _cannot_open(error: sqlite3.Error, path: Path) -> StoreError:
    """SQLite says only that it cannot; the file system knows why."""
    try:
        os.stat(path)
    except OSError as problem:
        if problem.errno == errno.ENAMETOOLONG:
            return StoreUnavailable(
                f"cannot open {path}: the name is too long for its file system; shorten it"
            )
    if not os.path.isdir(path.parent):
        return StoreUnavailable(
            f"cannot open {path}: there is no directory {path.parent}; create it, or correct"
            " the URL"
        )
    if os.path.isdir(path):
        return StoreUnavailable(f"cannot open {path}: it is a directory; name a file in it")
    if not os.access(path.parent, os.W_OK) or (
        os.path.exists(path) and not os.access(path, os.W_OK)
    ):
        return _read_only(path)
    return StoreUnavailable(f"cannot open {path}: {error}; check its permissions")
