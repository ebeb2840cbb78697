"""Taking jobs under a lease: due ones by `claim`, abandoned ones by `rescue`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from heapq import merge, nsmallest
from operator import attrgetter

from queuekit.admission import span
from queuekit.clock import after
from queuekit.job import Claim, Phase
from queuekit.memory import endings
from queuekit.memory.rows import Row
from queuekit.memory.tables import Tables
from queuekit.storage import Claimed, ClaimRequest


def claim(tables: Tables, now: int, request: ClaimRequest) -> Claimed:
    """Take the best due jobs of the queues asked for."""
    claims = _answer_again(tables, request.nonce)
    if claims is None:
        claims = _claim_new(tables, now, request)
    return Claimed(claims, next_due=_next_due(tables, now, request))


def rescue(tables: Tables, now: int, request: ClaimRequest) -> tuple[Claim, ...]:
    """Take over leases that ran out, oldest first, whoever held them and for whatever queue."""
    claims = _answer_again(tables, request.nonce)
    if claims is None:
        abandoned = (row for row in tables.running.values() if row.lease_until <= now)
        oldest = nsmallest(request.start, abandoned, key=lambda row: (row.lease_until, row.seq))
        claims = _take(tables, now, request, oldest)
    return claims


def _answer_again(tables: Tables, nonce: bytes) -> tuple[Claim, ...] | None:
    """What still holds of an earlier call of this nonce; None if there was none."""
    held = [row for row in tables.running.values() if row.nonce == nonce]
    if not held and not tables.is_known_call(nonce):
        return None
    return tuple(row.claim() for row in sorted(held, key=attrgetter("rank")))


def _claim_new(tables: Tables, now: int, request: ClaimRequest) -> tuple[Claim, ...]:
    to_start, to_reserve, expired = _choose(_due(tables, now, request), now, request)
    for row in expired:
        endings.expire(tables, now, row)
    for row in to_start:
        start_attempt(row, now)
    return _take(tables, now, request, [*to_start, *to_reserve])


def _due(tables: Tables, now: int, request: ClaimRequest) -> Iterator[Row]:
    """Due jobs over the queues asked for, best first."""
    return merge(
        *(line.due(now) for line in tables.open_lines(request.queues)), key=attrgetter("order")
    )


def _choose(
    due: Iterator[Row], now: int, request: ClaimRequest
) -> tuple[list[Row], list[Row], list[Row]]:
    """Whom to start, whom to reserve, and the expired ones met on the way.

    Nothing is changed yet: `due` walks over the very lines that the rows will leave.
    """
    to_start: list[Row] = []
    to_reserve: list[Row] = []
    expired: list[Row] = []
    while len(to_start) < request.start or len(to_reserve) < request.reserve:
        row = next(due, None)
        if row is None:
            break
        if row.is_expired(now):
            expired.append(row)
        elif len(to_start) < request.start:
            to_start.append(row)
        elif row.may_be_reserved:
            to_reserve.append(row)
    return to_start, to_reserve, expired


def start_attempt(row: Row, now: int) -> None:
    """Count an attempt: from here on it is spent, unless it is snoozed or released."""
    row.attempts += 1
    row.started_at = now


def _take(
    tables: Tables, now: int, request: ClaimRequest, rows: Iterable[Row]
) -> tuple[Claim, ...]:
    """Put the rows under a lease of this call, with a fence that no token of theirs had before."""
    claims = []
    for rank, row in enumerate(rows):
        with tables.changing(row):
            row.phase, row.rank = Phase.RUNNING, rank
            row.claims, row.nonce = row.claims + 1, request.nonce
            row.lease_until = after(now, span(request.lease))
            if row.worker is None or not row.is_started:
                row.worker = request.worker  # a rescuer does not put its name to a lost attempt
        claims.append(row.claim())
    if claims:
        # A call that took nothing wrote nothing: to repeat it is to make it for the first time.
        tables.remember_call(request.nonce)
    return tuple(claims)


def _next_due(tables: Tables, now: int, request: ClaimRequest) -> timedelta | None:
    upcoming = [line.next_due(now) for line in tables.open_lines(request.queues)]
    first = min((run_at for run_at in upcoming if run_at is not None), default=None)
    return None if first is None else timedelta(microseconds=first - now)
