"""A seeded random walk that drives a store and a model alike, and compares all that can be seen.

The same verbs with the same ids, nonces and tokens go to both; after each step their answers and
their whole visible state must be equal. Three things make a short walk find much:

- the draws are weighted, so that sending, claiming and travelling dominate;
- time is aimed at the next boundary (due, lease, expiry), or at just before it;
- at the end everything is drained, so that a job which got lost on the way is missed.

Each store reads its own clock, and real time passes between one verb and the next. So all times of
a walk are multiples of `UNIT`, which no walk comes near to taking, and instants are compared in
units: what is left is decided by the order of the steps alone. Draws come from `random.Random`: a
seed is a walk, on every machine.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from queuekit.errors import QueuekitError
from queuekit.job import (
    FINAL_STATES,
    Claim,
    JobState,
    NewJob,
    Parent,
    ParentPolicy,
    Phase,
    Resolution,
    StoredJob,
    Token,
    uuid7,
)
from queuekit.memory import open_memory
from queuekit.retry import Backoff
from queuekit.storage import (
    NONCE_BYTES,
    Change,
    ClaimRequest,
    Finish,
    JobFilter,
    OpenOptions,
    SupportsTravel,
    WorkerBeat,
)
from queuekit_conformance import steps
from queuekit_conformance.steps import TravellingStore, all_jobs

UNIT: Final = timedelta(seconds=1000)
"""All delays, leases and travels of a walk are multiples of this."""

QUEUES: Final = ("a", "A", "b")
WORKERS: Final = ("w1", "w2")
BOUND: Final = 100
"""Asked of verbs that may choose among equals: more than there are, so that none is chosen."""

Act = Callable[[TravellingStore], object]


class Diverged(AssertionError):
    """The store and the model could be told apart."""


def open_model() -> TravellingStore:
    """A fresh memory store, which is the contract written down plainly."""
    store = open_memory("memory://", OpenOptions(testing=True))
    assert isinstance(store, SupportsTravel)
    return store


class Walk:
    """One walk. The model's answers are kept so that the next draws can aim at something."""

    def __init__(self, store: TravellingStore, model: TravellingStore, seed: int) -> None:
        self.store, self.model, self.seed = store, model, seed
        self.rng = random.Random(seed)
        self.graphs = bool(store.capabilities.graphs and model.capabilities.graphs)
        self.starts = {id(side): side.info().now for side in (store, model)}
        self.trail: list[str] = []
        self.theirs: dict[Token, Token] = {}
        self.sent: list[NewJob] = []
        self.held: dict[UUID, Claim] = {}
        self.running: set[Token] = set()
        self.spent: list[Finish] = []
        self.requests: list[ClaimRequest] = []

    def run(self, n: int) -> None:
        """Take `n` steps, then drain."""
        names, weights = zip(*WEIGHTS.items(), strict=True)
        for name in self.rng.choices(names, weights, k=n):
            getattr(self, f"_{name}")()
            self._compare_state()
        self._drain()

    # ------------------------------------------------------------ both alike

    def _both(self, label: str, act: Act) -> Any:
        """Do one thing to both sides, compare the answers, and give the model's."""
        self.trail.append(label)
        theirs, ours = self._answer(self.store, act), self._answer(self.model, act)
        self._same("answers", theirs[0], ours[0])
        return ours[1]

    def _answer(self, side: TravellingStore, act: Act) -> tuple[object, object]:
        try:
            answer = act(side)
        except (QueuekitError, ValueError) as refusal:
            return type(refusal).__name__, None
        return self._plain(side, answer), answer

    def _compare_state(self) -> None:
        """All jobs, queues and workers, and the history of what has just ended."""
        sides = (self.store, self.model)
        theirs, ours = (self._plain(side, all_jobs(side)) for side in sides)
        self._same("jobs", theirs, ours)
        theirs, ours = (self._plain(side, [side.queues(), side.workers()]) for side in sides)
        self._same("queues and workers", theirs, ours)
        for ended in self.spent[-3:]:
            self._compare_history(ended.token.job_id)

    def _compare_history(self, job_id: UUID) -> None:
        sides = (self.store, self.model)
        theirs, ours = (self._plain(side, side.history(job_id)) for side in sides)
        self._same("history", theirs, ours)

    def _same(self, what: str, theirs: object, ours: object) -> None:
        if theirs == ours:
            return
        found = "\n  ".join(_differences(what, theirs, ours))
        tail = "\n  ".join(self.trail[-12:])
        raise Diverged(
            f"walk {self.seed}, step {len(self.trail)}:\n  {found}\nlast steps:\n  {tail}"
        )

    def _plain(self, side: TravellingStore, value: object) -> object:
        """What can be compared of an answer: times in units since the walk began."""
        match value:
            case datetime():
                return _halves(value - self.starts[id(side)])
            case timedelta():
                return _halves(value)
            case Backoff():
                return value.dump()
            case Token():
                return value.job_id, value.fence
            case StoredJob() if value.state in FINAL_STATES:
                return self._fields(side, value) | {"blockers": 0}
            case Mapping():
                return {key: n for key, n in value.items() if n}
            case tuple() | list():
                return [self._plain(side, item) for item in value]
            case _ if is_dataclass(value):
                return self._fields(side, value)
            case _:
                return value

    def _fields(self, side: TravellingStore, value: Any) -> dict[str, object]:
        return {f.name: self._plain(side, getattr(value, f.name)) for f in fields(value)}

    def _token(self, side: TravellingStore, token: Token) -> Token:
        """The side's own form of a token that is known by the model's."""
        return token if side is self.model else self.theirs.get(token, token)

    # ------------------------------------------------------------ sending

    def _enqueue(self) -> None:
        jobs: list[NewJob] = []
        for _ in range(self.rng.choice((1, 1, 1, 2, 5))):
            jobs.append(self._new_job(jobs))
        self.sent += jobs
        self._both(f"enqueue {[_short(job.id) for job in jobs]}", lambda side: side.enqueue(jobs))

    def _new_job(self, batch: Sequence[NewJob]) -> NewJob:
        rng = self.rng
        known = [job.id for job in (*self.sent[-12:], *batch)]
        parents = rng.sample(known, min(len(known), rng.choice((1, 1, 2))))
        blocked = self.graphs and rng.random() < 0.25
        return NewJob(
            id=uuid7(rng.getrandbits(41), rng.randbytes(10)),
            task=rng.choice(("t", "u")),
            payload=str(rng.getrandbits(70)),
            queue=rng.choice(QUEUES),
            priority=rng.choice((0, 0, 0, 1, -1, 2, 10)),
            due=self._some_due(),
            expires=UNIT * rng.randint(1, 4) if rng.random() < 0.5 else None,
            max_attempts=rng.randint(1, 3),
            parents=tuple(Parent(p, rng.choice(tuple(ParentPolicy))) for p in parents)
            if blocked
            else (),
            tags=rng.choice(((), ("x",), ("x", "y"))),
            armed=not self.graphs or rng.random() > 0.08,
        )

    def _some_due(self) -> timedelta | datetime | None:
        """Now, a delay, or an instant: half a unit off, so that no delay ever falls on it."""
        kind = self.rng.choice(("now", "now", "delay", "instant"))
        if kind == "now":
            return None
        if kind == "delay":
            return UNIT * self.rng.randint(0, 4)
        start = self.starts[id(self.model)]
        units = (self.model.info().now - start) // UNIT + self.rng.randint(-2, 3)
        return start + UNIT * (units + 0.5)

    def _enqueue_again(self) -> None:
        if self.sent:
            job = self.rng.choice(self.sent)
            self._both(f"enqueue {_short(job.id)} again", lambda side: side.enqueue([job]))

    def _arm(self) -> None:
        ids = self._some_ids()
        if self.graphs:
            self._both(f"arm {_shorts(ids)}", lambda side: side.arm(ids))

    # ------------------------------------------------------------ running

    def _claim(self) -> None:
        rng = self.rng
        asked = ClaimRequest(
            nonce=rng.randbytes(NONCE_BYTES),
            worker=rng.choice(WORKERS),
            lease=UNIT * rng.randint(1, 3),
            start=rng.randint(0, 3),
            reserve=rng.choice((0, 0, 1, 2)),
            queues=rng.choice((None, None, ("a",), ("b", "a"), ("A",))),
        )
        self._claim_with(asked)

    def _claim_again(self) -> None:
        if self.requests:
            self._claim_with(self.rng.choice(self.requests[-4:]))

    def _claim_with(self, asked: ClaimRequest) -> None:
        claims: dict[int, Sequence[Claim]] = {}

        calls: list[int] = []

        def ask(side: TravellingStore) -> object:
            claims[id(side)], next_due, n = _claim_all(side, asked)
            calls.append(n)
            return claims[id(side)], next_due

        label = f"claim {asked.start}+{asked.reserve} of {asked.queues} as {asked.nonce.hex()[:4]}"
        self._both(label, ask)
        self._take(claims[id(self.model)], claims[id(self.store)])
        if calls == [1, 1] and claims[id(self.model)]:
            # More calls had more nonces, and none of those gives the whole again. And a call that
            # found nothing left nothing to be known by: asking again may as well find something.
            self.requests.append(asked)
        self._expire()  # a claim ends the expired jobs that it meets; how many, is its own affair

    def _rescue(self) -> None:
        asked = ClaimRequest(
            self.rng.randbytes(NONCE_BYTES), "rescuer", UNIT * self.rng.randint(1, 3), BOUND
        )
        taken = self._both("rescue", lambda side: sorted(side.rescue(asked), key=_job_id))
        self._take(taken, taken)

    def _take(self, claims: Sequence[Claim], theirs: Sequence[Claim]) -> None:
        for one, other in zip(claims, theirs, strict=True):
            self.theirs[one.token] = other.token
            self.held[one.token.job_id] = one
            if one.started:
                self.running.add(one.token)

    def _finish(self) -> None:
        chosen = self.rng.sample(sorted(self.held.values(), key=_job_id), min(len(self.held), 2))
        finishes = [Finish(one.token, self._some_resolution(one)) for one in chosen]
        if self.spent and self.rng.random() < 0.25:
            finishes.append(self._stale({one.token for one in chosen}))
        starts = [
            one.token
            for one in self.held.values()
            if one.token not in self.running and one not in chosen and self.rng.random() < 0.4
        ]
        label = f"finish {[(f.resolution.move.value, _short(f.token.job_id)) for f in finishes]}"
        self._both(
            f"{label} start {_shorts([token.job_id for token in starts])}",
            lambda side: self._finish_on(side, finishes, starts),
        )
        self.running |= set(starts)
        self.spent += finishes
        for one in chosen:
            del self.held[one.token.job_id]

    def _finish_on(
        self, side: TravellingStore, finishes: Sequence[Finish], starts: Sequence[Token] = ()
    ) -> object:
        return side.finish(
            [Finish(self._token(side, one.token), one.resolution) for one in finishes],
            [self._token(side, token) for token in starts],
        )

    def _stale(self, taken: set[Token]) -> Finish:
        """A repeat of an earlier finish, or another use of its token."""
        first = self.rng.choice(self.spent)
        if first.token in taken or self.rng.random() < 0.5:
            return first
        return Finish(first.token, steps.complete('"stale"'))

    def _some_resolution(self, one: Claim) -> Resolution:
        delay = UNIT * self.rng.randint(0, 3)
        if one.token not in self.running:
            return self.rng.choice((steps.release(), steps.unknown_task(delay)))
        choices = (
            steps.complete(str(self.rng.getrandbits(8))),
            steps.complete(),
            steps.retry(delay),
            steps.retry(delay),
            steps.lost(delay),
            steps.snooze(delay),
            steps.release(),
            steps.discard(),
            steps.cancel(),
        )
        return self.rng.choice(choices)

    def _extend(self) -> None:
        tokens = [one.token for one in self.held.values()]
        tokens += [ended.token for ended in self.spent[-2:]]
        beat, lease = WorkerBeat(self.rng.choice(WORKERS)), UNIT * self.rng.randint(1, 3)
        self._both(
            f"extend by {beat.id}",
            lambda side: side.extend(beat, [self._token(side, token) for token in tokens], lease),
        )

    def _leave(self) -> None:
        worker = self.rng.choice(WORKERS)
        self._both(f"leave {worker}", lambda side: side.leave(worker))

    def _progress(self) -> None:
        tokens = [*(one.token for one in self.held.values()), *(f.token for f in self.spent[-2:])]
        running = [token for token in tokens if token in self.running]
        if running:
            token, text = self.rng.choice(running), str(self.rng.getrandbits(8))
            self._both(
                f"progress {text}", lambda side: side.progress(self._token(side, token), text)
            )

    # ------------------------------------------------------------ time

    def _travel(self) -> None:
        """Go to the next boundary, to a unit before it, or anywhere near."""
        now = self.model.info().now
        ahead = sorted(
            {
                round((at - now) / UNIT)
                for job in all_jobs(self.model)
                if job.phase is not Phase.FINAL
                for at in (job.run_at, job.lease_until, job.expires_at)
                if at is not None and at > now + UNIT / 4
            }
        )
        if ahead and self.rng.random() < 0.8:
            units = max(1, ahead[0] - self.rng.choice((0, 0, 0, 1)))
        else:
            units = self.rng.randint(1, 3)
        self._both(f"travel {units}", lambda side: side.travel(UNIT * units))

    # ------------------------------------------------------------ control

    def _some_ids(self) -> list[UUID]:
        """A few jobs, of which one may not be there."""
        recent = [job.id for job in self.sent[-15:]]
        chosen = self.rng.sample(recent, min(len(recent), 2))
        return [*chosen, uuid7(0, self.rng.randbytes(10))] if self.rng.random() < 0.1 else chosen

    def _cancel(self) -> None:
        ids = self._some_ids()
        self._both(f"cancel {_shorts(ids)}", lambda side: side.cancel(ids, "walk"))

    def _discard(self) -> None:
        ids = self._some_ids()
        self._both(f"discard {_shorts(ids)}", lambda side: side.discard(ids, "walk"))

    def _rerun(self) -> None:
        ids = self._some_ids()
        self._both(f"rerun {_shorts(ids)}", lambda side: side.rerun(ids))

    def _amend(self) -> None:
        ids, rng = self._some_ids(), self.rng
        change = Change(
            due=self._some_due() if rng.random() < 0.5 else None,
            priority=rng.choice((None, 0, 5)),
            queue=rng.choice((None, None, *QUEUES)),
        )
        label = f"amend {_shorts(ids)} {self._plain(self.model, change)}"
        self._both(label, lambda side: side.amend(ids, change))

    def _pause(self) -> None:
        name, paused = self.rng.choice(QUEUES), self.rng.random() < 0.4
        label = f"pause {name}" if paused else f"resume {name}"
        self._both(label, lambda side: side.set_queue(name, paused=paused))

    def _expire(self) -> None:
        self._both("expire", lambda side: side.expire(BOUND) and None)

    def _purge(self) -> None:
        name = self.rng.choice(QUEUES)
        self._both(f"purge {name}", lambda side: side.purge(name, BOUND))

    def _prune(self) -> None:
        states = frozenset(self.rng.sample(sorted(FINAL_STATES), self.rng.randint(1, 3)))
        age = UNIT * self.rng.randint(0, 4)
        self._both(f"prune {sorted(states)}", lambda side: side.prune(states, age, BOUND))

    # ------------------------------------------------------------ reading

    def _list(self) -> None:
        rng = self.rng
        where = JobFilter(
            states=frozenset(rng.sample(sorted(JobState), rng.choice((0, 1, 3)))),
            queue=rng.choice((None, *QUEUES)),
            task=rng.choice((None, "t", "T")),
            tag=rng.choice((None, "x", "y")),
        )
        size, bound = rng.randint(1, 4), rng.randint(1, 20)
        self._both(f"list {where}", lambda side: all_jobs(side, where, size))
        self._both(f"count {where}", lambda side: _counted(side, where, bound))

    # ------------------------------------------------------------ the end

    def _drain(self) -> None:
        """Run everything to its end: nothing may be left over, and nothing missing."""
        self._both("resume all", _resume_all)
        ids = [job.id for job in self.sent]
        if self.graphs:
            self._both("arm all", lambda side: side.arm(ids))
        for _ in range(len(self.sent) + 2):
            self._both("travel 10", lambda side: side.travel(UNIT * 10))
            self._rescue()
            self._drain_held()
            self._claim_with(
                ClaimRequest(self.rng.randbytes(NONCE_BYTES), "w1", UNIT, BOUND, queues=None)
            )
            self._drain_held()
            self._compare_state()
            if not self._live():
                break
        assert not self._live(), f"walk {self.seed}: never final: {self._live()}"
        for job_id in ids:
            self._compare_history(job_id)

    def _live(self) -> list[StoredJob]:
        return [job for job in all_jobs(self.model) if job.state not in FINAL_STATES]

    def _drain_held(self) -> None:
        finishes = [
            Finish(
                one.token,
                steps.complete() if one.token in self.running else steps.release(),
            )
            for one in self.held.values()
        ]
        self._both("finish all", lambda side: self._finish_on(side, finishes))
        self.held.clear()


