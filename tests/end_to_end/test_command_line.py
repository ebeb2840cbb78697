"""What is wrong is one clear line and an exit code that a script can tell apart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = "from queuekit import App\napp = App({url!r})\n\n@app.task\ndef nothing(): ...\n"


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command, as typed, in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "queuekit", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("QUEUEKIT")}
        | {"XDG_CACHE_HOME": str(folder / "cache")}
        | environment,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with programs, right and wrong ones."""
    (tmp_path / "plain.py").write_text(PROGRAM.format(url=None))
    (tmp_path / "raising.py").write_text("1 / 0")
    (tmp_path / "appless.py").write_text("")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "one.txt").write_text("one\n")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["worker"], 2, "no app is named: pass -a module:app"),
        (["worker", "-a", "missing:app"], 5, "cannot import missing: ModuleNotFoundError"),
        (["worker", "-a", "raising"], 5, "cannot import raising: ZeroDivisionError"),
        (["worker", "-a", "appless"], 5, "appless holds no App; write app = App(...)"),
        (["worker", "-a", "plain"], 2, "no store is configured"),
        (["worker", "-a", "plain", "--url", "nosuch://x"], 7, "no adapter for nosuch://"),
        (["worker", "-a", "plain", "--url", "jobs.db"], 2, "has no scheme"),
        (["worker", "-a", "plain", "--url", "memory://"], 2, "lives inside one process"),
        (["worker", "-a", "plain", "--url", "sqlite:///no/such/jobs.db"], 3, "no directory"),
        (["worker", "-a", "plain", "-Q", "a,,b"], 2, "'' is no name of a queue"),
        (["worker", "-a", "plain", "--lease", "0.1"], 2, "'--lease': 100ms is out of range"),
        (["worker", "-a", "plain", "--concurrency", "0"], 2, "'--concurrency': 0 is out of range"),
        (["jobs", "ls", "--url", "sqlite:///no/such/jobs.db"], 3, "no directory"),
        (["demo", "no-such-folder"], 2, "no-such-folder"),
        (["demo", "cache"], 2, "cache"),
        (["demo", "files", "--url", "memory://"], 2, "processes share"),
        (["wroker"], 2, "no such command 'wroker', did you mean 'worker'?"),
    ],
)
def test_what_is_wrong_is_one_line_and_a_code(
    folder: Path, words: list[str], code: int, line: str
) -> None:
    ended = run(folder, *words)
    assert ended.returncode == code, ended.stderr
    assert line in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_apps_own_url_wins_over_the_environment_and_a_flag_over_both(folder: Path) -> None:
    (folder / "fixed.py").write_text(PROGRAM.format(url="nosuch-app://x"))
    environment = {"QUEUEKIT_URL": "nosuch-environment://x"}
    assert "nosuch-app" in run(folder, "worker", "-a", "fixed", **environment).stderr
    assert "nosuch-environment" in run(folder, "worker", "-a", "plain", **environment).stderr
    flag = ["--url", "nosuch-flag://x"]
    assert "nosuch-flag" in run(folder, "worker", "-a", "fixed", *flag, **environment).stderr


def test_help_and_version_need_no_store_and_no_app(folder: Path) -> None:
    assert "worker" in run(folder, "--help").stdout
    assert run(folder, "--version").stdout.startswith("queuekit, version ")
    assert "SIGTERM" in run(folder, "worker", "--help").stdout


def test_a_full_device_under_the_output_is_one_line(folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "queuekit", "demo", "files"],
            cwd=folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache")},
        )
    assert ended.returncode != 0
    assert "No space left" in ended.stderr
    assert "queuekit/cli" not in ended.stderr
