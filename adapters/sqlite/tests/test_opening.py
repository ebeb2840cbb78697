"""URLs, schema, and every way in which a file can be unusable."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
        Path(name).chmod(0o755)  # so that it can be emptied


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


BAD_URLS = [
    ("sqlite:///job#1.db", "%23"),
    ("sqlite:///a?b.db", "%3F"),
    ("sqlite:///c.db?synchronous=", "synchronous"),
    ("sqlite:///c.db?synchronous=full&synchronous=normal", "twice"),
    ("sqlite+aio:///k.db", "driver"),
    ("sqlite:///n\to.db", "%09"),
    ("sqlite:///n\no.db", "%0A"),
    ("sqlite:///%ff.db", "UTF-8"),
    ("sqlite:///\udcff.db", "UTF-8"),
    ("sqlite://[x/jobs.db", "URL"),
]


@pytest.mark.parametrize(("url", "word"), BAD_URLS, ids=ascii)
def test_a_url_that_would_name_another_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, word: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=word) as refused:
        open_store(url)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_what_is_percent_encoded_is_part_of_the_name(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/a%23b%3Fc%25.db").close()
    assert (tmp_path / "a#b?c%.db").exists()


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + "/jobs.db", "x/" * 5_000])
def test_a_name_that_is_too_long_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreUnavailable, match="too long") as refused:
        open_at(tmp_path / name)
    assert "\n" not in str(refused.value)


def test_a_current_directory_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigurationError, match="absolute path"):
        read_url("sqlite:///jobs.db", {})


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


FOREIGN = {
    "meta of others": "CREATE TABLE queuekit_meta (mine)",
    "meta alone": "CREATE TABLE queuekit_meta (key TEXT PRIMARY KEY, value TEXT)",
    "jobs of others": "CREATE TABLE queuekit_jobs (mine)",
    "a view": "CREATE VIEW queuekit_jobs AS SELECT 1",
    "an index": "CREATE TABLE mine (a); CREATE INDEX queuekit_meta ON mine (a)",
}


@pytest.mark.parametrize("script", FOREIGN.values(), ids=FOREIGN)
def test_tables_that_others_made_under_our_names_are_told(path: Path, script: str) -> None:
    with sqlite3.connect(path) as other:
        other.executescript(script)
    other.close()
    with pytest.raises(StoreCorrupt) as refused:
        open_at(path)
    assert_clear(refused.value, path)


SPOILED = {
    "a table gone": "DROP TABLE queuekit_edges",
    "no version": "DELETE FROM queuekit_meta WHERE key = 'schema'",
    **{
        f"version {value}": f"UPDATE queuekit_meta SET value = '{value}' WHERE key = 'schema'"
        for value in ("x", "-1", "0", "1.5")
    },
}


@pytest.mark.parametrize("script", SPOILED.values(), ids=SPOILED)
def test_a_store_that_lacks_a_part_is_told_at_once(path: Path, script: str) -> None:
    open_at(path).close()
    with sqlite3.connect(path) as other:
        other.executescript(script)
    other.close()
    with pytest.raises(StoreCorrupt) as refused:
        open_at(path)
    assert_clear(refused.value, path)


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
    open_folder.chmod(0o555)  # not even its owner may write, if the test is not run by root
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
    taken, may_end = threading.Event(), threading.Event()

    def keep_the_turn() -> None:
        with store._transactions._turn_of_file:
            taken.set()
            may_end.wait(30)

    thread = threading.Thread(target=keep_the_turn)
    thread.start()
    assert taken.wait(30)
    with pytest.raises(StoreUnavailable, match="other threads"):
        store.enqueue([new_job()])
    may_end.set()
    thread.join(30)
    store.enqueue([new_job()])


def test_a_file_of_two_names_is_refused(path: Path) -> None:
    """Each name has a log of its own, and neither knows of the other's jobs."""
    store = open_at(path)
    os.link(path, path.with_name("other.db"))
    with pytest.raises(StoreUnavailable, match="hard link") as refused:
        open_at(path.with_name("other.db"))
    assert_clear(refused.value, path.with_name("other.db"))
    with pytest.raises(StoreUnavailable, match="hard link"):
        store.enqueue([new_job()])
    path.with_name("other.db").unlink()
    store.enqueue([new_job()])
    store.close()


def in_another_thread(act: Callable[[], object]) -> BaseException | None:
    """What `act` raises in a thread that has no connection yet."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(act).exception(30)


def assert_refuses(store: SqliteStore, word: str) -> None:
    """All verbs refuse, with a connection and without one."""
    for act in (
        lambda: store.enqueue([new_job()]),
        lambda: store.count(JobFilter(), 9),
        store.change_mark,
    ):
        with pytest.raises(StoreUnavailable, match=f"{word}.*open it again"):
            act()
        assert isinstance(in_another_thread(act), StoreUnavailable)


def test_a_deleted_file_takes_no_more_jobs(store: SqliteStore, path: Path) -> None:
    store.enqueue([new_job()])
    store.change_mark()
    path.unlink()
    assert_refuses(store, "deleted")
    assert not path.exists()


def test_a_replaced_file_takes_no_more_jobs_from_its_old_store(
    store: SqliteStore, path: Path
) -> None:
    store.enqueue([new_job()])
    store.change_mark()
    other = open_at(path.with_name("other.db"))
    other.close()
    path.with_name("other.db").replace(path)
    assert_refuses(store, "replaced")


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
    with pytest.raises(ConfigurationError, match="testing"):
        store.travel(timedelta(seconds=1))  # type: ignore[attr-defined]
    store.close()
