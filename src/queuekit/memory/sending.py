"""Sending jobs: all or nothing, and the same batch again changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from queuekit.clock import after, to_micros
from queuekit.errors import JobConflict, JobNotFound
from queuekit.job import Enqueued, EnqueueStatus, JobState, NewJob, Parent, Phase
from queuekit.lifecycle import PARENT_REASON
from queuekit.memory import endings
from queuekit.memory.rows import Row
from queuekit.memory.tables import Tables


def enqueue(tables: Tables, now: int, jobs: Sequence[NewJob]) -> tuple[Enqueued, ...]:
    """Store the jobs that are not stored yet. The batch has passed the door (`admit`)."""
    _check_against_stored(tables, jobs)  # before the first insert: a refused batch leaves no trace
    return tuple(_enqueue_one(tables, now, job) for job in jobs)


def instant(now: int, when: timedelta | datetime) -> int:
    """A delay from the store's now, or an instant as it is."""
    return after(now, when) if isinstance(when, timedelta) else to_micros(when)


def _check_against_stored(tables: Tables, jobs: Sequence[NewJob]) -> None:
    for job in jobs:
        known = tables.rows.get(job.id)
        if known is not None and known.fingerprint != job.fingerprint():
            raise JobConflict(job.id)
    earlier: set[UUID] = set()
    for job in jobs:
        if job.id not in tables.rows:
            _check_parents(tables, job, earlier)
        earlier.add(job.id)


def _check_parents(tables: Tables, job: NewJob, earlier: set[UUID]) -> None:
    for parent in job.parents:
        if parent.id not in tables.rows and parent.id not in earlier:
            raise JobNotFound(parent.id)


def _enqueue_one(tables: Tables, now: int, job: NewJob) -> Enqueued:
    if job.id in tables.rows:
        return Enqueued(job.id, EnqueueStatus.EXISTS)
    row = _new_row(tables, now, job)
    tables.insert(row)
    _tie_to_parents(tables, now, row)
    endings.unblock(tables, row)
    return Enqueued(job.id, EnqueueStatus.CREATED)


def _new_row(tables: Tables, now: int, job: NewJob) -> Row:
    return Row(
        new=job,
        fingerprint=job.fingerprint(),
        seq=tables.next_seq(),
        enqueued_at=now,
        run_at=now if job.due is None else instant(now, job.due),
        expires_at=None if job.expires is None else instant(now, job.expires),
        queue=job.queue,
        priority=job.priority,
        armed=job.armed,
    )


def _tie_to_parents(tables: Tables, now: int, row: Row) -> None:
    """Note an edge to each live parent; one that has ended already counts at once."""
    doomed = False
    for edge in row.new.parents:
        parent = tables.rows[edge.id]
        if parent.phase is Phase.FINAL:
            doomed = doomed or not endings.is_satisfied(edge.policy, parent)
        else:
            _tie(row, parent, edge)
    if doomed:
        endings.end(tables, now, row, JobState.CANCELLED, PARENT_REASON)


def _tie(row: Row, parent: Row, edge: Parent) -> None:
    row.parents[parent.id] = edge.policy
    parent.children[row.id] = None
