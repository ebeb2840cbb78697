"""What mutants are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from queuekit.job import (
    Enqueued,
    NewJob,
)
from queuekit_conformance.steps import TravellingStore


class Mutant:
    """A good store, until a subclass breaks it."""

    def __init__(self, inner: TravellingStore) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        """What the mutant does not override, the good store does."""
        return getattr(self.inner, name)


class EachJobChanged(Mutant):
    """Base of those that store something else than what was sent."""

    def changed(self, job: NewJob) -> NewJob:
        """What is stored in the job's place."""
        raise NotImplementedError

    def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Enqueued, ...]:
        """Store what the jobs have been changed into."""
        return self.inner.enqueue([self.changed(job) for job in jobs])
