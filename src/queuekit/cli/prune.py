"""``queuekit prune``: deleting what ended long ago.

The jobs are counted first, exactly, and never more are deleted than were counted.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Final

import click

from queuekit.cli.asked import Asked, pass_asked
from queuekit.cli.confirm import ask
from queuekit.cli.frame import Command
from queuekit.cli.params import DURATION, common, dry_run_flag, flag, json_flag, yes_flag
from queuekit.cli.table import count_words, print_json, say
from queuekit.errors import StoreError
from queuekit.job import FINAL_STATES, JobState
from queuekit.paging import all_jobs
from queuekit.storage import JobFilter, Store
from queuekit.words import show_duration
from queuekit.worker.settings import TIDY_LIMIT

FINAL: Final = tuple(state for state in JobState if state in FINAL_STATES)


@click.command("prune", cls=Command)
@flag(
    "--older-than",
    type=DURATION,
    default="7d",
    show_default=True,
    help="Only jobs that ended at least so long ago.",
)
@flag(
    "--state",
    type=click.Choice([state.value for state in FINAL]),
    multiple=True,
    metavar="STATE",
    help=f"Only jobs in this state; may be repeated: {', '.join(FINAL)}. Default: all three.",
)
@yes_flag
@dry_run_flag
@json_flag
@common
@pass_asked
def command(
    asked: Asked, older_than: timedelta, state: tuple[str, ...], yes: bool, dry_run: bool
) -> int:
    """Delete jobs that ended long ago, for good, with their history.

    Example:
      queuekit prune --older-than 30d --state completed
    """
    store = asked.store()
    chosen = frozenset(map(JobState, state)) or FINAL_STATES
    counts = _count(store, chosen, older_than)
    counted = counts.total()
    what = _words(counts, older_than)
    pruned = 0
    if counted and not dry_run:
        if not ask(f"will prune {what}", yes=yes):
            return 1
        pruned = _prune(store, chosen, older_than, counted)
    if asked.json:
        print_json(
            {
                "older_than": older_than.total_seconds(),
                "states": [name.value for name in FINAL if name in chosen],
                "counted": counted,
                "pruned": pruned,
                "dry_run": dry_run,
            }
        )
    elif dry_run and counted:
        click.echo(f"would prune {what}")
    else:
        click.echo(f"{count_words(pruned, 'job')} pruned" if counted else f"nothing to do: {what}")
    return 0


def _words(counts: Counter[JobState], older_than: timedelta) -> str:
    """``1,284 jobs that ended at least 7d ago (1,200 completed, 84 discarded)``."""
    parts = ", ".join(f"{counts[state]:,} {state}" for state in FINAL if counts[state])
    ended = f"that ended at least {show_duration(older_than)} ago"
    return f"{count_words(counts.total(), 'job')} {ended}{f' ({parts})' if parts else ''}"


def _count(store: Store, states: frozenset[JobState], older_than: timedelta) -> Counter[JobState]:
    """How many jobs of each state ended that long ago, as seen from the store's now."""
    now = store.info().now
    return Counter(
        job.state
        for job in all_jobs(store, JobFilter(states=states))
        if job.finished_at is not None and now - job.finished_at >= older_than
    )


def _prune(store: Store, states: frozenset[JobState], older_than: timedelta, counted: int) -> int:
    """Delete so many of them, in batches that each hold the store up for a moment alone; how many
    were still there.
    """
    pruned = 0
    while pruned < counted:
        try:
            deleted = store.prune(states, older_than, min(TIDY_LIMIT, counted - pruned))
        except StoreError:
            if pruned:
                say(f"{pruned:,} of {counted:,} were pruned before")
            raise
        if not deleted:
            break
        pruned += deleted
    return pruned
