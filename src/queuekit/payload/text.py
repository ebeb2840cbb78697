"""JSON text: how it is written and read, how long it may be, and what can always be stored."""

from __future__ import annotations

import json
from typing import Any, Final

from queuekit.errors import PayloadError
from queuekit.payload.forms import called, name_of

MAX_PAYLOAD: Final = 1024 * 1024
"""Largest payload or result, in bytes of UTF-8: what every store takes without special settings."""

MAX_TEXT: Final = 64 * 1024
"""Longest error text kept, in characters; the rest is cut with a mark."""

CUT_MARK: Final = " … [cut]"

UNSTORABLE: Final = "$unstorable"
"""Key of the object that stands in for a result which has no exact form; its value is the start of
the result's repr."""

ENCRYPTED: Final = "$encrypted"
"""Key of the object that stands in for a payload or a result under a cipher."""

ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
)


class Unstorable(Exception):
    """The result that was to be read could not be stored; `shown` is the start of its repr."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        super().__init__(shown)


def storable_text(text: str, longest: int = MAX_TEXT) -> str:
    """`text` as every store can keep it: NUL and lone surrogates escaped, cut with a mark at a
    character border.
    """
    clean = text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
    return clean if len(clean) <= longest else clean[: longest - len(CUT_MARK)] + CUT_MARK


def read(text: str, what: str) -> Any:
    """What a JSON text holds; `what` names it if it is none."""
    try:
        return _DECODER.decode(text)
    except ValueError:
        raise PayloadError(what, "is no JSON text") from None


def has_tags(text: str) -> bool:
    """Whether a JSON text may hold a tag. Looking for one character first is far faster."""
    return "$" in text and '"$' in text


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity, which are no JSON


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def fit(text: str, what: str) -> str:
    """The text, if it is no longer than `MAX_PAYLOAD`."""
    size = len(text) if text.isascii() else len(text.encode())
    if size > MAX_PAYLOAD:
        raise too_large(str(size), what)
    return text


def too_large(size: str, what: str) -> PayloadError:
    """What to raise for a text of this size."""
    return PayloadError(
        what,
        f"{size} bytes as JSON; at most {MAX_PAYLOAD} are stored:"
        " keep the data elsewhere, and pass where it is",
    )


def shown(value: Any) -> str:
    """The start of a value's repr, whatever the value does."""
    try:
        return storable_text(str.__str__(repr(value)), 1_000)
    except BaseException as problem:  # a user's __repr__ may raise anything
        kind = name_of(type(problem))
        return storable_text(f"{called(type(value))} whose repr raised {kind}", 1_000)
