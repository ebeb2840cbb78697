"""`Job`: what a program holds of a job that it sent, or knows the id of.

A handle keeps no state of its own. Every question is put to the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Final, Generic, Literal, Protocol, TypeVar
from uuid import UUID

from queuekit.errors import (
    InvalidTransition,
    JobCancelled,
    JobFailed,
    JobNotFound,
    ResultNotStorable,
    ResultTimeout,
)
from queuekit.job import Attempt, EnqueueStatus, JobState, StoredJob
from queuekit.options import When, due_of
from queuekit.payload import Codec, Unstorable
from queuekit.storage import Change, ControlAnswer, Controlled, Store

R_co = TypeVar("R_co", covariant=True)

LOOK_FIRST: Final = 0.01
"""Seconds between the first looks at a job that is waited for."""

LOOK_SHARE: Final = 0.1
"""Later looks are this part of the time waited so far apart: who has waited ten seconds does not
mind one more."""

LOOK_LONGEST: Final = 2.0
"""Seconds between looks, at most."""


class Desk(Protocol):
    """What a handle needs of its app."""

    @property
    def store(self) -> Store:
        """The open store."""
        ...

    @property
    def codec(self) -> Codec:
        """How arguments and results are written."""
        ...


class Job(Generic[R_co]):
    """A job in the store, whose task returns an `R_co`.

    `enqueued` says what became of the enqueue that made this handle: `created`, or that the job was
    there already. It is None on a handle made from an id.
    """

    def __init__(self, desk: Desk, job_id: UUID, enqueued: EnqueueStatus | None = None) -> None:
        self.id = job_id
        self.enqueued = enqueued
        self._desk = desk

    def __repr__(self) -> str:
        """Name the job."""
        return f"<Job {self.id}>"

    def __bool__(self) -> Literal[True]:
        """True, unlike a `Refusal`."""
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    # --- looking

    def refresh(self) -> StoredJob:
        """The job as the store has it now.

        Raises:
            JobNotFound: it is not there; final jobs are pruned some day.
            StoreError: the store could not answer.
        """
        (job,) = self._desk.store.get([self.id])
        if job is None:
            raise JobNotFound(self.id)
        return job

    @property
    def state(self) -> JobState:
        """Its state now; raises as `refresh` does."""
        return self.refresh().state

    def history(self) -> tuple[Attempt, ...]:
        """Its ended attempts, first to last; of a job that is not there, none."""
        return self._desk.store.history(self.id)

    # --- waiting

    def result(self, timeout: float | timedelta | None = None) -> R_co:
        """Wait until the job is final, and return what its task returned.

        `timeout` is in seconds; None waits for ever. Called inside a task it holds the slot that
        the other job may need: enqueue what follows instead.

        Raises:
            JobFailed: it ended `discarded`.
            JobCancelled: it ended `cancelled`.
            ResultTimeout: it has not ended; it goes on, and may be waited for again.
            ResultNotStorable: it completed, but its result had no exact stored form.
            PayloadError, LoadFailed, ReferenceGone: it completed, but its result cannot be read
                back here.
            JobNotFound: it is not there.
            StoreError: the store could not answer; the job is as it was.
        """
        for pause in _pauses(timeout):
            job = self.refresh()
            if job.state.is_final:
                return self._result_of(job)
            time.sleep(pause)
        return self._result_of(self.refresh(), timeout)

    async def aresult(self, timeout: float | timedelta | None = None) -> R_co:
        """As `result`, without holding the event loop."""
        for pause in _pauses(timeout):
            job = await asyncio.to_thread(self.refresh)
            if job.state.is_final:
                return await asyncio.to_thread(self._result_of, job)
            await asyncio.sleep(pause)
        return await asyncio.to_thread(lambda: self._result_of(self.refresh(), timeout))

    def _result_of(self, job: StoredJob, timeout: float | timedelta | None = None) -> R_co:
        if job.state is JobState.COMPLETED:
            try:
                result: R_co = self._desk.codec.load_result(job.result)
            except Unstorable as problem:
                raise ResultNotStorable(self.id, problem.shown) from None
            return result
        reason = job.final_reason or "no reason given"
        if job.state is JobState.CANCELLED:
            raise JobCancelled(self.id, reason)
        if job.state is JobState.DISCARDED:
            failures = [attempt.failure for attempt in self.history() if attempt.failure]
            if not failures:
                raise JobFailed(self.id, reason)
            last = failures[-1]
            raise JobFailed(self.id, reason, last.error_class, last.message, last.traceback)
        raise ResultTimeout(self.id, job.state, _seconds(timeout) or 0.0)

    # --- changing

    def cancel(self, reason: str = "cancelled by the program") -> None:
        """Cancel it: at once if it waits; if it runs, its worker is asked to stop it.

        Raises:
            JobNotFound: it is not there.
            InvalidTransition: it is final already.
        """
        self._check("cancel", self._desk.store.cancel([self.id], reason))

    def discard(self, reason: str = "discarded by the program") -> None:
        """Give it up while it waits: it ends `discarded`.

        Raises:
            JobNotFound: it is not there.
            InvalidTransition: it runs, or is final.
        """
        self._check("discard", self._desk.store.discard([self.id], reason))

    def rerun(self) -> None:
        """Send it round again once it is final, with fresh attempts; its history stays.

        Raises:
            JobNotFound: it is not there.
            InvalidTransition: it is not final.
        """
        self._check("rerun", self._desk.store.rerun([self.id]))

    def reschedule(self, delay: When) -> None:
        """Make it due after `delay`, or at an aware datetime, while it waits.

        Raises:
            JobNotFound: it is not there.
            InvalidTransition: it runs, or is final.
            InvalidJob: the delay is negative, or the datetime naive.
        """
        due = due_of("delay", delay)
        self._check("reschedule", self._desk.store.amend([self.id], Change(due=due)))

    def _check(self, verb: str, answers: tuple[Controlled, ...]) -> None:
        (controlled,) = answers
        if controlled.answer is ControlAnswer.NOT_FOUND:
            raise JobNotFound(self.id)
        if controlled.answer is ControlAnswer.WRONG_STATE:
            raise InvalidTransition(self.id, controlled.found or "gone", verb)


def _seconds(timeout: float | timedelta | None) -> float | None:
    return timeout.total_seconds() if isinstance(timeout, timedelta) else timeout


def _pauses(timeout: float | timedelta | None) -> Iterator[float]:
    """How long to wait after each look, until the time is over."""
    began, patience = time.monotonic(), _seconds(timeout)
    while True:
        waited = time.monotonic() - began
        if patience is not None and waited >= patience:
            return
        pause = min(max(waited * LOOK_SHARE, LOOK_FIRST), LOOK_LONGEST)
        yield pause if patience is None else min(pause, patience - waited)
