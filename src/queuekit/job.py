"""The values that flow through queuekit: what is enqueued, claimed, finished and read back.

Data flows one way::

    NewJob -> enqueue -> StoredJob -> claim -> Claim -> task code -> Outcome -> resolve ->
    Resolution -> finish(token)

Everything here is frozen and does no I/O, reads no clock and draws no random number. `payload`,
`result` and `meta` are JSON text that only the core reads; every other field is typed, so that an
adapter never parses anything.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Final
from uuid import UUID

from queuekit.clock import duration_micros, to_micros
from queuekit.retry import Backoff

MAX_NAME: Final = 128
"""Longest queue, task, schedule or tag name, in code points; the same on every store, longer is
refused."""

MAX_KEY: Final = 255
"""Longest unique or limit key, in code points; the same on every store, longer is refused."""

MIN_PRIORITY: Final = -(2**31 - 1)
MAX_PRIORITY: Final = 2**31 - 1
"""A higher priority runs first, on every store.

The range is symmetric, so that a store may keep the negated number in 32 bits and have its whole
order ascending.
"""

DEFAULT_QUEUE: Final = "default"

DEFAULT_MAX_ATTEMPTS: Final = 5
"""Runs of a job, the first included.

Five attempts under the default backoff span about two minutes.
"""


class Phase(IntEnum):
    """What a store keeps. The states that people see are derived from it (`JobState`)."""

    BLOCKED = 0
    """Waits for parents, or for its graph to be armed. Never claimable."""
    WAITING = 1
    """Waits for `run_at`, then for a worker."""
    RUNNING = 2
    """Held under a lease: reserved or started."""
    FINAL = 3
    """Ended; only `rerun` moves it on, only `prune` deletes it."""


class Reason(StrEnum):
    """Why a job waits."""

    ENQUEUED = "enqueued"
    RETRY = "retry"
    """It failed, and has attempts left."""
    SNOOZED = "snoozed"
    """Its own code asked to run later."""
    RELEASED = "released"
    """A worker gave it back unrun or cut short, uncounted."""
    UNKNOWN_TASK = "unknown_task"
    """The worker that claimed it does not know its task."""
    RERUN = "rerun"
    """A person sent a final job round again."""


class JobState(StrEnum):
    """What people see; see docs/architecture.md for who moves a job from one to the next."""

    PENDING = "pending"
    SCHEDULED = "scheduled"
    AVAILABLE = "available"
    RUNNING = "running"
    RETRYABLE = "retryable"
    COMPLETED = "completed"
    DISCARDED = "discarded"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether only a rerun can move the job on."""
        return self in FINAL_STATES


FINAL_STATES: Final = frozenset({JobState.COMPLETED, JobState.DISCARDED, JobState.CANCELLED})


def state_of(
    phase: Phase, reason: Reason, run_at: datetime, final: JobState | None, now: datetime
) -> JobState:
    """The state that people see, from what a store keeps and the store's own now.

    Nothing has to be promoted when a job falls due: `scheduled` and `retryable` become `available`
    by the clock alone.
    """
    if phase is Phase.BLOCKED:
        return JobState.PENDING
    if phase is Phase.RUNNING:
        return JobState.RUNNING
    if phase is Phase.FINAL:
        assert final is not None, "a final job has a final state"
        return final
    if run_at <= now:
        return JobState.AVAILABLE
    return JobState.RETRYABLE if reason is Reason.RETRY else JobState.SCHEDULED


class UniqueUntil(StrEnum):
    """How long a job holds its unique key."""

    STARTED = "started"
    """Let go at the first start, never retaken by retry, snooze or release."""
    FINISHED = "finished"
    """Held through retries, snoozes and releases until the job is final."""
    PERIOD = "period"
    """Held from enqueue for the period, whatever becomes of the job."""


class OnConflict(StrEnum):
    """What an enqueue does when its unique key is held by a waiting job; a running holder is never
    changed.
    """

    KEEP = "keep"
    REPLACE = "replace"
    RESCHEDULE = "reschedule"
    AFTER = "after"
    """Queue one more run behind the holder."""


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """A key that at most one job holds at a time.

    `period` is given exactly when `until` is `UniqueUntil.PERIOD`.
    """

    value: str
    until: UniqueUntil = UniqueUntil.FINISHED
    period: timedelta | None = None
    on_conflict: OnConflict = OnConflict.KEEP


