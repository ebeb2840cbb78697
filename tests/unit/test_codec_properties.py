"""Whatever the codec accepts comes back equal and of the same type, however it is nested."""

from __future__ import annotations

import dataclasses
import json
import math
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuekit.errors import LoadFailed, PayloadError
from queuekit.naming import ImportedNames
from queuekit.payload import Codec

T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    BLUE = ("b", 2)
    AZURE = BLUE


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Tone(StrEnum):
    LOUD = "loud"


class Right(Flag):
    READ = 1
    WRITE = 2
    RUN = 4


class Mode(IntFlag):
    A = 1
    B = 8


@dataclass
class Line:
    item: Any
    price: Any = 0
    notes: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    x: Any
    y: Any
    __secret: int = 3


@dataclass(order=True)
class Box(Generic[T]):
    content: T
    made: int = field(init=False, default=7)


class Outer:
    @dataclass(eq=False)
    class Inner(Line):
        more: Any = None


class Money:
    """A class that only its registration makes storable."""

    def __init__(self, amount: Any, currency: str) -> None:
        self.amount, self.currency = amount, currency

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and same(vars(self), vars(other))

    def __hash__(self) -> int:
        return hash(self.currency)


def new_codec() -> Codec:
    codec = Codec(ImportedNames())
    codec.register(
        Money,
        name="shop.money",
        dump=lambda money: [money.amount, money.currency],
        load=lambda parts: Money(parts.pop(0), parts.pop(0)),
    )
    return codec


CODEC = new_codec()


