"""Mutants of enqueue, graphs among them."""

# ruff: noqa: D102 - a verb is the protocol's; what is wrong with it stands in its class

from __future__ import annotations

import contextlib
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from queuekit.errors import JobConflict, UnsupportedOperation
from queuekit.job import (
    Enqueued,
    EnqueueStatus,
    NewJob,
    ParentPolicy,
)
from queuekit_conformance.mutants.base import EachJobChanged, Mutant


class PriorityInverted(EachJobChanged):
    """Lower priority runs first."""

    def changed(self, job: NewJob) -> NewJob:
        return replace(job, priority=-job.priority)


class PriorityAsText(EachJobChanged):
    """Ten comes before two."""

    def changed(self, job: NewJob) -> NewJob:
        digits = str(job.priority).ljust(3).encode()
        return replace(job, priority=int.from_bytes(digits[:3], "big"))


class OrderReversed(Mutant):
    """The last of a batch runs first."""

    def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Enqueued, ...]:
        return self.inner.enqueue(list(jobs)[::-1])[::-1]


class BatchNotAtomic(Mutant):
    """A refused batch leaves those jobs behind that stood before the bad one."""

    def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Enqueued, ...]:
        return tuple(answer for job in jobs for answer in self.inner.enqueue([job]))


class ConflictIgnored(Mutant):
    """Other content under a known id passes for the same job."""

    def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Enqueued, ...]:
        try:
            return self.inner.enqueue(jobs)
        except JobConflict:
            return tuple(Enqueued(job.id, EnqueueStatus.EXISTS) for job in jobs)


class DelayResolvedByClient(EachJobChanged):
    """A delay becomes an instant on the way, so that a late repeat is another job."""

    def changed(self, job: NewJob) -> NewJob:
        if isinstance(job.due, timedelta):
            return replace(job, due=self.inner.info().now + job.due)
        return job


class InstantsCutToSeconds(EachJobChanged):
    """A column that keeps no fractions of a second."""

    def changed(self, job: NewJob) -> NewJob:
        if isinstance(job.due, datetime):
            return replace(job, due=job.due.replace(microsecond=0))
        return job


class ExpiryDropped(EachJobChanged):
    """A job runs however late it is."""

    def changed(self, job: NewJob) -> NewJob:
        return replace(job, expires=None)


class PayloadNormalised(EachJobChanged):
    """Unicode is composed on the way in."""

    def changed(self, job: NewJob) -> NewJob:
        return replace(job, payload=unicodedata.normalize("NFC", job.payload))


class PayloadParsed(EachJobChanged):
    """A json column: spaces, repeated keys and number forms are lost."""

    def changed(self, job: NewJob) -> NewJob:
        with contextlib.suppress(ValueError):
            return replace(job, payload=json.dumps(json.loads(job.payload)))
        return job


class PayloadCut(EachJobChanged):
    """A column of 65 535 characters that says nothing."""

    def changed(self, job: NewJob) -> NewJob:
        return replace(job, payload=job.payload[:65_535])


class TagsSorted(EachJobChanged):
    """A set in place of a list."""

    def changed(self, job: NewJob) -> NewJob:
        return replace(job, tags=tuple(sorted(job.tags)))


class AbsentAbilityIgnored(EachJobChanged):
    """A unique key that the store cannot keep is dropped without a word."""

    def changed(self, job: NewJob) -> NewJob:
        return replace(job, unique=None)


class AbsentAbilityRefusedLate(Mutant):
    """An absent ability is refused after the rest of the batch is stored."""

    def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Enqueued, ...]:
        try:
            return self.inner.enqueue(jobs)
        except UnsupportedOperation:
            self.inner.enqueue(jobs[:1])
            raise


class ChildrenWaitForNothing(EachJobChanged):
    """A child runs before its parent."""

    def changed(self, job: NewJob) -> NewJob:
        return replace(job, parents=())


class ChildrenReleasedByTheFirst(EachJobChanged):
    """The first of several parents releases the child."""

    def changed(self, job: NewJob) -> NewJob:
        return replace(job, parents=job.parents[:1])


class ChildrenNeverReleased(EachJobChanged):
    """A child's count never falls to nought."""

    def changed(self, job: NewJob) -> NewJob:
        return replace(job, armed=job.armed and not job.parents)


class PolicyIgnored(EachJobChanged):
    """A child runs though its parent failed."""

    def changed(self, job: NewJob) -> NewJob:
        lenient = tuple(replace(parent, policy=ParentPolicy.FINAL) for parent in job.parents)
        return replace(job, parents=lenient)


class UnarmedRuns(EachJobChanged):
    """A job of an unfinished graph runs."""

    def changed(self, job: NewJob) -> NewJob:
        return replace(job, armed=True)
