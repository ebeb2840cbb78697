"""Claim: the best due jobs of the queues asked for, never more, each to one worker."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest

from queuekit.errors import InvalidJob
from queuekit.job import Claim, JobState, Phase
from queuekit.retry import Backoff, BackoffKind
from queuekit.storage import MAX_BATCH, NONCE_BYTES, Answer
from queuekit_conformance.steps import (
    HOUR,
    LEASE,
    MINUTE,
    PAST,
    SECOND,
    WORKER,
    TravellingStore,
    claim,
    claim_one,
    complete,
    in_order,
    lost,
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
    visible,
)

# ---------------------------------------------------------------- order


def test_higher_priority_comes_first(store: TravellingStore) -> None:
    """Higher `priority` first, whatever was sent or due earlier."""
    low = send_one(store, priority=1, due=PAST)
    high = send_one(store, priority=2)
    assert in_order(claim(store, 2)) == [high, low]


def test_priorities_are_compared_as_numbers(store: TravellingStore) -> None:
    """Ten is more than two, and minus ten less than minus two."""
    ids = {n: send_one(store, priority=n, due=PAST) for n in (2, -10, 10, 0, -2)}
    assert in_order(claim(store, 5)) == [ids[n] for n in (10, 2, 0, -2, -10)]


def test_earlier_due_comes_first(store: TravellingStore) -> None:
    """At equal priority, earlier `run_at` first, whatever was sent earlier."""
    late = send_one(store, due=PAST + SECOND)
    early = send_one(store, due=PAST)
    assert in_order(claim(store, 2)) == [early, late]


def test_a_microsecond_earlier_is_earlier(store: TravellingStore) -> None:
    """Instants are ordered by whole microseconds."""
    late = send_one(store, due=PAST + timedelta(microseconds=1))
    early = send_one(store, due=PAST)
    assert in_order(claim(store, 2)) == [early, late]


def test_what_was_sent_first_comes_first(store: TravellingStore) -> None:
    """At equal priority and `run_at`, the order of enqueues decides."""
    one_by_one = [send_one(store, due=PAST) for _ in range(3)]
    batch = send(store, *[new_job(due=PAST) for _ in range(3)])
    assert in_order(claim(store, 6)) == [*one_by_one, *batch]


def test_the_order_goes_over_all_queues_asked_for(store: TravellingStore) -> None:
    """Queues do not take turns: the best job of all of them comes first."""
    ids = [
        send_one(store, queue=queue, due=PAST + n * SECOND)
        for n, queue in enumerate(["b", "a", "b", "c", "a"])
    ]
    assert in_order(claim(store, 5, queues=("a", "b", "c"))) == ids


def test_claim_after_claim_keeps_the_order(store: TravellingStore) -> None:
    """A claim never returns a job while a better one is free."""
    ids = {n: send_one(store, priority=n) for n in (1, 3, 2, 5, 4)}
    got = [claim_one(store).token.job_id for _ in ids]
    assert got == [ids[n] for n in (5, 4, 3, 2, 1)]


# ---------------------------------------------------------------- how many, and which


def test_never_more_than_asked(store: TravellingStore) -> None:
    """A claim returns at most as many jobs as it asked for."""
    send(store, *[new_job() for _ in range(5)])
    assert len(claim(store, 2)) == 2
    assert len(claim(store, 1, reserve=1)) == 2
    assert len(claim(store, 0)) == 0


def test_all_that_is_there(store: TravellingStore) -> None:
    """A claim that overlaps no other returns min(asked, claimable)."""
    ids = send(store, *[new_job(due=PAST) for _ in range(120)])
    assert in_order(claim(store, 200)) == list(ids)


def test_an_empty_store_gives_nothing(store: TravellingStore) -> None:
    """Nothing to claim is an empty answer, which does not ask to be repeated."""
    answer = store.claim(request(5))
    assert (answer.claims, answer.more, answer.next_due) == ((), False, None)


def test_a_claimed_job_is_not_claimed_again(store: TravellingStore) -> None:
    """A job under a lease is nobody else's."""
    send(store, *[new_job() for _ in range(3)])
    first = in_order(claim(store, 1, reserve=1))
    second = in_order(claim(store, 5))
    assert len(second) == 1
    assert not set(first) & set(second)


