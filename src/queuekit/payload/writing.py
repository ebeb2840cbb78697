"""From values to what JSON can write: each exactly, or refused."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

from queuekit.errors import PayloadError
from queuekit.payload import forms
from queuekit.payload.forms import Refused, called, name_of
from queuekit.payload.places import inside, is_tag, member, placed
from queuekit.payload.reading import Loader, LoadRaised
from queuekit.payload.registry import Registered, Registry
from queuekit.payload.text import ENCODER, MAX_PAYLOAD, too_large

MAX_DEPTH: Final = 100
"""Most containers within each other: deeper ones would meet Python's own limit somewhere."""
_MAX_INT_BITS: Final = 14_190
"""4,300 digits, CPython's limit on reading decimal text as int (sys.int_info): longer ones are
written in hexadecimal, which has none."""

MAX_WALK: Final = 4 * MAX_PAYLOAD
"""Length of text after which a value is not looked at any further. Lists that share their
items can be small in memory and endless as text."""


class Dumper:
    """Turns the values of one payload into what json can write.

    What is plain JSON already is handed on as it is, not copied. `references` holds what stands
    behind the references met so far.
    """

    def __init__(self, registry: Registry, what: str) -> None:
        self.registry = registry
        self.what = what
        self.references: dict[str, Any] = {}
        self._room = MAX_WALK
        self._shapes: dict[type, tuple[str, forms.Shape]] = {}

    def root(self, value: Any, path: str) -> Any:
        """The form of a value that stands in no other."""
        try:
            return self.form(value, 0)
        except Refused as refused:
            raise placed(refused, path) from refused.__cause__

    def check_names(self, names: Iterable[str]) -> None:
        """Refuse keywords that are no storable text."""
        try:
            self._check_keys(names)
        except Refused as refused:
            raise placed(refused, self.what) from None

    def form(self, value: Any, depth: int) -> Any:
        """The form of a value within so many containers.

        Exact types, not isinstance: a subclass of int or str would come back as its base.
        """
        kind = type(value)
        if kind is str:
            self._room -= len(value)
            if self._room < 0:
                raise self._too_large()
            if not value.isascii() or "\x00" in value:
                forms.check_text(value)
            return value
        if kind is int:
            return self._int(value) if value.bit_length() > 64 else value
        if value is None or kind is bool:
            return value
        if kind is float:
            if not math.isfinite(value):
                raise Refused(f"{value} is no JSON number: pass None, or a text")
            return value
        if kind is dict:
            return self._dict(value, depth + 1)
        if kind is list:
            return self._items(value, depth + 1)
        try:
            return self._tagged(value, kind, depth)
        except (Refused, PayloadError, RecursionError):
            raise
        except Exception as problem:  # whatever a class makes of being looked at
            name = name_of(type(problem))
            raise Refused(f"{called(kind)} that cannot be looked at: {name}") from problem

    def _check_keys(self, keys: Iterable[Any]) -> None:
        for key in keys:
            if type(key) is not str:
                raise Refused(
                    f"has {called(type(key))} as a key, and JSON has text keys only:"
                    " pass a list of pairs"
                )
            self._room -= len(key)
            if not key.isascii() or "\x00" in key:
                with inside(f" key {key[:40]!r}"):
                    forms.check_text(key)

    def _enter(self, size: int, depth: int) -> None:
        """Refuse a container that leads too deep, or on and on."""
        if depth > MAX_DEPTH:
            raise Refused(f"nested deeper than {MAX_DEPTH} containers, or holding itself")
        self._spend(2 * size + 2)  # the least that it takes as text

    def _spend(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise self._too_large()

    def _too_large(self) -> PayloadError:
        return too_large(f"over {MAX_WALK}", self.what)

    def _int(self, value: int) -> Any:
        bits = value.bit_length()
        self._spend(bits // 4)
        return value if bits <= _MAX_INT_BITS else {"$int": hex(value)}

    def _items(self, items: list[Any], depth: int) -> list[Any]:
        self._enter(len(items), depth)
        result, at = items, 0
        try:
            for at, item in enumerate(items):
                form = self.form(item, depth)
                if form is not item:
                    if result is items:
                        result = items.copy()
                    result[at] = form
        except Refused as refused:
            refused.path.append(f"[{at}]")
            raise
        return result

    def _dict(self, items: dict[str, Any], depth: int) -> dict[str, Any]:
        self._check_keys(items)
        result = self._members(items, depth)
        return {"$dict": result} if is_tag(items) else result

    def _members(self, items: dict[str, Any], depth: int) -> dict[str, Any]:
        self._enter(len(items), depth)
        result, key = items, ""
        try:
            for key, item in items.items():
                form = self.form(item, depth)
                if form is not item:
                    if result is items:
                        result = items.copy()
                    result[key] = form
        except Refused as refused:
            refused.path.append(member(key))
            raise
        return result

    def _tagged(self, value: Any, kind: type, depth: int) -> dict[str, Any]:
        registry = self.registry
        if kind in registry.by_class:
            return self._registered(value, registry.by_class[kind], depth + 1)
        if kind in forms.LEAVES:
            tag, dump = forms.LEAVES[kind]
            return {tag: self.form(dump(value), 0)}
        if kind is tuple:
            return {"$tuple": self._items(list(value), depth + 1)}
        if kind is set or kind is frozenset:
            return {f"${kind.__name__}": self._set(value, depth + 1)}
        if issubclass(kind, Enum):
            tag, form = forms.dump_enum(value, registry.names)
            return {tag: self.form(form, 0)}
        if hasattr(kind, "__dataclass_fields__"):
            name, shape = self._shape(kind)
            return {"$dataclass": [name, self._members(shape.values_of(value), depth + 1)]}
        raise Refused(forms.no_form(kind))

    def _set(self, items: Iterable[Any], depth: int) -> list[Any]:
        """Sorted, since a set has no order: the same content is the same text."""
        elements = list(items)
        self._enter(len(elements), depth)
        with inside("{...}"):
            return sorted((self.form(item, depth) for item in elements), key=ENCODER.encode)

    def _shape(self, kind: type) -> tuple[str, forms.Shape]:
        if kind not in self._shapes:
            name = forms.class_name(kind, self.registry.names)
            self._shapes[kind] = self.form(name, 0), forms.shape_of(kind)
        return self._shapes[kind]

    def _registered(self, value: Any, entry: Registered, depth: int) -> dict[str, Any]:
        self._enter(1, depth)
        key = forms.call(entry.dump, f"the dump of {entry.tag[1:]}", value)
        if entry.missing is not None and key is None:
            raise Refused(f"{called(entry.cls)} that has no key yet: save it first")
        form = {entry.tag: self.form(key, depth)}
        if entry.missing is not None:
            self.references[ENCODER.encode(form)] = value
        else:
            self._try(value, entry, form)
        return form

    def _try(self, value: Any, entry: Registered, form: dict[str, Any]) -> None:
        """Refuse a value that its hooks would not give back.

        On a copy, as a worker would have it: `load` may take what it is given to pieces.
        """
        copy = json.loads(ENCODER.encode(form))
        try:
            back = Loader(self.registry, self.references).form(copy)
        except LoadRaised as raised:  # here it is the value that cannot be stored
            raise Refused(raised.problem) from raised.__cause__
        compare = f"the comparison of {called(entry.cls)} with itself"
        if type(back) is not entry.cls or not forms.call(lambda: bool(back == value), compare):
            raise Refused(
                f"{called(entry.cls)} that does not come back equal:"
                f" mend the dump and load that are registered as {entry.tag[1:]!r}"
            )
