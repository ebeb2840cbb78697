"""`queuekit enqueue` sends what was typed, and tells the id alone."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.cli.stage import Stage

from queuekit.job import JobState, Move
from queuekit.storage import JobFilter


@pytest.fixture
def shop(cli: Stage) -> Stage:
    """A program that the configuration names, and a worker for all queues."""
    cli.program()
    cli.write("queuekit.toml", 'app = "jobs:app"\n')
    cli.beat(info={"queues": None, "lease": 3600})
    return cli


def test_the_id_stands_alone_on_stdout(shop: Stage) -> None:
    ended = shop("enqueue", "mail.send", "to=ada")
    assert (ended.code, ended.err) == (0, "")
    job = shop.job(ended.out.strip())
    assert ended.out == f"{job.id}\n"
    assert (job.task, job.queue, job.max_attempts) == ("mail.send", "mail", 2)
    assert json.loads(job.payload) == {"args": [], "kwargs": {"to": "ada"}}


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("a=3", 3),
        ("a=3.5", 3.5),
        ("a=true", True),
        ("a=null", None),
        ("a=[1, 2]", [1, 2]),
        ('a={"x": 1}', {"x": 1}),
        ('a="3"', "3"),
        ("a=ada", "ada"),
        ("a=", ""),
        ("a=x=y", "x=y"),
        ("a=NaN", "NaN"),
        ("a={broken", "{broken"),
    ],
)
def test_a_value_is_json_if_it_is_json_and_else_text(
    shop: Stage, typed: str, value: object
) -> None:
    ended = shop("enqueue", "add", typed)
    kwargs = json.loads(shop.job(ended.out.strip()).payload)["kwargs"]
    assert kwargs == {"a": value}
    assert type(kwargs["a"]) is type(value)


def test_a_tagged_value_is_read_as_what_it_stands_for(shop: Stage) -> None:
    form = {"$datetime": "2026-11-25T09:00:00"}
    ended = shop("enqueue", "add", f"a={json.dumps(form)}")
    assert json.loads(shop.job(ended.out.strip()).payload)["kwargs"] == {"a": form}


@pytest.mark.parametrize("text", ["3", "true", "null", '"3"', "[1]"])
def test_a_parameter_that_is_annotated_as_text_gets_the_text(shop: Stage, text: str) -> None:
    ended = shop("enqueue", "mail.send", f"to={text}")
    assert json.loads(shop.job(ended.out.strip()).payload)["kwargs"] == {"to": text}


def test_null_is_none_where_text_may_be_missing(shop: Stage) -> None:
    ended = shop("enqueue", "mail.send", "to=a", "note=null")
    assert json.loads(shop.job(ended.out.strip()).payload)["kwargs"]["note"] is None
    ended = shop("enqueue", "mail.send", "to=a", "note=3")
    assert json.loads(shop.job(ended.out.strip()).payload)["kwargs"]["note"] == "3"


def test_annotations_that_only_a_type_checker_knows_do_no_harm(shop: Stage) -> None:
    shop.write(
        "odd.py",
        "from __future__ import annotations\n"
        f"from queuekit import App\napp = App({shop.url!r})\n\n"
        "@app.task\ndef f(a: str, b: Nowhere): ...\n",
    )
    ended = shop("enqueue", "-a", "odd:app", "odd.f", "a=1", "b=1")
    assert json.loads(shop.job(ended.out.strip()).payload)["kwargs"] == {"a": "1", "b": 1}


def test_arguments_may_be_given_as_one_json_list_object_or_stdin(shop: Stage) -> None:
    listed = shop("enqueue", "add", "--args", "[1, 2]").out.strip()
    assert json.loads(shop.job(listed).payload) == {"args": [1, 2], "kwargs": {}}
    named = shop("enqueue", "add", "--args", "-", stdin='{"a": 1}').out.strip()
    assert json.loads(shop.job(named).payload) == {"args": [], "kwargs": {"a": 1}}
    tagged = shop("enqueue", "add", "--args", '[{"$datetime": "2026-11-25T09:00:00"}]')
    stored = json.loads(shop.job(tagged.out.strip()).payload)
    assert stored["args"] == [{"$datetime": "2026-11-25T09:00:00"}]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["mail.send", "ada"], "'ada' is no NAME=VALUE; write to=ada"),
        (["mail.send", "to=a", "to=b"], "to is given twice"),
        (["mail.send", "=a"], "no name of a parameter"),
        (["mail.send", "to=a", "--args", "[]"], "not in both ways"),
        (["mail.send", "--args", "nope"], "--args is no JSON"),
        (["mail.send", "--args", "3"], "a list or an object"),
        (["mail.send", "--args", '{"to": "a", "to": "b"}'], "'to' stands twice"),
        (["mail.send", "--args", "-"], "--args is no JSON"),
        (["mail.send"], "missing a required argument: 'to'"),
        (["mail.send", "too=a"], "mail.send has no parameter 'too', did you mean 'to'?"),
        (["mail.send", "to=a", "--at", "2026-11-25T09:00"], "has no time zone: add Z"),
        (["mail.send", "to=a", "--at", "tomorrow"], "is no ISO time"),
        (["mail.send", "to=a", "--at", "1960-01-01T00:00Z"], "1970"),
        (["mail.send", "to=a", "--delay", "soon"], "'soon' is no duration"),
        (["mail.send", "to=a", "--delay", "1s", "--at", "2026-11-25T09:00Z"], "exclude"),
        (["mail.send", "to=a", "--priority", "99999999999"], "priority"),
        (["mail.send", "to=a", "--max-attempts", "0"], "max_attempts"),
        (["mail.send", "to=a", "--id", "7"], "'7' is not a valid UUID"),
        (["mail.send", "to=a", "--wait=soon"], "'soon' is no duration"),
        (["mail.send", "to=a", "--tag", ""], "tags: is empty"),
        (["picky"], "picky was not enqueued"),
        ([], "missing argument 'TASK'"),
    ],
)
def test_what_cannot_be_sent_is_one_line_and_nothing_is_sent(
    shop: Stage, words: list[str], line: str
) -> None:
    ended = shop("enqueue", *words)
    assert (ended.code, ended.out) == (2, "")
    assert line in ended.err
    assert len(ended.err.splitlines()) == 1, ended.err
    assert not shop.store.list(JobFilter()).jobs


def test_an_unknown_task_is_6_and_the_near_one_is_offered(shop: Stage) -> None:
    ended = shop("enqueue", "send", "to=a")
    assert ended.code == 6
    assert "no task named 'send', did you mean 'mail.send'?" in ended.err


def test_all_that_can_be_said_about_a_job_is_stored(shop: Stage) -> None:
    words = [
        "--queue",
        "bulk",
        "--priority",
        "7",
        "--max-attempts",
        "9",
        "--tag",
        "x",
        "--tag",
        "y",
    ]
    words += ["--delay", "1h", "--expires", "2h", "--id", "01900000-0000-7000-8000-000000000001"]
    ended = shop("enqueue", "mail.send", "to=a", *words)
    assert ended.out == "01900000-0000-7000-8000-000000000001\n"
    job = shop.job(ended.out.strip())
    assert (job.queue, job.priority, job.max_attempts, job.tags) == ("bulk", 7, 9, ("x", "y"))
    assert job.run_at - job.enqueued_at == timedelta(hours=1)
    assert job.expires_at is not None
    assert job.expires_at - job.enqueued_at == timedelta(hours=2)


def test_at_is_the_instant_itself(shop: Stage) -> None:
    ended = shop("enqueue", "add", "a=1", "--at", "2100-01-01T01:00+01:00")
    assert shop.job(ended.out.strip()).run_at == datetime(2100, 1, 1, tzinfo=UTC)


def test_more_attempts_leave_the_tasks_backoff_as_it_is(shop: Stage) -> None:
    ours = shop.job(shop("enqueue", "add", "a=1", "--max-attempts", "9").out.strip())
    plain = shop.job(shop("enqueue", "add", "a=1").out.strip())
    assert (ours.backoff, ours.max_attempts) == (plain.backoff, 9)


def test_the_same_id_again_says_that_nothing_new_was_sent(shop: Stage) -> None:
    words = ["enqueue", "add", "a=1", "--id", "01900000-0000-7000-8000-000000000001"]
    assert shop(*words).err == ""
    again = shop(*words)
    assert (again.code, again.out) == (0, "01900000-0000-7000-8000-000000000001\n")
    assert "nothing new was sent: exists" in again.err
    other = shop("enqueue", "add", "a=2", *words[3:])
    assert other.code == 2
    assert "stored already with other content" in other.err


def test_json_says_what_became_of_it(shop: Stage) -> None:
    ended = shop("enqueue", "mail.send", "to=a", "--delay", "1h", "--json")
    assert ended.json == {
        "id": ended.json["id"],
        "task": "mail.send",
        "queue": "mail",
        "status": "created",
        "state": "scheduled",
    }
    assert shop.job(ended.json["id"]).state is JobState.SCHEDULED


def test_a_queue_that_no_live_worker_serves_is_told_with_the_command(cli: Stage) -> None:
    app = cli.program()
    cli.beat(info={"queues": ["default"], "lease": 3600})
    assert cli("enqueue", "-a", app, "add", "a=1").err == ""
    ended = cli("enqueue", "-a", app, "mail.send", "to=a")
    assert ended.code == 0
    assert cli.job(ended.out.strip()).queue == "mail"
    assert ended.err == (
        "queuekit: no live worker serves queue 'mail'; to start one:"
        " queuekit -a jobs:app worker -Q mail\n"
    )


def test_a_paused_queue_is_told_with_the_command(shop: Stage) -> None:
    shop.store.set_queue("mail", paused=True)
    ended = shop("enqueue", "mail.send", "to=a")
    assert "queue 'mail' is paused; to let it go on: queuekit queues resume mail" in ended.err


# --- waiting


def serve(stage: Stage, move: Move, **fields: Any) -> threading.Thread:
    """A worker that ends the next job in this way."""

    def work() -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            jobs = stage.store.list(JobFilter()).jobs
            if jobs:
                stage.finish(stage.claim(), move, **fields)
                return

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize("words", [["a=1", "--wait"], ["--wait", "a=1"], ["a=1", "--wait=30s"]])
def test_wait_prints_the_result_alone(shop: Stage, words: list[str]) -> None:
    worker = serve(shop, Move.COMPLETE, result='{"sum": 1}')
    ended = shop("enqueue", "add", *words)
    worker.join()
    assert (ended.code, ended.out) == (0, '{"sum": 1}\n')
    assert ended.err.startswith("queuekit: job ")


def test_wait_adds_the_result_to_the_json(shop: Stage) -> None:
    worker = serve(shop, Move.COMPLETE, result="[1]")
    ended = shop("enqueue", "add", "a=1", "--wait", "--json")
    worker.join()
    assert ended.json == {
        "id": ended.json["id"],
        "task": "add",
        "queue": "default",
        "status": "created",
        "state": "completed",
        "result": [1],
    }


@pytest.mark.parametrize(
    ("move", "line"),
    [(Move.DISCARD, "was discarded (no luck)"), (Move.CANCEL, "was cancelled (no luck)")],
)
def test_waiting_for_what_fails_is_1(shop: Stage, move: Move, line: str) -> None:
    worker = serve(shop, move, reason="no luck")
    ended = shop("enqueue", "add", "a=1", "--wait")
    worker.join()
    assert (ended.code, ended.out) == (1, "")
    assert line in ended.err


def test_waiting_too_long_is_1_and_the_job_goes_on(shop: Stage) -> None:
    ended = shop("enqueue", "add", "a=1", "--wait=0.01")
    assert ended.code == 1
    assert "is still available after 0.01 s" in ended.err
