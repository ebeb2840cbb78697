"""However it ends: one line, an exit code that a script can tell apart, and no traceback."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from tests.cli.stage import Stage, clean_environment, run_command

from queuekit import errors
from queuekit.cli import jobs
from queuekit.cli.endings import exit_code

ID = UUID("01900000-0000-7000-8000-000000000000")

CODES: dict[int, list[Exception]] = {
    1: [
        errors.JobFailed(ID, "why"),
        errors.JobCancelled(ID, "why"),
        errors.ResultTimeout(ID, "running", 1.0),
        errors.InvalidTransition(ID, "running", "rerun"),
        errors.QueuekitError("any other"),
        ValueError("not ours"),
    ],
    2: [
        errors.ConfigurationError("x"),
        errors.InvalidConfiguration("o", "k", "p"),
        errors.StoreNotConfigured(),
        errors.AppNotConfigured(),
        errors.ContractMismatch("a", 1, 2),
        errors.InvalidArguments("t", "p"),
        errors.PayloadError("p", "x"),
        errors.EnqueueRefused("t", "r"),
        errors.InvalidJob("f", "p"),
        errors.JobConflict(ID),
        errors.LeaseLost(ID),
        errors.LoadFailed("p", "x"),
        errors.ReferenceGone("p", "n", 1),
        errors.ResultNotStorable(ID, "x"),
    ],
    3: [
        errors.StoreUnavailable("x"),
        errors.OutcomeUnknown("x"),
        errors.StoreReadOnly("x"),
        errors.StoreFull("x"),
        errors.StoreCorrupt("x"),
        errors.TransactionLost("x", retryable=True),
    ],
    4: [errors.SchemaMissing("x"), errors.SchemaVersion(1, 2, "w")],
    5: [errors.AppImportError("x")],
    6: [errors.UnknownTask("t", []), errors.UnknownQueue("q", []), errors.JobNotFound(ID)],
    7: [
        errors.UnknownScheme("s", []),
        errors.DriverMissing("s", "m", "i"),
        errors.UnsupportedOperation("c", "a"),
    ],
}


@pytest.mark.parametrize(
    ("code", "problem"), [(code, problem) for code, all_ in CODES.items() for problem in all_]
)
def test_every_error_has_its_exit_code(code: int, problem: Exception) -> None:
    assert exit_code(problem) == code


def test_no_error_is_left_out() -> None:
    named = {type(problem) for all_ in CODES.values() for problem in all_}
    bases = {errors.JobError, errors.StoreError, errors.SchemaError}
    public = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.QueuekitError)
    }
    assert public - named == bases


@pytest.fixture
def shop(cli: Stage) -> Stage:
    """A program and a store."""
    cli.program()
    cli.write("queuekit.toml", 'app = "jobs:app"\n')
    return cli


@pytest.mark.parametrize(
    ("code", "words", "line"),
    [
        (0, ["queues", "ls"], ""),
        (2, ["jobs", "ls", "--url", "jobs.db"], "has no scheme"),
        (3, ["jobs", "ls", "--url", "sqlite:///no/such/jobs.db"], "no directory"),
        (4, ["jobs", "ls", "--url", "sqlite:///newer.db"], "has schema 99"),
        (5, ["jobs", "ls", "-a", "missing:app"], "cannot import missing: ModuleNotFoundError"),
        (6, ["enqueue", "nosuch"], "no task named 'nosuch'"),
        (6, ["queues", "show", "nosuch"], "no queue named 'nosuch'"),
        (6, ["jobs", "show", str(ID)], "no job 0190"),
        (7, ["jobs", "ls", "--url", "nosuch://x"], "no adapter for nosuch://"),
    ],
)
def test_each_exit_code_is_met_by_a_real_command(
    shop: Stage, code: int, words: list[str], line: str
) -> None:
    shop("queues", "ls", "--url", "sqlite:///newer.db")
    with sqlite3.connect(shop.folder / "newer.db") as newer:
        newer.execute("update queuekit_meta set value = '99' where key = 'schema'")
    newer.close()
    ended = shop(*words)
    assert ended.code == code, ended
    assert line in ended.err
    if code:
        assert len(ended.err.splitlines()) == 1
        assert ended.err.startswith("queuekit: ")


@pytest.mark.parametrize("place", ["before", "after", "environment"])
def test_traceback_shows_the_whole_of_it(shop: Stage, place: str) -> None:
    words = ["jobs", "show", str(ID)]
    words = ["--traceback", *words] if place == "before" else words
    words = [*words, "--traceback"] if place == "after" else words
    environment = {"QUEUEKIT_TRACEBACK": "1"} if place == "environment" else {}
    ended = shop(*words, **environment)
    assert ended.code == 6
    first, second, *_ = ended.err.splitlines()
    assert first.startswith("queuekit: no job")
    assert second == "Traceback (most recent call last):"
    assert "JobNotFound" in ended.err


def test_the_unexpected_is_one_line_and_says_how_to_see_more(
    shop: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("two\nlines \x1b[31m")

    monkeypatch.setattr(jobs, "read", broken)
    ended = shop("jobs", "ls")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "queuekit: unexpected ValueError: two lines \\x1b[31m; --traceback shows where\n"
    )
    ended = shop("jobs", "ls", "--traceback")
    assert ended.code == 1
    assert "in broken" in ended.err
    assert "\x1b" not in ended.err
    assert "shows where" not in ended.err


@pytest.mark.parametrize("words", [[], ["--traceback"]])
def test_no_password_is_ever_shown(shop: Stage, words: list[str]) -> None:
    ended = shop("jobs", "ls", "--url", "nosuch://ada:s3cret@h/x#y", *words)
    assert ended.code == 2
    assert "s3cret" not in ended.err
    shop.write("raising.py", "raise ValueError('sqlite://ada:s3cret@h/x')")
    ended = shop("jobs", "ls", "-a", "raising:app", *words)
    assert "ada:***@h" in ended.err
    assert "s3cret" not in ended.err.replace("raise ValueError('sqlite://ada:s3cret@h/x')", "")


# --- as real processes


@pytest.fixture
def folder(shop: Stage) -> Path:
    """The same, with a few jobs."""
    for _ in range(3):
        shop.send(id=None)
    return shop.folder


def into_closed_pipe(folder: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return run_command(
            folder, words, capture_output=False, stdout=writing, stderr=subprocess.PIPE
        )
    finally:
        os.close(writing)


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["jobs", "ls", "--help"],
        ["jobs", "ls"],
        ["jobs", "ls", "--json"],
        ["queues", "ls"],
        ["enqueue", "add", "a=1", "--queue", "mail"],
        ["jobs", "cancel", "--all", "--yes"],
    ],
)
def test_a_reader_that_has_gone_is_silent_and_1(folder: Path, words: list[str]) -> None:
    ended = into_closed_pipe(folder, words)
    assert ended.returncode == 1
    remarks = ("queuekit: no live worker", "queuekit: will cancel 3 jobs")
    assert [line for line in ended.stderr.splitlines() if not line.startswith(remarks)] == []


@pytest.mark.parametrize("words", [["--help"], ["jobs", "ls"], ["jobs", "ls", "--json"]])
def test_a_full_device_under_the_output_is_one_line(folder: Path, words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = run_command(
            folder, words, capture_output=False, stdout=full, stderr=subprocess.PIPE
        )
    assert ended.returncode == 1
    assert ended.stderr == "queuekit: [Errno 28] No space left on device\n"


def test_an_argument_that_is_no_utf8_is_one_line_and_2(folder: Path) -> None:
    ended = run_command(folder, [b"jobs", b"ls", b"--task", b"caf\xe9"])
    assert ended.returncode == 2
    assert ended.stderr == "queuekit: argument 4 is no UTF-8 text: 'caf\\udce9'\n"
    assert ended.stdout == ""


def test_no_output_at_all_is_no_failure(folder: Path) -> None:
    ended = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m queuekit jobs ls >&-'],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean_environment(),
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_encoding_that_lacks_a_character_shows_it_escaped(folder: Path, shop: Stage) -> None:
    shop.send(task="send.✓")
    ended = run_command(
        folder, ["jobs", "ls"], env=clean_environment(PYTHONIOENCODING="iso-8859-1:strict")
    )
    assert ended.returncode == 0
    assert "send.\\u2713" in ended.stdout


def test_an_interrupt_is_130(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "queuekit", "enqueue", "add", "a=1", "--wait"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    )
    assert process.stderr is not None
    while "no live worker" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, err.strip()) == ("", "")


def test_an_interrupt_at_the_question_is_130(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.send()

    def interrupted(*_: object, **__: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("queuekit.cli.queues.ask", interrupted)
    ended = shop("queues", "purge", "mail")
    assert (ended.code, ended.err.strip()) == (130, "")


@pytest.mark.parametrize("arguments", [["--help"], ["jobs", "ls"]])
def test_no_colour_reaches_a_file(shop: Stage, arguments: list[str]) -> None:
    assert "\x1b" not in shop(*arguments).out
