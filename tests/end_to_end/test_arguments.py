"""What a job receives is what was sent: in another process, after a retry, and back again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from tests.end_to_end import program
from tests.end_to_end.conftest import Place

from queuekit.job import JobState
from queuekit.storage import JobFilter

VALUES: list[Any] = [
    [2**53 + 1, 3889108265204450030, 2**63, 2**64, -(2**63) - 1],
    10**5000,
    [1e308, -0.0, [], {}, "", None, True],
    ["\\u0000", "\\x00", "🦀 ü", "line\nline", {"$datetime": "mine"}, {"$dict": {}}],
    {"nested": [(1, {2, 3}), frozenset({"a"}), b"\x00\xff"]},
    [datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1), date(2026, 1, 1)],
    [datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=-1, microseconds=1), UUID(int=7)],
    [program.Order(1, Decimal("9.90"), ("a", "b"), program.Colour.RED), program.Money(5)],
]


def same(one: Any, other: Any) -> bool:
    """Equal, and alike to the last sign; a huge number has no repr, and a Money only its own."""
    if isinstance(other, int) or any(isinstance(item, program.Money) for item in other):
        return bool(one == other)
    return repr(one) == repr(other)


@pytest.mark.parametrize("task", [program.echo, program.echo_async], ids=["process", "asyncio"])
def test_arguments_and_results_are_exact_after_a_retry_too(place: Place, task: Any) -> None:
    jobs = [task.enqueue(value) for value in VALUES]
    place.worker()
    for job, value in zip(jobs, VALUES, strict=True):
        assert same(job.result(timeout=60), value)
        assert job.refresh().attempts == 2


def test_jobs_about_rows_that_are_gone_end_as_their_policy_says(place: Place) -> None:
    there, gone = place.folder / "there", place.folder / "gone"
    there.touch()
    gone.touch()
    kept = program.path_of.enqueue(program.Row(str(there)))
    discarded = program.path_of.enqueue(program.Row(str(gone)))
    failed = program.path_of.enqueue(program.NeededRow(str(gone)))
    without = program.path_of.enqueue(program.OptionalRow(str(gone)))
    gone.unlink()
    place.worker()
    place.until_final(kept.id, discarded.id, failed.id, without.id)
    assert kept.result() == str(there)
    assert without.result() is None
    assert discarded.refresh().final_reason == f"row: row {str(gone)!r} is gone"
    assert discarded.refresh().attempts == 1
    assert failed.refresh().final_reason == "out of attempts"
    assert len(place.runs()) == 2


def test_an_error_that_no_attempt_can_mend_is_not_retried(place: Place) -> None:
    job = program.hopeless.enqueue("x")
    place.worker()
    place.until_final(job.id)
    assert len(place.runs()) == 1
    assert (job.state, job.refresh().final_reason) == (JobState.DISCARDED, "not retried")


def test_a_burst_ends_when_no_due_job_is_left_and_misses_none(place: Place) -> None:
    place.store.enqueue([program.follow_up.request().job for _ in range(20)])
    later = program.ok.using(delay=3600).enqueue(1)
    worker = place.worker("--burst")
    assert worker.wait(60) == 0
    done = JobFilter(states=frozenset({JobState.COMPLETED}))
    assert place.store.count(done, 100).n == 40
    assert later.state is JobState.SCHEDULED
