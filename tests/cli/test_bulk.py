"""`queuekit jobs rerun|cancel|discard|reschedule`: exactly the jobs that were counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.cli.stage import Stage

from queuekit.cli import bulk
from queuekit.errors import StoreUnavailable
from queuekit.job import JobState

MISSING = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def shop(cli: Stage) -> Stage:
    """A store that the configuration names, and no program."""
    cli.write("queuekit.toml", f'url = "{cli.url}"\n')
    return cli


def states(shop: Stage, *ids: UUID) -> list[str]:
    return [shop.job(job_id).state.value for job_id in ids]


def test_named_jobs_are_acted_on_without_a_question(shop: Stage) -> None:
    ids = [shop.discarded(), shop.completed()]
    ended = shop("jobs", "rerun", *map(str, ids), str(ids[0]))
    assert (ended.code, ended.out, ended.err) == (0, "2 jobs sent round again\n", "")
    assert states(shop, *ids) == ["available", "available"]


@pytest.mark.parametrize("verb", ["rerun", "cancel", "discard", "reschedule"])
def test_one_unknown_id_among_others_is_6_and_nothing_is_done(shop: Stage, verb: str) -> None:
    known = shop.discarded() if verb == "rerun" else shop.send()
    before = shop.job(known)
    words = ["--delay", "1h"] if verb == "reschedule" else []
    ended = shop("jobs", verb, str(known), MISSING, *words)
    assert (ended.code, ended.out) == (6, "")
    assert f"no job {MISSING}" in ended.err
    assert shop.job(known) == before


@pytest.mark.parametrize("verb", ["rerun", "cancel", "discard", "reschedule"])
def test_a_malformed_id_is_2(shop: Stage, verb: str) -> None:
    ended = shop("jobs", verb, "7", "--delay=1s" if verb == "reschedule" else "--yes")
    assert ended.code == 2
    assert "'7' is not a valid UUID" in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("verb", "state"),
    [("rerun", "running"), ("cancel", "completed"), ("discard", "running")],
)
def test_the_only_job_in_a_wrong_state_is_1_and_the_state_is_named(
    shop: Stage, verb: str, state: str
) -> None:
    job_id = shop.running() if state == "running" else shop.completed()
    ended = shop("jobs", verb, str(job_id))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"queuekit: job {job_id} is {state}: cannot {verb} it\n"


def test_some_named_jobs_in_a_wrong_state_are_summed_up_and_1(shop: Stage) -> None:
    ids = [shop.discarded(), shop.running(), shop.completed()]
    ended = shop("jobs", "cancel", *map(str, ids), str(shop.send()))
    assert ended.code == 1
    assert ended.out == (
        "1 job cancelled, 1 running: their workers will stop them,"
        " 1 left alone: now completed, 1 left alone: now discarded\n"
    )


def test_a_running_job_is_asked_to_stop(shop: Stage) -> None:
    job_id = shop.running()
    ended = shop("jobs", "cancel", str(job_id), "--reason", "no more")
    assert ended.code == 0
    assert "1 running: their workers will stop them" in ended.out
    assert shop.job(job_id).cancel_requested


def test_the_reason_is_kept_with_the_job(shop: Stage) -> None:
    first, second = shop.send(), shop.send()
    shop("jobs", "cancel", str(first), "--reason", "no more")
    shop("jobs", "discard", str(second))
    assert shop.job(first).final_reason == "no more"
    assert shop.job(second).final_reason == "from the command line"


# --- choosing


def test_chosen_jobs_are_counted_told_and_asked_about(shop: Stage) -> None:
    chosen = [shop.discarded(), shop.discarded()]
    other = shop.discarded(task="other")
    ended = shop("jobs", "rerun", "--task", "mail.send", typed="y\n")
    assert ended.err == (
        "queuekit: will rerun 2 jobs: state discarded, task mail.send. Go on? [y/N] "
    )
    assert (ended.code, ended.out) == (0, "2 jobs sent round again\n")
    assert states(shop, *chosen, other) == ["available", "available", "discarded"]


@pytest.mark.parametrize("typed", ["n\n", "\n", "", "yep\n"])
def test_any_other_answer_than_yes_changes_nothing_and_is_1(shop: Stage, typed: str) -> None:
    job_id = shop.discarded()
    ended = shop("jobs", "rerun", "--all", typed=typed)
    assert (ended.code, ended.out) == (1, "")
    assert "nothing was changed" in ended.err
    assert states(shop, job_id) == ["discarded"]


def test_without_a_terminal_and_without_yes_it_is_2(shop: Stage) -> None:
    job_id = shop.discarded()
    ended = shop("jobs", "rerun", "--all", stdin="y\n")
    assert (ended.code, ended.out) == (2, "")
    assert "will rerun 1 job: state discarded: pass --yes" in ended.err
    assert states(shop, job_id) == ["discarded"]


def test_yes_skips_the_question_and_still_tells_the_count(shop: Stage) -> None:
    shop.discarded()
    ended = shop("jobs", "rerun", "--all", "--yes")
    assert (ended.code, ended.out) == (0, "1 job sent round again\n")
    assert ended.err == "queuekit: will rerun 1 job: state discarded\n"


def test_dry_run_stops_after_the_count(shop: Stage) -> None:
    job_id = shop.discarded()
    ended = shop("jobs", "rerun", "--all", "--dry-run")
    assert (ended.code, ended.out) == (0, "will rerun 1 job: state discarded\n")
    ended = shop("jobs", "cancel", str(shop.send()), "--dry-run")
    assert (ended.code, ended.out) == (0, "will cancel 1 job\n")
    assert states(shop, job_id) == ["discarded"]


def test_no_match_is_told_and_is_no_failure(shop: Stage) -> None:
    ended = shop("jobs", "cancel", "--task", "x")
    assert ended.code == 0
    assert ended.out.startswith("no jobs to cancel: state pending or scheduled")


@pytest.mark.parametrize(
    ("verb", "usual"),
    [
        ("rerun", {"discarded"}),
        ("cancel", {"scheduled", "running"}),
        ("discard", {"scheduled"}),
    ],
)
def test_without_state_the_usual_ones_are_meant(shop: Stage, verb: str, usual: set[str]) -> None:
    ids = [shop.discarded(), shop.completed(), shop.running(), shop.send(due=timedelta(hours=1))]
    before = states(shop, *ids)
    shop("jobs", verb, "--all", "--yes")
    touched = {
        old
        for job_id, old in zip(ids, before, strict=True)
        if shop.job(job_id).state.value != old or shop.job(job_id).cancel_requested
    }
    assert touched == usual


def test_completed_jobs_are_rerun_if_they_are_named_by_state(shop: Stage) -> None:
    job_id = shop.completed()
    assert shop("jobs", "rerun", "--state", "completed", "--yes").code == 0
    assert states(shop, job_id) == ["available"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["rerun"], "which jobs?"),
        (["rerun", MISSING, "--all"], "one of the three"),
        (["rerun", MISSING, "--task", "x"], "one of the three"),
        (["rerun", "--all", "--task", "x"], "one of the three"),
        (["rerun", "--state", "running"], "cannot rerun jobs that are running, only completed"),
        (["discard", "--state", "running"], "cannot discard jobs that are running"),
        (["cancel", "--state", "nosuch"], "'nosuch' is not one of"),
        (["reschedule"], "missing argument 'ID...'"),
        (["reschedule", MISSING], "nothing to change"),
        (["reschedule", MISSING, "--delay", "1s", "--at", "2026-11-25T09:00Z"], "exclude"),
        (["reschedule", MISSING, "--at", "2026-11-25T09:00"], "has no time zone"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_2(shop: Stage, words: list[str], line: str) -> None:
    ended = shop("jobs", *words)
    assert (ended.code, ended.out) == (2, "")
    assert line in ended.err
    assert len(ended.err.splitlines()) == 1


def test_jobs_that_come_between_the_count_and_the_act_are_left_alone(
    shop: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = shop.discarded()
    late: list[UUID] = []

    def answer(what: str, *, yes: bool) -> bool:
        late.append(shop.discarded())
        assert not yes
        assert "1 job:" in what
        return True

    monkeypatch.setattr(bulk, "ask", answer)
    assert shop("jobs", "rerun", "--all").out == "1 job sent round again\n"
    assert states(shop, counted, *late) == ["available", "discarded"]


def test_jobs_that_moved_on_meanwhile_are_summed_up_and_no_failure(
    shop: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.send()

    def answer(_what: str, *, yes: bool) -> bool:
        shop.claim()
        return not yes

    monkeypatch.setattr(bulk, "ask", answer)
    ended = shop("jobs", "discard", "--all")
    assert (ended.code, ended.out) == (0, "0 jobs discarded, 1 left alone: now running\n")


def test_many_jobs_are_done_in_batches_and_all_of_them(
    shop: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [shop.send() for _ in range(7)]
    monkeypatch.setattr(bulk, "MAX_BATCH", 3)
    ended = shop("jobs", "cancel", "--all", "--yes")
    assert ended.out == "7 jobs cancelled\n"
    assert set(states(shop, *ids)) == {"cancelled"}


def test_a_store_that_fails_midway_leaves_word_of_what_was_done(
    shop: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        shop.send()
    calls: list[int] = []
    kind = type(shop.store)
    whole = kind.cancel

    def failing(store: Any, ids: Any, reason: str) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise StoreUnavailable("the store is gone")
        return whole(store, ids, reason)

    monkeypatch.setattr(bulk, "MAX_BATCH", 2)
    monkeypatch.setattr(kind, "cancel", failing)
    ended = shop("jobs", "cancel", "--all", "--yes")
    assert (ended.code, ended.out) == (3, "")
    assert "2 of 3 were dealt with before: 2 jobs cancelled" in ended.err
    assert "the store is gone" in ended.err


def test_the_answers_as_json_have_these_keys(shop: Stage) -> None:
    running, completed = shop.running(), shop.completed()
    ended = shop("jobs", "cancel", str(shop.send()), str(running), str(completed), "--json")
    assert ended.code == 1
    assert ended.json == {
        "verb": "cancel",
        "counted": 3,
        "done": 1,
        "requested": 1,
        "wrong_state": [{"id": str(completed), "state": "completed"}],
        "not_found": [],
    }
    shop.send()
    assert shop("jobs", "cancel", "--queue", "mail", "--dry-run", "--json").json == {
        "verb": "cancel",
        "counted": 2,
        "done": 0,
        "requested": 0,
        "wrong_state": [],
        "not_found": [],
    }


# --- reschedule


def test_a_waiting_job_gets_another_time_priority_and_queue(shop: Stage) -> None:
    job_id = shop.send(due=timedelta(hours=1))
    words = ["--at", "2100-01-01T01:00+01:00", "--priority", "7", "--queue", "bulk"]
    ended = shop("jobs", "reschedule", str(job_id), *words)
    assert (ended.code, ended.out) == (0, "1 job rescheduled\n")
    job = shop.job(job_id)
    assert (job.run_at, job.priority, job.queue) == (datetime(2100, 1, 1, tzinfo=UTC), 7, "bulk")


def test_a_delay_of_nothing_is_now(shop: Stage) -> None:
    job_id = shop.send(due=timedelta(hours=1))
    assert shop("jobs", "reschedule", str(job_id), "--delay", "0").code == 0
    assert shop.job(job_id).state is JobState.AVAILABLE


def test_a_running_job_is_not_rescheduled(shop: Stage) -> None:
    ended = shop("jobs", "reschedule", str(shop.running()), "--delay", "1h")
    assert ended.code == 1
    assert "is running: cannot reschedule it" in ended.err