def test_threads_claim_each_job_once(store: TravellingStore) -> None:
    """A store is thread-safe, and a job is claimed by one of many who ask at once."""
    ids = send(store, *[new_job(due=PAST) for _ in range(40)])

    def take_until_empty(_: int) -> list[UUID]:
        got: list[UUID] = []
        while claims := claim(store, 1):
            got += in_order(claims)
        return got

    with ThreadPoolExecutor(4) as pool:
        taken = [job_id for got in pool.map(take_until_empty, range(4)) for job_id in got]
    assert sorted(taken) == sorted(ids)


def test_not_before_it_is_due(store: TravellingStore) -> None:
    """A job is never claimed before its `run_at`, and nobody has to promote it when it comes."""
    job_id = send_one(store, due=HOUR)
    store.travel(HOUR - SECOND)
    assert claim(store, 1) == ()
    store.travel(SECOND)
    assert in_order(claim(store, 1)) == [job_id]


def test_future_jobs_bury_nothing(store: TravellingStore) -> None:
    """A job that is not due holds back no other, whatever its priority."""
    send(store, *[new_job(priority=9, due=HOUR) for _ in range(50)])
    job_id = send_one(store)
    assert in_order(claim(store, 2)) == [job_id]


NAMES = (
    "mail",
    "Mail",
    "MAIL",
    "mail ",
    " mail",
    "mai",
    "mails",
    "caf\u00e9",
    "cafe\u0301",
    "cafe",
)


@pytest.mark.parametrize("asked", [*NAMES, "m%", "mai_", "*"])
def test_queue_names_match_exactly(store: TravellingStore, asked: str) -> None:
    """Queue names match exactly: no case, space or Unicode folding, no prefix, no pattern."""
    ids = {name: send_one(store, queue=name) for name in NAMES}
    wanted = [ids[asked]] if asked in ids else []
    assert in_order(claim(store, 20, queues=(asked,))) == wanted


def test_only_the_queues_asked_for(store: TravellingStore) -> None:
    """A claim takes from the queues asked for; `None` asks for every one."""
    ids = {queue: send_one(store, queue=queue, due=PAST) for queue in ("a", "b", "c")}
    assert set(in_order(claim(store, 5, queues=("a", "b")))) == {ids["a"], ids["b"]}
    assert in_order(claim(store, 5, queues=None)) == [ids["c"]]


def test_a_queue_named_twice_gives_each_job_once(store: TravellingStore) -> None:
    """Asking for a queue twice is asking for it."""
    ids = send(store, new_job(queue="a", due=PAST), new_job(queue="a", due=PAST))
    assert in_order(claim(store, 5, queues=("a", "a"))) == list(ids)


# ---------------------------------------------------------------- started or reserved


def test_a_started_job_has_its_attempt_counted(store: TravellingStore) -> None:
    """A claim that starts a job counts the attempt in the same step."""
    job_id = send_one(store)
    one = claim_one(store)
    job = read(store, job_id)
    assert (one.attempt, one.attempt_in_round, job.attempts, job.claims) == (1, 1, 1, 1)
    assert (job.phase, job.state) == (Phase.RUNNING, JobState.RUNNING)
    assert job.worker == WORKER
    assert job.started_at is not None
    assert job.lease_until is not None
    assert job.lease_until >= job.started_at + LEASE


def test_a_reserved_job_has_no_attempt_counted(store: TravellingStore) -> None:
    """A claim that reserves a job gives it a lease and counts no attempt."""
    job_id = send_one(store)
    one = reserve_one(store)
    job = read(store, job_id)
    assert (one.attempt, job.attempts, job.claims) == (1, 0, 1)
    assert (job.state, job.worker, job.started_at) == (JobState.RUNNING, WORKER, None)
    assert job.lease_until is not None


def test_the_best_are_started_and_the_next_reserved(store: TravellingStore) -> None:
    """The best `start` jobs are started, the next `reserve` only held."""
    ids = send(store, *[new_job(due=PAST) for _ in range(5)])
    got = claim(store, 2, reserve=2)
    assert in_order(got) == list(ids[:4])
    assert [one.started for one in got] == [True, True, False, False]


