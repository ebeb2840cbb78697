"""What a worker does next: a step function `(event, now) -> actions`, with all its state in one
object and no I/O.

Every claim that the worker holds is in `_held`, at one stage, until the store has answered for its
end::

    BUFFERED -> STARTING -> RUNNING -> ENDED -> (gone)
      reserved    start is     in a      its finish
                  being        child     is being
                  recorded               recorded

A heartbeat names them all, whatever the stage. A lease that the store calls lost leaves at once,
its code is stopped, and what it says later is dropped. A call that failed is repeated as it was:
its nonce and tokens make that safe.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from queuekit.job import Claim, Failure, Token
from queuekit.lifecycle import resolve
from queuekit.outcomes import Cancelled, Failed, Lost, Outcome, Released, UnknownTask
from queuekit.storage import NONCE_BYTES, Answer, ClaimRequest, Finish
from queuekit.tasks import Executor
from queuekit.worker.messages import (
    Action,
    AskClaim,
    AskExpire,
    AskExtend,
    AskLeave,
    AskRescue,
    AskSettle,
    Call,
    CallFailed,
    CancelRun,
    ChildBroken,
    ChildFinished,
    ChildGone,
    ChildReady,
    ClaimAnswered,
    Event,
    Exit,
    ExpireAnswered,
    ExtendAnswered,
    KillChild,
    LeaveAnswered,
    RescueAnswered,
    Run,
    Say,
    SettleAnswered,
    StartChild,
    StopAsked,
    StoreChanged,
    Tick,
)
from queuekit.worker.settings import (
    BROKEN_STARTS,
    BUFFER_HORIZON,
    FINAL_TRIES,
    IDLE_FIRST,
    IDLE_LONGEST,
    LOOK_GAP,
    MAX_BUFFER,
    RETRY_FIRST,
    RETRY_LONGEST,
    SWEEP_LIMIT,
    WorkerSettings,
)
from queuekit.worker.slots import Child, Slots

EXIT_OK: Final = 0
EXIT_STORE: Final = 3
EXIT_APP: Final = 5

CANCEL_REASON: Final = "cancelled while running"


class Stage(Enum):
    """Where a held claim stands; see the module's docstring."""

    BUFFERED = "buffered"
    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"


class Mode(Enum):
    """What the worker is about."""

    WORKING = "working"
    STOPPING = "stopping"
    """Claims nothing more; what runs may end within the grace time."""
    ABORTING = "aborting"
    """Nothing runs any more; what was cut short is given back."""
    LEAVING = "leaving"


@dataclass(slots=True)
class Held:
    """One claim in the worker's hands."""

    claim: Claim
    stage: Stage
    since: float = 0.0
    cancelled: bool = False


