"""What verbs cost: statements, indexes, and a claim that no backlog makes dearer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from adapters.sqlite.tests.words import connection_of, finishes, new_job, open_at, request, traced
from sqlalchemy.sql.base import Executable

from queuekit.job import DEFAULT_QUEUE, AttemptOutcome, JobState, Move, Parent, Resolution
from queuekit.storage import Change, JobFilter, WorkerBeat
from queuekit_sql import claiming, leasing, levels, removing
from queuekit_sqlite.store import SqliteStore
from queuekit_sqlite.transactions import DIALECT

HOUR = timedelta(hours=1)


def test_every_verb_that_writes_begins_as_a_write(store: SqliteStore) -> None:
    job = new_job()
    store.enqueue([job, new_job()])
    (claim,) = store.claim(request(1)).claims
    ids = [job.id]
    verbs = {
        "enqueue": lambda: store.enqueue([new_job()]),
        "arm": lambda: store.arm(ids),
        "claim": lambda: store.claim(request(1)),
        "progress": lambda: store.progress(claim.token, "1"),
        "extend": lambda: store.extend(WorkerBeat("w"), [claim.token], HOUR),
        "finish": lambda: store.finish(finishes((claim,))),
        "leave": lambda: store.leave("w"),
        "rescue": lambda: store.rescue(request(1)),
        "expire": lambda: store.expire(1),
        "cancel": lambda: store.cancel(ids, "why"),
        "discard": lambda: store.discard(ids, "why"),
        "rerun": lambda: store.rerun(ids),
        "amend": lambda: store.amend(ids, Change(priority=1)),
        "set_queue": lambda: store.set_queue("q", paused=True),
        "purge": lambda: store.purge("q", 1),
        "prune": lambda: store.prune(frozenset({JobState.COMPLETED}), HOUR, 1),
        "migrate": store.migrate,
    }
    for name, verb in verbs.items():
        with traced(store) as statements:
            verb()
        assert statements[0] == "BEGIN IMMEDIATE", name
        assert statements[-1] == "COMMIT", name


def test_every_verb_that_reads_sees_one_snapshot_and_takes_no_write_lock(
    store: SqliteStore,
) -> None:
    job = new_job()
    store.enqueue([job])
    verbs = {
        "get": lambda: store.get([job.id]),
        "history": lambda: store.history(job.id),
        "list": lambda: store.list(JobFilter()),
        "count": lambda: store.count(JobFilter(), 10),
        "queues": store.queues,
        "workers": store.workers,
        "info": store.info,
    }
    for name, verb in verbs.items():
        with traced(store) as statements:
            verb()
        assert statements[0] == "BEGIN", name
        assert all(one.startswith(("BEGIN", "SELECT", "ROLLBACK")) for one in statements), name


def steps(statements: list[str]) -> int:
    """Statements as a person counts them: one run for many rows is traced once a row."""
    return sum(1 for at, one in enumerate(statements) if one[:40] != statements[at - 1][:40])


@pytest.fixture
def busy(store: SqliteStore) -> SqliteStore:
    store.enqueue([new_job() for _ in range(400)])
    return store


def test_statements_of_a_bulk_enqueue_do_not_grow_with_it(store: SqliteStore) -> None:
    with traced(store) as statements:
        store.enqueue([new_job() for _ in range(500)])
    assert steps(statements) <= 4  # BEGIN, known ids, INSERT, COMMIT


def test_a_claim_of_a_hundred_is_seven_statements(busy: SqliteStore) -> None:
    with traced(busy) as statements:
        assert len(busy.claim(request(100)).claims) == 100
    assert len(statements) <= 7  # BEGIN, known call, levels, jobs, UPDATE, call, COMMIT


def test_a_finish_of_a_hundred_is_five_statements(busy: SqliteStore) -> None:
    claims = busy.claim(request(100)).claims
    with traced(busy) as statements:
        busy.finish(finishes(claims))
    assert steps(statements) <= 5  # BEGIN, jobs, INSERT history, UPDATE, COMMIT


def test_an_idle_claim_is_four_statements(store: SqliteStore) -> None:
    with traced(store) as statements:
        store.claim(request(100))
    assert len(statements) <= 4


def plan_of(store: SqliteStore, statement: Executable, **params: Any) -> str:
    text = DIALECT.text(statement)
    values = text.bind({"now": 1, **params})
    rows = connection_of(store).execute(f"EXPLAIN QUERY PLAN {text.sql}", values).fetchall()
    return "\n".join(row[3] for row in rows)


def test_a_claim_reads_due_jobs_in_the_order_of_the_claim_index(store: SqliteStore) -> None:
    given = {"lane": DEFAULT_QUEUE, "priority": 0, "limit": 10}
    for statement in (claiming._DUE, claiming._DUE_RESERVABLE):
        plan = plan_of(store, statement, **given)
        assert "SEARCH queuekit_jobs USING INDEX queuekit_jobs_claim" in plan
        assert "lane=? AND priority=? AND run_at<?" in plan
        assert "TEMP B-TREE" not in plan


def test_levels_are_found_by_seeks_in_the_claim_index_alone(store: SqliteStore) -> None:
    plan = plan_of(store, levels._LEVELS_OF_ALL)
    seeks = [line for line in plan.splitlines() if "queuekit_jobs" in line]
    assert len(seeks) == 6
    assert all("COVERING INDEX queuekit_jobs_claim" in line for line in seeks)
    assert "TEMP B-TREE" not in plan


def test_a_rescue_reads_the_lease_index_from_its_start(store: SqliteStore) -> None:
    plan = plan_of(store, leasing._RUN_OUT, limit=10)
    assert "SEARCH queuekit_jobs USING INDEX queuekit_jobs_lease (lease_until<?)" in plan
    assert "TEMP B-TREE" not in plan


def test_sweeps_walk_an_index_of_their_own(store: SqliteStore) -> None:
    expired = plan_of(store, removing._EXPIRED, limit=10)
    assert "USING INDEX queuekit_jobs_expiry (expires_at<?)" in expired
    ended = plan_of(store, removing._ENDED, limit=10, state="completed", age=1)
    assert "INDEX queuekit_jobs_ended (final_state=? AND finished_at<?)" in ended
    assert "TEMP B-TREE" not in expired + ended


def test_no_list_is_sorted(store: SqliteStore) -> None:
    filters = [
        JobFilter(),
        JobFilter(queue="q"),
        JobFilter(task="t", states=frozenset({JobState.RUNNING})),
        JobFilter(tag="t"),
        *(JobFilter(states=frozenset({state})) for state in JobState),
    ]
    for where in filters:
        with traced(store) as statements:
            store.list(where)
        for sql in statements[1:-1]:
            rows = connection_of(store).execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
            assert not any("TEMP B-TREE" in row[3] for row in rows), (where, sql)


def test_the_few_jobs_that_went_wrong_have_a_short_way_to_them(store: SqliteStore) -> None:
    with traced(store) as statements:
        store.list(JobFilter(states=frozenset({JobState.DISCARDED})))
    (sql,) = statements[1:-1]
    ((*_, plan), *_) = connection_of(store).execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
    assert "queuekit_jobs_wrong (final_state=? AND seq" in plan


def machine_steps(store: SqliteStore) -> int:
    """Steps of SQLite's virtual machine that one claim and its rollback-free commit take."""
    seen = 0

    def count() -> int:
        nonlocal seen
        seen += 1
        return 0

    connection_of(store).set_progress_handler(count, 1)
    try:
        assert len(store.claim(request(10)).claims) == 10
    finally:
        connection_of(store).set_progress_handler(None, 0)
    return seen


