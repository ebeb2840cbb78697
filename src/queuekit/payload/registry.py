"""Types that an app has registered: by which hooks their values are stored, and found again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from queuekit.errors import ConfigurationError, JobError, ReferenceGone
from queuekit.payload import forms
from queuekit.payload.forms import Names, Refused, name_of
from queuekit.payload.text import ENCRYPTED, UNSTORABLE

T = TypeVar("T")

BUILT_IN: Final = frozenset(
    {*forms.LOADS, "$tuple", "$set", "$frozenset", "$dict", "$enum", "$flag", "$dataclass"}
    | {ENCRYPTED, UNSTORABLE}
)

_JSON_TYPES: Final = frozenset({type(None), bool, int, float, str, list, dict})


class Missing(StrEnum):
    """What becomes of a job whose reference leads to nothing any more."""

    DISCARD = "discard"
    """It is discarded: there is nothing left to do."""
    FAIL = "fail"
    """Its attempt fails, and is retried as usual."""
    NONE = "none"
    """It runs, with None in the place of what is gone."""


class DiscardedReference(ReferenceGone):
    """What an argument refers to is gone, and its type was registered with `Missing.DISCARD`."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A user's type and its hooks. `missing` is given exactly for references."""

    cls: Any
    tag: str
    dump: Callable[[Any], Any]
    load: Callable[[Any], Any]
    missing: Missing | None = None


class Registry:
    """The registered types, by class and by tag, and the names by which all others are found."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.by_class: dict[type, Registered] = {}
        self.by_tag: dict[str, Registered] = {}

    def register(
        self, cls: type[T], *, name: str, dump: Callable[[T], Any], load: Callable[[Any], T]
    ) -> None:
        """Let values of exactly this class be stored: as what `dump` makes of them, which `load`
        turns back.

        Every value is tried before it is stored: `load` of its dump has to equal it.

        Raises:
            ConfigurationError: the class or the name is taken, or cannot be registered.
        """
        self._add(Registered(cls, f"${name}", dump, load), name)

    def register_reference(
        self,
        cls: type[T],
        *,
        name: str,
        key: Callable[[T], Any],
        load: Callable[[Any], T | None],
        missing: Missing = Missing.DISCARD,
    ) -> None:
        """Let values of exactly this class be stored by their key alone, such as rows of a table.

        `load` gets the key when the job runs, and returns None if what it led to is gone; `missing`
        says what becomes of the job then.

        Raises:
            ConfigurationError: the class or the name is taken, or cannot be registered.
        """
        self._add(Registered(cls, f"${name}", key, load, missing), name)

    def _add(self, new: Registered, name: str) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            raise ConfigurationError(
                f"a registered type cannot be named {name!r}: use letters, digits and _ - ."
            )
        if new.tag in BUILT_IN:
            raise ConfigurationError(f"{name!r} is the name of a built-in form; choose another one")
        if new.tag in self.by_tag:
            raise ConfigurationError(f"two types are registered as {name!r}; choose another name")
        if not isinstance(new.cls, type) or new.cls in _JSON_TYPES:
            raise ConfigurationError(f"{name!r} is registered for {new.cls!r}: give another class")
        if new.cls in self.by_class:
            known = self.by_class[new.cls].tag[1:]
            raise ConfigurationError(f"{name_of(new.cls)} is registered already, as {known!r}")
        self.by_tag[new.tag] = self.by_class[new.cls] = new


class Gone(Refused):
    """A reference that leads to nothing."""

    def __init__(self, name: str, key: object, missing: Missing) -> None:
        self.name, self.key = name, key
        self.error = DiscardedReference if missing is Missing.DISCARD else ReferenceGone
        super().__init__(f"{name} is gone")

    def at(self, path: str) -> JobError:
        """As the policy of the reference says."""
        return self.error(path, self.name, self.key)