def same(one: Any, other: Any) -> bool:
    """Equal and of one type at every depth: sign of zero, order of keys, fold and zone as well."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Flag):  # no one object for unnamed bits before Python 3.11.4
        return bool(one == other)
    if isinstance(one, Enum):
        return one is other
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(map(same, one.values(), other.values()))
    if isinstance(one, set | frozenset):
        return len(one) == len(other) and all(any(same(a, b) for b in other) for a in one)
    if isinstance(one, Money):
        return same(vars(one), vars(other))
    if dataclasses.is_dataclass(one):
        return all(
            same(getattr(one, part.name), getattr(other, part.name))
            for part in dataclasses.fields(one)
        )
    if isinstance(one, int):
        return bool(one == other)
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    if isinstance(one, datetime | time):
        zones = one.tzinfo, other.tzinfo
        return (
            repr(one) == repr(other)  # with fold, and the name of a fixed offset
            and (zones[0] is zones[1] or not isinstance(zones[0], ZoneInfo))
        )
    return bool(one == other) and repr(one) == repr(other)


KEYS = ["Europe/Berlin", "UTC", "America/St_Johns", "Australia/Lord_Howe", "Africa/Monrovia"]
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
OFFSETS = st.integers(-86_399, 86_399).map(lambda seconds: timedelta(seconds=seconds))
NAMES = TEXT.filter(lambda name: "]" not in name)
ZONES = (
    st.none()
    | st.builds(timezone, OFFSETS)
    | st.builds(timezone, OFFSETS, NAMES)
    | st.sampled_from(KEYS).map(ZoneInfo)
)
FOLDS = st.integers(0, 1)
MOMENTS = st.builds(lambda at, fold: at.replace(fold=fold), st.datetimes(timezones=ZONES), FOLDS)
TIMES = st.builds(lambda at, fold: at.replace(fold=fold), st.times(timezones=ZONES), FOLDS)
HASHABLE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-9, 9).map(lambda n: n * 10**4299)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.sampled_from(["$", "$dict", "$set", "$encrypted", "\\u0000", '"$'])
    | MOMENTS
    | st.dates()
    | TIMES
    | st.timedeltas()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.uuids()
    | st.binary()
    | st.sampled_from([*Colour, *Size, *Tone, Colour.AZURE])
    | st.integers(0, 7).map(Right)
    | st.integers(0, 20).map(Mode)
)
KEY = TEXT | st.sampled_from(["$dict", "$date", "$unstorable", "$encrypted", "$", "args", "$x"])
ELEMENTS = st.recursive(
    HASHABLE,
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEY, inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.sets(ELEMENTS, max_size=3)
        | st.builds(Line, inner, inner, st.lists(inner, max_size=2))
        | st.builds(lambda x, y: Point(x=x, y=y), inner, inner)
        | st.builds(lambda content: Box[Any](content), inner)
        | st.builds(Outer.Inner, inner, more=inner)
        | st.builds(Money, inner, TEXT)
    )


VALUES = st.recursive(HASHABLE | ELEMENTS, containers, max_leaves=12)


@given(st.lists(VALUES, max_size=3), st.dictionaries(KEY, VALUES, max_size=3))
def test_arguments_come_back_equal(args: list[Any], kwargs: dict[str, Any]) -> None:
    text = CODEC.dump_arguments(args, kwargs)
    assert same(CODEC.load_arguments(text), (args, kwargs))
    assert list(json.loads(text)) == ["args", "kwargs"]


@given(VALUES)
def test_results_and_single_values_come_back_equal(value: Any) -> None:
    assert same(CODEC.load_result(CODEC.dump_result(value)), value)
    assert same(CODEC.loads(CODEC.dumps(value, "value")), value)


@given(VALUES)
def test_what_was_read_is_written_as_the_same_text(value: Any) -> None:
    text = CODEC.dumps(value, "value")
    assert CODEC.dumps(CODEC.loads(text), "value") == text


TAGS = [
    *("$datetime", "$date", "$time", "$timedelta", "$decimal", "$uuid", "$bytes", "$int", "$tuple"),
    *("$set", "$frozenset", "$dict", "$enum", "$flag", "$dataclass", "$encrypted", "$unstorable"),
    *("$shop.money", "$other"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(), inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(TAGS),
            inner | st.tuples(st.sampled_from(["json:JSONDecoder", "os:path", "x:Y"]), inner),
            min_size=1,
            max_size=1,
        )
    ),
    max_leaves=10,
)


@given(JSON)
def test_whatever_json_stands_in_a_payload_is_read_or_refused(form: Any) -> None:
    with suppress(PayloadError, LoadFailed):
        CODEC.load_arguments(json.dumps({"args": [form], "kwargs": {"x": form}}))


@given(st.text() | JSON.map(json.dumps))
def test_whatever_text_a_payload_is_it_is_read_or_refused(text: str) -> None:
    with suppress(PayloadError, LoadFailed):
        CODEC.load_arguments(text)


class Hostile:
    """Raises, or lies, at whatever is asked of it."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise ZeroDivisionError

    def __getattribute__(self, name: str) -> Any:
        raise ZeroDivisionError

    def __repr__(self) -> str:
        raise ZeroDivisionError

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    def __hash__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        raise ZeroDivisionError

    def __len__(self) -> int:
        raise ZeroDivisionError


REFUSED: list[Any] = [
    Hostile(),
    object(),
    bytearray(b"x"),
    1j,
    math.nan,
    Decimal("NaN"),
    Decimal("Infinity"),
    "\x00",
    "\udc80",
    len,
    type,
    {1: 2},
    {"a\x00": 1},
]


@given(st.data())
def test_one_value_without_a_form_refuses_the_whole(data: st.DataObject) -> None:
    bad = REFUSED[data.draw(st.integers(0, len(REFUSED) - 1))]
    value = bad
    for layer in data.draw(st.lists(st.sampled_from(["list", "dict", "tuple", "line", "money"]))):
        match layer:
            case "list":
                value = [1, value]
            case "dict":
                value = {"a": 1, "b": value}
            case "tuple":
                value = (value, 2)
            case "line":
                value = Line(value)
            case _:
                value = Money(value, "EUR")
    with pytest.raises(PayloadError) as refused:
        CODEC.dump_arguments([value], {})
    assert refused.value.path.startswith("args[0]")
    assert CODEC.dump_result(value) is not None


def test_the_ids_of_uuid_keep_their_version() -> None:
    value = UUID("0190b1c2-7d33-7000-8000-000000000001")
    assert CODEC.loads(CODEC.dumps([value, date.max], "value")) == [value, date.max]
