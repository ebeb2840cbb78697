"""Graphs: a child waits for its parents; nothing is released twice, or never."""

from __future__ import annotations

from dataclasses import replace

import pytest

from queuekit.errors import JobConflict, JobNotFound
from queuekit.job import JobState, NewJob, Parent, ParentPolicy, Phase, Resolution
from queuekit.storage import MAX_BATCH, Answer, Change, ControlAnswer, Finish, JobFilter
from queuekit_conformance.needs import needs
from queuekit_conformance.steps import (
    HOUR,
    MINUTE,
    SECOND,
    Stage,
    TravellingStore,
    bring,
    cancel,
    claim,
    claim_one,
    complete,
    discard,
    gone,
    in_order,
    new_id,
    new_job,
    read,
    release,
    retry,
    send,
    send_one,
    settle,
    snooze,
    state,
    visible,
)

IF_COMPLETED = ParentPolicy.COMPLETED
IF_FINAL = ParentPolicy.FINAL


def child_of(*parents: NewJob, policy: ParentPolicy = IF_COMPLETED, **fields: object) -> NewJob:
    """A job that waits for these."""
    return new_job(parents=tuple(Parent(parent.id, policy) for parent in parents), **fields)


def run(store: TravellingStore, job: NewJob, resolution: Resolution) -> None:
    """Claim the job, which must be the best one, and settle it."""
    one = claim_one(store)
    assert one.token.job_id == job.id
    assert settle(store, one, resolution) is Answer.DONE


def cancelled_by_parent(store: TravellingStore, job: NewJob) -> bool:
    """Whether the job ended because its parent did not complete."""
    stored = read(store, job.id)
    return (stored.state, stored.final_reason) == (JobState.CANCELLED, "parent")


# ---------------------------------------------------------------- release


@needs("graphs")
def test_a_child_waits_for_its_parent(store: TravellingStore) -> None:
    """A child is pending, never claimable, until its parent completes; then it is available."""
    parent = new_job()
    child = child_of(parent, priority=9)
    send(store, parent, child)
    stored = read(store, child.id)
    assert (stored.phase, stored.state, stored.blockers) == (Phase.BLOCKED, JobState.PENDING, 1)
    one = claim_one(store)
    assert one.token.job_id == parent.id
    assert claim(store, 5, reserve=5) == ()
    settle(store, one, complete())
    assert (read(store, child.id).blockers, state(store, child.id)) == (0, JobState.AVAILABLE)
    assert claim_one(store).token.job_id == child.id


@needs("graphs")
def test_a_child_waits_for_all_its_parents(store: TravellingStore) -> None:
    """A child is released by the last of its parents."""
    parents = [new_job() for _ in range(3)]
    child = child_of(*parents)
    send(store, *parents, child)
    for parent in parents:
        assert state(store, child.id) is JobState.PENDING
        run(store, parent, complete())
    assert state(store, child.id) is JobState.AVAILABLE


@needs("graphs")
def test_a_parent_releases_all_its_children(store: TravellingStore) -> None:
    """One finish releases every child of the job, in the same step."""
    parent = new_job()
    children = [child_of(parent) for _ in range(50)]
    send(store, parent, *children)
    run(store, parent, complete())
    assert in_order(claim(store, 50)) == [child.id for child in children]


@needs("graphs")
def test_parents_that_finish_in_one_call_release_their_child(store: TravellingStore) -> None:
    """Finishes of one batch count one by one."""
    parents = [new_job(), new_job()]
    child = child_of(*parents)
    send(store, *parents, child)
    store.finish([Finish(one.token, complete()) for one in claim(store, 2)])
    assert state(store, child.id) is JobState.AVAILABLE


@needs("graphs")
@pytest.mark.parametrize("resolution", [retry(), snooze(), release()], ids=lambda r: r.move)
def test_a_parent_that_waits_again_releases_nothing(
    store: TravellingStore, resolution: Resolution
) -> None:
    """Only a final parent counts."""
    parent = new_job()
    child = child_of(parent, policy=IF_FINAL)
    send(store, parent, child)
    run(store, parent, resolution)
    assert state(store, child.id) is JobState.PENDING


@needs("graphs")
def test_a_repeated_finish_releases_nothing_twice(store: TravellingStore) -> None:
    """The same finish again does not count for another parent."""
    parents = [new_job(priority=1), new_job()]
    child = child_of(*parents)
    send(store, *parents, child)
    one = claim_one(store)
    for _ in range(3):
        assert settle(store, one, complete()) is Answer.DONE
    stored = read(store, child.id)
    assert (stored.blockers, stored.state) == (1, JobState.PENDING)


