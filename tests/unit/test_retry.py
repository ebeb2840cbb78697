"""The next wait: never an error, never negative, never above the cap."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuekit.retry import Backoff, BackoffKind

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
ZERO = timedelta(0)

FAR_ATTEMPTS = (1, 2, 16, 17, 46, 47, 1_100, 100_000)
"""From the field: where doublings met a cap, a date type and a float, and jobs were gone."""

WAITS = st.timedeltas(ZERO, timedelta.max)
DRAWS = st.floats(0, 1)


def lists(waits: st.SearchStrategy[timedelta]) -> st.SearchStrategy[Backoff]:
    """Backoffs of the kind that is a list."""
    tuples = st.lists(waits, min_size=1, max_size=5).map(tuple)
    return st.builds(Backoff, st.just(BackoffKind.LIST), jitter=st.booleans(), waits=tuples)


FORMULAS = st.builds(
    Backoff,
    st.sampled_from([kind for kind in BackoffKind if kind is not BackoffKind.LIST]),
    WAITS,
    WAITS,
    st.booleans(),
)
BACKOFFS = FORMULAS | lists(WAITS)


@pytest.mark.parametrize("attempt", FAR_ATTEMPTS)
@pytest.mark.parametrize("draw", [0.0, 0.5, 1.0])
def test_a_far_attempt_waits_within_the_cap(attempt: int, draw: float) -> None:
    backoff = Backoff(base=timedelta(seconds=5), cap=HOUR)
    exact = min(5 * 2 ** min(attempt - 1, 30), 3600)
    assert backoff.wait(attempt, draw) == timedelta(seconds=exact * draw)


@given(FORMULAS, st.sampled_from(FAR_ATTEMPTS) | st.integers(1, 10**9), DRAWS)
def test_no_formula_leaves_nought_to_cap(backoff: Backoff, attempt: int, draw: float) -> None:
    assert ZERO <= backoff.wait(attempt, draw) <= backoff.cap


@given(lists(WAITS), st.sampled_from(FAR_ATTEMPTS), DRAWS)
def test_no_list_leaves_its_own_waits(backoff: Backoff, attempt: int, draw: float) -> None:
    assert ZERO <= backoff.wait(attempt, draw) <= max(backoff.waits)


@given(FORMULAS.map(lambda b: Backoff(b.kind, b.base, b.cap, jitter=False)))
def test_waits_never_shrink(backoff: Backoff) -> None:
    waits = [backoff.wait(attempt) for attempt in range(1, 60)]
    assert waits == sorted(waits)


@pytest.mark.parametrize(
    ("backoff", "seconds"),
    [
        (Backoff(BackoffKind.FIXED, 7 * SECOND, HOUR, jitter=False), [7, 7, 7, 7]),
        (Backoff(BackoffKind.FIXED, 2 * HOUR, HOUR, jitter=False), [3600] * 4),
        (Backoff(BackoffKind.LINEAR, 7 * SECOND, 20 * SECOND, jitter=False), [7, 14, 20, 20]),
        (Backoff(BackoffKind.EXPONENTIAL, 5 * SECOND, HOUR, jitter=False), [5, 10, 20, 40]),
        (Backoff(BackoffKind.EXPONENTIAL, 5 * SECOND, 12 * SECOND, jitter=False), [5, 10, 12, 12]),
        (Backoff(BackoffKind.EXPONENTIAL, ZERO, HOUR, jitter=False), [0, 0, 0, 0]),
        (Backoff(BackoffKind.LINEAR, ZERO, HOUR, jitter=False), [0, 0, 0, 0]),
        (Backoff(BackoffKind.EXPONENTIAL, HOUR, ZERO, jitter=False), [0, 0, 0, 0]),
        (Backoff(BackoffKind.LINEAR, HOUR, ZERO, jitter=False), [0, 0, 0, 0]),
        (Backoff(BackoffKind.LIST, jitter=False, waits=(SECOND, 9 * SECOND)), [1, 9, 9, 9]),
    ],
    ids=lambda value: value.dump() if isinstance(value, Backoff) else "",
)
def test_each_kind_has_its_shape(backoff: Backoff, seconds: list[int]) -> None:
    assert [backoff.wait(n) for n in (1, 2, 3, 4)] == [n * SECOND for n in seconds]


def test_jitter_draws_from_nought_to_the_whole_wait() -> None:
    backoff = Backoff(BackoffKind.FIXED, 8 * SECOND, HOUR)
    assert [backoff.wait(1, draw) for draw in (0, 0.25, 1)] == [ZERO, 2 * SECOND, 8 * SECOND]
    assert Backoff(BackoffKind.FIXED, 8 * SECOND, HOUR, jitter=False).wait(1, 0.25) == 8 * SECOND


@given(BACKOFFS)
def test_a_dumped_backoff_is_loaded_as_it_was(backoff: Backoff) -> None:
    assert Backoff.load(backoff.dump()) == backoff
    assert "\n" not in backoff.dump()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"base": -SECOND}, "backoff: is negative"),
        ({"cap": -SECOND}, "backoff: is negative"),
        ({"kind": BackoffKind.LIST}, "exactly when the kind is 'list'"),
        ({"waits": (SECOND,)}, "exactly when the kind is 'list'"),
        ({"kind": BackoffKind.LIST, "waits": (SECOND, -SECOND)}, "backoff: is negative"),
    ],
)
def test_a_backoff_that_cannot_be_is_refused(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Backoff(**fields)  # type: ignore[arg-type]
