"""The words that the checks are written in: make a job, send it, claim it, settle it, read it back.

Each word does one thing through the seam and asserts only what it needs in order to go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from queuekit.clock import system_micros
from queuekit.job import (
    Attempt,
    AttemptOutcome,
    Claim,
    EnqueueStatus,
    Failure,
    JobState,
    Move,
    NewJob,
    Reason,
    Resolution,
    StoredJob,
    uuid7,
)
from queuekit.storage import (
    NONCE_BYTES,
    Answer,
    ClaimRequest,
    Finish,
    JobFilter,
    QueueInfo,
    Store,
    SupportsTravel,
    WorkerBeat,
    WorkerInfo,
)

SECOND: Final = timedelta(seconds=1)
"""Far longer than any verb takes, so that the time which really passes decides nothing."""

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)

LEASE: Final = timedelta(seconds=30)

PAST: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""An instant that is due for ever. Jobs that share it are told apart by `seq` alone."""

WORKER: Final = "worker-1"

BOOM: Final = Failure("builtins.ValueError", "boom", "Traceback ...", "builtins.KeyError: 'x'")


class TravellingStore(Store, SupportsTravel, Protocol):
    """What each check is given: a fresh store, opened for testing."""


# ---------------------------------------------------------------- sending


_ANY: Final[dict[str, Any]] = {"task": "task", "payload": "{}"}


