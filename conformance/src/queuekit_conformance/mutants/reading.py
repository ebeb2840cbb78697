"""Mutants of lists, counts and times."""

# ruff: noqa: D102 - a verb is the protocol's; what is wrong with it stands in its class

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from queuekit.job import (
    StoredJob,
)
from queuekit.storage import (
    Count,
    JobFilter,
    Page,
)
from queuekit_conformance.mutants.base import Mutant
from queuekit_conformance.steps import all_jobs


class OldestFirst(Mutant):
    """A page is listed backwards."""

    def list(self, where: JobFilter, cursor: int | None = None, limit: int = 100) -> Page:
        page = self.inner.list(where, cursor, limit)
        return replace(page, jobs=page.jobs[::-1])


class PageLosesOne(Mutant):
    """The last job of each page but the last is listed nowhere."""

    def list(self, where: JobFilter, cursor: int | None = None, limit: int = 100) -> Page:
        page = self.inner.list(where, cursor, limit)
        return page if page.cursor is None else replace(page, jobs=page.jobs[:-1])


class CountAlwaysExact(Mutant):
    """A count that was cut off passes for exact."""

    def count(self, where: JobFilter, bound: int) -> Count:
        return replace(self.inner.count(where, bound), exact=True)


class TagsMatchedAsText(Mutant):
    """A tag is looked for as a part of all the tags' text."""

    def list(self, where: JobFilter, cursor: int | None = None, limit: int = 100) -> Page:
        if where.tag is None:
            return self.inner.list(where, cursor, limit)
        jobs = all_jobs(self.inner, replace(where, tag=None))
        return Page(tuple(job for job in jobs if where.tag in ",".join(job.tags)), None)


class TwoClocks(Mutant):
    """The end of a job is stamped by a clock that does not travel."""

    drift = timedelta(0)

    def travel(self, by: timedelta) -> None:
        self.drift += by
        self.inner.travel(by)

    def get(self, ids: Sequence[UUID]) -> tuple[StoredJob | None, ...]:
        return tuple(
            replace(job, finished_at=job.finished_at - self.drift)
            if job and job.finished_at
            else job
            for job in self.inner.get(ids)
        )