def test_a_lost_job_is_never_reserved(store: TravellingStore) -> None:
    """A job that was once lost is started or left, and the next one is reserved in its place."""
    once_lost = lose(store, due=PAST)
    other = send_one(store)
    assert in_order(claim(store, 0, reserve=2)) == [other]
    one = claim_one(store)
    assert (one.token.job_id, one.lost) == (once_lost, 1)


def test_a_reservation_is_no_loss(store: TravellingStore) -> None:
    """A reservation that ran out unstarted does not bar the job from a buffer."""
    send_one(store)
    reserve_one(store)
    store.travel(LEASE)
    rescued = rescue_one(store)
    settle(store, rescued, release())
    assert reserve_one(store).lost == 0


def test_a_claim_carries_what_running_needs(store: TravellingStore) -> None:
    """The worker gets all it needs to run and resolve the job, and reads nothing else."""
    job = new_job(
        task="mail.send",
        queue="mail",
        payload='{"a": 1}',
        priority=3,
        due=PAST,
        max_attempts=7,
        backoff=Backoff(BackoffKind.FIXED, MINUTE, HOUR, jitter=False),
        tags=("x", "y"),
        meta='{"m": 1}',
    )
    send(store, job)
    one = claim_one(store)
    stored = read(store, job.id)
    wanted = "task queue payload priority max_attempts backoff tags meta limits"
    for name in wanted.split():
        assert getattr(one, name) == getattr(job, name), name
    assert (one.run_at, one.enqueued_at) == (PAST, stored.enqueued_at)
    assert (one.round_start, one.lost, one.unknown) == (0, 0, 0)


# ---------------------------------------------------------------- tokens


def test_a_token_is_fence_and_nonce(store: TravellingStore) -> None:
    """The token names the job, carries the claim's nonce, and its fence is the number of claims."""
    job_id = send_one(store)
    nonce = os.urandom(NONCE_BYTES)
    one = claim_one(store, nonce=nonce)
    assert (one.token.job_id, one.token.nonce) == (job_id, nonce)
    assert one.token.fence == read(store, job_id).claims == 1


def test_the_fence_grows_with_every_claim(store: TravellingStore) -> None:
    """`claims` only grows, whatever is given back."""
    send_one(store)
    fences = []
    for resolution in (retry(), release(), retry()):
        one = claim_one(store)
        fences.append(one.token.fence)
        settle(store, one, resolution)
    reserved = reserve_one(store)
    settle(store, reserved, release())
    fences += [reserved.token.fence, claim_one(store).token.fence]
    assert fences == [1, 2, 3, 4, 5]


def test_a_repeated_claim_gives_the_same_answer(store: TravellingStore) -> None:
    """The same nonce again gives the first call's claims in their order, and nothing new."""
    send(store, *[new_job() for _ in range(6)])
    asked = request(2, reserve=2)
    first = store.claim(asked)
    before = visible(store)
    assert store.claim(asked).claims == first.claims
    assert visible(store) == before


def test_a_repeated_claim_leaves_out_what_has_ended(store: TravellingStore) -> None:
    """The same nonce again gives those claims that still hold."""
    send(store, *[new_job() for _ in range(4)])
    asked = request(3)
    first = store.claim(asked).claims
    settle(store, first[1], complete())
    assert store.claim(asked).claims == (first[0], first[2])


def test_a_repeated_claim_never_gives_a_new_job(store: TravellingStore) -> None:
    """A nonce whose claims have all ended gives nothing, whatever waits."""
    send(store, new_job(), new_job())
    asked = request(1)
    (one,) = store.claim(asked).claims
    settle(store, one, complete())
    assert store.claim(asked).claims == ()


def test_a_repeated_claim_gives_nothing_new_for_what_others_have_now(
    store: TravellingStore,
) -> None:
    """A nonce is spent for good, though all that it took has gone on to other workers."""
    asked = request(1)
    send_one(store)
    (one,) = store.claim(asked).claims
    settle(store, one, release())
    other = claim_one(store)
    send_one(store)
    assert store.claim(asked).claims == ()
    settle(store, other, release())
    assert store.claim(asked).claims == ()


