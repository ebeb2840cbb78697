"""Verbs without I/O.

A verb is a generator that yields what it asks of the database and is sent the rows.

So one verb serves a synchronous driver, an asynchronous one, and the caller's own connection; each
needs a loop of a dozen lines around it (`queuekit_sql.driving` holds the synchronous one). A verb
opens and ends no transaction: whoever drives it does, and a verb that writes is always driven
inside one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import BindParameter, ColumnElement, bindparam, literal_column
from sqlalchemy.sql.base import Executable

PREFIX: Final = "p_"
"""Keeps parameter names apart from column names, which SQLAlchemy reserves in INSERT and UPDATE."""

LARGEST_CHUNK: Final = 1_024
"""Longest list of one statement. Holds a `MAX_BATCH`, so a batch needs one statement of a kind."""

Row: TypeAlias = tuple[Any, ...]
Params: TypeAlias = dict[str, Any]
T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Ask:
    """One statement with its parameters.

    Answered with its rows, an empty list where it has none.
    """

    statement: Executable
    params: Params


@dataclass(frozen=True, slots=True)
class AskMany:
    """One statement for each set of parameters, without rows.

    The sets are the driver's to fill up.
    """

    statement: Executable
    params: Sequence[Params]


Verb: TypeAlias = Generator[Ask | AskMany, list[Row], T]
"""What yields `Ask`s, receives rows and returns T."""


def ask(statement: Executable, **params: Any) -> Verb[list[Row]]:
    """The rows of one statement; a verb says ``yield from`` to it."""
    return (yield Ask(statement, params))


def do_many(statement: Executable, params: Sequence[Params]) -> Verb[None]:
    """One statement for each set of parameters, if there is any."""
    if params:
        yield AskMany(statement, params)


def arg(name: str) -> BindParameter[Any]:
    """A parameter that every execution gives, by this name."""
    return bindparam(PREFIX + name)


def inline(value: int | str) -> ColumnElement[Any]:
    """A constant of ours inside the SQL text.

    A planner takes a partial index only if it can read the constant.
    """
    if isinstance(value, int):
        return literal_column(str(int(value)))
    assert value.replace("_", "").isalpha(), "only our own words are written into SQL"
    return literal_column(f"'{value!s}'")


def among(column: ColumnElement[Any], name: str, size: int) -> ColumnElement[bool]:
    """`column IN (...)` with `size` parameters.

    Plain text, so that it can be compiled once and kept.
    """
    return column.in_([arg(key) for key in _keys(name, size)])


def chunk_size(n: int) -> int:
    """The list length that serves `n` values.

    Powers of two: few texts to keep, at most half the list is padding.
    """
    assert 0 < n <= LARGEST_CHUNK
    return 1 << (n - 1).bit_length()


def chunks(values: Sequence[V]) -> Iterator[Sequence[V]]:
    """The values in parts that one statement's list can hold; nearly always there is one."""
    for at in range(0, len(values), LARGEST_CHUNK):
        yield values[at : at + LARGEST_CHUNK]


def listed(name: str, values: Sequence[Any]) -> Params:
    """The parameters of `among` for `values`, the last of them repeated to fill the list.

    Repeats change no answer.
    """
    size = chunk_size(len(values))
    padded = [*values, *([values[-1]] * (size - len(values)))]
    return dict(zip(_keys(name, size), padded, strict=True))


@cache
def _keys(name: str, size: int) -> tuple[str, ...]:
    return tuple(f"{name}_{place}" for place in range(size))
