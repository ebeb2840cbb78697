"""What can be said about one enqueue besides its arguments: kept apart from them, so that neither
is ever taken for the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from queuekit.admission import check_instant, check_name, check_number, check_priority
from queuekit.clock import duration_of
from queuekit.errors import InvalidJob
from queuekit.job import DEFAULT_MAX_ATTEMPTS, DEFAULT_QUEUE
from queuekit.retry import Backoff

When: TypeAlias = float | timedelta | datetime
"""Seconds or a `timedelta` from now, or an aware `datetime`."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a task may run, the first run included, and how long it waits in between.

    `discard_on` names exceptions after which another attempt is pointless: the job ends `discarded`
    at once.
    """

    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    backoff: Backoff = field(default_factory=Backoff)
    discard_on: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no job may hold.

        Raises:
            InvalidJob: `max_attempts` is no number from 1 on.
        """
        check_number("max_attempts", self.max_attempts, 1)


@dataclass(frozen=True, slots=True)
class Options:
    """Where and when a call is to run.

    `id` makes an enqueue repeatable: the same id with the same call again answers `exists`.
    """

    queue: str = DEFAULT_QUEUE
    priority: int = 0
    retry: Retry = field(default_factory=Retry)
    delay: timedelta | datetime | None = None
    expires: timedelta | datetime | None = None
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] | None = None
    id: UUID | None = None

    def __post_init__(self) -> None:
        """Refuse at the line that says it what every store would refuse later.

        Raises:
            InvalidJob: see above; `field` names the option.
        """
        check_name("queue", self.queue)
        check_priority(self.priority)
        for tag in self.tags:
            check_name("tags", tag)

    def changed(
        self,
        *,
        queue: str | None,
        priority: int | None,
        retry: Retry | None,
        delay: When | None,
        expires: When | None,
        tags: Iterable[str] | None,
        meta: Mapping[str, Any] | None,
        id: UUID | None,
    ) -> Options:
        """These options with what is given; None leaves one as it is.

        Raises:
            InvalidJob: an option is out of range.
        """
        if isinstance(tags, str):
            raise InvalidJob("tags", f"takes several names: write [{tags!r}]")
        given: dict[str, Any] = {
            "queue": queue,
            "priority": priority,
            "retry": retry,
            "delay": None if delay is None else due_of("delay", delay),
            "expires": None if expires is None else due_of("expires", expires),
            "tags": None if tags is None else tuple(tags),
            "meta": meta,
            "id": id,
        }
        return replace(self, **{name: value for name, value in given.items() if value is not None})


def due_of(field: str, when: When) -> timedelta | datetime:
    """A delay or an instant, as the seam takes it.

    Raises:
        InvalidJob: it is negative, not finite, a naive datetime, or none of these at all.
    """
    if not isinstance(when, datetime):
        try:
            return duration_of(when)
        except ValueError as problem:
            raise InvalidJob(field, str(problem)) from None
    check_instant(field, when)
    return when
