"""Between values and rows: the only place where anything is converted.

Each row that a verb reads is a named tuple, whose fields are both the columns of the statement and
the attributes of the row, so that the two cannot drift apart.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from queuekit.admission import span
from queuekit.clock import duration_micros, from_micros, to_micros
from queuekit.job import (
    Attempt,
    AttemptOutcome,
    Claim,
    Failure,
    Fire,
    JobState,
    LimitKey,
    LimitKind,
    NewJob,
    OnConflict,
    Phase,
    Reason,
    Resolution,
    StoredJob,
    Token,
    UniqueKey,
    UniqueUntil,
)
from queuekit.retry import Backoff
from queuekit_sql.asking import Params

_load_backoff: Final = lru_cache(maxsize=256)(Backoff.load)
_dump_backoff: Final = lru_cache(maxsize=256)(Backoff.dump)
"""Programs have few backoffs and many jobs."""

_PHASES: Final = tuple(Phase)


class ClaimRow(NamedTuple):
    """A job as a claim or rescue meets it, before it is taken."""

    seq: int
    id: bytes
    task: str
    queue: str
    payload: str
    priority: int
    run_at: int
    enqueued_at: int
    max_attempts: int
    backoff: str
    attempts: int
    round_start: int
    claims: int
    lost: int
    unknown: int
    started_at: int | None
    limits: str | None
    tags: str | None
    meta: str | None
    expired: int


class Held(NamedTuple):
    """What decides over a job: whether a token holds, and what a verb may do to it."""

    seq: int
    id: bytes
    phase: int
    queue: str
    claims: int
    nonce: bytes | None
    worker: str | None
    attempts: int
    started_at: int | None
    lost: int
    unknown: int
    armed: int
    blockers: int
    cancel_reason: str | None
    given_back: str | None
    state: str
    expired: int
    is_parent: int


class JobRow(NamedTuple):
    """A job as it is read back."""

    id: bytes
    seq: int
    task: str
    queue: str
    payload: str
    priority: int
    state: str
    phase: int
    reason: str
    run_at: int
    enqueued_at: int
    max_attempts: int
    attempts: int
    claims: int
    backoff: str
    round_start: int
    lost: int
    blockers: int
    armed: int
    worker: str | None
    lease_until: int | None
    started_at: int | None
    finished_at: int | None
    expires_at: int | None
    cancel_reason: str | None
    final_reason: str | None
    result: str | None
    progress: str | None
    unique_value: str | None
    unique_until: str | None
    unique_period: int | None
    unique_conflict: str | None
    limits: str | None
    fire_schedule: str | None
    fire_nominal: int | None
    tags: str | None
    meta: str | None


class AttemptRow(NamedTuple):
    """One line of history."""

    number: int
    fence: int
    worker: str
    started_at: int
    ended_at: int
    outcome: str
    error_class: str | None
    message: str | None
    traceback: str | None
    cause: str | None


def id_of(stored: bytes) -> UUID:
    """The id that 16 bytes hold."""
    return UUID(bytes=stored)


def within(duration: timedelta) -> int:
    """A duration in microseconds, held inside the span of all instants.

    So adding it to now cannot overflow a column.
    """
    return duration_micros(span(duration))


def instant_and_delay(when: timedelta | datetime | None) -> tuple[int | None, int]:
    """`when` as an instant, or as a delay from the store's now (0 for None).

    Statements take the instant if there is one.
    """
    if when is None:
        return None, 0
    if isinstance(when, timedelta):
        return None, within(when)
    return to_micros(when), 0


def new_job(job: NewJob, key: bytes, fingerprint: bytes) -> Params:
    """The parameters that insert a job; `phase`, `lane` and `blockers` are the verb's to set."""
    due_at, delay = instant_and_delay(job.due)
    params: Params = {
        "id": key,
        "fingerprint": fingerprint,
        "queue": job.queue,
        "task": job.task,
        "payload": job.payload,
        "meta": job.meta,
        "tags": json.dumps(job.tags, ensure_ascii=False) if job.tags else None,
        "limits": _dump_limits(job.limits) if job.limits else None,
        "priority": job.priority,
        "due_at": due_at,
        "delay": delay,
        "max_attempts": job.max_attempts,
        "backoff": _dump_backoff(job.backoff),
        "armed": int(job.armed),
        "expires_at": None,
        "expires_in": None,
        "unique_value": None,
        "unique_until": None,
        "unique_period": None,
        "unique_conflict": None,
        "fire_schedule": None,
        "fire_nominal": None,
    }
    if isinstance(job.expires, timedelta):
        params["expires_in"] = within(job.expires)
    elif job.expires is not None:
        params["expires_at"] = to_micros(job.expires)
    if job.unique is not None:
        period = job.unique.period
        params["unique_value"] = job.unique.value
        params["unique_until"] = job.unique.until.value
        params["unique_period"] = None if period is None else within(period)
        params["unique_conflict"] = job.unique.on_conflict.value
    if job.fire is not None:
        params["fire_schedule"] = job.fire.schedule
        params["fire_nominal"] = to_micros(job.fire.nominal)
    return params


