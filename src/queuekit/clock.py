"""Time in queuekit: aware UTC instants outside, whole microseconds since 1970 inside.

Decisions about leases and due jobs belong to the store's clock. The core only measures how long
things take, and is handed the time to do so.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MAX_INSTANT: Final = datetime(2255, 1, 1, tzinfo=UTC)
"""Upper bound of all instants: below 2**53 microseconds, so that a double (Redis scores, Lua) holds
each one exactly."""

MAX_MICROS: Final = (MAX_INSTANT - EPOCH) // timedelta(microseconds=1)

_MICROSECOND: Final = timedelta(microseconds=1)


def system_micros() -> int:
    """The host's wall clock in microseconds since 1970: the clock of stores that live on this host,
    and of ids.
    """
    return time.time_ns() // 1000


def to_micros(instant: datetime) -> int:
    """Whole microseconds since 1970 of an aware instant.

    Raises:
        ValueError: the instant is naive, or outside 1970 to 2255; the message says which and what
        to do.
    """
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise ValueError(
            f"{instant.isoformat()} has no time zone;"
            " give an aware datetime, such as datetime.now(UTC)"
        )
    micros = (instant - EPOCH) // _MICROSECOND
    if not 0 <= micros <= MAX_MICROS:
        raise ValueError(f"{instant.isoformat()} is outside the years 1970 to 2254")
    return micros


def from_micros(micros: int) -> datetime:
    """The aware UTC instant of so many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=micros)


def duration_micros(duration: timedelta) -> int:
    """Whole microseconds of a duration."""
    return duration // _MICROSECOND


def duration_of(seconds: timedelta | float) -> timedelta:
    """Seconds, or a duration, as a duration.

    Raises:
        ValueError: it is none, not finite, negative, or longer than a `timedelta` holds.
    """
    if isinstance(seconds, timedelta):
        duration = seconds
    elif isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ValueError(f"{type(seconds).__name__} is no time; give seconds or a timedelta")
    else:
        try:
            duration = timedelta(seconds=seconds)
        except (OverflowError, ValueError):  # a huge one, infinity, no number
            raise ValueError(f"{seconds} s is no time that a job can wait") from None
    if duration < timedelta(0):
        raise ValueError("is negative; a delay starts now")
    return duration


def after(now_micros: int, delay: timedelta) -> int:
    """The instant `delay` after now, in microseconds, held inside what every store can keep."""
    return max(0, min(now_micros + duration_micros(delay), MAX_MICROS))
