"""The seam: every verb that a store must offer, in queue words, batch first.

The core owns meaning: policies, payloads, what comes next. A store owns atomicity, durability,
order and time. It never decodes a payload, never decides a job's next move, draws no random number,
and compares times with one clock only, its own: the core hands in durations.

For each verb there are three answers. *Done*: the call returned. *Not done*: it raised
`StoreUnavailable`, or any error outside `StoreError`; nothing was changed. *Not known*: it raised
`OutcomeUnknown`; the same call may be repeated, because the same id, token or nonce with the same
content gives the first answer again. A batch is one atomic step unless its verb says otherwise, and
each item answers for itself, in the order asked.

Optional abilities are declared in `Capabilities` and typed as `Supports...` protocols; a store that
declares one absent refuses it with `UnsupportedOperation` before it changes anything. The clauses
behind each verb stand in docs/reference/contract.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable
from uuid import UUID

from queuekit.job import (
    Attempt,
    Claim,
    Enqueued,
    Fire,
    JobState,
    Limit,
    LimitKey,
    NewJob,
    Resolution,
    StoredJob,
    Token,
)

CONTRACT_VERSION: Final = 1
"""Raised when a clause changes so that an older adapter would break it; checked when an adapter is
opened."""

MAX_BATCH: Final = 1_000
"""Most jobs in one call of any verb; more are refused with `InvalidJob`. A larger graph is stored
unarmed in parts, then armed."""

NONCE_BYTES: Final = 16
"""Size of the random id of a claim or rescue call; its tokens carry it."""


class Level(StrEnum):
    """How far a store keeps an ability's clauses, on the topology it names."""

    STRICT = "strict"
    BEST_EFFORT = "best_effort"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Ability:
    """One declared ability.

    The suite holds it to zero breaks on `topology`, whatever the level is called.
    """

    level: Level
    topology: str = ""

    def __bool__(self) -> bool:
        """Whether the ability is there at all."""
        return self.level is not Level.ABSENT


ABSENT: Final = Ability(Level.ABSENT)


@dataclass(frozen=True, slots=True)
class Durability:
    """What survives, at the store's present settings: a killed client process, a killed server, a
    power cut.
    """

    process_kill: bool
    server_kill: bool
    power_cut: bool
    setting: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a store claims, as data. The conformance suite checks each claim both ways."""

    adapter: str
    durability: Durability
    contract: int = CONTRACT_VERSION
    unique: Ability = ABSENT
    limits: Ability = ABSENT
    rates: Ability = ABSENT
    ordered_keys: Ability = ABSENT
    graphs: Ability = ABSENT
    schedules: Ability = ABSENT
    guard: Ability = ABSENT
    locks: Ability = ABSENT
    tx_enqueue: Ability = ABSENT
    tx_finish: Ability = ABSENT
    push: Ability = ABSENT
    ageing: Ability = ABSENT
    fair: Ability = ABSENT


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What a store says of itself. `location` never holds a password; `warnings` are for people."""

    location: str
    now: datetime
    schema: int
    server: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """What a worker asks for.

    The best `start` jobs are started, the next `reserve` only held; a job with limits, or one that
    was lost before, is started or left. `queues=None` asks for every queue. `nonce` is 16 fresh
    random bytes: the id of this call. `repeat` says that the same nonce was sent before and its
    answer is not known, so that a store need not look for it in every call.
    """

    nonce: bytes
    worker: str
    lease: timedelta
    start: int
    reserve: int = 0
    queues: tuple[str, ...] | None = None
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim's answer, best job first.

    `more`: the call's work was bounded before it had found all that was asked; ask again at once.
    `next_due`: time until the next waiting job of these queues falls due, None if there is none; a
    hint for how long to sleep.
    """

    claims: tuple[Claim, ...]
    more: bool = False
    next_due: timedelta | None = None


class Answer(StrEnum):
    """One item's answer to a fenced verb."""

    DONE = "done"
    LOST = "lost"
    """The token is stale; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Finish:
    """One attempt's end: applied only if the token still holds.

    `limits` are the claim's: a store that keeps limits locks key rows before job rows, always, and
    need not read the job to know which.
    """

    token: Token
    resolution: Resolution
    limits: tuple[LimitKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """Answers of one `finish` call, in the order asked."""

    finished: tuple[Answer, ...]
    started: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class WorkerBeat:
    """What a worker says of itself with each heartbeat. `info` is JSON text for people."""

    id: str
    info: str = "{}"


@dataclass(frozen=True, slots=True)
class Extended:
    """A heartbeat's answer: each lease held or lost, which of the held jobs are to be cancelled,
    which queues are paused.
    """

    answers: tuple[Answer, ...]
    cancels: frozenset[UUID] = frozenset()
    paused: frozenset[str] = frozenset()


class ControlAnswer(StrEnum):
    """One item's answer to a control verb."""

    DONE = "done"
    REQUESTED = "requested"
    """The job is running: its worker will be asked."""
    NOT_FOUND = "not_found"
    WRONG_STATE = "wrong_state"


