"""Trying a program's jobs without a worker: a store in memory, time that is moved by hand, and the
code run here and now.

`JobQueue` takes each job the way a worker does: it is claimed, its arguments are read back from
text, whatever happens becomes an outcome, and the store applies what follows from it. So a test
meets retries, snoozes and arguments that have no exact form as production would. With pytest, the
fixture ``job_queue`` hands one out.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, ParamSpec, TypeVar

from queuekit.app import App
from queuekit.context import Context
from queuekit.errors import UnknownTask
from queuekit.job import Attempt, AttemptOutcome, Claim, JobState, StoredJob
from queuekit.lifecycle import resolve
from queuekit.outcomes import Outcome
from queuekit.paging import all_jobs
from queuekit.plugins import open_store
from queuekit.running import run_call, run_coroutine
from queuekit.storage import (
    NONCE_BYTES,
    ClaimRequest,
    Finish,
    JobFilter,
    Store,
    SupportsTravel,
)
from queuekit.tasks import Executor, Task, Variant

P = ParamSpec("P")
T = TypeVar("T")

MOST_RUNS: Final = 10_000
"""Attempts in one drain, after which jobs that bring forth jobs are taken to go on for ever."""

_LEASE: Final = timedelta(days=365)
_WORKER: Final = "queuekit.testing"


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain did: the attempts that ended, in order, each with its job's id and task."""

    attempts: tuple[tuple[StoredJob, Attempt], ...]

    @property
    def jobs(self) -> list[StoredJob]:
        """The jobs that became final, as they were then."""
        return [job for job, _ in self.attempts if job.state.is_final]

    @property
    def completed(self) -> list[StoredJob]:
        """The jobs that completed."""
        return [job for job in self.jobs if job.state is JobState.COMPLETED]

    @property
    def failures(self) -> list[tuple[StoredJob, Attempt]]:
        """Every attempt that failed, retried ones included."""
        failed = (AttemptOutcome.FAILED, AttemptOutcome.LOST)
        return [(job, attempt) for job, attempt in self.attempts if attempt.outcome in failed]

    def check(self) -> None:
        """Fail the test if an attempt failed, with the traceback of each."""
        told = [
            f"{job.task}, attempt {attempt.number}:\n{attempt.failure.traceback}"
            for job, attempt in self.failures
            if attempt.failure is not None
        ]
        if told:
            raise AssertionError("\n".join([f"{len(told)} attempts failed", *told]))


