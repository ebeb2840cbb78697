"""Mutants of claim and of paused queues."""

# ruff: noqa: D102 - a verb is the protocol's; what is wrong with it stands in its class

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta

from queuekit.job import (
    NewJob,
)
from queuekit.storage import (
    NONCE_BYTES,
    Claimed,
    ClaimRequest,
    QueueMode,
)
from queuekit_conformance.mutants.base import EachJobChanged, Mutant


class EachClaimChanged(Mutant):
    """Base of those that ask for something else than what was asked."""

    def changed(self, request: ClaimRequest) -> ClaimRequest:
        raise NotImplementedError

    def claim(self, request: ClaimRequest) -> Claimed:
        return self.inner.claim(self.changed(request))


class OneMoreThanAsked(EachClaimChanged):
    """claim(n) returns n + 1."""

    def changed(self, request: ClaimRequest) -> ClaimRequest:
        return replace(request, start=request.start + 1)


class ReserveStarts(EachClaimChanged):
    """Reserved jobs have their attempt counted."""

    def changed(self, request: ClaimRequest) -> ClaimRequest:
        return replace(request, start=request.start + request.reserve, reserve=0)


class LeaseTooShort(EachClaimChanged):
    """A lease ends before its time."""

    def changed(self, request: ClaimRequest) -> ClaimRequest:
        return replace(request, lease=request.lease - timedelta(seconds=2))


class LeaseTooLong(EachClaimChanged):
    """A lease ends a second after its time."""

    def changed(self, request: ClaimRequest) -> ClaimRequest:
        return replace(request, lease=request.lease + timedelta(seconds=1))


class QueuesIgnored(EachClaimChanged):
    """Every claim takes from every queue."""

    def changed(self, request: ClaimRequest) -> ClaimRequest:
        return replace(request, queues=None)


class NonceIgnored(Mutant):
    """A repeated claim takes further jobs."""

    def claim(self, request: ClaimRequest) -> Claimed:
        return self.inner.claim(replace(request, nonce=os.urandom(NONCE_BYTES)))


class QueueCaseBlind(EachJobChanged):
    """Queue names are compared by a collation that folds case."""

    def changed(self, job: NewJob) -> NewJob:
        return replace(job, queue=job.queue.casefold())

    def claim(self, request: ClaimRequest) -> Claimed:
        queues = request.queues and tuple(name.casefold() for name in request.queues)
        return self.inner.claim(replace(request, queues=queues))


class QueuePrefix(Mutant):
    """A queue gives the jobs of all whose names begin with its own."""

    def claim(self, request: ClaimRequest) -> Claimed:
        names = [queue.name for queue in self.inner.queues()]
        asked = request.queues and tuple(
            name for name in names for prefix in request.queues if name.startswith(prefix)
        )
        return self.inner.claim(replace(request, queues=asked))


class AnswerUnsorted(Mutant):
    """The right jobs in the wrong order."""

    def claim(self, request: ClaimRequest) -> Claimed:
        answer = self.inner.claim(request)
        return replace(answer, claims=answer.claims[::-1])


class NextDueOfAllQueues(Mutant):
    """The hint looks at queues that nobody asked for."""

    def claim(self, request: ClaimRequest) -> Claimed:
        answer = self.inner.claim(request)
        everywhere = self.inner.claim(replace(request, start=0, reserve=0, queues=None))
        return replace(answer, next_due=everywhere.next_due)


class PauseIgnored(Mutant):
    """A pause changes nothing for those who claim."""

    def set_queue(
        self, name: str, *, paused: bool | None = None, mode: QueueMode | None = None
    ) -> None:
        self.inner.set_queue(name, paused=None if paused is None else False, mode=mode)


class AbsentModeAccepted(Mutant):
    """A queue takes a mode that its store does not keep."""

    def set_queue(
        self, name: str, *, paused: bool | None = None, mode: QueueMode | None = None
    ) -> None:
        kept = mode if mode is QueueMode.STRICT else None
        self.inner.set_queue(name, paused=paused, mode=kept)


class ResumeAll(Mutant):
    """Resuming one queue resumes all."""

    def set_queue(
        self, name: str, *, paused: bool | None = None, mode: QueueMode | None = None
    ) -> None:
        self.inner.set_queue(name, paused=paused, mode=mode)
        if paused is False:
            for queue in self.inner.queues():
                self.inner.set_queue(queue.name, paused=False)
