"""Capabilities: what is declared is there; what is absent refuses before anything is changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest

from queuekit.errors import InvalidJob, UnsupportedOperation
from queuekit.job import (
    Fire,
    Limit,
    LimitKey,
    LimitKind,
    NewJob,
    Parent,
    Token,
    UniqueKey,
    UniqueUntil,
)
from queuekit.storage import (
    CONTRACT_VERSION,
    MAX_BATCH,
    NONCE_BYTES,
    Ability,
    Capabilities,
    Change,
    Finish,
    Store,
    SupportsGuard,
    SupportsLimits,
    SupportsLocks,
    SupportsPush,
    SupportsSchedules,
    SupportsTransactions,
    SupportsTravel,
    WorkerBeat,
)
from queuekit_conformance.steps import (
    PAST,
    SECOND,
    Stage,
    TravellingStore,
    bring,
    claim_one,
    complete,
    new_id,
    new_job,
    send_one,
    visible,
)

ABILITIES: Final = [
    field.name for field in fields(Capabilities) if field.type in ("Ability", Ability)
]


def test_the_store_speaks_this_contract(store: TravellingStore) -> None:
    """A store names itself, and the version of the contract that it keeps."""
    assert store.capabilities.adapter
    assert store.capabilities.contract == CONTRACT_VERSION
    assert isinstance(store, Store)
    assert isinstance(store, SupportsTravel)


@pytest.mark.parametrize("ability", ABILITIES)
def test_a_declared_ability_names_its_topology(store: TravellingStore, ability: str) -> None:
    """A level without the topology that it holds on promises nothing."""
    declared: Ability = getattr(store.capabilities, ability)
    assert bool(declared.topology) == bool(declared)


# ---------------------------------------------------------------- abilities that a job asks for

RATE = LimitKey(LimitKind.RATE, "scope", "value")
ORDER = LimitKey(LimitKind.ORDER, "scope", "value")
CONCURRENCY = LimitKey(LimitKind.CONCURRENCY, "scope", "value")

ASKS: Final[dict[str, list[tuple[str, Callable[[TravellingStore], NewJob]]]]] = {
    "unique": [
        ("finished", lambda _: new_job(unique=UniqueKey("k"))),
        ("started", lambda _: new_job(unique=UniqueKey("k", UniqueUntil.STARTED))),
        ("period", lambda _: new_job(unique=UniqueKey("k", UniqueUntil.PERIOD, SECOND))),
    ],
    "limits": [("concurrency", lambda _: new_job(limits=(CONCURRENCY,)))],
    "rates": [("rate", lambda _: new_job(limits=(RATE,)))],
    "ordered_keys": [("order", lambda _: new_job(limits=(ORDER,)))],
    "graphs": [
        ("parent", lambda store: new_job(parents=(Parent(bring(store, Stage.STARTED)),))),
        ("unarmed", lambda _: new_job(armed=False)),
    ],
    "schedules": [("fire", lambda _: new_job(fire=Fire("nightly", PAST)))],
}


@pytest.mark.parametrize(
    ("ability", "asks"),
    [
        pytest.param(ability, asks, id=f"{ability}-{name}")
        for ability, ways in ASKS.items()
        for name, asks in ways
    ],
)
def test_an_absent_ability_is_refused_at_enqueue(
    store: TravellingStore, ability: str, asks: Callable[[TravellingStore], NewJob]
) -> None:
    """A job that asks for an absent ability is refused by its name, and its batch with it."""
    job = asks(store)
    before = visible(store)
    if getattr(store.capabilities, ability):
        store.enqueue([new_job(), job])
        assert store.get([job.id]) != (None,)
        return
    with pytest.raises(UnsupportedOperation) as refused:
        store.enqueue([new_job(), job])
    assert refused.value.capability == ability
    assert refused.value.adapter == store.capabilities.adapter
    assert visible(store) == before


# ---------------------------------------------------------------- abilities that are verbs

SHORT = timedelta(milliseconds=1)
KIND_OF = {
    "limits": LimitKind.CONCURRENCY,
    "rates": LimitKind.RATE,
    "ordered_keys": LimitKind.ORDER,
}


def try_limit(store: SupportsLimits, ability: str) -> None:
    """Declare one limit of the ability's kind."""
    kind = KIND_OF[ability]
    period = SECOND if kind is LimitKind.RATE else None
    store.set_limits([Limit(kind, "scope", 1, 1, period)])


