"""CONTROL: what people do to jobs and queues.

Each item answers for itself, in the order asked, as if asked alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Delete, Update, case, delete, func, insert, null, select, update

from queuekit.job import JobState, Phase, Reason
from queuekit.storage import Change, ControlAnswer, Controlled, QueueMode
from queuekit_sql.asking import Verb, among, arg, ask, chunk_size, chunks, do_many, inline, listed
from queuekit_sql.clauses import find_held, optional
from queuekit_sql.dialect import NOW
from queuekit_sql.ending import FREE, end_unheld
from queuekit_sql.rows import Held, instant_and_delay
from queuekit_sql.tables import edges, jobs, queues

_UNTAKEN: Final = (Phase.BLOCKED, Phase.WAITING)
"""Nobody holds the job and it has not ended: people may change it as they like."""

_TO_BE_READ: Final = ""
"""The state of a job that was changed so that only the database can tell what it is in now."""

Decide = Callable[[Held], tuple[ControlAnswer, Held | None]]
"""The answer for a job and, if it is to be changed, what later items of the call will find."""

Apply = Callable[[list[Held]], Verb[None]]
"""Writes the change for the jobs that are to have it."""


def arm(ids: Sequence[UUID]) -> Verb[tuple[Controlled, ...]]:
    """Let jobs of a graph that is stored whole run once their parents are final."""

    def decide(job: Held) -> tuple[ControlAnswer, Held | None]:
        if job.phase == Phase.FINAL:
            return ControlAnswer.WRONG_STATE, None
        return ControlAnswer.DONE, None if job.armed else job._replace(state=_TO_BE_READ)

    def apply(unarmed: list[Held]) -> Verb[None]:
        yield from do_many(FREE, [{"s": job.seq} for job in unarmed if not job.blockers])
        yield from do_many(_ARM, [{"s": job.seq} for job in unarmed if job.blockers])

    return _each(ids, decide, apply)


def cancel(ids: Sequence[UUID], reason: str) -> Verb[tuple[Controlled, ...]]:
    """End what does not run; note the request for what does."""

    def decide(job: Held) -> tuple[ControlAnswer, Held | None]:
        if job.phase == Phase.FINAL:
            return ControlAnswer.WRONG_STATE, None
        if job.started_at is None:
            return ControlAnswer.DONE, _ended(job, JobState.CANCELLED)
        if job.cancel_reason is not None:
            return ControlAnswer.REQUESTED, None  # asked again, the first reason stands
        return ControlAnswer.REQUESTED, job._replace(cancel_reason=reason)

    def apply(live: list[Held]) -> Verb[None]:
        running = [{"s": job.seq, "why": reason} for job in live if job.started_at is not None]
        yield from do_many(_REQUEST_CANCEL, running)
        unstarted = [job for job in live if job.started_at is None]
        yield from _end_all(unstarted, JobState.CANCELLED, reason)

    return _each(ids, decide, apply)


def discard(ids: Sequence[UUID], reason: str) -> Verb[tuple[Controlled, ...]]:
    """Give up jobs that nobody holds."""

    def decide(job: Held) -> tuple[ControlAnswer, Held | None]:
        if job.phase not in _UNTAKEN:
            return ControlAnswer.WRONG_STATE, None
        return ControlAnswer.DONE, _ended(job, JobState.DISCARDED)

    def apply(untaken: list[Held]) -> Verb[None]:
        return _end_all(untaken, JobState.DISCARDED, reason)

    return _each(ids, decide, apply)


def rerun(ids: Sequence[UUID]) -> Verb[tuple[Controlled, ...]]:
    """Send final jobs round again."""

    def decide(job: Held) -> tuple[ControlAnswer, Held | None]:
        if job.phase != Phase.FINAL:
            return ControlAnswer.WRONG_STATE, None
        return ControlAnswer.DONE, job._replace(phase=Phase.WAITING, state=JobState.AVAILABLE)

    def apply(final: list[Held]) -> Verb[None]:
        for part in chunks([job.seq for job in final]):
            seqs = listed("seqs", part)
            # Cancelled by one parent, a job may have others that still run; they concern it no
            # more.
            yield from ask(_cut_from_parents(chunk_size(len(part))), **seqs)
            yield from ask(_rerun(chunk_size(len(part))), **seqs)

    return _each(ids, decide, apply)


def amend(ids: Sequence[UUID], change: Change) -> Verb[tuple[Controlled, ...]]:
    """Reschedule, reprioritise or move jobs that nobody holds."""
    due_at, delay = instant_and_delay(change.due)
    what = {
        "due_at": due_at,
        "delay": None if change.due is None else delay,
        "level": change.priority,
        "to": change.queue,
    }

    def decide(job: Held) -> tuple[ControlAnswer, Held | None]:
        if job.phase not in _UNTAKEN:
            return ControlAnswer.WRONG_STATE, None
        return ControlAnswer.DONE, job._replace(state=_TO_BE_READ)

    def apply(untaken: list[Held]) -> Verb[None]:
        yield from do_many(_AMEND, [{"s": job.seq, **what} for job in untaken])

    return _each(ids, decide, apply)


def set_queue(name: str, paused: bool | None, mode: QueueMode | None) -> Verb[None]:
    """Change a queue's settings; None leaves one as it is."""
    known = yield from ask(_FIND_QUEUE, key=name)
    if known:
        values = {"on": None if paused is None else int(paused), "how": mode and mode.value}
        yield from ask(_CHANGE_QUEUE, key=name, **values)
    else:
        first = {"on": int(bool(paused)), "how": (mode or QueueMode.STRICT).value}
        yield from ask(_ADD_QUEUE, key=name, **first)


