"""`queuekit stats` counts, and tells what waits in vain."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.cli.stage import Stage

from queuekit.job import JobState

URL = "sqlite:///jobs.db"
HOUR = timedelta(hours=1)


@pytest.fixture
def shop(cli: Stage) -> Stage:
    """Three jobs in one queue, one of them due later, and one job that ended in another."""
    for due in (None, None, HOUR):
        cli.send(queue="mail", due=due)
    cli.store.cancel([cli.send(queue="bulk")], "test")
    return cli


def beat(stage: Stage, queues: list[str] | None) -> None:
    stage.beat(info={"queues": queues, "lease": 86_400})


def test_jobs_are_counted_by_state_and_queue(shop: Stage) -> None:
    beat(shop, None)
    ended = shop("stats", "--url", URL)
    assert (ended.code, ended.err) == (0, "")
    lines = [line.split() for line in ended.out.splitlines()]
    assert ["store", str(shop.folder / "jobs.db")] in lines
    assert ["workers", "1", "alive,", "0", "silent"] in lines
    for state, number in {"available": "2", "scheduled": "1", "cancelled": "1"}.items():
        assert [state, number] in lines
    head = ["QUEUE", "PENDING", "SCHEDULED", "AVAILABLE", "RUNNING", "RETRYABLE", "WORKERS"]
    assert lines[lines.index(head) + 1 :] == [["mail", "0", "1", "2", "0", "0", "1"]]


def test_the_json_form_has_these_keys(shop: Stage) -> None:
    shown = shop("stats", "--json", "--url", URL).json
    assert shown.pop("now").endswith("Z")
    counts = {"scheduled": 1, "available": 2, "cancelled": 1}
    live = ("pending", "scheduled", "available", "running", "retryable")
    assert shown == {
        "location": str(shop.folder / "jobs.db"),
        "states": {
            state.value: {"jobs": counts.get(state.value, 0), "exact": True} for state in JobState
        },
        "queues": [
            {
                "name": "mail",
                "paused": False,
                "mode": "strict",
                "counts": {state: counts.get(state, 0) for state in live},
                "workers": 0,
            }
        ],
        "workers": {"alive": 0, "silent": 0},
        "unserved": ["mail"],
    }


@pytest.mark.parametrize("queues", [None, ["mail"]])
def test_a_queue_that_a_live_worker_serves_needs_no_word(
    shop: Stage, queues: list[str] | None
) -> None:
    beat(shop, queues)
    assert shop("stats", "--url", URL).err == ""


def test_jobs_that_no_live_worker_serves_are_told_of(shop: Stage) -> None:
    beat(shop, ["bulk"])
    assert shop("stats", "--url", URL).err == (
        "queuekit: 3 jobs waiting in queue 'mail', which no live worker serves:"
        f" queuekit --url {URL} worker -Q mail\n"
    )


def test_jobs_that_are_all_due_later_need_a_worker_as_well(shop: Stage) -> None:
    shop.store.purge("mail", 10)
    shop.send(queue="mail", due=HOUR)
    assert "1 job waiting in queue 'mail', which no live" in shop("stats", "--url", URL).err


def test_jobs_in_a_paused_queue_are_told_of(shop: Stage) -> None:
    beat(shop, None)
    shop.store.set_queue("mail", paused=True)
    ended = shop("stats", "--url", URL)
    assert ended.err == (
        "queuekit: 3 jobs waiting in queue 'mail', which is paused:"
        f" queuekit --url {URL} queues resume mail\n"
    )
    assert "paused" in ended.out


def test_an_empty_store_has_nothing_to_say(cli: Stage) -> None:
    ended = cli("stats", "--url", URL)
    assert (ended.code, ended.err) == (0, "")
    assert "QUEUE" not in ended.out
