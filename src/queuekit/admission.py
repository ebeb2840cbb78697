"""The door of every store: what a `NewJob`, and the arguments of every other verb, may hold.

Called first by each verb, before anything is written.

One door makes one verdict for all stores: what one of them could not keep exactly is refused by
all. Texts and numbers are refused; durations are held inside the span of time instead (`span`),
because "for ever" and "at once" are what their callers mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from queuekit.clock import EPOCH, MAX_INSTANT, to_micros
from queuekit.errors import ConfigurationError, InvalidJob, UnsupportedOperation
from queuekit.job import (
    FINAL_STATES,
    MAX_KEY,
    MAX_NAME,
    MAX_PRIORITY,
    MIN_PRIORITY,
    JobState,
    LimitKind,
    NewJob,
    Resolution,
    UniqueUntil,
)
from queuekit.storage import (
    MAX_BATCH,
    NONCE_BYTES,
    Capabilities,
    Change,
    ClaimRequest,
    Finish,
    JobFilter,
    QueueMode,
    WorkerBeat,
)

MAX_NUMBER: Final = 2**31 - 1
"""Largest count that a job may hold and a verb be asked for: a signed 32-bit column's."""

MAX_CURSOR: Final = 2**63 - 1
"""Largest number of a row."""

LONGEST: Final = MAX_INSTANT - EPOCH
"""Longest duration: the span of all instants."""

_ABILITY_OF_LIMIT = {
    LimitKind.CONCURRENCY: "limits",
    LimitKind.RATE: "rates",
    LimitKind.ORDER: "ordered_keys",
}


def admit(jobs: Sequence[NewJob], capabilities: Capabilities) -> None:
    """Let the batch pass, or refuse it whole.

    Raises:
        InvalidJob: a field is out of range, an id stands twice in the batch, or the batch is larger
            than `MAX_BATCH`.
        UnsupportedOperation: a job asks for an ability that the store declares absent.
    """
    check_batch(jobs)
    if len({job.id for job in jobs}) < len(jobs):
        raise InvalidJob("id", "the same id stands twice in one batch")
    for job in jobs:
        _check_fields(job)
        for ability in _needs(job):
            if not getattr(capabilities, ability):
                raise UnsupportedOperation(ability, capabilities.adapter)


def check_batch(items: Sequence[object]) -> None:
    """Refuse a call about more jobs than one atomic step takes.

    Raises:
        InvalidJob: there are more than `MAX_BATCH`.
    """
    if len(items) > MAX_BATCH:
        raise InvalidJob("batch", f"{len(items)} in one call; at most {MAX_BATCH} are one step")


def check_name(field: str, name: str, longest: int = MAX_NAME) -> None:
    """Refuse a name that some store would cut, fold or choke on.

    Raises:
        InvalidJob: the name is empty, too long, or holds NUL or a lone surrogate.
    """
    if not name:
        raise InvalidJob(field, "is empty")
    if len(name) > longest:
        raise InvalidJob(field, f"is {len(name)} characters long; at most {longest} are kept")
    check_text(field, name)


def check_text(field: str, text: str | None) -> None:
    """Refuse a text that some store cannot keep; None is none.

    Raises:
        InvalidJob: it holds NUL or a lone surrogate.
    """
    if text is None:
        return
    if "\x00" in text:
        raise InvalidJob(field, "holds a NUL character, which not every store can keep")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidJob(field, "holds a lone surrogate, which is no Unicode text") from None


def check_number(field: str, number: int, least: int, most: int = MAX_NUMBER) -> None:
    """Refuse what is no whole number, or out of bounds.

    Raises:
        InvalidJob: see above.
    """
    if not isinstance(number, int):
        raise InvalidJob(field, f"{number!r} is no whole number")
    if not least <= number <= most:
        raise InvalidJob(field, f"{number} is outside {least} to {most}")


def span(duration: timedelta) -> timedelta:
    """The duration, held inside what every store can keep; a negative one counts as none."""
    return max(timedelta(0), min(duration, LONGEST))


def check_instant(field: str, when: timedelta | datetime | None) -> None:
    """Refuse a naive or far-off instant, and a negative delay.

    Raises:
        InvalidJob: see above.
    """
    if isinstance(when, timedelta):
        if when < timedelta(0):
            raise InvalidJob(field, "is negative; a delay starts now")
    elif when is not None:
        try:
            to_micros(when)
        except ValueError as problem:
            raise InvalidJob(field, str(problem)) from None


def check_priority(priority: int) -> None:
    """Refuse what does not fit a signed 32-bit column.

    Raises:
        InvalidJob: see above.
    """
    check_number("priority", priority, MIN_PRIORITY, MAX_PRIORITY)


def check_request(request: ClaimRequest) -> None:
    """Refuse a claim or rescue that no store could answer.

    Raises:
        InvalidJob: the nonce has another length, the numbers are negative or too large, or a name
            is none.
    """
    if len(request.nonce) != NONCE_BYTES:
        raise InvalidJob("nonce", f"is {len(request.nonce)} bytes long; it takes {NONCE_BYTES}")
    check_number("start", request.start, 0)
    check_number("reserve", request.reserve, 0)
    asked = request.start + request.reserve
    if asked > MAX_BATCH:
        raise InvalidJob("start", f"{asked} jobs in one call; at most {MAX_BATCH}")
    check_name("worker", request.worker, MAX_KEY)
    if request.queues is not None:
        if len(request.queues) > MAX_BATCH:
            raise InvalidJob(
                "queues", f"{len(request.queues)} in one call; at most {MAX_BATCH}, or None for all"
            )
        for queue in request.queues:
            check_text("queues", queue)


