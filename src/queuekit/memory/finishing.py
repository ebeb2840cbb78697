"""What the holder of a lease may do with it: start, extend, report progress, finish.

All of it is fenced. A token that no longer holds changes nothing, unless it repeats what it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from queuekit.admission import span
from queuekit.clock import after, from_micros
from queuekit.job import Attempt, AttemptOutcome, JobState, Move, Phase, Reason, Resolution, Token
from queuekit.memory import endings
from queuekit.memory.claiming import start_attempt
from queuekit.memory.rows import Ending, Entry, Row
from queuekit.memory.tables import Tables, WorkerRecord
from queuekit.storage import Answer, Extended, Finish, Finished, WorkerBeat


def finish(
    tables: Tables, now: int, finishes: Sequence[Finish], starts: Sequence[Token]
) -> Finished:
    """Apply resolutions, then record starts, each item for itself."""
    return Finished(
        tuple(_finish_one(tables, now, item) for item in finishes),
        tuple(_start_one(tables, now, token) for token in starts),
    )


def extend(
    tables: Tables, now: int, beat: WorkerBeat, tokens: Sequence[Token], lease: timedelta
) -> Extended:
    """Move the leases' ends, and tell the worker what people asked for meanwhile."""
    _note_beat(tables, now, beat)
    held = [_held(tables, token) for token in tokens]
    for row in held:
        if row is not None:
            row.lease_until = after(now, span(lease))
    return Extended(
        answers=tuple(Answer.LOST if row is None else Answer.DONE for row in held),
        cancels=frozenset(row.id for row in held if row and row.cancel_reason is not None),
        paused=frozenset(queue for queue in tables.settings if tables.is_paused(queue)),
    )


def progress(tables: Tables, token: Token, text: str, log: Sequence[str]) -> Answer:
    """Note how far the running attempt is."""
    row = _held(tables, token)
    if row is None or not row.is_started:
        return Answer.LOST
    row.progress = text
    row.log.extend(log)
    tables.touch()
    return Answer.DONE


def _held(tables: Tables, token: Token) -> Row | None:
    """The row that the token is the live lease of."""
    row = tables.rows.get(token.job_id)
    return row if row is not None and row.is_held_by(token) else None


def _note_beat(tables: Tables, now: int, beat: WorkerBeat) -> None:
    known = tables.workers.get(beat.id)
    started_at = now if known is None else known.started_at
    tables.workers[beat.id] = WorkerRecord(started_at, now, beat.info)


# --- starting


def _start_one(tables: Tables, now: int, token: Token) -> Answer:
    row = _held(tables, token)
    if row is None:
        return Answer.LOST
    if row.is_started:
        return Answer.DONE  # the same start again
    if row.is_expired(now):
        endings.expire(tables, now, row)
        return Answer.LOST
    start_attempt(row, now)
    row.unknown = 0  # its worker is about to run the code, so it knows the task
    tables.touch()
    return Answer.DONE


# --- finishing


def _finish_one(tables: Tables, now: int, item: Finish) -> Answer:
    row = tables.rows.get(item.token.job_id)
    if row is None:
        return Answer.LOST
    ending = Ending(
        item.token.fence, item.token.nonce, item.resolution.move, item.resolution.outcome
    )
    if not row.is_held_by(item.token):
        return Answer.DONE if row.has_ended_as(ending) else Answer.LOST
    _record(row, now, item.resolution, ending)
    _count(row, item.resolution)
    _move(tables, now, row, item.resolution)
    return Answer.DONE


def _record(row: Row, now: int, resolution: Resolution, ending: Ending) -> None:
    """Write the attempt's line of history; a lease that never started was no attempt."""
    if row.started_at is None:
        row.unstarted_ending = ending
        return
    attempt = Attempt(
        number=row.attempts,
        fence=row.claims,
        worker=row.worker or "",
        started_at=from_micros(row.started_at),
        ended_at=from_micros(now),
        outcome=resolution.outcome,
        failure=resolution.failure,
    )
    row.history.append(Entry(attempt, ending))


def _count(row: Row, resolution: Resolution) -> None:
    """Keep attempts = starts - snoozes - releases, and the counts of odd endings."""
    if row.is_started and resolution.move in (Move.SNOOZE, Move.RELEASE):
        row.attempts -= 1
    if resolution.outcome is AttemptOutcome.LOST:
        row.lost += 1
    if _is_unknown_task(resolution):
        row.unknown += 1
    elif row.is_started:
        # Not at the claim that started the attempt: a worker learns only then that it does not
        # know the task, and the wait has to grow from one such claim to the next.
        row.unknown = 0


def _is_unknown_task(resolution: Resolution) -> bool:
    return resolution.move is Move.RELEASE and resolution.wait_reason is Reason.UNKNOWN_TASK


def _move(tables: Tables, now: int, row: Row, resolution: Resolution) -> None:
    match resolution.move:
        case Move.COMPLETE:
            endings.end(tables, now, row, JobState.COMPLETED, result=resolution.result)
        case Move.DISCARD:
            endings.end(tables, now, row, JobState.DISCARDED, resolution.reason)
        case Move.CANCEL:
            endings.end(tables, now, row, JobState.CANCELLED, resolution.reason)
        case Move.RETRY | Move.SNOOZE | Move.RELEASE if row.cancel_reason is not None:
            # A person cancelled it while it ran: whatever its code wants, it never runs again.
            endings.end(tables, now, row, JobState.CANCELLED, row.cancel_reason)
        case Move.RETRY:
            _wait(tables, row, Reason.RETRY, after(now, span(resolution.delay)))
        case Move.SNOOZE:
            _wait(tables, row, Reason.SNOOZED, after(now, span(resolution.delay)))
        case Move.RELEASE:
            _wait(tables, row, resolution.wait_reason, _run_at_after_release(row, now, resolution))


def _run_at_after_release(row: Row, now: int, resolution: Resolution) -> int:
    """A job given back unrun keeps its place in the order, and so its time.

    One that has to wait cannot: order and wait are both read from `run_at`. So a job of an unknown
    task falls back to where its wait ends; it keeps its place among equals by `seq`.
    """
    keeps_place = resolution.wait_reason is Reason.RELEASED and not span(resolution.delay)
    return row.run_at if keeps_place else after(now, span(resolution.delay))


def _wait(tables: Tables, row: Row, reason: Reason, run_at: int) -> None:
    with tables.changing(row):
        row.phase, row.reason, row.run_at = Phase.WAITING, reason, run_at
        row.drop_lease()
