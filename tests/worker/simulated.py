"""Several worker cores on one memory store, in virtual time: every run follows from its seed.

The shell is simulated (children, threads, signals, the network), the cores and the store are the
real ones."""

from __future__ import annotations

import heapq
import itertools
import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from queuekit.job import Failure, NewJob, Token, uuid7
from queuekit.outcomes import Completed, Failed, Outcome, Snoozed
from queuekit.plugins import open_store
from queuekit.retry import Backoff
from queuekit.storage import Store, SupportsTravel, WorkerBeat
from queuekit.tasks import Executor
from queuekit.worker.core import WorkerCore
from queuekit.worker.messages import (
    CALL_OF,
    Action,
    AskClaim,
    AskExtend,
    AskLeave,
    AskRescue,
    AskSettle,
    AskTidy,
    Call,
    CallFailed,
    CancelRun,
    ChildFinished,
    ChildGone,
    ChildReady,
    ClaimAnswered,
    Event,
    Exit,
    ExtendAnswered,
    KillChild,
    LeaveAnswered,
    RescueAnswered,
    Run,
    Say,
    SettleAnswered,
    StartChild,
    TellEnd,
    Tick,
    TidyAnswered,
)
from queuekit.worker.settings import TIDY_LIMIT, WorkerSettings

TASKS = {"sync": Executor.PROCESS, "async": Executor.ASYNCIO}
LEASE = timedelta(seconds=6)


@dataclass
class Faults:
    """How often things go wrong; shares between 0 and 1."""

    fail: float = 0.1
    snooze: float = 0.05
    child_dies: float = 0.02
    answer_lost: float = 0.0
    store_away: float = 0.0
    settle_refused: float = 0.0


@dataclass
class World:
    """The clock, the store, and everything that is to happen."""

    seed: int
    faults: Faults = field(default_factory=Faults)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        store = open_store("memory://", testing=True)
        assert isinstance(store, SupportsTravel)
        self.store: Store = store
        self._travel = store.travel
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.workers: list[SimulatedWorker] = []
        self.completions: Counter[UUID] = Counter()
        self.runs: Counter[UUID] = Counter()
        self.said: list[str] = []
        self._waited_for: list[UUID] | None = None

    def at(self, delay: float, do: Callable[[], None]) -> None:
        """Let something happen later."""
        heapq.heappush(self._agenda, (self.now + delay, next(self._order), do))

    def enqueue(self, count: int, task: str = "sync", **fields: Any) -> list[UUID]:
        """Store jobs."""
        jobs = [
            NewJob(
                id=uuid7(next(self._order), self.rng.randbytes(10)),
                task=task,
                payload="{}",
                max_attempts=50,
                backoff=Backoff(base=timedelta(seconds=1), cap=timedelta(seconds=5)),
                **fields,
            )
            for _ in range(count)
        ]
        self.store.enqueue(jobs)
        return [job.id for job in jobs]

    def worker(self, processes: int = 2) -> SimulatedWorker:
        """Start one more worker."""
        worker = SimulatedWorker(self, f"w{len(self.workers)}", processes)
        self.workers.append(worker)
        return worker

    def run(self, until: Callable[[], bool], longest: float) -> None:
        """Let things happen until the condition holds; fail if that takes longer than `longest`
        virtual seconds."""
        end = self.now + longest
        while not until():
            assert self._agenda, f"seed {self.seed}: nothing is left to happen at {self.now:.3f}"
            when, _, do = heapq.heappop(self._agenda)
            assert when <= end, f"seed {self.seed}: not done after {longest} s; {self.said[-20:]}"
            self._travel(timedelta(seconds=max(0.0, when - self.now)))
            self.now = max(self.now, when)
            do()

    def all_final(self, ids: list[UUID]) -> bool:
        """Whether every one of these jobs has ended; looks at those only that had not when last
        asked."""
        while self._waited_for is None or self._waited_for:
            if self._waited_for is None:
                self._waited_for = list(ids)
            (job,) = self.store.get(self._waited_for[-1:])
            if job is None or not job.state.is_final:
                return False
            self._waited_for.pop()
        return True


