"""Mutants of what people do to jobs."""

# ruff: noqa: D102 - a verb is the protocol's; what is wrong with it stands in its class

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from queuekit.job import (
    Attempt,
    JobState,
    Phase,
    StoredJob,
)
from queuekit.storage import (
    Change,
    ControlAnswer,
    Controlled,
)
from queuekit_conformance.mutants.base import Mutant
from queuekit_conformance.steps import all_jobs


class CancelForgotten(Mutant):
    """A cancelled job is still claimed."""

    def cancel(self, ids: Sequence[UUID], reason: str) -> tuple[Controlled, ...]:
        del reason
        return self.inner.amend(ids, Change())


class CancelKillsRunning(Mutant):
    """A cancel of a running job says that it is done."""

    def cancel(self, ids: Sequence[UUID], reason: str) -> tuple[Controlled, ...]:
        return tuple(
            replace(each, answer=ControlAnswer.DONE)
            if each.answer is ControlAnswer.REQUESTED
            else each
            for each in self.inner.cancel(ids, reason)
        )


class DiscardActsOnRunning(Mutant):
    """A discard of a running job leaves a mark on it."""

    def discard(self, ids: Sequence[UUID], reason: str) -> tuple[Controlled, ...]:
        answers = self.inner.discard(ids, reason)
        wrong = [one.id for one in answers if one.answer is ControlAnswer.WRONG_STATE]
        self.inner.cancel(wrong, reason)
        return answers


class RerunForgetsHistory(Mutant):
    """A rerun job has no past."""

    def history(self, job_id: UUID) -> tuple[Attempt, ...]:
        (job,) = self.inner.get([job_id])
        lines = self.inner.history(job_id)
        return tuple(line for line in lines if job and line.number > job.round_start)


class AmendForgetsPriority(Mutant):
    """Reprioritising is answered, and changes nothing."""

    def amend(self, ids: Sequence[UUID], change: Change) -> tuple[Controlled, ...]:
        return self.inner.amend(ids, replace(change, priority=None))


class PurgeIgnoresQueue(Mutant):
    """A purge deletes the waiting jobs of every queue."""

    def purge(self, queue: str, limit: int) -> int:
        others = [other.name for other in self.inner.queues() if other.name != queue]
        return self.inner.purge(queue, limit) + sum(
            self.inner.purge(other, limit) for other in others
        )


class PurgeUnbounded(Mutant):
    """A purge takes no notice of its limit."""

    def purge(self, queue: str, limit: int) -> int:
        return self.inner.purge(queue, limit + 1_000)


class Hiding(Mutant):
    """Base of those that delete what they must not: what is hidden counts as deleted."""

    hidden: frozenset[UUID] = frozenset()

    def get(self, ids: Sequence[UUID]) -> tuple[StoredJob | None, ...]:
        return tuple(
            None if job is None or job.id in self.hidden else job for job in self.inner.get(ids)
        )


class PruneDeletesRunning(Hiding):
    """A prune deletes running jobs, too."""

    def prune(self, states: frozenset[JobState], older_than: timedelta, limit: int) -> int:
        jobs = all_jobs(self.inner)
        self.hidden |= {job.id for job in jobs if job.phase is Phase.RUNNING}
        return self.inner.prune(states, older_than, limit)


class PruneIgnoresAge(Mutant):
    """A prune deletes what has just ended."""

    def prune(self, states: frozenset[JobState], older_than: timedelta, limit: int) -> int:
        return self.inner.prune(states, older_than * 0, limit)


class ExpireUnbounded(Mutant):
    """A sweep takes no notice of its limit."""

    def expire(self, limit: int) -> int:
        return self.inner.expire(limit + 1_000)
