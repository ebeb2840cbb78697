"""Reading: lists, filters and counts that agree, each job once, at a cost bounded by the page."""

from __future__ import annotations

import pytest

from queuekit.job import FINAL_STATES, JobState
from queuekit.storage import Count, JobFilter
from queuekit_conformance.needs import needs
from queuekit_conformance.steps import (
    HOUR,
    PAST,
    SECOND,
    Stage,
    TravellingStore,
    all_jobs,
    bring,
    claim,
    new_id,
    new_job,
    read,
    send,
    send_one,
    state,
)


def test_get_answers_in_the_order_asked(store: TravellingStore) -> None:
    """Jobs come in the order asked, None for each that is not there."""
    first, second = send(store, new_job(), new_job())
    missing = new_id()
    got = store.get([second, missing, first, second])
    assert [job and job.id for job in got] == [second, None, first, second]
    assert store.get([]) == ()


def test_history_of_nothing_is_empty(store: TravellingStore) -> None:
    """A job that is not there has no history."""
    assert store.history(new_id()) == ()


# ---------------------------------------------------------------- pages


def test_lists_come_newest_first(store: TravellingStore) -> None:
    """A listing shows the newest job first, whatever runs first."""
    ids = [send_one(store, priority=priority, due=PAST) for priority in (3, 1, 2)]
    assert [job.id for job in all_jobs(store)] == ids[::-1]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10, 11])
def test_pages_list_each_job_once(store: TravellingStore, size: int) -> None:
    """Page by page, each job is listed once, and no page is larger than asked."""
    ids = [*send(store, *[new_job(due=PAST) for _ in range(7)])]
    ids += [send_one(store) for _ in range(3)]
    seen, cursor = [], None
    while True:
        page = store.list(JobFilter(), cursor, size)
        assert len(page.jobs) <= size
        seen += [job.id for job in page.jobs]
        cursor = page.cursor
        if cursor is None:
            break
        assert page.jobs, "a page that is not the last shows something"
    assert seen == ids[::-1]


def test_pages_hold_still_while_jobs_come(store: TravellingStore) -> None:
    """New jobs come before the first page: those that were there are still listed once."""
    ids = send(store, *[new_job() for _ in range(6)])
    page = store.list(JobFilter(), None, 2)
    seen = [job.id for job in page.jobs]
    while page.cursor is not None:
        send(store, *[new_job() for _ in range(3)])
        page = store.list(JobFilter(), page.cursor, 2)
        seen += [job.id for job in page.jobs]
    assert seen == list(ids[::-1])


def test_an_empty_page_ends_a_listing(store: TravellingStore) -> None:
    """Nothing to list is one empty page."""
    page = store.list(JobFilter())
    assert (page.jobs, page.cursor) == ((), None)


# ---------------------------------------------------------------- filters


def test_every_listing_filter_and_count_agrees(store: TravellingStore) -> None:
    """Jobs, filters, counts and queues derive states alike, before and after time passes."""
    for stage in sorted(Stage, key=lambda stage: stage is Stage.AVAILABLE):
        bring(store, stage)
    for _ in range(2):
        agree(store)
        store.travel(2 * HOUR)
    waiting = {JobState.SCHEDULED, JobState.RETRYABLE}
    assert not waiting & {job.state for job in all_jobs(store)}


def agree(store: TravellingStore) -> None:
    """Hold each way of reading states against the jobs themselves."""
    jobs = all_jobs(store)
    for wanted in JobState:
        where = JobFilter(states=frozenset({wanted}))
        ids = [job.id for job in jobs if job.state is wanted]
        assert [job.id for job in all_jobs(store, where)] == ids, wanted
        assert store.count(where, 100) == Count(len(ids), True), wanted
    assert [state(store, job.id) for job in jobs] == [job.state for job in jobs]
    (queue,) = store.queues()
    live = [job.state for job in jobs if job.state not in FINAL_STATES]
    assert {name: n for name, n in queue.counts.items() if n} == {
        name: live.count(name) for name in live
    }


@needs("graphs")
def test_pending_jobs_are_listed_as_such(store: TravellingStore) -> None:
    """A pending job is listed, counted and filtered as pending, due or not."""
    send(store, new_job(armed=False), new_job(armed=False, due=HOUR), new_job())
    agree(store)
    assert store.count(JobFilter(states=frozenset({JobState.PENDING})), 9).n == 2


def test_states_are_asked_for_together(store: TravellingStore) -> None:
    """A filter with several states matches jobs in any of them."""
    wanted = (Stage.SCHEDULED, Stage.COMPLETED, Stage.AVAILABLE)
    ids = [bring(store, stage) for stage in (Stage.SCHEDULED, Stage.STARTED, Stage.COMPLETED)]
    ids.append(bring(store, Stage.AVAILABLE))
    where = JobFilter(states=frozenset(stage.state for stage in wanted))
    assert [job.id for job in all_jobs(store, where, limit=2)] == [ids[3], ids[2], ids[0]]


