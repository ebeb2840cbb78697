"""Running a job's code, and turning whatever happens into exactly one `Outcome`.

The same for a worker's child and for a test that drains a queue: nothing that user code raises gets
past these functions.
"""

from __future__ import annotations

import inspect
from typing import Any, Protocol

from queuekit.context import Context, enter
from queuekit.errors import UnknownTask as NoSuchTask
from queuekit.failures import failure_of
from queuekit.outcomes import (
    Cancel,
    Cancelled,
    Completed,
    Discard,
    Discarded,
    Failed,
    Outcome,
    Snooze,
    Snoozed,
    UnknownTask,
)
from queuekit.payload import Codec, DiscardedReference, storable_text
from queuekit.tasks import Task, Tasks


class Program(Protocol):
    """What is needed of an app to run its jobs."""

    @property
    def tasks(self) -> Tasks:
        """The code, by name."""
        ...

    @property
    def codec(self) -> Codec:
        """How arguments and results are written."""
        ...


def run_call(program: Program, context: Context, payload: str) -> Outcome:
    """Run a sync task here. An async one fails: it has no loop."""
    task = _find(program, context)
    if task is None:
        return UnknownTask()
    try:
        result = _call(program, task, context, payload)
        if inspect.isawaitable(result):
            raise TypeError("the task returned an awaitable: declare it with async def")
        return Completed(program.codec.dump_result(result))
    except BaseException as raised:  # SystemExit and KeyboardInterrupt are the job's, not ours
        return _outcome_of(raised, task)


async def run_coroutine(program: Program, context: Context, payload: str) -> Outcome:
    """Run an async task on the loop that is running here."""
    task = _find(program, context)
    if task is None:
        return UnknownTask()
    try:
        result = await _call(program, task, context, payload)
        return Completed(program.codec.dump_result(result))
    except BaseException as raised:  # as above; a cancel of this attempt ends here, too
        return _outcome_of(raised, task)


def _find(program: Program, context: Context) -> Task[..., Any] | None:
    try:
        return program.tasks[context.task]
    except NoSuchTask:
        return None


def _call(program: Program, task: Task[..., Any], context: Context, payload: str) -> Any:
    enter(context)
    args, kwargs = program.codec.load_arguments(payload, task.definition.positional)
    return task.function(*args, **kwargs)


def _outcome_of(raised: BaseException, task: Task[..., Any]) -> Outcome:
    try:
        if isinstance(raised, Snooze):
            return Snoozed(raised.delay)
        if isinstance(raised, Discard):
            return Discarded(storable_text(str(raised.reason)))
        if isinstance(raised, Cancel):
            return Cancelled(storable_text(str(raised.reason)))
        if isinstance(raised, DiscardedReference):
            return Discarded(storable_text(str(raised)))
    except BaseException as worse:  # a signal made by hand, without what it should carry
        return Failed(failure_of(worse))
    return Failed(failure_of(raised), final=isinstance(raised, task.options.retry.discard_on))
