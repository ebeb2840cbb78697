"""A task may say no to a call: an error to `enqueue`, a value to `try_enqueue`."""

from __future__ import annotations

import asyncio

import pytest

from queuekit import App, EnqueueContext, Job, Refusal
from queuekit.errors import ConfigurationError, EnqueueRefused
from queuekit.storage import JobFilter


@pytest.fixture
def app() -> App:
    """An app on a store of its own."""
    return App("memory://")


def small(context: EnqueueContext) -> bool:
    """Only small numbers."""
    return bool(context.args[0] < 10)


def test_a_no_is_an_error_or_a_value_and_stores_nothing(app: App) -> None:
    @app.task(should_enqueue=small, name="take")
    def take(number: int) -> None: ...

    with pytest.raises(EnqueueRefused, match="take was not enqueued"):
        take.enqueue(10)
    refusal = take.try_enqueue(10)
    assert isinstance(refusal, Refusal)
    assert not refusal
    assert refusal.task == "take"
    assert not asyncio.run(take.atry_enqueue(10))
    with pytest.raises(EnqueueRefused):
        asyncio.run(take.aenqueue(10))
    assert app.store.count(JobFilter(), 1).n == 0


def test_a_yes_stores_the_job(app: App) -> None:
    @app.task(should_enqueue=small)
    def take(number: int) -> None: ...

    job = take.try_enqueue(1)
    assert isinstance(job, Job)
    assert asyncio.run(take.atry_enqueue(2))
    assert app.store.count(JobFilter(), 10).n == 2


def test_one_no_refuses_the_whole_bulk(app: App) -> None:
    @app.task(should_enqueue=small)
    def take(number: int) -> None: ...

    with pytest.raises(EnqueueRefused):
        app.enqueue_many([take.request(1), take.request(11)])
    assert app.store.count(JobFilter(), 1).n == 0


def test_an_async_predicate_is_refused_since_nobody_would_await_it(app: App) -> None:
    async def always(_: EnqueueContext) -> bool:
        return False

    with pytest.raises(ConfigurationError, match="must not be async"):
        app.task(should_enqueue=always)(lambda: None)  # type: ignore[arg-type]
