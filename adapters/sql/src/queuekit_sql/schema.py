"""The schema's versions, and the steps from one to the next.

A step must be survived by workers of the release before it: it adds, and what it replaces is
dropped one release later. `migrate` runs inside one write transaction where the database has
transactional DDL; the adapter holds its lock for that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Select, insert, select, update
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.ddl import ExecutableDDLElement

from queuekit.errors import StoreCorrupt
from queuekit_sql.asking import Row, Verb, arg, ask
from queuekit_sql.tables import meta, metadata

Step = Callable[[], Sequence[ExecutableDDLElement]]


def _first() -> Sequence[ExecutableDDLElement]:
    tables = list(metadata.sorted_tables)
    indexes = [index for table in tables for index in sorted(table.indexes, key=str)]
    return [*map(CreateTable, tables), *map(CreateIndex, indexes)]


STEPS: Final[tuple[Step, ...]] = (_first,)
"""Step n leads from version n to n + 1; an empty database has version 0."""

VERSION: Final = len(STEPS)
"""What this release needs."""

OURS: Final = frozenset(metadata.tables)
"""The names of this release's tables."""

_READ_META: Final = select(meta.c.value).where(meta.c.key == arg("key"))
_ADD_META: Final = insert(meta).values({"key": arg("k"), "value": arg("v")})
_SET_META: Final = update(meta).where(meta.c.key == arg("k")).values({"value": arg("v")})


def found_version(names: Select[Row], where: str) -> Verb[int]:
    """The version that is stored, 0 if there are no tables.

    `names` asks the database's own catalogue which of `OURS` are there; `where` is for people.

    Raises:
        StoreCorrupt: there are some, and they are not a store's.
    """
    there = {name for (name,) in (yield from ask(names))}
    if not there:
        return 0
    if meta.name not in there:
        raise _is_no_store(where, f"has a table {min(there)}, and no {meta.name}")
    rows = yield from ask(_READ_META, key="schema")
    text = str(rows[0][0]) if rows else "missing"
    if not text.isdecimal() or int(text) == 0:
        raise _is_no_store(where, f"names its schema {text!r}, which is no version")
    missing = OURS - there
    if missing and int(text) == VERSION:
        raise _is_no_store(where, f"lacks the table {min(missing)}")
    return int(text)


def _is_no_store(where: str, what: str) -> StoreCorrupt:
    return StoreCorrupt(
        f"{where} {what}: it is no queuekit store, or half of one; restore a backup, or name"
        " another place"
    )


def migrate(names: Select[Row], where: str, new_id: str) -> Verb[int]:
    """Bring the schema to this release, and return the version found. A newer one is left alone."""
    found = yield from found_version(names, where)
    for step in STEPS[found:]:
        for statement in step():
            yield from ask(statement)
    if found == 0:
        yield from ask(_ADD_META, k="schema", v=str(VERSION))
        yield from ask(_ADD_META, k="store", v=new_id)
    elif found < VERSION:
        yield from ask(_SET_META, k="schema", v=str(VERSION))
    return found