class WorkerCore:
    """One worker's state. Call `step` for each event, and again when `next_wake` has come."""

    def __init__(self, settings: WorkerSettings, rng: random.Random) -> None:
        self._settings = settings
        self._rng = rng
        self._slots = Slots(settings.processes, settings.coroutines)
        self._tasks: Mapping[str, Executor] | None = None
        self._mode = Mode.WORKING
        self._held: dict[Token, Held] = {}
        self._finishes: dict[Token, Finish] = {}
        self._batch: AskSettle | None = None
        self._claim: ClaimRequest | None = None
        self._rescue: ClaimRequest | None = None
        self._calls: dict[Call, bool] = {}
        self._repeat_at: dict[Call, float] = {}
        self._failures = 0
        self._healthy_since: float | None = None
        self._run_seconds: float | None = None
        self._claim_at = 0.0
        self._claimed_at = 0.0
        self._idle = IDLE_FIRST
        self._beat_at = 0.0
        self._sweep_at = 0.0
        self._deadline = float("inf")
        self._broken_starts = 0
        self._single = False
        """Settle one item at a time, to find the one that the store refuses."""

    # --- the step

    def start(self) -> list[Action]:
        """The first actions: one child, to learn what tasks there are."""
        self._slots.need({Executor.PROCESS})
        child = next(self._slots.missing())
        self._slots.children = {child.number: child}
        return [StartChild(child.number, child.executor)]

    def step(self, event: Event, now: float) -> list[Action]:
        """Take in what happened at monotonic time `now`; what to do about it."""
        actions = list(self._take(event, now))
        actions += self._pump(now)
        return actions

    def next_wake(self, now: float) -> float | None:
        """Seconds until `Tick` is due, None if only another event can matter."""
        times = [*self._repeat_at.values(), self._beat_at, self._sweep_at, self._deadline]
        if self.hungry:
            times.append(self._claim_at)
        # What is due already was dealt with by the last step, or waits for another event.
        return min((at - now for at in times if now < at < float("inf")), default=None)

    @property
    def hungry(self) -> bool:
        """Whether the worker would claim if there were something: worth watching the store."""
        return (
            self._mode is Mode.WORKING
            and self._claim is None
            and not self._buffered()
            and self._slots.room() > 0
        )

    def _take(self, event: Event, now: float) -> Iterator[Action]:
        match event:
            case ChildReady():
                yield from self._child_ready(event, now)
            case ChildFinished(number, token, outcome):
                self._child_finished(self._slots.children.get(number), token, outcome, now)
            case ChildGone():
                yield from self._child_gone(event)
            case ChildBroken(_, message):
                yield Say(logging.ERROR, message)
                yield Exit(EXIT_APP)
            case StopAsked():
                yield from self._stop(now)
            case StoreChanged():
                self._claim_at = min(self._claim_at, self._claimed_at + LOOK_GAP)
            case CallFailed():
                yield from self._call_failed(event, now)
            case Tick():
                yield from self._passed(now)
            case _:
                yield from self._answered(event, now)

    # --- children

    def _child_ready(self, event: ChildReady, now: float) -> Iterator[Action]:
        self._broken_starts = 0
        if event.child in self._slots.children:
            self._slots.children[event.child].ready = True
        if self._tasks is None:
            self._tasks = event.tasks
            self._claim_at = self._beat_at = now
            self._slots.need(set(event.tasks.values()) or {Executor.PROCESS})
            for child in self._slots.surplus():
                child.killed = True
                yield KillChild(child.number)
        for child in self._slots.missing():
            yield StartChild(child.number, child.executor)

    def _child_finished(
        self, child: Child | None, token: Token, outcome: Outcome, now: float
    ) -> None:
        if child is not None:
            child.tokens.discard(token)
        held = self._held.get(token)
        if held is None or held.stage is not Stage.RUNNING:
            return  # the lease was lost meanwhile: nobody may hear of it
        self._measure(now - held.since)
        if held.cancelled and isinstance(outcome, Failed):
            outcome = Cancelled(CANCEL_REASON)
        self._end(held, outcome)

    def _child_gone(self, event: ChildGone) -> Iterator[Action]:
        """Its jobs fail, nobody else's; another child takes its place."""
        child = self._slots.children.pop(event.child, None)
        if child is None:
            return
        for token in child.tokens:
            held = self._held.get(token)
            if held is not None and held.stage is Stage.RUNNING:
                self._end(held, self._cut_short(held, event.how))
        if not child.ready and not child.killed:
            self._broken_starts += 1
            if self._broken_starts >= BROKEN_STARTS:
                yield Say(logging.ERROR, f"children die before they are ready ({event.how})")
                yield Exit(EXIT_APP)
                return
        elif not child.killed:
            yield Say(logging.WARNING, f"child {child.number} ended unasked: {event.how}")
        if self._mode is Mode.WORKING:
            for fresh in self._slots.missing():
                yield StartChild(fresh.number, fresh.executor)

    def _cut_short(self, held: Held, how: str) -> Outcome:
        if self._mode is Mode.ABORTING:
            return Released()
        if held.cancelled:
            return Cancelled(CANCEL_REASON)
        return Failed(Failure("WorkerChildDied", f"the process that ran the job ended: {how}"))

    # --- claims

    def _answered(self, event: Event, now: float) -> Iterator[Action]:
        """Any answer of the store: it is well again, if it was not."""
        if self._healthy_since is None:
            self._healthy_since = now
            self._sweep_at = now + self._settings.beat_interval
        if self._failures:
            self._failures = 0
            yield Say(logging.INFO, "the store answers again")
        match event:
            case ClaimAnswered():
                self._calls[Call.CLAIM] = False
                yield from self._claimed(event, now)
                self._schedule_claim(event, now)
                self._claim = None
            case SettleAnswered():
                self._calls[Call.SETTLE] = False
                yield from self._settled(event, now)
            case ExtendAnswered():
                self._calls[Call.EXTEND] = False
                yield from self._extended(event)
            case RescueAnswered(claims):
                self._calls[Call.RESCUE] = False
                self._rescue = None
                yield from self._rescued(claims)
                if len(claims) == SWEEP_LIMIT:
                    self._sweep_at = now
            case ExpireAnswered():
                self._calls[Call.EXPIRE] = False
            case LeaveAnswered():
                yield Exit(EXIT_OK)

    def _claimed(self, event: ClaimAnswered, now: float) -> Iterator[Action]:
        for claim in event.claimed.claims:
            stage = Stage.STARTING if claim.started else Stage.BUFFERED
            held = self._held[claim.token] = Held(claim, stage)
            if self._mode is not Mode.WORKING:
                self._end(held, Released())
            elif self._tasks is not None and claim.task not in self._tasks:
                yield Say(
                    logging.WARNING,
                    f"no task {claim.task!r} here; job {claim.token.job_id} is given back",
                )
                self._end(held, UnknownTask())
            elif claim.started:
                yield from self._run(held, now)

    def _schedule_claim(self, event: ClaimAnswered, now: float) -> None:
        """Ask again at once while there is plenty, later and later while there is nothing."""
        assert self._claim is not None
        claimed = event.claimed
        if claimed.more or len(claimed.claims) >= self._claim.start + self._claim.reserve:
            self._idle, self._claim_at = IDLE_FIRST, now
            return
        self._idle = IDLE_FIRST if claimed.claims else min(self._idle * 2, IDLE_LONGEST)
        wait = self._idle
        if claimed.next_due is not None:
            wait = min(wait, max(0.0, claimed.next_due.total_seconds()))
        self._claim_at = now + wait

    def _run(self, held: Held, now: float) -> Iterator[Action]:
        """Hand a started job to a child; with none free, it waits as STARTING for the next one."""
        assert self._tasks is not None
        token = held.claim.token
        child = self._slots.holding(token) or self._slots.free(self._tasks[held.claim.task])
        if child is None:
            return
        child.tokens.add(token)
        held.stage, held.since = Stage.RUNNING, now
        yield Run(child.number, held.claim)

    def _end(self, held: Held, outcome: Outcome) -> None:
        """Decide what becomes of the job; the next settle tells the store."""
        token = held.claim.token
        child = self._slots.holding(token)
        if child is not None and held.stage is Stage.STARTING:
            child.tokens.discard(token)
        held.stage = Stage.ENDED
        resolution = resolve(held.claim, outcome, self._rng.random())
        self._finishes[token] = Finish(token, resolution, held.claim.limits)

    def _settled(self, event: SettleAnswered, now: float) -> Iterator[Action]:
        assert self._batch is not None
        batch, self._batch = self._batch, None
        for finish, answer in zip(batch.finishes, event.answers.finished, strict=True):
            self._held.pop(finish.token, None)
            if answer is Answer.LOST:
                yield self._say_lost(finish.token)
        for token, answer in zip(batch.starts, event.answers.started, strict=True):
            held = self._held.get(token)
            if answer is Answer.LOST:
                yield from self._drop(token)
            elif held is not None and held.stage is Stage.STARTING:
                yield from self._started(held, now)

    def _started(self, held: Held, now: float) -> Iterator[Action]:
        """The store has counted the attempt: run it, unless the worker was told to stop in
        between.
        """
        held.claim = replace(held.claim, started=True)
        if self._mode is Mode.WORKING:
            yield from self._run(held, now)
        else:
            self._end(held, Released())

    def _extended(self, event: ExtendAnswered) -> Iterator[Action]:
        for token, answer in zip(event.tokens, event.extended.answers, strict=True):
            held = self._held.get(token)
            if answer is Answer.LOST and held is not None and held.stage is not Stage.ENDED:
                yield self._say_lost(token)
                yield from self._drop(token)
        for held in list(self._held.values()):
            token = held.claim.token
            if held.stage is Stage.RUNNING and token.job_id in event.extended.cancels:
                yield from self._cancel(held)
            elif held.stage is Stage.BUFFERED and held.claim.queue in event.extended.paused:
                self._end(held, Released())

    def _cancel(self, held: Held) -> Iterator[Action]:
        if held.cancelled:
            return
        held.cancelled = True
        yield from self._interrupt(held.claim.token)

    def _interrupt(self, token: Token) -> Iterator[Action]:
        """Stop a job's code: a process is killed, a coroutine is cancelled."""
        child = self._slots.holding(token)
        if child is None:
            return
        if child.executor is Executor.ASYNCIO:
            yield CancelRun(child.number, token)
        else:
            child.killed = True
            yield KillChild(child.number)

    def _drop(self, token: Token) -> Iterator[Action]:
        """The job is somebody else's now: stop the code, forget the claim, record nothing."""
        held = self._held.pop(token, None)
        self._finishes.pop(token, None)
        if held is not None and held.stage is Stage.RUNNING:
            yield from self._interrupt(token)
        elif held is not None and (child := self._slots.holding(token)) is not None:
            child.tokens.discard(token)

    def _rescued(self, claims: tuple[Claim, ...]) -> Iterator[Action]:
        for claim in claims:
            for old in [token for token in self._held if token.job_id == claim.token.job_id]:
                yield from self._drop(old)  # this very worker was away for longer than its lease
            held = self._held[claim.token] = Held(claim, Stage.ENDED)
            started = f"attempt {claim.attempt}" if claim.started else "not yet started"
            yield Say(
                logging.WARNING, f"rescued job {claim.token.job_id} ({claim.task}, {started})"
            )
            self._end(held, Lost())

    # --- trouble

    def _call_failed(self, event: CallFailed, now: float) -> Iterator[Action]:
        self._calls[event.call] = False
        if event.outage:
            if not self._failures:
                yield Say(logging.ERROR, f"the store does not answer: {event.error}")
            self._failures += 1
            self._healthy_since = None
        else:
            yield Say(logging.ERROR, f"{event.call.value} was refused: {event.error}")
            yield from self._refused(event.call)
        # Half an interval at most: after an outage every live worker has spoken up before any may
        # sweep.
        longest = min(RETRY_LONGEST, self._settings.beat_interval / 2)
        wait = min(RETRY_FIRST * 2 ** min(self._failures, 10), longest)
        again = self._repeat_at[event.call] = now + wait * (0.5 + self._rng.random() / 2)
        if event.call is Call.EXTEND:
            self._beat_at = again
        elif event.call is Call.RESCUE:
            self._sweep_at = again
        elif event.call is Call.LEAVE:
            yield Exit(EXIT_OK)

    def _refused(self, call: Call) -> Iterator[Action]:
        """A call that the store refuses for what it says must not block all later ones."""
        if call is not Call.SETTLE or self._batch is None:
            self._claim = self._rescue = None
            return
        batch, self._batch = self._batch, None
        if len(batch.finishes) + len(batch.starts) == 1:
            for token in (*batch.starts, *(finish.token for finish in batch.finishes)):
                yield from self._drop(token)
            return
        self._finishes.update((finish.token, finish) for finish in batch.finishes)
        for token in batch.starts:
            if (held := self._held.get(token)) is not None:
                held.stage = Stage.BUFFERED
                if (child := self._slots.holding(token)) is not None:
                    child.tokens.discard(token)
        self._single = True

    def _say_lost(self, token: Token) -> Say:
        return Say(logging.WARNING, f"lost the lease of job {token.job_id}; its outcome is dropped")

    # --- stopping

    def _stop(self, now: float) -> Iterator[Action]:
        if self._mode is Mode.WORKING:
            self._mode = Mode.STOPPING
            self._deadline = now + self._settings.grace.total_seconds()
            for held in list(self._held.values()):
                if held.stage is Stage.BUFFERED or self._waits_for_child(held):
                    self._end(held, Released())
            running = sum(held.stage is Stage.RUNNING for held in self._held.values())
            yield Say(logging.INFO, f"stopping: {running} running, grace {self._settings.grace}")
        elif self._mode is Mode.STOPPING:
            yield from self._abort(now)

    def _waits_for_child(self, held: Held) -> bool:
        token = held.claim.token
        return (
            held.stage is Stage.STARTING
            and held.claim.started
            and self._slots.holding(token) is None
        )

    def _abort(self, now: float) -> Iterator[Action]:
        self._mode = Mode.ABORTING
        self._deadline = now + FINAL_TRIES
        for child in self._slots.children.values():
            if child.tokens and not child.killed:
                child.killed = True
                yield KillChild(child.number)

    def _passed(self, now: float) -> Iterator[Action]:
        if now < self._deadline:
            return
        if self._mode is Mode.STOPPING:
            yield Say(logging.WARNING, "grace time is over: giving back what still runs")
            yield from self._abort(now)
        elif self._mode is Mode.LEAVING:
            yield Exit(EXIT_OK)
        else:
            yield Say(logging.ERROR, "outcomes could not be recorded; their jobs will be rescued")
            yield Exit(EXIT_STORE)

    # --- what to ask the store next

    def _pump(self, now: float) -> Iterator[Action]:
        if self._tasks is None:
            if self._mode is not Mode.WORKING:
                yield Exit(EXIT_OK)
            return
        for held in [held for held in self._held.values() if self._waits_for_child(held)]:
            yield from self._run(held, now)
        yield from self._pump_settle(now)
        yield from self._pump_claim(now)
        yield from self._pump_beat(now)
        if self._mode in (Mode.STOPPING, Mode.ABORTING) and not self._held and self._claim is None:
            self._mode = Mode.LEAVING
            self._deadline = now + FINAL_TRIES
            yield self._ask(Call.LEAVE, AskLeave())

    def _pump_settle(self, now: float) -> Iterator[Action]:
        if self._busy(Call.SETTLE) or not self._may_repeat(Call.SETTLE, now):
            return
        if self._batch is None:
            finishes = tuple(self._finishes.values())
            starts = tuple(self._startable()) if self._mode is Mode.WORKING else ()
            if self._single:
                finishes, starts = finishes[:1], () if finishes else starts[:1]
            if not finishes and not starts:
                self._single = False
                return
            for finish in finishes:
                del self._finishes[finish.token]
            for token in starts:
                self._held[token].stage = Stage.STARTING
            self._batch = AskSettle(finishes, starts)
        yield self._ask(Call.SETTLE, self._batch)

    def _startable(self) -> Iterator[Token]:
        """Reserved jobs with a free slot, best first; the slot is theirs from here on."""
        assert self._tasks is not None
        for held in self._buffered():
            child = self._slots.free(self._tasks[held.claim.task])
            if child is not None:
                child.tokens.add(held.claim.token)
                yield held.claim.token
                if self._single:
                    return

    def _pump_claim(self, now: float) -> Iterator[Action]:
        """Claim when the buffer has run dry and a slot is free, so that jobs which are never
        buffered get their turn.
        """
        if self._busy(Call.CLAIM) or not self._may_repeat(Call.CLAIM, now):
            return
        if self._claim is None:
            if not self.hungry or now < self._claim_at or self._failures:
                return
            room = self._slots.room()
            self._claim = self._request(room, self._buffer_target())
            self._claimed_at = now
        yield self._ask(Call.CLAIM, AskClaim(self._claim))
        self._claim = replace(self._claim, repeat=True)

    def _pump_beat(self, now: float) -> Iterator[Action]:
        if self._mode is Mode.LEAVING:
            return
        if (
            now >= self._beat_at
            and not self._busy(Call.EXTEND)
            and self._may_repeat(Call.EXTEND, now)
        ):
            self._beat_at = now + self._settings.beat_interval
            yield self._ask(Call.EXTEND, AskExtend(tuple(self._held), self._settings.lease))
        if self._healthy_since is None or self._mode is not Mode.WORKING or now < self._sweep_at:
            return
        if not self._busy(Call.RESCUE) and self._may_repeat(Call.RESCUE, now):
            self._sweep_at = now + self._settings.beat_interval
            self._rescue = self._rescue or self._request(SWEEP_LIMIT, 0)
            yield self._ask(Call.RESCUE, AskRescue(self._rescue))
            self._rescue = replace(self._rescue, repeat=True)
        if not self._busy(Call.EXPIRE) and self._may_repeat(Call.EXPIRE, now):
            yield self._ask(Call.EXPIRE, AskExpire(SWEEP_LIMIT))

    def _request(self, start: int, reserve: int) -> ClaimRequest:
        return ClaimRequest(
            nonce=self._rng.randbytes(NONCE_BYTES),
            worker=self._settings.worker,
            lease=self._settings.lease,
            start=start,
            reserve=reserve,
            queues=self._settings.queues,
        )

    def _ask(self, call: Call, action: Action) -> Action:
        self._calls[call] = True
        self._repeat_at.pop(call, None)
        return action

    def _busy(self, call: Call) -> bool:
        return self._calls.get(call, False)

    def _may_repeat(self, call: Call, now: float) -> bool:
        return now >= self._repeat_at.get(call, 0.0)

    def _buffered(self) -> list[Held]:
        return [held for held in self._held.values() if held.stage is Stage.BUFFERED]

    def _buffer_target(self) -> int:
        """As many jobs as all slots get through within the horizon, going by how long jobs took of
        late.
        """
        if self._run_seconds is None:
            return 0
        ahead = self._slots.capacity() * BUFFER_HORIZON / max(self._run_seconds, 0.0001)
        return min(int(ahead), MAX_BUFFER)

    def _measure(self, seconds: float) -> None:
        """A moving average of run times, quick to rise: one long job is reason enough to reserve
        less.
        """
        known = self._run_seconds
        weight = 0.2 if known is not None and seconds < known else 0.5
        self._run_seconds = seconds if known is None else known + weight * (seconds - known)
