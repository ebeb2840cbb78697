"""The seam's verbs: each is one step under the store's lock, at one reading of the store's clock.

What a verb means stands in the module of its kind; here it only becomes atomic.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

from queuekit.admission import (
    admit,
    check_batch,
    check_beat,
    check_change,
    check_filter,
    check_final,
    check_finishes,
    check_mode,
    check_name,
    check_number,
    check_page,
    check_progress,
    check_request,
    check_text,
    check_travel,
)
from queuekit.clock import duration_micros, from_micros
from queuekit.errors import StoreUnavailable
from queuekit.job import MAX_KEY, Attempt, Claim, Enqueued, JobState, NewJob, StoredJob, Token
from queuekit.memory import claiming, control, finishing, reading, sending
from queuekit.memory.tables import Tables
from queuekit.storage import (
    Ability,
    Answer,
    Capabilities,
    Change,
    Claimed,
    ClaimRequest,
    Controlled,
    Count,
    Durability,
    Extended,
    Finish,
    Finished,
    JobFilter,
    Level,
    Page,
    QueueInfo,
    QueueMode,
    StoreInfo,
    WorkerBeat,
    WorkerInfo,
)

SCHEMA: Final = 1
"""There are no tables to migrate; the number is for those who show it."""

CAPABILITIES: Final = Capabilities(
    adapter="memory",
    durability=Durability(
        process_kill=False,
        server_kill=False,
        power_cut=False,
        setting="jobs live in this process and end with it",
    ),
    graphs=Ability(Level.STRICT, "one process"),
)


class MemoryStore:
    """A handle on the tables of one store; several handles may share them."""

    def __init__(self, tables: Tables, location: str, *, testing: bool) -> None:
        self._tables = tables
        self._location = location
        self._testing = testing
        self._closed = False

    @contextmanager
    def _step(self) -> Iterator[tuple[Tables, int]]:
        """One atomic step: nobody else in the tables, and one now."""
        with self._tables.lock:
            if self._closed:
                raise StoreUnavailable(f"this handle on {self._location} was closed; open it again")
            yield self._tables, self._tables.now()

    @property
    def capabilities(self) -> Capabilities:
        """What this store claims."""
        return CAPABILITIES

    def info(self) -> StoreInfo:
        """Where the store is, and its own now."""
        with self._step() as (_, now):
            return StoreInfo(
                location=self._location,
                now=from_micros(now),
                schema=SCHEMA,
                server=f"Python {platform.python_version()}",
                warnings=("nothing survives the end of this process",),
            )

    def close(self) -> None:
        """End this handle; a named store stays for others, and for the next to open it."""
        with self._tables.lock:
            self._closed = True

    def migrate(self) -> int:
        """Nothing to do."""
        return SCHEMA

    def travel(self, by: timedelta) -> None:
        """Move the store's now forward, for all who share the store.

        Raises:
            ConfigurationError: the store was not opened for testing.
            ValueError: the way leads back.
        """
        check_travel(by, testing=self._testing)
        with self._step() as (tables, _):
            tables.travelled += duration_micros(by)

    def change_mark(self) -> int:
        """A number that grows with every write that others may want to see."""
        with self._step() as (tables, _):
            return tables.mark

    # --- sending

    def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Enqueued, ...]:
        """Store the jobs, all or nothing."""
        admit(jobs, CAPABILITIES)
        with self._step() as (tables, now):
            return sending.enqueue(tables, now, jobs)

    def arm(self, ids: Sequence[UUID]) -> tuple[Controlled, ...]:
        """Let jobs that were stored unarmed run once their parents are final."""
        check_batch(ids)
        with self._step() as (tables, now):
            return control.arm(tables, now, ids)

    # --- running

    def claim(self, request: ClaimRequest) -> Claimed:
        """Take due jobs under a lease."""
        check_request(request)
        with self._step() as (tables, now):
            return claiming.claim(tables, now, request)

    def finish(self, finishes: Sequence[Finish], starts: Sequence[Token] = ()) -> Finished:
        """Apply resolutions and record starts."""
        check_batch([*finishes, *starts])
        check_finishes(finishes)
        with self._step() as (tables, now):
            return finishing.finish(tables, now, finishes, starts)

    def extend(self, beat: WorkerBeat, tokens: Sequence[Token], lease: timedelta) -> Extended:
        """Keep leases, and note that the worker lives."""
        check_beat(beat)
        check_batch(tokens)
        with self._step() as (tables, now):
            return finishing.extend(tables, now, beat, tokens, lease)

    def leave(self, worker: str) -> None:
        """Forget the worker's heartbeat."""
        check_name("worker", worker, MAX_KEY)
        with self._step() as (tables, _):
            tables.workers.pop(worker, None)

    def progress(self, token: Token, progress: str, log: Sequence[str] = ()) -> Answer:
        """Note how far a running job is."""
        check_progress(progress, log)
        with self._step() as (tables, _):
            return finishing.progress(tables, token, progress, log)

    def rescue(self, request: ClaimRequest) -> tuple[Claim, ...]:
        """Take over leases that ran out."""
        check_request(request)
        with self._step() as (tables, now):
            return claiming.rescue(tables, now, request)

    def expire(self, limit: int) -> int:
        """End waiting jobs whose expiry has passed."""
        check_number("limit", limit, 0)
        with self._step() as (tables, now):
            return control.expire(tables, now, limit)

    # --- control

    def cancel(self, ids: Sequence[UUID], reason: str) -> tuple[Controlled, ...]:
        """Cancel jobs, or ask their workers to."""
        check_text("reason", reason)
        check_batch(ids)
        with self._step() as (tables, now):
            return control.cancel(tables, now, ids, reason)

    def discard(self, ids: Sequence[UUID], reason: str) -> tuple[Controlled, ...]:
        """Give up waiting and pending jobs."""
        check_text("reason", reason)
        check_batch(ids)
        with self._step() as (tables, now):
            return control.discard(tables, now, ids, reason)

    def rerun(self, ids: Sequence[UUID]) -> tuple[Controlled, ...]:
        """Send final jobs round again."""
        check_batch(ids)
        with self._step() as (tables, now):
            return control.rerun(tables, now, ids)

    def amend(self, ids: Sequence[UUID], change: Change) -> tuple[Controlled, ...]:
        """Reschedule, reprioritise or move waiting and pending jobs."""
        check_change(change)
        check_batch(ids)
        with self._step() as (tables, now):
            return control.amend(tables, now, ids, change)

    def set_queue(
        self, name: str, *, paused: bool | None = None, mode: QueueMode | None = None
    ) -> None:
        """Change a queue's settings for all workers."""
        check_name("queue", name)
        check_mode(mode, CAPABILITIES)
        with self._step() as (tables, _):
            control.set_queue(tables, name, paused, mode)

    def purge(self, queue: str, limit: int) -> int:
        """Delete waiting jobs of a queue."""
        check_name("queue", queue)
        check_number("limit", limit, 0)
        with self._step() as (tables, now):
            return control.purge(tables, now, queue, limit)

    def prune(self, states: frozenset[JobState], older_than: timedelta, limit: int) -> int:
        """Delete old final jobs with their history."""
        check_final(states)
        check_number("limit", limit, 0)
        with self._step() as (tables, now):
            return control.prune(tables, now, states, older_than, limit)

    # --- reading

    def get(self, ids: Sequence[UUID]) -> tuple[StoredJob | None, ...]:
        """The jobs, None for each that is not there."""
        check_batch(ids)
        with self._step() as (tables, now):
            return reading.get(tables, now, ids)

    def history(self, job_id: UUID) -> tuple[Attempt, ...]:
        """Ended attempts, first to last."""
        with self._step() as (tables, _):
            return reading.history(tables, job_id)

    def list(self, where: JobFilter, cursor: int | None = None, limit: int = 100) -> Page:
        """Jobs that match, newest first."""
        check_page(where, cursor, limit)
        with self._step() as (tables, now):
            return reading.page(tables, now, where, cursor, limit)

    def count(self, where: JobFilter, bound: int) -> Count:
        """How many jobs match, counted up to `bound`."""
        check_filter(where)
        check_number("bound", bound, 1)
        with self._step() as (tables, now):
            return reading.count(tables, now, where, bound)

    def queues(self) -> tuple[QueueInfo, ...]:
        """Every queue that has live jobs or settings, by name."""
        with self._step() as (tables, now):
            return reading.queues(tables, now)

    def workers(self) -> tuple[WorkerInfo, ...]:
        """Workers with a heartbeat on record, by id."""
        with self._step() as (tables, _):
            return reading.workers(tables)
