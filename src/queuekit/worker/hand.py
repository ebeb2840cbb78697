"""The claims in a worker's hands, from the claim until the store has answered for their end.

::

    BUFFERED -> STARTING -> RUNNING -> ENDED -> (gone)
      reserved    start is     in a      its finish
                  being        child     is being
                  recorded               recorded
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from queuekit.job import Claim, Token
from queuekit.lifecycle import resolve
from queuekit.outcomes import Outcome
from queuekit.storage import MAX_BATCH, Finish
from queuekit.tasks import Executor
from queuekit.worker.messages import Action, AskSettle, CancelRun, KillChild, Run
from queuekit.worker.slots import Slots


class Stage(Enum):
    """Where a held claim stands; see the module's docstring."""

    BUFFERED = "buffered"
    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(slots=True)
class Held:
    """One claim in the worker's hands. A slot of a child is its own from STARTING on."""

    claim: Claim
    stage: Stage
    since: float
    """When it was taken, or started to run."""
    cancelled: bool = False
    seconds: float = 0.0
    """How long it ran."""


class Hand:
    """All claims that the worker holds, and what the store is to be told of them."""

    def __init__(self, slots: Slots, rng: random.Random) -> None:
        self._slots = slots
        self._rng = rng
        self._held: dict[Token, Held] = {}
        self._finishes: dict[Token, Finish] = {}
        self._batch: AskSettle | None = None
        self._one_by_one = False

    def __bool__(self) -> bool:
        """Whether anything is held."""
        return bool(self._held)

    def __iter__(self) -> Iterator[Held]:
        """All that is held now; it may be changed meanwhile."""
        return iter(list(self._held.values()))

    def get(self, token: Token) -> Held | None:
        """What is held under this token."""
        return self._held.get(token)

    def tokens(self) -> tuple[Token, ...]:
        """What a heartbeat has to name: all of it, whatever its stage."""
        return tuple(self._held)

    def take(self, claim: Claim, stage: Stage, now: float) -> Held:
        """Hold a claim."""
        held = self._held[claim.token] = Held(claim, stage, now)
        return held

    def buffered(self) -> list[Held]:
        """What is reserved and not started, best first."""
        return [held for held in self._held.values() if held.stage is Stage.BUFFERED]

    def waiting_for_a_child(self) -> list[Held]:
        """What the store counts as started while no child has it."""
        return [
            held
            for held in self._held.values()
            if held.stage is Stage.STARTING
            and held.claim.started
            and self._slots.holding(held.claim.token) is None
        ]

    def running(self) -> int:
        """How many are with a child."""
        return sum(held.stage is Stage.RUNNING for held in self._held.values())

    def run(self, held: Held, executor: Executor, now: float) -> Iterator[Action]:
        """Hand a started job to a child; with none free, it waits for the next one."""
        token = held.claim.token
        child = self._slots.holding(token) or self._slots.free(executor)
        if child is not None:
            child.tokens.add(token)
            held.stage, held.since = Stage.RUNNING, now
            yield Run(child.number, held.claim)

    def end(self, held: Held, outcome: Outcome) -> None:
        """Decide what becomes of the job; the next settle tells the store."""
        if held.stage is not Stage.RUNNING:
            self._slots.let_go(held.claim.token)
        held.stage = Stage.ENDED
        resolution = resolve(held.claim, outcome, self._rng.random())
        self._finishes[held.claim.token] = Finish(held.claim.token, resolution, held.claim.limits)

    def interrupt(self, token: Token) -> Iterator[Action]:
        """Stop a job's code: a process is killed, a coroutine is cancelled."""
        child = self._slots.holding(token)
        if child is None:
            return
        if child.executor is Executor.ASYNCIO:
            yield CancelRun(child.number, token)
        else:
            child.killed = True
            yield KillChild(child.number)

    def drop(self, token: Token) -> Iterator[Action]:
        """The job is somebody else's now: stop the code, forget the claim, record nothing."""
        held = self._held.pop(token, None)
        self._finishes.pop(token, None)
        if held is not None and held.stage is Stage.RUNNING:
            yield from self.interrupt(token)
        elif held is not None:
            self._slots.let_go(token)

    # --- settling: finishes and starts, in one call

    def next_batch(self, tasks: Mapping[str, Executor], *, may_start: bool) -> AskSettle | None:
        """What to tell the store next: the last batch again if it was not answered, else all that
        has come up since.
        """
        if self._batch is None:
            most = 1 if self._one_by_one else MAX_BATCH
            finishes = tuple(islice(self._finishes.values(), most))
            starts = self._startable(tasks, most - len(finishes)) if may_start else ()
            if not finishes and not starts:
                self._one_by_one = False
                return None
            for finish in finishes:
                del self._finishes[finish.token]
            self._batch = AskSettle(finishes, starts)
        return self._batch

    def _startable(self, tasks: Mapping[str, Executor], most: int) -> tuple[Token, ...]:
        """Reserved jobs with a free slot, best first; the slot is theirs from here on."""
        starts: list[Token] = []
        for held in self.buffered():
            child = self._slots.free(tasks[held.claim.task])
            if child is not None and len(starts) < most:
                child.tokens.add(held.claim.token)
                held.stage = Stage.STARTING
                starts.append(held.claim.token)
        return tuple(starts)

    def settled(self) -> tuple[AskSettle, list[Held | None]]:
        """The batch that the store has answered, and what its finishes were the end of.

        They are over now, whatever the answers.
        """
        assert self._batch is not None, "an answer has a question"
        batch, self._batch = self._batch, None
        return batch, [self._held.pop(finish.token, None) for finish in batch.finishes]

    def refused(self) -> Iterator[Action]:
        """The store refuses the batch for something in it: find that by settling one by one.

        A batch of one that is refused is dropped; its job will be rescued.
        """
        if self._batch is None:
            return
        batch, self._batch = self._batch, None
        if len(batch.finishes) + len(batch.starts) == 1:
            for token in (*batch.starts, *(finish.token for finish in batch.finishes)):
                yield from self.drop(token)
            return
        self._one_by_one = True
        self._finishes.update((finish.token, finish) for finish in batch.finishes)
        for token in batch.starts:
            self._slots.let_go(token)
            if (held := self._held.get(token)) is not None:
                held.stage = Stage.BUFFERED