class SimulatedWorker:
    """A shell around one core: it delays, loses and kills as the world's dice say."""

    def __init__(self, world: World, name: str, processes: int) -> None:
        self.world = world
        self.alive = True
        self.frozen_until = 0.0
        self._next_tick = 0.0
        self.exit_code: int | None = None
        settings = WorkerSettings(worker=name, processes=processes, coroutines=3, lease=LEASE)
        self.core = WorkerCore(settings, random.Random(world.rng.random()))
        self._beat = WorkerBeat(name)
        self._children: dict[int, set[Token]] = {}
        self._perform(self.core.start())

    def kill(self) -> None:
        """SIGKILL: nothing of it is heard of again."""
        self.alive = False

    def freeze(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after a while; what comes meanwhile is dealt with afterwards."""
        self.frozen_until = self.world.now + seconds

    def hear(self, event: Event, delay: float = 0.0) -> None:
        """Let the core take an event in, later."""
        self.world.at(delay, lambda: self._take(event))

    def _take(self, event: Event) -> None:
        if not self.alive:
            return
        if self.world.now < self.frozen_until:
            self.hear(event, self.frozen_until - self.world.now)
            return
        self._perform(self.core.step(event, self.world.now))
        wake = self.core.next_wake(self.world.now)
        if wake is not None:
            self._tick_at(self.world.now + wake)

    def _tick_at(self, when: float) -> None:
        """One tick is under way at a time, unless an earlier one is needed."""
        if self._next_tick <= self.world.now or when < self._next_tick:
            self._next_tick = when
            self.hear(Tick(), when - self.world.now)

    def _perform(self, actions: list[Action]) -> None:
        rng = self.world.rng
        for action in actions:
            match action:
                case StartChild(number, _):
                    self._children[number] = set()
                    self.hear(ChildReady(number, TASKS), rng.uniform(0.05, 0.3))
                case Run(number, claim):
                    if number in self._children:  # else its end is about to be heard of
                        self._children[number].add(claim.token)
                        self._run(number, claim.token)
                case CancelRun(number, token):
                    cancelled = Failed(Failure("CancelledError"))
                    self.world.at(0.001, partial(self._done, number, token, cancelled))
                case KillChild(number):
                    self._end_child(number, "killed by SIGKILL")
                case Say(level, text):
                    self.world.said.append(
                        f"{self.world.now:.3f} {logging.getLevelName(level)} {text}"
                    )
                case TellEnd():
                    pass
                case Exit(code):
                    self.exit_code, self.alive = code, False
                case _:
                    self._call(action)

    # --- children

    def _run(self, number: int, token: Token) -> None:
        rng, faults = self.world.rng, self.world.faults
        self.world.runs[token.job_id] += 1
        seconds = rng.choice([0.001, 0.01, 0.2, 3.0])
        dice = rng.random()
        if dice < faults.child_dies:
            self.world.at(seconds, lambda: self._end_child(number, "killed by SIGSEGV"))
            return
        outcome: Outcome = Completed("1")
        if dice < faults.child_dies + faults.fail:
            outcome = Failed(Failure("ValueError", "as the dice said"))
        elif dice < faults.child_dies + faults.fail + faults.snooze:
            outcome = Snoozed(timedelta(seconds=rng.uniform(0, 2)))
        self.world.at(seconds, lambda: self._done(number, token, outcome))

    def _done(self, number: int, token: Token, outcome: Outcome) -> None:
        if token in self._children.get(number, ()):
            self._children[number].discard(token)
            self.hear(ChildFinished(number, token, outcome))

    def _end_child(self, number: int, how: str) -> None:
        if self._children.pop(number, None) is not None:
            self.hear(ChildGone(number, how))

    # --- the store

    def _call(self, action: Action) -> None:
        rng, faults = self.world.rng, self.world.faults
        call = CALL_OF[type(action)]

        def reach() -> None:
            if not self.alive:
                return
            if rng.random() < faults.store_away:
                self.hear(CallFailed(call, "away", outage=True), rng.uniform(0.001, 1.0))
                return
            if call is Call.SETTLE and rng.random() < faults.settle_refused:
                self.hear(CallFailed(call, "refused", outage=False), rng.uniform(0.001, 0.1))
                return
            answer = self._answer(action)
            if rng.random() < faults.answer_lost:
                answer = CallFailed(call, "the answer was lost", outage=True)
            self.hear(answer, rng.uniform(0.0005, 0.01))

        self.world.at(rng.uniform(0.0005, 0.01), reach)

    def _answer(self, action: Action) -> Event:
        store = self.world.store
        match action:
            case AskClaim(request):
                return ClaimAnswered(store.claim(request))
            case AskSettle(finishes, starts):
                return SettleAnswered(store.finish(finishes, starts))
            case AskExtend(tokens, lease):
                return ExtendAnswered(tokens, store.extend(self._beat, tokens, lease))
            case AskRescue(request):
                return RescueAnswered(store.rescue(request))
            case AskTidy():
                return TidyAnswered(store.expire(TIDY_LIMIT) == TIDY_LIMIT)
            case AskLeave():
                store.leave(self._beat.id)
                return LeaveAnswered()
        raise AssertionError(f"{action} is no store call")
