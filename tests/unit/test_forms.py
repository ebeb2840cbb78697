"""How each standard type is written, what of it is refused, and what is said of a damaged form."""

# ruff: noqa: DTZ001, DTZ901 - naive datetimes are values like any other, and stay naive

from __future__ import annotations

import io
import json
import sys
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import InitVar, dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import EJECT, Enum, Flag, IntFlag
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from queuekit.errors import PayloadError
from queuekit.naming import ImportedNames
from queuekit.payload import Codec

HERE = __name__
BERLIN = ZoneInfo("Europe/Berlin")
CODEC = Codec(ImportedNames())
T = TypeVar("T")

EMPTY_ZONE = b"TZif" + bytes(5 + 11) + b"".join(n.to_bytes(4, "big") for n in (0, 0, 0, 0, 1, 4))
EMPTY_ZONE += bytes(6) + b"UTC\x00"
"""A zone file that says UTC always (RFC 9636)."""


def dumped(value: Any) -> Any:
    return json.loads(CODEC.dumps(value, "value"))


def back(value: Any) -> Any:
    return CODEC.loads(CODEC.dumps(value, "value"))


def why_not(value: Any) -> str:
    with pytest.raises(PayloadError) as refused:
        CODEC.dumps(value, "value")
    return str(refused.value)


def why_unreadable(form: Any) -> str:
    with pytest.raises(PayloadError) as refused:
        CODEC.loads(json.dumps(form))
    assert refused.value.__cause__ is None
    return str(refused.value)


# ---------------------------------------------------------------- what is written


class Colour(Enum):
    RED = 1


class Right(Flag):
    READ = 1
    WRITE = 2


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: Any = None


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (datetime(2026, 11, 25, 10), {"$datetime": "2026-11-25T10:00:00"}),
        (datetime(2026, 11, 25, 10, tzinfo=UTC), {"$datetime": "2026-11-25T10:00:00+00:00"}),
        (
            datetime(2026, 11, 25, 10, tzinfo=BERLIN),
            {"$datetime": "2026-11-25T10:00:00+01:00[Europe/Berlin]"},
        ),
        (
            datetime(2026, 11, 25, 10, tzinfo=timezone(timedelta(hours=1), "CET")),
            {"$datetime": "2026-11-25T10:00:00+01:00[_name=CET]"},
        ),
        (datetime(2026, 11, 25, fold=1), {"$datetime": "2026-11-25T00:00:00[_fold=1]"}),
        (date(2026, 11, 25), {"$date": "2026-11-25"}),
        (time(10, 30, tzinfo=BERLIN), {"$time": "10:30:00[Europe/Berlin]"}),
        (timedelta(days=-1, microseconds=5), {"$timedelta": [-1, 0, 5]}),
        (Decimal("-0.00"), {"$decimal": "-0.00"}),
        (UUID(int=5), {"$uuid": "00000000-0000-0000-0000-000000000005"}),
        (b"\x00\xff", {"$bytes": "AP8="}),
        ((1, (2,)), {"$tuple": [1, {"$tuple": [2]}]}),
        ({"b", "a", 10, 9}, {"$set": ["a", "b", 10, 9]}),
        (frozenset({(2,), (1,)}), {"$frozenset": [{"$tuple": [1]}, {"$tuple": [2]}]}),
        (Colour.RED, {"$enum": f"{HERE}:Colour.RED"}),
        (Right.WRITE, {"$enum": f"{HERE}:Right.WRITE"}),
        (Right.READ | Right.WRITE, {"$flag": [f"{HERE}:Right", 3]}),
        (Right(0), {"$flag": [f"{HERE}:Right", 0]}),
        (Point(1, b""), {"$dataclass": [f"{HERE}:Point", {"x": 1, "y": {"$bytes": ""}}]}),
        (-(2**20_000), {"$int": "-0x1" + "0" * 5_000}),
        ({"$date": "x"}, {"$dict": {"$date": "x"}}),
        ({"$dict": {"$dict": 1}}, {"$dict": {"$dict": {"$dict": {"$dict": 1}}}}),
        ({"$date": 1, "b": 2}, {"$date": 1, "b": 2}),
        ({"a": "$date"}, {"a": "$date"}),
    ],
    ids=lambda part: repr(part)[:40] if not isinstance(part, int) else "long",
)
def test_each_type_has_a_form_that_people_can_read(value: Any, form: Any) -> None:
    assert dumped(value) == form
    assert back(value) == value
    assert type(back(value)) is type(value)


