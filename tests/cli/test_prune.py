"""`queuekit prune` counts before it deletes, and deletes no more than it counted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from tests.cli.stage import Stage

from queuekit.job import AttemptOutcome, JobState, Move, NewJob, Resolution
from queuekit.plugins import open_store
from queuekit.storage import ClaimRequest, Finish, Store, SupportsTravel

URL = "sqlite:///jobs.db"
HOUR = timedelta(hours=1)


@pytest.fixture
def store(cli: Stage) -> Iterator[Store]:
    """The store that the commands see, with a clock that may run ahead of theirs."""
    store = open_store(URL, testing=True, folder=cli.folder)
    yield store
    store.close()


def ended(store: Store, state: JobState, number: int = 1) -> list[UUID]:
    """Jobs that end now in a state."""
    jobs = [NewJob(uuid4(), "t", '{"args":[],"kwargs":{}}') for _ in range(number)]
    ids = [job.id for job in jobs]
    store.enqueue(jobs)
    if state is JobState.CANCELLED:
        store.cancel(ids, "test")
    elif state is JobState.DISCARDED:
        store.discard(ids, "test")
    else:
        claims = store.claim(ClaimRequest(os.urandom(16), "w", HOUR, number)).claims
        done = Resolution(Move.COMPLETE, AttemptOutcome.COMPLETED)
        store.finish([Finish(claim.token, done) for claim in claims])
    return ids


def there(store: Store, ids: list[UUID]) -> int:
    return sum(job is not None for job in store.get(ids))


def test_only_what_ended_long_enough_ago_is_deleted(cli: Stage, store: Store) -> None:
    old = ended(store, JobState.COMPLETED, 3)
    assert isinstance(store, SupportsTravel)
    store.travel(HOUR)  # from here on, jobs end in the commands' future
    new = ended(store, JobState.COMPLETED, 2)
    (waiting,) = store.enqueue([NewJob(uuid4(), "t", "{}")])
    pruned = cli("prune", "--url", URL, "--older-than", "0s", "--yes")
    assert pruned.code == 0
    assert pruned.out == "3 jobs pruned\n"
    assert pruned.err == ("queuekit: will prune 3 jobs that ended at least 0s ago (3 completed)\n")
    assert there(store, old) == 0
    assert there(store, new) == 2
    assert there(store, [waiting.id]) == 1


def test_a_week_is_the_age_if_none_is_given(cli: Stage, store: Store) -> None:
    ids = ended(store, JobState.COMPLETED)
    pruned = cli("prune", "--url", URL, "--yes")
    assert pruned.code == 0
    assert pruned.out == "nothing to do: 0 jobs that ended at least 7d ago\n"
    assert there(store, ids) == 1


def test_only_the_states_that_were_named_are_deleted(cli: Stage, store: Store) -> None:
    of = {
        state: ended(store, state)
        for state in (JobState.COMPLETED, JobState.DISCARDED, JobState.CANCELLED)
    }
    words = ["--state", "discarded", "--state", "cancelled", "--older-than", "0"]
    pruned = cli("prune", "--url", URL, *words, "--yes")
    assert "(1 discarded, 1 cancelled)" in pruned.err
    assert {state: there(store, ids) for state, ids in of.items()} == {
        JobState.COMPLETED: 1,
        JobState.DISCARDED: 0,
        JobState.CANCELLED: 0,
    }


def test_more_than_one_page_and_one_batch_are_counted_and_deleted(cli: Stage, store: Store) -> None:
    for _ in range(2):
        ended(store, JobState.CANCELLED, 600)
    pruned = cli("prune", "--url", URL, "--older-than", "0s", "--yes")
    assert "will prune 1,200 jobs that" in pruned.err
    assert pruned.out == "1,200 jobs pruned\n"


def test_a_dry_run_only_tells(cli: Stage, store: Store) -> None:
    ids = ended(store, JobState.COMPLETED)
    told = cli("prune", "--url", URL, "--older-than", "0s", "--dry-run")
    assert (told.code, told.err) == (0, "")
    assert told.out == "would prune 1 job that ended at least 0s ago (1 completed)\n"
    assert there(store, ids) == 1


def test_with_nobody_to_ask_nothing_is_deleted(cli: Stage, store: Store) -> None:
    ids = ended(store, JobState.COMPLETED)
    refused = cli("prune", "--url", URL, "--older-than", "0s")
    assert (refused.code, refused.out) == (2, "")
    assert "will prune 1 job" in refused.err
    assert "--yes" in refused.err
    assert there(store, ids) == 1


@pytest.mark.parametrize(("typed", "code", "left"), [("n\n", 1, 1), ("\n", 1, 1), ("y\n", 0, 0)])
def test_a_person_is_asked(cli: Stage, store: Store, typed: str, code: int, left: int) -> None:
    ids = ended(store, JobState.COMPLETED)
    asked = cli("prune", "--url", URL, "--older-than", "0s", typed=typed)
    assert asked.code == code
    assert "will prune 1 job" in asked.err
    assert "Go on?" not in asked.out
    assert there(store, ids) == left


def test_the_json_form_has_these_keys(cli: Stage, store: Store) -> None:
    ended(store, JobState.COMPLETED, 2)
    words = ["prune", "--url", URL, "--older-than", "1ms", "--json"]
    dry = cli(*words, "--dry-run", "--state", "completed").json
    assert dry == {
        "older_than": 0.001,
        "states": ["completed"],
        "counted": 2,
        "pruned": 0,
        "dry_run": True,
    }
    done = cli(*words, "--yes").json
    assert done == {
        "older_than": 0.001,
        "states": ["completed", "discarded", "cancelled"],
        "counted": 2,
        "pruned": 2,
        "dry_run": False,
    }
    again = cli(*words).json
    assert (again["counted"], again["pruned"]) == (0, 0)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--older-than", "soon"], "'soon' is no duration; write 30s"),
        (["--older-than", "-1d"], "'-1d' is no duration"),
        (["--state", "running"], "'running' is not one of 'completed', 'discarded', 'cancelled'"),
    ],
)
def test_wrong_use_is_one_line(cli: Stage, words: list[str], problem: str) -> None:
    refused = cli("prune", "--url", URL, *words)
    assert (refused.code, refused.out) == (2, "")
    assert problem in refused.err
    assert len(refused.err.splitlines()) == 1
