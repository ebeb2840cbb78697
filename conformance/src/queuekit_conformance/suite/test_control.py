"""Control: what people do to jobs and queues.

A verb says what it did; in the wrong state it leaves no mark.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

import pytest

from queuekit.errors import InvalidJob
from queuekit.job import MAX_PRIORITY, EnqueueStatus, JobState, Reason
from queuekit.storage import (
    Answer,
    Change,
    ControlAnswer,
    Controlled,
    JobFilter,
    QueueMode,
)
from queuekit_conformance.needs import needs
from queuekit_conformance.steps import (
    FINAL,
    HOUR,
    LEASE,
    MINUTE,
    PAST,
    SECOND,
    WAITING,
    Stage,
    TravellingStore,
    all_jobs,
    bring,
    claim,
    claim_one,
    complete,
    extend,
    gone,
    in_order,
    new_id,
    new_job,
    read,
    release,
    request,
    rescue_one,
    reserve_one,
    retry,
    send,
    send_one,
    settle,
    start,
    state,
    visible,
)

# ---------------------------------------------------------------- which verb acts on which state

Verb = Callable[[TravellingStore, list[UUID]], tuple[Controlled, ...]]

VERBS: Final[dict[str, Verb]] = {
    "cancel": lambda store, ids: store.cancel(ids, "not wanted"),
    "discard": lambda store, ids: store.discard(ids, "given up"),
    "rerun": lambda store, ids: store.rerun(ids),
    "amend": lambda store, ids: store.amend(ids, Change(priority=7)),
}

ACTS_ON: Final = {
    "cancel": WAITING | {Stage.RESERVED, Stage.STARTED},
    "discard": WAITING,
    "rerun": FINAL,
    "amend": WAITING,
}

PAIRS: Final = [(verb, stage) for verb in VERBS for stage in Stage]


@pytest.mark.parametrize(
    ("verb", "stage"), [(verb, stage) for verb, stage in PAIRS if stage in ACTS_ON[verb]]
)
def test_a_verb_says_what_it_did(store: TravellingStore, verb: str, stage: Stage) -> None:
    """A control verb answers what it did to the job, and the state that it found it in."""
    job_id = bring(store, stage)
    started = (verb, stage) == ("cancel", Stage.STARTED)
    wanted = ControlAnswer.REQUESTED if started else ControlAnswer.DONE
    assert VERBS[verb](store, [job_id]) == (Controlled(job_id, wanted, stage.state),)


@pytest.mark.parametrize(
    ("verb", "stage"), [(verb, stage) for verb, stage in PAIRS if stage not in ACTS_ON[verb]]
)
def test_a_verb_in_the_wrong_state_leaves_no_mark(
    store: TravellingStore, verb: str, stage: Stage
) -> None:
    """Acting on a job in the wrong state is refused, says which state, and changes nothing."""
    job_id = bring(store, stage)
    before = visible(store)
    answer = Controlled(job_id, ControlAnswer.WRONG_STATE, stage.state)
    assert VERBS[verb](store, [job_id]) == (answer,)
    assert visible(store) == before


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_tells_a_job_that_is_not_there(store: TravellingStore, verb: str) -> None:
    """Acting on a job that is not there is told apart from acting in the wrong state."""
    missing = new_id()
    assert VERBS[verb](store, [missing]) == (Controlled(missing, ControlAnswer.NOT_FOUND),)
    assert store.get([missing]) == (None,)


@pytest.mark.parametrize("verb", VERBS)
def test_each_job_of_a_verb_answers_for_itself(store: TravellingStore, verb: str) -> None:
    """One job that is not there, or in the wrong state, holds up no other."""
    good = Stage.COMPLETED if verb == "rerun" else Stage.SCHEDULED
    bad = Stage.SCHEDULED if verb == "rerun" else Stage.COMPLETED
    first, wrong = bring(store, good), bring(store, bad, queue="other")
    last, missing = bring(store, good, queue="third"), new_id()
    answers = VERBS[verb](store, [first, missing, wrong, last])
    assert [answer.id for answer in answers] == [first, missing, wrong, last]
    assert [answer.answer for answer in answers] == [
        ControlAnswer.DONE,
        ControlAnswer.NOT_FOUND,
        ControlAnswer.WRONG_STATE,
        ControlAnswer.DONE,
    ]


# ---------------------------------------------------------------- cancel and discard


@pytest.mark.parametrize("stage", sorted(WAITING | {Stage.RESERVED}))
def test_a_cancelled_job_never_runs(store: TravellingStore, stage: Stage) -> None:
    """A job that is not started is cancelled at once, shows why, and is never claimed."""
    job_id = bring(store, stage)
    attempts = read(store, job_id).attempts
    store.cancel([job_id], "not wanted")
    job = read(store, job_id)
    assert (job.state, job.final_reason) == (JobState.CANCELLED, "not wanted")
    assert (job.worker, job.lease_until, job.attempts) == (None, None, attempts)
    assert job.finished_at is not None
    store.travel(2 * HOUR)
    assert claim(store, 5, reserve=5) == ()


def test_a_running_job_is_asked_to_cancel(store: TravellingStore) -> None:
    """For a started job the request is noted, shown, and asked again without harm."""
    job_id = bring(store, Stage.STARTED)
    for _ in range(2):
        (answer,) = store.cancel([job_id], "not wanted")
        assert answer.answer is ControlAnswer.REQUESTED
        job = read(store, job_id)
        assert (job.state, job.cancel_requested) == (JobState.RUNNING, True)


def test_a_discarded_job_never_runs(store: TravellingStore) -> None:
    """A waiting job can be given up by a person; it is final and shows why."""
    job_id = bring(store, Stage.AVAILABLE)
    store.discard([job_id], "given up")
    job = read(store, job_id)
    assert (job.state, job.final_reason) == (JobState.DISCARDED, "given up")
    assert job.finished_at is not None
    assert claim(store, 1) == ()


# ---------------------------------------------------------------- rerun


@pytest.mark.parametrize("stage", sorted(FINAL))
def test_a_rerun_job_is_available_at_once(store: TravellingStore, stage: Stage) -> None:
    """A final job goes round again at once; what the last round ended with is cleared."""
    job_id = bring(store, stage)
    store.travel(MINUTE)
    store.rerun([job_id])
    job = read(store, job_id)
    assert (job.state, job.reason) == (JobState.AVAILABLE, Reason.RERUN)
    assert (job.result, job.finished_at, job.final_reason) == (None, None, None)
    assert in_order(claim(store, 1)) == [job_id]


def test_a_rerun_is_a_fresh_round(store: TravellingStore) -> None:
    """A rerun job has all its attempts again; numbers and history go on."""
    job_id = send_one(store, max_attempts=2)
    settle(store, claim_one(store), retry())
    settle(store, claim_one(store), complete())
    lines = store.history(job_id)
    store.rerun([job_id])
    job = read(store, job_id)
    assert (job.attempts, job.round_start, store.history(job_id)) == (2, 2, lines)
    one = claim_one(store)
    assert (one.attempt, one.round_start, one.attempt_in_round) == (3, 2, 1)
    settle(store, one, complete('"again"'))
    assert read(store, job_id).result == '"again"'
    assert [line.number for line in store.history(job_id)] == [1, 2, 3]


def test_a_rerun_forgets_the_request_to_cancel(store: TravellingStore) -> None:
    """A cancel ends the round in which it was asked for, and not the next one."""
    job_id = send_one(store)
    one = claim_one(store)
    store.cancel([job_id], "not wanted")
    settle(store, one, retry())
    store.rerun([job_id])
    assert not read(store, job_id).cancel_requested
    settle(store, claim_one(store), retry(HOUR))
    assert state(store, job_id) is JobState.RETRYABLE


def test_the_tokens_of_the_last_round_are_stale(store: TravellingStore) -> None:
    """A rerun job is finished only by who claimed it since."""
    job_id = send_one(store)
    old = claim_one(store)
    store.travel(LEASE)
    rescued = rescue_one(store)
    settle(store, rescued, complete())
    store.rerun([job_id])
    new = claim_one(store)
    assert new.token.fence > rescued.token.fence
    assert settle(store, old, complete()) is Answer.LOST
    assert state(store, job_id) is JobState.RUNNING


# ---------------------------------------------------------------- amend


def test_a_job_can_be_brought_forward_and_put_off(store: TravellingStore) -> None:
    """Rescheduling takes a delay from now or an instant."""
    job_id = send_one(store, due=HOUR)
    store.amend([job_id], Change(due=PAST))
    assert (read(store, job_id).run_at, state(store, job_id)) == (PAST, JobState.AVAILABLE)
    before = store.info().now
    store.amend([job_id], Change(due=MINUTE))
    assert before + MINUTE <= read(store, job_id).run_at <= store.info().now + MINUTE
    assert claim(store, 1) == ()
    store.travel(MINUTE)
    assert in_order(claim(store, 1)) == [job_id]


def test_a_new_priority_decides_the_order(store: TravellingStore) -> None:
    """A reprioritised job takes its new place, and the priority shows."""
    first, second = send_one(store, priority=5), send_one(store, priority=4)
    store.amend([second], Change(priority=6))
    assert read(store, second).priority == 6
    assert in_order(claim(store, 2)) == [second, first]


def test_a_job_can_be_moved_to_another_queue(store: TravellingStore) -> None:
    """A moved job is claimed from its new queue alone."""
    job_id = send_one(store, queue="old")
    store.amend([job_id], Change(queue="new"))
    assert claim(store, 1, queues=("old",)) == ()
    assert in_order(claim(store, 1, queues=("new",))) == [job_id]


def test_what_is_not_named_stays(store: TravellingStore) -> None:
    """None leaves a field as it is."""
    job_id = send_one(store, due=HOUR, priority=3, queue="q")
    before = read(store, job_id)
    store.amend([job_id], Change(priority=0))
    after = read(store, job_id)
    assert (after.priority, after.run_at, after.queue) == (0, before.run_at, "q")
    store.amend([job_id], Change())
    assert read(store, job_id) == after


@pytest.mark.parametrize(
    "change",
    [
        Change(priority=MAX_PRIORITY + 1),
        Change(queue=""),
        Change(queue="q" * 129),
        Change(due=-HOUR),
    ],
    ids=["priority", "no queue", "long queue", "negative"],
)
def test_a_change_out_of_range_is_refused(store: TravellingStore, change: Change) -> None:
    """What an enqueue would refuse, an amend refuses, and changes nothing."""
    job_id = send_one(store)
    before = visible(store)
    with pytest.raises(InvalidJob):
        store.amend([job_id], change)
    assert visible(store) == before


# ---------------------------------------------------------------- pause


def test_a_paused_queue_gives_nothing(store: TravellingStore) -> None:
    """From the next claim on a paused queue gives nothing, on any worker, however asked for."""
    paused = send_one(store, queue="a", priority=9)
    open_ = send_one(store, queue="b")
    store.set_queue("a", paused=True)
    for worker in ("w1", "w2"):
        assert claim(store, 5, queues=("a",), worker=worker) == ()
    assert in_order(claim(store, 5, reserve=5)) == [open_]
    assert state(store, paused) is JobState.AVAILABLE


def test_a_resumed_queue_gives_again(store: TravellingStore) -> None:
    """A resumed queue gives what it held, and the others stay paused."""
    held = send_one(store, queue="a")
    send_one(store, queue="b")
    for name in ("a", "b"):
        store.set_queue(name, paused=True)
    store.set_queue("a", paused=False)
    assert in_order(claim(store, 5)) == [held]


def test_a_pause_matches_its_queue_exactly(store: TravellingStore) -> None:
    """Queue names match exactly, in a pause as well."""
    ids = send(store, new_job(queue="Mail", due=PAST), new_job(queue="mail ", due=PAST))
    store.set_queue("mail", paused=True)
    assert in_order(claim(store, 5)) == list(ids)


def test_a_pause_leaves_running_jobs_alone(store: TravellingStore) -> None:
    """A pause touches no live lease: what runs may finish, what is reserved may go back."""
    send(store, new_job(), new_job())
    running, reserved = claim(store, 1, reserve=1)
    store.set_queue("default", paused=True)
    assert extend(store, running, reserved) == (Answer.DONE, Answer.DONE)
    assert settle(store, running, complete()) is Answer.DONE
    assert settle(store, reserved, release()) is Answer.DONE
    assert claim(store, 5) == ()


def test_a_queue_needs_no_jobs_to_be_paused(store: TravellingStore) -> None:
    """Settings belong to the queue's name: jobs that come later find them."""
    store.set_queue("later", paused=True)
    send_one(store, queue="later")
    assert claim(store, 1) == ()