@dataclass(frozen=True, slots=True)
class Controlled:
    """What a control verb did to one job, and the state that it found it in (None if not found)."""

    id: UUID
    answer: ControlAnswer
    found: JobState | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What `amend` changes on a waiting or pending job; None leaves a field as it is."""

    due: timedelta | datetime | None = None
    priority: int | None = None
    queue: str | None = None


class QueueMode(StrEnum):
    """How a queue's jobs are ordered; stored, and the same for all workers.

    All but `STRICT` are abilities of the same name.
    """

    STRICT = "strict"
    AGEING = "ageing"
    FAIR = "fair"


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """A queue that has jobs or settings, with its counts of live jobs by state."""

    name: str
    paused: bool
    mode: QueueMode
    counts: Mapping[JobState, int]


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker that has sent a heartbeat and not said goodbye.

    `info` is the JSON text that it sent.
    """

    id: str
    started_at: datetime
    beat_at: datetime
    info: str


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to read: every field given must match.

    Names match exactly. Times bound `enqueued_at`, from <= t < to.
    """

    states: frozenset[JobState] = frozenset()
    queue: str | None = None
    task: str | None = None
    tag: str | None = None
    key: LimitKey | None = None
    unique: str | None = None
    enqueued_from: datetime | None = None
    enqueued_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of jobs, newest first. `cursor` continues it, None at the end."""

    jobs: tuple[StoredJob, ...]
    cursor: int | None


@dataclass(frozen=True, slots=True)
class Count:
    """A count at bounded cost: exact up to the bound that was asked for."""

    n: int
    exact: bool


