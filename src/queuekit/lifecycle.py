"""The one place that decides a job's next move. Pure: values and durations in, a value out.

The store applies the decision if, and only if, the lease still holds.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, assert_never

from queuekit.job import AttemptOutcome, Claim, Failure, Move, Reason, Resolution
from queuekit.outcomes import (
    Cancelled,
    Completed,
    Discarded,
    Failed,
    Lost,
    Outcome,
    Released,
    Snoozed,
    UnknownTask,
)

UNKNOWN_TASK_BASE: Final = timedelta(seconds=1)
"""First wait of a job whose task the worker does not know: a deploy in progress is over soon."""

UNKNOWN_TASK_CAP: Final = timedelta(minutes=5)
"""Longest such wait: a worker that knows the task is noticed within it, and a queue of strangers
costs next to nothing."""

LOST_REASON: Final = "lost"
EXHAUSTED_REASON: Final = "out of attempts"
NOT_RETRIED_REASON: Final = "not retried"
EXPIRED_REASON: Final = "expired"
PARENT_REASON: Final = "parent"


def resolve(claim: Claim, outcome: Outcome, draw: float = 1.0) -> Resolution:
    """What becomes of `claim` after `outcome`. `draw` in [0, 1] is the random part of a backoff.

    A job is discarded only when its stored attempts are used up, or when its own code says so; this
    holds for a worker that does not know the task, too.
    """
    match outcome:
        case Completed(result):
            return Resolution(Move.COMPLETE, AttemptOutcome.COMPLETED, result=result)
        case Failed(failure, delay, final):
            return _after_failure(claim, failure, AttemptOutcome.FAILED, delay, final, draw)
        case Lost():
            return _after_loss(claim, draw)
        case Snoozed(delay):
            return Resolution(Move.SNOOZE, AttemptOutcome.SNOOZED, delay)
        case Released():
            return Resolution(Move.RELEASE, AttemptOutcome.RELEASED)
        case UnknownTask():
            return Resolution(
                Move.RELEASE,
                AttemptOutcome.RELEASED,
                unknown_task_wait(claim.unknown),
                wait_reason=Reason.UNKNOWN_TASK,
            )
        case Discarded(reason):
            return Resolution(Move.DISCARD, AttemptOutcome.DISCARDED, reason=reason)
        case Cancelled(reason):
            return Resolution(Move.CANCEL, AttemptOutcome.CANCELLED, reason=reason)
    assert_never(outcome)


def unknown_task_wait(seen: int) -> timedelta:
    """The wait after a job was given back `seen` times in a row as an unknown task; doubles up to
    the cap.
    """
    return UNKNOWN_TASK_CAP if seen >= 9 else min(UNKNOWN_TASK_BASE * 2**seen, UNKNOWN_TASK_CAP)


def _after_loss(claim: Claim, draw: float) -> Resolution:
    """A rescued reservation that never started costs nothing; a started attempt is spent."""
    if not claim.started:
        return Resolution(Move.RELEASE, AttemptOutcome.RELEASED)
    lost = Failure(
        "WorkerLost", "the worker stopped extending its lease: killed, frozen or cut off"
    )
    return _after_failure(claim, lost, AttemptOutcome.LOST, None, False, draw)


def _after_failure(
    claim: Claim,
    failure: Failure,
    outcome: AttemptOutcome,
    delay: timedelta | None,
    final: bool,
    draw: float,
) -> Resolution:
    if final:
        return Resolution(Move.DISCARD, outcome, failure=failure, reason=NOT_RETRIED_REASON)
    if claim.attempt_in_round >= claim.max_attempts:
        reason = LOST_REASON if outcome is AttemptOutcome.LOST else EXHAUSTED_REASON
        return Resolution(Move.DISCARD, outcome, failure=failure, reason=reason)
    wait = claim.backoff.wait(claim.attempt_in_round, draw) if delay is None else delay
    return Resolution(Move.RETRY, outcome, wait, failure=failure)
