"""When to claim, and how much: at once while there is plenty, ever later while there is nothing."""

from __future__ import annotations

from queuekit.storage import Claimed, ClaimRequest
from queuekit.worker.settings import (
    BUFFER_HORIZON,
    IDLE_FIRST,
    IDLE_LONGEST,
    LOOK_GAP,
    MAX_BUFFER,
)


class Pace:
    """The rhythm of a worker's claims."""

    def __init__(self) -> None:
        self.claim_at = 0.0
        self._claimed_at = 0.0
        self._idle = IDLE_FIRST
        self._run_seconds: float | None = None

    def claiming(self, now: float) -> None:
        """A claim is made."""
        self._claimed_at = now

    def claimed(self, request: ClaimRequest, claimed: Claimed, now: float) -> None:
        """A claim was answered."""
        if claimed.more or len(claimed.claims) >= request.start + request.reserve:
            self._idle, self.claim_at = IDLE_FIRST, now
            return
        self._idle = IDLE_FIRST if claimed.claims else min(self._idle * 2, IDLE_LONGEST)
        wait = self._idle
        if claimed.next_due is not None:
            wait = min(wait, max(0.0, claimed.next_due.total_seconds()))
        self.claim_at = now + wait

    def provoked(self) -> None:
        """Somebody wrote to the store: look soon, but not more often than the gap allows."""
        self.claim_at = min(self.claim_at, self._claimed_at + LOOK_GAP)

    def ran(self, seconds: float) -> None:
        """A job took so long.

        A moving average, quick to rise: one long job is reason enough to reserve less.
        """
        known = self._run_seconds
        weight = 0.2 if known is not None and seconds < known else 0.5
        self._run_seconds = seconds if known is None else known + weight * (seconds - known)

    def stuck(self, seconds: float) -> None:
        """A reserved job found no slot for so long: what runs takes at least that."""
        self._run_seconds = max(self._run_seconds or 0.0, seconds)

    def reserve(self, capacity: int) -> int:
        """As many jobs as that many slots get through within the horizon, by how long jobs took."""
        if self._run_seconds is None:
            return 0
        return min(int(capacity * BUFFER_HORIZON / max(self._run_seconds, 0.0001)), MAX_BUFFER)
