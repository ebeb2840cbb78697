"""FINISH: apply resolutions and record starts, fenced, in one step, each item for itself.

One statement reads (and on servers locks) all jobs of the call; Python decides by token; the writes
go out one statement a kind. So a call with a hundred plain jobs costs a handful of statements.

Repeats: a finish leaves (fence, nonce, what it did) in its line of history. The finish of a
reservation, which gets no line, leaves it in the job. The same finish again is told `DONE`; any
other use of a spent token, `LOST`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple

from sqlalchemy import Select, Update, case, insert, null, select, update

from queuekit.job import AttemptOutcome, JobState, Move, Phase, Reason, Resolution, Token
from queuekit.lifecycle import EXPIRED_REASON
from queuekit.storage import Answer, Finish, Finished
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
from queuekit_sql.clauses import find_held, later
from queuekit_sql.dialect import NOW
from queuekit_sql.ending import end_unheld, release_children
from queuekit_sql.leasing import holds
from queuekit_sql.rows import Held, attempt_params, give_back, move_of, within
from queuekit_sql.tables import attempts, jobs

_FINAL: Final = {
    Move.COMPLETE: JobState.COMPLETED,
    Move.DISCARD: JobState.DISCARDED,
    Move.CANCEL: JobState.CANCELLED,
}
_WAITS: Final = {Move.RETRY: Reason.RETRY, Move.SNOOZE: Reason.SNOOZED}


class _Lease(NamedTuple):
    """What giving up the lease changes: the same for most jobs of a call."""

    back: str | None
    uncounted: int
    losses: int
    strangers: int


class _End(NamedTuple):
    """How jobs end."""

    lease: _Lease
    state: str
    why: str | None
    value: str | None


class _Wait(NamedTuple):
    """How jobs go round again."""

    lease: _Lease
    why: str
    moves: int
    delay: int


@dataclass(slots=True)
class _Writes:
    """What one call will write."""

    endings: dict[_End, list[int]] = field(default_factory=dict)
    waits: dict[_Wait, list[int]] = field(default_factory=dict)
    history: list[Params] = field(default_factory=list)
    starts: list[Params] = field(default_factory=list)
    parents: list[tuple[int, bool]] = field(default_factory=list)
    expired: list[Held] = field(default_factory=list)


def finish(finishes: Sequence[Finish], starts: Sequence[Token]) -> Verb[Finished]:
    """Apply the finishes, then the starts, in the order given."""
    tokens = [*(item.token for item in finishes), *starts]
    jobs_found = yield from find_held(list({token.job_id.bytes for token in tokens}))
    spent = yield from _spent(finishes, jobs_found)
    writes = _Writes()
    finished = tuple(_finish_one(item, jobs_found, spent, writes) for item in finishes)
    started = tuple(_start_one(token, jobs_found, writes) for token in starts)
    yield from do_many(_INSERT_ATTEMPT, writes.history)
    yield from _write_alike(_end, writes.endings)
    yield from _write_alike(_wait, writes.waits)
    yield from do_many(_START, writes.starts)
    yield from release_children(writes.parents)
    if writes.expired:
        yield from end_unheld(
            [job.seq for job in writes.expired],
            JobState.DISCARDED,
            EXPIRED_REASON,
            parents=[job.seq for job in writes.expired if job.is_parent],
        )
    return Finished(finished, started)


_Spent = set[tuple[int, int, bytes, str]]
"""Finishes in history: job, fence, nonce, what was done."""


def _spent(finishes: Sequence[Finish], found: dict[bytes, Held]) -> Verb[_Spent]:
    """The histories of those jobs alone whose tokens do not hold any more."""
    seqs = {
        job.seq
        for item in finishes
        if (job := found.get(item.token.job_id.bytes)) is not None and not holds(job, item.token)
    }
    spent: _Spent = set()
    for part in chunks(list(seqs)):
        rows = yield from ask(_history_of(chunk_size(len(part))), **listed("seqs", part))
        spent.update((seq, fence, nonce, move) for seq, fence, nonce, move in rows)
    return spent


def _finish_one(item: Finish, found: dict[bytes, Held], spent: _Spent, writes: _Writes) -> Answer:
    token, resolution = item.token, item.resolution
    job = found.get(token.job_id.bytes)
    if job is None:
        return Answer.LOST
    move = move_of(resolution)
    if not holds(job, token):
        is_known = (job.seq, token.fence, token.nonce, move) in spent
        is_known = is_known or job.given_back == give_back(token, move)
        return Answer.DONE if is_known else Answer.LOST
    if job.started_at is None:
        job = job._replace(given_back=give_back(token, move))
    else:
        writes.history.append(attempt_params(job, resolution))
        spent.add((job.seq, token.fence, token.nonce, move))
    final, reason = _end_of(job, resolution)
    if final is None:
        writes.waits.setdefault(_wait_of(job, resolution), []).append(job.seq)
    else:
        value = resolution.result if final is JobState.COMPLETED else None
        end = _End(_lease_of(job, resolution), final.value, reason, value)
        writes.endings.setdefault(end, []).append(job.seq)
        if job.is_parent:
            writes.parents.append((job.seq, final is JobState.COMPLETED))
    # So that a second item with this token is told what a repeated call would be.
    phase = Phase.WAITING if final is None else Phase.FINAL
    found[job.id] = job._replace(phase=phase)
    return Answer.DONE


def _end_of(job: Held, resolution: Resolution) -> tuple[JobState | None, str | None]:
    """The final state and its reason; None if the job goes round again."""
    final = _FINAL.get(resolution.move)
    if final is None and job.cancel_reason is not None:
        # A person cancelled it while it ran: whatever its code wants, it never runs again.
        return JobState.CANCELLED, job.cancel_reason
    return final, None if final is JobState.COMPLETED else resolution.reason


def _lease_of(job: Held, resolution: Resolution) -> _Lease:
    """Attempts = starts - snoozes - releases, and the counts of odd endings."""
    started = job.started_at is not None
    is_unknown = _is_unknown_task(resolution)
    # Not reset by the claim that started the attempt: only then does a worker learn that it does
    # not know the task, and the wait has to grow from one such claim to the next.
    return _Lease(
        back=job.given_back,
        uncounted=int(started and resolution.move in (Move.SNOOZE, Move.RELEASE)),
        losses=int(resolution.outcome is AttemptOutcome.LOST),
        strangers=job.unknown + 1 if is_unknown else 0 if started else job.unknown,
    )


def _is_unknown_task(resolution: Resolution) -> bool:
    return resolution.move is Move.RELEASE and resolution.wait_reason is Reason.UNKNOWN_TASK


def _wait_of(job: Held, resolution: Resolution) -> _Wait:
    why = _WAITS.get(resolution.move, resolution.wait_reason)
    # A job given back unrun keeps its time, and with it its place in the order.
    keeps_place = why is Reason.RELEASED and not within(resolution.delay)
    return _Wait(
        _lease_of(job, resolution), why.value, int(not keeps_place), within(resolution.delay)
    )


def _write_alike(
    statement: Callable[[int], Update], groups: Mapping[_End, list[int]] | Mapping[_Wait, list[int]]
) -> Verb[None]:
    """One statement for all jobs that change alike, which most do, and one for all the others."""
    singles: list[Params] = []
    for how, seqs in groups.items():
        lease, *rest = how
        params = lease._asdict() | dict(zip(how._fields[1:], rest, strict=True))
        if len(seqs) == 1:
            singles.append(params | listed("seqs", seqs))
        else:
            for part in chunks(seqs):
                size = chunk_size(len(part))
                yield from ask(statement(size), **params, **listed("seqs", part))
    yield from do_many(statement(1), singles)


def _start_one(token: Token, found: dict[bytes, Held], writes: _Writes) -> Answer:
    job = found.get(token.job_id.bytes)
    if job is None or not holds(job, token):
        return Answer.LOST
    if job.started_at is not None:
        return Answer.DONE  # the same start again
    if job.expired:
        writes.expired.append(job)
        found[job.id] = job._replace(phase=Phase.FINAL)
        return Answer.LOST
    writes.starts.append({"s": job.seq})
    found[job.id] = job._replace(started_at=0)
    return Answer.DONE


_GIVES_UP_THE_LEASE: Final = {
    jobs.c.lease_until: null(),
    jobs.c.worker: null(),
    jobs.c.started_at: null(),
    jobs.c.given_back: arg("back"),
    jobs.c.attempts: jobs.c.attempts - arg("uncounted"),
    jobs.c.lost: jobs.c.lost + arg("losses"),
    jobs.c.unknown: arg("strangers"),
}
"""`claims` and `nonce` stay: they tell a repeat from a stranger."""


@cache
def _end(size: int) -> Update:
    return (
        update(jobs)
        .where(among(jobs.c.seq, "seqs", size))
        .values(
            _GIVES_UP_THE_LEASE
            | {
                jobs.c.phase: inline(Phase.FINAL),
                jobs.c.final_state: arg("state"),
                jobs.c.final_reason: arg("why"),
                jobs.c.finished_at: NOW,
                jobs.c.result: arg("value"),
            }
        )
    )


@cache
def _wait(size: int) -> Update:
    return (
        update(jobs)
        .where(among(jobs.c.seq, "seqs", size))
        .values(
            _GIVES_UP_THE_LEASE
            | {
                jobs.c.phase: inline(Phase.WAITING),
                jobs.c.lane: jobs.c.queue,
                jobs.c.reason: arg("why"),
                jobs.c.run_at: case(
                    (arg("moves") == inline(1), later(arg("delay"))), else_=jobs.c.run_at
                ),
            }
        )
    )


_START: Final = (
    update(jobs)
    .where(jobs.c.seq == arg("s"))
    .values(
        {
            jobs.c.attempts: jobs.c.attempts + inline(1),
            jobs.c.started_at: NOW,
            jobs.c.unknown: inline(0),  # its worker is about to run the code: it knows the task
        }
    )
)

_INSERT_ATTEMPT: Final = insert(attempts).values(
    {
        attempts.c[name]: arg(name)
        for name in (
            "job_seq",
            "fence",
            "number",
            "nonce",
            "worker",
            "started_at",
            "move",
            "outcome",
            "error_class",
            "message",
            "traceback",
            "cause",
        )
    }
    | {attempts.c.ended_at: NOW}
)


@cache
def _history_of(size: int) -> Select[Row]:
    return select(attempts.c.job_seq, attempts.c.fence, attempts.c.nonce, attempts.c.move).where(
        among(attempts.c.job_seq, "seqs", size)
    )
