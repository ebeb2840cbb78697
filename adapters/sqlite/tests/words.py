"""Words that the adapter's own tests share: make jobs, settle claims, look under the store."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from queuekit.clock import system_micros
from queuekit.job import AttemptOutcome, Claim, Move, NewJob, Resolution, uuid7
from queuekit.storage import NONCE_BYTES, ClaimRequest, Finish, OpenOptions
from queuekit_sqlite.store import SqliteStore

DONE = Resolution(Move.COMPLETE, AttemptOutcome.COMPLETED)


def open_at(path: Path, **options: str) -> SqliteStore:
    """The store in a file, opened for testing."""
    return SqliteStore.open(f"sqlite:///{path}", OpenOptions(testing=True, options=options))


def new_job(**fields: Any) -> NewJob:
    """A job with a fresh id."""
    return NewJob(uuid7(system_micros() // 1000, os.urandom(10)), "task", "{}", **fields)


def request(start: int, reserve: int = 0, lease: timedelta = timedelta(seconds=30)) -> ClaimRequest:
    """A claim or rescue with a fresh nonce."""
    return ClaimRequest(os.urandom(NONCE_BYTES), "worker", lease, start, reserve)


def finishes(claims: tuple[Claim, ...], how: Resolution = DONE) -> list[Finish]:
    """The same end for all claims."""
    return [Finish(claim.token, how) for claim in claims]


def connection_of(store: SqliteStore) -> sqlite3.Connection:
    """The connection that the store uses in this thread."""
    return store._links.mine().connection


@contextmanager
def traced(store: SqliteStore) -> Iterator[list[str]]:
    """The statements that the store runs in this thread meanwhile."""
    statements: list[str] = []
    connection_of(store).set_trace_callback(statements.append)
    try:
        yield statements
    finally:
        connection_of(store).set_trace_callback(None)
