"""Mutants of leases, heartbeats, rescues and tokens."""

# ruff: noqa: D102 - a verb is the protocol's; what is wrong with it stands in its class

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from queuekit.job import Attempt, AttemptOutcome, Claim, Token
from queuekit.storage import (
    Answer,
    Claimed,
    ClaimRequest,
    Extended,
    Finish,
    Finished,
    WorkerBeat,
)
from queuekit_conformance.mutants.base import Mutant
from queuekit_conformance.steps import TravellingStore


class Fenceless(Mutant):
    """Base of those that take any token for the one that holds."""

    def __init__(self, inner: TravellingStore) -> None:
        super().__init__(inner)
        self.holders: dict[UUID, Token] = {}

    def noted(self, claims: Sequence[Claim]) -> None:
        self.holders |= {one.token.job_id: one.token for one in claims}

    def holding(self, token: Token) -> Token:
        return self.holders.get(token.job_id, token)

    def claim(self, request: ClaimRequest) -> Claimed:
        answer = self.inner.claim(request)
        self.noted(answer.claims)
        return answer

    def rescue(self, request: ClaimRequest) -> tuple[Claim, ...]:
        claims = self.inner.rescue(request)
        self.noted(claims)
        return claims


class FinishByIdAlone(Fenceless):
    """A finish looks at the job and not at the token."""

    def finish(self, finishes: Sequence[Finish], starts: Sequence[Token] = ()) -> Finished:
        return self.inner.finish(
            [replace(one, token=self.holding(one.token)) for one in finishes], starts
        )


class StartByIdAlone(Fenceless):
    """A start looks at the job and not at the token."""

    def finish(self, finishes: Sequence[Finish], starts: Sequence[Token] = ()) -> Finished:
        return self.inner.finish(finishes, [self.holding(token) for token in starts])


class ProgressByIdAlone(Fenceless):
    """Progress looks at the job and not at the token."""

    def progress(self, token: Token, progress: str, log: Sequence[str] = ()) -> Answer:
        return self.inner.progress(self.holding(token), progress, log)


class ExtendByIdAlone(Fenceless):
    """A heartbeat moves the lease of whoever holds the job now."""

    def extend(self, beat: WorkerBeat, tokens: Sequence[Token], lease: timedelta) -> Extended:
        return self.inner.extend(beat, [self.holding(token) for token in tokens], lease)


class StaleExtendAccepted(Mutant):
    """A stale heartbeat is told that all is well."""

    def extend(self, beat: WorkerBeat, tokens: Sequence[Token], lease: timedelta) -> Extended:
        answer = self.inner.extend(beat, tokens, lease)
        return replace(answer, answers=(Answer.DONE,) * len(answer.answers))


class ExtendForgotten(Mutant):
    """A heartbeat is answered, and moves nothing."""

    def extend(self, beat: WorkerBeat, tokens: Sequence[Token], lease: timedelta) -> Extended:
        answer = self.inner.extend(beat, [], lease)
        return replace(answer, answers=(Answer.DONE,) * len(tokens))


class LeaseNeverExpires(Mutant):
    """Nobody takes over from the dead."""

    def rescue(self, request: ClaimRequest) -> tuple[Claim, ...]:
        del request
        return ()


class RescueTakesAll(Mutant):
    """A rescue takes over more than it was asked for."""

    def rescue(self, request: ClaimRequest) -> tuple[Claim, ...]:
        return self.inner.rescue(replace(request, start=request.start + 5))


class RescueSaysStarted(Mutant):
    """A reservation that ran out passes for a crash."""

    def rescue(self, request: ClaimRequest) -> tuple[Claim, ...]:
        return tuple(replace(one, started=True) for one in self.inner.rescue(request))


class RescuerTakesTheBlame(Mutant):
    """History names the rescuer as the one who ran the lost attempt."""

    rescuer = ""

    def rescue(self, request: ClaimRequest) -> tuple[Claim, ...]:
        self.rescuer = request.worker
        return self.inner.rescue(request)

    def history(self, job_id: UUID) -> tuple[Attempt, ...]:
        return tuple(
            replace(line, worker=self.rescuer) if line.outcome is AttemptOutcome.LOST else line
            for line in self.inner.history(job_id)
        )


class CancelNotCarried(Mutant):
    """Workers never hear of cancels."""

    def extend(self, beat: WorkerBeat, tokens: Sequence[Token], lease: timedelta) -> Extended:
        return replace(self.inner.extend(beat, tokens, lease), cancels=frozenset())


class LeaveForgetsNothing(Mutant):
    """Workers that said goodbye are listed for ever."""

    def leave(self, worker: str) -> None:
        """Nothing."""


class ExpiredLeaseRefused(Mutant):
    """A lease that ran out is dead before anybody has taken it over."""

    def finish(self, finishes: Sequence[Finish], starts: Sequence[Token] = ()) -> Finished:
        now = self.inner.info().now
        answers = []
        for one in finishes:
            (job,) = self.inner.get([one.token.job_id])
            late = job is not None and job.lease_until is not None and job.lease_until < now
            answers.append(Answer.LOST if late else self.inner.finish([one]).finished[0])
        return replace(self.inner.finish([], starts), finished=tuple(answers))
