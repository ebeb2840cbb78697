"""What `--json` prints, key by key: scripts rely on it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from queuekit.cli.serving import read_worker
from queuekit.cli.shapes import (
    arguments,
    attempt_shape,
    iso,
    job_shape,
    parsed,
    queue_shape,
    worker_shape,
)
from queuekit.job import (
    Attempt,
    AttemptOutcome,
    Failure,
    Fire,
    JobState,
    LimitKey,
    LimitKind,
    Phase,
    Reason,
    StoredJob,
    UniqueKey,
)
from queuekit.retry import Backoff
from queuekit.storage import QueueInfo, QueueMode, WorkerInfo

T = datetime(2026, 11, 25, 9, tzinfo=UTC)


def at(minute: int) -> datetime:
    return T + timedelta(minutes=minute)


FULL = StoredJob(
    id=UUID("01900000-0000-7000-8000-000000000001"),
    seq=7,
    task="mail.send",
    queue="mail",
    payload='{"args":[{"$date":"2026-01-01"}],"kwargs":{"to":"ada"}}',
    priority=3,
    state=JobState.RUNNING,
    phase=Phase.RUNNING,
    reason=Reason.RETRY,
    run_at=at(1),
    enqueued_at=at(0),
    max_attempts=5,
    attempts=2,
    claims=4,
    backoff=Backoff(),
    round_start=1,
    lost=1,
    blockers=2,
    armed=True,
    worker="host:1:abc",
    lease_until=at(4),
    started_at=at(2),
    finished_at=at(3),
    expires_at=at(5),
    cancel_requested=True,
    final_reason="why",
    result='{"ok":true}',
    progress="0.5",
    unique=UniqueKey("k"),
    limits=(LimitKey(LimitKind.RATE, "s", "v"),),
    fire=Fire("nightly", at(6)),
    tags=("a", "b"),
    meta='{"m":1}',
)


def test_a_job_has_these_keys() -> None:
    assert job_shape(FULL) == {
        "id": "01900000-0000-7000-8000-000000000001",
        "seq": 7,
        "task": "mail.send",
        "queue": "mail",
        "priority": 3,
        "state": "running",
        "reason": "retry",
        "enqueued_at": "2026-11-25T09:00:00.000000Z",
        "run_at": "2026-11-25T09:01:00.000000Z",
        "started_at": "2026-11-25T09:02:00.000000Z",
        "finished_at": "2026-11-25T09:03:00.000000Z",
        "expires_at": "2026-11-25T09:05:00.000000Z",
        "attempts": 2,
        "max_attempts": 5,
        "round_start": 1,
        "claims": 4,
        "lost": 1,
        "backoff": Backoff().dump(),
        "worker": "host:1:abc",
        "lease_until": "2026-11-25T09:04:00.000000Z",
        "cancel_requested": True,
        "blockers": 2,
        "armed": True,
        "final_reason": "why",
        "args": [{"$date": "2026-01-01"}],
        "kwargs": {"to": "ada"},
        "result": {"ok": True},
        "progress": 0.5,
        "tags": ["a", "b"],
        "meta": {"m": 1},
        "unique": {"key": "k", "until": "finished"},
        "limits": [{"kind": "rate", "scope": "s", "value": "v"}],
        "schedule": {"name": "nightly", "nominal": "2026-11-25T09:06:00.000000Z"},
    }
    json.dumps(job_shape(FULL))


def test_an_attempt_has_these_keys() -> None:
    failure = Failure("ValueError", "no", "Traceback", "OSError: x")
    attempt = Attempt(2, 4, "host:1:abc", at(0), at(1), AttemptOutcome.FAILED, failure)
    assert attempt_shape(attempt) == {
        "number": 2,
        "fence": 4,
        "worker": "host:1:abc",
        "started_at": "2026-11-25T09:00:00.000000Z",
        "ended_at": "2026-11-25T09:01:00.000000Z",
        "outcome": "failed",
        "failure": {
            "error_class": "ValueError",
            "message": "no",
            "traceback": "Traceback",
            "cause": "OSError: x",
        },
    }
    good = Attempt(1, 1, "w", at(0), at(1), AttemptOutcome.COMPLETED)
    assert attempt_shape(good)["failure"] is None


def test_a_queue_has_these_keys() -> None:
    info = QueueInfo("mail", paused=True, mode=QueueMode.STRICT, counts={JobState.RUNNING: 3})
    assert queue_shape(info, workers=2) == {
        "name": "mail",
        "paused": True,
        "mode": "strict",
        "counts": {"pending": 0, "scheduled": 0, "available": 0, "running": 3, "retryable": 0},
        "workers": 2,
    }


INFO = {
    "host": "h",
    "pid": 7,
    "app": "jobs:app",
    "queues": ["mail"],
    "lease": 30.0,
    "processes": 2,
    "coroutines": 10,
    "version": "0.1.0",
}


def worker(info: object, silent: float = 1.0) -> Any:
    text = info if isinstance(info, str) else json.dumps(info)
    return read_worker(WorkerInfo("w", at(0), at(1), text), at(1) + timedelta(seconds=silent))


def test_a_worker_has_these_keys() -> None:
    assert worker_shape(worker(INFO)) == {
        "id": "w",
        "alive": True,
        "started_at": "2026-11-25T09:00:00.000000Z",
        "beat_at": "2026-11-25T09:01:00.000000Z",
        "lease": 30.0,
        "queues": ["mail"],
        "host": "h",
        "pid": 7,
        "app": "jobs:app",
        "processes": 2,
        "coroutines": 10,
        "version": "0.1.0",
    }


@pytest.mark.parametrize(
    "info", ["", "no json", "[]", "null", "{}", '{"queues": "mail", "pid": "x", "lease": "y"}']
)
def test_a_heartbeat_that_is_not_understood_says_nothing_and_serves_every_queue(info: str) -> None:
    found = worker(info)
    assert (found.host, found.pid, found.app, found.version) == (None, None, None, None)
    assert found.alive
    assert found.serves("any")


@pytest.mark.parametrize("lease", [0, -1, True, 1e300, None, "30"])
def test_a_lease_that_makes_no_sense_is_the_usual_one(lease: object) -> None:
    assert worker({"lease": lease}, silent=29).alive
    assert not worker({"lease": lease}, silent=31).alive


def test_a_worker_serves_its_queues_as_long_as_its_lease_runs() -> None:
    assert worker(INFO).serves("mail")
    assert not worker(INFO).serves("other")
    assert worker(INFO, silent=29.9).serves("mail")
    assert not worker(INFO, silent=30).serves("mail")


def test_times_are_utc_and_none_stays_none() -> None:
    assert iso(datetime.fromisoformat("2026-11-25T10:00:00.5+01:00")) == (
        "2026-11-25T09:00:00.500000Z"
    )
    assert iso(None) is None


class Backwards:
    """A cipher, of sorts."""

    def encrypt(self, data: bytes, /) -> bytes:
        return data[::-1]

    def decrypt(self, token: bytes, /) -> bytes:
        return token[::-1]


class OtherKey(Backwards):
    def decrypt(self, token: bytes, /) -> bytes:
        raise ValueError(f"InvalidToken: {token!r}")


def secret(text: str) -> str:
    return json.dumps({"$encrypted": base64.b64encode(text.encode()[::-1]).decode()})


def test_what_is_encrypted_is_shown_only_with_the_key() -> None:
    payload = secret('{"args":[1],"kwargs":{"a":2}}')
    assert arguments(payload) == ("encrypted", "encrypted")
    assert arguments(payload, OtherKey()) == ("encrypted", "encrypted")
    assert arguments(payload, Backwards()) == ([1], {"a": 2})
    assert parsed(secret("[1]")) == "encrypted"
    assert parsed(secret("[1]"), Backwards()) == [1]


def test_text_that_is_no_json_is_shown_as_it_is() -> None:
    assert parsed("{no") == "{no"
    assert parsed("[" * 100_000) == "[" * 100_000
    assert parsed(None) is None
    assert arguments("{no") == ("{no", "{no")