@runtime_checkable
class Store(Protocol):
    """The mandatory verbs. Thread-safe; must not be carried across a fork."""

    @property
    def capabilities(self) -> Capabilities:
        """What this store claims, after probing what is under it."""
        ...

    def info(self) -> StoreInfo:
        """Who and where the store is, and its own now."""
        ...

    def close(self) -> None:
        """Let go of every connection. Live leases stay as they are. May be called twice."""
        ...

    def migrate(self) -> int:
        """Bring the schema to this release, under a lock; returns its version.

        Doing it again changes nothing.
        """
        ...

    # --- sending

    def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Enqueued, ...]:
        """Store up to `MAX_BATCH` jobs, all or nothing; `seq` follows list order.

        Raises:
            JobConflict: an id is known with other content; nothing was stored.
            InvalidJob: a field is out of range; nothing was stored.
            JobNotFound: a parent is neither stored nor earlier in the batch; nothing was stored.
            UnsupportedOperation: a job asks for an ability that this store declares absent;
                nothing was stored.
        """
        ...

    def arm(self, ids: Sequence[UUID]) -> tuple[Controlled, ...]:
        """Let jobs that were stored with ``armed=False`` run once their parents are final.

        Repeating it is harmless.
        """
        ...

    # --- running

    def claim(self, request: ClaimRequest) -> Claimed:
        """Take due jobs under a lease: highest `priority`, then earliest `run_at`, then `seq`, over
        the queues asked for.

        Never more than asked, never from a paused queue, never an expired one. A started job's
        attempt is counted in this step. The same nonce again, with `repeat`, gives the claims of
        the first call that still hold, and nothing new; a first call that took nothing need not be
        remembered.
        """
        ...

    def finish(self, finishes: Sequence[Finish], starts: Sequence[Token] = ()) -> Finished:
        """Apply resolutions and record the starts of reserved jobs, in one step, each item for
        itself.

        A finish appends the attempt to history, frees what the job held, and releases its children
        in the same step. The same token with the same outcome answers `DONE` again; any other use
        of a spent token is `LOST`.
        """
        ...

    def extend(self, beat: WorkerBeat, tokens: Sequence[Token], lease: timedelta) -> Extended:
        """Move the leases' ends to now + `lease`, and note that the worker lives."""
        ...

    def leave(self, worker: str) -> None:
        """Forget the worker's heartbeat; its leases, if any, stay until they run out."""
        ...

    def progress(self, token: Token, progress: str, log: Sequence[str] = ()) -> Answer:
        """Replace the running job's progress (JSON text) and append lines to its log.

        Repeated after `OutcomeUnknown`, it may append the lines twice.
        """
        ...

    def rescue(self, request: ClaimRequest) -> tuple[Claim, ...]:
        """Take over up to `start` leases that ran out, oldest first, each with a new token; any
        worker may, at any time.

        `Claim.started` says whether the lost holder had started the job, `Claim.attempt` which
        attempt it was. Needs no live worker record and no knowledge of the task. The rescuer
        decides and finishes; if it dies, it is rescued in turn. History names the worker that
        started the attempt, not its rescuer.
        """
        ...

    def expire(self, limit: int) -> int:
        """End up to `limit` waiting jobs whose expiry has passed, as `discarded` with reason
        `expired`; returns how many.
        """
        ...

    # --- control
    #
    # Cancel, discard, rerun and amend answer for the state that they find: after `OutcomeUnknown`,
    # look at the jobs before you repeat one, since the repeat answers for what the first call left.

    def cancel(self, ids: Sequence[UUID], reason: str) -> tuple[Controlled, ...]:
        """Waiting, pending and reserved jobs end as `cancelled` at once; for started ones the
        request is noted.
        """
        ...

    def discard(self, ids: Sequence[UUID], reason: str) -> tuple[Controlled, ...]:
        """Waiting and pending jobs end as `discarded`; any other state is refused."""
        ...

    def rerun(self, ids: Sequence[UUID]) -> tuple[Controlled, ...]:
        """Send final jobs round again at once, with a fresh `max_attempts`; their history stays."""
        ...

    def amend(self, ids: Sequence[UUID], change: Change) -> tuple[Controlled, ...]:
        """Reschedule, reprioritise or move waiting and pending jobs; any other state is refused."""
        ...

    def set_queue(
        self, name: str, *, paused: bool | None = None, mode: QueueMode | None = None
    ) -> None:
        """Change a queue's settings for all workers; None leaves one as it is.

        The queue need not have jobs.

        Raises:
            UnsupportedOperation: the store declares the mode absent; nothing was changed.
        """
        ...

    def purge(self, queue: str, limit: int) -> int:
        """Delete up to `limit` waiting jobs of a queue, in the order of claims, never a leased one;
        returns how many.
        """
        ...

    def prune(self, states: frozenset[JobState], older_than: timedelta, limit: int) -> int:
        """Delete up to `limit` final jobs in these states that ended at least `older_than` ago,
        with their history.
        """
        ...

    # --- reading

    def get(self, ids: Sequence[UUID]) -> tuple[StoredJob | None, ...]:
        """The jobs, None for each that is not there."""
        ...

    def history(self, job_id: UUID) -> tuple[Attempt, ...]:
        """Ended attempts, first to last. The running one lives in the job."""
        ...

    def list(self, where: JobFilter, cursor: int | None = None, limit: int = 100) -> Page:
        """Jobs that match, newest first, at a cost bounded by the page."""
        ...

    def count(self, where: JobFilter, bound: int) -> Count:
        """How many jobs match, counted up to `bound`."""
        ...

    def queues(self) -> tuple[QueueInfo, ...]:
        """Every queue that has live jobs or settings, by name."""
        ...

    def workers(self) -> tuple[WorkerInfo, ...]:
        """Workers with a heartbeat on record, by id; a long-silent one is shown, not hidden."""
        ...


@runtime_checkable
class SupportsLimits(Protocol):
    """Capabilities `limits`, `rates`, `ordered_keys`: how many may run, in the store, for the whole
    fleet.
    """

    def set_limits(self, limits: Sequence[Limit]) -> None:
        """Declare N per class of keys; a declaration of an older version changes nothing."""
        ...

    def limits(self) -> tuple[Limit, ...]:
        """The limits in force, by kind and scope."""
        ...