def try_guard(store: SupportsGuard) -> None:
    """Enter and leave a guard."""
    with store.guard(["name"], SECOND):
        pass


def try_lock(store: SupportsLocks) -> None:
    """Take a lock."""
    store.acquire_lock("name", os.urandom(NONCE_BYTES), SECOND)


PROTOCOLS: Final[dict[str, type]] = {
    "limits": SupportsLimits,
    "rates": SupportsLimits,
    "ordered_keys": SupportsLimits,
    "schedules": SupportsSchedules,
    "guard": SupportsGuard,
    "locks": SupportsLocks,
    "tx_enqueue": SupportsTransactions,
    "tx_finish": SupportsTransactions,
    "push": SupportsPush,
}


@pytest.mark.parametrize("ability", PROTOCOLS)
def test_a_declared_ability_has_its_verbs(store: TravellingStore, ability: str) -> None:
    """An ability that is declared has the verbs of its protocol."""
    if getattr(store.capabilities, ability):
        assert isinstance(store, PROTOCOLS[ability])


@pytest.mark.parametrize("ability", PROTOCOLS)
def test_the_verbs_of_an_absent_ability_refuse(store: TravellingStore, ability: str) -> None:
    """An absent ability has no verbs, or they refuse by its name; either way nothing is changed."""
    if getattr(store.capabilities, ability) or not isinstance(store, PROTOCOLS[ability]):
        return
    send_one(store)
    running = claim_one(store)
    before = visible(store)
    tries: dict[str, Callable[[], object]] = {
        "schedules": lambda: store.declare_schedules("app", 1, []),  # type: ignore[attr-defined]
        "guard": lambda: try_guard(store),  # type: ignore[arg-type]
        "locks": lambda: try_lock(store),  # type: ignore[arg-type]
        "tx_enqueue": lambda: store.enqueue_in(None, [new_job()]),  # type: ignore[attr-defined]
        "tx_finish": lambda: store.finish_in(  # type: ignore[attr-defined]
            None, Finish(running.token, complete())
        ),
        "push": lambda: store.wait(None, SHORT),  # type: ignore[attr-defined]
    }
    attempt = tries.get(ability, lambda: try_limit(store, ability))  # type: ignore[arg-type]
    with pytest.raises(UnsupportedOperation) as refused:
        attempt()
    assert refused.value.capability == ability
    assert visible(store) == before


@pytest.mark.parametrize(
    "call",
    [
        lambda store, ids: store.arm(ids),
        lambda store, ids: store.finish([], [Token(one, 1, bytes(NONCE_BYTES)) for one in ids]),
        lambda store, ids: store.extend(
            WorkerBeat("w"), [Token(one, 1, bytes(NONCE_BYTES)) for one in ids], SECOND
        ),
        lambda store, ids: store.cancel(ids, "why"),
        lambda store, ids: store.discard(ids, "why"),
        lambda store, ids: store.rerun(ids),
        lambda store, ids: store.amend(ids, Change(priority=1)),
        lambda store, ids: store.get(ids),
    ],
    ids=["arm", "finish", "extend", "cancel", "discard", "rerun", "amend", "get"],
)
def test_a_call_about_too_many_jobs_is_refused(
    store: TravellingStore, call: Callable[[Store, list[UUID]], object]
) -> None:
    """Work per call is bounded: up to `MAX_BATCH` jobs are one step, more are refused whole."""
    ids = [new_id() for _ in range(MAX_BATCH + 1)]
    call(store, ids[:-1])
    before = visible(store)
    with pytest.raises(InvalidJob, match=str(MAX_BATCH)):
        call(store, ids)
    assert visible(store) == before
