"""Reading jobs by id, their history, queues and workers.

Lists and counts are in `queuekit_sql.listing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy import Select, func, select

from queuekit.clock import from_micros
from queuekit.job import Attempt, JobState, Phase, StoredJob
from queuekit.storage import QueueInfo, QueueMode, WorkerInfo
from queuekit_sql.asking import Row, Verb, among, arg, ask, chunk_size, chunks, inline, listed
from queuekit_sql.clauses import STATE, columns
from queuekit_sql.rows import AttemptRow, JobRow, attempt_of, job_of
from queuekit_sql.tables import attempts, jobs, queues, workers


def get(ids: Sequence[UUID]) -> Verb[tuple[StoredJob | None, ...]]:
    """The jobs, None for each that is not there."""
    found: dict[bytes, StoredJob] = {}
    for part in chunks(list({job_id.bytes for job_id in ids})):
        rows = yield from ask(_by_id(chunk_size(len(part))), **listed("ids", part))
        found.update((row[0], job_of(JobRow._make(row))) for row in rows)
    return tuple(found.get(job_id.bytes) for job_id in ids)


def history(job_id: UUID) -> Verb[tuple[Attempt, ...]]:
    """Ended attempts, first to last: the fence grows with each."""
    rows = yield from ask(_HISTORY, id=job_id.bytes)
    return tuple(attempt_of(AttemptRow._make(row)) for row in rows)


def all_queues() -> Verb[tuple[QueueInfo, ...]]:
    """Every queue that has live jobs or settings, by name."""
    counts: dict[str, dict[JobState, int]] = {}
    for name, state, n in (yield from ask(_LIVE_COUNTS)):
        counts.setdefault(name, {})[JobState(state)] = n
    settings = {name: (paused, mode) for name, paused, mode in (yield from ask(_SETTINGS))}
    infos = []
    for name in sorted(counts.keys() | settings.keys()):
        paused, mode = settings.get(name, (0, QueueMode.STRICT))
        infos.append(QueueInfo(name, bool(paused), QueueMode(mode), counts.get(name, {})))
    return tuple(infos)


def all_workers() -> Verb[tuple[WorkerInfo, ...]]:
    """Workers with a heartbeat on record, by id."""
    rows = yield from ask(_WORKERS)
    return tuple(
        WorkerInfo(name, from_micros(started_at), from_micros(beat_at), info)
        for name, started_at, beat_at, info in rows
    )


@cache
def _by_id(size: int) -> Select[Row]:
    return select(*columns(JobRow)).where(among(jobs.c.id, "ids", size))


_HISTORY: Final = (
    select(*(attempts.c[name] for name in AttemptRow._fields))
    .join(jobs, jobs.c.seq == attempts.c.job_seq)
    .where(jobs.c.id == arg("id"))
    .order_by(attempts.c.fence)
)

_LIVE_COUNTS: Final = (
    select(jobs.c.queue, STATE, func.count())
    .where(jobs.c.phase < inline(Phase.FINAL))
    .group_by(jobs.c.queue, STATE)
)

_SETTINGS: Final = select(queues.c.name, queues.c.paused, queues.c.mode)
_WORKERS: Final = select(
    workers.c.id, workers.c.started_at, workers.c.beat_at, workers.c.info
).order_by(workers.c.id)
