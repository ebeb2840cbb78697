"""What a worker does next: a step function `(event, now) -> actions`, with no I/O at all.

The core holds every claim in its `Hand` until the store has answered for its end, and names all of
them in each heartbeat. A lease that the store calls lost leaves the hand at once: its code is
stopped, and what that says later is dropped.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import Enum
from typing import Final

from queuekit.job import Claim, Failure, Token
from queuekit.outcomes import Cancelled, Failed, Lost, Outcome, Released, UnknownTask
from queuekit.storage import MAX_BATCH, NONCE_BYTES, Answer, ClaimRequest, Finished
from queuekit.tasks import Executor
from queuekit.worker.calls import Calls
from queuekit.worker.hand import Hand, Held, Stage
from queuekit.worker.messages import (
    ANSWER_OF,
    Action,
    AskClaim,
    AskExtend,
    AskLeave,
    AskRescue,
    AskTidy,
    Call,
    CallFailed,
    ChildBroken,
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
    Say,
    SettleAnswered,
    StartChild,
    StopAsked,
    StoreChanged,
    TellEnd,
    Tick,
    TidyAnswered,
)
from queuekit.worker.pace import Pace
from queuekit.worker.settings import (
    BROKEN_STARTS,
    BUFFER_PATIENCE,
    FINAL_TRIES,
    RETRY_FIRST,
    RETRY_LONGEST,
    SWEEP_LIMIT,
    WorkerSettings,
)
from queuekit.worker.slots import Slots

EXIT_OK: Final = 0
EXIT_STORE: Final = 3
EXIT_APP: Final = 5

CANCEL_REASON: Final = "cancelled while running"


class Mode(Enum):
    """What the worker is about."""

    WORKING = "working"
    STOPPING = "stopping"
    """Claims nothing more; what runs may end within the grace time."""
    ABORTING = "aborting"
    """Nothing runs any more; what was cut short is given back."""
    LEAVING = "leaving"


class WorkerCore:
    """One worker's state. Call `step` for each event, and again when `next_wake` has come."""

    def __init__(self, settings: WorkerSettings, rng: random.Random) -> None:
        self._settings = settings
        self._rng = rng
        self._slots = Slots(settings.processes, settings.coroutines)
        self._hand = Hand(self._slots, rng)
        self._calls = Calls(settings.beat_interval, rng)
        self._pace = Pace()
        self._tasks: Mapping[str, Executor] | None = None
        self._mode = Mode.WORKING
        self._claim: ClaimRequest | None = None
        self._claim_is_last = False
        self._rescue: ClaimRequest | None = None
        self._beat_at = 0.0
        self._sweep_at = float("inf")
        self._sweeps_due: set[Call] = set()
        self._deadline = float("inf")
        self._exit_code = EXIT_OK
        self._broken_starts = 0
        self._deaths = 0
        self._spawn_at = 0.0

    # --- the step

    def start(self) -> list[Action]:
        """The first actions: one child, to learn what tasks there are."""
        return list(self._staff(0.0))

    def step(self, event: Event, now: float) -> list[Action]:
        """Take in what happened at monotonic time `now`; what to do about it."""
        actions = list(self._take(event, now))
        actions += self._pump(now)
        return actions

    def next_wake(self, now: float) -> float | None:
        """Seconds until `Tick` is due, None if only another event can matter."""
        times = [*self._calls.times(), self._beat_at, self._sweep_at, self._deadline]
        times += [self._spawn_at, *(held.since + BUFFER_PATIENCE for held in self._hand.buffered())]
        if self.hungry:
            times.append(self._pace.claim_at)
        # What is due already was dealt with by the last step, or waits for another event.
        return min((at - now for at in times if now < at < float("inf")), default=None)

    @property
    def hungry(self) -> bool:
        """Whether the worker would claim if there were something: worth watching the store.

        Only with an empty buffer and a free slot, so that jobs which are never buffered get their
        turn.
        """
        return (
            self._mode is Mode.WORKING
            and self._claim is None
            and not self._hand.buffered()
            and self._slots.room() > 0
        )

    def _take(self, event: Event, now: float) -> Iterator[Action]:
        match event:
            case ChildReady():
                yield from self._child_ready(event, now)
            case ChildFinished():
                self._child_finished(event, now)
            case ChildGone():
                yield from self._child_gone(event, now)
            case ChildBroken(_, message):
                yield from self._give_up(message, now)
            case StopAsked():
                yield from self._stop(now)
            case StoreChanged():
                self._pace.provoked()
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
            self._pace.claim_at = self._beat_at = now
            for child in self._slots.need(set(event.tasks.values()) or {Executor.PROCESS}):
                yield KillChild(child.number)

    def _child_finished(self, event: ChildFinished, now: float) -> None:
        held = self._hand.get(event.token)
        self._slots.let_go(event.token)
        if held is None or held.stage is not Stage.RUNNING:
            return  # the lease was lost meanwhile: nobody may hear of it
        self._deaths = 0
        held.seconds = now - held.since
        self._pace.ran(held.seconds)
        cut = held.cancelled and isinstance(event.outcome, Failed)
        self._hand.end(held, Cancelled(CANCEL_REASON) if cut else event.outcome)

    def _child_gone(self, event: ChildGone, now: float) -> Iterator[Action]:
        """Its jobs fail, nobody else's; another child takes its place, at once the first time."""
        child = self._slots.children.pop(event.child, None)
        if child is None:
            return
        for token in child.tokens:
            held = self._hand.get(token)
            if held is not None and held.stage is Stage.RUNNING:
                self._hand.end(held, self._cut_short(held, event.how))
        if child.killed:
            return
        yield Say(logging.WARNING, f"child {child.number} ended unasked: {event.how}")
        self._deaths += 1
        if self._deaths > 1:
            self._spawn_at = now + min(RETRY_FIRST * 2 ** min(self._deaths, 10), RETRY_LONGEST)
        self._broken_starts += not child.ready
        if self._broken_starts >= BROKEN_STARTS:
            yield from self._give_up(f"children die before they are ready: {event.how}", now)

    def _give_up(self, why: str, now: float) -> Iterator[Action]:
        """No child can work: stop, as cleanly as what still runs allows."""
        yield Say(logging.ERROR, why)
        self._exit_code = EXIT_APP
        if self._tasks is None:
            yield Exit(EXIT_APP)
        elif self._mode is Mode.WORKING:
            yield from self._stop(now)

    def _cut_short(self, held: Held, how: str) -> Outcome:
        if self._mode is Mode.ABORTING:
            return Released()
        if held.cancelled:
            return Cancelled(CANCEL_REASON)
        return Failed(Failure("WorkerChildDied", f"the process that ran the job ended: {how}"))

    # --- answers of the store

    def _answered(self, event: Event, now: float) -> Iterator[Action]:
        if self._calls.healthy_since is None:
            # After an outage the leases of live workers have run out, and their holders come first.
            self._sweep_at = now + self._settings.beat_interval
        if self._calls.answered(ANSWER_OF[type(event)], now):
            yield Say(logging.INFO, "the store answers again")
        match event:
            case ClaimAnswered(claimed):
                assert self._claim is not None, "an answer has a question"
                self._pace.claimed(self._claim, claimed, now)
                self._claim = None
                yield from self._claimed(claimed.claims, now)
                if self._claim_is_last and not claimed.claims and not claimed.more:
                    yield Say(logging.INFO, "no due job is left")
                    yield from self._stop(now)
            case SettleAnswered(answers):
                yield from self._settled(answers, now)
            case ExtendAnswered():
                yield from self._extended(event)
                if now >= self._sweep_at:
                    # Right after its own leases were extended, whatever the store's clock did.
                    self._sweep_at = self._beat_at
                    self._sweeps_due = {Call.RESCUE, Call.TIDY}
            case RescueAnswered(claims):
                self._rescue = None
                yield from self._rescued(claims, now)
                if len(claims) == SWEEP_LIMIT:
                    self._sweeps_due.add(Call.RESCUE)
            case TidyAnswered(more):
                self._sweeps_due |= {Call.TIDY} if more else set()
            case LeaveAnswered():
                yield Exit(self._exit_code)

    def _claimed(self, claims: tuple[Claim, ...], now: float) -> Iterator[Action]:
        assert self._tasks is not None, "nothing is claimed before the tasks are known"
        for claim in claims:
            stage = Stage.STARTING if claim.started else Stage.BUFFERED
            held = self._hand.take(claim, stage, now)
            if self._mode is not Mode.WORKING:
                self._hand.end(held, Released())
            elif claim.task not in self._tasks:
                job = claim.token.job_id
                yield Say(logging.WARNING, f"no task {claim.task!r} here; job {job} is given back")
                self._hand.end(held, UnknownTask())
            elif claim.started:
                yield from self._hand.run(held, self._tasks[claim.task], now)

    def _settled(self, answers: Finished, now: float) -> Iterator[Action]:
        batch, ended = self._hand.settled()
        for finish, held, answer in zip(batch.finishes, ended, answers.finished, strict=True):
            if answer is Answer.LOST:
                yield _say_lost(finish.token)
            elif held is not None and held.claim.started:
                yield TellEnd(held.claim, finish.resolution, held.seconds)
        for token, answer in zip(batch.starts, answers.started, strict=True):
            held = self._hand.get(token)
            if answer is Answer.LOST:
                yield from self._hand.drop(token)
            elif held is not None and held.stage is Stage.STARTING:
                yield from self._started(held, now)

    def _started(self, held: Held, now: float) -> Iterator[Action]:
        """The attempt is counted: run it, unless the worker was told to stop in between."""
        assert self._tasks is not None, "nothing is started before the tasks are known"
        held.claim = replace(held.claim, started=True)
        if self._mode is Mode.WORKING:
            yield from self._hand.run(held, self._tasks[held.claim.task], now)
        else:
            self._hand.end(held, Released())

    def _extended(self, event: ExtendAnswered) -> Iterator[Action]:
        for token, answer in zip(event.tokens, event.extended.answers, strict=True):
            held = self._hand.get(token)
            if answer is Answer.LOST and held is not None and held.stage is not Stage.ENDED:
                yield _say_lost(token)
                yield from self._hand.drop(token)
        for held in self._hand:
            token = held.claim.token
            if held.stage is Stage.RUNNING and token.job_id in event.extended.cancels:
                if not held.cancelled:
                    held.cancelled = True
                    yield from self._hand.interrupt(token)
            elif held.stage is Stage.BUFFERED and held.claim.queue in event.extended.paused:
                self._hand.end(held, Released())

    def _rescued(self, claims: tuple[Claim, ...], now: float) -> Iterator[Action]:
        for claim in claims:
            job_id = claim.token.job_id
            for old in [token for token in self._hand.tokens() if token.job_id == job_id]:
                yield from self._hand.drop(old)  # this very worker was away longer than its lease
            started = f"attempt {claim.attempt}" if claim.started else "not yet started"
            yield Say(logging.WARNING, f"rescued job {job_id} ({claim.task}, {started})")
            self._hand.end(self._hand.take(claim, Stage.ENDED, now), Lost())

    def _call_failed(self, event: CallFailed, now: float) -> Iterator[Action]:
        if not event.outage:
            yield Say(logging.ERROR, f"{event.call.value} was refused: {event.error}")
        elif not self._calls.failing:
            yield Say(logging.ERROR, f"the store does not answer: {event.error}")
        if event.outage:
            self._sweep_at, self._sweeps_due = float("inf"), set()
        again = self._calls.failed(event.call, now, outage=event.outage)
        match event.call:
            case Call.SETTLE if not event.outage:
                yield from self._hand.refused()
            case Call.CLAIM if not event.outage:
                self._claim = None
            case Call.RESCUE if not event.outage:
                self._rescue = None
            case Call.EXTEND:
                self._beat_at = again
            case Call.LEAVE:
                yield Exit(self._exit_code)

    # --- stopping

    def _stop(self, now: float) -> Iterator[Action]:
        if self._mode is Mode.WORKING:
            self._mode = Mode.STOPPING
            self._deadline = now + self._settings.grace.total_seconds()
            for held in self._hand.waiting_for_a_child():
                self._hand.end(held, Released())
            running = self._hand.running()
            yield Say(logging.INFO, f"stopping: {running} running, grace {self._settings.grace}")
        elif self._mode is Mode.STOPPING:
            yield from self._abort(now)

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
        if self._mode is Mode.STOPPING and self._hand:
            yield Say(logging.WARNING, "grace time is over: giving back what still runs")
            yield from self._abort(now)
        elif self._mode is Mode.LEAVING:
            yield Exit(self._exit_code)
        else:
            yield Say(logging.ERROR, "outcomes could not be recorded; their jobs will be rescued")
            yield Exit(EXIT_STORE)

    # --- what to ask the store next

    def _pump(self, now: float) -> Iterator[Action]:
        yield from self._staff(now)
        if self._tasks is None:
            if self._mode is not Mode.WORKING:
                yield Exit(EXIT_OK)
            return
        self._give_back(now)
        for held in self._hand.waiting_for_a_child():
            yield from self._hand.run(held, self._tasks[held.claim.task], now)
        yield from self._ask_settle(self._tasks, now)
        yield from self._ask_claim(now)
        if self._mode is not Mode.LEAVING:
            yield from self._ask_extend(now)
        if self._mode is Mode.WORKING:
            yield from self._ask_sweep(now)
        if self._mode in (Mode.STOPPING, Mode.ABORTING) and not self._hand:
            yield from self._leave(now)

    def _staff(self, now: float) -> Iterator[Action]:
        """Start the children that are missing, unless they keep dying."""
        if self._mode is not Mode.WORKING or now < self._spawn_at:
            return
        for child in self._slots.missing():
            yield StartChild(child.number, child.executor)

    def _give_back(self, now: float) -> None:
        """Reserved jobs that cannot start soon are for others to run."""
        for held in self._hand.buffered():
            if self._mode is not Mode.WORKING:
                self._hand.end(held, Released())
            elif now - held.since >= BUFFER_PATIENCE:
                self._pace.stuck(now - held.since)
                self._hand.end(held, Released())

    def _leave(self, now: float) -> Iterator[Action]:
        """Nothing is held any more: say goodbye, but wait for no answer for ever."""
        self._deadline = min(self._deadline, now + FINAL_TRIES)
        if not self._claim:
            self._mode = Mode.LEAVING
            self._calls.begin(Call.LEAVE)
            yield AskLeave()

    def _ask_settle(self, tasks: Mapping[str, Executor], now: float) -> Iterator[Action]:
        if not self._calls.may(Call.SETTLE, now):
            return
        batch = self._hand.next_batch(tasks, may_start=self._mode is Mode.WORKING)
        if batch is not None:
            self._calls.begin(Call.SETTLE)
            yield batch

    def _ask_claim(self, now: float) -> Iterator[Action]:
        if not self._calls.may(Call.CLAIM, now):
            return
        if self._claim is None:
            if not self.hungry or now < self._pace.claim_at or self._calls.failing:
                return
            reserve = self._pace.reserve(self._slots.capacity())
            self._claim = self._request(min(self._slots.room(), MAX_BATCH - reserve), reserve)
            self._pace.claiming(now)
            # Asked while a job ran, an empty answer would miss what that job enqueues.
            self._claim_is_last = self._settings.burst and not self._hand
        self._calls.begin(Call.CLAIM)
        yield AskClaim(self._claim)
        self._claim = replace(self._claim, repeat=True)

    def _ask_extend(self, now: float) -> Iterator[Action]:
        if now >= min(self._beat_at, self._sweep_at) and self._calls.may(Call.EXTEND, now):
            self._beat_at = now + self._settings.beat_interval
            self._calls.begin(Call.EXTEND)
            yield AskExtend(self._hand.tokens(), self._settings.lease)

    def _ask_sweep(self, now: float) -> Iterator[Action]:
        """Rescue, expire and prune; each heartbeat makes them due."""
        if Call.RESCUE in self._sweeps_due and self._calls.may(Call.RESCUE, now):
            self._sweeps_due.discard(Call.RESCUE)
            self._rescue = self._rescue or self._request(SWEEP_LIMIT, 0)
            self._calls.begin(Call.RESCUE)
            yield AskRescue(self._rescue)
            self._rescue = replace(self._rescue, repeat=True)
        if Call.TIDY in self._sweeps_due and self._calls.may(Call.TIDY, now):
            self._sweeps_due.discard(Call.TIDY)
            self._calls.begin(Call.TIDY)
            yield AskTidy()

    def _request(self, start: int, reserve: int) -> ClaimRequest:
        return ClaimRequest(
            nonce=self._rng.randbytes(NONCE_BYTES),
            worker=self._settings.worker,
            lease=self._settings.lease,
            start=start,
            reserve=reserve,
            queues=self._settings.queues,
        )


def _say_lost(token: Token) -> Say:
    return Say(logging.WARNING, f"lost the lease of job {token.job_id}; its outcome is dropped")
