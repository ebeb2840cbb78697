"""The shared statements: they compile for every database that an adapter is planned for."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from sqlalchemy import Dialect as Flavour
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql.base import Executable

import queuekit_sql
from queuekit_sql.asking import LARGEST_CHUNK, Ask, chunk_size, listed
from queuekit_sql.dialect import Dialect
from queuekit_sql.ending import release_children
from queuekit_sql.finishing import finish

FLAVOURS: list[Flavour] = [
    SQLiteDialect_pysqlite(paramstyle="qmark"),
    PGDialect_psycopg(paramstyle="format"),  # type: ignore[no-untyped-call]
    MySQLDialect_pymysql(paramstyle="format"),
]


def constants() -> Iterator[tuple[str, Executable]]:
    """Each statement that stands in a module under a name."""
    for found in pkgutil.iter_modules(queuekit_sql.__path__):
        module = importlib.import_module(f"queuekit_sql.{found.name}")
        for name, value in vars(module).items():
            if isinstance(value, Executable):
                yield f"{found.name}.{name}", value


@pytest.mark.parametrize("flavour", FLAVOURS, ids=lambda flavour: flavour.name)
def test_every_statement_has_a_text_on_every_database(flavour: Flavour) -> None:
    dialect = Dialect(flavour)
    seen = [name for name, statement in constants() if dialect.text(statement).sql]
    assert len(seen) > 20


def test_a_text_is_made_once() -> None:
    dialect = Dialect(FLAVOURS[0])
    _, statement = next(constants())
    assert dialect.text(statement) is dialect.text(statement)


def test_servers_skip_rows_that_another_claim_holds() -> None:
    claims = dict(constants())["claiming._DUE"]
    assert "SKIP LOCKED" not in Dialect(FLAVOURS[0]).text(claims).sql
    for flavour in FLAVOURS[1:]:
        assert "SKIP LOCKED" in Dialect(flavour).text(claims).sql


@pytest.mark.parametrize(("n", "size"), [(1, 1), (2, 2), (3, 4), (100, 128), (1_000, 1_024)])
def test_lists_come_in_few_lengths(n: int, size: int) -> None:
    assert chunk_size(n) == size
    params = listed("ids", list(range(n)))
    assert len(params) == size <= LARGEST_CHUNK
    assert set(params.values()) == set(range(n))


def test_a_verb_asks_and_does_no_more() -> None:
    """A verb is driven here by hand, with no database at all."""
    verb = release_children([(7, True)])
    question = next(verb)
    assert isinstance(question, Ask)
    assert question.params == {"seqs_0": 7}
    with pytest.raises(StopIteration):
        verb.send([])


def test_a_verb_with_nothing_to_do_asks_nothing() -> None:
    with pytest.raises(StopIteration) as end:
        next(finish([], []))
    assert end.value.value.finished == ()