class LimitKind(StrEnum):
    """What a limit counts."""

    CONCURRENCY = "concurrency"
    """Live leases of the key: at most N in the whole fleet."""
    RATE = "rate"
    """Starts of the key: at most N in any interval of the period."""
    ORDER = "order"
    """One at a time, in the order in which enqueues took the key."""


@dataclass(frozen=True, slots=True)
class LimitKey:
    """A key that a job runs under.

    `scope` names the class of keys that shares one N, such as ``task:mail.send``.
    """

    kind: LimitKind
    scope: str
    value: str

    def digest(self) -> bytes:
        """16 bytes in place of the three texts: short in every index, and one order in which all
        verbs lock keys.
        """
        text = "\0".join((self.kind, self.scope, self.value))
        return hashlib.blake2b(text.encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Limit:
    """N for one class of keys. The newest `version` wins at once; lowering N revokes nothing.

    `period` is given exactly for `LimitKind.RATE`.
    """

    kind: LimitKind
    scope: str
    n: int
    version: int
    period: timedelta | None = None


class ParentPolicy(StrEnum):
    """What a parent has to do before its child may run."""

    COMPLETED = "completed"
    """The parent completes; if it ends in another way, the child is cancelled with reason
    `parent`."""
    FINAL = "final"
    """The parent ends, however."""


@dataclass(frozen=True, slots=True)
class Parent:
    """An edge of a graph, from the child's side.

    The parent is stored already or stands earlier in the same batch.
    """

    id: UUID
    policy: ParentPolicy = ParentPolicy.COMPLETED


@dataclass(frozen=True, slots=True)
class Fire:
    """One occurrence of a schedule: unique in a store, written in the same step as its job."""

    schedule: str
    nominal: datetime


@dataclass(frozen=True, slots=True)
class NewJob:
    """One request to run a task, before a store has it.

    `id` is a UUIDv7 made by the caller: identity and idempotence, never order. `due` is a delay
    that the store adds to its own clock, or an aware instant; None means at once. `expires`
    likewise, counted from enqueue. `armed=False` stores the job `pending` until `arm` names it,
    which is how a graph larger than one batch is stored in parts.
    """

    id: UUID
    task: str
    payload: str
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    due: timedelta | datetime | None = None
    expires: timedelta | datetime | None = None
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    backoff: Backoff = field(default_factory=Backoff)
    unique: UniqueKey | None = None
    limits: tuple[LimitKey, ...] = ()
    parents: tuple[Parent, ...] = ()
    fire: Fire | None = None
    tags: tuple[str, ...] = ()
    meta: str | None = None
    armed: bool = True

    def fingerprint(self) -> bytes:
        """16 bytes that differ for different content, so that a repeated enqueue is told from a
        clash of ids.

        Covers every field but the id. A delay counts as the duration that was asked for: the
        store's clock at the first enqueue does not make a repeat a different job.
        """
        unique, fire = self.unique, self.fire
        content = (
            *(self.task, self.payload, self.queue, self.priority),
            *(_when(self.due), _when(self.expires), self.max_attempts, self.backoff.dump()),
            unique and (unique.value, unique.until, _when(unique.period), unique.on_conflict),
            [(key.kind, key.scope, key.value) for key in self.limits],
            [(parent.id.hex, parent.policy) for parent in self.parents],
            fire and (fire.schedule, _when(fire.nominal)),
            *(self.tags, self.meta, self.armed),
        )
        return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).digest()


def _when(when: timedelta | datetime | None) -> tuple[str, int] | None:
    """An instant or a duration as a fingerprint sees it, the same in whatever zone it is given."""
    if when is None:
        return None
    if isinstance(when, timedelta):
        return "in", duration_micros(when)
    return "at", to_micros(when)