FILED_UNDER = ("mail", "Mail", "mail ", "mai", "mails", "caf\u00e9", "cafe\u0301")


@pytest.mark.parametrize("field", ["queue", "task", "tag"])
@pytest.mark.parametrize("name", [*FILED_UNDER, "m%", "mai_"])
def test_filters_match_names_exactly(store: TravellingStore, field: str, name: str) -> None:
    """Names match exactly: no case, space or Unicode folding, no prefix, no pattern."""
    for each in FILED_UNDER:
        send_one(store, **({"tags": (each, "other")} if field == "tag" else {field: each}))
    where = JobFilter(**{field: name})  # type: ignore[arg-type]
    assert store.count(where, 100) == Count(int(name in FILED_UNDER), True)
    for job in all_jobs(store, where):
        assert name in (*job.tags, job.queue, job.task)


def test_a_tag_is_found_among_many(store: TravellingStore) -> None:
    """A job has each of its tags, whatever characters stand in them."""
    tags = ("a,b", "a", 'q"t', "x y", "[]", "%")
    job_id = send_one(store, tags=tags)
    for tag in tags:
        assert [job.id for job in all_jobs(store, JobFilter(tag=tag))] == [job_id]
    for part in ("b", "x", "q", '"', ","):
        assert all_jobs(store, JobFilter(tag=part)) == []


def test_all_fields_of_a_filter_must_match(store: TravellingStore) -> None:
    """Every field that is given must match."""
    wanted = send_one(store, queue="a", task="x", tags=("t",))
    send(
        store,
        new_job(queue="b", task="x", tags=("t",)),
        new_job(queue="a", task="y", tags=("t",)),
        new_job(queue="a", task="x"),
        new_job(queue="a", task="x", tags=("t",), due=HOUR),
    )
    where = JobFilter(states=frozenset({JobState.AVAILABLE}), queue="a", task="x", tag="t")
    assert [job.id for job in all_jobs(store, where)] == [wanted]
    assert store.count(where, 9) == Count(1, True)


def test_times_bound_the_enqueue(store: TravellingStore) -> None:
    """A time filter takes jobs enqueued from an instant, up to but without another."""
    ids = []
    for _ in range(4):
        ids.append(send_one(store))
        store.travel(SECOND)
    times = [read(store, job_id).enqueued_at for job_id in ids]
    where = JobFilter(enqueued_from=times[1], enqueued_to=times[3])
    assert [job.id for job in all_jobs(store, where, limit=1)] == [ids[2], ids[1]]
    assert store.count(where, 9) == Count(2, True)


# ---------------------------------------------------------------- counts


def test_a_count_is_exact_below_its_bound(store: TravellingStore) -> None:
    """A count below the bound is exact, and says so."""
    send(store, *[new_job() for _ in range(3)])
    assert store.count(JobFilter(), 10) == Count(3, True)
    assert store.count(JobFilter(queue="none"), 10) == Count(0, True)


def test_a_count_stops_at_its_bound(store: TravellingStore) -> None:
    """A count of more than the bound is the bound, and says that it is not exact."""
    send(store, *[new_job() for _ in range(5)])
    assert store.count(JobFilter(), 2) == Count(2, False)


# ---------------------------------------------------------------- queues


def test_queues_are_listed_by_name(store: TravellingStore) -> None:
    """Every queue that has live jobs or settings is listed, by name, with its counts."""
    for name in ("b", "a", "c"):
        send_one(store, queue=name)
    send_one(store, queue="b", due=HOUR)
    store.set_queue("empty", paused=True)
    claim(store, 1, queues=("c",))
    listed = {
        queue.name: {name: n for name, n in queue.counts.items() if n} for queue in store.queues()
    }
    assert list(listed) == ["a", "b", "c", "empty"]
    assert listed == {
        "a": {JobState.AVAILABLE: 1},
        "b": {JobState.AVAILABLE: 1, JobState.SCHEDULED: 1},
        "c": {JobState.RUNNING: 1},
        "empty": {},
    }


def test_a_queue_without_live_jobs_or_settings_is_not_listed(store: TravellingStore) -> None:
    """A queue whose jobs have all ended is no queue to look after."""
    bring(store, Stage.COMPLETED)
    assert store.queues() == ()


# ---------------------------------------------------------------- the store itself


def test_closing_twice_is_harmless(store: TravellingStore) -> None:
    """A store may be closed twice."""
    store.close()
    store.close()


def test_migrating_again_changes_nothing(store: TravellingStore) -> None:
    """A migration that is done has nothing to do; it says which schema it brought."""
    send_one(store)
    before = all_jobs(store)
    assert store.migrate() == store.migrate() == store.info().schema
    assert all_jobs(store) == before
