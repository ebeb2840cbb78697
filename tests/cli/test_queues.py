"""`queuekit queues`: looking at queues, holding, releasing and emptying them."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from tests.cli.stage import Stage

from queuekit.cli import queues


@pytest.fixture
def shop(cli: Stage) -> Stage:
    """A store that the configuration names, and no program."""
    cli.write("queuekit.toml", f'url = "{cli.url}"\n')
    return cli


def test_the_list_counts_jobs_and_the_live_workers_of_each_queue(shop: Stage) -> None:
    shop.running()
    shop.send()
    shop.send(due=timedelta(hours=1))
    shop.send(queue="bulk")
    shop.store.set_queue("bulk", paused=True)
    shop.beat("w1", {"queues": ["mail"], "lease": 3600})
    shop.beat("w2", {"queues": None, "lease": 3600})
    shop.beat("dead", {"queues": None, "lease": 0.000001})
    ended = shop("queues", "ls")
    assert (ended.code, ended.err) == (0, "")
    assert ended.lines == [
        "QUEUE  WAITING  RUNNING  WORKERS",
        "bulk         1        0        1  paused",
        "mail         2        1        2",
    ]


def test_no_queues_are_told_in_words(shop: Stage) -> None:
    ended = shop("queues", "ls")
    assert (ended.code, ended.out) == (0, "")
    assert "no queues yet" in ended.err
    assert shop("queues", "ls", "--json").json == {"queues": []}


def test_queues_of_the_apps_tasks_are_listed_too(cli: Stage) -> None:
    app = cli.program()
    ended = cli("queues", "ls", "-a", app)
    assert [line.split()[0] for line in ended.lines] == ["QUEUE", "default", "mail"]


def test_the_list_as_json_has_these_keys(shop: Stage) -> None:
    shop.send()
    assert shop("queues", "ls", "--json").json == {
        "queues": [
            {
                "name": "mail",
                "paused": False,
                "mode": "strict",
                "counts": {
                    "pending": 0,
                    "scheduled": 0,
                    "available": 1,
                    "running": 0,
                    "retryable": 0,
                },
                "workers": 0,
            }
        ]
    }


def test_one_queue_is_shown_by_state_with_its_workers(shop: Stage) -> None:
    shop.completed()
    shop.running()
    shop.send()
    ended = shop("queues", "show", "mail")
    assert ended.code == 0
    for line in (
        r"queue +mail",
        r"paused +no",
        r"available +1",
        r"running +1",
        r"completed +1",
        r"discarded +0",
        r"workers +none alive; to start one: queuekit worker -Q mail",
    ):
        assert re.search(f"^{line}$", ended.out, re.MULTILINE), (line, ended.out)
    shop.beat("w1", {"lease": 3600})
    shop.store.set_queue("mail", paused=True)
    out = shop("queues", "show", "mail").out
    assert re.search(r"^workers +w1$", out, re.MULTILINE)
    assert re.search(
        r"^paused +yes; to let it go on: queuekit queues resume mail$", out, re.MULTILINE
    )


def test_ended_jobs_are_counted_at_a_bounded_cost(
    shop: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        shop.completed()
    monkeypatch.setattr(queues, "MOST_COUNTED", 2)
    assert re.search(r"completed +2\+", shop("queues", "show", "mail").out)
    assert shop("queues", "show", "mail", "--json").json["exact"] is False


def test_one_queue_as_json_has_these_keys(shop: Stage) -> None:
    shop.completed()
    shop.beat("w1", {"lease": 3600})
    assert shop("queues", "show", "mail", "--json").json == {
        "name": "mail",
        "paused": False,
        "mode": "strict",
        "counts": {
            "pending": 0,
            "scheduled": 0,
            "available": 0,
            "running": 0,
            "retryable": 0,
            "completed": 1,
            "discarded": 0,
            "cancelled": 0,
        },
        "workers": 1,
        "exact": True,
        "worker_ids": ["w1"],
    }


@pytest.mark.parametrize("verb", ["show", "pause", "resume", "purge"])
def test_an_unknown_queue_is_6_and_the_near_one_is_offered(shop: Stage, verb: str) -> None:
    shop.send()
    ended = shop("queues", verb, "mial")
    assert (ended.code, ended.out) == (6, "")
    assert "no queue named 'mial', did you mean 'mail'?" in ended.err
    assert [queue.name for queue in shop.store.queues()] == ["mail"]


def test_a_queue_that_only_a_task_names_is_known(cli: Stage) -> None:
    app = cli.program()
    assert cli("queues", "pause", "mail", "-a", app).code == 0
    assert cli("queues", "pause", "mial", "-a", app).code == 6


def test_pause_and_resume_hold_and_release_a_queue(shop: Stage) -> None:
    shop.running()
    ended = shop("queues", "pause", "mail")
    assert (ended.code, ended.out) == (0, "queue mail is paused; 1 job still running\n")
    assert shop.store.queues()[0].paused
    assert shop("queues", "resume", "mail").out == "queue mail goes on\n"
    assert not shop.store.queues()[0].paused
    assert shop("queues", "resume", "mail").out == "queue mail was not paused\n"


def test_pause_and_resume_as_json_have_these_keys(shop: Stage) -> None:
    shop.send()
    paused = {"queue": "mail", "paused": True}
    assert shop("queues", "pause", "mail", "--json").json == paused
    assert shop("queues", "resume", "mail", "--json").json == paused | {"paused": False}


def test_force_pauses_a_queue_that_nobody_uses_yet(shop: Stage) -> None:
    assert shop("queues", "pause", "new", "--force").code == 0
    assert [(queue.name, queue.paused) for queue in shop.store.queues()] == [("new", True)]
    assert shop("queues", "resume", "new").code == 0


# --- purge


def filled(shop: Stage) -> list[UUID]:
    """A job of each kind that a purge leaves alone."""
    kept = [shop.running(), shop.completed(), shop.send(queue="bulk"), shop.send(armed=False)]
    shop.send()
    shop.send(due=timedelta(hours=1))
    return kept


def test_purge_counts_asks_and_deletes_what_waits(shop: Stage) -> None:
    kept = filled(shop)
    ended = shop("queues", "purge", "mail", typed="y\n")
    assert ended.err == "queuekit: will delete 2 waiting jobs of queue mail. Go on? [y/N] "
    assert (ended.code, ended.out) == (0, "2 jobs deleted\n")
    left = shop("jobs", "ls", "--json").json["jobs"]
    assert {job["id"] for job in left} == set(map(str, kept))


def test_purge_without_a_yes_deletes_nothing(shop: Stage) -> None:
    filled(shop)
    assert shop("queues", "purge", "mail", typed="n\n").code == 1
    ended = shop("queues", "purge", "mail")
    assert (ended.code, ended.out) == (2, "")
    assert "pass --yes" in ended.err
    ended = shop("queues", "purge", "mail", "--dry-run")
    assert (ended.code, ended.out) == (0, "will delete 2 waiting jobs of queue mail\n")
    assert len(shop("jobs", "ls", "--json").json["jobs"]) == 6


def test_purge_of_an_empty_queue_asks_nothing(shop: Stage) -> None:
    shop.completed()
    assert shop("queues", "purge", "mail").out == "queue mail is empty\n"


def test_purge_goes_on_in_batches(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        shop.send()
    monkeypatch.setattr(queues, "MAX_BATCH", 2)
    ended = shop("queues", "purge", "mail", "--yes", "--json")
    assert ended.json == {"queue": "mail", "counted": 5, "purged": 5}
