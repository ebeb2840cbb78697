"""IDENTITY: a claim or rescue whose answer was lost may be repeated under its nonce.

Each call that took jobs leaves its nonce here, one row a call, in the step that took them. So the
repeat is known even when all that it took has ended or gone elsewhere meanwhile, and then gets
nothing: what it would take anew, nobody might be waiting for. The jobs that it still holds are
found by walking the lease index, which only a repeat has to pay for.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, delete, insert, select

from queuekit.job import Claim, Phase
from queuekit.storage import ClaimRequest
from queuekit_sql.asking import Row, Verb, arg, ask, inline
from queuekit_sql.clauses import columns
from queuekit_sql.rows import ClaimRow, held_claim
from queuekit_sql.tables import calls, jobs

REMEMBERED: Final = 100_000
"""Calls that are kept, some 5 MB. A call is repeated within seconds of its failure, or its leases
run out; so many calls take a fleet at full speed minutes, and most fleets days."""

Order = tuple[ColumnElement[Any], ...]


def first_answer(request: ClaimRequest, order: Order) -> Verb[tuple[Claim, ...] | None]:
    """What still holds of an earlier call of this nonce, in its order; None if there was none.

    Asked whether or not the request says that it is a repeat: one seek, and a caller that forgot
    to say so takes nothing twice.
    """
    nonce = request.nonce
    if not (yield from ask(_FIND, nonce=nonce)):
        return None
    rows = yield from ask(_held_under(order), nonce=nonce)
    held = [ClaimRow._make(row) for row in rows]
    return tuple(held_claim(job, job.claims, nonce) for job in held)


def remember(nonce: bytes) -> Verb[None]:
    """Note that a call of this nonce took jobs."""
    yield from ask(_REMEMBER, call=nonce)


def forget_old() -> Verb[None]:
    """Delete what no caller will ask for any more; each heartbeat does."""
    rows = yield from ask(_NEWEST)
    if rows:
        yield from ask(_FORGET, last=rows[0][0] - REMEMBERED)


_FIND: Final = select(calls.c.nonce).where(calls.c.nonce == arg("nonce"))
_REMEMBER: Final = insert(calls).values({calls.c.nonce: arg("call")})
_NEWEST: Final = select(calls.c.n).order_by(calls.c.n.desc()).limit(inline(1))
_FORGET: Final = delete(calls).where(calls.c.n <= arg("last"))


@cache
def _held_under(order: Order) -> Select[Row]:
    return (
        select(*columns(ClaimRow))
        .where(
            jobs.c.lease_until > inline(0),
            jobs.c.phase == inline(Phase.RUNNING),
            jobs.c.nonce == arg("nonce"),
        )
        .order_by(*order)
    )