def fill(store: SqliteStore, n: int, **fields: Any) -> None:
    for _ in range(n // 1_000):
        store.enqueue([new_job(**fields) for _ in range(1_000)])


@pytest.mark.slow
def test_a_claim_costs_the_same_under_a_hundred_thousand_future_jobs(tmp_path: Path) -> None:
    costs = []
    for n in (0, 100_000):
        store = open_at(tmp_path / f"{n}.db", synchronous="normal")
        fill(store, 1_000)
        fill(store, n, priority=9, due=HOUR)
        store.claim(request(10))  # statements are prepared once
        costs.append(machine_steps(store))
        store.close()
    assert costs[1] <= 1.5 * costs[0]


@pytest.mark.slow
def test_a_claim_costs_the_same_from_a_long_line_as_from_a_short_one(tmp_path: Path) -> None:
    costs = []
    for n in (1_000, 50_000):
        store = open_at(tmp_path / f"{n}.db", synchronous="normal")
        fill(store, n)
        store.claim(request(10))
        costs.append(machine_steps(store))
        store.close()
    assert costs[1] <= 1.5 * costs[0]


def test_a_retry_with_a_wait_of_its_own_for_each_job_is_still_one_step(busy: SqliteStore) -> None:
    claims = busy.claim(request(100)).claims
    waits = [
        Resolution(Move.RETRY, AttemptOutcome.FAILED, timedelta(seconds=n)) for n in range(100)
    ]
    items = [finishes((claim,), how)[0] for claim, how in zip(claims, waits, strict=True)]
    with traced(busy) as statements:
        busy.finish(items)
    assert steps(statements) <= 5


def cost_of_cancelling(store: SqliteStore, parents: int) -> int:
    """Characters of SQL that it takes to cancel so many parents of one child each."""
    family = [new_job() for _ in range(parents)]
    store.enqueue(family)
    store.enqueue([new_job(parents=(Parent(job.id),)) for job in family])
    with traced(store) as statements:
        store.cancel([job.id for job in family], "not wanted")
    return sum(map(len, statements))


def test_cancelling_twice_as_many_parents_costs_twice_as_much(store: SqliteStore) -> None:
    assert cost_of_cancelling(store, 400) < 2.5 * cost_of_cancelling(store, 200)
