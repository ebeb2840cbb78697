"""Mutants of finish and of history."""

# ruff: noqa: D102 - a verb is the protocol's; what is wrong with it stands in its class

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from queuekit.job import (
    Attempt,
    Move,
    Resolution,
    StoredJob,
    Token,
)
from queuekit.storage import (
    Answer,
    Finish,
    Finished,
)
from queuekit_conformance.mutants.base import Mutant


class EachFinishChanged(Mutant):
    """Base of those that apply another resolution."""

    def changed(self, resolution: Resolution) -> Resolution:
        raise NotImplementedError

    def finish(self, finishes: Sequence[Finish], starts: Sequence[Token] = ()) -> Finished:
        changed = [replace(one, resolution=self.changed(one.resolution)) for one in finishes]
        return self.inner.finish(changed, starts)


class ResultLost(EachFinishChanged):
    """A completed job has no result."""

    def changed(self, resolution: Resolution) -> Resolution:
        return replace(resolution, result=None)


class ReasonLost(EachFinishChanged):
    """A job that gave up does not say why."""

    def changed(self, resolution: Resolution) -> Resolution:
        return replace(resolution, reason=None)


class RetryDelayDropped(EachFinishChanged):
    """A failed job runs again at once."""

    def changed(self, resolution: Resolution) -> Resolution:
        return replace(resolution, delay=timedelta(0))


class ReleaseCountsAttempt(EachFinishChanged):
    """Giving a job back spends an attempt."""

    def changed(self, resolution: Resolution) -> Resolution:
        return (
            replace(resolution, move=Move.RETRY) if resolution.move is Move.RELEASE else resolution
        )


class ReleaseLosesPlace(EachFinishChanged):
    """A job that is given back goes to the end of the line."""

    def changed(self, resolution: Resolution) -> Resolution:
        return (
            replace(resolution, move=Move.SNOOZE) if resolution.move is Move.RELEASE else resolution
        )


class TracebackLost(EachFinishChanged):
    """An error's text is kept, its traceback is not."""

    def changed(self, resolution: Resolution) -> Resolution:
        failure = resolution.failure and replace(resolution.failure, traceback=None)
        return replace(resolution, failure=failure)


class RepeatIsLost(Mutant):
    """A finish whose answer was lost on the way cannot be repeated."""

    done: frozenset[Token] = frozenset()

    def finish(self, finishes: Sequence[Finish], starts: Sequence[Token] = ()) -> Finished:
        answer = self.inner.finish(finishes, starts)
        answers = tuple(
            Answer.LOST if one.token in self.done else each
            for one, each in zip(finishes, answer.finished, strict=True)
        )
        self.done |= {one.token for one in finishes}
        return replace(answer, finished=answers)


class AnyRepeatIsDone(Mutant):
    """A spent token takes any outcome for a repeat."""

    done: frozenset[Token] = frozenset()

    def finish(self, finishes: Sequence[Finish], starts: Sequence[Token] = ()) -> Finished:
        answer = self.inner.finish(finishes, starts)
        answers = tuple(
            Answer.DONE if one.token in self.done else each
            for one, each in zip(finishes, answer.finished, strict=True)
        )
        self.done |= {one.token for one in finishes}
        return replace(answer, finished=answers)


class AttemptCountedAtFinish(Mutant):
    """A running attempt is not counted yet, so that a crash loop never ends."""

    def get(self, ids: Sequence[UUID]) -> tuple[StoredJob | None, ...]:
        jobs = self.inner.get(ids)
        return tuple(
            replace(job, attempts=job.attempts - 1) if job and job.started_at else job
            for job in jobs
        )


class HistoryKeepsTheLast(Mutant):
    """Each attempt overwrites the one before it."""

    def history(self, job_id: UUID) -> tuple[Attempt, ...]:
        return self.inner.history(job_id)[-1:]
