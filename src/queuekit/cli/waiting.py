"""What a job waits for, in words, and what to do if it would wait for ever."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime

from queuekit.cli.serving import Worker, serving
from queuekit.cli.table import ago, count_words
from queuekit.job import JobState, Reason, StoredJob

_NOT_DUE = {
    Reason.RETRY: "for its next attempt",
    Reason.SNOOZED: "since its own code asked to run later",
    Reason.UNKNOWN_TASK: "since the worker that claimed it does not know its task",
}


def waits_for(
    job: StoredJob, now: datetime, *, paused: bool, workers: Sequence[Worker], words: Sequence[str]
) -> str | None:
    """Why the job is not over yet; None if it is. `words` are the line's common options, for the
    command to type.
    """
    if job.state.is_final:
        return None
    if job.state is JobState.RUNNING:
        return _running(job, now)
    if job.state is JobState.PENDING:
        if not job.armed:
            return "for the rest of its graph to be stored"
        return f"for {count_words(job.blockers, 'job')} before it to end"
    if job.expires_at is not None and job.expires_at <= now:
        return "for a worker to discard it: its expiry has passed"
    if job.run_at > now:
        return f"{_NOT_DUE.get(job.reason, 'for its time')}, {ago(job.run_at, now)}"
    if paused:
        return f"since its queue is paused: {resume_words(words, job.queue)}"
    if not serving(workers, job.queue):
        return f"for a worker: none that lives serves its queue: {worker_words(words, job.queue)}"
    return f"for a free worker; {count_words(len(serving(workers, job.queue)), 'live worker')}"


def worker_words(words: Sequence[str], queue: str) -> str:
    """The command that starts a worker for a queue."""
    return shlex.join(["queuekit", *words, "worker", "-Q", queue])


def resume_words(words: Sequence[str], queue: str) -> str:
    """The command that lets a paused queue go on."""
    return shlex.join(["queuekit", *words, "queues", "resume", queue])


def _running(job: StoredJob, now: datetime) -> str:
    if job.lease_until is not None and job.lease_until <= now:
        silent = ago(job.lease_until, now)
        return f"to be taken over: its worker is silent, and its lease ran out {silent}"
    if job.cancel_requested:
        return "for its worker to stop it: a cancel was asked for"
    return "to end" if job.started_at is not None else "for its worker to start it"
