"""Arguments and results as JSON text: exact, or refused with the place named. Never pickle.

The text is made once by the core and is opaque to every store. What JSON lacks is written as a tag,
an object whose only key starts with ``$``, such as ``{"$date": "2026-11-25"}``; a dict of the
user's that looks like one is written as ``{"$dict": {...}}``. What would not come back as it was is
refused before anything is stored, so that no store has to decide.

Reading a payload imports no module and calls no class: it only finds what is imported already, and
what the app has registered.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final, Protocol, TypeVar

from queuekit import forms
from queuekit.errors import ConfigurationError, PayloadError, ReferenceGone
from queuekit.forms import Names as Names
from queuekit.forms import Refused, called, name_of

T = TypeVar("T")

MAX_PAYLOAD: Final = 1024 * 1024
"""Largest payload or result, in bytes of UTF-8: what every store takes without special settings."""

MAX_DEPTH: Final = 100
"""Most containers within each other: deeper ones would meet Python's own limit somewhere."""

MAX_TEXT: Final = 64 * 1024
"""Longest error text kept, in characters; the rest is cut with a mark."""

CUT_MARK: Final = " … [cut]"

UNSTORABLE: Final = "$unstorable"
"""Key of the object that stands in for a result which has no exact form; its value is the start of
the result's repr."""

ENCRYPTED: Final = "$encrypted"
"""Key of the object that stands in for a payload or a result under a cipher."""

_SEAL: Final = f'{{"{ENCRYPTED}"'

_MAX_INT_BITS: Final = 14_190
"""4,300 digits, CPython's limit on reading decimal text as int (sys.int_info): longer ones are
written in hexadecimal, which has none."""

_MAX_WALK: Final = 4 * MAX_PAYLOAD
"""Length of text after which a value is not looked at any further. Lists that share their
items can be small in memory and endless as text."""

_BUILT_IN: Final = frozenset(
    {*forms.LOADS, "$tuple", "$set", "$frozenset", "$dict", "$enum", "$flag", "$dataclass"}
    | {ENCRYPTED, UNSTORABLE}
)

_JSON_TYPES: Final = frozenset({type(None), bool, int, float, str, list, dict})

_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
)


class Missing(StrEnum):
    """What becomes of a job whose reference leads to nothing any more."""

    DISCARD = "discard"
    """It is discarded: there is nothing left to do."""
    FAIL = "fail"
    """Its attempt fails, and is retried as usual."""
    NONE = "none"
    """It runs, with None in the place of what is gone."""


class Cipher(Protocol):
    """What encrypts payloads. A `cryptography.fernet.Fernet` is one."""

    def encrypt(self, data: bytes, /) -> bytes:
        """The secret form of `data`."""
        ...

    def decrypt(self, token: bytes, /) -> bytes:
        """What `encrypt` was given; raises if the token was changed or made with another key."""
        ...


class DiscardedReference(ReferenceGone):
    """What an argument refers to is gone, and its type was registered with `Missing.DISCARD`."""


class Unstorable(Exception):
    """The result that was to be read could not be stored; `shown` is the start of its repr."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        super().__init__(shown)


@dataclass(frozen=True, slots=True)
class _Registered:
    """A user's type and its hooks. `missing` is given exactly for references."""

    cls: Any
    tag: str
    dump: Callable[[Any], Any]
    load: Callable[[Any], Any]
    missing: Missing | None = None


