"""`queuekit workers ls` tells the living from the silent."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.stage import Stage

URL = "sqlite:///jobs.db"

INFO: dict[str, Any] = {
    "host": "alpha",
    "pid": 17,
    "app": "jobs:app",
    "queues": ["mail", "default"],
    "lease": 86_400.0,
    "processes": 4,
    "coroutines": 10,
    "version": "0.1.0",
}


@pytest.fixture
def three(cli: Stage) -> Stage:
    """One that lives, one that was silent for longer than its lease, one that says nothing."""
    cli.beat("a", INFO)
    cli.beat("b", INFO | {"queues": None, "lease": 1e-6})
    cli.beat("c", "?")
    return cli


def test_the_list_tells_who_lives_and_who_is_silent(three: Stage) -> None:
    ended = three("workers", "ls", "--url", URL)
    assert (ended.code, ended.err) == (0, "")
    head, *rows = (" ".join(line.split()) for line in ended.out.splitlines())
    assert head == "WORKER HOST PID APP QUEUES STARTED LAST BEAT IS"
    assert [row.split(" ", 4)[:4] for row in rows] == [
        ["a", "alpha", "17", "jobs:app"],
        ["b", "alpha", "17", "jobs:app"],
        ["c", "?", "?", "?"],
    ]
    assert "mail,default" in rows[0]
    assert "every queue" in rows[1]
    assert [row.split()[-1] for row in rows] == ["alive", "silent", "alive"]


def test_the_json_form_has_these_keys(three: Stage) -> None:
    shown = three("workers", "ls", "--json", "--url", URL).json
    assert shown.keys() == {"workers"}
    alive, silent, quiet = shown["workers"]
    for worker in shown["workers"]:
        assert worker.pop("started_at").endswith("Z")
        assert worker.pop("beat_at").endswith("Z")
    assert alive == INFO | {"id": "a", "alive": True}
    assert silent == INFO | {"id": "b", "alive": False, "queues": None, "lease": 1e-6}
    assert quiet == dict.fromkeys(INFO) | {"id": "c", "alive": True, "lease": 30.0}


def test_without_workers_it_says_how_to_start_one(cli: Stage) -> None:
    ended = cli("workers", "ls", "--url", URL)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == (
        f"queuekit: no worker is on record; to start one: queuekit --url {URL} worker\n"
    )
    assert cli("workers", "ls", "--url", URL, "--json").json == {"workers": []}