def check_finishes(finishes: Sequence[Finish]) -> None:
    """Refuse resolutions with a text that some store cannot keep.

    Raises:
        InvalidJob: see above.
    """
    for item in finishes:
        _check_resolution(item.resolution)


def check_beat(beat: WorkerBeat) -> None:
    """Refuse a worker that some store could not name.

    Raises:
        InvalidJob: see above.
    """
    check_name("worker", beat.id, MAX_KEY)
    check_text("info", beat.info)


def check_progress(progress: str, log: Sequence[str]) -> None:
    """Refuse a text that some store cannot keep.

    Raises:
        InvalidJob: see above.
    """
    check_text("progress", progress)
    for line in log:
        check_text("log", line)


def check_change(change: Change) -> None:
    """Refuse what no job may hold.

    Raises:
        InvalidJob: a field is out of range.
    """
    check_instant("due", change.due)
    if change.priority is not None:
        check_priority(change.priority)
    if change.queue is not None:
        check_name("queue", change.queue)


def check_mode(mode: QueueMode | None, capabilities: Capabilities) -> None:
    """Refuse an order of claims that the store does not keep.

    Raises:
        UnsupportedOperation: the store declares it absent.
    """
    if mode in (QueueMode.AGEING, QueueMode.FAIR) and not getattr(capabilities, mode.value):
        raise UnsupportedOperation(mode.value, capabilities.adapter)


def check_final(states: frozenset[JobState]) -> None:
    """Refuse to prune jobs that live.

    Raises:
        ValueError: a state is not final.
    """
    if not states <= FINAL_STATES:
        live = ", ".join(sorted(states - FINAL_STATES))
        raise ValueError(f"only final jobs are pruned, not {live}")


def check_filter(where: JobFilter) -> None:
    """Refuse what no store could look for.

    Raises:
        InvalidJob: a name holds what no name does, or an instant is naive or far off.
    """
    for field in ("queue", "task", "tag", "unique"):
        check_text(field, getattr(where, field))
    if where.key is not None:
        check_text("key", where.key.scope)
        check_text("key", where.key.value)
    check_instant("enqueued_from", where.enqueued_from)
    check_instant("enqueued_to", where.enqueued_to)


def check_page(where: JobFilter, cursor: int | None, limit: int) -> None:
    """Refuse a page that no store could read, or that would never end.

    Raises:
        InvalidJob: see above.
    """
    check_filter(where)
    if cursor is not None:
        check_number("cursor", cursor, 0, MAX_CURSOR)
    check_number("limit", limit, 1)


def check_travel(by: timedelta, *, testing: bool) -> None:
    """Refuse to move a clock back, or one that others live by.

    Raises:
        ConfigurationError: the store was not opened for testing.
        ValueError: the way leads back.
    """
    if not testing:
        raise ConfigurationError("only a store opened with testing=True travels in time")
    if by < timedelta(0):
        raise ValueError("a store's clock never goes back")


def _check_resolution(resolution: Resolution) -> None:
    check_text("result", resolution.result)
    check_text("reason", resolution.reason)
    failure = resolution.failure
    if failure is not None:
        for text in (failure.error_class, failure.message, failure.traceback, failure.cause):
            check_text("failure", text)


def _check_fields(job: NewJob) -> None:
    check_name("task", job.task)
    check_name("queue", job.queue)
    check_text("payload", job.payload)
    check_text("meta", job.meta)
    for tag in job.tags:
        check_name("tags", tag)
    check_priority(job.priority)
    check_instant("due", job.due)
    check_instant("expires", job.expires)
    check_number("max_attempts", job.max_attempts, 1)
    if any(parent.id == job.id for parent in job.parents):
        raise InvalidJob("parents", "a job cannot wait for itself")
    if len({parent.id for parent in job.parents}) < len(job.parents):
        raise InvalidJob("parents", "the same parent stands twice")
    if job.unique is not None:
        check_name("unique", job.unique.value, MAX_KEY)
        if (job.unique.until is UniqueUntil.PERIOD) != (job.unique.period is not None):
            raise InvalidJob("unique", "a period is given exactly when the key is held for one")
        check_instant("unique", job.unique.period)
    for key in job.limits:
        check_name("limits", key.scope, MAX_KEY)
        check_name("limits", key.value, MAX_KEY)
    if job.fire is not None:
        check_name("fire", job.fire.schedule)
        check_instant("fire", job.fire.nominal)


def _needs(job: NewJob) -> Iterator[str]:
    """The abilities that the job asks of its store."""
    if job.unique is not None:
        yield "unique"
    for key in job.limits:
        yield _ABILITY_OF_LIMIT[key.kind]
    if job.parents or not job.armed:
        yield "graphs"
    if job.fire is not None:
        yield "schedules"
