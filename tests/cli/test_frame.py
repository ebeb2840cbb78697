"""Where options may stand, what help says, and what is meant by a slip of the pen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.stage import Stage, clean_environment

import queuekit.cli
from queuekit.cli import COMMANDS

EVERY = [name for commands in COMMANDS.values() for name in commands]


def test_the_overview_names_every_command_by_what_people_do(cli: Stage) -> None:
    ended = cli("--help")
    assert ended.code == 0
    heads = [line for line in ended.lines if line and not line.startswith(" ")]
    assert heads[1:5] == ["Start:", "Run:", "Send and look:", "Look after:"]
    assert set(EVERY) <= {line.split()[0] for line in ended.lines if line.startswith("  ")}


@pytest.mark.parametrize("name", EVERY)
def test_every_command_is_there_and_has_help(cli: Stage, name: str) -> None:
    ended = cli(name, "-h")
    assert ended.code == 0
    assert ended.out.startswith(f"Usage: queuekit {name}")


def test_help_imports_nothing_that_only_a_command_needs(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom queuekit.cli import main\n"
        "try:\n    main(['--help'])\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=clean_environment(),
    )
    loaded = set(ended.stderr.split())
    assert "click" in loaded
    heavy = "sqlalchemy sqlite3 asyncio logging pluggy tomllib importlib.metadata subprocess socket"
    ours = "queuekit.config queuekit.app queuekit.plugins queuekit.worker queuekit.demo"
    assert not loaded & set(f"{heavy} {ours}".split())
    commands = {f"queuekit.cli.{name}" for name in EVERY}
    assert not loaded & commands


def test_a_command_that_is_not_there_yet_breaks_no_overview(
    cli: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS["Start"], "nosuch", "Is to come.")
    assert "nosuch" in cli("--help").out
    ended = cli("nosuch")
    assert ended.code == 2
    assert "nosuch is not part of this release" in ended.err


def test_a_command_that_lacks_something_else_says_what(
    cli: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS["Start"], "broken", "Lacks a library.")
    monkeypatch.setattr(queuekit.cli, "__path__", [*queuekit.cli.__path__, str(cli.folder)])
    cli.write("broken.py", "import nosuchlibrary\n")
    ended = cli("broken")
    assert ended.code == 1
    assert "unexpected ModuleNotFoundError: No module named 'nosuchlibrary'" in ended.err


@pytest.mark.parametrize("words", [[], ["jobs"], ["queues"]])
def test_a_word_is_missing_so_the_help_comes_on_stderr_and_the_code_is_2(
    cli: Stage, words: list[str]
) -> None:
    ended = cli(*words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Usage: queuekit")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["wroker"], "no such command 'wroker', did you mean 'worker'? (see: queuekit --help)"),
        (["jobs", "shwo"], "no such command 'shwo', did you mean 'show'?"),
        (["jobs", "ls", "--stat", "x"], "no such option --stat, did you mean --state?"),
        (["-x"], "no such option -x (see: queuekit --help)"),
        (["jobs", "ls", "extra"], "unexpected extra argument"),
        (["jobs", "ls", "--limit", "0"], "invalid value for '--limit'"),
        (["jobs", "ls", "--limit"], "option '--limit' requires an argument"),
        (["jobs", "ls", "--cursor", "-1"], "cursor"),
    ],
)
def test_a_slip_of_the_pen_is_one_line_and_2(cli: Stage, words: list[str], line: str) -> None:
    ended = cli(*words, QUEUEKIT_URL=cli.url)
    assert (ended.code, ended.out) == (2, "")
    assert line in ended.err
    assert len(ended.err.splitlines()) == 1


def test_an_option_may_stand_before_and_after_the_commands_word(cli: Stage) -> None:
    cli.send()
    for words in (
        ["--url", cli.url, "jobs", "ls"],
        ["jobs", "--url", cli.url, "ls"],
        ["jobs", "ls", "--url", cli.url],
    ):
        assert "mail.send" in cli(*words).out
        assert cli("--json", *words).json["jobs"]
        assert cli(*words, "--json").json["jobs"]


def test_the_inner_option_wins_and_a_flag_beats_the_environment(cli: Stage) -> None:
    for words in (
        ["--url", "nosuch-outer://x", "jobs", "ls", "--url", "nosuch-inner://x"],
        ["--url", "nosuch-outer://x", "jobs", "--url", "nosuch-inner://x", "ls"],
    ):
        assert "nosuch-inner" in cli(*words, QUEUEKIT_URL="nosuch-environment://x").err
    before = ["--url", "nosuch-outer://x", "jobs", "ls"]
    for variable in ("QUEUEKIT_URL", "QUEUEKIT_JOBS_LS_URL", "QUEUEKIT_JOBS_URL"):
        assert "nosuch-outer" in cli(*before, **{variable: "nosuch-environment://x"}).err


def test_json_in_the_environment_counts_as_the_flag(cli: Stage) -> None:
    assert cli("jobs", "ls", "--url", cli.url, QUEUEKIT_JSON="1").json == {
        "jobs": [],
        "cursor": None,
    }
    assert cli("jobs", "ls", "--url", cli.url, QUEUEKIT_JSON="0").out == ""


def test_a_commands_flag_has_a_variable_that_its_help_names(cli: Stage) -> None:
    cli.send()
    cli.send()
    ended = cli("jobs", "ls", "--json", "--url", cli.url, QUEUEKIT_JOBS_LS_LIMIT="1")
    assert len(ended.json["jobs"]) == 1
    shown = " ".join(cli("jobs", "ls", "--help").out.split())
    assert "[env var: QUEUEKIT_JOBS_LS_LIMIT" in shown
    everywhere = " ".join(cli("--help").out.split())
    for name in ("APP", "URL", "CONFIG", "PROFILE", "JSON", "TRACEBACK"):
        assert f"[env var: QUEUEKIT_{name}]" in everywhere


def test_a_command_without_a_json_form_says_so(cli: Stage) -> None:
    ended = cli("--json", "worker", "-a", "jobs:app")
    assert ended.code == 2
    assert "this command has no --json form" in ended.err


def test_examples_in_help_keep_their_lines(cli: Stage) -> None:
    out = cli("enqueue", "--help").out
    assert "\n  Examples:\n    queuekit enqueue mail.send to=ada@example.org copies=2\n" in out


@pytest.mark.parametrize("name", EVERY)
def test_help_fits_a_terminal_of_80_columns(cli: Stage, name: str) -> None:
    assert max(map(len, cli(name, "--help").lines)) <= 80
