"""Which workers are alive, and which queues they serve, as their heartbeats say.

A heartbeat's text was written by a worker of any version, so whatever is not understood is taken
for not said. A worker that does not say which queues it serves is taken to serve every queue: it
is better not to warn than to warn for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from queuekit.storage import Store, WorkerInfo
from queuekit.worker.settings import DEFAULT_LEASE

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker with a heartbeat on record. `queues` is None for every queue."""

    id: str
    alive: bool
    started_at: datetime
    beat_at: datetime
    lease: timedelta
    queues: tuple[str, ...] | None
    host: str | None
    pid: int | None
    app: str | None
    processes: int | None
    coroutines: int | None
    version: str | None

    def serves(self, queue: str) -> bool:
        """Whether it is alive and takes jobs of the queue."""
        return self.alive and (self.queues is None or queue in self.queues)


def workers_of(store: Store) -> list[Worker]:
    """All workers on record, the silent ones included."""
    now = store.info().now
    return [read_worker(info, now) for info in store.workers()]


def read_worker(info: WorkerInfo, now: datetime) -> Worker:
    """What a heartbeat says, as seen from the store's now."""
    said = _object(info.info)
    lease = _lease(said.get("lease"))
    return Worker(
        id=info.id,
        alive=now - info.beat_at < lease,
        started_at=info.started_at,
        beat_at=info.beat_at,
        lease=lease,
        queues=_queues(said.get("queues")),
        host=_a(str, said.get("host")),
        pid=_a(int, said.get("pid")),
        app=_a(str, said.get("app")),
        processes=_a(int, said.get("processes")),
        coroutines=_a(int, said.get("coroutines")),
        version=_a(str, said.get("version")),
    )


def serving(workers: Iterable[Worker], queue: str) -> list[Worker]:
    """The live workers that take jobs of the queue."""
    return [worker for worker in workers if worker.serves(queue)]


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _lease(value: object) -> timedelta:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 10**9:
        return timedelta(seconds=value)
    return DEFAULT_LEASE  # it does not say


def _queues(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(name for name in value if isinstance(name, str))


def _a(kind: type[T], value: object) -> T | None:
    return value if isinstance(value, kind) and not isinstance(value, bool) else None
