"""``queuekit stats``: how much there is to do, and who does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import click

from queuekit.cli.asked import Asked, pass_asked
from queuekit.cli.frame import Command
from queuekit.cli.params import common, json_flag
from queuekit.cli.queues import MOST_COUNTED, WAITING
from queuekit.cli.serving import Worker, serving, workers_of
from queuekit.cli.shapes import iso, queue_shape
from queuekit.cli.table import count_words, print_fields, print_json, print_table, say
from queuekit.cli.waiting import resume_words, worker_words
from queuekit.job import FINAL_STATES, JobState
from queuekit.storage import Count, JobFilter, QueueInfo, Store

LIVE: Final = tuple(state for state in JobState if state not in FINAL_STATES)


@click.command("stats", cls=Command)
@json_flag
@common
@pass_asked
def command(asked: Asked) -> None:
    """Count jobs by state and queue, and tell which queues nobody serves."""
    store = asked.store()
    info, queues, workers = store.info(), store.queues(), workers_of(store)
    counts = _counts(store, queues)
    alive = sum(worker.alive for worker in workers)
    unserved = [queue.name for queue in queues if _is_unserved(queue, workers)]
    if asked.json:
        print_json(
            {
                "location": info.location,
                "now": iso(info.now),
                "states": {state.value: _count_shape(count) for state, count in counts.items()},
                "queues": [queue_shape(q, len(serving(workers, q.name))) for q in queues],
                "workers": {"alive": alive, "silent": len(workers) - alive},
                "unserved": unserved,
            }
        )
        return
    print_fields(
        [
            ("store", info.location),
            ("workers", f"{alive} alive, {len(workers) - alive} silent"),
            *((state.value, f"{c.n:,}{'' if c.exact else '+'}") for state, c in counts.items()),
        ]
    )
    if queues:
        click.echo()
        _print_queues(queues, workers)
    for queue in queues:
        _remark(asked, queue, is_unserved=queue.name in unserved)


def _counts(store: Store, queues: Sequence[QueueInfo]) -> dict[JobState, Count]:
    """Jobs by state: the live ones all counted, the ended ones up to a bound."""
    return {
        state: store.count(JobFilter(states=frozenset({state})), MOST_COUNTED)
        if state in FINAL_STATES
        else Count(sum(queue.counts.get(state, 0) for queue in queues), exact=True)
        for state in JobState
    }


def _waiting(queue: QueueInfo) -> int:
    return sum(queue.counts.get(state, 0) for state in WAITING)


def _is_unserved(queue: QueueInfo, workers: Sequence[Worker]) -> bool:
    return _waiting(queue) > 0 and not serving(workers, queue.name)


def _count_shape(count: Count) -> dict[str, Any]:
    return {"jobs": count.n, "exact": count.exact}


def _print_queues(queues: Sequence[QueueInfo], workers: Sequence[Worker]) -> None:
    headers = [state.upper() for state in LIVE]
    print_table(
        ["QUEUE", *headers, "WORKERS", ""],
        [
            [
                queue.name,
                *(f"{queue.counts.get(state, 0):,}" for state in LIVE),
                len(serving(workers, queue.name)),
                "paused" if queue.paused else "",
            ]
            for queue in queues
        ],
        right=[*headers, "WORKERS"],
        shrink="QUEUE",
    )


def _remark(asked: Asked, queue: QueueInfo, *, is_unserved: bool) -> None:
    """What keeps the queue's jobs from running, and what to type."""
    name, words = queue.name, asked.words()
    waiting = f"{count_words(_waiting(queue), 'job')} waiting in queue {name!r}"
    if is_unserved:
        say(f"{waiting}, which no live worker serves: {worker_words(words, name)}")
    if queue.paused and _waiting(queue):
        say(f"{waiting}, which is paused: {resume_words(words, name)}")
