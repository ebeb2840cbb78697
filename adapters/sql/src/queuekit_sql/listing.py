"""CONTROL: lists and counts, at a cost bounded by the page.

A filter becomes one walk down an index in `seq` order, so that nothing is sorted and a page stops
when it is full. The walk is chosen by the most selective field given: unique key, limit key, tag,
task, queue. A filter with none of them takes a walk for each group of states: live jobs, discarded
ones, cancelled ones, and for completed ones, which are the bulk, the table itself.

What the index does not decide is tested row by row, on no more than the largest of `WINDOWS` rows:
if few of them match, the page comes back short, with a cursor that goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, exists, func, select

from queuekit.clock import to_micros
from queuekit.job import JobState, Phase
from queuekit.storage import Count, JobFilter, Page
from queuekit_sql.asking import Params, Row, Verb, arg, ask, inline
from queuekit_sql.clauses import STATE, columns
from queuekit_sql.rows import JobRow, job_of
from queuekit_sql.tables import NO_GOOD_END, job_limits, jobs, tags

WINDOWS: Final = (1_000, 50_000)
"""Rows that one walk looks at: first few, which is nearly always enough, then at most some 50 ms'
worth."""

_BELOW_ALL: Final = 2**63 - 1

_Test = ColumnElement[bool]


class _Shape(NamedTuple):
    """What of a filter decides its statements; the values are parameters."""

    states: tuple[JobState, ...]
    fields: frozenset[str]


class _Walk(NamedTuple):
    """The statements of one walk down an index."""

    page: Select[Row]
    edge: Select[Row] | None
    """The row at which a window ends; None if nothing is tested, for then each row is a match."""
    total: Select[Any]


def page(where: JobFilter, cursor: int | None, limit: int) -> Verb[Page]:
    """Jobs that match, newest first, from below the cursor."""
    params = _params(where) | {"below": _BELOW_ALL if cursor is None else cursor}
    found: list[JobRow] = []
    floor = 0
    for walk in _walks(_shape(where)):
        rows, end = yield from _go_down(walk, params, limit)
        found += rows
        floor = max(floor, end)
    # Where one walk was cut short, what another found below that point has to wait for the next
    # page.
    found = sorted((row for row in found if row.seq >= floor), key=lambda row: -row.seq)
    jobs_found = tuple(job_of(row) for row in found[:limit])
    if len(found) > limit:
        return Page(jobs_found, jobs_found[-1].seq)
    return Page(jobs_found, floor or None)


def count(where: JobFilter, bound: int) -> Verb[Count]:
    """How many jobs match, counted up to the bound."""
    seen = 0
    for walk in _walks(_shape(where)):
        left = max(0, bound + 1 - seen)
        rows = yield from ask(walk.total, **_params(where), below=_BELOW_ALL, limit=left)
        seen += rows[0][0]
    return Count(min(seen, bound), exact=seen <= bound)


def _go_down(walk: _Walk, params: Params, limit: int) -> Verb[tuple[list[JobRow], int]]:
    """Matches of one walk, and the `seq` at which it was cut short, 0 if it was not."""
    found: list[JobRow] = []
    end = 0
    for window in WINDOWS:
        edge = [] if walk.edge is None else (yield from ask(walk.edge, **params, window=window))
        end = edge[0][0] if edge else 0
        rows = yield from ask(walk.page, **params, floor=end, limit=limit + 1)
        found = [JobRow._make(row) for row in rows]
        if len(found) > limit:
            return found, 0
        if not edge:
            break
    return found, end


def _shape(where: JobFilter) -> _Shape:
    given = {
        "unique": where.unique,
        "key": where.key,
        "tag": where.tag,
        "task": where.task,
        "queue": where.queue,
        "from": where.enqueued_from,
        "to": where.enqueued_to,
    }
    fields = frozenset(name for name, value in given.items() if value is not None)
    return _Shape(tuple(sorted(where.states)), fields)


def _params(where: JobFilter) -> Params:
    key = where.key
    return {
        "unique": where.unique,
        "kind": key and key.kind.value,
        "scope": key and key.scope,
        "value": key and key.value,
        "tag": where.tag,
        "task": where.task,
        "queue": where.queue,
        "from": where.enqueued_from and to_micros(where.enqueued_from),
        "to": where.enqueued_to and to_micros(where.enqueued_to),
    }


_OF_KEY: Final = (
    job_limits.c.kind == arg("kind"),
    job_limits.c.scope == arg("scope"),
    job_limits.c.value == arg("value"),
)

_TESTS: Final[dict[str, _Test]] = {
    "unique": jobs.c.unique_value == arg("unique"),
    "key": exists().where(*_OF_KEY, job_limits.c.job_seq == jobs.c.seq),
    "tag": exists().where(tags.c.tag == arg("tag"), tags.c.job_seq == jobs.c.seq),
    "task": jobs.c.task == arg("task"),
    "queue": jobs.c.queue == arg("queue"),
    "from": jobs.c.enqueued_at >= arg("from"),
    "to": jobs.c.enqueued_at < arg("to"),
}
"""Each field of a filter, tested on a row."""

_LEADERS: Final[dict[str, tuple[FromClause, ColumnElement[Any], tuple[_Test, ...]]]] = {
    "unique": (jobs, jobs.c.seq, (_TESTS["unique"],)),
    "key": (
        job_limits.join(jobs, jobs.c.seq == job_limits.c.job_seq),
        job_limits.c.job_seq,
        _OF_KEY,
    ),
    "tag": (
        tags.join(jobs, jobs.c.seq == tags.c.job_seq),
        tags.c.job_seq,
        (tags.c.tag == arg("tag"),),
    ),
    "task": (jobs, jobs.c.seq, (_TESTS["task"],)),
    "queue": (jobs, jobs.c.seq, (_TESTS["queue"],)),
}
"""Fields with an index of their own in `seq` order, most selective first: where from, ordered by
what, which part of it."""


@lru_cache(maxsize=512)
def _walks(shape: _Shape) -> tuple[_Walk, ...]:
    return tuple(_plan(shape))


def _plan(shape: _Shape) -> Iterator[_Walk]:
    leader = next((name for name in _LEADERS if name in shape.fields), None)
    tests = [_TESTS[name] for name in sorted(shape.fields - {leader})]
    # By the expression, not by the columns in it: no planner can take it for a reason to use
    # another index, and sort.
    in_states = STATE.element.in_([inline(state) for state in shape.states])
    if leader is not None:
        source, seq, part = _LEADERS[leader]
        yield _walk(source, seq, part, [*tests, in_states] if shape.states else tests)
    elif not shape.states:
        yield _walk(jobs, jobs.c.seq, (), tests)
    else:
        states = set(shape.states)
        if JobState.COMPLETED in states:
            yield _walk(jobs, jobs.c.seq, (), [*tests, in_states])
            return  # a walk down the whole table meets the others on its way
        for state in sorted(states & {JobState.DISCARDED, JobState.CANCELLED}):
            part = (jobs.c.final_state == inline(state), NO_GOOD_END)
            yield _walk(jobs, jobs.c.seq, part, tests)
            states.remove(state)
        if states:
            live = jobs.c.phase < inline(Phase.FINAL)
            yield _walk(jobs, jobs.c.seq, (live,), [*tests, in_states])


def _walk(
    source: FromClause, seq: ColumnElement[Any], part: tuple[_Test, ...], tests: list[_Test]
) -> _Walk:
    below = seq < arg("below")
    matches = select(*columns(JobRow)).select_from(source).where(*part, *tests, below)
    edge = select(seq).select_from(source).where(*part, below).order_by(seq.desc())
    counted = select(seq).select_from(source).where(*part, *tests, below).limit(arg("limit"))
    return _Walk(
        page=matches.where(seq >= arg("floor")).order_by(seq.desc()).limit(arg("limit")),
        edge=edge.limit(inline(1)).offset(arg("window")) if tests else None,
        total=select(func.count()).select_from(counted.subquery()),
    )
