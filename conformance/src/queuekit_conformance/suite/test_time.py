"""Time: one clock, the store's. Aware instants in, UTC out, whole microseconds, 1970 to 2255."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queuekit.clock import EPOCH, MAX_INSTANT
from queuekit.errors import InvalidJob
from queuekit.job import JobState
from queuekit.storage import JobFilter
from queuekit_conformance.steps import (
    HOUR,
    LEASE,
    MINUTE,
    PAST,
    SECOND,
    TravellingStore,
    claim_one,
    complete,
    extend,
    new_job,
    read,
    send_one,
    settle,
    state,
)

MICROSECOND = timedelta(microseconds=1)
FIRST = (EPOCH + 24 * HOUR).replace(tzinfo=None)
LAST = (MAX_INSTANT - 24 * HOUR).replace(tzinfo=None)
"""Naive, because hypothesis wants them so: the zone is drawn apart, and is less than a day."""


def test_the_clock_travels(store: TravellingStore) -> None:
    """A store that was opened for testing has a clock that moves forward when it is told to."""
    before = store.info().now
    store.travel(HOUR)
    assert HOUR <= store.info().now - before < HOUR + MINUTE


def test_now_is_utc(store: TravellingStore) -> None:
    """The store's now is an aware instant in UTC, and does not go back."""
    nows = [store.info().now for _ in range(5)]
    assert nows == sorted(nows)
    assert {now.utcoffset() for now in nows} == {timedelta(0)}


def test_every_instant_comes_out_in_utc(store: TravellingStore) -> None:
    """What the store tells of times is aware and in UTC."""
    job_id = send_one(store, expires=HOUR)
    one = claim_one(store)
    extend(store, one)
    (worker,) = store.workers()
    running = read(store, job_id)
    settle(store, one, complete())
    (line,) = store.history(job_id)
    told = [
        (one, "enqueued_at run_at"),
        (running, "enqueued_at run_at lease_until started_at expires_at"),
        (read(store, job_id), "finished_at"),
        (worker, "started_at beat_at"),
        (line, "started_at ended_at"),
    ]
    for value, names in told:
        for name in names.split():
            assert getattr(value, name).utcoffset() == timedelta(0), name


def test_delays_are_counted_from_the_stores_now(store: TravellingStore) -> None:
    """The store adds its own now, the same for all times of one job."""
    before = store.info().now
    job = read(store, send_one(store, due=HOUR, expires=2 * HOUR))
    assert before <= job.enqueued_at <= store.info().now
    assert job.run_at == job.enqueued_at + HOUR
    assert job.expires_at == job.enqueued_at + 2 * HOUR


def test_a_store_that_has_travelled_stamps_its_own_time(store: TravellingStore) -> None:
    """One clock decides and stamps: no other clock shows through."""
    store.travel(24 * HOUR)
    before = store.info().now
    job_id = send_one(store)
    one = claim_one(store)
    started = read(store, job_id)
    settle(store, one, complete())
    finished = read(store, job_id).finished_at
    (line,) = store.history(job_id)
    stamps = [started.enqueued_at, started.started_at, finished, line.started_at, line.ended_at]
    for stamp in stamps:
        assert stamp is not None
        assert before <= stamp <= store.info().now
    assert started.lease_until is not None
    assert before + LEASE <= started.lease_until <= store.info().now + LEASE


@pytest.mark.parametrize(
    "instant",
    [
        EPOCH,
        EPOCH + MICROSECOND,
        datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2038, 1, 19, 3, 14, 8, 1, tzinfo=UTC),
        datetime(2106, 2, 7, 6, 28, 16, tzinfo=UTC),
        MAX_INSTANT - MICROSECOND,
    ],
    ids=str,
)
def test_instants_are_kept_to_the_microsecond(store: TravellingStore, instant: datetime) -> None:
    """An instant comes back exactly, from the first to the last that can be kept."""
    job = read(store, send_one(store, due=instant, expires=instant))
    assert (job.run_at, job.expires_at) == (instant, instant)


@settings(
    max_examples=30,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    instant=st.datetimes(FIRST, LAST),
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_instants_of_any_zone_are_kept(
    store: TravellingStore, instant: datetime, minutes: int
) -> None:
    """An aware instant is that instant, whatever zone it was given in."""
    given_ = instant.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    run_at = read(store, send_one(store, due=given_)).run_at
    assert (run_at, run_at.utcoffset()) == (given_, timedelta(0))


@pytest.mark.parametrize("field", ["due", "expires"])
@pytest.mark.parametrize(
    "when",
    [
        PAST.replace(tzinfo=None),
        EPOCH - MICROSECOND,
        MAX_INSTANT + MICROSECOND,
        datetime(9999, 12, 31, tzinfo=UTC),
        -SECOND,
    ],
    ids=["naive", "before 1970", "after 2254", "far", "negative"],
)
def test_an_instant_that_cannot_be_kept_is_refused(
    store: TravellingStore, field: str, when: datetime | timedelta
) -> None:
    """Naive instants, and those outside 1970 to 2255, are refused; nothing is stored."""
    with pytest.raises(InvalidJob) as refused:
        store.enqueue([new_job(**{field: when})])
    assert refused.value.field == field
    assert store.count(JobFilter(), 1).n == 0


def test_a_delay_beyond_all_calendars_is_held_inside(store: TravellingStore) -> None:
    """A delay that ends after the last instant is held there, never an error."""
    job_id = send_one(store, due=timedelta.max)
    assert read(store, job_id).run_at == MAX_INSTANT
    assert state(store, job_id) is JobState.SCHEDULED


def test_a_past_instant_is_due(store: TravellingStore) -> None:
    """An instant in the past is kept as it is, and due."""
    job_id = send_one(store, due=PAST)
    assert (read(store, job_id).run_at, state(store, job_id)) == (PAST, JobState.AVAILABLE)