def _each(ids: Sequence[UUID], decide: Decide, apply: Apply) -> Verb[tuple[Controlled, ...]]:
    """Decide on each job and write what was decided.

    An end that reaches children is written before the next item is looked at: the child may be that
    item. Then no more is read ahead than twice what the last look was good for, so that a call of
    parents alone reads each job a few times, and not as often as there are parents.
    """
    answers: list[Controlled] = []
    ahead = len(ids)
    while len(answers) < len(ids):
        done = len(answers)
        rest = ids[done : done + ahead]
        found = yield from find_held(list({job_id.bytes for job_id in rest}))
        changed: list[Held] = []
        for job_id in rest:
            job = found.get(job_id.bytes)
            if job is None:
                answers.append(Controlled(job_id, ControlAnswer.NOT_FOUND))
                continue
            if job.state == _TO_BE_READ:
                break
            answer, then = decide(job)
            answers.append(Controlled(job_id, answer, JobState(job.state)))
            if then is not None:
                changed.append(job)
                found[job.id] = then
                if job.is_parent and then.phase == Phase.FINAL:
                    break
        yield from apply(changed)
        ahead = 2 * (len(answers) - done)
    return tuple(answers)


def _ended(job: Held, state: JobState) -> Held:
    return job._replace(phase=Phase.FINAL, state=state)


def _end_all(live: list[Held], state: JobState, reason: str) -> Verb[None]:
    parents = [job.seq for job in live if job.is_parent]
    yield from end_unheld([job.seq for job in live], state, reason, parents)


_ARM: Final = update(jobs).where(jobs.c.seq == arg("s")).values({jobs.c.armed: inline(1)})

_REQUEST_CANCEL: Final = (
    update(jobs).where(jobs.c.seq == arg("s")).values({jobs.c.cancel_reason: arg("why")})
)

_AMEND: Final = (
    update(jobs)
    .where(jobs.c.seq == arg("s"))
    .values(
        {
            jobs.c.run_at: func.coalesce(optional("due_at", "delay"), jobs.c.run_at),
            jobs.c.priority: func.coalesce(arg("level"), jobs.c.priority),
            jobs.c.queue: func.coalesce(arg("to"), jobs.c.queue),
            jobs.c.lane: case(
                (jobs.c.lane.is_not(None), func.coalesce(arg("to"), jobs.c.lane)), else_=null()
            ),
        }
    )
)

_CLEARED_BY_RERUN: Final[tuple[str, ...]] = (
    "final_state",
    "final_reason",
    "finished_at",
    "result",
    "cancel_reason",
    "expires_at",
)


@cache
def _rerun(size: int) -> Update:
    changes: dict[Any, Any] = {
        jobs.c.phase: inline(Phase.WAITING),
        jobs.c.reason: inline(Reason.RERUN),
        jobs.c.lane: jobs.c.queue,
        jobs.c.run_at: NOW,
        jobs.c.round_start: jobs.c.attempts,
        jobs.c.blockers: inline(0),
        jobs.c.armed: inline(1),
    }
    changes |= {jobs.c[name]: null() for name in _CLEARED_BY_RERUN}
    return update(jobs).where(among(jobs.c.seq, "seqs", size)).values(changes)


@cache
def _cut_from_parents(size: int) -> Delete:
    return delete(edges).where(among(edges.c.child_seq, "seqs", size))


_FIND_QUEUE: Final = select(queues.c.name).where(queues.c.name == arg("key")).with_for_update()
_ADD_QUEUE: Final = insert(queues).values(
    {queues.c.name: arg("key"), queues.c.paused: arg("on"), queues.c.mode: arg("how")}
)
_CHANGE_QUEUE: Final = (
    update(queues)
    .where(queues.c.name == arg("key"))
    .values(
        {
            queues.c.paused: func.coalesce(arg("on"), queues.c.paused),
            queues.c.mode: func.coalesce(arg("how"), queues.c.mode),
        }
    )
)
