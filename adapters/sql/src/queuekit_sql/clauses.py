"""Pieces that many statements share.

What a state is, when a job has expired, what a delay comes to.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, exists, select

from queuekit.clock import MAX_MICROS
from queuekit.job import JobState, Phase, Reason
from queuekit_sql.asking import Row, Verb, among, arg, ask, chunk_size, chunks, inline, listed
from queuekit_sql.dialect import NOW
from queuekit_sql.rows import Held
from queuekit_sql.tables import edges, jobs

_job = jobs.c

STATE: Final = case(
    (_job.phase == inline(Phase.BLOCKED), inline(JobState.PENDING)),
    (_job.phase == inline(Phase.RUNNING), inline(JobState.RUNNING)),
    (_job.phase == inline(Phase.FINAL), _job.final_state),
    (_job.run_at <= NOW, inline(JobState.AVAILABLE)),
    (_job.reason == inline(Reason.RETRY), inline(JobState.RETRYABLE)),
    else_=inline(JobState.SCHEDULED),
).label("state")
"""`queuekit.job.state_of` in SQL, so that filters, counts and what is read agree."""

IS_EXPIRED: Final = case(
    (and_(_job.expires_at.is_not(None), _job.expires_at <= NOW), inline(1)), else_=inline(0)
).label("expired")

IS_PARENT: Final = exists().where(edges.c.parent_seq == _job.seq).label("is_parent")
"""Whether anything waits for the job: asked in passing, so that jobs outside of graphs cost no
statement."""

_COMPUTED: Final = {"state": STATE, "expired": IS_EXPIRED, "is_parent": IS_PARENT}


def columns(row: type[NamedTuple]) -> list[ColumnElement[Any]]:
    """The columns that a named tuple's fields stand for."""
    return [_COMPUTED[f] if f in _COMPUTED else _job[f] for f in row._fields]


def later(delay: ColumnElement[Any]) -> ColumnElement[int]:
    """Now + `delay`, held inside what every store can keep (`queuekit.clock.after`)."""
    then = NOW + delay
    return case((then > inline(MAX_MICROS), inline(MAX_MICROS)), else_=then)


def find_held(ids: list[bytes]) -> Verb[dict[bytes, Held]]:
    """The jobs of these ids, locked where a database locks rows.

    In the order of `seq`, so that two batches cannot deadlock.
    """
    found: dict[bytes, Held] = {}
    for part in chunks(ids):
        rows = yield from ask(_by_id(chunk_size(len(part))), **listed("ids", part))
        found.update((row[1], Held._make(row)) for row in rows)
    return found


@cache
def _by_id(size: int) -> Select[Row]:
    return (
        select(*columns(Held))
        .where(among(_job.id, "ids", size))
        .order_by(_job.seq)
        .with_for_update(of=jobs)
    )


def optional(instant: str, delay: str) -> ColumnElement[int]:
    """The instant if one is given, else now + the delay; NULL if neither is."""
    return case((arg(instant).is_not(None), arg(instant)), else_=later(arg(delay)))
