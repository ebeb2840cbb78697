"""What is under the verbs: rows that go with a job, commits that fail, pages that are cut short."""

from __future__ import annotations

import os
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from adapters.sqlite.tests.words import connection_of, finishes, new_job, request

from queuekit.errors import (
    OutcomeUnknown,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
)
from queuekit.job import FINAL_STATES, EnqueueStatus, Parent
from queuekit.storage import JobFilter
from queuekit_sql import listing
from queuekit_sqlite.failures import explain_commit
from queuekit_sqlite.store import SqliteStore

GOES_WITH_A_JOB = ("attempts", "tags", "job_limits", "log", "edges")


def test_nothing_of_a_pruned_job_stays(store: SqliteStore) -> None:
    done = new_job(tags=("a", "b"), priority=2)
    parent = new_job(priority=1)
    store.enqueue([done, parent, new_job(parents=(Parent(parent.id),), tags=("a",))])
    (claim, _) = claims = store.claim(request(2)).claims
    store.progress(claim.token, "1", ["a line"])
    store.finish(finishes(claims[:1]))
    child = next(job for job in store.list(JobFilter()).jobs if job.blockers)
    store.cancel([child.id], "not wanted")  # its parent runs on, so its edge is there
    connection = connection_of(store)

    def rows() -> dict[str, int]:
        return {
            name: connection.execute(f"SELECT count(*) FROM queuekit_{name}").fetchone()[0]
            for name in GOES_WITH_A_JOB
        }

    assert rows() == {"attempts": 1, "tags": 3, "job_limits": 0, "log": 1, "edges": 1}
    assert store.prune(FINAL_STATES, timedelta(0), 9) == 2
    assert set(rows().values()) == {0}


def test_a_page_cut_short_goes_on_from_its_cursor(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "WINDOWS", (2, 4))
    wanted = new_job(queue="rare")
    store.enqueue([wanted, *[new_job(queue="often") for _ in range(20)]])
    where = JobFilter(task="task", queue="rare")
    pages = [store.list(where)]
    while not pages[-1].jobs:
        assert pages[-1].cursor is not None
        pages.append(store.list(where, pages[-1].cursor))
    assert [job.id for job in pages[-1].jobs] == [wanted.id]
    assert len(pages) > 3


CAUSES: list[tuple[int, type[StoreError]]] = [
    (sqlite3.SQLITE_BUSY, StoreUnavailable),
    (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreUnavailable),
    (sqlite3.SQLITE_FULL, StoreFull),
    (sqlite3.SQLITE_READONLY, StoreReadOnly),
    (sqlite3.SQLITE_IOERR_FSYNC, OutcomeUnknown),
    (sqlite3.SQLITE_IOERR_WRITE, OutcomeUnknown),
    (sqlite3.SQLITE_CORRUPT, OutcomeUnknown),
]


@pytest.mark.parametrize(("code", "told"), CAUSES)
def test_a_failed_commit_is_certain_only_where_nothing_was_written(
    path: Path, code: int, told: type[StoreError]
) -> None:
    error = sqlite3.OperationalError("from SQLite")
    error.sqlite_errorcode = code
    assert type(explain_commit(error, path)) is told
    assert str(path) in str(explain_commit(error, path))


UNKEPT = """
    CREATE TABLE owner (id INTEGER PRIMARY KEY);
    CREATE TABLE owned (id INTEGER REFERENCES owner DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER spoil AFTER INSERT ON queuekit_jobs BEGIN INSERT INTO owned VALUES (1); END;
"""
"""A rule that SQLite checks at the commit, and that every insert of a job breaks."""


def test_after_a_commit_of_unknown_outcome_the_call_may_be_repeated(store: SqliteStore) -> None:
    connection = connection_of(store)
    connection.executescript(UNKEPT)
    connection.execute("PRAGMA foreign_keys=ON")
    job = new_job()
    with pytest.raises(OutcomeUnknown, match="repeat the call"):
        store.enqueue([job])
    assert not connection.in_transaction
    connection.execute("DROP TRIGGER spoil")
    assert store.enqueue([job])[0].status is EnqueueStatus.CREATED
    assert store.enqueue([job])[0].status is EnqueueStatus.EXISTS


def test_a_fork_finds_every_connection_closed(store: SqliteStore) -> None:
    store.change_mark()
    before = [store._links.mine(), store._mark]
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert [link is not None and link.is_open for link in before] == [False, False]
