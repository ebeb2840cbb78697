"""The (queue, priority) levels in use, found by one seek each: a loose scan of the claim index.

The index starts with (lane, priority desc, run_at). From one level the next one down is
``max(priority) where lane = ? and priority < ?``, from one lane the next is ``min(lane) where lane
> ?``: each a seek, in a recursive query that all our databases know. Rows are never counted or
walked, so the length of a level costs nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import CTE, ColumnElement, ScalarSelect, Select, String, cast, select, union_all

from queuekit_sql.asking import Row, Verb, arg, ask, chunk_size, inline, listed
from queuekit_sql.dialect import NOW
from queuekit_sql.tables import jobs, queues

_MOST_NAMES: Final = 256
"""Queues of one statement, which names each in a SELECT of its own; SQLite takes 500 of them."""


class Level(NamedTuple):
    """One priority of one queue that has claimable jobs, and of which the queue is not paused."""

    lane: str
    priority: int
    is_due: int
    wait: int | None
    """Time until its next job that is not yet due, None if there is none."""


def levels_of(names: tuple[str, ...] | None) -> Verb[list[Level]]:
    """The levels of these queues, or of all."""
    if names is None:
        rows = yield from ask(_LEVELS_OF_ALL)
    elif not names:
        return []
    else:
        asked = list(dict.fromkeys(names))
        rows = []
        for at in range(0, len(asked), _MOST_NAMES):
            part = asked[at : at + _MOST_NAMES]
            rows += yield from ask(_levels_of(chunk_size(len(part))), **listed("lanes", part))
    return [Level._make(row) for row in rows]


def _seek(
    column: ColumnElement[Any], *where: ColumnElement[bool], last: bool = False
) -> ScalarSelect[Any]:
    """The least value of an index's next column, or the greatest."""
    order = column.desc() if last else column
    return select(column).where(*where).order_by(order).limit(inline(1)).scalar_subquery()


def _levels(lanes: Select[Any]) -> Select[Row]:
    """The levels of the lanes that a query gives.

    Equal lanes may come twice; so may their levels, which harms nothing.
    """
    job = jobs.c
    asked = lanes.cte("asked")
    paused = select(queues.c.name).where(queues.c.paused == inline(1))
    level = (
        select(
            asked.c.lane, _seek(job.priority, job.lane == asked.c.lane, last=True).label("priority")
        )
        .where(asked.c.lane.is_not(None), asked.c.lane.not_in(paused))
        .cte("level", recursive=True)
    )
    level = level.union_all(
        select(
            level.c.lane,
            _seek(
                job.priority,
                job.lane == level.c.lane,
                job.priority < level.c.priority,
                last=True,
            ),
        ).where(level.c.priority.is_not(None))
    )
    here = (job.lane == level.c.lane, job.priority == level.c.priority)
    due = _seek(job.run_at, *here, job.run_at <= NOW)
    coming = _seek(job.run_at, *here, job.run_at > NOW)
    return select(level.c.lane, level.c.priority, due.is_not(None), coming - NOW).where(
        level.c.priority.is_not(None)
    )


@cache
def _levels_of(size: int) -> Select[Row]:
    from_list = [select(cast(arg(key), String(128)).label("lane")) for key in _names(size)]
    return _levels(select(union_all(*from_list).subquery("listed").c.lane).distinct())


def _names(size: int) -> list[str]:
    return [f"lanes_{place}" for place in range(size)]


def _all_lanes() -> Select[Any]:
    job = jobs.c
    lane: CTE = select(_seek(job.lane, job.lane.is_not(None)).label("lane")).cte(
        "lanes", recursive=True
    )
    lane = lane.union_all(
        select(_seek(job.lane, job.lane > lane.c.lane)).where(lane.c.lane.is_not(None))
    )
    return select(lane.c.lane)


_LEVELS_OF_ALL: Final = _levels(_all_lanes())