def test_a_queue_keeps_its_settings_apart(store: TravellingStore) -> None:
    """Each setting is changed by itself; None leaves one as it is."""
    fair = QueueMode.FAIR if store.capabilities.fair else QueueMode.STRICT
    store.set_queue("a", mode=fair)
    store.set_queue("a", paused=True)
    store.set_queue("a")
    (queue,) = store.queues()
    assert (queue.name, queue.mode, queue.paused) == ("a", fair, True)
    store.set_queue("a", mode=QueueMode.STRICT, paused=False)
    (queue,) = store.queues()
    assert (queue.mode, queue.paused) == (QueueMode.STRICT, False)


# ---------------------------------------------------------------- expire


def test_expired_jobs_are_swept(store: TravellingStore) -> None:
    """Expired waiting jobs end as discarded, reason `expired`, in bounded batches."""
    ids = send(store, *[new_job(expires=MINUTE, due=HOUR) for _ in range(3)])
    kept = send(store, new_job(), new_job(expires=HOUR))
    assert store.expire(10) == 0
    store.travel(MINUTE)
    assert [store.expire(2), store.expire(2), store.expire(2)] == [2, 1, 0]
    for job_id in ids:
        job = read(store, job_id)
        assert (job.state, job.final_reason) == (JobState.DISCARDED, "expired")
        assert job.finished_at is not None
    assert {state(store, job_id) for job_id in kept} == {JobState.AVAILABLE}


