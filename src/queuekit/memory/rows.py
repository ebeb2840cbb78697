"""One job's row: plain and mutable inside the store, frozen values outside.

What was enqueued never changes and stays in `Row.new`; what verbs may change has a field of its
own. Times are whole microseconds of the store's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from queuekit.clock import from_micros
from queuekit.job import (
    Attempt,
    AttemptOutcome,
    Claim,
    JobState,
    Move,
    NewJob,
    ParentPolicy,
    Phase,
    Reason,
    StoredJob,
    Token,
    state_of,
)


class Ending(NamedTuple):
    """What tells a repeated finish from another use of a spent token."""

    fence: int
    nonce: bytes
    move: Move
    outcome: AttemptOutcome


class Entry(NamedTuple):
    """One line of history, with the finish that wrote it."""

    attempt: Attempt
    ending: Ending


@dataclass(slots=True, eq=False)
class Row:
    """One stored job."""

    new: NewJob
    fingerprint: bytes
    seq: int
    enqueued_at: int
    run_at: int
    expires_at: int | None

    queue: str
    priority: int
    phase: Phase = Phase.BLOCKED
    reason: Reason = Reason.ENQUEUED
    armed: bool = True

    attempts: int = 0
    round_start: int = 0
    lost: int = 0
    unknown: int = 0

    # The lease: `claims` and `nonce` are the fence, and outlive it.
    claims: int = 0
    nonce: bytes = b""
    rank: int = 0
    """The job's place in the answer of the claim or rescue that took it."""
    worker: str | None = None
    lease_until: int = 0
    started_at: int | None = None
    cancel_reason: str | None = None
    """Why the job's worker is asked to cancel it; None if nobody asked."""

    final: JobState | None = None
    final_reason: str | None = None
    finished_at: int = 0
    result: str | None = None
    progress: str | None = None
    log: list[str] = field(default_factory=list)

    parents: dict[UUID, ParentPolicy] = field(default_factory=dict)
    """Edges to parents that are not final yet: their number is the job's `blockers`."""
    children: dict[UUID, None] = field(default_factory=dict)
    """The same edges from the other end, in the order in which the children came."""

    history: list[Entry] = field(default_factory=list)
    unstarted_ending: Ending | None = None
    """The last finish of a lease that never started, which leaves no line in `history`."""

    @property
    def id(self) -> UUID:
        """The job's id."""
        return self.new.id

    @property
    def order(self) -> tuple[int, ...]:
        """The order of claims: higher priority, then earlier run, then earlier enqueue."""
        return (-self.priority, self.run_at, self.seq)

    @property
    def is_started(self) -> bool:
        """Whether an attempt is running, rather than held for one."""
        return self.started_at is not None

    @property
    def may_be_reserved(self) -> bool:
        """Whether a worker may buffer the job: not if it was once lost, nor if it holds a slot."""
        return self.lost == 0 and not self.new.limits

    def is_held_by(self, token: Token) -> bool:
        """Whether the token is the job's live lease.

        One that ran out still holds: only a rescue, or another move of the job, ends it.
        """
        return (
            self.phase is Phase.RUNNING and self.claims == token.fence and self.nonce == token.nonce
        )

    def has_ended_as(self, ending: Ending) -> bool:
        """Whether this very finish was applied before."""
        return ending == self.unstarted_ending or any(
            entry.ending == ending for entry in self.history
        )

    def is_expired(self, now: int) -> bool:
        """Whether the job's expiry has passed, so that it must not start any more."""
        return self.expires_at is not None and self.expires_at <= now

    def drop_lease(self) -> None:
        """Forget the holder; the running attempt lives in the row no longer."""
        self.worker, self.lease_until, self.started_at = None, 0, None

    # --- what is shown

    def state(self, now: int) -> JobState:
        """The state that people see."""
        return state_of(
            self.phase, self.reason, from_micros(self.run_at), self.final, from_micros(now)
        )

    def claim(self) -> Claim:
        """The lease as its holder sees it."""
        return Claim(
            token=Token(self.id, self.claims, self.nonce),
            task=self.new.task,
            queue=self.queue,
            payload=self.new.payload,
            priority=self.priority,
            attempt=self.attempts if self.is_started else self.attempts + 1,
            started=self.is_started,
            max_attempts=self.new.max_attempts,
            backoff=self.new.backoff,
            enqueued_at=from_micros(self.enqueued_at),
            run_at=from_micros(self.run_at),
            round_start=self.round_start,
            lost=self.lost,
            unknown=self.unknown,
            limits=self.new.limits,
            tags=self.new.tags,
            meta=self.new.meta,
        )

    def job(self, now: int) -> StoredJob:
        """The job as read back."""
        running, ended = self.phase is Phase.RUNNING, self.phase is Phase.FINAL
        return StoredJob(
            id=self.id,
            seq=self.seq,
            task=self.new.task,
            queue=self.queue,
            payload=self.new.payload,
            priority=self.priority,
            state=self.state(now),
            phase=self.phase,
            reason=self.reason,
            run_at=from_micros(self.run_at),
            enqueued_at=from_micros(self.enqueued_at),
            max_attempts=self.new.max_attempts,
            attempts=self.attempts,
            claims=self.claims,
            backoff=self.new.backoff,
            round_start=self.round_start,
            lost=self.lost,
            blockers=len(self.parents),
            armed=self.armed,
            worker=self.worker,
            lease_until=from_micros(self.lease_until) if running else None,
            started_at=None if self.started_at is None else from_micros(self.started_at),
            finished_at=from_micros(self.finished_at) if ended else None,
            expires_at=None if self.expires_at is None else from_micros(self.expires_at),
            cancel_requested=self.cancel_reason is not None,
            final_reason=self.final_reason,
            result=self.result,
            progress=self.progress,
            unique=self.new.unique,
            limits=self.new.limits,
            fire=self.new.fire,
            tags=self.new.tags,
            meta=self.new.meta,
        )