@needs("graphs")
def test_a_rerun_parent_releases_nothing_twice(store: TravellingStore) -> None:
    """An edge is spent when the parent ends: a second round does not count for another parent."""
    parents = [new_job(priority=1), new_job()]
    child = child_of(*parents)
    send(store, *parents, child)
    run(store, parents[0], complete())
    store.rerun([parents[0].id])
    run(store, parents[0], complete())
    stored = read(store, child.id)
    assert (stored.blockers, stored.state) == (1, JobState.PENDING)


@needs("graphs")
def test_a_released_child_still_waits_for_its_time(store: TravellingStore) -> None:
    """A child's own `due` holds after its parents."""
    parent = new_job()
    child = child_of(parent, due=HOUR)
    send(store, parent, child)
    run(store, parent, complete())
    assert state(store, child.id) is JobState.SCHEDULED
    store.travel(HOUR)
    assert in_order(claim(store, 1)) == [child.id]


# ---------------------------------------------------------------- policies


@needs("graphs")
@pytest.mark.parametrize("resolution", [discard(), cancel()], ids=lambda r: r.move)
def test_a_child_is_cancelled_when_its_parent_does_not_complete(
    store: TravellingStore, resolution: Resolution
) -> None:
    """A parent that does not complete cancels its children, reason `parent`, all the way down."""
    parent = new_job()
    child = child_of(parent)
    grandchild = child_of(child)
    send(store, parent, child, grandchild)
    run(store, parent, resolution)
    assert cancelled_by_parent(store, child)
    assert cancelled_by_parent(store, grandchild)
    assert claim(store, 5) == ()


@needs("graphs")
@pytest.mark.parametrize("resolution", [complete(), discard(), cancel()], ids=lambda r: r.move)
def test_a_child_that_takes_any_end_is_released_by_each(
    store: TravellingStore, resolution: Resolution
) -> None:
    """With the policy `final` the parent has to end, however."""
    parent = new_job()
    child = child_of(parent, policy=IF_FINAL)
    send(store, parent, child)
    run(store, parent, resolution)
    assert state(store, child.id) is JobState.AVAILABLE


@needs("graphs")
@pytest.mark.parametrize("verb", ["cancel", "discard"])
def test_a_parent_ended_by_a_person_counts_as_any_other(store: TravellingStore, verb: str) -> None:
    """A cancel or discard by a person releases and cancels children as a finish does."""
    parent = new_job()
    strict, lenient = child_of(parent), child_of(parent, policy=IF_FINAL)
    send(store, parent, strict, lenient)
    getattr(store, verb)([parent.id], "not wanted")
    assert cancelled_by_parent(store, strict)
    assert state(store, lenient.id) is JobState.AVAILABLE


@needs("graphs")
def test_a_parent_that_expires_counts_as_discarded(store: TravellingStore) -> None:
    """Expiry ends a parent as any other end does."""
    parent = new_job(expires=MINUTE)
    strict, lenient = child_of(parent), child_of(parent, policy=IF_FINAL)
    send(store, parent, strict, lenient)
    store.travel(MINUTE)
    store.expire(10)
    assert cancelled_by_parent(store, strict)
    assert state(store, lenient.id) is JobState.AVAILABLE


@needs("graphs")
def test_a_cancel_goes_down_a_long_chain(store: TravellingStore) -> None:
    """A chain as long as a batch ends in one step, however deep it is."""
    chain = [new_job()]
    while len(chain) < MAX_BATCH:
        chain.append(child_of(chain[-1]))
    send(store, *chain)
    store.cancel([chain[0].id], "not wanted")
    cancelled = JobFilter(states=frozenset({JobState.CANCELLED}))
    assert store.count(cancelled, 2 * MAX_BATCH).n == MAX_BATCH
    assert cancelled_by_parent(store, chain[-1])


@needs("graphs")
def test_a_cancelled_child_is_not_revived(store: TravellingStore) -> None:
    """A pending job can be cancelled, and its parents' ends mean nothing to it from then on."""
    parent = new_job()
    child = child_of(parent)
    send(store, parent, child)
    (controlled,) = store.cancel([child.id], "not wanted")
    assert (controlled.answer, controlled.found) == (ControlAnswer.DONE, JobState.PENDING)
    run(store, parent, complete())
    stored = read(store, child.id)
    assert (stored.state, stored.final_reason) == (JobState.CANCELLED, "not wanted")