class EnqueueStatus(StrEnum):
    """What became of one enqueued job.

    A conflict is a value, never an error that spoils the caller's transaction.
    """

    CREATED = "created"
    EXISTS = "exists"
    """The id is known with the same content, or the unique key is held and kept."""
    REPLACED = "replaced"
    RESCHEDULED = "rescheduled"
    RUNNING = "running"
    """The key's holder is running: nothing was changed."""


@dataclass(frozen=True, slots=True)
class Enqueued:
    """The answer to one `NewJob`: the job that now stands for the request, and how it came to."""

    id: UUID
    status: EnqueueStatus


@dataclass(frozen=True, slots=True)
class Token:
    """The fence: the right to start, extend and finish one claimed job.

    `fence` grows with every claim and rescue of the job, so users can pass it on to their own
    writes. `nonce` is the random id of the claim call; it tells two histories apart after a
    restored backup, where the numbers alone would repeat.
    """

    job_id: UUID
    fence: int
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """A job under a lease, as handed to the worker.

    `attempt` counts from 1 over the job's whole life: the running attempt if `started`, else the
    one that its start will be. `round_start` is the number of attempts that were used up before the
    last rerun. `lost` says how often a lease of this job was rescued after its start; `unknown` how
    often in a row it was given back as an unknown task.
    """

    token: Token
    task: str
    queue: str
    payload: str
    priority: int
    attempt: int
    started: bool
    max_attempts: int
    backoff: Backoff
    enqueued_at: datetime
    run_at: datetime
    round_start: int = 0
    lost: int = 0
    unknown: int = 0
    limits: tuple[LimitKey, ...] = ()
    tags: tuple[str, ...] = ()
    meta: str | None = None

    @property
    def attempt_in_round(self) -> int:
        """The attempt's number since the last rerun, from 1: what backoff and `max_attempts`
        count.
        """
        return self.attempt - self.round_start


class AttemptOutcome(StrEnum):
    """How one attempt ended, as history keeps it."""

    COMPLETED = "completed"
    FAILED = "failed"
    LOST = "lost"
    """Its lease expired and was rescued."""
    SNOOZED = "snoozed"
    RELEASED = "released"
    DISCARDED = "discarded"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of an error: text only, so that any exception can be stored."""

    error_class: str
    message: str = ""
    traceback: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of a job's history.

    Attempts that did not count (snoozed, released) keep their line and share their number with the
    next one; `fence` is what tells lines apart.
    """

    number: int
    fence: int
    worker: str
    started_at: datetime
    ended_at: datetime
    outcome: AttemptOutcome
    failure: Failure | None = None


class Move(StrEnum):
    """Where a resolution sends the job."""

    COMPLETE = "complete"
    RETRY = "retry"
    SNOOZE = "snooze"
    RELEASE = "release"
    DISCARD = "discard"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the core decided about an attempt; the store applies it if, and only if, the lease still
    holds.

    `delay` is counted from the store's now (retry, snooze, release). `wait_reason` says why a
    released job waits. `result` is JSON text; `reason` is shown for discards and cancels.
    """

    move: Move
    outcome: AttemptOutcome
    delay: timedelta = timedelta(0)
    wait_reason: Reason = Reason.RELEASED
    result: str | None = None
    failure: Failure | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A stored job, as read back.

    `state` was derived with the store's now at the time of reading.
    """

    id: UUID
    seq: int
    task: str
    queue: str
    payload: str
    priority: int
    state: JobState
    phase: Phase
    reason: Reason
    run_at: datetime
    enqueued_at: datetime
    max_attempts: int
    attempts: int
    claims: int
    backoff: Backoff
    round_start: int = 0
    lost: int = 0
    blockers: int = 0
    armed: bool = True
    worker: str | None = None
    lease_until: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    cancel_requested: bool = False
    final_reason: str | None = None
    result: str | None = None
    progress: str | None = None
    unique: UniqueKey | None = None
    limits: tuple[LimitKey, ...] = ()
    fire: Fire | None = None
    tags: tuple[str, ...] = ()
    meta: str | None = None


def uuid7(unix_ms: int, entropy: bytes) -> UUID:
    """A version 7 UUID (RFC 9562, section 5.7) from milliseconds since 1970 and 10 random bytes."""
    value = (unix_ms & (2**48 - 1)) << 80 | int.from_bytes(entropy[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