@dataclass(frozen=True, slots=True)
class StoredSchedule:
    """A schedule as stored.

    `definition` is JSON text that only the core reads; `last` never falls and survives removal.
    """

    name: str
    app: str
    version: int
    definition: str
    due: datetime
    last: datetime | None = None
    paused: bool = False


@runtime_checkable
class SupportsSchedules(Protocol):
    """Capability `schedules`: occurrences that are unique by construction, so that any number of
    schedulers may run.
    """

    def declare_schedules(
        self, app: str, version: int, schedules: Sequence[StoredSchedule]
    ) -> tuple[StoredSchedule, ...]:
        """Make these the app's schedules, unless a newer version did; returns what is then
        stored.
        """
        ...

    def due_schedules(self, limit: int) -> tuple[tuple[StoredSchedule, ...], timedelta | None]:
        """Up to `limit` schedules that are due, earliest first, and the time until the next one."""
        ...

    def fire(self, fire: Fire, next_due: datetime, job: NewJob | None) -> bool:
        """In one step: record the occurrence, move the schedule on, store its job.

        False if the occurrence is known.
        """
        ...


class Guarded(Protocol):
    """What a predicate may ask, and do, inside the guard."""

    def count(self, key: LimitKey, states: frozenset[JobState]) -> int:
        """Jobs of the key in these states, seen by nobody else until the guard ends."""
        ...

    def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Enqueued, ...]:
        """As `Store.enqueue`, inside the guard: stored when it ends without an error."""
        ...


@runtime_checkable
class SupportsGuard(Protocol):
    """Capability `guard`: check and enqueue, with nobody else in between."""

    def guard(self, names: Sequence[str], timeout: timedelta) -> AbstractContextManager[Guarded]:
        """Hold the named guards, taken in sorted order, from entry to the commit at exit."""
        ...


@runtime_checkable
class SupportsLocks(Protocol):
    """Capability `locks`: locks for users, with a fencing number. Redis offers them alone, too."""

    def acquire_lock(self, name: str, owner: bytes, ttl: timedelta) -> int | None:
        """Take the lock: its fence, larger than any before, or None while another holds it.

        The same owner again extends.
        """
        ...

    def release_lock(self, name: str, owner: bytes) -> bool:
        """Give it back; False if it was lost."""
        ...


@runtime_checkable
class SupportsTransactions(Protocol):
    """Capabilities `tx_enqueue`, `tx_finish`: verbs inside the caller's own transaction, committed
    or undone with it.
    """

    def enqueue_in(self, tx: Any, jobs: Sequence[NewJob]) -> tuple[Enqueued, ...]:
        """As `Store.enqueue` on the caller's connection or session.

        Refused if that is another database.
        """
        ...

    def finish_in(self, tx: Any, finish: Finish) -> Answer:
        """As `Store.finish` for one job, on the caller's connection or session."""
        ...


@runtime_checkable
class SupportsPush(Protocol):
    """Capability `push`: the store itself says that work may have come.

    A hint: late, lost or spurious at any time.
    """

    def wait(self, queues: tuple[str, ...] | None, timeout: timedelta) -> bool:
        """Block until work may have come (True) or the time is over (False).

        `close` in another thread ends it.
        """
        ...


@runtime_checkable
class SupportsChangeMark(Protocol):
    """A look at whether anybody wrote, far cheaper than a claim, for stores without push."""

    def change_mark(self) -> int:
        """A number that differs when another connection may have committed since it was last
        read.
        """
        ...


@runtime_checkable
class SupportsTravel(Protocol):
    """A store that was opened for testing, whose clock travels."""

    def travel(self, by: timedelta) -> None:
        """Move the store's now forward, at most to the last instant that there is.

        Raises:
            ConfigurationError: the store was not opened for testing.
            ValueError: the way leads back.
        """
        ...


@dataclass(frozen=True, slots=True)
class OpenOptions:
    """How to open a store.

    `testing` alone allows `SupportsTravel`. `options` are the URL's query, as text. `folder` is the
    absolute folder that a relative path in the URL counts from; None is the current one.
    """

    testing: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
