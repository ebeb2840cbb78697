"""Arguments and results as JSON text: exact, or refused with the place named. Never pickle.

The text is made once by the core and is opaque to every store. What JSON cannot give back as it was
is refused before anything is stored, so that no store has to decide.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from queuekit.errors import PayloadError

MAX_PAYLOAD: Final = 1024 * 1024
"""Largest payload or result, in bytes of UTF-8: what every store takes without special settings."""

MAX_TEXT: Final = 64 * 1024
"""Longest error text kept, in characters; the rest is cut with a mark."""

CUT_MARK: Final = " … [cut]"

UNSTORABLE: Final = "$unstorable"
"""Key of the object that stands in for a result which JSON cannot hold; its value is the start of
the result's repr."""

_MAX_INT_DIGITS: Final = 4_300
"""CPython's own limit on turning text into int (sys.int_info.default_max_str_digits): more could
not be read back."""


def encode_arguments(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """The payload of a call: ``{"args": [...], "kwargs": {...}}``.

    Raises:
        PayloadError: a value is of a kind that JSON cannot hold exactly, or the whole is larger
        than `MAX_PAYLOAD`.
    """
    try:
        for index, value in enumerate(args):
            _check(value, f"args[{index}]")
        for name, value in kwargs.items():
            _check(value, name)
        return _fit(_dump({"args": list(args), "kwargs": dict(kwargs)}), "arguments")
    except RecursionError:
        raise PayloadError("arguments", "nested too deep, or holding themselves") from None


def decode_arguments(payload: str) -> tuple[list[Any], dict[str, Any]]:
    """The positional and keyword arguments that `encode_arguments` wrote."""
    call = json.loads(payload)
    return call["args"], call["kwargs"]


def encode_result(value: Any) -> str | None:
    """JSON text of a task's result; None stays None.

    A result can always be stored, so that a job whose work is done reaches its final state: one
    that JSON cannot hold is kept as ``{"$unstorable": repr}``.
    """
    if value is None:
        return None
    try:
        _check(value, "result")
        return _fit(_dump(value), "result")
    except (PayloadError, RecursionError):
        return _dump({UNSTORABLE: storable_text(_repr(value), 1_000)})


def storable_text(text: str, longest: int = MAX_TEXT) -> str:
    """`text` as every store can keep it: NUL and lone surrogates escaped, cut with a mark at a
    character border.
    """
    clean = text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
    return clean if len(clean) <= longest else clean[: longest - len(CUT_MARK)] + CUT_MARK


def _check(value: Any, path: str) -> None:
    """Refuse what would not come back equal, and of the same type.

    Exact types, not isinstance: a subclass of int or str would come back as its base.
    """
    kind = type(value)
    if value is None or kind is bool:
        return
    if kind is int:
        if value.bit_length() > _MAX_INT_DIGITS * 3.3:
            raise PayloadError(path, f"an integer of over {_MAX_INT_DIGITS} digits")
    elif kind is str:
        _check_text(value, path)
    elif kind is float:
        if not math.isfinite(value):
            raise PayloadError(path, f"{value} is no JSON number")
    elif kind is list:
        for index, item in enumerate(value):
            _check(item, f"{path}[{index}]")
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise PayloadError(path, f"key {key!r} is no text; JSON has text keys only")
            _check_text(key, f"{path} key {key!r}")
            _check(item, f"{path}.{key}")
    else:
        raise PayloadError(path, f"a {kind.__qualname__} has no exact JSON form")


def _check_text(text: str, path: str) -> None:
    if "\x00" in text:
        raise PayloadError(path, "holds a NUL character, which not every store can keep")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise PayloadError(path, "holds a lone surrogate, which is no Unicode text")


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _fit(text: str, what: str) -> str:
    size = len(text.encode())
    if size > MAX_PAYLOAD:
        raise PayloadError(what, f"{size} bytes as JSON; at most {MAX_PAYLOAD} are stored")
    return text


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except BaseException as problem:  # a user's __repr__ may raise anything
        return f"<{type(value).__qualname__} whose repr raised {type(problem).__name__}>"