def claim_of(row: ClaimRow, fence: int, nonce: bytes, attempt: int, *, started: bool) -> Claim:
    """The claim on this job under the token (fence, nonce)."""
    return Claim(
        token=Token(id_of(row.id), fence, nonce),
        task=row.task,
        queue=row.queue,
        payload=row.payload,
        priority=row.priority,
        attempt=attempt,
        started=started,
        max_attempts=row.max_attempts,
        backoff=_load_backoff(row.backoff),
        enqueued_at=from_micros(row.enqueued_at),
        run_at=from_micros(row.run_at),
        round_start=row.round_start,
        lost=row.lost,
        unknown=row.unknown,
        limits=_load_limits(row.limits),
        tags=_load_tags(row.tags),
        meta=row.meta,
    )


def held_claim(row: ClaimRow, fence: int, nonce: bytes) -> Claim:
    """The claim on a job that is held already: a started attempt is counted in its row."""
    started = row.started_at is not None
    return claim_of(row, fence, nonce, row.attempts + (not started), started=started)


def job_of(row: JobRow) -> StoredJob:
    """The job that was read."""
    return StoredJob(
        id=id_of(row.id),
        seq=row.seq,
        task=row.task,
        queue=row.queue,
        payload=row.payload,
        priority=row.priority,
        state=JobState(row.state),
        phase=_PHASES[row.phase],
        reason=Reason(row.reason),
        run_at=from_micros(row.run_at),
        enqueued_at=from_micros(row.enqueued_at),
        max_attempts=row.max_attempts,
        attempts=row.attempts,
        claims=row.claims,
        backoff=_load_backoff(row.backoff),
        round_start=row.round_start,
        lost=row.lost,
        blockers=row.blockers,
        armed=bool(row.armed),
        worker=row.worker,
        lease_until=_instant(row.lease_until),
        started_at=_instant(row.started_at),
        finished_at=_instant(row.finished_at),
        expires_at=_instant(row.expires_at),
        cancel_requested=row.cancel_reason is not None,
        final_reason=row.final_reason,
        result=row.result,
        progress=row.progress,
        unique=_unique(row),
        limits=_load_limits(row.limits),
        fire=_fire(row),
        tags=_load_tags(row.tags),
        meta=row.meta,
    )


def attempt_of(row: AttemptRow) -> Attempt:
    """The line of history that was read."""
    failure = None
    if row.error_class is not None:
        failure = Failure(row.error_class, row.message or "", row.traceback, row.cause)
    return Attempt(
        number=row.number,
        fence=row.fence,
        worker=row.worker,
        started_at=from_micros(row.started_at),
        ended_at=from_micros(row.ended_at),
        outcome=AttemptOutcome(row.outcome),
        failure=failure,
    )


def attempt_params(held: Held, resolution: Resolution) -> Params:
    """The line of history for the attempt that `held` was running; its end is the store's now."""
    failure = resolution.failure
    return {
        "job_seq": held.seq,
        "fence": held.claims,
        "number": held.attempts,
        "nonce": held.nonce,
        "worker": held.worker,
        "started_at": held.started_at,
        "move": move_of(resolution),
        "outcome": resolution.outcome.value,
        "error_class": failure and failure.error_class,
        "message": failure and failure.message,
        "traceback": failure and failure.traceback,
        "cause": failure and failure.cause,
    }


def give_back(token: Token, move: str) -> str:
    """The finish of a reservation, as the job's row keeps it to know a repeat."""
    return f"{token.fence} {token.nonce.hex()} {move}"


def move_of(resolution: Resolution) -> str:
    """What a repeated finish must have in common with the first to be told the same."""
    return f"{resolution.move.value}/{resolution.outcome.value}"


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def _load_tags(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(json.loads(text))


def _dump_limits(keys: tuple[LimitKey, ...]) -> str:
    return json.dumps([[k.kind.value, k.scope, k.value] for k in keys], ensure_ascii=False)


def _load_limits(text: str | None) -> tuple[LimitKey, ...]:
    if text is None:
        return ()
    return tuple(LimitKey(LimitKind(kind), scope, value) for kind, scope, value in json.loads(text))


def _unique(row: JobRow) -> UniqueKey | None:
    if row.unique_value is None or row.unique_until is None or row.unique_conflict is None:
        return None
    period = None if row.unique_period is None else timedelta(microseconds=row.unique_period)
    return UniqueKey(
        row.unique_value, UniqueUntil(row.unique_until), period, OnConflict(row.unique_conflict)
    )


def _fire(row: JobRow) -> Fire | None:
    if row.fire_schedule is None or row.fire_nominal is None:
        return None
    return Fire(row.fire_schedule, from_micros(row.fire_nominal))
