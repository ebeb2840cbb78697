"""Exact forms for the standard types that JSON lacks: what stands behind each tag.

A form is a plain JSON value; ``{"$date": "2026-11-25"}`` is the tag and the form of a date. Each
function here knows one type and no place: it raises `Refused`, and the codec in
`queuekit.payload` adds where in the arguments that was. Only exact types have a form, since a
subclass would come back as its base.
"""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import MISSING
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag
from types import MemberDescriptorType
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from queuekit.errors import JobError, PayloadError

Moment = TypeVar("Moment", datetime, time)

REGISTER: Final = "register it with app.register_type"


class Names(Protocol):
    """How classes are named in payloads: only by what a worker can find again."""

    def name_of(self, cls: type) -> str | None:
        """The name of a class, ``module:Qual``; None if no worker could find it by one."""
        ...

    def find(self, name: str) -> type | None:
        """The class of that name among the modules that are imported already."""
        ...


class Refused(Exception):
    """Why a value has no exact form, or a form no value; containers add their places to `path`."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        self.path: list[str] = []
        super().__init__(problem)

    def at(self, path: str) -> JobError:
        """What to raise, now that the whole path is known."""
        return PayloadError(path, self.problem)


_QUALNAME: Final = type.__dict__["__qualname__"].__get__


def name_of(kind: type) -> str:
    """The name of a class, whatever its metaclass makes of names."""
    return str(_QUALNAME(kind))


def called(kind: type) -> str:
    """A class as a message names it, such as ``a Money``."""
    name = name_of(kind)
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


def check_text(text: str) -> None:
    """Refuse a text that not every store can keep."""
    if "\x00" in text:
        raise Refused("holds a NUL character, which not every store can keep")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("holds a lone surrogate, which is no Unicode text") from None


def no_form(kind: type) -> str:
    """Why values of this class are refused, and what to pass instead."""
    for plain in (str, int, float, bytes, list, dict, tuple, set, frozenset):
        if issubclass(kind, plain):
            name = plain.__name__
            return f"{called(kind)} would come back as a {name}: pass {name}(value), or {REGISTER}"
    if kind in (bytearray, memoryview):
        return f"{called(kind)} has no exact stored form: pass bytes(value)"
    return f"{called(kind)} has no exact stored form; {REGISTER}, or pass plain values"


# ---------------------------------------------------------------- dates and times

_MOMENT: Final = re.compile(
    r"([^\[]+) (?:\[([^\]=]+)\])? (?:\[_name=([^\]]*)\])? (\[_fold=1\])?", re.VERBOSE
)
"""RFC 9557: ISO 8601, then a zone in brackets. The keys that start with _ are ours: the RFC leaves
them to everyone."""


def _dump_moment(value: datetime | time) -> str:
    zone, suffix = value.tzinfo, ""
    if type(zone) is ZoneInfo:
        suffix = f"[{_key_of(zone)}]"
    elif type(zone) is timezone:
        suffix = _name_of(zone)
    elif zone is not None:
        raise Refused(
            f"its tzinfo is {called(type(zone))}, which has no exact stored form:"
            " use zoneinfo.ZoneInfo or datetime.timezone.utc"
        )
    if value.fold and value.utcoffset() == value.replace(fold=0).utcoffset():
        suffix += "[_fold=1]"  # elsewhere the offset tells
    return value.isoformat() + suffix


def _key_of(zone: Any) -> str:
    """The key of a zone that is the one which its key gives: another one, made from a file or past
    the cache, would neither be identical nor always compare equal.
    """
    key = zone.key  # None if it was made from a file
    if type(key) is not str or "]" in key or "=" in key or _zone(key) is not zone:
        raise Refused("its ZoneInfo is not the one that its key gives: use ZoneInfo(key)")
    return key


def _name_of(zone: timezone) -> str:
    """The suffix of a fixed offset that was given a name, as `astimezone()` does."""
    offset, name = zone.utcoffset(None), zone.tzname(None)
    if offset.microseconds:  # CPython reads +00:00:00.000001 as UTC
        raise Refused("the offset of its time zone is no whole number of seconds: round it")
    if name == timezone(offset).tzname(None):
        return ""
    if "]" in name:
        raise Refused("the name of its time zone holds a bracket: use timezone(offset)")
    return f"[_name={name}]"


def _load_moment(kind: type[Moment], text: str) -> Moment:
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError
    bare, key, name, fold = match.groups()
    value = kind.fromisoformat(bare)
    if key is not None:
        value = _in_zone(value, _zone(key))
    elif name is not None:
        offset = value.utcoffset()
        if offset is None:
            raise ValueError
        value = value.replace(tzinfo=timezone(offset, name))
    return value.replace(fold=1) if fold else value


def _in_zone(value: Moment, zone: ZoneInfo) -> Moment:
    """The same reading of the clock in a zone; where it comes twice, the offset says which."""
    offset = value.utcoffset()
    for fold in (0, 1):
        local = value.replace(tzinfo=zone, fold=fold)
        if offset is None or local.utcoffset() == offset:
            return local
    raise Refused(
        f"{zone.key} has another offset then on this machine than where the value was written:"
        " install the same tzdata on both"
    )


def _zone(key: str) -> ZoneInfo:
    try:
        return ZoneInfo(key)
    except Exception:  # the kinds differ by version: KeyError, ValueError, IsADirectoryError
        raise Refused(f"this machine knows no time zone {key[:50]!r}: install tzdata") from None


def _load_timedelta(parts: Any) -> timedelta:
    days, seconds, microseconds = parts
    if not type(days) is type(seconds) is type(microseconds) is int:
        raise TypeError
    return timedelta(days, seconds, microseconds)


# ---------------------------------------------------------------- numbers, ids, bytes


def _dump_decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise Refused("a Decimal that is not finite cannot be stored: pass None, or a text")
    return str(value)


def _load_decimal(text: Any) -> Decimal:
    value = Decimal(_text(text))
    if not value.is_finite():
        raise ValueError
    return value


def _load_int(text: str) -> int:
    if not re.fullmatch("-?0x[0-9a-f]+", text):
        raise ValueError
    return int(text, 16)  # no limit on digits holds for powers of two


def _text(form: Any) -> str:
    if type(form) is not str:
        raise TypeError
    return form


LEAVES: Final[Mapping[type, tuple[str, Callable[[Any], Any]]]] = {
    datetime: ("$datetime", _dump_moment),
    date: ("$date", date.isoformat),
    time: ("$time", _dump_moment),
    timedelta: ("$timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    Decimal: ("$decimal", _dump_decimal),
    UUID: ("$uuid", str),
    bytes: ("$bytes", lambda value: base64.b64encode(value).decode()),
}
"""Tag and dump of each type that holds no other values. An int needs a tag if it is long: `hex`."""

LOADS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "$datetime": lambda form: _load_moment(datetime, form),
    "$date": date.fromisoformat,
    "$time": lambda form: _load_moment(time, form),
    "$timedelta": _load_timedelta,
    "$decimal": _load_decimal,
    "$uuid": lambda form: UUID(_text(form)),
    "$bytes": lambda form: base64.b64decode(_text(form), validate=True),
    "$int": _load_int,
}
"""The way back. What is no form of that tag raises `Refused`, or any error at all."""


# ---------------------------------------------------------------- classes, by name


def class_name(cls: type, names: Names) -> str:
    """The name that leads a worker to the class."""
    name = names.name_of(cls)
    if name is None or names.find(name) is not cls:
        raise Refused(
            f"no worker can find the class of {called(cls)}:"
            f" define it at the top of a module, or {REGISTER}"
        )
    return name


def find_class(name: Any, names: Names) -> type:
    """The class of that name, if its module is imported."""
    found = names.find(_text(name))
    if found is None:
        raise Refused(f"no class {name[:200]} is imported: import its module where the app is made")
    return found


def dump_enum(member: Enum, names: Names) -> tuple[str, Any]:
    """Tag and form of an enum member: by name, or by value if it combines several flags."""
    cls = type(member)
    name, label = class_name(cls, names), member._name_
    if cls.__members__.get(label) is member and "." not in label:
        return "$enum", f"{name}.{label}"
    # Before Python 3.11.4 a combination with unnamed bits is another object each time.
    if isinstance(member, Flag) and cls(member._value_) == member:
        return "$flag", [name, member._value_]
    raise Refused(f"{called(cls)} that its class does not give back by name; {REGISTER}")


def load_enum(form: Any, names: Names) -> Enum:
    """The member of that name."""
    name, _, label = _text(form).rpartition(".")
    cls = find_class(name, names)
    if not issubclass(cls, Enum):
        raise Refused(f"{name} is no Enum")
    member: Enum | None = cls.__members__.get(label)
    if member is None:
        raise Refused(f"{name} has no member {label[:50]}: keep it until no job holds it")
    return member


def load_flag(form: Any, names: Names) -> Flag:
    """The combination of that value."""
    name, value = form
    cls = find_class(name, names)
    if not issubclass(cls, Flag):
        raise Refused(f"{name} is no Flag")
    if type(value) is not int:
        raise TypeError
    try:
        member = cls(value)
    except ValueError:
        member = None
    if type(member) is not cls or member._value_ != value:  # 3.11.2 drops bits that it lacks
        raise Refused(f"{name} has no value {value}: keep its flags until no job holds them")
    return member


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """What a dataclass's instances hold, and where: what restores one without its own code."""

    cls: type
    fields: Mapping[str, dataclasses.Field[Any]]
    slots: Mapping[str, MemberDescriptorType]

    def values_of(self, instance: Any) -> dict[str, Any]:
        """The fields' values, if the instance holds nothing else."""
        held = {}
        for name, slot in self.slots.items():
            with suppress(AttributeError):  # one that was never set
                held[name] = slot.__get__(instance, self.cls)
        with suppress(AttributeError):  # it may have slots alone
            held |= object.__getattribute__(instance, "__dict__")
        held.pop("__orig_class__", None)  # what typing notes for Box[int](...)
        for name in held:
            if name not in self.fields:
                raise Refused(
                    f"{called(self.cls)} that holds {str(name)[:50]!r} besides its fields:"
                    f" make it a field, or {REGISTER}"
                )
        return {name: self._value(field, held) for name, field in self.fields.items()}

    def _value(self, field: dataclasses.Field[Any], held: Mapping[str, Any]) -> Any:
        if field.name in held:
            return held[field.name]
        if field.default is MISSING:
            raise Refused(f"{called(self.cls)} whose field {field.name} is not set")
        return field.default  # one with init=False, which lies in the class

    def make(self, values: Mapping[str, Any]) -> Any:
        """An instance of these values, made without `__init__`; fields without one take their
        default.
        """
        for name in values:
            if name not in self.fields:
                raise Refused(
                    f"{name_of(self.cls)} has no field {name[:50]}:"
                    " keep it, with a default, until no job holds it"
                )
        instance: Any = object.__new__(self.cls)
        for name, field in self.fields.items():
            if name in values:
                value = values[name]
            elif field.default is not MISSING:
                value = field.default
            elif field.default_factory is not MISSING:
                value = call(field.default_factory, f"the default of field {name}")
            else:
                raise Refused(
                    f"the stored {name_of(self.cls)} has no field {name}:"
                    " give the field a default until no such job is left"
                )
            object.__setattr__(instance, name, value)
        return instance


def shape_of(cls: type) -> Shape:
    """How to take instances of a dataclass apart and restore them."""
    if "__dataclass_fields__" not in cls.__dict__:
        raise Refused(f"{called(cls)} is no dataclass itself: decorate it, or {REGISTER}")
    held: dict[str, Any] = {}
    for base in cls.__mro__:
        held = {**base.__dict__, **held}
    slots = {name: item for name, item in held.items() if type(item) is MemberDescriptorType}
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for name in fields:
        if name not in slots and hasattr(type(held.get(name)), "__set__"):
            raise Refused(f"{called(cls)} whose field {name} is a descriptor; {REGISTER}")
    try:
        object.__new__(cls)
    except TypeError:
        raise Refused(
            f"{called(cls)} derives from a built-in class, whose part is no field; {REGISTER}"
        ) from None
    return Shape(cls, fields, slots)


def call(hook: Callable[..., Any], what: str, *args: Any) -> Any:
    """Call what a user wrote. Its errors are kept as the cause, and only their kind is named."""
    try:
        return hook(*args)
    except Exception as problem:
        raise Refused(f"{what} raised {name_of(type(problem))}") from problem
