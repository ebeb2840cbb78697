"""The worker's numbers, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from queuekit.job import JobState

DEFAULT_LEASE: Final = timedelta(seconds=30)
"""How long a dead worker's jobs wait.

Three missed heartbeats of ten seconds: a hiccup costs nothing.
"""

DEFAULT_GRACE: Final = timedelta(seconds=25)
"""How long a stopping worker lets jobs run: below the 30 s after which Kubernetes kills a pod by
default."""

DEFAULT_COROUTINES: Final = 10
"""Async jobs at once.

They wait more than they compute, yet each may hold a connection of its own.
"""

BEATS_PER_LEASE: Final = 3
"""Heartbeats and sweeps in the time of one lease."""

BUFFER_HORIZON: Final = 0.25
"""Seconds of work that may be reserved ahead: long enough to hide the store's answer times, short
enough that an urgent job overtakes within it, and far below any lease."""

MAX_BUFFER: Final = 100
"""Most jobs reserved ahead. Claims of 100 already cost a store little more than claims of one."""

IDLE_FIRST: Final = 0.005
"""Seconds until the next look after the first empty claim; doubles with each further one."""

IDLE_LONGEST: Final = 0.5
"""Longest time between looks at a store without push: two claims a second while idle."""

LOOK_GAP: Final = 0.02
"""Least seconds between two empty claims that a changed store provokes, so that busy neighbours do
not keep an idle worker busy."""

RETRY_FIRST: Final = 0.1
RETRY_LONGEST: Final = 5.0
"""Seconds before a failed store call is repeated: doubling, with jitter, so that a fleet does not
return as one."""

SWEEP_LIMIT: Final = 100
"""Leases rescued in one call: bounded work; a full answer is followed by the next call at once."""

TIDY_LIMIT: Final = 500
"""Jobs expired or pruned in one call, likewise: some ten milliseconds of a store's time."""

KEPT: Final = (
    (frozenset({JobState.COMPLETED}), timedelta(days=7)),
    (frozenset({JobState.DISCARDED, JobState.CANCELLED}), timedelta(days=90)),
)
"""How long final jobs are kept: what went well for a look back over the week, what did not for the
person who has to mend it, holidays included."""

FINAL_TRIES: Final = 5.0
"""Seconds that a worker whose jobs have ended keeps trying to write their outcomes to a store that
does not answer."""

BROKEN_STARTS: Final = 10
"""Children in a row that die before they are ready, after which the worker gives up. With the
growing pauses in between that is half a minute: somebody who kills children by hand gets bored."""

BUFFER_PATIENCE: Final = 1.0
"""Seconds after which a reserved job goes back that found no slot: jobs took longer than they used
to, and another worker may be idle."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How one worker works.

    `queues=None` serves every queue; `processes` sync jobs and `coroutines` async ones at once.
    With `burst` it stops by itself once no due job is left.
    """

    worker: str
    processes: int
    coroutines: int = DEFAULT_COROUTINES
    queues: tuple[str, ...] | None = None
    lease: timedelta = DEFAULT_LEASE
    grace: timedelta = DEFAULT_GRACE
    burst: bool = False
    version: str = ""

    @property
    def beat_interval(self) -> float:
        """Seconds between heartbeats, and between sweeps."""
        return self.lease.total_seconds() / BEATS_PER_LEASE
