"""`JobQueue` runs a program's jobs in a test as a worker would, without one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from queuekit import App, Backoff, Context, JobState, Retry, Snooze
from queuekit.errors import UnknownTask
from queuekit.job import AttemptOutcome
from queuekit.testing import MOST_RUNS, JobQueue

app = App("memory://")
ran: list[str] = []


@app.task
def note(what: str, times: int = 1) -> str:
    """Note it."""
    ran.append(what * times)
    return what


@app.task
async def note_async(what: str) -> str:
    """Note it, on a loop."""
    await asyncio.sleep(0)
    ran.append(f"{what}, attempt {Context.current().attempt}")
    return what


@app.task(retry=Retry(max_attempts=3, backoff=Backoff.fixed(3600)))
def stumble() -> None:
    """Succeed at the third attempt."""
    if Context.current().attempt < 3:
        raise OSError("not yet")


@app.task
def doze(until: datetime) -> None:
    """Sleep until a time."""
    if queue_now() < until:
        raise Snooze(timedelta(minutes=10))
    ran.append("awake")


@app.task
def follow(n: int) -> None:
    """Enqueue what follows."""
    ran.append(str(n))
    if n:
        follow.enqueue(n - 1)


@app.task
def multiply() -> None:
    """Never come to an end."""
    multiply.enqueue()


def queue_now() -> datetime:
    """The store's time."""
    return app.store.info().now


@pytest.fixture
def queue() -> Iterator[JobQueue]:
    """A queue of its own."""
    ran.clear()
    with JobQueue.of(app) as queue:
        yield queue


def test_a_drain_runs_everything_in_order(queue: JobQueue) -> None:
    note.enqueue("a")
    note_async.enqueue("b")
    note.using(priority=1).enqueue("c")
    assert [job.task for job in queue.drain().completed] == [note.name, note.name, note_async.name]
    assert ran == ["c", "a", "b, attempt 1"]
    assert queue.drain().attempts == ()


def test_hours_of_retries_pass_in_no_time(queue: JobQueue) -> None:
    began = queue.now
    stumble.enqueue()
    drained = queue.drain()
    assert [attempt.outcome for _, attempt in drained.attempts] == [
        AttemptOutcome.FAILED,
        AttemptOutcome.FAILED,
        AttemptOutcome.COMPLETED,
    ]
    assert timedelta(hours=2) <= queue.now - began < timedelta(hours=3)
    with pytest.raises(AssertionError, match=r"2 attempts failed[\s\S]*OSError: not yet"):
        drained.check()


def test_time_moves_no_further_than_asked(queue: JobQueue) -> None:
    note.using(delay=60).enqueue("soon")
    note.using(delay=7200).enqueue("later")
    began = queue.now
    queue.drain(until=timedelta(hours=1))
    assert ran == ["soon"]
    assert queue.now - began >= timedelta(hours=1)
    queue.travel(3600)
    assert ran == ["soon"]
    queue.drain(until=0)
    assert ran == ["soon", "later"]


def test_snoozes_are_slept_through(queue: JobQueue) -> None:
    job = doze.enqueue(queue.now.astimezone(UTC) + timedelta(hours=1))
    queue.drain()
    assert ran == ["awake"]
    assert job.refresh().attempts == 1


def test_what_a_job_enqueues_is_run_too(queue: JobQueue) -> None:
    follow.enqueue(3)
    queue.drain()
    assert ran == ["3", "2", "1", "0"]


def test_inline_runs_each_job_at_once(queue: JobQueue) -> None:
    with queue.inline():
        assert note.enqueue("a").state is JobState.COMPLETED
        follow.enqueue(2)
        assert ran == ["a", "2", "1", "0"]
        assert note.using(delay=60).enqueue("later").state is JobState.SCHEDULED
        assert stumble.enqueue().state is JobState.RETRYABLE
    assert note.enqueue("b").state is JobState.AVAILABLE


def test_an_async_test_may_drain_too(queue: JobQueue) -> None:
    async def scenario() -> str:
        job = await note_async.aenqueue("a")
        queue.drain().check()
        return await job.aresult(timeout=1)

    assert asyncio.run(scenario()) == "a"


def test_what_was_enqueued_is_asserted_by_its_arguments(queue: JobQueue) -> None:
    job = note.using(queue="q").enqueue("a", times=2)
    note.enqueue("b")
    assert queue.assert_enqueued(note, "a", 2).id == job.id
    assert queue.assert_enqueued(note, what="b").queue == "default"
    queue.assert_not_enqueued(note_async)
    with pytest.raises(AssertionError, match=r"with \(what='c', times=1\).*\n.*'a', times=2"):
        queue.assert_enqueued(note, "c")
    with pytest.raises(AssertionError, match="its jobs: none"):
        queue.assert_enqueued(note_async, "c")
    with pytest.raises(AssertionError, match="was enqueued with"):
        queue.assert_not_enqueued(note)


def test_a_job_of_an_unknown_task_is_an_error_of_the_test(queue: JobQueue) -> None:
    other = App("memory://")
    with other.on(queue.store):
        other.task(name="stranger")(lambda: None).enqueue()
    with pytest.raises(UnknownTask, match="stranger"):
        queue.drain()


def test_jobs_without_an_end_are_an_error_of_the_test(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queuekit.testing.MOST_RUNS", 50)
    assert MOST_RUNS > 50
    multiply.enqueue()
    with pytest.raises(AssertionError, match="no end after 50 attempts"):
        queue.drain()


def test_each_queue_begins_empty_and_gives_the_app_back(queue: JobQueue) -> None:
    note.enqueue("a")
    with JobQueue.of(app) as inner:
        assert inner.jobs() == []
        note.enqueue("b")
    assert [queue.arguments(job)["what"] for job in queue.jobs()] == ["a"]
