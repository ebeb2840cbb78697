"""Durations in words: what is written is what is read, and nothing is guessed."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuekit.words import parse_duration, show_duration

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30s", 30 * SECOND),
        ("500ms", SECOND / 2),
        ("1h30m", 5400 * SECOND),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        ("1w2d", timedelta(days=9)),
        ("30", 30 * SECOND),
        ("0", timedelta(0)),
        ("0.25", SECOND / 4),
        ("1.5h", 5400 * SECOND),
        (" 1h 30m ", 5400 * SECOND),
        ("1d2h3m4s5ms", timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=5)),
    ],
)
def test_a_number_with_units_is_a_duration(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    [*("", " ", "s", "1x", "h1", "-5s", "+5s", "1e3", "1,5s", "inf", "nan", "1:30"), "٣s", "5s!"],
)
def test_what_is_no_duration_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration; write 30s, 500ms, 1h30m or 7d"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["30m1h", "1s1s", "5ms1s"])
def test_units_out_of_order_or_twice_are_refused(text: str) -> None:
    """Somebody mistyped something, and what was meant is not ours to guess."""
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["999999999999d", "9" * 400 + "s"])
def test_more_than_a_date_can_hold_is_refused_not_an_overflow(text: str) -> None:
    with pytest.raises(ValueError, match="longer than any date allows"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (30 * SECOND, "30s"),
        (SECOND / 2, "500ms"),
        (1.5 * SECOND, "1.5s"),
        (5400 * SECOND, "1h30m"),
        (timedelta(days=7), "7d"),
        (timedelta(microseconds=1), "0.000001s"),
        (-90 * SECOND, "-1m30s"),
    ],
)
def test_a_duration_is_shown_as_a_person_would_write_it(duration: timedelta, text: str) -> None:
    assert show_duration(duration) == text


@given(st.timedeltas(timedelta(0), timedelta.max))
def test_what_is_shown_reads_as_the_same_duration(duration: timedelta) -> None:
    assert parse_duration(show_duration(duration)) == duration


@given(st.text(alphabet="0123456789.wdhms -+", max_size=12) | st.text(max_size=12))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parse_duration(text) >= timedelta(0)
