"""Real workers on a real file: what they promise, job by job."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing

import pytest
from tests.end_to_end import program
from tests.end_to_end.conftest import Place, children_of, eventually, is_running

from queuekit.job import AttemptOutcome, JobState, NewJob
from queuekit.storage import JobFilter

pytestmark = pytest.mark.timeout(120)


def test_sync_and_async_jobs_complete_with_their_results(place: Place) -> None:
    ids = [program.ok.enqueue(1).id, program.ok_async.enqueue(2).id, program.follow_up.enqueue().id]
    place.worker()
    first, second, _ = place.until_final(*ids)
    assert (first.state, first.result) == (JobState.COMPLETED, "2")
    assert (second.state, second.result) == (JobState.COMPLETED, "3")
    eventually("the job that a job sent has run", lambda: len(place.runs()) == 3)


def test_async_jobs_run_together(place: Place) -> None:
    folder = place.folder / "meeting"
    folder.mkdir()
    ids = [program.meet.enqueue(f"guest{n}", str(folder), 5).id for n in range(5)]
    place.worker()
    assert {job.state for job in place.until_final(*ids)} == {JobState.COMPLETED}


def test_a_failed_job_runs_again_and_every_attempt_is_kept(place: Place) -> None:
    job_id = program.fail.enqueue("it broke").id
    place.worker()
    (job,) = place.until_final(job_id)
    assert (job.state, job.final_reason, job.attempts) == (JobState.DISCARDED, "out of attempts", 2)
    history = place.store.history(job_id)
    assert [line.number for line in history] == [1, 2]
    for line in history:
        assert line.outcome is AttemptOutcome.FAILED
        assert line.failure is not None
        assert line.failure.error_class == "RuntimeError"
        assert line.failure.message == "it broke"
        assert "program.py" in (line.failure.traceback or "")
        assert (line.failure.cause or "").startswith("ValueError: invalid literal")


@pytest.mark.parametrize(
    "kind",
    [
        "SystemExit",
        "KeyboardInterrupt",
        "GeneratorExit",
        "BaseException",
        "Local",
        "TwoArguments",
        "Nul",
        "Recursion",
        "Long",
    ],
)
def test_whatever_a_job_raises_is_recorded_and_the_worker_lives(place: Place, kind: str) -> None:
    sync = program.raise_strange.enqueue(kind).id
    on_loop = program.raise_strange_async.enqueue(kind).id
    after = program.ok.enqueue().id
    worker = place.worker()
    failed, failed_on_loop, fine = place.until_final(sync, on_loop, after)
    for job in (failed, failed_on_loop):
        assert (job.state, job.attempts) == (JobState.DISCARDED, 2)
        for line in place.store.history(job.id):
            assert line.failure is not None
            assert line.failure.error_class.rpartition(".")[2] in {
                kind,
                "ValueError",
                "RecursionError",
            }
    assert fine.state is JobState.COMPLETED
    assert worker.poll() is None


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_a_job_that_ends_its_process_spends_its_own_attempts_alone(place: Place, how: str) -> None:
    guilty = program.die.enqueue(how).id
    others = [program.ok.enqueue(n).id for n in range(5)]
    worker = place.worker()
    dead, *fine = place.until_final(guilty, *others)
    assert (dead.state, dead.attempts) == (JobState.DISCARDED, 2)
    history = place.store.history(guilty)
    assert {line.failure.error_class for line in history if line.failure} == {"WorkerChildDied"}
    assert all((job.state, job.attempts) == (JobState.COMPLETED, 1) for job in fine)
    assert worker.poll() is None


def test_snooze_discard_and_cancel_say_what_becomes_of_a_job(place: Place) -> None:
    ids = [task.enqueue().id for task in (program.snooze_once, program.give_up, program.call_off)]
    place.worker()
    woke, gave_up, called_off = place.until_final(*ids)
    assert (woke.state, woke.result, woke.attempts) == (JobState.COMPLETED, '"woke"', 1)
    assert (gave_up.state, gave_up.final_reason) == (JobState.DISCARDED, "no use")
    assert (called_off.state, called_off.final_reason) == (JobState.CANCELLED, "not needed")


def test_a_result_that_has_no_exact_form_still_lets_the_job_complete(place: Place) -> None:
    job_id = program.unstorable.enqueue().id
    much = program.print_much.enqueue().id
    place.worker()
    job, _ = place.until_final(job_id, much)
    assert job.state is JobState.COMPLETED
    assert (job.result or "").startswith('{"$unstorable":"<unlocked _thread.lock')


def test_a_job_that_never_gives_way_keeps_its_lease(place: Place) -> None:
    job_id = program.busy.enqueue(3.5).id
    place.worker("--lease", "1")
    place.worker("--lease", "1")
    (job,) = place.until_final(job_id)
    assert (job.state, job.attempts, job.lost) == (JobState.COMPLETED, 1, 0)
    assert len(place.runs()) == 1


def test_a_killed_workers_jobs_run_elsewhere_within_lease_and_sweep(place: Place) -> None:
    gate = place.folder / "gate"
    ids = [program.wait_for.enqueue(str(gate)).id, program.wait_for_async.enqueue(str(gate)).id]
    first = place.worker("--lease", "1.5")
    eventually("both run", lambda: len(place.runs()) == 2)
    children = children_of(first.pid)
    assert len(children) >= 2
    first.send_signal(signal.SIGKILL)
    first.wait()
    killed = time.monotonic()
    place.worker("--lease", "1.5")
    eventually("both run again", lambda: len(place.runs()) == 4)
    assert time.monotonic() - killed < 10
    gate.touch()
    for job in place.until_final(*ids):
        assert (job.state, job.attempts, job.lost) == (JobState.COMPLETED, 2, 1)
        outcomes = [line.outcome for line in place.store.history(job.id)]
        assert outcomes == [AttemptOutcome.LOST, AttemptOutcome.COMPLETED]
    eventually("no child outlives its worker", lambda: not any(map(is_running, children)))


def test_children_die_with_a_killed_worker_even_while_they_compute(place: Place) -> None:
    program.busy.enqueue(600)
    worker = place.worker()
    eventually("it runs", lambda: len(place.runs()) == 1)
    children = children_of(worker.pid)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    eventually("the children are gone", lambda: not any(map(is_running, children)))


def test_a_worker_that_was_frozen_past_its_lease_is_refused(place: Place) -> None:
    gate = place.folder / "gate"
    job_id = program.wait_for.enqueue(str(gate)).id
    frozen = place.worker("--lease", "1")
    eventually("it runs", lambda: len(place.runs()) == 1)
    frozen.send_signal(signal.SIGSTOP)
    place.worker("--lease", "1")
    eventually("it runs elsewhere", lambda: len(place.runs()) == 2)
    gate.touch()
    (job,) = place.until_final(job_id)
    frozen.send_signal(signal.SIGCONT)
    eventually("the frozen one notices", lambda: "lost the lease" in place.log(0))
    assert place.job(job_id) == job
    assert (job.state, job.attempts, job.lost) == (JobState.COMPLETED, 2, 1)


def test_sigterm_lets_running_jobs_end_and_gives_the_others_back_uncounted(place: Place) -> None:
    gate = place.folder / "gate"
    running = program.wait_for.enqueue(str(gate)).id
    worker = place.worker("--concurrency", "1")
    eventually("it runs", lambda: len(place.runs()) == 1)
    waiting = [program.ok.enqueue(n).id for n in range(20)]
    worker.send_signal(signal.SIGTERM)
    eventually("it says so", lambda: "stopping" in place.log())
    gate.touch()
    assert worker.wait(30) == 0
    assert place.job(running).state is JobState.COMPLETED
    for job_id in waiting:
        assert (place.job(job_id).state, place.job(job_id).attempts) == (JobState.AVAILABLE, 0)
    assert place.store.workers() == ()


@pytest.mark.parametrize("stop", ["grace", "second signal"])
def test_what_still_runs_after_the_grace_time_is_given_back_uncounted(
    place: Place, stop: str
) -> None:
    job_id = program.busy.enqueue(600).id
    on_loop = program.wait_for_async.enqueue(str(place.folder / "never")).id
    worker = place.worker("--grace", "0.2" if stop == "grace" else "600")
    eventually("both run", lambda: len(place.runs()) == 2)
    worker.send_signal(signal.SIGTERM)
    if stop == "second signal":
        eventually("it says so", lambda: "stopping" in place.log())
        worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    for each in (job_id, on_loop):
        job = place.job(each)
        assert (job.state, job.attempts, job.lost) == (JobState.AVAILABLE, 0, 0)


@pytest.mark.parametrize("task", ["busy", "wait_for_async"])
def test_a_cancel_reaches_a_running_job(place: Place, task: str) -> None:
    if task == "busy":
        job_id = program.busy.enqueue(600).id
    else:
        job_id = program.wait_for_async.enqueue(str(place.folder / "never")).id
    place.worker("--lease", "1")
    eventually("it runs", lambda: len(place.runs()) == 1)
    place.store.cancel([job_id], "changed our minds")
    (job,) = place.until_final(job_id)
    assert job.state is JobState.CANCELLED
    after = program.ok.enqueue().id
    assert place.until_final(after)[0].state is JobState.COMPLETED


def test_a_paused_queue_gives_nothing_until_it_is_resumed(place: Place) -> None:
    place.store.set_queue("default", paused=True)
    held = program.ok.enqueue().id
    place.store.enqueue(
        [NewJob(program.app.new_id(), program.ok.name, '{"args":[],"kwargs":{}}', "open")]
    )
    place.worker()
    eventually("the open queue is served", lambda: len(place.runs()) == 1)
    assert place.job(held).state is JobState.AVAILABLE
    place.store.set_queue("default", paused=False)
    place.until_final(held)


def test_an_unknown_task_is_left_for_a_worker_that_knows_it(place: Place) -> None:
    strange = program.app.new_id()
    place.store.enqueue([NewJob(strange, "no.such.task", "{}")])
    known = program.ok.enqueue().id
    place.worker()
    place.until_final(known)
    eventually("it was seen", lambda: place.job(strange).claims > 0)
    job = place.until_state(JobState.SCHEDULED, strange)
    assert job.attempts == 0
    assert "no task 'no.such.task' here" in place.log()


def test_an_urgent_job_overtakes_those_that_wait(place: Place) -> None:
    gate = place.folder / "gate"
    program.wait_for.enqueue(str(gate))
    place.worker("--concurrency", "1")
    eventually("the only slot is taken", lambda: len(place.runs()) == 1)
    low = [program.ok.enqueue(n).id for n in range(20)]
    urgent = program.app.new_id()
    place.store.enqueue([NewJob(urgent, program.ok.name, '{"args":[],"kwargs":{}}', priority=1)])
    gate.touch()
    place.until_final(urgent, *low)
    order = [line[0] for line in place.runs()[1:]]
    assert order == [str(urgent), *map(str, low)]


def test_a_snooze_beyond_all_times_hurts_nobody(place: Place) -> None:
    snoozed = program.snooze_for_ever.enqueue().id
    neighbour = program.busy.enqueue(1.0).id
    worker = place.worker()
    assert place.until_final(neighbour)[0].attempts == 1
    job = place.until_state(JobState.SCHEDULED, snoozed)
    assert job.run_at.year >= 2254
    assert worker.poll() is None


@pytest.mark.parametrize(
    ("kind", "state", "reason"),
    [
        ("discard", JobState.DISCARDED, "404"),
        ("cancel", JobState.CANCELLED, "None"),
        ("bare", JobState.DISCARDED, "out of attempts"),
    ],
)
def test_a_signal_that_does_not_carry_what_it_should_still_ends_its_job(
    place: Place, kind: str, state: JobState, reason: str
) -> None:
    job_id = program.signal_by_hand.enqueue(kind).id
    place.worker()
    (job,) = place.until_final(job_id)
    assert (job.state, job.final_reason) == (state, reason)


def test_the_first_child_may_die_before_it_has_said_what_tasks_there_are(place: Place) -> None:
    job_id = program.ok.enqueue().id
    worker = place.worker()
    eventually("it is started", lambda: children_of(worker.pid) != [])
    for child in children_of(worker.pid):
        os.kill(child, signal.SIGKILL)
    assert place.until_final(job_id)[0].state is JobState.COMPLETED
    assert "ended unasked" in place.log()


def test_a_dead_child_is_noticed_though_a_copy_of_it_lives_on(place: Place) -> None:
    guilty = program.leave_a_copy_and_die.enqueue(600).id
    after = program.ok.enqueue().id
    place.worker("--concurrency", "1")
    dead, fine = place.until_final(guilty, after)
    assert (dead.state, dead.attempts) == (JobState.DISCARDED, 2)
    assert fine.state is JobState.COMPLETED


def test_a_copy_that_a_job_forks_does_not_serve_jobs_itself(place: Place) -> None:
    forked = [program.fork_and_return.enqueue().id for _ in range(5)]
    ids = [program.ok.enqueue(n).id for n in range(50)]
    place.worker("--concurrency", "1")
    assert all(job.state is JobState.COMPLETED for job in place.until_final(*forked, *ids))
    assert len({line[2] for line in place.runs()}) == 1


def test_an_awaitable_from_a_sync_task_is_a_failure_that_says_what_to_do(place: Place) -> None:
    job_id = program.forget_to_await.enqueue().id
    place.worker()
    eventually("it has failed once", lambda: place.store.history(job_id) != ())
    (line, *_) = place.store.history(job_id)
    assert line.failure is not None
    assert "async def" in line.failure.message


def test_a_stop_sent_to_every_process_of_a_service_is_a_clean_stop(place: Place) -> None:
    gate = place.folder / "gate"
    ids = [program.wait_for.enqueue(str(gate)).id, program.wait_for_async.enqueue(str(gate)).id]
    worker = place.worker()
    eventually("both run", lambda: len(place.runs()) == 2)
    for pid in (worker.pid, *children_of(worker.pid)):
        os.kill(pid, signal.SIGTERM)
    eventually("it says so", lambda: "stopping" in place.log())
    gate.touch()
    assert worker.wait(30) == 0
    for job_id in ids:
        assert (place.job(job_id).state, place.job(job_id).attempts) == (JobState.COMPLETED, 1)


def test_a_worker_that_waits_for_a_lock_stops_all_the_same(place: Place) -> None:
    worker = place.worker()
    eventually("it is there", lambda: place.store.workers() != ())
    other = sqlite3.connect(place.folder / "jobs.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) in (0, 3)
    other.execute("ROLLBACK")
    other.close()


def test_reserved_jobs_do_not_wait_behind_a_long_one(place: Place) -> None:
    gate = place.folder / "gate"
    quick = [program.ok.enqueue(n).id for n in range(200)]
    place.worker("--concurrency", "1")
    place.until_final(*quick)
    before = [program.ok.enqueue(n).id for n in range(5)]
    long = program.wait_for.enqueue(str(gate)).id
    after = [program.ok.enqueue(n).id for n in range(50)]
    place.until_state(JobState.RUNNING, long)
    place.worker("--concurrency", "1")
    place.until_final(*before, *after)
    assert place.job(long).state is JobState.RUNNING
    gate.touch()
    place.until_final(long)


def test_workers_delete_what_was_kept_long_enough_and_nothing_else(place: Place) -> None:
    kept, gone = program.app.new_id(), program.app.new_id()
    place.store.enqueue([NewJob(kept, "any", "{}"), NewJob(gone, "any", "{}")])
    place.store.cancel([kept, gone], "by hand")
    with closing(sqlite3.connect(place.folder / "jobs.db", isolation_level=None)) as raw:
        raw.execute(
            "UPDATE queuekit_jobs SET finished_at = finished_at - 91 * 86400000000 WHERE id = ?",
            (gone.bytes,),
        )
    place.worker("--lease", "1")
    eventually("the old job is gone", lambda: place.store.get([gone]) == (None,))
    assert place.job(kept).state is JobState.CANCELLED


def test_four_workers_on_one_file_run_each_job_once(place: Place) -> None:
    calls = [program.ok.request(n) for n in range(1000)]
    calls += [program.ok_async.request(n) for n in range(1000)]
    ids = [answer.id for answer in program.app.enqueue_many(calls)]
    workers = [place.worker() for _ in range(4)]
    done = JobFilter(states=frozenset({JobState.COMPLETED}))
    eventually("all are completed", lambda: place.store.count(done, 2001).n == len(ids))
    assert Counter(line[0] for line in place.runs()) == Counter(map(str, ids))
    assert all(place.job(job_id).attempts == 1 for job_id in ids)
    for number, worker in enumerate(workers):
        assert worker.poll() is None
        worker.terminate()
        assert worker.wait(30) == 0
        assert "ERROR" not in place.log(number)
        assert "WARNING" not in place.log(number)
