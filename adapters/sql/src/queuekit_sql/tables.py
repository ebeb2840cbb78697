"""The tables, for the whole contract from the first version on.

Columns hold integers, text and bytes alone: instants and durations as whole microseconds, ids and
nonces as 16 bytes, words of the contract as their own text, so that a person at a database shell
can read them. Conversions are made in `queuekit_sql.rows` and nowhere else. There are no foreign
keys: every verb that ends or deletes a job names what goes with it, and the hot path pays for no
check.

Each index is paid for by every job that enters or leaves it, so those on the way of a plain job are
few: `id`, `claim`, `live`, `queue` and `task` at enqueue; `claim` and `lease` at claim;
`lease`, `live` and `ended` at finish. The others are partial and a plain completed job never enters
them. MySQL has no partial indexes; there they are whole, which costs room and time but changes no
answer.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    and_,
)

from queuekit.job import MAX_KEY, MAX_NAME, JobState, Phase, Reason
from queuekit_sql.asking import inline

PREFIX: Final = "queuekit_"

metadata: Final = MetaData()

_SEQ = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER is SQLite's own row number
_ID = LargeBinary(16)
_NAME = String(MAX_NAME)
_KEY = String(MAX_KEY)
_WORD = String(16)
"""A word of the contract: a state, a reason, a policy."""


def _table(name: str, *columns: Column[Any], **options: Any) -> Table:
    return Table(PREFIX + name, metadata, *columns, **options)


def _key_table(name: str, *columns: Column[Any]) -> Table:
    """A table that is read by its key alone, which SQLite stores inside the key's tree.

    One tree to write, not two.
    """
    return _table(name, *columns, sqlite_with_rowid=False)


def _word(name: str) -> Column[Any]:
    return Column(name, _WORD)


def _required(name: str, kind: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, nullable=False, **options)


meta: Final = _key_table("meta", Column("key", _NAME, primary_key=True), _required("value", Text))

jobs: Final = _table(
    "jobs",
    Column("seq", _SEQ, primary_key=True, autoincrement=True),
    _required("id", _ID),
    _required("fingerprint", _ID),
    _required("queue", _NAME),
    _required("task", _NAME),
    _required("payload", Text),
    Column("meta", Text),
    Column("tags", Text),  # as JSON, for reading a job; the tags table is for finding it
    Column("limits", Text),  # likewise
    _required("priority", Integer),
    _required("phase", SmallInteger),
    _required("reason", _WORD),
    # The queue's name while the job may be claimed, else NULL: what the claim index holds.
    Column("lane", _NAME),
    _required("run_at", BigInteger),
    _required("enqueued_at", BigInteger),
    Column("expires_at", BigInteger),
    _required("max_attempts", Integer),
    _required("backoff", Text),
    _required("attempts", Integer),
    _required("round_start", Integer),
    _required("claims", BigInteger),
    _required("lost", Integer),
    _required("unknown", Integer),
    _required("blockers", Integer),
    _required("armed", SmallInteger),
    # The token is (claims, nonce); both outlive the lease, so that a repeated finish is known.
    Column("worker", Text),
    Column("nonce", _ID),
    Column("lease_until", BigInteger),  # not NULL exactly while running
    Column("started_at", BigInteger),  # while running: NULL for a reservation
    Column("given_back", Text),  # the last finish of a reservation, which leaves no history
    Column("finished_at", BigInteger),
    _word("final_state"),
    Column("final_reason", Text),
    Column("cancel_reason", Text),  # not NULL: a cancel was asked for while running
    Column("result", Text),
    Column("progress", Text),
    Column("unique_value", _KEY),
    _word("unique_until"),
    Column("unique_period", BigInteger),
    _word("unique_conflict"),
    Column("fire_schedule", _NAME),
    Column("fire_nominal", BigInteger),
    sqlite_autoincrement=True,  # a number is never given twice, even after its job was deleted
)

attempts: Final = _key_table(
    "attempts",
    Column("job_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("fence", BigInteger, primary_key=True, autoincrement=False),
    _required("number", Integer),
    _required("nonce", _ID),
    _required("worker", Text),
    _required("started_at", BigInteger),
    _required("ended_at", BigInteger),
    _required("move", String(32)),  # with the outcome: what a repeated finish must have in common
    _required("outcome", _WORD),
    Column("error_class", Text),
    Column("message", Text),
    Column("traceback", Text),
    Column("cause", Text),
)

calls: Final = _table(
    "calls",
    Column("n", _SEQ, primary_key=True, autoincrement=True),
    _required("nonce", _ID, unique=True),
)

tags: Final = _key_table(
    "tags",
    Column("tag", _NAME, primary_key=True),
    Column("job_seq", BigInteger, primary_key=True, autoincrement=False),
)

edges: Final = _key_table(
    "edges",
    Column("parent_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("child_seq", BigInteger, primary_key=True, autoincrement=False),
    _required("policy", _WORD),
)

job_limits: Final = _key_table(
    "job_limits",
    Column("kind", _WORD, primary_key=True),
    Column("scope", _KEY, primary_key=True),
    Column("value", _KEY, primary_key=True),
    Column("job_seq", BigInteger, primary_key=True, autoincrement=False),
)

limits: Final = _key_table(
    "limits",
    Column("kind", _WORD, primary_key=True),
    Column("scope", _KEY, primary_key=True),
    _required("n", Integer),
    Column("period", BigInteger),
    _required("version", BigInteger),
)

slots: Final = _key_table(
    "slots",
    Column("kind", _WORD, primary_key=True),
    Column("scope", _KEY, primary_key=True),
    Column("value", _KEY, primary_key=True),
    Column("job_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("fence", BigInteger, primary_key=True, autoincrement=False),
    _required("taken_at", BigInteger),
)

unique_keys: Final = _key_table(
    "unique_keys",
    Column("value", _KEY, primary_key=True),
    _required("holder_seq", BigInteger),
    Column("until_at", BigInteger),
)

queues: Final = _key_table(
    "queues",
    Column("name", _NAME, primary_key=True),
    _required("paused", SmallInteger),
    _required("mode", _WORD),
)

workers: Final = _key_table(
    "workers",
    Column("id", String(MAX_KEY), primary_key=True),
    _required("started_at", BigInteger),
    _required("beat_at", BigInteger),
    _required("info", Text),
)

schedules: Final = _key_table(
    "schedules",
    Column("name", _NAME, primary_key=True),
    _required("app", _NAME),
    _required("version", BigInteger),
    _required("definition", Text),
    _required("due", BigInteger),
    Column("last", BigInteger),
    _required("paused", SmallInteger),
    _required("removed", SmallInteger),  # the row stays: its last nominal time never falls
)

declarations: Final = _key_table(
    "declarations",
    Column("app", _NAME, primary_key=True),
    _required("version", BigInteger),
)

fires: Final = _key_table(
    "fires",
    Column("schedule", _NAME, primary_key=True),
    Column("nominal", BigInteger, primary_key=True, autoincrement=False),
    Column("job_id", _ID),
)

locks: Final = _key_table(
    "locks",
    Column("name", _KEY, primary_key=True),
    Column("owner", LargeBinary(64)),
    _required("fence", BigInteger),
    _required("expires_at", BigInteger),
)

guards: Final = _key_table("guards", Column("name", _KEY, primary_key=True))

log: Final = _key_table(
    "log",
    Column("job_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False),
    _required("line", Text),
)


def _index(
    name: str, *columns: ColumnElement[Any], where: ColumnElement[bool] | None = None
) -> None:
    Index(PREFIX + name, *columns, sqlite_where=where, postgresql_where=where)


_job = jobs.c
NO_GOOD_END: Final = _job.final_state.in_([inline(JobState.DISCARDED), inline(JobState.CANCELLED)])
"""What a query repeats, word for word, to be given the index of jobs that went wrong."""

Index(PREFIX + "jobs_id", _job.id, unique=True)

# CLAIM: only what may be claimed, in the order in which it is. A seek a queue and priority, however
# long each is.
_index(
    "jobs_claim",
    _job.lane,
    _job.priority.desc(),
    _job.run_at,
    _job.seq,
    where=_job.lane.is_not(None),
)
# LEASE: what rescue looks for, oldest first.
_index("jobs_lease", _job.lease_until, _job.seq, where=_job.lease_until.is_not(None))
# CONTROL, expiry: jobs without one never enter.
_index(
    "jobs_expiry",
    _job.expires_at,
    _job.seq,
    where=and_(_job.phase == inline(Phase.WAITING), _job.expires_at.is_not(None)),
)
# CONTROL, lists: each in `seq` order, so that a page is one short walk. Most final jobs are
# completed and are found by walking the table itself; the few that went wrong, which is what people
# look for, have an index of their own. `queue` and `task` never change between enqueue and prune
# (but for amend), so a job pays for them once.
_index("jobs_live", _job.seq, where=_job.phase < inline(Phase.FINAL))
_index("jobs_queue", _job.queue, _job.seq)
_index("jobs_task", _job.task, _job.seq)
_index("jobs_wrong", _job.final_state, _job.seq, where=NO_GOOD_END)
_index(
    "jobs_retry",
    _job.seq,
    where=and_(_job.phase == inline(Phase.WAITING), _job.reason == inline(Reason.RETRY)),
)
_index("jobs_unique", _job.unique_value, _job.seq, where=_job.unique_value.is_not(None))
# CONTROL, prune: oldest end first.
_index(
    "jobs_ended",
    _job.final_state,
    _job.finished_at,
    _job.seq,
    where=_job.final_state.is_not(None),
)
# What goes with a job that ends or is deleted.
_index("edges_child", edges.c.child_seq)
_index("tags_job", tags.c.job_seq)
_index("job_limits_job", job_limits.c.job_seq)
_index("slots_job", slots.c.job_seq)
