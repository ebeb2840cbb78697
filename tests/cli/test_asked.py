"""Which program and which store a line is about, and what says so."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tests.cli.stage import PROGRAM, Stage

from queuekit.cli.asked import Asked
from queuekit.errors import AppImportError, AppNotConfigured, StoreNotConfigured


def asked(**flags: str) -> Asked:
    line = Asked()
    for name, value in flags.items():
        line.note(name, value)
    return line


def test_the_store_is_named_by_the_flag_the_program_the_environment_and_the_file_in_this_order(
    cli: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreNotConfigured):
        asked().where()
    cli.write("queuekit.toml", 'url = "sqlite:///file.db"\n')
    assert asked().where().url == "sqlite:///file.db"
    monkeypatch.setenv("QUEUEKIT_URL", "sqlite:///environment.db")
    assert asked().where().url == "sqlite:///environment.db"
    cli.program("own", "sqlite:///own.db")
    cli.program("none", "")
    assert asked(app="own:app").where().url == "sqlite:///own.db"
    assert asked(app="none:app").where().url == "sqlite:///environment.db"
    for flags in ({}, {"app": "own:app"}, {"app": "none:app"}):
        where = asked(url="sqlite:///flag.db", **flags).where()
        assert (where.url, where.folder, where.origin) == ("sqlite:///flag.db", cli.folder, "--url")


def test_the_program_is_named_by_the_flag_the_environment_and_the_file_in_this_order(
    cli: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AppNotConfigured):
        asked().app()
    for name in ("filed", "environ", "flagged"):
        cli.program(name, f"sqlite:///{name}.db")
    cli.write("queuekit.toml", 'app = "filed:app"\n')
    assert asked().app().where().url == "sqlite:///filed.db"
    monkeypatch.setenv("QUEUEKIT_APP", "environ:app")
    assert asked().app().where().url == "sqlite:///environ.db"
    assert asked(app="flagged:app").app().where().url == "sqlite:///flagged.db"


def test_a_line_that_names_the_store_imports_no_program(cli: Stage) -> None:
    cli.write("raising.py", "1 / 0")
    cli.write("queuekit.toml", 'app = "raising:app"\n')
    assert asked(url=cli.url).app_if_named() is None
    assert cli("jobs", "ls", "--url", cli.url).code == 0
    ended = cli("jobs", "ls")
    assert ended.code == 5
    assert "cannot import raising: ZeroDivisionError" in ended.err
    assert ended.err.endswith("; to do without the program, name the store: --url URL\n")
    with pytest.raises(AppImportError):
        asked(url=cli.url, app="raising:app").store()


def test_a_command_that_needs_the_program_takes_it_to_the_store_of_the_line(cli: Stage) -> None:
    cli.program("own", "nosuch://x")
    ended = cli("enqueue", "-a", "own:app", "--url", cli.url, "add", "a=1")
    assert ended.code == 0
    assert cli.job(ended.out.strip()).task == "add"


def test_every_command_looks_at_the_store_that_the_program_names(cli: Stage) -> None:
    cli.program("own", "sqlite:///own.db")
    cli.write("queuekit.toml", 'app = "own:app"\nurl = "nosuch://x"\n')
    assert cli("enqueue", "add", "a=1").code == 0
    assert len(cli("jobs", "ls", "--json").json["jobs"]) == 1
    assert (cli.folder / "own.db").exists()


def test_a_program_that_names_no_store_meets_the_lines_own_configuration(cli: Stage) -> None:
    """It reads the configuration for itself, so the flags have to reach it."""
    cli.program("none", "")
    cli.write("other.toml", 'url = "sqlite:///other.db"\n[profiles.p]\nurl = "sqlite:///p.db"\n')
    before = dict(os.environ)
    words = ["enqueue", "-a", "none:app", "add", "a=1", "--config", "other.toml"]
    assert cli(*words).code == 0
    assert (cli.folder / "other.db").exists()
    del sys.modules["none"]
    assert cli(*words, "--profile", "p").code == 0
    assert (cli.folder / "p.db").exists()
    assert dict(os.environ) == before


def test_a_program_that_goes_elsewhere_meets_the_same_configuration(cli: Stage) -> None:
    cli.write("moving.py", f"import os\nos.chdir('/')\n{PROGRAM.format(url=None)}")
    cli.write("other.toml", 'url = "sqlite:///other.db"\n')
    ended = cli("enqueue", "-a", "moving:app", "add", "a=1", "--config", "other.toml")
    assert ended.code == 0, ended.err
    assert (cli.folder / "other.db").exists()


def test_the_programs_folder_is_that_of_the_file_that_names_it(cli: Stage) -> None:
    cli.write("queuekit.toml", 'app = "jobs:app"\n')
    cli.program()
    below = cli.folder / "below"
    below.mkdir()
    os.chdir(below)
    try:
        assert cli("enqueue", "add", "a=1").code == 0
    finally:
        os.chdir(cli.folder)


def test_warnings_of_the_configuration_are_told_once(cli: Stage) -> None:
    cli.write("queuekit.toml", f'url = "{cli.url}"\n')
    cli.write("pyproject.toml", '[tool.queuekit]\nurl = "sqlite:///y.db"\n')
    ended = cli("jobs", "show", "01900000-0000-7000-8000-000000000000")
    assert ended.err.count("queuekit: warning: url is") == 1


def test_a_store_of_one_process_is_refused(cli: Stage) -> None:
    ended = cli("jobs", "ls", "--url", "memory://")
    assert ended.code == 2
    assert "lives inside one process: name a store that processes share" in ended.err


def test_the_store_is_opened_once_and_closed_at_the_end(cli: Stage) -> None:
    cli.send()
    line = asked(url=cli.url)
    store = line.store()
    assert line.store() is store
    line.close()
    with pytest.raises(Exception, match="closed"):
        store.info()


def test_words_to_type_again_hold_no_password() -> None:
    line = asked(url="nosuch://ada:secret@h/x", app="jobs:app", config="c.toml", profile="p")
    words = ["-a", "jobs:app", "--url", "nosuch://ada:***@h/x"]
    assert line.words() == [*words, "--config", "c.toml", "--profile", "p"]


def test_an_unknown_profile_and_a_missing_file_are_2(cli: Stage, tmp_path: Path) -> None:
    cli.write("queuekit.toml", "[profiles.prod]\n")
    ended = cli("jobs", "ls", "--profile", "prdo")
    assert ended.code == 2
    assert "did you mean 'prod'?" in ended.err
    ended = cli("jobs", "ls", "--config", str(tmp_path / "none.toml"))
    assert ended.code == 2
    assert "none.toml" in ended.err