def test_a_running_job_does_not_expire(store: TravellingStore) -> None:
    """Expiry ends what waits; it never touches a live lease."""
    job_id = send_one(store, expires=MINUTE)
    one = claim_one(store)
    store.travel(HOUR)
    assert store.expire(10) == 0
    assert settle(store, one, complete()) is Answer.DONE
    assert state(store, job_id) is JobState.COMPLETED


# ---------------------------------------------------------------- purge and prune


def test_a_purge_deletes_only_what_waits(store: TravellingStore) -> None:
    """A purge deletes a queue's waiting jobs, never a leased or a final one."""
    ids = {stage: bring(store, stage) for stage in (Stage.RESERVED, Stage.STARTED, *sorted(FINAL))}
    ids |= {stage: bring(store, stage) for stage in (Stage.RETRYABLE, Stage.SCHEDULED)}
    ids[Stage.AVAILABLE] = send_one(store)
    assert store.purge("default", 100) == 3
    assert {stage for stage, job_id in ids.items() if gone(store, job_id)} == WAITING
    assert store.purge("default", 100) == 0
    assert store.history(ids[Stage.RETRYABLE]) == ()


def test_a_purge_keeps_to_its_queue(store: TravellingStore) -> None:
    """Queue names match exactly, in a purge as well."""
    kept = send(store, new_job(queue="Mail"), new_job(queue="mail "), new_job(queue="mails"))
    send_one(store, queue="mail")
    assert store.purge("mail", 100) == 1
    assert [gone(store, job_id) for job_id in kept] == [False] * 3


