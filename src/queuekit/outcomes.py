"""What can become of one attempt: values for the worker, and the exceptions by which a task's code
asks for one.

The worker turns what happened in a child into exactly one `Outcome`; `queuekit.lifecycle.resolve`
decides what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from queuekit.clock import duration_of
from queuekit.errors import InvalidJob
from queuekit.job import Failure


@dataclass(frozen=True, slots=True)
class Completed:
    """The code returned. `result` is JSON text, or None for no result."""

    result: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The code raised, or its process died.

    `delay` overrides the stored backoff; `final` says that another attempt is pointless.
    """

    failure: Failure
    delay: timedelta | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """The lease ran out with nobody to say what happened; the rescuer speaks for the dead
    worker.
    """


@dataclass(frozen=True, slots=True)
class Snoozed:
    """The code asked to run again later. The attempt does not count."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class Released:
    """The worker gives the job back: unstarted, or cut short by its own stop.

    The attempt does not count.
    """


@dataclass(frozen=True, slots=True)
class UnknownTask:
    """The worker has no task of that name. Given back uncounted, for a worker that has."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """The code gave up for good."""

    reason: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The code ended itself as cancelled, or a person's cancel reached it."""

    reason: str


Outcome = Completed | Failed | Lost | Snoozed | Released | UnknownTask | Discarded | Cancelled


class TaskSignal(Exception):
    """Base of what a task's code raises to end its attempt in another way than by returning or
    failing.
    """


class Snooze(TaskSignal):
    """Run this job again after `delay`, seconds or a `timedelta`; the attempt does not count.

    Raises:
        InvalidJob: the delay is negative, or none.
    """

    def __init__(self, delay: timedelta | float) -> None:
        try:
            self.delay = duration_of(delay)
        except ValueError as problem:
            raise InvalidJob("snooze", str(problem)) from None
        super().__init__(f"snooze for {self.delay}")


class Discard(TaskSignal):
    """Give the job up: it ends `discarded` with this reason, whatever attempts are left."""

    def __init__(self, reason: str = "given up by the task") -> None:
        self.reason = reason
        super().__init__(reason)


class Cancel(TaskSignal):
    """End the job as `cancelled` with this reason."""

    def __init__(self, reason: str = "cancelled by the task") -> None:
        self.reason = reason
        super().__init__(reason)
