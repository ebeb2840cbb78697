"""What follows from each outcome: the one table of the machine."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from queuekit.clock import EPOCH
from queuekit.job import AttemptOutcome, Claim, Failure, Move, Reason, Resolution, Token
from queuekit.lifecycle import (
    EXHAUSTED_REASON,
    LOST_REASON,
    NOT_RETRIED_REASON,
    UNKNOWN_TASK_CAP,
    resolve,
    unknown_task_wait,
)
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
from queuekit.retry import Backoff, BackoffKind

SECOND = timedelta(seconds=1)
ZERO = timedelta(0)
BOOM = Failure("ValueError", "boom")
BACKOFF = Backoff(BackoffKind.EXPONENTIAL, 5 * SECOND, 60 * SECOND)


def claim(
    attempt: int = 1,
    *,
    max_attempts: int = 3,
    started: bool = True,
    round_start: int = 0,
    unknown: int = 0,
) -> Claim:
    return Claim(
        token=Token(UUID(int=1), 1, bytes(16)),
        task="task",
        queue="queue",
        payload="{}",
        priority=0,
        attempt=attempt,
        started=started,
        max_attempts=max_attempts,
        backoff=BACKOFF,
        enqueued_at=EPOCH,
        run_at=EPOCH,
        round_start=round_start,
        unknown=unknown,
    )


A = AttemptOutcome

TABLE: list[tuple[str, Claim, Outcome, Resolution]] = [
    ("completed", claim(), Completed("1"), Resolution(Move.COMPLETE, A.COMPLETED, result="1")),
    ("no result", claim(), Completed(), Resolution(Move.COMPLETE, A.COMPLETED)),
    ("completed at last", claim(3), Completed(), Resolution(Move.COMPLETE, A.COMPLETED)),
    (
        "first failure",
        claim(1),
        Failed(BOOM),
        Resolution(Move.RETRY, A.FAILED, 5 * SECOND, failure=BOOM),
    ),
    (
        "second failure",
        claim(2),
        Failed(BOOM),
        Resolution(Move.RETRY, A.FAILED, 10 * SECOND, failure=BOOM),
    ),
    (
        "last failure",
        claim(3),
        Failed(BOOM),
        Resolution(Move.DISCARD, A.FAILED, failure=BOOM, reason=EXHAUSTED_REASON),
    ),
    (
        "beyond the last",
        claim(50),
        Failed(BOOM),
        Resolution(Move.DISCARD, A.FAILED, failure=BOOM, reason=EXHAUSTED_REASON),
    ),
    (
        "far, with attempts left",
        claim(50, max_attempts=100),
        Failed(BOOM),
        Resolution(Move.RETRY, A.FAILED, 60 * SECOND, failure=BOOM),
    ),
    (
        "its own delay",
        claim(2),
        Failed(BOOM, delay=7 * SECOND),
        Resolution(Move.RETRY, A.FAILED, 7 * SECOND, failure=BOOM),
    ),
    (
        "a delay does not add an attempt",
        claim(3),
        Failed(BOOM, delay=7 * SECOND),
        Resolution(Move.DISCARD, A.FAILED, failure=BOOM, reason=EXHAUSTED_REASON),
    ),
    (
        "no use in trying again",
        claim(1),
        Failed(BOOM, final=True),
        Resolution(Move.DISCARD, A.FAILED, failure=BOOM, reason=NOT_RETRIED_REASON),
    ),
    (
        "a fresh round has all attempts",
        claim(6, round_start=5),
        Failed(BOOM),
        Resolution(Move.RETRY, A.FAILED, 5 * SECOND, failure=BOOM),
    ),
    (
        "the end of a later round",
        claim(8, round_start=5),
        Failed(BOOM),
        Resolution(Move.DISCARD, A.FAILED, failure=BOOM, reason=EXHAUSTED_REASON),
    ),
    (
        "one run only",
        claim(max_attempts=1),
        Failed(BOOM),
        Resolution(Move.DISCARD, A.FAILED, failure=BOOM, reason=EXHAUSTED_REASON),
    ),
    ("snoozed", claim(3), Snoozed(SECOND), Resolution(Move.SNOOZE, A.SNOOZED, SECOND)),
    ("released", claim(3), Released(), Resolution(Move.RELEASE, A.RELEASED)),
    (
        "reserved, given back",
        claim(started=False),
        Released(),
        Resolution(Move.RELEASE, A.RELEASED),
    ),
    (
        "unknown task",
        claim(started=False),
        UnknownTask(),
        Resolution(Move.RELEASE, A.RELEASED, SECOND, Reason.UNKNOWN_TASK),
    ),
    (
        "unknown task again",
        claim(9, started=False, unknown=3),
        UnknownTask(),
        Resolution(Move.RELEASE, A.RELEASED, 8 * SECOND, Reason.UNKNOWN_TASK),
    ),
    (
        "given up",
        claim(),
        Discarded("no such user"),
        Resolution(Move.DISCARD, A.DISCARDED, reason="no such user"),
    ),
    (
        "cancelled",
        claim(),
        Cancelled("not wanted"),
        Resolution(Move.CANCEL, A.CANCELLED, reason="not wanted"),
    ),
    ("lost unstarted", claim(3, started=False), Lost(), Resolution(Move.RELEASE, A.RELEASED)),
]


@pytest.mark.parametrize(
    ("claimed", "outcome", "resolution"),
    [pytest.param(*row, id=name) for name, *row in TABLE],
)
def test_an_outcome_has_one_resolution(
    claimed: Claim, outcome: Outcome, resolution: Resolution
) -> None:
    assert resolve(claimed, outcome) == resolution


def test_a_lost_attempt_is_spent() -> None:
    resolution = resolve(claim(1), Lost())
    assert (resolution.move, resolution.outcome) == (Move.RETRY, A.LOST)
    assert resolution.delay == 5 * SECOND
    assert resolution.failure is not None
    assert resolution.failure.error_class == "WorkerLost"


def test_a_job_that_loses_its_workers_runs_out_of_attempts() -> None:
    resolution = resolve(claim(3), Lost())
    assert (resolution.move, resolution.outcome) == (Move.DISCARD, A.LOST)
    assert resolution.reason == LOST_REASON
    assert resolution.failure is not None


@pytest.mark.parametrize(("draw", "wait"), [(0.0, ZERO), (0.5, 5 * SECOND), (1.0, 10 * SECOND)])
def test_the_draw_is_the_random_part_of_the_wait(draw: float, wait: timedelta) -> None:
    assert resolve(claim(2), Failed(BOOM), draw).delay == wait
    assert resolve(claim(2), Lost(), draw).delay == wait
    assert resolve(claim(2), Failed(BOOM, delay=SECOND), draw).delay == SECOND


def test_the_wait_for_a_worker_that_knows_the_task_doubles_up_to_a_cap() -> None:
    waits = [unknown_task_wait(seen) for seen in range(12)]
    assert waits[:9] == [SECOND * 2**seen for seen in range(9)]
    assert waits[9:] == [UNKNOWN_TASK_CAP] * 3
    assert unknown_task_wait(10**6) == UNKNOWN_TASK_CAP
    assert waits == sorted(waits)
