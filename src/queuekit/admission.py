"""The door of every store: what a `NewJob` may hold.

Called first by each `enqueue`, before anything is written.

One door makes one verdict for all stores: what one of them could not keep exactly is refused by
all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from queuekit.clock import to_micros
from queuekit.errors import InvalidJob, UnsupportedOperation
from queuekit.job import (
    MAX_KEY,
    MAX_NAME,
    MAX_PRIORITY,
    MIN_PRIORITY,
    LimitKind,
    NewJob,
    UniqueUntil,
)
from queuekit.storage import MAX_BATCH, Capabilities

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
    if "\x00" in name:
        raise InvalidJob(field, "holds a NUL character, which not every store can keep")
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise InvalidJob(field, "holds a lone surrogate, which is no Unicode text")


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
    if not MIN_PRIORITY <= priority <= MAX_PRIORITY:
        raise InvalidJob("priority", f"{priority} is outside {MIN_PRIORITY} to {MAX_PRIORITY}")


def _check_fields(job: NewJob) -> None:
    check_name("task", job.task)
    check_name("queue", job.queue)
    for tag in job.tags:
        check_name("tags", tag)
    check_priority(job.priority)
    check_instant("due", job.due)
    check_instant("expires", job.expires)
    if job.max_attempts < 1:
        raise InvalidJob("max_attempts", f"{job.max_attempts} is no number of runs; at least 1")
    if any(parent.id == job.id for parent in job.parents):
        raise InvalidJob("parents", "a job cannot wait for itself")
    if len({parent.id for parent in job.parents}) < len(job.parents):
        raise InvalidJob("parents", "the same parent stands twice")
    if job.unique is not None:
        check_name("unique", job.unique.value, MAX_KEY)
        if (job.unique.until is UniqueUntil.PERIOD) != (job.unique.period is not None):
            raise InvalidJob("unique", "a period is given exactly when the key is held for one")
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