# ---------------------------------------------------------------- next_due


def test_next_due_is_the_time_until_the_next_job(store: TravellingStore) -> None:
    """`next_due` says how long to sleep until the next waiting job falls due."""
    send(store, new_job(), new_job(due=2 * HOUR), new_job(due=HOUR))
    next_due = store.claim(request(5)).next_due
    assert next_due is not None
    assert HOUR - SECOND < next_due <= HOUR


def test_next_due_looks_only_at_the_queues_asked_for(store: TravellingStore) -> None:
    """`next_due` counts the waiting jobs of these queues, and of no other."""
    send(store, new_job(queue="a", due=HOUR), new_job(queue="b", due=MINUTE))
    next_due = store.claim(request(5, queues=("a",))).next_due
    assert next_due is not None
    assert HOUR - SECOND < next_due <= HOUR


def test_next_due_is_none_if_nothing_waits_for_later(store: TravellingStore) -> None:
    """`next_due` is None if no job waits for later."""
    send_one(store)
    assert store.claim(request(5)).next_due is None


# ---------------------------------------------------------------- expiry


def test_an_expired_job_never_runs(store: TravellingStore) -> None:
    """A waiting job whose expiry has passed ends as discarded, reason `expired`."""
    expired = send_one(store, expires=MINUTE, priority=9)
    fresh = send_one(store)
    store.travel(MINUTE)
    assert in_order(claim(store, 1, reserve=1)) == [fresh]
    job = read(store, expired)
    assert (job.state, job.final_reason) == (JobState.DISCARDED, "expired")
    assert (job.attempts, job.claims) == (0, 0)
    assert job.finished_at is not None


def test_a_job_runs_until_its_expiry(store: TravellingStore) -> None:
    """Before its expiry a job runs as any other; once started, the expiry means nothing."""
    send_one(store, expires=MINUTE)
    store.travel(MINUTE - SECOND)
    one = claim_one(store)
    store.travel(HOUR)
    assert settle(store, one, complete()) is Answer.DONE
    assert read(store, one.token.job_id).state is JobState.COMPLETED


def lose(store: TravellingStore, **fields: object) -> UUID:
    """A job that waits again after its worker was lost once."""
    job_id = send_one(store, **fields)
    started: Claim = claim_one(store)
    assert started.token.job_id == job_id
    store.travel(LEASE)
    rescued = rescue_one(store)
    assert settle(store, rescued, lost()) is Answer.DONE
    return job_id


@pytest.mark.parametrize("n", [256, 257, 1_000])
def test_a_claim_may_name_a_thousand_queues(store: TravellingStore, n: int) -> None:
    """However many queues are named, up to a batch, the best job of all of them is found."""
    names = tuple(f"queue-{number}" for number in range(n))
    wanted = send_one(store, queue=names[-1], priority=1)
    other = send_one(store, queue=names[0])
    assert in_order(claim(store, 2, queues=names)) == [wanted, other]


@pytest.mark.parametrize("verb", ["claim", "rescue"])
def test_more_queues_than_a_batch_are_refused(store: TravellingStore, verb: str) -> None:
    """Work per call is bounded: a claim names at most `MAX_BATCH` queues."""
    names = tuple(f"queue-{number}" for number in range(MAX_BATCH + 1))
    with pytest.raises(InvalidJob, match="queues"):
        getattr(store, verb)(request(queues=names))


def test_nothing_worse_is_taken_past_many_expired_jobs(store: TravellingStore) -> None:
    """However many expired jobs stand before the best one, no worse job is claimed instead."""
    for _ in range(2):
        send(store, *[new_job(priority=9, expires=MINUTE) for _ in range(MAX_BATCH)])
    store.travel(MINUTE)
    low = send_one(store)
    high = send_one(store, priority=9)
    answer = store.claim(request(1))
    assert in_order(answer.claims) == [high] or (answer.more and not answer.claims)
    assert in_order(answer.claims) + in_order(claim(store, 2 - len(answer.claims))) == [high, low]
