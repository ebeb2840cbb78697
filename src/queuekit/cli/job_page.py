"""All about one job: the page that ``queuekit jobs show`` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from queuekit.cli.serving import workers_of
from queuekit.cli.shapes import HIDDEN, arguments, attempt_shape, job_shape, parsed
from queuekit.cli.table import ago, print_fields, safe
from queuekit.cli.waiting import waits_for
from queuekit.job import Attempt, StoredJob
from queuekit.storage import Store

if TYPE_CHECKING:
    from queuekit.payload import Cipher


@dataclass(frozen=True, slots=True)
class Page:
    """What there is to say about one job, at the store's `now`."""

    job: StoredJob
    history: Sequence[Attempt]
    waits: str | None
    now: datetime
    cipher: Cipher | None


def read_page(store: Store, job: StoredJob, cipher: Cipher | None, words: Sequence[str]) -> Page:
    """The page of a job. `words` are the line's common options."""
    now = store.info().now
    waits = None
    if not job.state.is_final:
        paused = any(queue.paused for queue in store.queues() if queue.name == job.queue)
        workers = workers_of(store)
        waits = waits_for(job, now, paused=paused, workers=workers, words=words)
    return Page(job, store.history(job.id), waits, now, cipher)


def page_shape(page: Page) -> dict[str, Any]:
    """The page for scripts."""
    return {
        "job": job_shape(page.job, page.cipher),
        "history": [attempt_shape(attempt) for attempt in page.history],
        "waits": page.waits,
    }


def show_page(page: Page, *, tracebacks: bool) -> None:
    """The page for people."""
    print_fields(_fields(page))
    for attempt in page.history:
        click.echo()
        _show_attempt(attempt, tracebacks=tracebacks)


def _fields(page: Page) -> Iterator[tuple[str, str]]:
    job, now, cipher = page.job, page.now, page.cipher
    yield "id", str(job.id)
    yield "task", job.task
    yield "queue", job.queue
    ended = f" ({job.final_reason})" if job.final_reason else ""
    yield "state", f"{job.state}{ended}"
    if page.waits is not None:
        yield "waits", page.waits
    args, kwargs = arguments(job.payload, cipher)
    if args == HIDDEN:
        yield "arguments", HIDDEN
    else:
        yield from (("args", _json(args)),) if args else ()
        yield from (("kwargs", _json(kwargs)),) if kwargs else ()
    if job.result is not None:
        yield "result", _json(parsed(job.result, cipher))
    yield "attempts", f"{job.attempts} of {job.round_start + job.max_attempts}"
    if job.lost:
        yield "lost", f"{job.lost} of them, with their workers"
    yield "priority", str(job.priority)
    for label, instant in (
        ("enqueued", job.enqueued_at),
        ("due", job.run_at),
        ("started", job.started_at),
        ("ended", job.finished_at),
        ("expires", job.expires_at),
    ):
        if instant is not None:
            yield label, _time(instant, now)
    if job.worker is not None:
        yield "worker", job.worker
    if job.lease_until is not None:
        yield "lease", f"until {_time(job.lease_until, now)}"
    if job.progress is not None:
        yield "progress", _json(parsed(job.progress))
    if job.tags:
        yield "tags", ", ".join(job.tags)
    if job.meta is not None:
        yield "meta", _json(parsed(job.meta))
    if job.unique is not None:
        yield "unique", f"{job.unique.value}, until {job.unique.until}"
    for key in job.limits:
        yield str(key.kind), f"{key.scope} {key.value}"
    if job.fire is not None:
        yield "schedule", f"{job.fire.schedule}, of {_time(job.fire.nominal, now)}"


def _show_attempt(attempt: Attempt, *, tracebacks: bool) -> None:
    took = (attempt.ended_at - attempt.started_at).total_seconds()
    click.echo(f"attempt {attempt.number}: {attempt.outcome} after {took:.3f} s")
    failure = attempt.failure
    fields = [("started", _clock(attempt.started_at)), ("worker", attempt.worker)]
    if failure is not None:
        fields.append(("error", f"{failure.error_class}: {failure.message}"))
        if failure.cause:
            fields.append(("cause", failure.cause))
    print_fields(fields, indent="  ")
    if tracebacks and failure is not None and failure.traceback:
        for line in failure.traceback.splitlines():
            click.echo(f"  | {safe(line)}")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _time(instant: datetime, now: datetime) -> str:
    return f"{_clock(instant)} ({ago(instant, now)})"


def _clock(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
