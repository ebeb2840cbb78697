"""What ``--json`` prints: the shapes that scripts rely on. Keys stay; new ones may come.

Arguments and results are shown as they are stored, tags left as they are: nothing of the program's
own is built to look at a job.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from queuekit.errors import PayloadError
from queuekit.job import FINAL_STATES, Attempt, JobState, StoredJob
from queuekit.payload import unsealed
from queuekit.storage import QueueInfo

if TYPE_CHECKING:
    from queuekit.cli.serving import Worker
    from queuekit.payload import Cipher

HIDDEN: Final = "encrypted"
"""What is shown for it when nobody here holds the key."""


def iso(instant: datetime | None) -> str | None:
    """An instant in UTC, to the microsecond: ``2026-11-25T09:00:00.000000Z``."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def job_shape(job: StoredJob, cipher: Cipher | None = None) -> dict[str, Any]:
    """A job. With the app's cipher, what is encrypted is shown as it was written."""
    args, kwargs = arguments(job.payload, cipher)
    return {
        "id": str(job.id),
        "seq": job.seq,
        "task": job.task,
        "queue": job.queue,
        "priority": job.priority,
        "state": job.state.value,
        "reason": job.reason.value,
        "enqueued_at": iso(job.enqueued_at),
        "run_at": iso(job.run_at),
        "started_at": iso(job.started_at),
        "finished_at": iso(job.finished_at),
        "expires_at": iso(job.expires_at),
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "round_start": job.round_start,
        "claims": job.claims,
        "lost": job.lost,
        "backoff": job.backoff.dump(),
        "worker": job.worker,
        "lease_until": iso(job.lease_until),
        "cancel_requested": job.cancel_requested,
        "blockers": job.blockers,
        "armed": job.armed,
        "final_reason": job.final_reason,
        "args": args,
        "kwargs": kwargs,
        "result": parsed(job.result, cipher),
        "progress": parsed(job.progress),
        "tags": list(job.tags),
        "meta": parsed(job.meta),
        "unique": job.unique and {"key": job.unique.value, "until": job.unique.until.value},
        "limits": [
            {"kind": key.kind.value, "scope": key.scope, "value": key.value} for key in job.limits
        ],
        "schedule": job.fire and {"name": job.fire.schedule, "nominal": iso(job.fire.nominal)},
    }


def attempt_shape(attempt: Attempt) -> dict[str, Any]:
    """One ended attempt of a job."""
    failure = attempt.failure
    return {
        "number": attempt.number,
        "fence": attempt.fence,
        "worker": attempt.worker,
        "started_at": iso(attempt.started_at),
        "ended_at": iso(attempt.ended_at),
        "outcome": attempt.outcome.value,
        "failure": failure
        and {
            "error_class": failure.error_class,
            "message": failure.message,
            "traceback": failure.traceback,
            "cause": failure.cause,
        },
    }


def queue_shape(queue: QueueInfo, workers: int) -> dict[str, Any]:
    """A queue, with its live jobs by state and the number of live workers that serve it."""
    return {
        "name": queue.name,
        "paused": queue.paused,
        "mode": queue.mode.value,
        "counts": {
            state.value: queue.counts.get(state, 0)
            for state in JobState
            if state not in FINAL_STATES
        },
        "workers": workers,
    }


def worker_shape(worker: Worker) -> dict[str, Any]:
    """A worker, with what it says of itself; None is what it does not say."""
    return {
        "id": worker.id,
        "alive": worker.alive,
        "started_at": iso(worker.started_at),
        "beat_at": iso(worker.beat_at),
        "lease": seconds(worker.lease),
        "queues": None if worker.queues is None else list(worker.queues),
        "host": worker.host,
        "pid": worker.pid,
        "app": worker.app,
        "processes": worker.processes,
        "coroutines": worker.coroutines,
        "version": worker.version,
    }


def seconds(duration: timedelta | None) -> float | None:
    """A duration as a number."""
    return None if duration is None else duration.total_seconds()


def arguments(payload: str, cipher: Cipher | None = None) -> tuple[Any, Any]:
    """Positional and keyword arguments as stored; `HIDDEN` for both if they are encrypted."""
    call = parsed(payload, cipher)
    if isinstance(call, dict) and call.keys() == {"args", "kwargs"}:
        return call["args"], call["kwargs"]
    return call, call


def parsed(text: str | None, cipher: Cipher | None = None) -> Any:
    """JSON text as values; text that is none stays text."""
    if text is None:
        return None
    try:
        return json.loads(unsealed(text, cipher, "text"))
    except PayloadError:  # encrypted, and with no key that is here
        return HIDDEN
    except (ValueError, RecursionError):
        return text
