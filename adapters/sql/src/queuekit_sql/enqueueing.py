"""ENQUEUE.

A batch is stored whole or not at all, and a repeat of it changes nothing (contract, IDENTITY).

Known ids are looked up in one statement, the new rows written in one. Only jobs of graphs, and jobs
with tags, cost more.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, insert, select

from queuekit.errors import JobConflict, JobNotFound
from queuekit.job import (
    Enqueued,
    EnqueueStatus,
    JobState,
    NewJob,
    ParentPolicy,
    Phase,
    Reason,
)
from queuekit.lifecycle import PARENT_REASON
from queuekit_sql.asking import (
    Params,
    Row,
    Verb,
    among,
    arg,
    ask,
    chunk_size,
    chunks,
    do_many,
    inline,
    listed,
)
from queuekit_sql.clauses import optional
from queuekit_sql.dialect import NOW
from queuekit_sql.ending import end_unheld
from queuekit_sql.rows import new_job
from queuekit_sql.tables import edges, job_limits, jobs, tags


class _Stored(NamedTuple):
    id: bytes
    seq: int
    fingerprint: bytes
    final_state: str | None


class _Edge(NamedTuple):
    parent: UUID
    child: UUID
    policy: ParentPolicy


def enqueue(batch: Sequence[NewJob]) -> Verb[tuple[Enqueued, ...]]:
    """Store the jobs; they have passed `queuekit.admission.admit`.

    Raises:
        JobConflict: an id is known with other content.
        JobNotFound: a parent is neither stored nor earlier in the batch.
    """
    keys = [job.id.bytes for job in batch]
    stored = yield from _find(keys)
    fresh: list[tuple[NewJob, Params]] = []
    for job, key in zip(batch, keys, strict=True):
        fingerprint = job.fingerprint()
        known = stored.get(key)
        if known is None:
            fresh.append((job, new_job(job, key, fingerprint)))
        elif known.fingerprint != fingerprint:
            raise JobConflict(job.id)
    if fresh:
        yield from _store(fresh, stored)
    return tuple(
        Enqueued(job.id, EnqueueStatus.EXISTS if key in stored else EnqueueStatus.CREATED)
        for job, key in zip(batch, keys, strict=True)
    )


def _store(fresh: list[tuple[NewJob, Params]], stored: dict[bytes, _Stored]) -> Verb[None]:
    in_graphs = any(job.parents for job, _ in fresh)
    waits_for, doomed = (yield from _look_up(fresh, stored)) if in_graphs else ([], [])
    blockers: dict[UUID, int] = {}
    for edge in waits_for:
        blockers[edge.child] = blockers.get(edge.child, 0) + 1
    for job, params in fresh:
        params["blockers"] = blockers.get(job.id, 0)
        free = job.armed and not params["blockers"]
        params["phase"] = int(Phase.WAITING if free else Phase.BLOCKED)
        params["lane"] = job.queue if free else None
    yield from do_many(_INSERT, [params for _, params in fresh])
    if in_graphs or any(job.tags or job.limits for job, _ in fresh):
        yield from _store_around([job for job, _ in fresh], waits_for, doomed)


def _look_up(
    fresh: list[tuple[NewJob, Params]], stored: dict[bytes, _Stored]
) -> Verb[tuple[list[_Edge], list[UUID]]]:
    """The edges that hold a job back, and the jobs that can never run because a parent ended badly.

    The batch is in topological order, so that one pass sees each parent's fate before its children.
    """
    parents = {parent.id for job, _ in fresh for parent in job.parents}
    stored = stored | (yield from _find([p.bytes for p in parents if p.bytes not in stored]))
    waits_for: list[_Edge] = []
    doomed: set[UUID] = set()
    earlier: set[UUID] = set()
    for job, _ in fresh:
        for parent in job.parents:
            if parent.id in earlier:
                ended = JobState.CANCELLED.value if parent.id in doomed else None
            elif parent.id.bytes in stored:
                ended = stored[parent.id.bytes].final_state
            else:
                raise JobNotFound(parent.id)
            if ended is None:
                waits_for.append(_Edge(parent.id, job.id, parent.policy))
            elif parent.policy is ParentPolicy.COMPLETED and ended != JobState.COMPLETED:
                doomed.add(job.id)
        earlier.add(job.id)
    return waits_for, list(doomed)


def _store_around(fresh: list[NewJob], waits_for: list[_Edge], doomed: list[UUID]) -> Verb[None]:
    """What stands in other tables than the job, by the numbers that the jobs were given."""
    named = {job.id for job in fresh if job.tags or job.limits} | set(doomed)
    named |= {edge.parent for edge in waits_for} | {edge.child for edge in waits_for}
    seqs = {
        key: row.seq for key, row in (yield from _find([job_id.bytes for job_id in named])).items()
    }
    yield from do_many(
        _INSERT_EDGE,
        [
            {"p": seqs[edge.parent.bytes], "c": seqs[edge.child.bytes], "how": edge.policy.value}
            for edge in waits_for
        ],
    )
    yield from do_many(
        _INSERT_TAG,
        [{"t": tag, "s": seqs[job.id.bytes]} for job in fresh for tag in dict.fromkeys(job.tags)],
    )
    yield from do_many(
        _INSERT_LIMIT,
        [
            {"k": key.kind.value, "sc": key.scope, "v": key.value, "s": seqs[job.id.bytes]}
            for job in fresh
            for key in dict.fromkeys(job.limits)
        ],
    )
    ends = [seqs[job_id.bytes] for job_id in doomed]
    yield from end_unheld(ends, JobState.CANCELLED, PARENT_REASON, parents=())


def _find(ids: list[bytes]) -> Verb[dict[bytes, _Stored]]:
    found: dict[bytes, _Stored] = {}
    for keys in chunks(ids):
        rows = yield from ask(_by_id(chunk_size(len(keys))), **listed("ids", keys))
        found.update((row[0], _Stored._make(row)) for row in rows)
    return found


@cache
def _by_id(size: int) -> Select[Row]:
    """Parents are locked, so that none ends between this look and the insert of its edge."""
    return (
        select(*(jobs.c[name] for name in _Stored._fields))
        .where(among(jobs.c.id, "ids", size))
        .order_by(jobs.c.seq)
        .with_for_update()
    )


_INSERT: Final = insert(jobs).values(
    {
        jobs.c[name]: arg(name)
        for name in (
            "id",
            "fingerprint",
            "queue",
            "task",
            "payload",
            "meta",
            "tags",
            "limits",
            "priority",
            "phase",
            "lane",
            "max_attempts",
            "backoff",
            "blockers",
            "armed",
            "unique_value",
            "unique_until",
            "unique_period",
            "unique_conflict",
            "fire_schedule",
            "fire_nominal",
        )
    }
    | {
        jobs.c.run_at: optional("due_at", "delay"),
        jobs.c.enqueued_at: NOW,
        jobs.c.expires_at: optional("expires_at", "expires_in"),
        jobs.c.reason: inline(Reason.ENQUEUED),
    }
    | {jobs.c[name]: inline(0) for name in ("attempts", "round_start", "claims", "lost", "unknown")}
)

_INSERT_EDGE: Final = insert(edges).values(
    {edges.c.parent_seq: arg("p"), edges.c.child_seq: arg("c"), edges.c.policy: arg("how")}
)
_INSERT_TAG: Final = insert(tags).values({tags.c.tag: arg("t"), tags.c.job_seq: arg("s")})
_INSERT_LIMIT: Final = insert(job_limits).values(
    {
        job_limits.c.kind: arg("k"),
        job_limits.c.scope: arg("sc"),
        job_limits.c.value: arg("v"),
        job_limits.c.job_seq: arg("s"),
    }
)
