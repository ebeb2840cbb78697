"""Options stand apart from a call's arguments, and are refused at the line that gives them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from queuekit import App, Backoff, EnqueueStatus, Retry
from queuekit.errors import InvalidJob, JobConflict
from queuekit.job import JobState
from queuekit.storage import JobFilter


@pytest.fixture
def app() -> App:
    """An app on a store of its own."""
    return App("memory://")


def test_options_are_stored_with_the_job(app: App) -> None:
    @app.task(queue="mail", priority=3, retry=Retry(max_attempts=2))
    def send(to: str) -> None: ...

    retry = Retry(max_attempts=9, backoff=Backoff.fixed(1))
    options = send.using(queue="bulk", priority=-1, retry=retry, tags=["a", "b"], meta={"n": [1]})
    job = options.using(delay=3600, expires=timedelta(days=1)).enqueue("x").refresh()
    assert (job.queue, job.priority, job.tags, job.meta) == ("bulk", -1, ("a", "b"), '{"n":[1]}')
    assert (job.max_attempts, job.backoff) == (9, Backoff.fixed(1))
    assert job.state is JobState.SCHEDULED
    assert job.run_at - job.enqueued_at == timedelta(hours=1)
    assert job.expires_at is not None
    assert job.expires_at - job.enqueued_at == timedelta(days=1)
    untouched = send.enqueue("x").refresh()
    assert (untouched.queue, untouched.priority, untouched.max_attempts) == ("mail", 3, 2)


def test_an_aware_time_reads_back_as_the_same_instant(app: App) -> None:
    @app.task
    def nothing() -> None: ...

    tokyo = timezone(timedelta(hours=9))
    soon = datetime.now(tokyo) + timedelta(seconds=2)
    job = nothing.using(delay=soon).enqueue().refresh()
    assert job.run_at == soon
    assert job.run_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"delay": datetime(2030, 1, 1)}, "delay"),  # noqa: DTZ001
        ({"delay": datetime(2300, 1, 1, tzinfo=UTC)}, "delay"),
        ({"delay": -1}, "delay"),
        ({"delay": math.nan}, "delay"),
        ({"delay": 1e300}, "delay"),
        ({"delay": "5m"}, "delay"),
        ({"delay": True}, "delay"),
        ({"expires": datetime(2030, 1, 1)}, "expires"),  # noqa: DTZ001
        ({"queue": ""}, "queue"),
        ({"queue": "x" * 129}, "queue"),
        ({"queue": "a\x00b"}, "queue"),
        ({"priority": 2**31}, "priority"),
        ({"priority": 1.5}, "priority"),
        ({"tags": "mail"}, "tags"),
        ({"tags": [""]}, "tags"),
    ],
    ids=repr,
)
def test_an_option_out_of_range_is_refused_and_nothing_is_stored(
    app: App, options: dict[str, Any], field: str
) -> None:
    @app.task
    def nothing() -> None: ...

    with pytest.raises(InvalidJob) as refused:
        nothing.using(**options).enqueue()
    assert refused.value.field == field
    assert app.store.count(JobFilter(), 1).n == 0


def test_a_naive_time_is_refused_with_what_to_write_instead(app: App) -> None:
    @app.task
    def nothing() -> None: ...

    with pytest.raises(InvalidJob, match=r"no time zone; give an aware datetime, such as"):
        nothing.using(delay=datetime.now())  # noqa: DTZ005


def test_a_task_with_a_wrong_option_is_refused_where_it_is_declared(app: App) -> None:
    with pytest.raises(InvalidJob, match="queue: is empty"):
        app.task(queue="")
    with pytest.raises(InvalidJob, match="max_attempts: 0 is outside"):
        Retry(max_attempts=0)


def test_an_id_makes_an_enqueue_repeatable(app: App) -> None:
    @app.task
    def send(to: str) -> None: ...

    job_id = app.new_id()
    first = send.using(id=job_id).enqueue("x")
    again = send.using(id=job_id).enqueue("x")
    assert (first.enqueued, again.enqueued) == (EnqueueStatus.CREATED, EnqueueStatus.EXISTS)
    assert first == again
    with pytest.raises(JobConflict):
        send.using(id=job_id).enqueue("y")
    assert isinstance(job_id, UUID)


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        (Backoff.fixed(2), [2, 2, 2]),
        (Backoff.linear(2, 5, jitter=False), [2, 4, 5]),
        (Backoff.exponential(1, timedelta(seconds=3), jitter=False), [1, 2, 3]),
        (Backoff.steps(1, 10, timedelta(minutes=1)), [1, 10, 60]),
    ],
)
def test_waits_between_attempts_are_as_named(backoff: Backoff, waits: list[int]) -> None:
    assert [backoff.wait(n).total_seconds() for n in (1, 2, 3)] == waits
    assert Backoff.load(backoff.dump()) == backoff
