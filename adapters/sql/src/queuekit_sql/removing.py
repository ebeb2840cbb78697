"""CONTROL, in bulk.

Expiry, purge and prune, each bounded by a limit, each walking one index from its start.
"""

from __future__ import annotations

from datetime import timedelta
from heapq import nsmallest
from typing import Final

from sqlalchemy import select

from queuekit.job import JobState, Phase
from queuekit.lifecycle import EXPIRED_REASON
from queuekit_sql.asking import Row, Verb, arg, ask, inline
from queuekit_sql.clauses import IS_PARENT
from queuekit_sql.dialect import NOW
from queuekit_sql.ending import delete_jobs, end_unheld, release_children
from queuekit_sql.rows import within
from queuekit_sql.tables import jobs


def expire(limit: int) -> Verb[int]:
    """End waiting jobs whose expiry has passed, the longest expired first."""
    rows = yield from ask(_EXPIRED, limit=limit)
    yield from end_unheld(
        [seq for seq, _ in rows],
        JobState.DISCARDED,
        EXPIRED_REASON,
        parents=[seq for seq, is_parent in rows if is_parent],
    )
    return len(rows)


def purge(queue: str, limit: int) -> Verb[int]:
    """Delete waiting jobs of a queue, the first in line first.

    To their children they count as cancelled.
    """
    rows = yield from ask(_WAITING_IN, lane=queue, limit=limit)
    yield from release_children((seq, False) for seq, is_parent in rows if is_parent)
    yield from delete_jobs([seq for seq, _ in rows])
    return len(rows)


def prune(states: frozenset[JobState], older_than: timedelta, limit: int) -> Verb[int]:
    """Delete final jobs that ended long enough ago, oldest end first."""
    found: list[Row] = []
    for state in sorted(states):
        found += yield from ask(_ENDED, state=state.value, age=within(older_than), limit=limit)
    oldest = nsmallest(limit, ((finished_at, seq) for seq, finished_at in found))
    yield from delete_jobs([seq for _, seq in oldest])
    return len(oldest)


_EXPIRED: Final = (
    select(jobs.c.seq, IS_PARENT)
    .where(
        jobs.c.phase == inline(Phase.WAITING),
        jobs.c.expires_at <= NOW,
    )
    .order_by(jobs.c.expires_at, jobs.c.seq)
    .limit(arg("limit"))
    .with_for_update(of=jobs, skip_locked=True)
)

_WAITING_IN: Final = (
    select(jobs.c.seq, IS_PARENT)
    .where(jobs.c.lane == arg("lane"))
    .order_by(jobs.c.priority.desc(), jobs.c.run_at, jobs.c.seq)
    .limit(arg("limit"))
    .with_for_update(of=jobs, skip_locked=True)
)

_ENDED: Final = (
    select(jobs.c.seq, jobs.c.finished_at)
    .where(jobs.c.final_state == arg("state"), jobs.c.finished_at <= NOW - arg("age"))
    .order_by(jobs.c.finished_at, jobs.c.seq)
    .limit(arg("limit"))
    .with_for_update(skip_locked=True)
)
