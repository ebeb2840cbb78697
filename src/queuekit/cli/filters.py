"""Which jobs a command is about: the options, and the words for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar

import click

from queuekit.cli.params import SINCE, flag
from queuekit.clock import EPOCH
from queuekit.job import JobState
from queuekit.storage import JobFilter
from queuekit.words import show_duration

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Chosen:
    """The jobs that somebody named by what they are."""

    states: tuple[JobState, ...] = ()
    queue: str | None = None
    task: str | None = None
    tag: str | None = None
    since: timedelta | datetime | None = None

    def __bool__(self) -> bool:
        """Whether anything is said at all."""
        return self != Chosen()

    def within(self, states: tuple[JobState, ...]) -> Chosen:
        """The same, of these states."""
        return replace(self, states=states)

    def filter(self, now: datetime) -> JobFilter:
        """What to ask the store for, as seen from its now."""
        since = self.since
        if isinstance(since, timedelta):
            since = now - since if since < now - EPOCH else EPOCH
        return JobFilter(
            states=frozenset(self.states),
            queue=self.queue,
            task=self.task,
            tag=self.tag,
            enqueued_from=since,
        )

    def words(self) -> str:
        """``: state discarded, task mail.send``, or nothing if nothing is said."""
        said = [
            *([f"state {' or '.join(self.states)}"] if self.states else []),
            *(f"{name} {value}" for name, value in self._named()),
            *([f"enqueued since {self._since()}"] if self.since is not None else []),
        ]
        return f": {', '.join(said)}" if said else ""

    def flags(self) -> list[str]:
        """The options that say the same."""
        pairs = [
            *(("--state", state.value) for state in self.states),
            *((f"--{name}", value) for name, value in self._named()),
            *([("--since", self._since())] if self.since is not None else []),
        ]
        return [word for pair in pairs for word in pair]

    def _named(self) -> Iterator[tuple[str, str]]:
        for name in ("queue", "task", "tag"):
            value = getattr(self, name)
            if value is not None:
                yield name, value

    def _since(self) -> str:
        if isinstance(self.since, timedelta):
            return show_duration(self.since)
        return "" if self.since is None else self.since.isoformat()


def filter_flags(command: F) -> F:
    """Add the options that choose jobs; the command is handed them as ``chosen``."""

    @wraps(command)
    def with_chosen(
        *args: Any,
        state: tuple[str, ...],
        queue: str | None,
        task: str | None,
        tag: str | None,
        since: timedelta | datetime | None,
        **rest: Any,
    ) -> Any:
        states = tuple(JobState(name) for name in dict.fromkeys(state))
        return command(*args, chosen=Chosen(states, queue, task, tag, since), **rest)

    named: Any = with_chosen
    for add in (
        flag("--since", type=SINCE, metavar="WHEN", help="Enqueued since: 1d, or an ISO time."),
        flag("--tag", metavar="NAME", help="With this tag."),
        flag("--task", metavar="NAME", help="Of this task."),
        flag("--queue", metavar="NAME", help="In this queue."),
        flag(
            "--state",
            multiple=True,
            type=click.Choice([state.value for state in JobState]),
            metavar="STATE",
            help=f"In this state; may be repeated: {', '.join(JobState)}.",
        ),
    ):
        named = add(named)
    chosen: F = named
    return chosen
