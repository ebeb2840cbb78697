"""Seeded schedules of several workers with faults: what the contract promises holds in each of
them."""

from __future__ import annotations

import random
from uuid import UUID

import pytest
from tests.worker.simulated import Faults, World

from queuekit.job import AttemptOutcome, JobState
from queuekit.worker.messages import StopAsked

SEEDS = range(30)


def check_ended_once(world: World, ids: list[UUID]) -> None:
    """Each job has ended, and at most one of its attempts completed; attempts are what history
    says."""
    jobs = world.store.get(ids)
    for job in jobs:
        assert job is not None
        assert job.state is JobState.COMPLETED, f"seed {world.seed}: {job}"
        history = world.store.history(job.id)
        completed = [line for line in history if line.outcome is AttemptOutcome.COMPLETED]
        assert len(completed) == 1, f"seed {world.seed}: {history}"
        uncounted = {AttemptOutcome.SNOOZED, AttemptOutcome.RELEASED}
        counted = sum(line.outcome not in uncounted for line in history)
        assert job.attempts == counted, f"seed {world.seed}: {job.attempts} {history}"


@pytest.mark.parametrize("seed", SEEDS)
def test_every_job_completes_once_though_jobs_fail_and_children_die(seed: int) -> None:
    world = World(seed)
    ids = world.enqueue(40) + world.enqueue(40, "async")
    for _ in range(3):
        world.worker()
    world.run(lambda: world.all_final(ids), longest=300)
    check_ended_once(world, ids)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_job_completes_once_though_workers_are_killed_and_frozen(seed: int) -> None:
    world = World(seed)
    ids = world.enqueue(60) + world.enqueue(20, "async")
    for _ in range(3):
        world.worker()

    def harm() -> None:
        alive = [worker for worker in world.workers if worker.alive]
        victim = world.rng.choice(alive)
        if world.rng.random() < 0.5:
            victim.kill()
            world.worker()
        else:
            victim.freeze(world.rng.uniform(1, 20))
        world.at(world.rng.uniform(0.5, 8), harm)

    world.at(1.0, harm)
    world.run(lambda: world.all_final(ids), longest=600)
    check_ended_once(world, ids)


@pytest.mark.parametrize("seed", SEEDS)
def test_lost_answers_and_an_unreachable_store_double_nothing(seed: int) -> None:
    world = World(seed, Faults(answer_lost=0.1, store_away=0.1))
    ids = world.enqueue(60)
    for _ in range(2):
        world.worker()
    world.run(lambda: world.all_final(ids), longest=900)
    check_ended_once(world, ids)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_outage_of_two_leases_with_live_workers_rescues_nothing(seed: int) -> None:
    world = World(seed, Faults(fail=0, snooze=0, child_dies=0))
    ids = world.enqueue(60)
    for _ in range(3):
        world.worker()
    world.at(random.Random(seed).uniform(0.3, 3), lambda: setattr(world.faults, "store_away", 1.0))
    world.at(15.0, lambda: setattr(world.faults, "store_away", 0.0))
    world.run(lambda: world.all_final(ids), longest=300)
    check_ended_once(world, ids)
    assert not [text for text in world.said if "rescued" in text], f"seed {seed}"
    assert all(world.runs[job_id] == 1 for job_id in ids), f"seed {seed}"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_stop_under_load_spends_no_attempt_and_loses_no_job(seed: int) -> None:
    world = World(seed, Faults(fail=0, snooze=0, child_dies=0))
    ids = world.enqueue(60)
    worker = world.worker()
    worker.hear(StopAsked(), random.Random(seed).uniform(0.2, 4))
    world.run(lambda: not worker.alive, longest=60)
    assert worker.exit_code == 0
    for job in world.store.get(ids):
        assert job is not None
        assert job.state in {JobState.COMPLETED, JobState.AVAILABLE}, f"seed {seed}: {job}"
        assert job.attempts == (1 if job.state is JobState.COMPLETED else 0), f"seed {seed}: {job}"


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_store_refuses_blocks_no_stop_and_no_other_job(seed: int) -> None:
    world = World(seed, Faults(settle_refused=0.2))
    ids = world.enqueue(60)
    first = world.worker()
    first.hear(StopAsked(), random.Random(seed).uniform(0.2, 4))
    world.run(lambda: not first.alive, longest=25)
    assert first.exit_code == 0
    world.worker()
    world.run(lambda: world.all_final(ids), longest=900)
    check_ended_once(world, ids)


def test_a_second_stop_gives_running_jobs_back_at_once() -> None:
    world = World(7, Faults(fail=0, snooze=0, child_dies=0))
    ids = world.enqueue(200)
    worker = world.worker()
    worker.hear(StopAsked(), 2.0)
    worker.hear(StopAsked(), 2.001)
    world.run(lambda: not worker.alive, longest=3)
    assert worker.exit_code == 0
    assert all(
        job and job.attempts == (job.state is JobState.COMPLETED) for job in world.store.get(ids)
    )


def test_a_job_of_an_unknown_task_is_given_back_uncounted_less_and_less_often() -> None:
    world = World(3)
    (job_id,) = world.enqueue(1, "of another program")
    world.worker()
    done = world.enqueue(5)
    world.run(lambda: world.all_final(done) and world.now > 120, longest=200)
    (job,) = world.store.get([job_id])
    assert job is not None
    assert job.attempts == 0
    assert not job.state.is_final
    assert 4 <= job.claims <= 9