class Codec:
    """Writes and reads arguments and results; an app has one.

    With a `cipher`, whatever is written is encrypted; what was written without one stays readable.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.cipher: Cipher | None = None
        self.by_class: dict[type, _Registered] = {}
        self.by_tag: dict[str, _Registered] = {}

    # --- setting up

    def register(
        self, cls: type[T], *, name: str, dump: Callable[[T], Any], load: Callable[[Any], T]
    ) -> None:
        """Let values of exactly this class be stored: as what `dump` makes of them, which `load`
        turns back.

        Every value is tried before it is stored: `load` of its dump has to equal it.

        Raises:
            ConfigurationError: the class or the name is taken, or cannot be registered.
        """
        self._add(_Registered(cls, f"${name}", dump, load), name)

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
        self._add(_Registered(cls, f"${name}", key, load, missing), name)

    def _add(self, new: _Registered, name: str) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            raise ConfigurationError(
                f"a registered type cannot be named {name!r}: use letters, digits and _ - ."
            )
        if new.tag in _BUILT_IN:
            raise ConfigurationError(f"{name!r} is the name of a built-in form; choose another one")
        if new.tag in self.by_tag:
            raise ConfigurationError(f"two types are registered as {name!r}; choose another name")
        if not isinstance(new.cls, type) or new.cls in _JSON_TYPES:
            raise ConfigurationError(f"{name!r} is registered for {new.cls!r}: give another class")
        if new.cls in self.by_class:
            known = self.by_class[new.cls].tag[1:]
            raise ConfigurationError(f"{name_of(new.cls)} is registered already, as {known!r}")
        self.by_tag[new.tag] = self.by_class[new.cls] = new

    # --- arguments

    def dump_arguments(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], names: Sequence[str] = ()
    ) -> str:
        """The payload of a call: ``{"args": [...], "kwargs": {...}}``.

        `names` are those of the positional parameters, so that an error can name them.

        Raises:
            PayloadError: a value has no exact form, or the whole is larger than `MAX_PAYLOAD`.
        """
        with _OnlyOurErrors("arguments"):
            dumper = _Dumper(self, "arguments")
            dumper.check_names(kwargs)
            call = {
                "args": [
                    dumper.root(value, names[at] if at < len(names) else f"args[{at}]")
                    for at, value in enumerate(args)
                ],
                "kwargs": {name: dumper.root(value, name) for name, value in kwargs.items()},
            }
            return self._seal(_ENCODER.encode(call), "arguments")

    def load_arguments(
        self, payload: str, names: Sequence[str] = ()
    ) -> tuple[list[Any], dict[str, Any]]:
        """The positional and keyword arguments that `dump_arguments` wrote; `names` as there.

        Raises:
            ReferenceGone: what an argument refers to is not there any more; `DiscardedReference`
                if the job is to be discarded then.
            PayloadError: the text cannot be read back here.
        """
        with _OnlyOurErrors("arguments"):
            text = self._unseal(payload, "arguments")
            args, kwargs = _call_of(_read(text, "arguments"))
            if _has_tags(text):
                loader = _Loader(self)
                args = [
                    loader.root(form, names[at] if at < len(names) else f"args[{at}]")
                    for at, form in enumerate(args)
                ]
                kwargs = {name: loader.root(form, name) for name, form in kwargs.items()}
            return args, kwargs

    # --- results

    def dump_result(self, value: Any) -> str | None:
        """JSON text of a task's result; None stays None.

        Never raises, so that a job whose work is done reaches its final state: a result that has no
        exact form is kept as ``{"$unstorable": repr}``.
        """
        if value is None:
            return None
        try:
            return self._seal(self.dumps(value, "result"), "result")
        except BaseException:  # a user's hook may raise anything
            shown = _repr(value)
        try:
            return self._seal(_ENCODER.encode({UNSTORABLE: shown}), "result")
        except BaseException:  # as may a cipher; without it, nothing of the result is shown
            return _ENCODER.encode({UNSTORABLE: "a result that could not be encrypted"})

    def load_result(self, text: str | None) -> Any:
        """The result that `dump_result` wrote.

        Raises:
            Unstorable: it had no exact form.
            ReferenceGone: what it refers to is not there any more.
            PayloadError: the text cannot be read back here.
        """
        if text is None:
            return None
        with _OnlyOurErrors("result"):
            plain = self._unseal(text, "result")
            form = _read(plain, "result")
            if not _has_tags(plain):
                return form
            if type(form) is dict and _is_tag(form) and UNSTORABLE in form:
                raise Unstorable(str(form[UNSTORABLE]))
            return _Loader(self).root(form, "result")

    # --- one value, for people: never encrypted

    def dumps(self, value: Any, path: str) -> str:
        """The JSON text of one value, which an error names as `path`.

        Raises:
            PayloadError: it has no exact form, or is larger than `MAX_PAYLOAD`.
        """
        with _OnlyOurErrors(path):
            return _fit(_ENCODER.encode(_Dumper(self, path).root(value, path)), path)

    def loads(self, text: str) -> Any:
        """The value of a JSON text that `dumps` wrote, or a person.

        Raises:
            ReferenceGone: what it refers to is not there.
            PayloadError: the text is no JSON, or cannot be read back here.
        """
        with _OnlyOurErrors("value"):
            form = _read(text, "value")
            return _Loader(self).root(form, "value") if _has_tags(text) else form

    # --- the cipher

    def _seal(self, text: str, what: str) -> str:
        if self.cipher is None:
            return _fit(text, what)
        try:
            secret = base64.b64encode(self.cipher.encrypt(text.encode())).decode()
        except Exception as problem:  # whose own message may show what it was given
            kind = name_of(type(problem))
            raise PayloadError(what, f"the app's cipher cannot encrypt: {kind}") from None
        return _fit(_ENCODER.encode({ENCRYPTED: secret}), what)

    def _unseal(self, text: str, what: str) -> str:
        if not _is_sealed(text):
            return text
        if self.cipher is None:
            raise PayloadError(
                what, "encrypted, and this app has no cipher: give it the one that wrote them"
            )
        try:
            secret = base64.b64decode(json.loads(text)[ENCRYPTED], validate=True)
            return self.cipher.decrypt(secret).decode()
        except Exception:
            raise PayloadError(
                what, "encrypted, and not with the key of this app's cipher, or damaged"
            ) from None


class _Dumper:
    """Turns the values of one payload into what json can write.

    What is plain JSON already is handed on as it is, not copied. `references` holds what stands
    behind the references met so far.
    """

    def __init__(self, codec: Codec, what: str) -> None:
        self.codec = codec
        self.what = what
        self.references: dict[str, Any] = {}
        self._room = _MAX_WALK
        self._shapes: dict[type, tuple[str, forms.Shape]] = {}

    def root(self, value: Any, path: str) -> Any:
        """The form of a value that stands in no other."""
        try:
            return self.form(value, 0)
        except Refused as refused:
            raise _placed(refused, path) from refused.__cause__

    def check_names(self, names: Iterable[str]) -> None:
        """Refuse keywords that are no storable text."""
        try:
            self._check_keys(names)
        except Refused as refused:
            raise _placed(refused, self.what) from None

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
                with _inside(f" key {key[:40]!r}"):
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
        return _too_large(f"over {_MAX_WALK}", self.what)

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
        return {"$dict": result} if _is_tag(items) else result

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
            refused.path.append(_member(key))
            raise
        return result

    def _tagged(self, value: Any, kind: type, depth: int) -> dict[str, Any]:
        codec = self.codec
        if kind in codec.by_class:
            return self._registered(value, codec.by_class[kind], depth + 1)
        if kind in forms.LEAVES:
            tag, dump = forms.LEAVES[kind]
            return {tag: self.form(dump(value), 0)}
        if kind is tuple:
            return {"$tuple": self._items(list(value), depth + 1)}
        if kind is set or kind is frozenset:
            return {f"${kind.__name__}": self._set(value, depth + 1)}
        if issubclass(kind, Enum):
            tag, form = forms.dump_enum(value, codec.names)
            return {tag: self.form(form, 0)}
        if hasattr(kind, "__dataclass_fields__"):
            name, shape = self._shape(kind)
            return {"$dataclass": [name, self._members(shape.values_of(value), depth + 1)]}
        raise Refused(forms.no_form(kind))

    def _set(self, items: Iterable[Any], depth: int) -> list[Any]:
        """Sorted, since a set has no order: the same content is the same text."""
        elements = list(items)
        self._enter(len(elements), depth)
        with _inside("{...}"):
            return sorted((self.form(item, depth) for item in elements), key=_ENCODER.encode)

    def _shape(self, kind: type) -> tuple[str, forms.Shape]:
        if kind not in self._shapes:
            name = forms.class_name(kind, self.codec.names)
            self._shapes[kind] = self.form(name, 0), forms.shape_of(kind)
        return self._shapes[kind]

    def _registered(self, value: Any, entry: _Registered, depth: int) -> dict[str, Any]:
        self._enter(1, depth)
        key = forms.call(entry.dump, f"the dump of {entry.tag[1:]}", value)
        if entry.missing is not None and key is None:
            raise Refused(f"{called(entry.cls)} that has no key yet: save it first")
        form = {entry.tag: self.form(key, depth)}
        if entry.missing is not None:
            self.references[_ENCODER.encode(form)] = value
        else:
            self._try(value, entry, form)
        return form

    def _try(self, value: Any, entry: _Registered, form: dict[str, Any]) -> None:
        """Refuse a value that its hooks would not give back.

        On a copy, as a worker would have it: `load` may take what it is given to pieces.
        """
        copy = json.loads(_ENCODER.encode(form))
        back = _Loader(self.codec, self.references).form(copy)
        compare = f"the comparison of {called(entry.cls)} with itself"
        if type(back) is not entry.cls or not forms.call(lambda: bool(back == value), compare):
            raise Refused(
                f"{called(entry.cls)} that does not come back equal:"
                f" mend the dump and load that are registered as {entry.tag[1:]!r}"
            )


class _Loader:
    """Turns what json read of one payload into the values that were written, in place.

    A reference whose form is in `known` gives that object and is not loaded.
    """

    def __init__(self, codec: Codec, known: Mapping[str, Any] | None = None) -> None:
        self.codec = codec
        self._known = known or {}

    def root(self, form: Any, path: str) -> Any:
        """The value of a form that stands in no other."""
        try:
            return self.form(form)
        except Refused as refused:
            raise _placed(refused, path) from refused.__cause__

    def form(self, form: Any) -> Any:
        """The value of a form."""
        kind = type(form)
        if kind is list:
            return self._items(form)
        if kind is dict:
            return self._tag(*form.popitem()) if _is_tag(form) else self._members(form)
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
            refused.path.append(_member(key))
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
        names = self.codec.names
        if tag in self.codec.by_tag:
            return self._registered(self.codec.by_tag[tag], form)
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
        if tag in _BUILT_IN:
            raise ValueError
        raise Refused(
            f"the app has no type named {tag[1:50]}: {forms.REGISTER} where the app is made"
        )

    def _set(self, kind: type, items: list[Any]) -> Any:
        with _inside("{...}"):
            elements = [self.form(item) for item in items]
        return forms.call(kind, "the hash of an element", elements)

    def _registered(self, entry: _Registered, form: Any) -> Any:
        if entry.missing is None:
            return forms.call(entry.load, f"the load of {entry.tag[1:]}", self.form(form))
        text = _ENCODER.encode({entry.tag: form})
        if text in self._known:
            return self._known[text]
        key = self.form(form)
        found = forms.call(entry.load, f"the load of {entry.tag[1:]}", key)
        if found is None and entry.missing is not Missing.NONE:
            raise _Gone(entry.tag[1:], key, entry.missing)
        return found


class _Gone(Refused):
    """A reference that leads to nothing."""

    def __init__(self, name: str, key: object, missing: Missing) -> None:
        self.name, self.key = name, key
        self.error = DiscardedReference if missing is Missing.DISCARD else ReferenceGone
        super().__init__(f"{name} is gone")


def storable_text(text: str, longest: int = MAX_TEXT) -> str:
    """`text` as every store can keep it: NUL and lone surrogates escaped, cut with a mark at a
    character border.
    """
    clean = text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
    return clean if len(clean) <= longest else clean[: longest - len(CUT_MARK)] + CUT_MARK


# ---------------------------------------------------------------- places


_SHOWN_PLACES: Final = 12
"""Steps of a path that an error shows; where it goes deeper, the rest is left out."""


@contextmanager
def _inside(place: str) -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        refused.path.append(place)
        raise


def _placed(refused: Refused, root: str) -> PayloadError | ReferenceGone:
    """What to raise, now that the whole path is known."""
    places = refused.path[::-1]
    path = root + "".join(places[:_SHOWN_PLACES]) + "…" * (len(places) > _SHOWN_PLACES)
    if isinstance(refused, _Gone):
        return refused.error(path, refused.name, refused.key)
    return PayloadError(path, refused.problem)


class _OnlyOurErrors:
    """Lets nothing out but what the codec says it raises, and orders to stop."""

    __slots__ = ("what",)

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, problem: BaseException | None, traceback: object) -> None:
        if problem is None or isinstance(problem, PayloadError | ReferenceGone | Unstorable):
            return
        if isinstance(problem, RecursionError):
            raise PayloadError(self.what, "nested too deep, or holding itself") from None
        if isinstance(problem, Exception):  # such as a dict that another thread changes meanwhile
            name = name_of(type(problem))
            raise PayloadError(self.what, f"cannot be written or read: {name}") from problem


def _member(key: str) -> str:
    if key.isidentifier() and len(key) <= 40:
        return f".{key}"
    return f"[{key[:40]!r}]"


def _is_sealed(text: str) -> bool:
    """Whether a text is an encrypted one; a user's dict may begin like it, and goes on."""
    if not text.startswith(_SEAL):
        return False
    try:
        return len(json.loads(text)) == 1
    except ValueError:
        return True  # a damaged one


