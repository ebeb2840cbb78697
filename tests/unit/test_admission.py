"""One door for all stores: every refusal names its field, before anything is written."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from functools import reduce
from typing import Any
from uuid import UUID

import pytest

from queuekit.admission import admit, check_instant, check_name, check_priority, span
from queuekit.clock import EPOCH, MAX_INSTANT
from queuekit.errors import InvalidJob, UnsupportedOperation
from queuekit.job import (
    MAX_KEY,
    MAX_NAME,
    MAX_PRIORITY,
    MIN_PRIORITY,
    Fire,
    LimitKey,
    LimitKind,
    NewJob,
    Parent,
    UniqueKey,
    UniqueUntil,
)
from queuekit.storage import MAX_BATCH, Ability, Capabilities, Durability, Level

DURABILITY = Durability(True, True, True)
NOTHING = Capabilities("bare", DURABILITY)
OPTIONAL = [
    f.name for f in fields(Capabilities) if getattr(NOTHING, f.name) == Ability(Level.ABSENT)
]


def declaring(capabilities: Capabilities, ability: str, level: Level) -> Capabilities:
    """The same but for one ability."""
    changed: dict[str, Any] = {ability: Ability(level, "here")}
    return replace(capabilities, **changed)


EVERYTHING = reduce(lambda so_far, name: declaring(so_far, name, Level.STRICT), OPTIONAL, NOTHING)

GOOD = NewJob(UUID(int=1), "task", "{}")
SECOND = timedelta(seconds=1)


def limit(scope: str = "s", value: str = "v", kind: LimitKind = LimitKind.RATE) -> LimitKey:
    return LimitKey(kind, scope, value)


BAD_NAMES = ["", "n" * (MAX_NAME + 1), "a\x00b", "\ud800", "a\udfffb"]
BAD_KEYS = ["", "k" * (MAX_KEY + 1), "a\x00b", "\ud800"]
NAIVE = EPOCH.replace(tzinfo=None)
FAR = MAX_INSTANT + SECOND

REFUSED: list[tuple[str, Any]] = [
    *[("task", name) for name in BAD_NAMES],
    *[("queue", name) for name in BAD_NAMES],
    *[("tags", ("good", name)) for name in BAD_NAMES],
    *[("priority", n) for n in (MIN_PRIORITY - 1, MAX_PRIORITY + 1)],
    *[(name, when) for name in ("due", "expires") for when in (-SECOND, NAIVE, FAR)],
    ("priority", 1.5),
    ("priority", float("nan")),
    *[("max_attempts", n) for n in (0, -1, 2**31, 1.5)],
    *[(name, text) for name in ("payload", "meta") for text in ("a\x00b", "\ud800")],
    ("unique", UniqueKey("k", UniqueUntil.PERIOD, -SECOND)),
    ("parents", (Parent(GOOD.id),)),
    ("parents", (Parent(UUID(int=2)), Parent(UUID(int=2)))),
    *[("unique", UniqueKey(key)) for key in BAD_KEYS],
    ("unique", UniqueKey("k", UniqueUntil.PERIOD)),
    ("unique", UniqueKey("k", UniqueUntil.FINISHED, SECOND)),
    *[("limits", (limit(scope=key),)) for key in BAD_KEYS],
    *[("limits", (limit(value=key),)) for key in BAD_KEYS],
    *[("fire", Fire(name, EPOCH)) for name in BAD_NAMES],
    *[("fire", Fire("s", when)) for when in (NAIVE, FAR)],
]


@pytest.mark.parametrize(("field", "value"), REFUSED, ids=lambda value: ascii(value)[:40])
def test_a_refusal_names_its_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidJob) as refused:
        admit([replace(GOOD, **{field: value})], EVERYTHING)
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")


ADMITTED: list[tuple[str, Any]] = [
    ("task", "🐍" * MAX_NAME),
    ("queue", " a B\tc "),
    ("tags", ("",) * 0),
    ("tags", ("a", "a", "n" * MAX_NAME)),
    ("priority", MIN_PRIORITY),
    ("priority", MAX_PRIORITY),
    *[(name, when) for name in ("due", "expires") for when in (0 * SECOND, timedelta.max)],
    *[(name, when) for name in ("due", "expires") for when in (EPOCH, MAX_INSTANT)],
    ("max_attempts", 1),
    ("max_attempts", 2**31 - 1),
    *[(name, "🐍\u0085 \\u0000") for name in ("payload", "meta")],
    ("parents", (Parent(UUID(int=2)), Parent(UUID(int=3)))),
    ("unique", UniqueKey("é" * MAX_KEY)),
    ("unique", UniqueKey("k", UniqueUntil.PERIOD, SECOND)),
    ("limits", (limit("é" * MAX_KEY, "🐍" * MAX_KEY),)),
    ("fire", Fire("nightly", EPOCH)),
]


@pytest.mark.parametrize(("field", "value"), ADMITTED, ids=lambda value: ascii(value)[:40])
def test_what_every_store_can_keep_passes(field: str, value: Any) -> None:
    admit([replace(GOOD, **{field: value})], EVERYTHING)


def test_a_batch_is_bounded() -> None:
    jobs = [replace(GOOD, id=UUID(int=n)) for n in range(MAX_BATCH + 1)]
    admit(jobs[:-1], NOTHING)
    with pytest.raises(InvalidJob, match=f"at most {MAX_BATCH}") as refused:
        admit(jobs, NOTHING)
    assert refused.value.field == "batch"


def test_an_id_stands_once_in_a_batch() -> None:
    with pytest.raises(InvalidJob) as refused:
        admit([GOOD, GOOD], NOTHING)
    assert refused.value.field == "id"


def test_one_bad_job_refuses_the_batch() -> None:
    with pytest.raises(InvalidJob):
        admit([GOOD, replace(GOOD, id=UUID(int=2), task="")], NOTHING)


NEEDED: list[tuple[str, str, Any]] = [
    ("unique", "unique", UniqueKey("k")),
    ("limits", "limits", (limit(kind=LimitKind.CONCURRENCY),)),
    ("rates", "limits", (limit(kind=LimitKind.RATE),)),
    ("ordered_keys", "limits", (limit(kind=LimitKind.ORDER),)),
    ("graphs", "parents", (Parent(UUID(int=2)),)),
    ("graphs", "armed", False),
    ("schedules", "fire", Fire("s", EPOCH)),
]


@pytest.mark.parametrize(("ability", "field", "value"), NEEDED)
def test_an_absent_ability_is_refused_by_name(ability: str, field: str, value: Any) -> None:
    job = replace(GOOD, **{field: value})
    with pytest.raises(UnsupportedOperation) as refused:
        admit([job], declaring(EVERYTHING, ability, Level.ABSENT))
    assert (refused.value.capability, refused.value.adapter) == (ability, "bare")
    admit([job], declaring(NOTHING, ability, Level.BEST_EFFORT))


def test_a_plain_job_needs_nothing() -> None:
    admit([GOOD], NOTHING)
    admit([], NOTHING)


def test_a_duration_is_held_inside_the_span_of_time() -> None:
    assert [span(each) for each in (timedelta.min, -SECOND, SECOND, timedelta.max)] == [
        timedelta(0),
        timedelta(0),
        SECOND,
        MAX_INSTANT - EPOCH,
    ]


def test_the_checks_of_single_fields_say_which_field() -> None:
    """They serve the verbs that change a field after the enqueue."""
    with pytest.raises(InvalidJob, match="here: is empty"):
        check_name("here", "")
    with pytest.raises(InvalidJob, match="here: is negative"):
        check_instant("here", -SECOND)
    with pytest.raises(InvalidJob, match="priority"):
        check_priority(2**31)
    check_instant("here", None)
