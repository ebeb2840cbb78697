"""States are derived, ids are version 7, fingerprints tell content from content."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuekit.clock import EPOCH
from queuekit.job import (
    FINAL_STATES,
    Claim,
    Fire,
    JobState,
    LimitKey,
    LimitKind,
    NewJob,
    OnConflict,
    Parent,
    ParentPolicy,
    Phase,
    Reason,
    Token,
    UniqueKey,
    UniqueUntil,
    state_of,
    uuid7,
)
from queuekit.retry import Backoff, BackoffKind

NOW = EPOCH + timedelta(days=20_000)
MICROSECOND = timedelta(microseconds=1)
ID = UUID(int=1)
OTHER = UUID(int=2)

# ---------------------------------------------------------------- state_of


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("late", [-MICROSECOND, timedelta(0), MICROSECOND])
def test_a_waiting_job_is_available_from_its_run_at_on(reason: Reason, late: timedelta) -> None:
    derived = state_of(Phase.WAITING, reason, NOW - late, None, NOW)
    if late >= timedelta(0):
        assert derived is JobState.AVAILABLE
    else:
        assert derived is (JobState.RETRYABLE if reason is Reason.RETRY else JobState.SCHEDULED)


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize(
    ("phase", "derived"), [(Phase.BLOCKED, JobState.PENDING), (Phase.RUNNING, JobState.RUNNING)]
)
def test_blocked_and_running_jobs_do_not_look_at_the_clock(
    reason: Reason, phase: Phase, derived: JobState
) -> None:
    for run_at in (NOW - MICROSECOND, NOW + MICROSECOND):
        assert state_of(phase, reason, run_at, None, NOW) is derived


@pytest.mark.parametrize("final", sorted(FINAL_STATES))
def test_a_final_job_is_what_it_ended_as(final: JobState) -> None:
    assert state_of(Phase.FINAL, Reason.RETRY, NOW, final, NOW) is final
    assert final.is_final


def test_no_other_state_is_final() -> None:
    assert {state for state in JobState if state.is_final} == FINAL_STATES
    assert len(FINAL_STATES) == 3


def test_attempts_are_counted_from_the_last_rerun() -> None:
    claim = Claim(
        Token(ID, 9, b""), "t", "q", "", 0, 7, True, 3, Backoff(), NOW, NOW, round_start=5
    )
    assert claim.attempt_in_round == 2


# ---------------------------------------------------------------- uuid7


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=16))
def test_an_id_holds_its_time_and_its_entropy(unix_ms: int, entropy: bytes) -> None:
    made = uuid7(unix_ms, entropy)
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == unix_ms
    free = (0xFFF << 64) | (2**62 - 1)
    assert made.int & free == int.from_bytes(entropy[:10], "big") & free


def test_the_example_of_the_standard() -> None:
    """RFC 9562, appendix A.6."""
    made = uuid7(0x017F22E279B0, bytes.fromhex("0cc318c4dc0c0c07398f"))
    assert str(made) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


# ---------------------------------------------------------------- fingerprint

SENT = NewJob(ID, "task", "{}")

OTHERS: dict[str, list[Any]] = {
    "task": ["task2", "Task", "task "],
    "payload": ["[]", "{ }", '{"a": 1}'],
    "queue": ["other", "Default"],
    "priority": [1, -1],
    "due": [timedelta(0), timedelta(seconds=1), NOW, NOW + MICROSECOND],
    "expires": [timedelta(0), timedelta(seconds=1), NOW],
    "max_attempts": [1, 6],
    "backoff": [Backoff(BackoffKind.FIXED), Backoff(jitter=False)],
    "unique": [
        UniqueKey("k"),
        UniqueKey("K"),
        UniqueKey("k", UniqueUntil.STARTED),
        UniqueKey("k", UniqueUntil.PERIOD, timedelta(seconds=1)),
        UniqueKey("k", on_conflict=OnConflict.REPLACE),
    ],
    "limits": [
        (LimitKey(LimitKind.CONCURRENCY, "s", "v"),),
        (LimitKey(LimitKind.RATE, "s", "v"),),
        (LimitKey(LimitKind.RATE, "v", "s"),),
    ],
    "parents": [(Parent(OTHER),), (Parent(OTHER, ParentPolicy.FINAL),)],
    "fire": [Fire("s", NOW), Fire("s", NOW + MICROSECOND)],
    "tags": [("a",), ("a", "b"), ("b", "a"), ("ab",)],
    "meta": ["", "{}"],
    "armed": [False],
}


def test_every_field_is_in_the_table() -> None:
    assert {f.name for f in fields(NewJob)} == OTHERS.keys() | {"id"}


def test_different_content_has_different_fingerprints() -> None:
    jobs = [SENT] + [
        replace(SENT, **{name: value}) for name, values in OTHERS.items() for value in values
    ]
    assert len({job.fingerprint() for job in jobs}) == len(jobs)


def test_the_id_is_not_content() -> None:
    assert replace(SENT, id=OTHER).fingerprint() == SENT.fingerprint()


def test_equal_content_has_an_equal_fingerprint() -> None:
    def build() -> NewJob:
        return replace(SENT, **{name: values[-1] for name, values in OTHERS.items()})

    assert build().fingerprint() == build().fingerprint()
    assert len(build().fingerprint()) == 16


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    """A stored fingerprint is compared by later releases: a change of the form is a migration."""
    assert SENT.fingerprint().hex() == "b8552d126646f5c284deb20d89542b0c"
