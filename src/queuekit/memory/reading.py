"""Looking at jobs, queues and workers. Nothing here changes anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from uuid import UUID

from queuekit.clock import from_micros, to_micros
from queuekit.job import Attempt, JobState, Phase, StoredJob
from queuekit.memory.rows import Row
from queuekit.memory.tables import QueueSettings, Tables
from queuekit.storage import Count, JobFilter, Page, QueueInfo, WorkerInfo


def get(tables: Tables, now: int, ids: Sequence[UUID]) -> tuple[StoredJob | None, ...]:
    """The jobs, None for each that is not there."""
    rows = (tables.rows.get(job_id) for job_id in ids)
    return tuple(None if row is None else row.job(now) for row in rows)


def history(tables: Tables, job_id: UUID) -> tuple[Attempt, ...]:
    """Ended attempts of a job; none of a job that is not there."""
    row = tables.rows.get(job_id)
    return () if row is None else tuple(entry.attempt for entry in row.history)


def page(tables: Tables, now: int, where: JobFilter, cursor: int | None, limit: int) -> Page:
    """Jobs that match, newest first, from below the cursor."""
    newest_first = (
        row for row in reversed(tables.rows.values()) if cursor is None or row.seq < cursor
    )
    found = list(islice(_matching(newest_first, where, now), limit + 1))
    jobs = tuple(row.job(now) for row in found[:limit])
    return Page(jobs, cursor=jobs[-1].seq if len(found) > limit else None)


def count(tables: Tables, now: int, where: JobFilter, bound: int) -> Count:
    """How many jobs match, counted up to the bound."""
    seen = sum(1 for _ in islice(_matching(iter(tables.rows.values()), where, now), bound + 1))
    return Count(min(seen, bound), exact=seen <= bound)


def queues(tables: Tables, now: int) -> tuple[QueueInfo, ...]:
    """Every queue that has live jobs or settings, by name."""
    counts: dict[str, Counter[JobState]] = {queue: Counter() for queue in tables.settings}
    for row in tables.rows.values():
        if row.phase is not Phase.FINAL:
            counts.setdefault(row.queue, Counter())[row.state(now)] += 1
    return tuple(_queue_info(tables, name, counts[name]) for name in sorted(counts))


def workers(tables: Tables) -> tuple[WorkerInfo, ...]:
    """Workers with a heartbeat on record, by id."""
    return tuple(
        WorkerInfo(name, from_micros(record.started_at), from_micros(record.beat_at), record.info)
        for name, record in sorted(tables.workers.items())
    )


def _queue_info(tables: Tables, name: str, counts: Counter[JobState]) -> QueueInfo:
    settings = tables.settings.get(name, QueueSettings())
    return QueueInfo(name, settings.paused, settings.mode, dict(counts))


def _matching(rows: Iterator[Row], where: JobFilter, now: int) -> Iterator[Row]:
    earliest = None if where.enqueued_from is None else to_micros(where.enqueued_from)
    end = None if where.enqueued_to is None else to_micros(where.enqueued_to)
    for row in rows:
        unique = row.new.unique
        if (
            (not where.states or row.state(now) in where.states)
            and (where.queue is None or row.queue == where.queue)
            and (where.task is None or row.new.task == where.task)
            and (where.tag is None or where.tag in row.new.tags)
            and (where.key is None or where.key in row.new.limits)
            and (where.unique is None or (unique is not None and unique.value == where.unique))
            and (earliest is None or earliest <= row.enqueued_at)
            and (end is None or row.enqueued_at < end)
        ):
            yield row
