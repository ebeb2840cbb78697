"""Exactness: text comes back as it was sent, whatever a database makes of text."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queuekit.job import MAX_NAME, Failure
from queuekit.storage import JobFilter, WorkerBeat
from queuekit_conformance.steps import (
    LEASE,
    TravellingStore,
    all_jobs,
    cancel,
    claim_one,
    complete,
    new_job,
    read,
    retry,
    send,
    send_one,
    settle,
)

EXACT = settings(
    max_examples=40,
    deadline=None,  # a store's time is its own; the test's timeout is there for a hang
    database=None,
    derandomize=True,  # the same texts on every run: a failure replays by itself
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
"""Any text that may be sent: no NUL, no lone surrogate."""

NAME = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
    min_size=1,
    max_size=MAX_NAME,
)

JSON_TEXT = TEXT.map(lambda text: json.dumps(text, ensure_ascii=False))

PAYLOADS = {
    "spaces": ' { "a" :\t1 ,\n"b": [ ] }\r\n',
    "key order": '{"b": 1, "a": 2, "aa": 3, "B": 4}',
    "a key twice": '{"a": 1, "a": 2}',
    "big integer": str(2**64 + 1),
    "bigger integer": "9" * 500,
    "floats": "[1.0, 1, 1e2, 100.0, -0.0, 0.1, 1e400, 3.141592653589793238]",
    "empties": '[[], {}, "", null, [null], {"": {}}]',
    "escapes": r'["\u00e9", "é", "\n", "\/", "\\u0041", "\ud83d\udc0d"]',
    "composed": '["caf\u00e9", "cafe\u0301", "\u212b", "\u00c5", "ﬁ"]',
    "beyond the basic plane": '"🐍𝔘𐍈👩‍👩‍👧"',
    "marks": '"\ufeff\u200b\u2028\u2029\u00a0\u202e"',
    "quotes": """["'", "''", "\\"", "`", "%s", "%", ":x", "?", "$1", "\\\\", "--", "{}"]""",
    "not even JSON": "NULL",
    "empty": "",
}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_payload_is_opaque(store: TravellingStore, payload: str) -> None:
    """No store reads payload, meta, result or progress: they come back to the character."""
    job_id = send_one(store, payload=payload, meta=payload)
    one = claim_one(store)
    assert (one.payload, one.meta) == (payload, payload)
    store.progress(one.token, payload)
    assert read(store, job_id).progress == payload
    settle(store, one, complete(payload))
    job = read(store, job_id)
    assert (job.payload, job.meta, job.result) == (payload, payload, payload)


@pytest.mark.parametrize("length", [255, 256, 4_000, 65_535, 65_536, 1_048_576])
def test_a_long_text_is_not_cut(store: TravellingStore, length: int) -> None:
    """No silent cut: a mebibyte of payload or result comes back whole."""
    text = "é" * (length - 1) + "!"
    job_id = send_one(store, payload=text, meta=text)
    settle(store, claim_one(store), complete(text))
    job = read(store, job_id)
    assert (job.payload == text, job.meta == text, job.result == text) == (True, True, True)


@EXACT
@given(payload=JSON_TEXT, meta=JSON_TEXT, result=JSON_TEXT)
def test_any_json_text_comes_back(
    store: TravellingStore, payload: str, meta: str, result: str
) -> None:
    """Every character that may be sent comes back as sent."""
    job_id = send_one(store, payload=payload, meta=meta)
    one = claim_one(store)
    assert (one.token.job_id, one.payload, one.meta) == (job_id, payload, meta)
    settle(store, one, complete(result))
    job = read(store, job_id)
    assert (job.payload, job.meta, job.result) == (payload, meta, result)


@EXACT
@given(task=NAME, queue=NAME, tags=st.lists(NAME, max_size=5).map(tuple))
def test_any_name_comes_back_and_is_found(
    store: TravellingStore, task: str, queue: str, tags: tuple[str, ...]
) -> None:
    """Names and tags come back as sent, and find their jobs."""
    job_id = send_one(store, task=task, queue=queue, tags=tags)
    job = read(store, job_id)
    assert (job.task, job.queue, job.tags) == (task, queue, tags)
    filters = [JobFilter(queue=queue), JobFilter(task=task), *[JobFilter(tag=tag) for tag in tags]]
    for where in filters:
        assert all_jobs(store, where)[0].id == job_id
    one = claim_one(store, queues=(queue,))
    assert (one.token.job_id, one.task, one.queue, one.tags) == (job_id, task, queue, tags)
    settle(store, one, complete())


@EXACT
@given(failure=st.builds(Failure, TEXT, TEXT, st.none() | TEXT, st.none() | TEXT))
def test_any_failure_comes_back(store: TravellingStore, failure: Failure) -> None:
    """What is known of an error is kept as it is, so that any exception can be stored."""
    job_id = send_one(store)
    settle(store, claim_one(store), replace(retry(), failure=failure))
    assert store.history(job_id)[0].failure == failure
    store.cancel([job_id], "not wanted")


@EXACT
@given(reason=TEXT, worker=NAME, info=JSON_TEXT)
def test_any_reason_and_worker_come_back(
    store: TravellingStore, reason: str, worker: str, info: str
) -> None:
    """Reasons and workers' names are text like any other."""
    job_id = send_one(store)
    one = claim_one(store, worker=worker)
    assert read(store, job_id).worker == worker
    store.extend(WorkerBeat(worker, info), [one.token], LEASE)
    assert [(known.id, known.info) for known in store.workers()] == [(worker, info)]
    store.leave(worker)
    assert store.workers() == ()
    settle(store, one, cancel(reason))
    assert read(store, job_id).final_reason == reason
    assert store.history(job_id)[0].worker == worker


def test_tags_keep_their_order(store: TravellingStore) -> None:
    """Tags come back in the order in which they were given."""
    tags = ("b", "a", "c", "B")
    job = new_job(tags=tags)
    send(store, job)
    assert read(store, job.id).tags == tags
    assert claim_one(store).tags == tags
