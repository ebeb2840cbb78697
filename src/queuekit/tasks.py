"""Tasks: registered code, by name. An app's registry is an ordinary object; nothing is global."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from queuekit.errors import ConfigurationError, UnknownTask
from queuekit.job import DEFAULT_MAX_ATTEMPTS, DEFAULT_QUEUE, Enqueued, NewJob
from queuekit.payload import encode_arguments
from queuekit.retry import Backoff

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Executor(StrEnum):
    """Where a task's code runs."""

    PROCESS = "process"
    """One job at a time in a child process of its own: the home of sync tasks."""
    ASYNCIO = "asyncio"
    """Many at once on the event loop of one child: the home of async tasks."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a task may run, the first run included, and how long it waits in between."""

    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    backoff: Backoff = field(default_factory=Backoff)


class Sender(Protocol):
    """What a task needs of its app."""

    def new_id(self) -> Any:
        """A fresh job id."""
        ...

    def send(self, jobs: Sequence[NewJob]) -> tuple[Enqueued, ...]:
        """Store the jobs."""
        ...


class Task(Generic[P, R_co]):
    """A function that can be sent to run elsewhere; called directly, it stays the plain
    function.
    """

    def __init__(
        self,
        function: Callable[P, R_co],
        sender: Sender,
        *,
        name: str,
        queue: str = DEFAULT_QUEUE,
        priority: int = 0,
        retry: Retry | None = None,
    ) -> None:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigurationError(
                f"task {name!r} is a generator: nobody would take what it yields"
            )
        self.function = function
        self.name = name
        self.queue = queue
        self.priority = priority
        self.retry = retry or Retry()
        self.executor = (
            Executor.ASYNCIO if inspect.iscoroutinefunction(function) else Executor.PROCESS
        )
        self._sender = sender
        self._signature = inspect.signature(function)
        self.__doc__ = function.__doc__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run the function here and now."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        """Name the task."""
        return f"<Task {self.name}>"

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Enqueued:
        """Send one call.

        Raises:
            TypeError: the arguments do not fit the function; nothing was sent.
            PayloadError: an argument cannot be stored exactly; nothing was sent.
            StoreError: the store could not take it; see the error for what is known.
        """
        return self._sender.send([self.job(*args, **kwargs)])[0]

    def job(self, *args: P.args, **kwargs: P.kwargs) -> NewJob:
        """The call as a job that is not sent yet, for `App.enqueue_many`."""
        self._signature.bind(*args, **kwargs)
        return NewJob(
            id=self._sender.new_id(),
            task=self.name,
            payload=encode_arguments(args, kwargs),
            queue=self.queue,
            priority=self.priority,
            max_attempts=self.retry.max_attempts,
            backoff=self.retry.backoff,
        )


class Tasks:
    """Name to task."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task[Any, Any]] = {}

    def add(self, task: Task[Any, Any]) -> None:
        """Register a task.

        Raises:
            ConfigurationError: another task has the name.
        """
        if task.name in self._tasks:
            raise ConfigurationError(
                f"two tasks are named {task.name!r}; give one a name= of its own"
            )
        self._tasks[task.name] = task

    def __getitem__(self, name: str) -> Task[Any, Any]:
        """The task of that name.

        Raises:
            UnknownTask: there is none.
        """
        try:
            return self._tasks[name]
        except KeyError:
            raise UnknownTask(name, sorted(self._tasks)) from None

    def __contains__(self, name: str) -> bool:
        """Whether there is a task of that name."""
        return name in self._tasks

    def __iter__(self) -> Iterator[Task[Any, Any]]:
        """All tasks, by name."""
        return iter(sorted(self._tasks.values(), key=lambda task: task.name))
