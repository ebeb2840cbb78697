"""Ending and deleting jobs, and what goes with them: edges, children, tags, history.

GRAPH: edges are rows. The step that ends a job deletes its edges and lowers its children's counts,
so that no child is released twice or never. A child that may not run any more ends in the same
step, and its own children after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from sqlalchemy import ColumnElement, Delete, Select, Table, Update, delete, null, select, update

from queuekit.job import JobState, ParentPolicy, Phase
from queuekit.lifecycle import PARENT_REASON
from queuekit_sql.asking import (
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
from queuekit_sql.dialect import NOW
from queuekit_sql.tables import attempts, edges, job_limits, jobs, log, tags

_GOES_WITH_A_JOB: Final[tuple[ColumnElement[int], ...]] = (
    attempts.c.job_seq,
    tags.c.job_seq,
    job_limits.c.job_seq,
    log.c.job_seq,
    edges.c.child_seq,
)


def end_unheld(
    seqs: Sequence[int], state: JobState, reason: str, parents: Sequence[int]
) -> Verb[None]:
    """End jobs that nobody has started. `parents` are those among them that others wait for."""
    for part in chunks(seqs):
        numbers = listed("seqs", part)
        yield from ask(_end(chunk_size(len(part))), state=state.value, reason=reason, **numbers)
    yield from release_children([(seq, state is JobState.COMPLETED) for seq in parents])


def release_children(ended: Iterable[tuple[int, bool]]) -> Verb[None]:
    """Tell the children of jobs that ended; each comes with whether it completed."""
    wave = dict(ended)
    while wave:
        cancelled: list[int] = []
        for part in chunks(list(wave)):
            cancelled += yield from _release_wave({seq: wave[seq] for seq in part})
        wave = dict.fromkeys(cancelled, False)


def delete_jobs(seqs: Sequence[int]) -> Verb[None]:
    """Delete jobs with all that goes with them. Their children have been told before."""
    for part in chunks(seqs):
        numbers = listed("seqs", part)
        for column in (*_GOES_WITH_A_JOB, jobs.c.seq):
            yield from ask(_delete_by(column, chunk_size(len(part))), **numbers)


def _release_wave(completed: dict[int, bool]) -> Verb[list[int]]:
    """Take the edges of these parents away; returns the children that were cancelled for it."""
    parents = listed("seqs", list(completed))
    size = chunk_size(len(completed))
    found = yield from ask(_edges_of(size), **parents)
    if not found:
        return []
    yield from ask(_delete_by(edges.c.parent_seq, size), **parents)
    satisfied = Counter(child for _, child, _ in found)
    doomed = {
        child
        for parent, child, policy in found
        if policy == ParentPolicy.COMPLETED and not completed[parent]
    }
    children: list[Row] = []
    for part in chunks(list(satisfied)):
        children += yield from ask(_children(chunk_size(len(part))), **listed("seqs", part))
    lowered, freed, cancelled = [], [], []
    for seq, phase, blockers, armed in children:
        left = blockers - satisfied[seq]
        is_doomed = phase == Phase.BLOCKED and seq in doomed
        if phase == Phase.BLOCKED and armed and not left and not is_doomed:
            freed.append({"s": seq})
        else:  # one that has ended before, by its own cancel or another parent, is only counted
            lowered.append({"s": seq, "left": left})
        if is_doomed:
            cancelled.append(seq)
    yield from do_many(_LOWER, lowered)
    yield from do_many(FREE, freed)
    yield from end_unheld(cancelled, JobState.CANCELLED, PARENT_REASON, parents=())
    return cancelled


_LOWER: Final = update(jobs).where(jobs.c.seq == arg("s")).values({jobs.c.blockers: arg("left")})

FREE: Final = (
    update(jobs)
    .where(jobs.c.seq == arg("s"))
    .values(
        {
            jobs.c.blockers: inline(0),
            jobs.c.armed: inline(1),
            jobs.c.phase: inline(Phase.WAITING),
            jobs.c.lane: jobs.c.queue,
        }
    )
)
"""A blocked job begins to wait; its `run_at` stays."""


@cache
def _end(size: int) -> Update:
    return (
        update(jobs)
        .where(among(jobs.c.seq, "seqs", size))
        .values(
            {
                jobs.c.phase: inline(Phase.FINAL),
                jobs.c.lane: null(),
                jobs.c.lease_until: null(),
                jobs.c.worker: null(),
                jobs.c.started_at: null(),
                jobs.c.final_state: arg("state"),
                jobs.c.final_reason: arg("reason"),
                jobs.c.finished_at: NOW,
            }
        )
    )


@cache
def _delete_by(column: ColumnElement[int], size: int) -> Delete:
    table = column.table
    assert isinstance(table, Table)
    return delete(table).where(among(column, "seqs", size))


@cache
def _edges_of(size: int) -> Select[Row]:
    return select(edges.c.parent_seq, edges.c.child_seq, edges.c.policy).where(
        among(edges.c.parent_seq, "seqs", size)
    )


@cache
def _children(size: int) -> Select[Row]:
    return (
        select(jobs.c.seq, jobs.c.phase, jobs.c.blockers, jobs.c.armed)
        .where(among(jobs.c.seq, "seqs", size))
        .order_by(jobs.c.seq)
        .with_for_update()
    )
