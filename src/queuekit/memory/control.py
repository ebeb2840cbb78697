"""What people, and the sweeps that work for them, do to jobs and queues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from heapq import nsmallest
from itertools import islice
from uuid import UUID

from queuekit.admission import span
from queuekit.clock import duration_micros
from queuekit.job import JobState, Phase, Reason
from queuekit.memory import endings
from queuekit.memory.rows import Row
from queuekit.memory.sending import instant
from queuekit.memory.tables import QueueSettings, Tables
from queuekit.storage import Change, ControlAnswer, Controlled, QueueMode

NOT_YET_TAKEN = (Phase.BLOCKED, Phase.WAITING)
"""Nobody holds the job, and it has not ended: people may change it as they like."""

Act = Callable[[Row], ControlAnswer]


def arm(tables: Tables, now: int, ids: Sequence[UUID]) -> tuple[Controlled, ...]:
    """Let jobs of a graph that is stored whole run once their parents are final."""

    def act(row: Row) -> ControlAnswer:
        if row.phase is Phase.FINAL:
            return ControlAnswer.WRONG_STATE
        if not row.armed:
            row.armed = True
            tables.touch()
            endings.unblock(tables, row)
        return ControlAnswer.DONE

    return _each(tables, now, ids, act)


def cancel(tables: Tables, now: int, ids: Sequence[UUID], reason: str) -> tuple[Controlled, ...]:
    """End what does not run; ask the workers of what does."""

    def act(row: Row) -> ControlAnswer:
        if row.phase is Phase.FINAL:
            return ControlAnswer.WRONG_STATE
        if row.is_started:
            if row.cancel_reason is None:  # asked again, the first reason stands
                row.cancel_reason = reason
                tables.touch()
            return ControlAnswer.REQUESTED
        endings.end(tables, now, row, JobState.CANCELLED, reason)
        return ControlAnswer.DONE

    return _each(tables, now, ids, act)


def discard(tables: Tables, now: int, ids: Sequence[UUID], reason: str) -> tuple[Controlled, ...]:
    """Give up jobs that nobody holds."""

    def act(row: Row) -> ControlAnswer:
        if row.phase not in NOT_YET_TAKEN:
            return ControlAnswer.WRONG_STATE
        endings.end(tables, now, row, JobState.DISCARDED, reason)
        return ControlAnswer.DONE

    return _each(tables, now, ids, act)


def rerun(tables: Tables, now: int, ids: Sequence[UUID]) -> tuple[Controlled, ...]:
    """Send final jobs round again."""

    def act(row: Row) -> ControlAnswer:
        if row.phase is not Phase.FINAL:
            return ControlAnswer.WRONG_STATE
        with tables.changing(row):
            row.phase, row.reason, row.run_at = Phase.WAITING, Reason.RERUN, now
            row.round_start = row.attempts
            row.final = row.final_reason = row.result = None
            row.expires_at = row.cancel_reason = None
            row.armed = True
            # Cancelled by one parent, it may have others that still run; they concern it no more.
            tables.cut_from_parents(row)
        return ControlAnswer.DONE

    return _each(tables, now, ids, act)


def amend(tables: Tables, now: int, ids: Sequence[UUID], change: Change) -> tuple[Controlled, ...]:
    """Reschedule, reprioritise or move jobs that nobody holds."""

    def act(row: Row) -> ControlAnswer:
        if row.phase not in NOT_YET_TAKEN:
            return ControlAnswer.WRONG_STATE
        with tables.changing(row):
            if change.due is not None:
                row.run_at = instant(now, change.due)
            if change.priority is not None:
                row.priority = change.priority
            if change.queue is not None:
                row.queue = change.queue
        return ControlAnswer.DONE

    return _each(tables, now, ids, act)


def expire(tables: Tables, now: int, limit: int) -> int:
    """End waiting jobs whose expiry has passed, the longest expired first."""
    expired = (row for row in tables.waiting() if row.is_expired(now))
    rows = nsmallest(limit, expired, key=lambda row: (row.expires_at, row.seq))
    for row in rows:
        endings.expire(tables, now, row)
    return len(rows)


def set_queue(tables: Tables, name: str, paused: bool | None, mode: QueueMode | None) -> None:
    """Change a queue's settings."""
    settings = tables.settings.setdefault(name, QueueSettings())
    if paused is not None:
        settings.paused = paused
    if mode is not None:
        settings.mode = mode
    tables.touch()


def purge(tables: Tables, now: int, queue: str, limit: int) -> int:
    """Delete a queue's waiting jobs, the first in line first; to their children they count as
    cancelled.
    """
    rows = list(islice(tables.waiting_in(queue), limit))
    for row in rows:
        endings.end(tables, now, row, JobState.CANCELLED)
        tables.delete(row)
    return len(rows)


def prune(
    tables: Tables, now: int, states: frozenset[JobState], older_than: timedelta, limit: int
) -> int:
    """Delete final jobs that ended long enough ago, oldest first."""
    latest = now - duration_micros(span(older_than))
    old = (row for row in tables.rows.values() if row.final in states and row.finished_at <= latest)
    rows = nsmallest(limit, old, key=lambda row: (row.finished_at, row.seq))
    for row in rows:
        tables.delete(row)
    return len(rows)


def _each(tables: Tables, now: int, ids: Sequence[UUID], act: Act) -> tuple[Controlled, ...]:
    """Act on each job for itself, and tell in which state it was found."""
    return tuple(_control_one(tables, now, job_id, act) for job_id in ids)


def _control_one(tables: Tables, now: int, job_id: UUID, act: Act) -> Controlled:
    row = tables.rows.get(job_id)
    if row is None:
        return Controlled(job_id, ControlAnswer.NOT_FOUND)
    found = row.state(now)
    return Controlled(job_id, act(row), found)