WEIGHTS: Final = {
    "enqueue": 20,
    "claim": 20,
    "travel": 16,
    "finish": 22,
    "rescue": 6,
    "extend": 5,
    "cancel": 4,
    "rerun": 4,
    "amend": 4,
    "pause": 3,
    "list": 3,
    "claim_again": 2,
    "enqueue_again": 2,
    "arm": 3,
    "discard": 1,
    "expire": 2,
    "progress": 1,
    "leave": 1,
    "purge": 1,
    "prune": 1,
}
"""How often each verb is drawn."""


def _resume_all(side: TravellingStore) -> None:
    for name in QUEUES:
        side.set_queue(name, paused=False)


def _claim_all(
    side: TravellingStore, asked: ClaimRequest
) -> tuple[list[Claim], timedelta | None, int]:
    """A claim, asked again while there may be more: its jobs, `next_due`, and how many calls."""
    got: list[Claim] = []
    nonce = asked.nonce
    for n in itertools.count(1):
        started = sum(one.started for one in got)
        rest = replace(
            asked,
            nonce=nonce,
            start=asked.start - started,
            reserve=asked.reserve - len(got) + started,
        )
        answer = side.claim(rest)
        got += answer.claims
        if not answer.more or len(got) == asked.start + asked.reserve:
            return got, answer.next_due, n
        nonce = hashlib.blake2b(nonce, digest_size=NONCE_BYTES).digest()
    raise AssertionError("unreachable")


def _differences(where: str, theirs: object, ours: object) -> list[str]:
    """Each place where two plain values differ."""
    if theirs == ours:
        return []
    if isinstance(theirs, dict) and isinstance(ours, dict) and theirs.keys() == ours.keys():
        return [
            line for key in ours for line in _differences(f"{where}.{key}", theirs[key], ours[key])
        ]
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        return [
            line
            for n, (their, our) in enumerate(zip(theirs, ours, strict=True))
            for line in _differences(f"{where}[{n}]", their, our)
        ]
    return [f"{where}: store {theirs}, model {ours}"]


def _halves(duration: timedelta) -> float:
    """A duration in units, to the nearest half."""
    return round(duration / UNIT * 2) / 2


def _counted(side: TravellingStore, where: JobFilter, bound: int) -> object:
    """A count; at the bound itself a store may know that it is exact, or not."""
    count = side.count(where, bound)
    return count.n if count.n == bound else count


def _job_id(one: Claim) -> UUID:
    return one.token.job_id


def _short(job_id: UUID) -> str:
    """Enough of an id to tell the jobs of a walk apart."""
    return job_id.hex[-4:]


def _shorts(ids: Sequence[UUID]) -> list[str]:
    return [_short(job_id) for job_id in ids]