def new_id() -> UUID:
    """An id as a client makes it."""
    return uuid7(system_micros() // 1000, os.urandom(10))


def new_job(**fields: Any) -> NewJob:
    """A job with an id, a task and a payload of its own, and these fields."""
    return NewJob(**_ANY | {"id": new_id()} | fields)


def send(store: Store, *jobs: NewJob) -> tuple[UUID, ...]:
    """Enqueue jobs that the store has not seen yet, in one batch."""
    answers = store.enqueue(jobs)
    assert [answer.status for answer in answers] == [EnqueueStatus.CREATED] * len(jobs)
    return tuple(answer.id for answer in answers)


def send_one(store: Store, **fields: Any) -> UUID:
    """Enqueue one new job with these fields."""
    (job_id,) = send(store, new_job(**fields))
    return job_id


# ---------------------------------------------------------------- running


def request(
    start: int = 1,
    *,
    reserve: int = 0,
    queues: tuple[str, ...] | None = None,
    lease: timedelta = LEASE,
    worker: str = WORKER,
    nonce: bytes | None = None,
) -> ClaimRequest:
    """What a worker asks for, under a nonce of its own."""
    return ClaimRequest(nonce or os.urandom(NONCE_BYTES), worker, lease, start, reserve, queues)


def claim(store: Store, start: int = 1, *, reserve: int = 0, **asked: Any) -> tuple[Claim, ...]:
    """Claim as a worker does: while an answer says that there may be more, ask for the rest."""
    got: list[Claim] = []
    while True:
        started = sum(one.started for one in got)
        held = len(got) - started
        answer = store.claim(request(start - started, reserve=reserve - held, **asked))
        got += answer.claims
        if not answer.more or len(got) >= start + reserve:
            return tuple(got)


def claim_one(store: Store, **asked: Any) -> Claim:
    """Start the one best job."""
    one = only(claim(store, 1, **asked))
    assert one.started
    return one


def reserve_one(store: Store, **asked: Any) -> Claim:
    """Reserve the one best job."""
    one = only(claim(store, 0, reserve=1, **asked))
    assert not one.started
    return one


def start(store: Store, reserved: Claim) -> Answer:
    """Record the start of a reserved job."""
    (answer,) = store.finish([], [reserved.token]).started
    return answer


def settle(store: Store, claimed: Claim, resolution: Resolution) -> Answer:
    """Finish one attempt."""
    (answer,) = store.finish([Finish(claimed.token, resolution)]).finished
    return answer


def extend(store: Store, *claims: Claim, worker: str = WORKER) -> tuple[Answer, ...]:
    """Send one heartbeat."""
    return store.extend(WorkerBeat(worker), [one.token for one in claims], LEASE).answers


def rescue(store: Store, start: int = 1, **asked: Any) -> tuple[Claim, ...]:
    """Take over leases that ran out, as another worker."""
    return store.rescue(request(start, **({"worker": "rescuer"} | asked)))


def rescue_one(store: Store, **asked: Any) -> Claim:
    """Take over the one lease that ran out."""
    return only(rescue(store, **asked))


def only(claims: Sequence[Claim]) -> Claim:
    """The one claim that there is."""
    assert len(claims) == 1, f"one claim, not {len(claims)}"
    return claims[0]


# ---------------------------------------------------------------- resolutions


def complete(result: str | None = None) -> Resolution:
    """The code returned."""
    return Resolution(Move.COMPLETE, AttemptOutcome.COMPLETED, result=result)


def retry(delay: timedelta = timedelta(0)) -> Resolution:
    """The code raised, and attempts are left."""
    return Resolution(Move.RETRY, AttemptOutcome.FAILED, delay, failure=BOOM)


def lost(delay: timedelta = timedelta(0)) -> Resolution:
    """The lease ran out after the start, and attempts are left."""
    return Resolution(Move.RETRY, AttemptOutcome.LOST, delay, failure=BOOM)


def snooze(delay: timedelta = timedelta(0)) -> Resolution:
    """The code asked to run later."""
    return Resolution(Move.SNOOZE, AttemptOutcome.SNOOZED, delay)


def release() -> Resolution:
    """The worker gives the job back."""
    return Resolution(Move.RELEASE, AttemptOutcome.RELEASED)


def unknown_task(delay: timedelta = timedelta(0)) -> Resolution:
    """The worker does not know the task."""
    return Resolution(Move.RELEASE, AttemptOutcome.RELEASED, delay, wait_reason=Reason.UNKNOWN_TASK)


def discard(reason: str = "given up") -> Resolution:
    """The code gave up for good."""
    return Resolution(Move.DISCARD, AttemptOutcome.DISCARDED, reason=reason)


def cancel(reason: str = "not wanted") -> Resolution:
    """The code ended itself as cancelled."""
    return Resolution(Move.CANCEL, AttemptOutcome.CANCELLED, reason=reason)


# ---------------------------------------------------------------- reading


def read(store: Store, job_id: UUID) -> StoredJob:
    """The job as it is now stored."""
    (job,) = store.get([job_id])
    assert job is not None, "the job is there"
    return job


def state(store: Store, job_id: UUID) -> JobState:
    """What people see of it."""
    return read(store, job_id).state


def gone(store: Store, job_id: UUID) -> bool:
    """Whether the job is there no more."""
    return store.get([job_id]) == (None,)


def all_jobs(store: Store, where: JobFilter | None = None, limit: int = 100) -> list[StoredJob]:
    """Every page of a listing, newest first."""
    jobs: list[StoredJob] = []
    cursor: int | None = None
    while True:
        page = store.list(where or JobFilter(), cursor, limit)
        jobs += page.jobs
        cursor = page.cursor
        if cursor is None:
            return jobs


Visible = tuple[
    list[StoredJob], list[tuple[Attempt, ...]], tuple[QueueInfo, ...], tuple[WorkerInfo, ...]
]


def visible(store: Store) -> Visible:
    """All that anybody can see of a store: two equal ones say that nothing was changed."""
    jobs = all_jobs(store)
    return jobs, [store.history(job.id) for job in jobs], store.queues(), store.workers()


def in_order(claims: Sequence[Claim]) -> list[UUID]:
    """Which jobs were claimed, best first."""
    return [one.token.job_id for one in claims]


# ---------------------------------------------------------------- stages


class Stage(StrEnum):
    """Where in its life a job stands; a running one is either reserved or started."""

    SCHEDULED = "scheduled"
    AVAILABLE = "available"
    RETRYABLE = "retryable"
    RESERVED = "reserved"
    STARTED = "started"
    COMPLETED = "completed"
    DISCARDED = "discarded"
    CANCELLED = "cancelled"

    @property
    def state(self) -> JobState:
        """What people see of it."""
        running = self in (Stage.RESERVED, Stage.STARTED)
        return JobState.RUNNING if running else JobState(self.value)


WAITING: Final = frozenset({Stage.SCHEDULED, Stage.AVAILABLE, Stage.RETRYABLE})
FINAL: Final = frozenset({Stage.COMPLETED, Stage.DISCARDED, Stage.CANCELLED})

_SETTLED_BY: Final[dict[Stage, Callable[[], Resolution]]] = {
    Stage.RETRYABLE: lambda: retry(HOUR),
    Stage.COMPLETED: lambda: complete('"kept"'),
    Stage.DISCARDED: discard,
    Stage.CANCELLED: cancel,
}


def bring(store: Store, stage: Stage, **fields: Any) -> UUID:
    """A job that has come as far as `stage`; nothing else in its queue may be claimable."""
    if stage is Stage.SCHEDULED:
        return send_one(store, due=HOUR, **fields)
    job_id = send_one(store, **fields)
    queues = (read(store, job_id).queue,)
    if stage is Stage.RESERVED:
        reserve_one(store, queues=queues)
    elif stage is not Stage.AVAILABLE:
        started = claim_one(store, queues=queues)
        if stage is not Stage.STARTED:
            assert settle(store, started, _SETTLED_BY[stage]()) is Answer.DONE
    assert state(store, job_id) is stage.state
    return job_id
