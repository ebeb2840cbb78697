"""Enqueue: all or nothing, idempotent by id, in list order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from queuekit.errors import InvalidJob, JobConflict
from queuekit.job import (
    MAX_NAME,
    MAX_PRIORITY,
    MIN_PRIORITY,
    Enqueued,
    EnqueueStatus,
    JobState,
    Phase,
    Reason,
    uuid7,
)
from queuekit.retry import Backoff, BackoffKind
from queuekit.storage import MAX_BATCH, JobFilter
from queuekit_conformance.steps import (
    FINAL,
    HOUR,
    MINUTE,
    PAST,
    SECOND,
    Stage,
    TravellingStore,
    bring,
    claim,
    in_order,
    new_id,
    new_job,
    read,
    send,
    send_one,
    visible,
)


def test_a_job_reads_back_as_it_was_sent(store: TravellingStore) -> None:
    """Every field of a stored job comes back as it went in."""
    job = new_job(
        task="mail.send",
        payload='{"to": "a@b.c"}',
        queue="mail",
        priority=-7,
        due=PAST,
        expires=HOUR,
        max_attempts=9,
        backoff=Backoff(BackoffKind.LIST, waits=(SECOND, MINUTE), jitter=False),
        tags=("blue", "a,b", "blue green"),
        meta='{"trace": "1"}',
    )
    send(store, job)
    stored = read(store, job.id)
    for name in ("id", "task", "payload", "queue", "priority", "max_attempts", "backoff", "meta"):
        assert getattr(stored, name) == getattr(job, name), name
    assert stored.tags == job.tags
    assert stored.run_at == PAST
    assert stored.expires_at == stored.enqueued_at + HOUR


def test_a_new_job_has_no_past(store: TravellingStore) -> None:
    """A job that was just stored waits, due at once, and nothing has happened to it."""
    stored = read(store, send_one(store))
    assert (stored.phase, stored.state) == (Phase.WAITING, JobState.AVAILABLE)
    assert stored.reason is Reason.ENQUEUED
    assert stored.run_at == stored.enqueued_at
    assert (stored.attempts, stored.claims, stored.round_start, stored.lost) == (0, 0, 0, 0)
    assert (stored.blockers, stored.armed, stored.cancel_requested) == (0, True, False)
    unset = "worker lease_until started_at finished_at expires_at final_reason result progress meta"
    assert {name: getattr(stored, name) for name in unset.split()} == dict.fromkeys(unset.split())
    assert store.history(stored.id) == ()


def test_seq_follows_list_order(store: TravellingStore) -> None:
    """In one batch `seq` follows the order of the list."""
    ids = send(store, *[new_job(id=job_id) for job_id in sorted(new_ids(20), reverse=True)])
    seqs = [read(store, job_id).seq for job_id in ids]
    assert seqs == sorted(set(seqs))


def test_seq_grows_from_batch_to_batch(store: TravellingStore) -> None:
    """Order comes from `seq`, which the store gives."""
    seqs = [read(store, send_one(store)).seq for _ in range(5)]
    assert seqs == sorted(set(seqs))


def test_ids_are_no_order(store: TravellingStore) -> None:
    """A job's id is identity, never order: an id of an earlier time does not overtake."""
    late, early = uuid7(2_000_000_000_000, b"x" * 10), uuid7(1_000_000_000_000, b"x" * 10)
    send(store, new_job(id=late, due=PAST))
    send(store, new_job(id=early, due=PAST))
    assert in_order(claim(store, 2)) == [late, early]


def test_the_same_job_again_exists(store: TravellingStore) -> None:
    """Enqueuing a known id with the same content answers `exists` and stores nothing."""
    job = new_job()
    send(store, job)
    before = visible(store)
    assert store.enqueue([job]) == (Enqueued(job.id, EnqueueStatus.EXISTS),)
    assert visible(store) == before


def test_a_repeat_is_recognised_when_time_has_passed(store: TravellingStore) -> None:
    """A delay counts as the duration that was asked for, so a late repeat is no other job."""
    job = new_job(due=HOUR, expires=2 * HOUR)
    send(store, job)
    run_at = read(store, job.id).run_at
    store.travel(MINUTE)
    assert store.enqueue([job]) == (Enqueued(job.id, EnqueueStatus.EXISTS),)
    assert read(store, job.id).run_at == run_at


@pytest.mark.parametrize("stage", [Stage.STARTED, *sorted(FINAL)])
def test_a_repeat_is_recognised_whatever_became_of_the_job(
    store: TravellingStore, stage: Stage
) -> None:
    """A repeated enqueue gives the first answer's job and does not send it round again."""
    job = new_job()
    bring(store, stage, id=job.id)
    before = visible(store)
    assert store.enqueue([job]) == (Enqueued(job.id, EnqueueStatus.EXISTS),)
    assert visible(store) == before


