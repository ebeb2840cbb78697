"""What a running job can know about itself."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from queuekit.job import Claim


@dataclass(frozen=True, slots=True)
class Context:
    """The job that runs here and now.

    `attempt` counts from 1. `fence` grows with every claim of the job: pass it on to writes of your
    own, and let the other side refuse a smaller one than it has seen, to shut out a worker that
    lost its lease without noticing.
    """

    job_id: UUID
    task: str
    queue: str
    attempt: int
    max_attempts: int
    fence: int
    tags: tuple[str, ...] = ()

    @classmethod
    def of(cls, claim: Claim) -> Context:
        """The context of a claimed job."""
        return cls(
            job_id=claim.token.job_id,
            task=claim.task,
            queue=claim.queue,
            attempt=claim.attempt,
            max_attempts=claim.max_attempts,
            fence=claim.token.fence,
            tags=claim.tags,
        )

    @classmethod
    def current(cls) -> Context:
        """The context of the job that is running.

        Raises:
            LookupError: no job is running here; the code was called directly.
        """
        try:
            return _current.get()
        except LookupError:
            raise LookupError("no job is running here: this code was called directly") from None


_current: ContextVar[Context] = ContextVar("queuekit_context")


def enter(context: Context) -> None:
    """Make `context` the current one, for this thread or asyncio task."""
    _current.set(context)
