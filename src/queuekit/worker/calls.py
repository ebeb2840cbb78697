"""Which store calls are under way, which are to be repeated when, and whether the store is well.

A call that failed is repeated as it was: its nonce and its tokens make that safe.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from queuekit.worker.messages import Call
from queuekit.worker.settings import RETRY_FIRST, RETRY_LONGEST


class Calls:
    """At most one call of each kind at a time."""

    def __init__(self, beat_interval: float, rng: random.Random) -> None:
        self._rng = rng
        # Half an interval at most: after an outage every live worker has spoken up before any may
        # sweep.
        self._longest_wait = min(RETRY_LONGEST, beat_interval / 2)
        self._under_way: set[Call] = set()
        self._repeat_at: dict[Call, float] = {}
        self._failures = 0
        self.healthy_since: float | None = None
        """When the store answered first, after the start or the last outage; None meanwhile."""

    @property
    def failing(self) -> bool:
        """Whether the store did not answer when last asked."""
        return self._failures > 0

    def may(self, call: Call, now: float) -> bool:
        """Whether this call may be made now."""
        return call not in self._under_way and now >= self._repeat_at.get(call, 0.0)

    def begin(self, call: Call) -> None:
        """The call is made."""
        self._under_way.add(call)
        self._repeat_at.pop(call, None)

    def answered(self, call: Call, now: float) -> bool:
        """The call was answered; whether the store is back from an outage."""
        self._under_way.discard(call)
        if self.healthy_since is None:
            self.healthy_since = now
        back, self._failures = self.failing, 0
        return back

    def failed(self, call: Call, now: float, *, outage: bool) -> float:
        """The call failed; when it may be repeated."""
        self._under_way.discard(call)
        if outage:
            self._failures += 1
            self.healthy_since = None
        wait = min(RETRY_FIRST * 2 ** min(self._failures, 10), self._longest_wait)
        self._repeat_at[call] = now + wait * (0.5 + self._rng.random() / 2)
        return self._repeat_at[call]

    def times(self) -> Iterator[float]:
        """When calls may be repeated."""
        yield from self._repeat_at.values()