@pytest.mark.parametrize("fold", [0, 1])
@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 10, 25, 2, 30),  # comes twice
        datetime(2026, 3, 29, 2, 30),  # comes never
        datetime(2026, 7, 1, 12),  # comes once
        datetime(1890, 1, 1),  # an offset with seconds
        datetime.min,
        datetime.max,
    ],
)
def test_the_fold_of_a_local_time_is_kept(at: datetime, fold: int) -> None:
    value = at.replace(tzinfo=BERLIN, fold=fold)
    read = back(value)
    assert repr(read) == repr(value)
    assert read.tzinfo is BERLIN
    assert read.utcoffset() == value.utcoffset()


def test_in_an_hour_that_comes_twice_the_offset_says_which() -> None:
    assert dumped(datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1)) == {
        "$datetime": "2026-10-25T02:30:00+01:00[Europe/Berlin]"
    }


def test_a_local_time_may_be_written_by_hand_without_its_offset() -> None:
    read = CODEC.loads('{"$datetime": "2026-10-25T12:00:00[Europe/Berlin]"}')
    assert read == datetime(2026, 10, 25, 12, tzinfo=BERLIN)


# ---------------------------------------------------------------- what is refused


class Pacific(tzinfo):
    utcoffset = dst = tzname = None  # type: ignore[assignment]


class Stamp(datetime):
    pass


class Name(str):
    __slots__ = ()


Pair = namedtuple("Pair", "a b")


def yields() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (datetime(2026, 1, 1, tzinfo=Pacific()), "a Pacific, .*use zoneinfo.ZoneInfo or"),
        (datetime(2026, 1, 1, tzinfo=ZoneInfo.no_cache("Europe/Berlin")), r"use ZoneInfo\(key\)"),
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(0), "a]b")), "bracket"),
        (time(1, tzinfo=timezone(timedelta(microseconds=1))), "whole number of seconds"),
        (time(1, tzinfo=timezone(timedelta(microseconds=-1), "x")), "whole number of seconds"),
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(0), "a\x00")), "NUL"),
        (Stamp(2026, 1, 1), "a Stamp has no exact stored form; register it with app.register_type"),
        (Decimal("NaN"), "not finite"),
        (Decimal("sNaN"), "not finite"),
        (Decimal("-Infinity"), "not finite"),
        (Name("x"), r"a Name would come back as a str: pass str\(value\), or register it"),
        (True.__class__, "a type has no exact stored form"),
        (Pair(1, 2), r"pass tuple\(value\)"),
        (OrderedDict(a=1), r"an OrderedDict would come back as a dict: pass dict\(value\)"),
        (defaultdict(int), r"pass dict\(value\)"),
        (bytearray(b"x"), r"a bytearray has no exact stored form: pass bytes\(value\)"),
        (memoryview(b"x"), r"pass bytes\(value\)"),
        (1j, "a complex has no exact stored form; register it with app.register_type, or pass"),
        (yields(), "a generator has no"),
        (len, "a builtin_function_or_method has no"),
        (io.StringIO(), "a StringIO has no"),
        (object(), "an object has no"),
    ],
    ids=lambda part: type(part).__name__ if not isinstance(part, str) else part[:20],
)
def test_what_has_no_form_is_refused_with_advice(value: Any, advice: str) -> None:
    with pytest.raises(PayloadError, match=rf"^value: .*{advice}"):
        CODEC.dumps(value, "value")


def test_a_zone_made_from_a_file_is_refused() -> None:
    for key in (None, "Europe/Berlin", "no/such", "a\x00b", "\ud800"):
        zone = ZoneInfo.from_file(io.BytesIO(EMPTY_ZONE), key=key)
        answer = why_not(time(1, tzinfo=zone))
        assert "use ZoneInfo(key)" in answer or "knows no time zone" in answer


# ---------------------------------------------------------------- enums


Odd = Enum("Odd", {"a.b": 1, "c\x00": 2, "\udc80": 3})


class Loose(IntFlag):
    A = 1


class Ejecting(IntFlag, boundary=EJECT):
    A = 1


def test_an_enum_that_its_name_does_not_lead_back_to_is_refused() -> None:
    class Local(Enum):
        A = 1

    assert "define it at the top of a module" in why_not(Local.A)
    assert "register it" in why_not(Odd["a.b"])
    assert "NUL" in why_not(Odd["c\x00"])
    assert "surrogate" in why_not(Odd["\udc80"])


