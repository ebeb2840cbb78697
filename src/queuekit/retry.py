"""When a failed job runs again: pure arithmetic, attempt in, duration out.

`Backoff` is plain data. It is stored with each job, so that a worker that does not know the task
can still send a lost job round again under the task's own policy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from queuekit.clock import duration_of
from queuekit.errors import InvalidJob

DEFAULT_BASE: Final = timedelta(seconds=5)
"""First wait: long enough for a restarted service to be back."""

DEFAULT_CAP: Final = timedelta(hours=1)
"""Longest wait: a person who mends the cause sees the effect within the hour."""


class BackoffKind(StrEnum):
    """The shape of the waits."""

    FIXED = "fixed"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between attempts, as data.

    `base` and `cap` serve the first three kinds, `waits` serves `LIST`, whose last entry repeats.
    With `jitter` the wait is drawn evenly from nought to the computed value ("full jitter", Marc
    Brooker, AWS Architecture Blog, 2015), which keeps jobs that failed together from returning
    together.
    """

    kind: BackoffKind = BackoffKind.EXPONENTIAL
    base: timedelta = DEFAULT_BASE
    cap: timedelta = DEFAULT_CAP
    jitter: bool = True
    waits: tuple[timedelta, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no attempt could be computed from.

        Raises:
            InvalidJob: see above.
        """
        for wait in (self.base, self.cap, *self.waits):
            _duration(wait)
        if (self.kind is BackoffKind.LIST) != bool(self.waits):
            raise InvalidJob("backoff", "waits are given exactly when the kind is 'list'")

    @classmethod
    def fixed(cls, wait: timedelta | float, *, jitter: bool = False) -> Backoff:
        """The same wait each time, in seconds or as a `timedelta`."""
        return cls(BackoffKind.FIXED, _duration(wait), _duration(wait), jitter)

    @classmethod
    def linear(
        cls, step: timedelta | float, cap: timedelta | float = DEFAULT_CAP, *, jitter: bool = True
    ) -> Backoff:
        """One `step` after the first failure, two after the second, at most `cap`."""
        return cls(BackoffKind.LINEAR, _duration(step), _duration(cap), jitter)

    @classmethod
    def exponential(
        cls,
        base: timedelta | float = DEFAULT_BASE,
        cap: timedelta | float = DEFAULT_CAP,
        *,
        jitter: bool = True,
    ) -> Backoff:
        """`base`, then twice, four times as long and so on, at most `cap`."""
        return cls(BackoffKind.EXPONENTIAL, _duration(base), _duration(cap), jitter)

    @classmethod
    def steps(cls, *waits: timedelta | float, jitter: bool = False) -> Backoff:
        """These waits one after the other; the last one repeats."""
        return cls(BackoffKind.LIST, jitter=jitter, waits=tuple(map(_duration, waits)))

    def wait(self, attempt: int, draw: float = 1.0) -> timedelta:
        """The wait after failed attempt number `attempt` (from 1); `draw` in [0, 1] is the random
        part.

        Never negative, never above `cap`, and never an overflow: the cap is applied before the
        power is taken.
        """
        if self.kind is BackoffKind.LIST:
            ceiling = self.waits[min(attempt, len(self.waits)) - 1]
        elif self.kind is BackoffKind.FIXED:
            ceiling = min(self.base, self.cap)
        elif self.kind is BackoffKind.LINEAR:
            capped = self.base and attempt >= self.cap / self.base
            ceiling = self.cap if capped else self.base * attempt
        else:
            doublings = math.log2(self.cap / self.base) if self.base and self.cap else 0.0
            if attempt - 1 >= doublings:
                ceiling = self.cap if self.base else timedelta(0)
            else:
                ceiling = self.base * 2 ** (attempt - 1)
        return ceiling * draw if self.jitter else ceiling

    def dump(self) -> str:
        """One line of text for a store's column; `load` reads it back."""
        numbers = ",".join(str(_micros(wait)) for wait in (self.waits or (self.base, self.cap)))
        return f"{self.kind.value}{'~' if self.jitter else '='}{numbers}"

    @classmethod
    def load(cls, text: str) -> Backoff:
        """The backoff that `dump` wrote."""
        jitter = "~" in text
        kind, _, numbers = text.partition("~" if jitter else "=")
        waits = tuple(timedelta(microseconds=int(number)) for number in numbers.split(","))
        if kind == BackoffKind.LIST:
            return cls(BackoffKind.LIST, jitter=jitter, waits=waits)
        base, cap = waits
        return cls(BackoffKind(kind), base, cap, jitter)


def _duration(wait: timedelta | float) -> timedelta:
    try:
        return duration_of(wait)
    except ValueError as problem:
        raise InvalidJob("backoff", str(problem)) from None


def _micros(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)
