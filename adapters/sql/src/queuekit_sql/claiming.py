"""CLAIM: the best due jobs, at a cost that no backlog changes.

Order: higher priority, then earlier `run_at`, then `seq`, over all queues asked for. One statement
lists the (queue, priority) levels in use, by one seek a level in the claim index, and whether each
has a due job; only levels that have one are read, from the highest priority down, and no further
than asked. So a million future jobs of high priority cost one seek, and a million due ones the rows
that are taken.

On a database that locks rows the read skips locked ones: overlapping claims may pass over a job
that another one holds, and never wait for it. On SQLite the whole verb runs in a write transaction
and nothing overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Final, NamedTuple

from sqlalchemy import Select, Update, null, select, update

from queuekit.job import Claim, JobState, Phase
from queuekit.lifecycle import EXPIRED_REASON
from queuekit.storage import Claimed, ClaimRequest
from queuekit_sql.asking import Row, Verb, among, arg, ask, chunk_size, inline, listed
from queuekit_sql.calls import first_answer, remember
from queuekit_sql.clauses import IS_PARENT, columns, later
from queuekit_sql.dialect import NOW
from queuekit_sql.ending import end_unheld
from queuekit_sql.levels import Level, levels_of
from queuekit_sql.rows import ClaimRow, claim_of, within
from queuekit_sql.tables import jobs

MOST_EXPIRED: Final = 1_000
"""After ending so many expired jobs, a claim that still wants more asks to be called again."""


class _Due(NamedTuple):
    """A due job, with what its claim needs and, should it have expired, its end."""

    job: ClaimRow
    is_parent: bool


@dataclass(slots=True)
class _Taking:
    """What one claim has gathered so far, best job first."""

    request: ClaimRequest
    started: list[ClaimRow] = field(default_factory=list)
    reserved: list[ClaimRow] = field(default_factory=list)
    expired: list[_Due] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    passed_over: bool = False
    more: bool = False

    @property
    def wanted(self) -> int:
        asked = self.request.start + self.request.reserve
        return asked - len(self.started) - len(self.reserved)

    def offer(self, due: _Due) -> None:
        """Start, reserve, end or leave this job, the next in order."""
        job = due.job
        if job.seq in self.seen:
            return
        self.seen.add(job.seq)
        if job.expired:
            self.expired.append(due)
        elif len(self.started) < self.request.start:
            self.started.append(job)
        elif job.lost or job.limits is not None:
            self.passed_over = True  # started or left, never buffered
        else:
            self.reserved.append(job)


def claim(request: ClaimRequest) -> Verb[Claimed]:
    """Take due jobs; the same nonce again gives what the first call took and still holds."""
    first = yield from first_answer(request, _ORDER)
    levels = yield from levels_of(request.queues)
    if first is not None:
        return Claimed(first, next_due=_next_due(levels))
    taking = _Taking(request)
    for priority in sorted({level.priority for level in levels if level.is_due}, reverse=True):
        if taking.wanted <= 0 or taking.more:
            break
        lanes = [level.lane for level in levels if level.priority == priority and level.is_due]
        yield from _take_level(taking, lanes, priority)
    yield from _write(taking)
    if any(due.is_parent for due in taking.expired):
        levels = yield from levels_of(request.queues)  # their ends may have let children wait
    claims = [_taken(job, request, starts=True) for job in taking.started]
    claims += [_taken(job, request, starts=False) for job in taking.reserved]
    return Claimed(tuple(claims), taking.more, _next_due(levels))


def _take_level(taking: _Taking, lanes: Sequence[str], priority: int) -> Verb[None]:
    """Go through one priority of all lanes, until enough is taken or nothing is left of it.

    Each lane gives as many as are looked for, so that the best of all lanes are among them. One
    look is nearly always enough. Expired jobs, and jobs that may not be reserved, make further
    ones; each looks twice as far, since what was seen shows up again until it is written.
    """
    before = len(taking.seen)
    while taking.wanted > 0:
        seen = len(taking.seen) - before
        far = seen + max(seen, taking.wanted)
        statement = _DUE_RESERVABLE if taking.passed_over else _DUE
        due = yield from _read_level(statement, lanes, priority, far)
        for job in due[:far]:
            if taking.wanted > 0:
                taking.offer(job)
        if len(due) < far:
            break
        if len(taking.expired) >= MOST_EXPIRED:
            # Better jobs than the next level's may lie behind them: those must not be taken yet.
            taking.more = True
            break


def _read_level(
    statement: Select[Row], lanes: Sequence[str], priority: int, limit: int
) -> Verb[list[_Due]]:
    due: list[_Due] = []
    for lane in lanes:
        rows = yield from ask(statement, lane=lane, priority=priority, limit=limit)
        due += [_Due(ClaimRow._make(row[:-1]), bool(row[-1])) for row in rows]
    if len(lanes) > 1:
        due.sort(key=lambda one: (one.job.run_at, one.job.seq))
    return due


def _write(taking: _Taking) -> Verb[None]:
    request = taking.request
    for taken, statement in ((taking.started, _start), (taking.reserved, _reserve)):
        if taken:
            yield from ask(
                statement(chunk_size(len(taken))),
                **listed("seqs", [job.seq for job in taken]),
                call=request.nonce,
                holder=request.worker,
                lease=within(request.lease),
            )
    if taking.started or taking.reserved:
        yield from remember(request.nonce)
    if taking.expired:
        yield from end_unheld(
            [due.job.seq for due in taking.expired],
            JobState.DISCARDED,
            EXPIRED_REASON,
            parents=[due.job.seq for due in taking.expired if due.is_parent],
        )


def _taken(job: ClaimRow, request: ClaimRequest, *, starts: bool) -> Claim:
    return claim_of(job, job.claims + 1, request.nonce, job.attempts + 1, started=starts)


def _next_due(levels: Sequence[Level]) -> timedelta | None:
    waits = [level.wait for level in levels if level.wait is not None]
    return timedelta(microseconds=min(waits)) if waits else None


_ORDER: Final = (jobs.c.priority.desc(), jobs.c.run_at, jobs.c.seq)


_DUE: Final = (
    select(*columns(ClaimRow), IS_PARENT)
    .where(jobs.c.lane == arg("lane"), jobs.c.priority == arg("priority"), jobs.c.run_at <= NOW)
    .order_by(jobs.c.run_at, jobs.c.seq)
    .limit(arg("limit"))
    .with_for_update(of=jobs, skip_locked=True)
)

_DUE_RESERVABLE: Final = _DUE.where(jobs.c.lost == inline(0), jobs.c.limits.is_(None))


@cache
def _start(size: int) -> Update:
    return _take(size).values(
        {
            jobs.c.attempts: jobs.c.attempts + inline(1),
            jobs.c.started_at: NOW,
        }
    )


@cache
def _reserve(size: int) -> Update:
    return _take(size).values({jobs.c.started_at: null()})


def _take(size: int) -> Update:
    return (
        update(jobs)
        .where(among(jobs.c.seq, "seqs", size))
        .values(
            {
                jobs.c.phase: inline(Phase.RUNNING),
                jobs.c.lane: null(),
                jobs.c.claims: jobs.c.claims + inline(1),
                jobs.c.nonce: arg("call"),
                jobs.c.worker: arg("holder"),
                jobs.c.lease_until: later(arg("lease")),
            }
        )
    )
