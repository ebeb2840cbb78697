"""`queuekit tasks` tells what a program can be asked to do."""

from __future__ import annotations

import pytest
from tests.cli.stage import Stage

PROGRAM = '''
from __future__ import annotations

from datetime import timedelta

from queuekit import App, Backoff, BackoffKind, Retry

app = App("sqlite:///jobs.db")


@app.task(queue="mail", priority=3)
async def send(to: str, times: int = 1) -> None:
    """Send one mail.

    And more that nobody reads in a list.
    """


@app.task(
    name="count",
    retry=Retry(
        max_attempts=2,
        backoff=Backoff(
            BackoffKind.LIST, jitter=False, waits=(timedelta(seconds=1), timedelta(minutes=1))
        ),
        discard_on=(ValueError,),
    ),
)
def _count(*numbers: int) -> int:
    return len(numbers)
'''


@pytest.fixture
def program(cli: Stage) -> Stage:
    """A folder with a program of two tasks."""
    (cli.folder / "mails.py").write_text(PROGRAM)
    return cli


def test_the_list_has_a_line_for_each_task(program: Stage) -> None:
    ended = program("tasks", "ls", "-a", "mails:app")
    assert (ended.code, ended.err) == (0, "")
    head, count, send = ended.out.splitlines()
    assert head.split() == ["TASK", "QUEUE", "EXECUTOR", "RETRY", "SIGNATURE", "ABOUT"]
    assert count.split() == [
        "count",
        "default",
        "process",
        "2,",
        "list",
        "(*numbers:",
        *["int)", "->", "int"],
    ]
    assert "mails.send  mail     asyncio   5, exponential  " in send
    assert "(to: str, times: int = 1) -> None" in send
    assert send.endswith("Send one mail.")


def test_one_task_is_shown_in_words(program: Stage) -> None:
    ended = program("tasks", "show", "mails.send", "-a", "mails:app")
    assert ended.code == 0
    lines = {line[:12].strip(): line[12:].strip() for line in ended.out.splitlines()}
    assert lines == {
        "task": "mails.send",
        "queue": "mail",
        "priority": "3",
        "executor": "asyncio",
        "signature": "(to: str, times: int = 1) -> None",
        "attempts": "5, waiting 5s at first, exponential up to 1h, at random down to none",
        "discard on": "no error at once",
        "about": "Send one mail.",
    }


def test_a_list_of_waits_is_shown_in_words(program: Stage) -> None:
    out = program("tasks", "show", "count", "-a", "mails:app").out
    assert "2, waiting 1s, 1m in between\n" in out
    assert "builtins.ValueError" in out
    assert "no docstring" in out


def test_the_json_forms_have_these_keys(program: Stage) -> None:
    listed = program("tasks", "ls", "--json", "-a", "mails:app").json
    assert listed.keys() == {"tasks"}
    shown = program("tasks", "show", "count", "--json", "-a", "mails:app").json
    assert shown == {
        "name": "count",
        "queue": "default",
        "priority": 0,
        "executor": "process",
        "signature": "(*numbers: int) -> int",
        "retry": {
            "max_attempts": 2,
            "backoff": {
                "kind": "list",
                "base": 5.0,
                "cap": 3600.0,
                "jitter": False,
                "waits": [1.0, 60.0],
            },
            "discard_on": ["builtins.ValueError"],
        },
        "about": "",
    }
    assert shown == listed["tasks"][0]
    assert [task["name"] for task in listed["tasks"]] == ["count", "mails.send"]


def test_no_store_is_opened(program: Stage) -> None:
    program("tasks", "ls", "-a", "mails:app")
    assert not (program.folder / "jobs.db").exists()


def test_an_app_without_tasks_says_so(cli: Stage) -> None:
    (cli.folder / "none.py").write_text("from queuekit import App\napp = App()\n")
    ended = cli("tasks", "ls", "-a", "none:app")
    assert (ended.code, ended.out) == (0, "")
    assert "holds no task" in ended.err


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["show", "send", "-a", "mails:app"], 6, "no task named 'send', did you mean 'mails.send'"),
        (["ls"], 2, "no app is named: pass -a module:app"),
        (["ls", "-a", "mial:app"], 5, "cannot import mial"),
    ],
)
def test_what_is_wrong_is_one_line(
    program: Stage, words: list[str], code: int, problem: str
) -> None:
    ended = program("tasks", *words)
    assert (ended.code, ended.out) == (code, "")
    assert problem in ended.err
    assert len(ended.err.splitlines()) == 1
