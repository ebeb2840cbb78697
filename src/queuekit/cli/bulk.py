"""What is done to jobs by hand: to those that are named, or to all that are chosen.

Chosen jobs are found first and counted exactly; then it is done to these and to no others, in
batches, whatever else arrives meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import click

from queuekit.cli.asked import Asked, pass_asked
from queuekit.cli.confirm import ask
from queuekit.cli.filters import Chosen, filter_flags
from queuekit.cli.frame import Command
from queuekit.cli.params import DURATION, INSTANT, common, dry_run_flag, flag, json_flag, yes_flag
from queuekit.cli.table import count_words, print_json, say
from queuekit.cli.tally import Tally
from queuekit.errors import InvalidTransition, JobNotFound, StoreError
from queuekit.job import JobState
from queuekit.paging import all_jobs
from queuekit.storage import MAX_BATCH, Change, Controlled, Store

DEFAULT_REASON: Final = "from the command line"

_WAITING: Final = (
    JobState.PENDING,
    JobState.SCHEDULED,
    JobState.AVAILABLE,
    JobState.RETRYABLE,
)


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing to do. `states` are those that it acts on, `usual` those that a choice without
    ``--state`` means.
    """

    name: str
    done: str
    states: tuple[JobState, ...]
    usual: tuple[JobState, ...]


RERUN: Final = Verb(
    "rerun",
    "sent round again",
    (JobState.COMPLETED, JobState.DISCARDED, JobState.CANCELLED),
    (JobState.DISCARDED,),  # whoever wants completed work done again says so
)
CANCEL: Final = Verb(
    "cancel", "cancelled", (*_WAITING, JobState.RUNNING), (*_WAITING, JobState.RUNNING)
)
DISCARD: Final = Verb("discard", "discarded", _WAITING, _WAITING)
RESCHEDULE: Final = Verb("reschedule", "rescheduled", _WAITING, _WAITING)

Act = Callable[[Store, Sequence[UUID]], tuple[Controlled, ...]]

_ids = click.argument("ids", metavar="[ID]...", nargs=-1, type=click.UUID)
_all_flag = flag("--all", is_flag=True, help="All jobs that it can be done to.")
_reason_flag = flag("--reason", default=DEFAULT_REASON, metavar="TEXT", help="Kept with the job.")


def _control(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that these commands share."""
    for add in (pass_asked, common, json_flag, dry_run_flag, yes_flag, _all_flag):
        command = add(command)
    return _ids(filter_flags(command))


@click.command("rerun", cls=Command)
@_control
def rerun(asked: Asked, **what: Any) -> int:
    """Send jobs that have ended round again, with fresh attempts; their history stays.

    Name them by id, or choose them by a filter or --all; without --state, that means the discarded
    ones alone.

    Example:
      queuekit jobs rerun --task mail.send --since 1d
    """
    return _do(asked, RERUN, lambda store, ids: store.rerun(ids), **what)


@click.command("cancel", cls=Command)
@_reason_flag
@_control
def cancel(asked: Asked, reason: str, **what: Any) -> int:
    """Cancel jobs that have not ended. The workers of those that run are asked to stop them."""
    return _do(asked, CANCEL, lambda store, ids: store.cancel(ids, reason), **what)


@click.command("discard", cls=Command)
@_reason_flag
@_control
def discard(asked: Asked, reason: str, **what: Any) -> int:
    """Give up jobs that wait."""
    return _do(asked, DISCARD, lambda store, ids: store.discard(ids, reason), **what)


@click.command("reschedule", cls=Command)
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=click.UUID)
@flag("--delay", type=DURATION, metavar="DURATION", help="Due so long from now.")
@flag("--at", type=INSTANT, metavar="ISO", help="Due then, such as 2026-11-25T09:00Z.")
@flag("--priority", type=int, metavar="N", help="Higher runs first.")
@flag("--queue", metavar="NAME", help="Move them to this queue.")
@json_flag
@common
@pass_asked
def reschedule(
    asked: Asked,
    ids: tuple[UUID, ...],
    delay: timedelta | None,
    at: datetime | None,
    priority: int | None,
    queue: str | None,
) -> int:
    """Change when, how urgently, or in which queue waiting jobs run."""
    if delay is not None and at is not None:
        raise click.UsageError("--delay and --at exclude each other")
    change = Change(due=delay if at is None else at, priority=priority, queue=queue)
    if change == Change():
        raise click.UsageError("nothing to change: give --delay, --at, --priority or --queue")
    act: Act = lambda store, ids: store.amend(ids, change)  # noqa: E731 - as its siblings have it
    return _do(asked, RESCHEDULE, act, ids, Chosen(), all=False, yes=True, dry_run=False)


COMMANDS: Final = (rerun, cancel, discard, reschedule)


def _do(
    asked: Asked,
    verb: Verb,
    act: Act,
    ids: tuple[UUID, ...],
    chosen: Chosen,
    *,
    all: bool,
    yes: bool,
    dry_run: bool,
) -> int:
    """Find the jobs, ask if they were not named one by one, and do it."""
    _check(verb, ids, chosen, everything=all)
    store = asked.store()
    if ids:
        jobs = _named(store, ids)
        what = f"will {verb.name} {count_words(len(jobs), 'job')}"
    else:
        chosen = chosen if chosen.states else chosen.within(verb.usual)
        jobs = _collect(store, chosen)
        what = f"will {verb.name} {count_words(len(jobs), 'job')}{chosen.words()}"
    tally = Tally(verb.name, verb.done, len(jobs))
    if dry_run or not jobs:
        _tell(asked, tally, what if jobs else f"no jobs to {verb.name}{chosen.words()}")
        return 0
    if not ids and not ask(what, yes=yes):
        return 1
    for batch in _batches(jobs):
        try:
            tally.add(act(store, batch))
        except StoreError:
            if tally.answered:
                say(f"{tally.answered:,} of {len(jobs):,} were dealt with before: {tally.words()}")
            raise
    if len(ids) == 1 and (state := tally.only_wrong_state()) is not None:
        raise InvalidTransition(jobs[0], state, verb.name)
    _tell(asked, tally, tally.words())
    return 1 if ids and tally.refused else 0


def _check(verb: Verb, ids: Sequence[UUID], chosen: Chosen, *, everything: bool) -> None:
    ways = sum((bool(ids), bool(chosen), everything))
    if ways == 0:
        raise click.UsageError(
            "which jobs? name them by id, choose them by --state, --queue, --task, --tag or"
            " --since, or give --all"
        )
    if ways > 1:
        raise click.UsageError("name jobs by id, choose them, or give --all: one of the three")
    for state in chosen.states:
        if state not in verb.states:
            raise click.UsageError(
                f"cannot {verb.name} jobs that are {state}, only {', '.join(verb.states)} ones"
            )


def _named(store: Store, ids: Sequence[UUID]) -> list[UUID]:
    """The ids, each once, if all of them are there."""
    jobs = list(dict.fromkeys(ids))
    for batch in _batches(jobs):
        for job_id, job in zip(batch, store.get(batch), strict=True):
            if job is None:
                raise JobNotFound(job_id)
    return jobs


def _collect(store: Store, chosen: Chosen) -> list[UUID]:
    """All that match now, the oldest first."""
    return [job.id for job in all_jobs(store, chosen.filter(store.info().now))][::-1]


def _batches(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (ids[at : at + MAX_BATCH] for at in range(0, len(ids), MAX_BATCH))


def _tell(asked: Asked, tally: Tally, words: str) -> None:
    if asked.json:
        print_json(tally.shape())
    else:
        click.echo(words)