CHANGES = {
    "task": "other",
    "payload": "[]",
    "queue": "other",
    "priority": 1,
    "due": timedelta(seconds=1),
    "expires": HOUR,
    "max_attempts": 6,
    "tags": ("x",),
    "meta": "{}",
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_known_id_with_other_content_is_a_conflict(store: TravellingStore, field: str) -> None:
    """Enqueuing a known id with other content is an error that names it, and changes nothing."""
    job = new_job()
    send(store, job)
    before = visible(store)
    with pytest.raises(JobConflict) as refused:
        store.enqueue([replace(job, **{field: CHANGES[field]})])  # type: ignore[arg-type]
    assert refused.value.job_id == job.id
    assert visible(store) == before


def test_a_conflict_refuses_the_whole_batch(store: TravellingStore) -> None:
    """All or nothing: one clash of ids, and no job of the batch is stored."""
    known = new_job()
    send(store, known)
    before = visible(store)
    with pytest.raises(JobConflict):
        store.enqueue([new_job(), replace(known, task="other"), new_job()])
    assert visible(store) == before


def test_an_invalid_job_refuses_the_whole_batch(store: TravellingStore) -> None:
    """All or nothing: one field out of range, and no job of the batch is stored."""
    before = visible(store)
    with pytest.raises(InvalidJob) as refused:
        store.enqueue([new_job(), new_job(priority=MAX_PRIORITY + 1)])
    assert refused.value.field == "priority"
    assert visible(store) == before


def test_each_job_of_a_batch_gets_its_own_answer(store: TravellingStore) -> None:
    """Answers come in the order asked."""
    known, first, last = new_job(), new_job(), new_job()
    send(store, known)
    assert store.enqueue([first, known, last]) == (
        Enqueued(first.id, EnqueueStatus.CREATED),
        Enqueued(known.id, EnqueueStatus.EXISTS),
        Enqueued(last.id, EnqueueStatus.CREATED),
    )


def test_an_empty_batch_is_no_error(store: TravellingStore) -> None:
    """Nothing asked, nothing answered."""
    assert store.enqueue([]) == ()


def test_the_largest_batch_is_stored(store: TravellingStore) -> None:
    """Up to `MAX_BATCH` jobs are stored in one step."""
    send(store, *[new_job() for _ in range(MAX_BATCH)])
    assert store.count(JobFilter(), 2 * MAX_BATCH).n == MAX_BATCH


def test_a_larger_batch_is_refused(store: TravellingStore) -> None:
    """A batch above `MAX_BATCH` would not be one step: it is refused."""
    with pytest.raises(InvalidJob):
        store.enqueue([new_job() for _ in range(MAX_BATCH + 1)])
    assert store.count(JobFilter(), 1).n == 0


def test_an_id_twice_in_a_batch_is_refused(store: TravellingStore) -> None:
    """One id is one job."""
    job = new_job()
    with pytest.raises(InvalidJob):
        store.enqueue([job, job])
    assert store.get([job.id]) == (None,)


@pytest.mark.parametrize("letter", ["n", "ß", "é", "漢", "🐍"])
def test_the_longest_names_are_kept(store: TravellingStore, letter: str) -> None:
    """Names of up to 128 code points are kept whole, whatever their size in bytes."""
    name = letter * MAX_NAME
    stored = read(store, send_one(store, task=name, queue=name, tags=(name,)))
    assert (stored.task, stored.queue, stored.tags) == (name, name, (name,))


@pytest.mark.parametrize("field", ["task", "queue"])
@pytest.mark.parametrize("name", ["", "n" * (MAX_NAME + 1), "a\x00b", "\ud800"])
def test_a_name_that_cannot_be_kept_is_refused(
    store: TravellingStore, field: str, name: str
) -> None:
    """No silent cut, no folding: what one store could not keep, all refuse."""
    with pytest.raises(InvalidJob) as refused:
        store.enqueue([new_job(**{field: name})])
    assert refused.value.field == field
    assert store.count(JobFilter(), 1).n == 0


def test_the_outermost_priorities_are_kept(store: TravellingStore) -> None:
    """Priorities are signed 32-bit numbers on every store."""
    for priority in (MIN_PRIORITY, MAX_PRIORITY):
        assert read(store, send_one(store, priority=priority)).priority == priority


def test_threads_that_repeat_one_enqueue_store_one_job(store: TravellingStore) -> None:
    """A store is thread-safe, and a job sent many times at once is created once."""
    job = new_job()

    def send_again(_: int) -> EnqueueStatus:
        return store.enqueue([job])[0].status

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send_again, range(20)))
    assert answers.count(EnqueueStatus.CREATED) == 1
    assert answers.count(EnqueueStatus.EXISTS) == 19


def new_ids(n: int) -> list[UUID]:
    """Ids as clients make them."""
    return [new_id() for _ in range(n)]
