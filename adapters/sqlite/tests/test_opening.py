"""URLs, schema, and every way in which a file can be unusable."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from adapters.sqlite.tests.words import connection_of, new_job, open_at

from queuekit.errors import (
    ConfigurationError,
    SchemaVersion,
    StoreCorrupt,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
    UnsupportedOperation,
)
from queuekit.job import JobState
from queuekit.plugins import open_store
from queuekit.storage import JobFilter
from queuekit_sqlite import links, transactions
from queuekit_sqlite.location import Synchronous, read_url
from queuekit_sqlite.store import SqliteStore

NOBODY = 65_534


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach; pytest's own is private."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def refusal_seen_by_another_user(act: Callable[[], object]) -> BaseException | None:
    """What `act` raises in a process without root's power over permission bits."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def child() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        try:
            act()
        except Exception as error:
            sender.send((type(error), str(error)))
        else:
            sender.send(None)

    process = context.Process(target=child)
    process.start()
    assert receiver.poll(30)
    answer = receiver.recv()
    process.join(30)
    return None if answer is None else answer[0](answer[1])


# --- URLs


def test_three_slashes_count_from_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_url("sqlite:///a b/jobs.db", {}).path == tmp_path / "a b/jobs.db"
    assert read_url("sqlite:///a%20b/~/jobs.db", {}).path == tmp_path / "a b/~/jobs.db"


def test_four_slashes_are_an_absolute_path() -> None:
    assert read_url("sqlite:////srv/jobs.db", {}).path == Path("/srv/jobs.db")


def test_a_relative_store_stays_where_it_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///jobs.db")
    monkeypatch.chdir("/")
    assert store.info().location == str(tmp_path / "jobs.db")
    store.enqueue([new_job()])
    store.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_url_without_a_file_points_to_the_memory_store(url: str) -> None:
    with pytest.raises(ConfigurationError, match="memory://"):
        read_url(url, {})


def test_two_slashes_name_a_host_and_are_refused_without_the_password() -> None:
    with pytest.raises(ConfigurationError, match="three slashes") as refused:
        read_url("sqlite://me:secret@jobs.db", {})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "word"),
    [({"synchronous": "off"}, "full"), ({"sync": "full"}, "synchronous")],
)
def test_unknown_options_are_refused(options: dict[str, str], word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        read_url("sqlite:///jobs.db", options)


def test_commits_reach_the_disk_unless_the_url_says_otherwise(path: Path, tmp_path: Path) -> None:
    full, normal = open_at(path), open_at(tmp_path / "n.db", synchronous=Synchronous.NORMAL)
    assert connection_of(full).execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection_of(normal).execute("PRAGMA synchronous").fetchone() == (1,)
    assert full.capabilities.durability.power_cut
    assert not normal.capabilities.durability.power_cut
    full.close()
    normal.close()


# --- schema


def test_the_schema_is_made_on_first_use_and_found_on_the_second(path: Path) -> None:
    first = open_at(path)
    job = new_job()
    first.enqueue([job])
    first.close()
    second = open_at(path)
    assert second.get([job.id])[0] is not None
    assert second.migrate() == second.info().schema
    second.close()


def test_tables_of_another_program_in_the_file_are_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE jobs (mine)")
    other.close()
    open_at(path).close()
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT count(*) FROM jobs").fetchone() == (0,)
    other.close()


def test_a_newer_schema_is_refused_with_both_versions(path: Path) -> None:
    open_at(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute("UPDATE queuekit_meta SET value = '99' WHERE key = 'schema'")
    newer.close()
    with pytest.raises(SchemaVersion, match=r"99.*install a newer queuekit"):
        open_at(path)


# --- what can be wrong with a file


def assert_clear(error: BaseException, path: Path) -> None:
    assert str(path) in str(error)
    assert "\n" not in str(error)


def test_a_file_that_is_no_database_is_corrupt(path: Path) -> None:
    path.write_text("a shopping list, long enough to be no database header at all\n" * 50)
    with pytest.raises(StoreCorrupt) as refused:
        open_at(path)
    assert_clear(refused.value, path)
    assert isinstance(refused.value.__cause__, sqlite3.DatabaseError)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no directory") as refused:
        open_at(tmp_path / "nowhere" / "jobs.db")
    assert_clear(refused.value, tmp_path / "nowhere")


def test_a_directory_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="is a directory"):
        open_at(tmp_path)


def test_a_read_only_directory_is_told(open_folder: Path) -> None:
    open_at(open_folder / "warm.db").close()  # everything is imported before the rights are gone
    error = refusal_seen_by_another_user(lambda: open_at(open_folder / "jobs.db"))
    assert isinstance(error, StoreReadOnly)
    assert_clear(error, open_folder)


def test_a_read_only_file_is_told(open_folder: Path) -> None:
    path = open_folder / "jobs.db"
    open_at(path).close()
    open_folder.chmod(0o777)
    path.chmod(0o444)

    def write() -> None:
        open_at(path).enqueue([new_job()])

    error = refusal_seen_by_another_user(write)
    assert isinstance(error, StoreReadOnly)
    assert_clear(error, path)


def test_a_full_disk_is_told_and_the_batch_left_out_whole(store: SqliteStore, path: Path) -> None:
    pages = connection_of(store).execute("PRAGMA page_count").fetchone()[0]
    connection_of(store).execute(f"PRAGMA max_page_count={pages + 20}")
    with pytest.raises(StoreFull) as refused:
        store.enqueue([new_job(meta="x" * 4_000) for _ in range(100)])
    assert_clear(refused.value, path)
    assert store.count(JobFilter(), 10).n == 0
    connection_of(store).execute("PRAGMA max_page_count=1000000")
    store.enqueue([new_job()])
    assert store.count(JobFilter(states=frozenset({JobState.AVAILABLE})), 10).n == 1


def test_a_file_locked_beyond_patience_is_unavailable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_at(path).close()
    monkeypatch.setattr(links, "PATIENCE", 0.05)
    store = open_at(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked") as refused:
        store.enqueue([new_job()])
    assert_clear(refused.value, path)
    assert isinstance(refused.value.__cause__, sqlite3.OperationalError)
    other.execute("ROLLBACK")
    other.close()
    store.enqueue([new_job()])
    store.close()


def test_threads_that_wait_beyond_patience_are_told(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "PATIENCE", 0.05)
    with (
        store._transactions._turn_of_file,
        pytest.raises(StoreUnavailable, match="other threads"),
    ):
        store.enqueue([new_job()])
    store.enqueue([new_job()])


def test_a_damaged_page_is_told_as_corruption(path: Path) -> None:
    store = open_at(path)
    store.enqueue([new_job(meta="x" * 2_000) for _ in range(200)])
    store.close()
    content = bytearray(path.read_bytes())
    content[4096 * 2 :] = b"\xff" * (len(content) - 4096 * 2)
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt) as refused:
        open_at(path)
    assert_clear(refused.value, path)


def test_closing_twice_is_fine_and_using_a_closed_store_is_told(path: Path) -> None:
    store = open_at(path)
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.enqueue([new_job()])


def test_only_a_store_for_testing_travels(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    with pytest.raises(UnsupportedOperation):
        store.travel(timedelta(seconds=1))  # type: ignore[attr-defined]
    store.close()
