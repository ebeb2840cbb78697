"""`queuekit migrate` makes the tables, and does so again without harm."""

from __future__ import annotations

from tests.cli.stage import Stage


def test_it_makes_the_tables_and_tells_their_version(cli: Stage) -> None:
    ended = cli("migrate", "--url", "sqlite:///jobs.db")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"schema 1: {cli.folder / 'jobs.db'}\n"
    assert (cli.folder / "jobs.db").exists()


def test_a_second_time_changes_nothing(cli: Stage) -> None:
    first = cli("migrate", "--json", "--url", "sqlite:///jobs.db")
    before = (cli.folder / "jobs.db").read_bytes()
    second = cli("migrate", "--json", "--url", "sqlite:///jobs.db")
    assert (cli.folder / "jobs.db").read_bytes() == before
    assert first.json == second.json
    assert second.json == {"schema": 1, "location": str(cli.folder / "jobs.db")}


def test_a_file_that_is_no_store_is_one_line(cli: Stage) -> None:
    (cli.folder / "jobs.db").write_bytes(b"not a database, but long enough to be one " * 100)
    ended = cli("migrate", "--url", "sqlite:///jobs.db")
    assert (ended.code, ended.out) == (3, "")
    assert len(ended.err.splitlines()) == 1


def test_without_a_store_it_says_how_to_name_one(cli: Stage) -> None:
    ended = cli("migrate")
    assert ended.code == 2
    assert "no store is configured" in ended.err