def test_flags_keep_bits_that_have_no_name() -> None:
    assert back(Loose(9)) == Loose(9)
    assert type(back(Loose(9))) is Loose
    assert dumped(Loose(9)) == {"$flag": [f"{HERE}:Loose", 9]}


# ---------------------------------------------------------------- dataclasses


class Plain:
    pass


class Slotted:
    __slots__ = ("hidden",)


@dataclass
class Base:
    a: int


class Undecorated(Base):
    pass


@dataclass
class Mixed(Plain, Base):
    b: int = 0


@dataclass
class OverSlots(Slotted):
    a: int = 0


@dataclass
class OfDict(dict[str, int]):
    a: int = 0


@dataclass
class OfError(Exception):
    a: int = 0


@dataclass
class Caching:
    a: int

    @cached_property
    def double(self) -> int:
        return self.a * 2


@dataclass
class Watched:
    a: int

    def __getattribute__(self, name: str) -> Any:
        raise ZeroDivisionError

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


@dataclass
class Behind:
    a: Any

    def refuse(self, *_: Any) -> Any:
        raise ZeroDivisionError


Behind.a = property(Behind.refuse, Behind.refuse)


@dataclass
class Rich:
    a: int
    once: InitVar[int]
    shared: ClassVar[list[int]] = []
    made: int = field(init=False, default=3)
    many: list[int] = field(default_factory=list)

    def __post_init__(self, once: int) -> None:
        Rich.shared.append(once)


@dataclass(frozen=True)
class Cell(Generic[T]):
    content: T


def test_a_dataclass_is_restored_without_its_own_code() -> None:
    Rich.shared.clear()
    value = Rich(1, once=5, many=[2])
    assert back(value) == value
    assert Rich.shared == [5]  # __post_init__ ran once: for the original
    assert back(Mixed(1, 2)) == Mixed(1, 2)
    assert back(Cell[int](3)) == Cell(3)
    assert dumped(Watched(4)) == {"$dataclass": [f"{HERE}:Watched", {"a": 4}]}


def test_a_dataclass_that_is_more_than_its_fields_is_refused() -> None:
    extra = Base(1)
    extra.more = 2  # type: ignore[attr-defined]
    assert "holds 'more' besides its fields" in why_not(extra)
    cached = Caching(1)
    assert back(cached) == cached
    assert cached.double == 2
    assert "holds 'double' besides" in why_not(cached)
    filled = OverSlots(1)
    assert back(filled) == filled
    filled.hidden = 5  # type: ignore[attr-defined]
    assert "holds 'hidden' besides" in why_not(filled)
    unset = Base(1)
    del unset.a
    assert "field a is not set" in why_not(unset)
    assert "an Undecorated is no dataclass itself" in why_not(Undecorated(1))
    assert "derives from a built-in class" in why_not(OfDict(1))
    assert "derives from a built-in class" in why_not(OfError(1))
    assert "field a is a descriptor" in why_not(object.__new__(Behind))


def test_a_dataclass_that_no_worker_can_find_is_refused() -> None:
    @dataclass
    class Local:
        a: int

    assert why_not([Local(1)]).startswith("value[0]: no worker can find the class of a test_")


class Hopeful(ImportedNames):
    """Names every class, whether the name leads back to it or not."""

    def name_of(self, cls: type) -> str:
        return f"{HERE}:{cls.__qualname__.rpartition('.')[2]}"


def test_a_name_that_leads_to_another_class_is_refused() -> None:
    theirs = Point(1)

    @dataclass(frozen=True)
    class Point2:
        x: int

    Point2.__qualname__ = "Point"
    codec = Codec(Hopeful())
    assert codec.loads(codec.dumps(theirs, "value")) == theirs
    with pytest.raises(PayloadError, match="no worker can find the class of a Point"):
        codec.dumps(Point2(1), "value")


def test_the_class_itself_is_no_instance_of_it() -> None:
    assert "a type has no exact stored form" in why_not(Point)


# ---------------------------------------------------------------- what changed, or is damaged


def of(cls: str, values: Any) -> Any:
    return {"$dataclass": [f"{HERE}:{cls}", values]}


