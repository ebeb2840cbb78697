"""Everything that one store holds, and the indexes over it.

Every change of a row goes through `insert`, `changing` or `delete`, which keep the indexes true and
move the change mark; a change that no index sees says `touch`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Final
from uuid import UUID

from queuekit.clock import MAX_MICROS, system_micros
from queuekit.job import Phase
from queuekit.memory.line import WaitingLine
from queuekit.memory.rows import Row
from queuekit.storage import QueueMode

REMEMBERED_CALLS: Final = 65_536
"""Nonces kept of past claims and rescues, so that repeating one takes nothing new. A repeat follows
within seconds; so many calls are a minute of the busiest process, in a few megabytes."""


@dataclass(slots=True)
class QueueSettings:
    """What was set for a queue."""

    paused: bool = False
    mode: QueueMode = QueueMode.STRICT


@dataclass(slots=True)
class WorkerRecord:
    """A worker's heartbeat."""

    started_at: int
    beat_at: int
    info: str


class Tables:
    """The rows of one store. Whoever reads or writes them holds `lock`."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.travelled = 0
        """Microseconds that tests moved the clock: it is one for all who share the store."""
        self.mark = 0
        self.rows: dict[UUID, Row] = {}
        """In the order of `seq`, because a dict keeps the order of insertion."""
        self.running: dict[UUID, Row] = {}
        self.settings: dict[str, QueueSettings] = {}
        self.workers: dict[str, WorkerRecord] = {}
        self._lines: dict[str, WaitingLine] = {}
        self._calls: dict[bytes, None] = {}
        self._last_seq = 0

    def now(self) -> int:
        """The store's clock."""
        return min(system_micros() + self.travelled, MAX_MICROS)

    # --- rows

    def next_seq(self) -> int:
        """A number that was never given before, and never will be again."""
        self._last_seq += 1
        return self._last_seq

    def insert(self, row: Row) -> None:
        """Store a new row; rows come in the order of their `seq`."""
        self.rows[row.id] = row
        self._enter(row)
        self.touch()

    @contextmanager
    def changing(self, row: Row) -> Iterator[None]:
        """Around each change of phase, queue, priority or time: no index holds the row then."""
        self._leave(row)
        try:
            yield
        finally:
            self._enter(row)
            self.touch()

    def delete(self, row: Row) -> None:
        """Forget a final row with its history, and its edges to parents that still run."""
        self._leave(row)
        self.cut_from_parents(row)
        del self.rows[row.id]
        self.touch()

    def cut_from_parents(self, row: Row) -> None:
        """Let the row wait for nobody any more."""
        for parent in row.parents:
            del self.rows[parent].children[row.id]
        row.parents.clear()

    def touch(self) -> None:
        """Show others that something was written."""
        self.mark += 1

    # --- waiting rows

    def is_paused(self, queue: str) -> bool:
        """Whether claims pass the queue by."""
        settings = self.settings.get(queue)
        return settings is not None and settings.paused

    def open_lines(self, queues: Iterable[str] | None) -> list[WaitingLine]:
        """The lines of these queues (None: of all) that are not paused."""
        asked = self._lines.keys() if queues is None else self._lines.keys() & set(queues)
        return [self._lines[queue] for queue in asked if not self.is_paused(queue)]

    def waiting(self) -> Iterator[Row]:
        """All waiting rows, in no order."""
        for line in self._lines.values():
            yield from line

    def waiting_in(self, queue: str) -> Iterator[Row]:
        """The waiting rows of a queue, paused or not, in the order of claims."""
        yield from self._lines.get(queue, ())

    def _enter(self, row: Row) -> None:
        if row.phase is Phase.WAITING:
            self._lines.setdefault(row.queue, WaitingLine()).add(row)
        elif row.phase is Phase.RUNNING:
            self.running[row.id] = row

    def _leave(self, row: Row) -> None:
        if row.phase is Phase.WAITING:
            line = self._lines[row.queue]
            line.remove(row)
            if not line:
                del self._lines[row.queue]
        elif row.phase is Phase.RUNNING:
            del self.running[row.id]

    # --- calls

    def remember_call(self, nonce: bytes) -> None:
        """Note that a claim or rescue of this nonce took jobs."""
        self._calls[nonce] = None
        if len(self._calls) > REMEMBERED_CALLS:
            del self._calls[next(iter(self._calls))]

    def is_known_call(self, nonce: bytes) -> bool:
        """Whether a claim or rescue of this nonce took jobs before."""
        return nonce in self._calls
