"""The raw limit: the same steps on bare sqlite3, with no queue around them.

Each step does what any durable queue must do at least, in as few statements as there are, at the
same durability.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

BATCH: Final = 100
BULK: Final = 500

_SCHEMA: Final = """
    CREATE TABLE jobs(
        seq INTEGER PRIMARY KEY, id BLOB, queue TEXT, payload TEXT, state INT, run_at INT, lease INT
    );
    CREATE INDEX ready ON jobs(queue, run_at, seq) WHERE state = 0;
    CREATE TABLE attempts(
        job INT, number INT, started INT, ended INT, outcome TEXT, PRIMARY KEY(job, number)
    ) WITHOUT ROWID;
"""
_INSERT: Final = (
    "INSERT INTO jobs(id, queue, payload, state, run_at) VALUES(randomblob(16), 'q', ?, 0, 0)"
)
_PAYLOAD: Final = ('{"args":[],"kwargs":{}}',)


@contextmanager
def _fresh(path: Path, synchronous: str) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.executescript(_SCHEMA)
    yield connection
    connection.close()


def enqueue_one_by_one(path: Path, jobs: int, synchronous: str) -> float:
    """Jobs a second: one insert, one commit."""
    with _fresh(path, synchronous) as connection:
        began = time.perf_counter()
        for _ in range(jobs):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_INSERT, _PAYLOAD)
            connection.execute("COMMIT")
        return jobs / (time.perf_counter() - began)


def enqueue_bulk(path: Path, jobs: int, synchronous: str) -> float:
    """Jobs a second: 500 inserts a commit."""
    with _fresh(path, synchronous) as connection:
        began = time.perf_counter()
        for _ in range(jobs // BULK):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, [_PAYLOAD] * BULK)
            connection.execute("COMMIT")
        return jobs / (time.perf_counter() - began)


def drain(path: Path, jobs: int, synchronous: str) -> float:
    """Jobs a second: claim 100, commit; finish 100 and write 100 lines of history, commit."""
    with _fresh(path, synchronous) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_INSERT, [_PAYLOAD] * jobs)
        connection.execute("COMMIT")
        began = time.perf_counter()
        for _ in range(jobs // BATCH):
            connection.execute("BEGIN IMMEDIATE")
            rows = connection.execute(
                "UPDATE jobs SET state = 1, lease = 1 WHERE seq IN (SELECT seq FROM jobs"
                " WHERE queue = 'q' AND state = 0 AND run_at <= 1 ORDER BY run_at, seq LIMIT ?)"
                " RETURNING seq, id, payload",
                (BATCH,),
            ).fetchall()
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
            seqs = [(row[0],) for row in rows]
            connection.executemany("UPDATE jobs SET state = 2 WHERE seq = ? AND lease = 1", seqs)
            connection.executemany("INSERT INTO attempts VALUES(?, 1, 1, 2, 'completed')", seqs)
            connection.execute("COMMIT")
        return jobs / (time.perf_counter() - began)
