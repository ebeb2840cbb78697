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
from queuekit.clock import MAX_MICROS, duration_micros, from_micros, system_micros
from queuekit.errors import SchemaVersion
from queuekit.job import MAX_KEY, Attempt, Claim, Enqueued, JobState, NewJob, StoredJob, Token
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
from queuekit_sql.asking import inline
from queuekit_sqlite.failures import explain
from queuekit_sqlite.forks import gate
from queuekit_sqlite.links import Link, Links
from queuekit_sqlite.location import Location, Synchronous, read_url
from queuekit_sqlite.transactions import Transactions

_TOPOLOGY: Final = "one local disk"

_catalogue = Table("sqlite_master", MetaData(), Column("name", Text))
_NAMES: Final = select(_catalogue.c.name).where(
    _catalogue.c.name.in_([inline(name) for name in sorted(schema.OURS)])
)


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
        store = cls(read_url(url, options.options, options.folder), testing=options.testing)
        try:
            store._check_schema()
        except BaseException:
            store.close()
            raise
        return store

    def _now(self) -> int:
        return min(system_micros() + self._travelled, MAX_MICROS)

    def _check_schema(self) -> None:
        """Most openings find the tables made and write nothing."""
        found = self._transactions.read(schema.found_version(_NAMES, str(self._location.path)))
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
        found = self._transactions.read(schema.found_version(_NAMES, str(self._location.path)))
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
        where, new_id = str(self._location.path), secrets.token_hex(16)
        found = self._transactions.write(schema.migrate(_NAMES, where, new_id))
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
        check_request(request)
        return self._transactions.write(claiming.claim(request))

    def finish(self, finishes: Sequence[Finish], starts: Sequence[Token] = ()) -> Finished:
        """Apply resolutions and record starts."""
        check_batch([*finishes, *starts])
        check_finishes(finishes)
        return self._transactions.write(finishing.finish(finishes, starts))

    def extend(self, beat: WorkerBeat, tokens: Sequence[Token], lease: timedelta) -> Extended:
        """Move the leases' ends, and note that the worker lives."""
        check_beat(beat)
        check_batch(tokens)
        return self._transactions.write(leasing.extend(beat, tokens, lease))

    def leave(self, worker: str) -> None:
        """Forget the worker's heartbeat."""
        check_name("worker", worker, MAX_KEY)
        self._transactions.write(leasing.leave(worker))

    def progress(self, token: Token, progress: str, log: Sequence[str] = ()) -> Answer:
        """Replace the running job's progress, and add to its log."""
        check_progress(progress, log)
        return self._transactions.write(leasing.progress(token, progress, log))

    def rescue(self, request: ClaimRequest) -> tuple[Claim, ...]:
        """Take over leases that ran out."""
        check_request(request)
        return self._transactions.write(leasing.rescue(request))

    def expire(self, limit: int) -> int:
        """End waiting jobs whose expiry has passed."""
        check_number("limit", limit, 0)
        return self._transactions.write(removing.expire(limit))

    # --- control

    def arm(self, ids: Sequence[UUID]) -> tuple[Controlled, ...]:
        """Let jobs that were stored unarmed run once their parents are final."""
        check_batch(ids)
        return self._transactions.write(controlling.arm(ids))

    def cancel(self, ids: Sequence[UUID], reason: str) -> tuple[Controlled, ...]:
        """End what does not run, ask for the rest."""
        check_text("reason", reason)
        check_batch(ids)
        return self._transactions.write(controlling.cancel(ids, reason))

    def discard(self, ids: Sequence[UUID], reason: str) -> tuple[Controlled, ...]:
        """Give up waiting and pending jobs."""
        check_text("reason", reason)
        check_batch(ids)
        return self._transactions.write(controlling.discard(ids, reason))

    def rerun(self, ids: Sequence[UUID]) -> tuple[Controlled, ...]:
        """Send final jobs round again."""
        check_batch(ids)
        return self._transactions.write(controlling.rerun(ids))

    def amend(self, ids: Sequence[UUID], change: Change) -> tuple[Controlled, ...]:
        """Reschedule, reprioritise or move waiting and pending jobs."""
        check_change(change)
        check_batch(ids)
        return self._transactions.write(controlling.amend(ids, change))

    def set_queue(
        self, name: str, *, paused: bool | None = None, mode: QueueMode | None = None
    ) -> None:
        """Change a queue's settings."""
        check_name("queue", name)
        check_mode(mode, self.capabilities)
        self._transactions.write(controlling.set_queue(name, paused, mode))

    def purge(self, queue: str, limit: int) -> int:
        """Delete waiting jobs of a queue."""
        check_name("queue", queue)
        check_number("limit", limit, 0)
        return self._transactions.write(removing.purge(queue, limit))

    def prune(self, states: frozenset[JobState], older_than: timedelta, limit: int) -> int:
        """Delete old final jobs, with their history."""
        check_final(states)
        check_number("limit", limit, 0)
        return self._transactions.write(removing.prune(states, older_than, limit))

    # --- reading

    def get(self, ids: Sequence[UUID]) -> tuple[StoredJob | None, ...]:
        """The jobs, None for each that is not there."""
        check_batch(ids)
        return self._transactions.read(reading.get(ids))

    def history(self, job_id: UUID) -> tuple[Attempt, ...]:
        """Ended attempts, first to last."""
        return self._transactions.read(reading.history(job_id))

    def list(self, where: JobFilter, cursor: int | None = None, limit: int = 100) -> Page:
        """Jobs that match, newest first."""
        check_page(where, cursor, limit)
        return self._transactions.read(listing.page(where, cursor, limit))

    def count(self, where: JobFilter, bound: int) -> Count:
        """How many jobs match, counted up to `bound`."""
        check_filter(where)
        check_number("bound", bound, 1)
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
        return gate.through(self._read_mark)

    def _read_mark(self) -> int:
        with self._mark_lock:
            if self._mark is None or not self._mark.is_open:
                # A new connection counts from the start: `_marks` keeps the numbers apart.
                self._mark, self._marks = self._links.extra(), self._marks + 1
            try:
                version = self._links.use(_data_version, self._mark)
            except sqlite3.Error as error:
                raise explain(error, self._location.path) from error
            return (self._marks << 32) + version

    def travel(self, by: timedelta) -> None:
        """Move the store's now forward; every store object has a clock of its own."""
        check_travel(by, testing=self._testing)
        self._travelled += duration_micros(by)


def _data_version(cursor: sqlite3.Cursor) -> int:
    return int(cursor.execute("PRAGMA data_version").fetchone()[0])
