"""Driving a verb with a synchronous cursor.

The caller has begun a transaction and will end it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

from queuekit_sql.asking import Ask, AskMany, Row, Verb
from queuekit_sql.dialect import Dialect

T = TypeVar("T")


class Cursor(Protocol):
    """What is used of a DB-API cursor."""

    def execute(self, sql: str, parameters: Any = ..., /) -> object:
        """Run one statement."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> object:
        """Run a statement once for each set of parameters."""
        ...

    def fetchall(self) -> list[Any]:
        """The rows of the last statement."""
        ...


def drive(verb: Verb[T], cursor: Cursor, dialect: Dialect, now: int) -> T:
    """Answer everything that the verb asks, and return what it returns.

    `now` serves stores that live on this host.
    """
    try:
        question = next(verb)
        while True:
            question = verb.send(_answer(question, cursor, dialect, now))
    except StopIteration as end:
        result: T = end.value
        return result


def _answer(question: Ask | AskMany, cursor: Cursor, dialect: Dialect, now: int) -> list[Row]:
    text = dialect.text(question.statement)
    if isinstance(question, AskMany):
        if text.wants_now:
            for params in question.params:
                params["now"] = now
        cursor.executemany(text.sql, map(text.bind, question.params))
        return []
    if text.wants_now:
        question.params["now"] = now
    cursor.execute(text.sql, text.bind(question.params))
    return cursor.fetchall() if text.has_rows else []
