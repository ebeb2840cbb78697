"""Arguments come back equal, or are refused with the place named; results can always be stored."""

from __future__ import annotations

import json
import math
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuekit.errors import PayloadError
from queuekit.payload import (
    CUT_MARK,
    MAX_PAYLOAD,
    UNSTORABLE,
    decode_arguments,
    encode_arguments,
    encode_result,
    storable_text,
)

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    LEAVES | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def same(one: Any, other: Any) -> bool:
    """Equal, of the same types, with keys in the same order and the sign of zero kept."""
    return repr(one) == repr(other)


@given(st.lists(VALUES, max_size=3), st.dictionaries(TEXT, VALUES, max_size=3))
def test_what_is_accepted_comes_back_equal(args: list[Any], kwargs: dict[str, Any]) -> None:
    back = decode_arguments(encode_arguments(args, kwargs))
    assert same(back, (args, kwargs))


@pytest.mark.parametrize(
    "value",
    [2**53 + 1, 3889108265204450030, 2**63, 2**64, -(2**63) - 1, 10**4000, 1e308, -0.0, [], {}],
    ids=lambda value: repr(value)[:20],
)
def test_numbers_and_empty_containers_are_exact(value: Any) -> None:
    assert same(decode_arguments(encode_arguments([value], {}))[0], [value])


class Size(IntEnum):
    """An int that would come back as a plain one."""

    SMALL = 1


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (math.nan, "args[0]"),
        ([1, math.inf], "args[0][1]"),
        ({"a": {"b": [object()]}}, "args[0].a.b[0]"),
        ({1: 2}, "args[0]"),
        ((1, 2), "args[0]"),
        ({1, 2}, "args[0]"),
        (b"x", "args[0]"),
        (Size.SMALL, "args[0]"),
        ("a\x00b", "args[0]"),
        ({"k\x00": 1}, "args[0] key 'k\\x00'"),
        ("\ud800", "args[0]"),
        pytest.param(10**5000, "args[0]", id="huge"),
        pytest.param("x" * MAX_PAYLOAD, "arguments", id="long"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_place(value: Any, path: str) -> None:
    with pytest.raises(PayloadError) as refused:
        encode_arguments([value], {})
    assert refused.value.path == path


def test_values_nested_too_deep_are_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(PayloadError) as refused:
        encode_arguments([deep], {})
    assert refused.value.path == "arguments"


def test_a_value_that_holds_itself_is_refused() -> None:
    ring: list[Any] = []
    ring.append(ring)
    with pytest.raises(PayloadError):
        encode_arguments([ring], {})


def test_a_result_that_json_cannot_hold_is_kept_as_its_repr() -> None:
    class Sulking:
        def __repr__(self) -> str:
            raise SystemExit

    ring: list[Any] = []
    ring.append(ring)
    for value in (b"x", math.nan, ring, Sulking(), "x" * (MAX_PAYLOAD + 1), "\x00"):
        text = encode_result(value)
        assert text is not None
        assert len(text) < 2_000
        assert list(json.loads(text)) == [UNSTORABLE]


def test_no_result_is_no_text() -> None:
    assert encode_result(None) is None


@given(st.text())
def test_any_text_can_be_stored(text: str) -> None:
    kept = storable_text(text)
    assert "\x00" not in kept
    kept.encode()


def test_a_long_text_is_cut_with_a_mark() -> None:
    kept = storable_text("ü" * 10_000_000, 1_000)
    assert len(kept) == 1_000
    assert kept.endswith(CUT_MARK)
