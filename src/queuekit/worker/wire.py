"""The forms in which claims and outcomes cross the pipe between supervisor and child."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, assert_never
from uuid import UUID

from queuekit.clock import duration_micros
from queuekit.config import StoreUrl
from queuekit.context import Context
from queuekit.job import Claim, Failure, Token
from queuekit.outcomes import (
    Cancelled,
    Completed,
    Discarded,
    Failed,
    Lost,
    Outcome,
    Released,
    Snoozed,
    UnknownTask,
)
from queuekit.tasks import Executor, Task


@dataclass(frozen=True, slots=True)
class TaskLine:
    """What a supervisor knows of a task: enough to place its jobs, and to show it."""

    name: str
    queue: str
    executor: Executor
    max_attempts: int


def dump_task(task: Task[..., Any]) -> list[Any]:
    """A task's line as JSON."""
    options = task.options
    return [task.name, options.queue, task.executor, options.retry.max_attempts]


def load_task(form: list[Any]) -> TaskLine:
    """The line that `dump_task` wrote."""
    name, queue, executor, max_attempts = form
    return TaskLine(name, queue, Executor(executor), max_attempts)


def dump_where(where: StoreUrl) -> list[str]:
    """Where a store is, as JSON."""
    return [where.url, str(where.folder), where.origin]


def load_where(form: list[str]) -> StoreUrl:
    """What `dump_where` wrote."""
    url, folder, origin = form
    return StoreUrl(url, Path(folder), origin)


def load_folder(form: str | None) -> Path | None:
    """A folder, if there is one."""
    return None if form is None else Path(form)


def dump_token(token: Token) -> list[Any]:
    """A token as JSON."""
    return [token.job_id.hex, token.fence, token.nonce.hex()]


def load_token(form: list[Any]) -> Token:
    """The token that `dump_token` wrote."""
    return Token(UUID(hex=form[0]), form[1], bytes.fromhex(form[2]))


def dump_run(claim: Claim) -> dict[str, Any]:
    """What a child needs to run a claim. The payload stays the text that it is."""
    return {
        "token": dump_token(claim.token),
        "task": claim.task,
        "queue": claim.queue,
        "payload": claim.payload,
        "attempt": claim.attempt,
        "max_attempts": claim.max_attempts,
        "tags": claim.tags,
    }


def load_context(run: dict[str, Any]) -> Context:
    """The context of the job in a run message."""
    token = load_token(run["token"])
    return Context(
        job_id=token.job_id,
        task=run["task"],
        queue=run["queue"],
        attempt=run["attempt"],
        max_attempts=run["max_attempts"],
        fence=token.fence,
        tags=tuple(run["tags"]),
    )


def dump_outcome(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON; only what a child can say."""
    match outcome:
        case Completed(result):
            return {"is": "completed", "result": result}
        case Failed(failure, delay, final):
            return {
                "is": "failed",
                "failure": [failure.error_class, failure.message, failure.traceback, failure.cause],
                "delay": None if delay is None else duration_micros(delay),
                "final": final,
            }
        case Snoozed(delay):
            return {"is": "snoozed", "delay": duration_micros(delay)}
        case Discarded(reason):
            return {"is": "discarded", "reason": reason}
        case Cancelled(reason):
            return {"is": "cancelled", "reason": reason}
        case UnknownTask():
            return {"is": "unknown"}
        case Lost() | Released():
            raise ValueError(f"{outcome} is the supervisor's to say")
    assert_never(outcome)


def load_outcome(form: dict[str, Any]) -> Outcome:
    """The outcome that `dump_outcome` wrote."""
    kind = form["is"]
    if kind == "completed":
        return Completed(form["result"])
    if kind == "failed":
        delay = form["delay"]
        wait = None if delay is None else timedelta(microseconds=delay)
        return Failed(Failure(*form["failure"]), wait, form["final"])
    if kind == "snoozed":
        return Snoozed(timedelta(microseconds=form["delay"]))
    if kind == "unknown":
        return UnknownTask()
    if kind == "discarded":
        return Discarded(form["reason"])
    return Cancelled(form["reason"])
