"""The children of a worker and the room that they have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from queuekit.job import Token
from queuekit.tasks import Executor


@dataclass(slots=True)
class Child:
    """One child process: what it can take, and what it has."""

    number: int
    executor: Executor
    capacity: int
    ready: bool = False
    killed: bool = False
    tokens: set[Token] = field(default_factory=set)

    @property
    def room(self) -> int:
        """How many more jobs it can take now."""
        return self.capacity - len(self.tokens) if self.ready and not self.killed else 0


class Slots:
    """All children, and which executors the app's tasks need."""

    def __init__(self, processes: int, coroutines: int) -> None:
        self._wanted = {Executor.PROCESS: 1, Executor.ASYNCIO: 1}
        self._processes = processes
        self._capacity = {Executor.PROCESS: 1, Executor.ASYNCIO: coroutines}
        self._needed: set[Executor] = {Executor.PROCESS}
        self._numbers = 0
        self.children: dict[int, Child] = {}

    def need(self, executors: set[Executor]) -> list[Child]:
        """The app has tasks for these executors; children of another kind are to be killed.

        Before it is known what tasks there are, one child is wanted, to say so.
        """
        self._needed = executors
        self._wanted[Executor.PROCESS] = self._processes
        surplus = [child for child in self.children.values() if child.executor not in executors]
        for child in surplus:
            child.killed = True
        return surplus

    def missing(self) -> Iterator[Child]:
        """New children for every place that has none; they are recorded as starting."""
        for executor in sorted(self._needed):
            have = sum(child.executor is executor for child in self.children.values())
            for _ in range(self._wanted[executor] - have):
                yield self._add(executor)

    def _add(self, executor: Executor) -> Child:
        self._numbers += 1
        child = Child(self._numbers, executor, self._capacity[executor])
        self.children[child.number] = child
        return child

    def room(self) -> int:
        """How many jobs can start now, whichever executors they turn out to need."""
        rooms = dict.fromkeys(self._needed, 0)
        for child in self.children.values():
            if child.executor in rooms:
                rooms[child.executor] += child.room
        return min(rooms.values(), default=0)

    def free(self, executor: Executor) -> Child | None:
        """A child of this kind with room."""
        for child in self.children.values():
            if child.executor is executor and child.room > 0:
                return child
        return None

    def capacity(self) -> int:
        """Jobs that run at once when all children are busy."""
        return sum(self._wanted[kind] * self._capacity[kind] for kind in self._needed)

    def holding(self, token: Token) -> Child | None:
        """The child that has this job."""
        for child in self.children.values():
            if token in child.tokens:
                return child
        return None

    def let_go(self, token: Token) -> None:
        """Free the slot that was kept for this job, if one was."""
        if (child := self.holding(token)) is not None:
            child.tokens.discard(token)