@needs("graphs")
def test_a_rerun_child_waits_no_more(store: TravellingStore) -> None:
    """A final job waits for nothing: sent round again it is available, whatever its parents do."""
    parent = new_job(due=HOUR)
    child = child_of(parent)
    send(store, parent, child)
    store.cancel([child.id], "not wanted")
    store.rerun([child.id])
    assert (state(store, child.id), read(store, child.id).blockers) == (JobState.AVAILABLE, 0)
    store.cancel([parent.id], "not wanted")
    assert in_order(claim(store, 5)) == [child.id]


@needs("graphs")
def test_a_pending_job_can_be_amended_and_discarded(store: TravellingStore) -> None:
    """Pending jobs are changed and given up as waiting ones are, and stay pending till then."""
    parent = new_job()
    child = child_of(parent)
    send(store, parent, child)
    (amended,) = store.amend([child.id], Change(priority=7, queue="other"))
    assert (amended.answer, amended.found) == (ControlAnswer.DONE, JobState.PENDING)
    stored = read(store, child.id)
    assert (stored.priority, stored.queue, stored.state) == (7, "other", JobState.PENDING)
    (discarded,) = store.discard([child.id], "given up")
    assert (discarded.answer, discarded.found) == (ControlAnswer.DONE, JobState.PENDING)
    assert state(store, child.id) is JobState.DISCARDED


@needs("graphs")
def test_a_pending_job_is_not_rerun(store: TravellingStore) -> None:
    """Only final jobs go round again: a rerun is no way past a parent."""
    parent = new_job()
    child = child_of(parent)
    send(store, parent, child)
    assert store.rerun([child.id])[0].answer is ControlAnswer.WRONG_STATE
    assert state(store, child.id) is JobState.PENDING


# ---------------------------------------------------------------- parents at enqueue


@needs("graphs")
@pytest.mark.parametrize("policy", ParentPolicy)
@pytest.mark.parametrize("stage", [Stage.COMPLETED, Stage.DISCARDED, Stage.CANCELLED])
def test_a_parent_that_has_ended_counts_at_once(
    store: TravellingStore, stage: Stage, policy: ParentPolicy
) -> None:
    """A parent that is final when its child comes counts by its policy at once."""
    parent = bring(store, stage)
    child = new_job(parents=(Parent(parent, policy),))
    grandchild = child_of(child)
    send(store, child, grandchild)
    if policy is IF_FINAL or stage is Stage.COMPLETED:
        assert (state(store, child.id), read(store, child.id).blockers) == (JobState.AVAILABLE, 0)
        assert state(store, grandchild.id) is JobState.PENDING
    else:
        assert cancelled_by_parent(store, child)
        assert cancelled_by_parent(store, grandchild)


@needs("graphs")
@pytest.mark.parametrize("stage", [Stage.SCHEDULED, Stage.RESERVED, Stage.STARTED])
def test_a_parent_that_has_not_ended_is_waited_for(store: TravellingStore, stage: Stage) -> None:
    """A parent stored earlier is waited for, wherever it stands."""
    parent = bring(store, stage)
    child = send_one(store, parents=(Parent(parent),))
    assert (state(store, child), read(store, child).blockers) == (JobState.PENDING, 1)


@needs("graphs")
def test_a_missing_parent_refuses_the_whole_batch(store: TravellingStore) -> None:
    """A parent that is neither stored nor earlier in the batch is named, and nothing is stored."""
    missing = new_id()
    with pytest.raises(JobNotFound) as refused:
        store.enqueue([new_job(), new_job(parents=(Parent(missing),))])
    assert refused.value.job_id == missing
    assert store.count(JobFilter(), 10).n == 0


@needs("graphs")
def test_a_parent_stands_before_its_child(store: TravellingStore) -> None:
    """A parent later in the batch is not there yet, which also keeps circles out."""
    parent = new_job()
    with pytest.raises(JobNotFound):
        store.enqueue([child_of(parent), parent])
    assert store.count(JobFilter(), 10).n == 0


@needs("graphs")
def test_a_graph_sent_again_exists(store: TravellingStore) -> None:
    """Repeating the enqueue of a graph changes nothing, whatever has run of it since."""
    parent = new_job()
    child = child_of(parent)
    send(store, parent, child)
    run(store, parent, complete())
    before = visible(store)
    store.enqueue([parent, child])
    assert visible(store) == before


