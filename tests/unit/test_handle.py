"""A job's handle: what became of it, waited for or asked, and what may be done to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from queuekit import App, Backoff, Cancel, Discard, JobState, Retry
from queuekit.errors import (
    InvalidJob,
    InvalidTransition,
    JobCancelled,
    JobFailed,
    JobNotFound,
    ResultNotStorable,
    ResultTimeout,
)
from queuekit.testing import JobQueue

app = App("memory://")
SOON = Retry(max_attempts=2, backoff=Backoff.fixed(1))


@app.task
def add(one: int, other: int) -> int:
    """Return something."""
    return one + other


@app.task(retry=SOON)
def fail(message: str) -> None:
    """Fail for good."""
    raise ValueError(message)


@app.task
def give_up() -> None:
    """End at once."""
    raise Discard("no use")


@app.task
def call_off() -> None:
    """End as cancelled."""
    raise Cancel("not needed")


@app.task
def handle_of_a_socket() -> object:
    """Return what nobody can store."""
    return threading.Lock()


@pytest.fixture
def queue() -> Iterator[JobQueue]:
    """A queue of its own."""
    with JobQueue.of(app) as queue:
        yield queue


def test_a_result_is_what_the_task_returned(queue: JobQueue) -> None:
    job = add.enqueue(1, 2)
    queue.drain()
    assert job.result(timeout=1) == 3
    assert asyncio.run(job.aresult(timeout=1)) == 3
    assert job.state is JobState.COMPLETED


def test_a_result_is_waited_for(queue: JobQueue) -> None:
    job = add.enqueue(1, 2)
    worker = threading.Timer(0.05, queue.drain)
    worker.start()
    assert job.result(timeout=60) == 3
    worker.join()


def test_a_failed_job_raises_with_its_last_error(queue: JobQueue) -> None:
    job = fail.enqueue("no such order")
    queue.drain()
    with pytest.raises(JobFailed, match="ValueError: no such order") as failed:
        job.result()
    assert failed.value.reason == "out of attempts"
    assert failed.value.error_class == "ValueError"
    assert "raise ValueError(message)" in (failed.value.traceback or "")
    with pytest.raises(JobFailed):
        asyncio.run(job.aresult())


def test_a_job_that_gave_up_raises_with_its_reason(queue: JobQueue) -> None:
    job = give_up.enqueue()
    queue.drain()
    with pytest.raises(JobFailed, match=r"discarded \(no use\)$"):
        job.result()


def test_a_cancelled_job_raises_with_its_reason(queue: JobQueue) -> None:
    by_itself, by_us = call_off.enqueue(), add.enqueue(1, 2)
    by_us.cancel("changed our mind")
    queue.drain()
    with pytest.raises(JobCancelled, match="not needed"):
        by_itself.result()
    with pytest.raises(JobCancelled, match="changed our mind"):
        by_us.result()


@pytest.mark.parametrize("timeout", [0, 0.03, timedelta(milliseconds=30)])
def test_a_wait_ends_with_its_time_and_the_job_goes_on(
    queue: JobQueue, timeout: float | timedelta
) -> None:
    job = add.enqueue(1, 2)
    with pytest.raises(ResultTimeout, match="still available"):
        job.result(timeout)
    with pytest.raises(TimeoutError):
        asyncio.run(job.aresult(timeout))
    queue.drain()
    assert job.result(0) == 3


def test_a_result_that_could_not_be_stored_says_so(queue: JobQueue) -> None:
    job = handle_of_a_socket.enqueue()
    queue.drain()
    assert job.state is JobState.COMPLETED
    with pytest.raises(ResultNotStorable, match="lock"):
        job.result()


def test_a_job_that_is_not_there_is_named(queue: JobQueue) -> None:
    job = app.job(app.new_id())
    assert job.enqueued is None
    for ask in (job.refresh, job.result, job.cancel, job.rerun, job.discard):
        with pytest.raises(JobNotFound, match=str(job.id)):
            ask()
    with pytest.raises(InvalidJob, match="no job id"):
        app.job("17")


def test_a_job_is_changed_only_in_a_state_that_allows_it(queue: JobQueue) -> None:
    job = app.job(str(add.enqueue(1, 2).id))
    with pytest.raises(InvalidTransition, match="is available: cannot rerun"):
        job.rerun()
    job.reschedule(3600)
    assert job.state is JobState.SCHEDULED
    job.discard("wrong")
    with pytest.raises(InvalidTransition, match="is discarded: cannot cancel"):
        job.cancel()
    job.rerun()
    queue.drain()
    assert job.result() == 3
    assert [attempt.outcome for attempt in job.history()] == ["completed"]
    with pytest.raises(InvalidTransition, match="is completed: cannot reschedule"):
        job.reschedule(1)
