"""From what JSON has read back to the values that were written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queuekit.errors import JobError, LoadFailed
from queuekit.payload import forms
from queuekit.payload.forms import Refused, name_of
from queuekit.payload.places import inside, is_tag, member, placed
from queuekit.payload.registry import BUILT_IN, Gone, Missing, Registered, Registry
from queuekit.payload.text import ENCODER


class LoadRaised(Refused):
    """A registered load that raised: its database may be away, and the payload is as it should."""

    def __init__(self, name: str, problem: Exception) -> None:
        self.name = name
        super().__init__(f"the load of {name} raised {name_of(type(problem))}")

    def at(self, path: str) -> JobError:
        """No fault of the payload."""
        return LoadFailed(path, self.problem)


class Loader:
    """Turns what json read of one payload into the values that were written, in place.

    A reference whose form is in `known` gives that object and is not loaded.
    """

    def __init__(self, registry: Registry, known: Mapping[str, Any] | None = None) -> None:
        self.registry = registry
        self._known = known or {}

    def root(self, form: Any, path: str) -> Any:
        """The value of a form that stands in no other."""
        try:
            return self.form(form)
        except Refused as refused:
            raise placed(refused, path) from refused.__cause__

    def form(self, form: Any) -> Any:
        """The value of a form."""
        kind = type(form)
        if kind is list:
            return self._items(form)
        if kind is dict:
            return self._tag(*form.popitem()) if is_tag(form) else self._members(form)
        return form

    def _items(self, items: list[Any]) -> list[Any]:
        at = 0
        try:
            for at, item in enumerate(items):
                if type(item) is list or type(item) is dict:
                    items[at] = self.form(item)
        except Refused as refused:
            refused.path.append(f"[{at}]")
            raise
        return items

    def _members(self, items: dict[str, Any]) -> dict[str, Any]:
        key = ""
        try:
            for key, item in items.items():
                if type(item) is list or type(item) is dict:
                    items[key] = self.form(item)
        except Refused as refused:
            refused.path.append(member(key))
            raise
        return items

    def _tag(self, tag: str, form: Any) -> Any:
        try:
            return self._value(tag, form)
        except (Refused, RecursionError):
            raise
        except Exception:  # whose message may show the value
            raise Refused(f"holds a {tag[:50]} that cannot be read: it is damaged") from None

    def _value(self, tag: str, form: Any) -> Any:
        names = self.registry.names
        if tag in self.registry.by_tag:
            return self._registered(self.registry.by_tag[tag], form)
        if tag in forms.LOADS:
            return forms.LOADS[tag](form)
        match tag, form:
            case "$dict", dict():
                return self._members(form)
            case "$tuple", list():
                return tuple(self._items(form))
            case (("$set" | "$frozenset"), list()):
                return self._set(set if tag == "$set" else frozenset, form)
            case "$enum", str():
                return forms.load_enum(form, names)
            case "$flag", [str(), int()]:
                return forms.load_flag(form, names)
            case "$dataclass", [str(name), dict(values)]:
                cls = forms.find_class(name, names)
                return forms.shape_of(cls).make(self._members(values))
        if tag in BUILT_IN:
            raise ValueError
        raise Refused(
            f"the app has no type named {tag[1:50]}: {forms.REGISTER} where the app is made"
        )

    def _set(self, kind: type, items: list[Any]) -> Any:
        with inside("{...}"):
            elements = [self.form(item) for item in items]
        return forms.call(kind, "the hash of an element", elements)

    def _registered(self, entry: Registered, form: Any) -> Any:
        if entry.missing is None:
            return _load(entry, self.form(form))
        text = ENCODER.encode({entry.tag: form})
        if text in self._known:
            return self._known[text]
        key = self.form(form)
        found = _load(entry, key)
        if found is None and entry.missing is not Missing.NONE:
            raise Gone(entry.tag[1:], key, entry.missing)
        return found


def _load(entry: Registered, form: Any) -> Any:
    try:
        return entry.load(form)
    except Exception as problem:
        raise LoadRaised(entry.tag[1:], problem) from problem
