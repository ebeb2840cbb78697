"""The store: queuekit's verbs on one SQLite file."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Column, MetaData, Table, Text, select

from queuekit.admission import admit, check_batch, check_name
from queuekit.clock import duration_micros, from_micros, system_micros
from queuekit.errors import SchemaVersion, UnsupportedOperation
from queuekit.job import Attempt, Claim, Enqueued, Job, JobState, NewJob, Token
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
    OpenOptions,
    Page,
    QueueInfo,
    QueueMode,
    StoreInfo,
    WorkerBeat,
    WorkerInfo,
)
from queuekit_sql import (
    claiming,
    controlling,
    enqueueing,
    finishing,
    leasing,
    listing,
    reading,
    removing,
    schema,
)
from queuekit_sql.tables import meta
from queuekit_sqlite.failures import explain
from queuekit_sqlite.forks import gate
from queuekit_sqlite.links import Link, Links
from queuekit_sqlite.location import Location, Synchronous, read_url
from queuekit_sqlite.transactions import Transactions

_TOPOLOGY: Final = "one local disk"

_catalogue = Table("sqlite_master", MetaData(), Column("name", Text))
_HAS_TABLES: Final = select(_catalogue.c.name).where(_catalogue.c.name == meta.name)


class SqliteStore:
    """A store in one file. Its clock is the host's, which all its processes share."""

    def __init__(self, location: Location, *, testing: bool = False) -> None:
        self._location = location
        self._testing = testing
        self._travelled = 0
        self._links = Links(location)
        self._transactions = Transactions(self._links, self._now)
        self._mark_lock = threading.Lock()
        self._mark: Link | None = None
        self._marks = 0

    @classmethod
    def open(cls, url: str, options: OpenOptions) -> SqliteStore:
        """Open a store by its URL, and make its tables if there are none.

        Raises:
            ConfigurationError: the URL makes no sense.
            StoreError: the file cannot be used.
        """
        store = cls(read_url(url, options.options), testing=options.testing)
        try:
            store._check_schema()
        except BaseException:
            store.close()
            raise
        return store

    def _now(self) -> int:
        return system_micros() + self._travelled

    def _check_schema(self) -> None:
        """Most openings find the tables made and write nothing."""
        found = self._transactions.read(schema.found_version(_HAS_TABLES))
        if found < schema.VERSION:
            found = self.migrate()
        if found > schema.VERSION:
            raise SchemaVersion(found, schema.VERSION, str(self._location.path))

    @property
    def capabilities(self) -> Capabilities:
        """What this store claims.

        SQLite's locks hold between processes on one machine's own disk.
        """
        survives_power_cut = self._location.synchronous is Synchronous.FULL
        return Capabilities(
            adapter="sqlite",
            durability=Durability(
                process_kill=True,
                server_kill=True,
                power_cut=survives_power_cut,
                setting=f"synchronous={self._location.synchronous}",
            ),
            graphs=Ability(Level.STRICT, _TOPOLOGY),
        )

    def info(self) -> StoreInfo:
        """Who and where the store is, and its own now."""
        found = self._transactions.read(schema.found_version(_HAS_TABLES))
        return StoreInfo(
            location=str(self._location.path),
            now=from_micros(self._now()),
            schema=found,
            server=f"SQLite {sqlite3.sqlite_version}",
            warnings=(),
        )

    def close(self) -> None:
        """Let go of every connection."""
        self._links.close()

    def migrate(self) -> int:
        """Bring the schema to this release.

        The write transaction is the lock: of many processes one makes it.
        """
        found = self._transactions.write(schema.migrate(_HAS_TABLES, secrets.token_hex(16)))
        return max(found, schema.VERSION)

    # --- sending

    def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Enqueued, ...]:
        """Store jobs, all or nothing."""
        admit(jobs, self.capabilities)
        if not jobs:
            return ()
        return self._transactions.write(enqueueing.enqueue(jobs))

    # --- running

    def claim(self, request: ClaimRequest) -> Claimed:
        """Take due jobs under a lease."""
        claiming.check_request(request)
        return self._transactions.write(claiming.claim(request))

    def finish(self, finishes: Sequence[Finish], starts: Sequence[Token] = ()) -> Finished:
        """Apply resolutions and record starts."""
        check_batch([*finishes, *starts])
        return self._transactions.write(finishing.finish(finishes, starts))

    def extend(self, beat: WorkerBeat, tokens: Sequence[Token], lease: timedelta) -> Extended:
        """Move the leases' ends, and note that the worker lives."""
        check_batch(tokens)
        return self._transactions.write(leasing.extend(beat, tokens, lease))

    def leave(self, worker: str) -> None:
        """Forget the worker's heartbeat."""
        self._transactions.write(leasing.leave(worker))

    def progress(self, token: Token, progress: str, log: Sequence[str] = ()) -> Answer:
        """Replace the running job's progress, and add to its log."""
        return self._transactions.write(leasing.progress(token, progress, log))

    def rescue(self, request: ClaimRequest) -> tuple[Claim, ...]:
        """Take over leases that ran out."""
        claiming.check_request(request)
        return self._transactions.write(leasing.rescue(request))

    def expire(self, limit: int) -> int:
        """End waiting jobs whose expiry has passed."""
        return self._transactions.write(removing.expire(limit))

    # --- control

    def arm(self, ids: Sequence[UUID]) -> tuple[Controlled, ...]:
        """Let jobs that were stored unarmed run once their parents are final."""
        check_batch(ids)
        return self._transactions.write(controlling.arm(ids))

    def cancel(self, ids: Sequence[UUID], reason: str) -> tuple[Controlled, ...]:
        """End what does not run, ask for the rest."""
        check_batch(ids)
        return self._transactions.write(controlling.cancel(ids, reason))

    def discard(self, ids: Sequence[UUID], reason: str) -> tuple[Controlled, ...]:
        """Give up waiting and pending jobs."""
        check_batch(ids)
        return self._transactions.write(controlling.discard(ids, reason))

    def rerun(self, ids: Sequence[UUID]) -> tuple[Controlled, ...]:
        """Send final jobs round again."""
        check_batch(ids)
        return self._transactions.write(controlling.rerun(ids))

    def amend(self, ids: Sequence[UUID], change: Change) -> tuple[Controlled, ...]:
        """Reschedule, reprioritise or move waiting and pending jobs."""
        check_batch(ids)
        controlling.check_change(change)
        return self._transactions.write(controlling.amend(ids, change))

    def set_queue(
        self, name: str, *, paused: bool | None = None, mode: QueueMode | None = None
    ) -> None:
        """Change a queue's settings."""
        check_name("queue", name)
        self._transactions.write(controlling.set_queue(name, paused, mode))

    def purge(self, queue: str, limit: int) -> int:
        """Delete waiting jobs of a queue."""
        return self._transactions.write(removing.purge(queue, limit))

    def prune(self, states: frozenset[JobState], older_than: timedelta, limit: int) -> int:
        """Delete old final jobs, with their history."""
        removing.check_final(states)
        return self._transactions.write(removing.prune(states, older_than, limit))

    # --- reading

    def get(self, ids: Sequence[UUID]) -> tuple[Job | None, ...]:
        """The jobs, None for each that is not there."""
        check_batch(ids)
        return self._transactions.read(reading.get(ids))

    def history(self, job_id: UUID) -> tuple[Attempt, ...]:
        """Ended attempts, first to last."""
        return self._transactions.read(reading.history(job_id))

    def list(self, where: JobFilter, cursor: int | None = None, limit: int = 100) -> Page:
        """Jobs that match, newest first."""
        listing.check_limit(limit)
        return self._transactions.read(listing.page(where, cursor, limit))

    def count(self, where: JobFilter, bound: int) -> Count:
        """How many jobs match, counted up to `bound`."""
        return self._transactions.read(listing.count(where, bound))

    def queues(self) -> tuple[QueueInfo, ...]:
        """Every queue that has live jobs or settings, by name."""
        return self._transactions.read(reading.all_queues())

    def workers(self) -> tuple[WorkerInfo, ...]:
        """Workers with a heartbeat on record, by id."""
        return self._transactions.read(reading.all_workers())

    # --- abilities

    def change_mark(self) -> int:
        """SQLite's own count of commits by others, read on a connection that never writes.

        No lock, no file is opened.
        """
        try:
            with gate, self._mark_lock:
                if self._mark is None or not self._mark.is_open:
                    # A new connection counts from the start: `_marks` keeps the numbers apart.
                    self._mark, self._marks = self._links.extra(), self._marks + 1
                row = self._mark.cursor.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error as error:
            raise explain(error, self._location.path) from error
        return (self._marks << 32) + int(row[0])

    def travel(self, by: timedelta) -> None:
        """Move the store's now forward; every store object has a clock of its own."""
        if not self._testing:
            raise UnsupportedOperation("travel", "sqlite")
        self._travelled += duration_micros(by)
