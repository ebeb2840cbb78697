"""The waiting jobs of one queue, sorted in the order of claims.

A claim must cost the same however many jobs wait for a later time, so it never walks over them: it
seeks once per priority in use. A row's place hangs on its fields, so nobody changes these while the
row stands in a line (see `Tables.changing`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from operator import attrgetter

from queuekit.memory.rows import Row

_order = attrgetter("order")


class WaitingLine:
    """Rows sorted by `Row.order`."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def add(self, row: Row) -> None:
        """Let a row stand in line."""
        insort(self._rows, row, key=_order)

    def remove(self, row: Row) -> None:
        """Take a row out of the line."""
        del self._rows[self._seek(*row.order)]

    def due(self, now: int) -> Iterator[Row]:
        """The rows that may run now, best first. The line must stay as it is meanwhile."""
        at = 0
        while at < len(self._rows):
            row = self._rows[at]
            if row.run_at <= now:
                yield row
                at += 1
            else:
                at = self._seek(-row.priority + 1)  # the rest of this priority is later still

    def next_due(self, now: int) -> int | None:
        """When the first row that is not due yet will be."""
        upcoming = []
        at = 0
        while at < len(self._rows):
            priority = self._rows[at].priority
            later = self._seek(-priority, now + 1)
            at = self._seek(-priority + 1)
            if later < at:
                upcoming.append(self._rows[later].run_at)
        return min(upcoming, default=None)

    def _seek(self, *place: int) -> int:
        """Index of the first row at or after a place; a shorter one stands before all it begins."""
        return bisect_left(self._rows, place, key=_order)