# ---------------------------------------------------------------- arming


@needs("graphs")
def test_an_unarmed_job_waits_to_be_armed(store: TravellingStore) -> None:
    """A job stored unarmed is pending until it is armed; arming it again is harmless."""
    job_id = send_one(store, armed=False)
    stored = read(store, job_id)
    assert (stored.state, stored.armed, stored.blockers) == (JobState.PENDING, False, 0)
    assert claim(store, 1) == ()
    (first,) = store.arm([job_id])
    assert (first.answer, first.found) == (ControlAnswer.DONE, JobState.PENDING)
    assert (state(store, job_id), read(store, job_id).armed) == (JobState.AVAILABLE, True)
    (again,) = store.arm([job_id])
    assert again.answer is ControlAnswer.DONE
    assert in_order(claim(store, 5)) == [job_id]
    before = visible(store)
    assert store.arm([job_id])[0].answer is ControlAnswer.DONE
    assert visible(store) == before


@needs("graphs")
@pytest.mark.parametrize("armed_first", [True, False])
def test_an_unarmed_child_waits_for_both(store: TravellingStore, armed_first: bool) -> None:
    """An unarmed child runs once it is armed and its parents are final, in whatever order."""
    parent = new_job()
    child = child_of(parent, armed=False)
    send(store, parent, child)

    def arm() -> None:
        store.arm([child.id])

    def end() -> None:
        run(store, parent, complete())

    first, last = (arm, end) if armed_first else (end, arm)
    first()
    assert state(store, child.id) is JobState.PENDING
    last()
    assert state(store, child.id) is JobState.AVAILABLE


@needs("graphs")
def test_arming_says_what_is_not_there_or_has_ended(store: TravellingStore) -> None:
    """A job that is not there, or final, is told apart, and holds up no other."""
    ended, missing = bring(store, Stage.COMPLETED), new_id()
    unarmed = send_one(store, armed=False)
    answers = store.arm([missing, ended, unarmed])
    assert [answer.id for answer in answers] == [missing, ended, unarmed]
    assert [answer.answer for answer in answers] == [
        ControlAnswer.NOT_FOUND,
        ControlAnswer.WRONG_STATE,
        ControlAnswer.DONE,
    ]
    assert state(store, ended) is JobState.COMPLETED


# ---------------------------------------------------------------- deletion


@needs("graphs")
def test_a_purged_parent_counts_as_cancelled(store: TravellingStore) -> None:
    """A child never waits for a job that is no more."""
    parent = new_job(queue="purged")
    strict, lenient = child_of(parent), child_of(parent, policy=IF_FINAL)
    send(store, parent, strict, lenient)
    assert store.purge("purged", 10) == 1
    assert gone(store, parent.id)
    assert cancelled_by_parent(store, strict)
    assert state(store, lenient.id) is JobState.AVAILABLE


@needs("graphs")
def test_a_purge_spares_pending_jobs(store: TravellingStore) -> None:
    """A purge deletes waiting jobs: one that is pending waits for something else."""
    parent = new_job(queue="other")
    child = child_of(parent)
    send(store, parent, child)
    assert store.purge("default", 10) == 0
    assert state(store, child.id) is JobState.PENDING


@needs("graphs")
def test_a_pruned_parent_leaves_its_children_alone(store: TravellingStore) -> None:
    """An edge is spent when the parent ends; deleting the parent means nothing to its children."""
    parents = [new_job(priority=1), new_job()]
    child = child_of(*parents)
    send(store, *parents, child)
    run(store, parents[0], complete())
    store.travel(SECOND)
    assert store.prune(frozenset({JobState.COMPLETED}), SECOND, 10) == 1
    assert (state(store, child.id), read(store, child.id).blockers) == (JobState.PENDING, 1)
    run(store, parents[1], complete())
    assert state(store, child.id) is JobState.AVAILABLE


@needs("graphs")
def test_a_clash_is_told_before_a_missing_parent(store: TravellingStore) -> None:
    """A batch with both a known id and a missing parent is a conflict, in whatever order."""
    known = new_job()
    send(store, known)
    orphan = new_job(parents=(Parent(new_id()),))
    clash = replace(known, payload="[]")
    for batch in ([orphan, clash], [clash, orphan]):
        with pytest.raises(JobConflict):
            store.enqueue(batch)