def _is_tag(items: Mapping[str, Any]) -> bool:
    return len(items) == 1 and next(iter(items)).startswith("$")


# ---------------------------------------------------------------- text


def _read(text: str, what: str) -> Any:
    try:
        return _DECODER.decode(text)
    except ValueError:
        raise PayloadError(what, "is no JSON text") from None


def _call_of(call: Any) -> tuple[list[Any], dict[str, Any]]:
    if type(call) is dict:
        args, kwargs = call.get("args"), call.get("kwargs")
        if type(args) is list and type(kwargs) is dict:
            return args, kwargs
    raise PayloadError("arguments", "no call, which has args and kwargs")


def _has_tags(text: str) -> bool:
    """Whether a JSON text may hold a tag. Looking for one character first is far faster."""
    return "$" in text and '"$' in text


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity, which are no JSON


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _fit(text: str, what: str) -> str:
    size = len(text) if text.isascii() else len(text.encode())
    if size > MAX_PAYLOAD:
        raise _too_large(str(size), what)
    return text


def _too_large(size: str, what: str) -> PayloadError:
    return PayloadError(
        what,
        f"{size} bytes as JSON; at most {MAX_PAYLOAD} are stored:"
        " keep the data elsewhere, and pass where it is",
    )


def _repr(value: Any) -> str:
    try:
        return storable_text(str.__str__(repr(value)), 1_000)
    except BaseException as problem:  # a user's __repr__ may raise anything
        kind = name_of(type(problem))
        return storable_text(f"{called(type(value))} whose repr raised {kind}", 1_000)
