"""Instants are whole microseconds in UTC, from 1970 to 2255; nothing else passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuekit.clock import (
    EPOCH,
    MAX_INSTANT,
    MAX_MICROS,
    after,
    duration_micros,
    from_micros,
    system_micros,
    to_micros,
)

MICROSECOND = timedelta(microseconds=1)
MICROS = st.integers(0, MAX_MICROS)


@given(MICROS)
def test_every_microsecond_survives_the_round_trip(micros: int) -> None:
    instant = from_micros(micros)
    assert instant.utcoffset() == timedelta(0)
    assert to_micros(instant) == micros


@given(MICROS, st.integers(-14 * 60, 14 * 60))
def test_a_zone_does_not_change_the_instant(micros: int, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    assert to_micros((EPOCH + micros * MICROSECOND).astimezone(zone)) == micros


def test_the_last_instant_fits_a_double_exactly() -> None:
    assert MAX_MICROS < 2**53
    assert from_micros(MAX_MICROS) == MAX_INSTANT
    assert int(float(MAX_MICROS - 1)) == MAX_MICROS - 1


@pytest.mark.parametrize("instant", [EPOCH, MAX_INSTANT])
def test_the_bounds_themselves_are_kept(instant: datetime) -> None:
    assert from_micros(to_micros(instant)) == instant


@pytest.mark.parametrize(
    "instant",
    [
        EPOCH - MICROSECOND,
        MAX_INSTANT + MICROSECOND,
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ],
)
def test_an_instant_outside_is_refused_by_name(instant: datetime) -> None:
    with pytest.raises(ValueError, match="outside the years 1970 to 2254"):
        to_micros(instant)


class NoZone(tzinfo):
    """A zone that knows no offset: aware by its looks alone."""

    def utcoffset(self, _: datetime | None) -> None:
        return None

    def dst(self, _: datetime | None) -> None:
        return None

    def tzname(self, _: datetime | None) -> str:
        return "nowhere"


@pytest.mark.parametrize("zone", [None, NoZone()])
def test_a_naive_instant_is_refused_with_what_to_do(zone: tzinfo | None) -> None:
    with pytest.raises(ValueError, match=r"no time zone; give an aware datetime"):
        to_micros(EPOCH.replace(tzinfo=zone))


@given(st.integers(-(10**15), 10**15))
def test_a_duration_is_whole_microseconds(micros: int) -> None:
    assert duration_micros(timedelta(microseconds=micros)) == micros


@given(MICROS, st.timedeltas())
def test_now_plus_any_delay_can_be_kept(now: int, delay: timedelta) -> None:
    moment = after(now, delay)
    assert 0 <= moment <= MAX_MICROS
    exact = now + delay // MICROSECOND
    assert moment == exact or not 0 <= exact <= MAX_MICROS


def test_the_hosts_clock_reads_an_instant_that_stores_can_keep() -> None:
    assert 0 < system_micros() < MAX_MICROS