def test_a_field_that_came_later_takes_its_default() -> None:
    assert CODEC.loads(json.dumps(of("Point", {"x": 1}))) == Point(1)
    read = CODEC.loads(json.dumps(of("Rich", {"a": 1})))
    assert (read.made, read.many) == (3, [])


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        (of("Point", {"y": 1}), "value: the stored Point has no field x: give the field a default"),
        (of("Point", {"x": 1, "z": 1}), "value: Point has no field z: keep it, with a default"),
        (of("Gone", {}), f"value: no class {HERE}:Gone is imported: import its module"),
        ({"$dataclass": ["not_there:C", {}]}, "value: no class not_there:C is imported"),
        ({"$dataclass": ["antigravity:C", {}]}, "value: no class antigravity:C is imported"),
        (of("Plain", {}), "value: a Plain is no dataclass itself"),
        (of("OfError", {}), "value: an OfError derives from a built-in class"),
        (of("Behind", {"a": 1}), "value: a Behind whose field a is a descriptor"),
        ({"$dataclass": ["pathlib:Path", {}]}, "value: a Path is no dataclass itself"),
        ({"$dataclass": ["os:system", {}]}, "value: no class os:system is imported"),
        (of("Point", {"x": {"$uuid": "?"}}), "value.x: holds a $uuid that cannot be read"),
        ({"$enum": f"{HERE}:Colour.GREEN"}, f"value: {HERE}:Colour has no member GREEN: keep it"),
        ({"$enum": f"{HERE}:Point.x"}, f"value: {HERE}:Point is no Enum"),
        ({"$flag": [f"{HERE}:Colour", 1]}, f"value: {HERE}:Colour is no Flag"),
        ({"$flag": [f"{HERE}:Right", 64]}, f"value: {HERE}:Right has no value 64: keep its flags"),
        ({"$flag": [f"{HERE}:Ejecting", 8]}, f"value: {HERE}:Ejecting has no value 8: keep its"),
        ({"$datetime": "2026-11-25T10:00:00+05:00[Europe/Berlin]"}, "value: Europe/Berlin has"),
        ({"$datetime": "2026-11-25T10:00:00[No/Where]"}, "value: this machine knows no time zone"),
        ({"$datetime": "2026-11-25T10:00:00[../../etc/passwd]"}, "value: this machine knows no"),
        ({"a": [{"$tuple": [1, {"$money": 5}]}]}, "value.a[0][1]: the app has no type named money"),
    ],
)
def test_what_the_program_no_longer_has_is_named_with_advice(form: Any, answer: str) -> None:
    assert why_unreadable(form).startswith(answer)
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    "form",
    [
        {"$datetime": 5},
        {"$datetime": "yesterday"},
        {"$datetime": "2026-11-25T10:00:00[_name=CET]"},
        {"$date": ["2026", 11]},
        {"$date": None},
        {"$time": "25:00"},
        {"$timedelta": [1, 2]},
        {"$timedelta": [1, 2, True]},
        {"$timedelta": [10**20, 0, 0]},
        {"$timedelta": "abc"},
        {"$decimal": 1.5},
        {"$decimal": "NaN"},
        {"$decimal": "x"},
        {"$uuid": 5},
        {"$uuid": "x"},
        {"$bytes": "ü"},
        {"$bytes": "A"},
        {"$bytes": "A P 8 ="},
        {"$int": 5},
        {"$int": "0x"},
        {"$int": "5"},
        {"$tuple": 5},
        {"$tuple": {"a": 1}},
        {"$set": "abc"},
        {"$dict": [1]},
        {"$enum": 5},
        {"$enum": [f"{HERE}:Colour", "RED"]},
        {"$flag": f"{HERE}:Right"},
        {"$flag": [f"{HERE}:Right", "3"]},
        {"$flag": [f"{HERE}:Right", True]},
        {"$dataclass": ["m:C", 3]},
        {"$dataclass": [3, {}]},
        {"$dataclass": [f"{HERE}:Point"]},
        {"$encrypted": "x"},
        {"$unstorable": "x"},
    ],
    ids=repr,
)
def test_a_damaged_form_is_refused_without_showing_it(form: Any) -> None:
    (tag,) = form
    answer = f"value[0]: holds a {tag} that cannot be read: it is damaged"
    assert why_unreadable([form]) == answer


def test_a_set_of_what_has_no_hash_is_refused() -> None:
    with pytest.raises(PayloadError, match="the hash of an element raised TypeError"):
        CODEC.loads('{"$set": [[1]]}')