def test_a_purge_is_bounded(store: TravellingStore) -> None:
    """A purge deletes up to `limit` jobs a call and says how many."""
    send(store, *[new_job() for _ in range(5)])
    assert [store.purge("default", 2) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.parametrize("stage", sorted(FINAL))
def test_a_prune_deletes_old_final_jobs(store: TravellingStore, stage: Stage) -> None:
    """A prune deletes final jobs in these states that ended long enough ago, with their history."""
    old = bring(store, stage)
    store.travel(HOUR)
    young = bring(store, stage)
    store.travel(SECOND)
    assert store.prune(frozenset({stage.state}), HOUR, 100) == 1
    assert (gone(store, old), gone(store, young)) == (True, False)
    assert (store.history(old), len(store.history(young))) == ((), 1)


def test_a_prune_keeps_to_its_states(store: TravellingStore) -> None:
    """A prune touches only the states that it names, and never a job that has not ended."""
    waiting = sorted(WAITING - {Stage.AVAILABLE})
    ids = {stage: bring(store, stage) for stage in (*waiting, Stage.STARTED, *sorted(FINAL))}
    store.travel(HOUR)
    assert store.prune(frozenset({JobState.COMPLETED}), SECOND, 100) == 1
    assert {stage for stage, job_id in ids.items() if gone(store, job_id)} == {Stage.COMPLETED}


@pytest.mark.parametrize("unended", sorted(set(JobState) - {stage.state for stage in FINAL}))
def test_a_prune_of_unended_jobs_is_refused(store: TravellingStore, unended: JobState) -> None:
    """Only final jobs are pruned: asking for others is an error, and nothing is deleted."""
    bring(store, Stage.COMPLETED)
    bring(store, Stage.STARTED)
    before = visible(store)
    with pytest.raises(ValueError, match=unended.value):
        store.prune(frozenset({JobState.COMPLETED, unended}), 0 * SECOND, 100)
    assert visible(store) == before


def test_a_prune_takes_the_oldest_first(store: TravellingStore) -> None:
    """A prune is bounded, and starts with what ended first."""
    ids = []
    for _ in range(3):
        ids.append(send_one(store))
        store.travel(SECOND)
    ended_in_order = [ids[2], ids[0], ids[1]]
    claims = {one.token.job_id: one for one in claim(store, 3)}
    for job_id in ended_in_order:
        settle(store, claims[job_id], complete())
        store.travel(SECOND)
    final = frozenset({JobState.COMPLETED})
    assert store.prune(final, 0 * SECOND, 2) == 2
    assert [job.id for job in all_jobs(store)] == [ended_in_order[2]]
    assert [store.prune(final, 0 * SECOND, 2) for _ in range(2)] == [1, 0]


def test_a_pruned_job_is_forgotten(store: TravellingStore) -> None:
    """Once pruned, a job's id is unknown again."""
    job = new_job()
    send(store, job)
    settle(store, claim_one(store), complete())
    store.travel(SECOND)
    store.prune(frozenset({JobState.COMPLETED}), SECOND, 10)
    assert store.count(JobFilter(), 10).n == 0
    assert store.enqueue([job])[0].status is EnqueueStatus.CREATED


def test_a_cancelled_reservation_stays_cancelled(store: TravellingStore) -> None:
    """A cancelled reservation is lost to its worker: no start, release or rescue revives it."""
    job_id = send_one(store)
    reserved = reserve_one(store)
    store.cancel([job_id], "not wanted")
    assert extend(store, reserved) == (Answer.LOST,)
    assert start(store, reserved) is Answer.LOST
    assert settle(store, reserved, release()) is Answer.LOST
    store.travel(HOUR)
    assert store.rescue(request(5)) == ()
    assert state(store, job_id) is JobState.CANCELLED


# ---------------------------------------------------------------- one call, in order


def test_purge_takes_the_first_in_line(store: TravellingStore) -> None:
    """Purge deletes in the order of claims: what would run first goes first."""
    low, high = send_one(store), send_one(store, priority=5)
    assert store.purge("default", 1) == 1
    assert (gone(store, low), gone(store, high)) == (False, True)


def test_a_job_named_twice_is_found_as_the_first_left_it(store: TravellingStore) -> None:
    """Each item of a call answers as if asked alone, after those before it."""
    due = send_one(store)
    answers = store.amend([due, due], Change(due=HOUR))
    assert [answer.found for answer in answers] == [JobState.AVAILABLE, JobState.SCHEDULED]


@needs("graphs")
def test_a_job_armed_twice_is_found_as_the_first_left_it(store: TravellingStore) -> None:
    """Each item of a call answers as if asked alone, after those before it."""
    unarmed = send_one(store, armed=False)
    other = send_one(store, armed=False, due=HOUR)
    answers = store.arm([unarmed, other, unarmed, other])
    assert [answer.found for answer in answers] == [
        JobState.PENDING,
        JobState.PENDING,
        JobState.AVAILABLE,
        JobState.SCHEDULED,
    ]
