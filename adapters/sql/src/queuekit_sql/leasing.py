"""LEASE: extend, rescue, progress, and what workers say of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Final

from sqlalchemy import Update, case, delete, func, insert, select, update

from queuekit.job import Claim, Phase, Token
from queuekit.storage import Answer, ClaimRequest, Extended, WorkerBeat
from queuekit_sql.asking import Verb, among, arg, ask, chunk_size, chunks, do_many, inline, listed
from queuekit_sql.calls import first_answer, forget_old, remember
from queuekit_sql.clauses import columns, find_held, later
from queuekit_sql.dialect import NOW
from queuekit_sql.rows import ClaimRow, Held, held_claim, within
from queuekit_sql.tables import jobs, log, queues, workers


def holds(held: Held | None, token: Token) -> bool:
    """Whether the token is the job's present one.

    A lease that ran out and was not rescued still holds.
    """
    return (
        held is not None
        and held.phase == Phase.RUNNING
        and held.claims == token.fence
        and held.nonce == token.nonce
    )


def extend(beat: WorkerBeat, tokens: Sequence[Token], lease: timedelta) -> Verb[Extended]:
    """Move the ends of the leases that still hold.

    The worker is told of cancels and pauses in the same answer.
    """
    found = yield from find_held([token.job_id.bytes for token in tokens])
    held = [holds(found.get(token.job_id.bytes), token) for token in tokens]
    live = [found[t.job_id.bytes] for t, is_held in zip(tokens, held, strict=True) if is_held]
    for part in chunks([job.seq for job in live]):
        seqs = listed("seqs", part)
        yield from ask(_extend(chunk_size(len(part))), **seqs, lease=within(lease))
    yield from _note_beat(beat)
    yield from forget_old()
    paused = yield from ask(PAUSED)
    return Extended(
        tuple(Answer.DONE if is_held else Answer.LOST for is_held in held),
        frozenset(
            token.job_id
            for token, is_held in zip(tokens, held, strict=True)
            if is_held and found[token.job_id.bytes].cancel_reason is not None
        ),
        frozenset(name for (name,) in paused),
    )


def leave(worker: str) -> Verb[None]:
    """Forget the worker's heartbeat."""
    yield from ask(_FORGET, id=worker)


def rescue(request: ClaimRequest) -> Verb[tuple[Claim, ...]]:
    """Take over leases that ran out, oldest first. A repeat finds them by its nonce."""
    first = yield from first_answer(request, _OLDEST_FIRST)
    if first is not None:
        return first
    rows = yield from ask(_RUN_OUT, limit=request.start)
    run_out = [ClaimRow._make(row) for row in rows]
    yield from do_many(
        _TAKE_OVER,
        [
            {
                "s": job.seq,
                "call": request.nonce,
                "holder": request.worker,
                # A microsecond later for each: a repeat reads them in the same order.
                "lease": within(request.lease) + place,
            }
            for place, job in enumerate(run_out)
        ],
    )
    if run_out:
        yield from remember(request.nonce)
    return tuple(held_claim(job, job.claims + 1, request.nonce) for job in run_out)


def progress(token: Token, text: str, lines: Sequence[str]) -> Verb[Answer]:
    """Replace the progress of a started job, and add to its log."""
    found = yield from find_held([token.job_id.bytes])
    job = found.get(token.job_id.bytes)
    if job is None or not holds(job, token) or job.started_at is None:
        return Answer.LOST
    yield from ask(_PROGRESS, s=job.seq, text=text)
    if lines:
        ((last,),) = yield from ask(_LAST_LINE, s=job.seq)
        yield from do_many(
            _ADD_LINE,
            [
                {"s": job.seq, "at": last + place, "text": line}
                for place, line in enumerate(lines, 1)
            ],
        )
    return Answer.DONE


def _note_beat(beat: WorkerBeat) -> Verb[None]:
    known = yield from ask(_FIND_WORKER, id=beat.id)
    statement = _BEAT_AGAIN if known else _BEAT_FIRST
    yield from ask(statement, key=beat.id, text=beat.info)


PAUSED: Final = select(queues.c.name).where(queues.c.paused == inline(1))

_OLDEST_FIRST: Final = (jobs.c.lease_until, jobs.c.seq)

_RUN_OUT: Final = (
    select(*columns(ClaimRow))
    .where(jobs.c.lease_until <= NOW)
    .order_by(*_OLDEST_FIRST)
    .limit(arg("limit"))
    .with_for_update(skip_locked=True)
)

_TAKE_OVER: Final = (
    update(jobs)
    .where(jobs.c.seq == arg("s"))
    .values(
        {
            jobs.c.claims: jobs.c.claims + inline(1),
            jobs.c.nonce: arg("call"),
            # A rescuer does not put its name to an attempt that another worker ran.
            jobs.c.worker: case((jobs.c.started_at.is_(None), arg("holder")), else_=jobs.c.worker),
            jobs.c.lease_until: later(arg("lease")),
        }
    )
)


@cache
def _extend(size: int) -> Update:
    return (
        update(jobs)
        .where(among(jobs.c.seq, "seqs", size))
        .values({jobs.c.lease_until: later(arg("lease"))})
    )


_FIND_WORKER: Final = select(workers.c.id).where(workers.c.id == arg("id")).with_for_update()
_BEAT_FIRST: Final = insert(workers).values(
    {
        workers.c.id: arg("key"),
        workers.c.started_at: NOW,
        workers.c.beat_at: NOW,
        workers.c.info: arg("text"),
    }
)
_BEAT_AGAIN: Final = (
    update(workers)
    .where(workers.c.id == arg("key"))
    .values({workers.c.beat_at: NOW, workers.c.info: arg("text")})
)
_FORGET: Final = delete(workers).where(workers.c.id == arg("id"))

_PROGRESS: Final = update(jobs).where(jobs.c.seq == arg("s")).values({jobs.c.progress: arg("text")})
_LAST_LINE: Final = select(func.coalesce(func.max(log.c.n), inline(0))).where(
    log.c.job_seq == arg("s")
)
_ADD_LINE: Final = insert(log).values(
    {log.c.job_seq: arg("s"), log.c.n: arg("at"), log.c.line: arg("text")}
)
