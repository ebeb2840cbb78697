"""`queuekit init` writes a program that runs, or nothing at all."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from tests.cli.stage import Stage, run_command

from queuekit.cli.init import write_all
from queuekit.config import KEYS, default_of, load_config


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.slow
def test_the_commands_that_it_prints_run_a_job_to_its_end(tmp_path: Path) -> None:
    ended = run_command(tmp_path, ["init"])
    assert ended.returncode == 0, ended.stderr
    wrote, _, *commands = ended.stdout.splitlines()
    assert wrote == "wrote queuekit.toml and jobs.py"
    assert [shlex.split(command)[:2] for command in commands] == [
        ["queuekit", "enqueue"],
        ["queuekit", "worker"],
        ["queuekit", "jobs"],
    ]
    for command in commands:
        words = shlex.split(command)[1:]
        words += ["--burst"] if words == ["worker"] else []
        ended = run_command(tmp_path, words)
        assert ended.returncode == 0, ended.stderr
    assert "completed" in ended.stdout
    assert "jobs.add" in ended.stdout


def test_the_configuration_is_read_and_shown_as_it_was_asked_for(cli: Stage) -> None:
    url = 'sqlite:///data/"quoted" \\ ü.db'
    assert cli("init", "--url", url).code == 0
    written = tomllib.loads((cli.folder / "queuekit.toml").read_text(encoding="utf-8"))
    assert written == {"url": url, "app": "jobs:app", "worker": {}}
    ended = cli("config", "show")
    assert ended.code == 0
    assert url in ended.out


def test_the_examples_in_its_comments_hold_once_they_are_uncommented(cli: Stage) -> None:
    cli("init")
    path = cli.folder / "queuekit.toml"
    path.write_text(re.sub(r"^# (?=\w+ = )", "", path.read_text(), flags=re.MULTILINE))
    config = load_config()
    assert config.value("worker.queues") == ("default",)
    assert config.value("worker.concurrency") == 4
    assert config.settings.keys() == KEYS.keys()
    for key in ("worker.coroutines", "worker.lease", "worker.grace"):
        assert config.value(key) == default_of(key)


@pytest.mark.parametrize("name", ["queuekit.toml", "jobs.py"])
def test_it_overwrites_nothing_and_then_writes_nothing(cli: Stage, name: str) -> None:
    (cli.folder / name).write_text("mine")
    before = files(cli.folder)
    ended = cli("init")
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err == (
        f"queuekit: {name} is here already, in {cli.folder}; nothing was written\n"
    )
    assert files(cli.folder) == before


def test_a_link_that_leads_nowhere_is_there_too(cli: Stage) -> None:
    (cli.folder / "jobs.py").symlink_to("elsewhere.py")
    assert cli("init").code == 2
    assert not (cli.folder / "elsewhere.py").exists()
    assert not (cli.folder / "queuekit.toml").exists()


def test_what_was_written_goes_away_if_the_rest_cannot_be(cli: Stage) -> None:
    with pytest.raises(FileNotFoundError):
        write_all({Path("one.txt"): "1", Path("no/such/folder/two.txt"): "2"})
    assert files(cli.folder) == {}


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["--url", "jobs.db"], 2, "'jobs.db' is no URL of a store, such as sqlite:///jobs.db"),
        (["--url", "sqlite:///a\nb"], 2, "is no URL of a store"),
        (["--url", "sqlit:///a"], 7, "no adapter for sqlit:// is installed"),
        (["--profile", "prod"], 2, "it takes no --profile"),
    ],
)
def test_what_cannot_be_set_up_is_one_line_and_no_file(
    cli: Stage, words: list[str], code: int, problem: str
) -> None:
    ended = cli("init", *words)
    assert ended.code == code
    assert problem in ended.err
    assert len(ended.err.splitlines()) == 1
    assert files(cli.folder) == {}


def test_a_password_that_is_written_down_is_told_of_but_not_shown(cli: Stage) -> None:
    ended = cli("init", "--url", "sqlite://u:hunter2@h/x")
    assert "the password stands in queuekit.toml" in ended.err
    assert "hunter2" not in ended.out + ended.err
    assert "hunter2" in (cli.folder / "queuekit.toml").read_text()


def test_a_password_that_is_left_to_the_environment_needs_no_word(cli: Stage) -> None:
    ended = cli("init", "--url", "sqlite://u:${PASSWORD}@h/x")
    assert ended.err == ""
    assert '"sqlite://u:${PASSWORD}@h/x"' in (cli.folder / "queuekit.toml").read_text()
