"""How a job ends, and what follows from it in the same step: its children are released.

An ended parent's edges are deleted as they are followed, so no child is released twice or never.
A child that its parent's end cancels ends here too, and so on down: in a loop, because a graph may
be deeper than Python's stack.
"""

from __future__ import annotations

from collections import deque

from queuekit.job import JobState, ParentPolicy, Phase
from queuekit.lifecycle import EXPIRED_REASON, PARENT_REASON
from queuekit.memory.rows import Row
from queuekit.memory.tables import Tables


def end(
    tables: Tables,
    now: int,
    row: Row,
    final: JobState,
    reason: str | None = None,
    result: str | None = None,
) -> None:
    """Make the job final, and let its children run or end by their policies."""
    _close(tables, now, row, final, reason, result)
    ended = deque([row])
    while ended:
        parent = ended.popleft()
        for child in _cut_children(tables, parent):
            policy = child.parents.pop(parent.id)
            if child.phase is not Phase.BLOCKED:
                continue  # it ended before, by its own cancel or another parent
            if is_satisfied(policy, parent):
                unblock(tables, child)
            else:
                _close(tables, now, child, JobState.CANCELLED, PARENT_REASON)
                ended.append(child)


def expire(tables: Tables, now: int, row: Row) -> None:
    """End a job that waited past its expiry."""
    end(tables, now, row, JobState.DISCARDED, EXPIRED_REASON)


def is_satisfied(policy: ParentPolicy, parent: Row) -> bool:
    """Whether the end of a parent is the one that its child waits for."""
    return policy is ParentPolicy.FINAL or parent.final is JobState.COMPLETED


def unblock(tables: Tables, row: Row) -> None:
    """Let a blocked job wait for its time, if nothing else holds it back."""
    if row.phase is Phase.BLOCKED and row.armed and not row.parents:
        with tables.changing(row):
            row.phase = Phase.WAITING


def _close(
    tables: Tables,
    now: int,
    row: Row,
    final: JobState,
    reason: str | None,
    result: str | None = None,
) -> None:
    with tables.changing(row):
        row.phase, row.final = Phase.FINAL, final
        row.final_reason, row.result, row.finished_at = reason, result, now
        row.drop_lease()


def _cut_children(tables: Tables, parent: Row) -> list[Row]:
    children = [tables.rows[child] for child in parent.children]
    parent.children.clear()
    return children