class JobQueue:
    """A queue for one test: an app on a store in memory, and somebody who runs its jobs.

    Make it with `JobQueue.of`.
    """

    def __init__(self, app: App, store: Store) -> None:
        self.app = app
        self.store = store

    @classmethod
    @contextmanager
    def of(cls, app: App) -> Iterator[JobQueue]:
        """A fresh queue for `app`, whose jobs go there for the time of the block."""
        store = open_store("memory://", testing=True)
        try:
            with app.on(store):
                yield cls(app, store)
        finally:
            store.close()

    # --- time

    @property
    def now(self) -> datetime:
        """The store's time."""
        return self.store.info().now

    def travel(self, by: timedelta | float) -> None:
        """Move the store's time forward, by seconds or a `timedelta`; runs nothing."""
        assert isinstance(self.store, SupportsTravel), "the memory store travels"
        self.store.travel(by if isinstance(by, timedelta) else timedelta(seconds=by))

    # --- looking

    def jobs(self, task: Variant[..., Any] | None = None) -> list[StoredJob]:
        """All jobs, or those of a task, in the order of their enqueues."""
        where = JobFilter(task=None if task is None else task.definition.name)
        return list(all_jobs(self.store, where))[::-1]

    def arguments(self, job: StoredJob) -> dict[str, Any]:
        """A job's arguments by name, defaults included."""
        task = self.app.tasks[job.task]
        args, kwargs = self.app.codec.load_arguments(job.payload, task.definition.positional)
        return _by_name(task, *args, **kwargs)

    def assert_enqueued(
        self, task: Variant[P, Any], *args: P.args, **kwargs: P.kwargs
    ) -> StoredJob:
        """Fail unless the task was enqueued with just these arguments; the newest such job."""
        wanted = _by_name(task, *args, **kwargs)
        calls = [(job, self.arguments(job)) for job in self.jobs(task)]
        found = [job for job, given in calls if given == wanted]
        if not found:
            seen = "".join(f"\n  {_show(given)}" for _, given in calls) or " none"
            raise AssertionError(
                f"{task.definition.name} was not enqueued with {_show(wanted)}; its jobs:{seen}"
            )
        return found[-1]

    def assert_not_enqueued(self, task: Variant[..., Any]) -> None:
        """Fail if the task was enqueued at all."""
        calls = [_show(self.arguments(job)) for job in self.jobs(task)]
        assert not calls, f"{task.definition.name} was enqueued with {' and '.join(calls)}"

    # --- running

    def drain(self, *, until: timedelta | float | None = None) -> Drained:
        """Run jobs here, in a worker's order, until none is left that waits for anything but a
        person.

        Time moves on by itself to the next job that is scheduled or waits for a retry, so that
        hours pass in no time; with `until` it moves so far and no further.

        Raises:
            UnknownTask: a job's task is not in the app.
            AssertionError: after `MOST_RUNS` attempts jobs still bring forth jobs.
        """
        end = None
        if until is not None:
            end = self.now + (until if isinstance(until, timedelta) else timedelta(seconds=until))
        ended: list[tuple[StoredJob, Attempt]] = []
        while True:
            more, wait = self._run_due()
            ended += more
            assert len(ended) < MOST_RUNS, f"no end after {MOST_RUNS} attempts"
            left = None if end is None else end - self.now
            if left is not None and left > timedelta(0) and (wait is None or wait > left):
                wait = left
            if wait is None or (left is not None and left <= timedelta(0)):
                return Drained(tuple(ended))
            self.travel(wait)

    @contextmanager
    def inline(self) -> Iterator[None]:
        """Within the block each enqueue runs its job at once, and those that this one enqueues.

        Jobs that are due later, and retries, stay for `drain`.
        """
        with self.app.on(self.store, after_enqueue=self._run_due):
            yield

    def _run_due(self) -> tuple[list[tuple[StoredJob, Attempt]], timedelta | None]:
        """Run what is due; what was run, and the time until more is."""
        ended: list[tuple[StoredJob, Attempt]] = []
        while True:
            request = ClaimRequest(os.urandom(NONCE_BYTES), _WORKER, _LEASE, start=1)
            claimed = self.store.claim(request)
            if not claimed.claims or len(ended) >= MOST_RUNS:
                return ended, claimed.next_due
            ended.append(self._run(claimed.claims[0]))

    def _run(self, claim: Claim) -> tuple[StoredJob, Attempt]:
        """Run one job as a worker's child would, and finish it as the worker would."""
        if claim.task not in self.app.tasks:
            raise UnknownTask(claim.task, [task.name for task in self.app.tasks])
        outcome = self._outcome_of(claim)
        self.store.finish([Finish(claim.token, resolve(claim, outcome), claim.limits)])
        (job,) = self.store.get([claim.token.job_id])
        assert job is not None, "nobody prunes in between"
        return job, self.store.history(job.id)[-1]

    def _outcome_of(self, claim: Claim) -> Outcome:
        context = Context.of(claim)
        if self.app.tasks[claim.task].executor is Executor.ASYNCIO:
            return _on_a_loop_of_its_own(
                lambda: asyncio.run(run_coroutine(self.app, context, claim.payload))
            )
        return contextvars.Context().run(run_call, self.app, context, claim.payload)


def _on_a_loop_of_its_own(run: Callable[[], T]) -> T:
    """In another thread, so that an async test may drain, too."""
    answers: list[T] = []
    thread = threading.Thread(target=lambda: answers.append(run()))
    thread.start()
    thread.join()
    return answers[0]


def _by_name(task: Variant[..., Any] | Task[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    task.definition.bind(args, kwargs)
    bound = task.definition.signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def _show(arguments: dict[str, Any]) -> str:
    return "(" + ", ".join(f"{name}={value!r}" for name, value in arguments.items()) + ")"
