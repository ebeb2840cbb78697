"""Tasks: registered code, by name. An app's registry is an ordinary object; nothing is global."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Literal, ParamSpec, Protocol, TypeAlias, TypeVar
from uuid import UUID

from queuekit.admission import check_name
from queuekit.errors import ConfigurationError, EnqueueRefused, InvalidArguments, UnknownTask
from queuekit.handle import Desk, Job
from queuekit.job import NewJob
from queuekit.options import Options, Retry, When
from queuekit.suggest import did_you_mean

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Executor(StrEnum):
    """Where a task's code runs."""

    PROCESS = "process"
    """One job at a time in a child process of its own: the home of sync tasks."""
    ASYNCIO = "asyncio"
    """Many at once on the event loop of one child: the home of async tasks."""


@dataclass(frozen=True, slots=True)
class EnqueueContext:
    """What a task's `should_enqueue` may look at: the call that is about to be sent."""

    task: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    options: Options


ShouldEnqueue: TypeAlias = Callable[[EnqueueContext], bool]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer of `try_enqueue` to a call that the task's `should_enqueue` said no to.

    It is false, where a `Job` is true.
    """

    task: str
    reason: str

    def __bool__(self) -> Literal[False]:
        """Nothing was sent."""
        return False


class Sender(Desk, Protocol):
    """What a task needs of its app."""

    def new_id(self) -> UUID:
        """A fresh job id."""
        ...

    def enqueue_many(self, requests: Iterable[Request[R]]) -> tuple[Job[R], ...]:
        """Send calls."""
        ...


@dataclass(frozen=True, slots=True)
class Definition:
    """A task as it was declared: its code, and what belongs to all of its calls."""

    name: str
    function: Callable[..., Any]
    executor: Executor
    signature: inspect.Signature
    positional: tuple[str, ...]
    """Names of the parameters that may be given by position."""
    should_enqueue: ShouldEnqueue | None
    sender: Sender

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Refuse arguments that the code could not be called with.

        Raises:
            InvalidArguments: see above; the message shows the signature.
        """
        try:
            self.signature.bind(*args, **kwargs)
        except TypeError as problem:
            unknown = [name for name in kwargs if repr(name) in str(problem)]
            hint = did_you_mean(unknown[0], self.signature.parameters) if unknown else ""
            raise InvalidArguments(
                self.name, f"{problem}{hint}; its signature is {self.signature}"
            ) from None


@dataclass(frozen=True, slots=True)
class Request(Generic[R_co]):
    """A call that is bound, written down, and not sent yet; its task returns an `R_co`.

    Sending the same request twice stores one job: after `OutcomeUnknown`, send it again.
    """

    definition: Definition
    context: EnqueueContext
    job: NewJob

    def check(self) -> None:
        """Ask the task whether it wants the call.

        Raises:
            EnqueueRefused: its `should_enqueue` said no.
        """
        wanted = self.definition.should_enqueue
        if wanted is not None and not wanted(self.context):
            raise EnqueueRefused(self.definition.name, "its should_enqueue said no")


class Variant(Generic[P, R_co]):
    """A task under given options: everything by which its calls are sent."""

    def __init__(self, definition: Definition, options: Options) -> None:
        self.definition = definition
        self.options = options

    def using(
        self,
        *,
        queue: str | None = None,
        priority: int | None = None,
        retry: Retry | None = None,
        delay: When | None = None,
        expires: When | None = None,
        tags: Iterable[str] | None = None,
        meta: Mapping[str, Any] | None = None,
        id: UUID | None = None,
    ) -> Variant[P, R_co]:
        """The task under other options, for one call or many: ``send.using(delay=60).enqueue(7)``.

        None leaves an option as it is. `delay` and `expires` are seconds or a `timedelta` from the
        enqueue, or an aware `datetime`; a job that has not started when it expires never runs. The
        higher `priority` runs first. `tags` are names to find the job by, `meta` is yours: JSON
        values that come along, never encrypted. `id` makes a repeated enqueue answer `exists`.

        Raises:
            InvalidJob: an option is out of range.
        """
        options = self.options.changed(
            queue=queue,
            priority=priority,
            retry=retry,
            delay=delay,
            expires=expires,
            tags=tags,
            meta=meta,
            id=id,
        )
        return Variant(self.definition, options)

    def request(self, *args: P.args, **kwargs: P.kwargs) -> Request[R_co]:
        """The call, bound and written down but not sent: for `App.enqueue_many`.

        Raises:
            InvalidArguments: the arguments do not fit the function.
            PayloadError: an argument cannot be stored exactly; the error names it.
        """
        definition, options = self.definition, self.options
        definition.bind(args, kwargs)
        codec = definition.sender.codec
        job = NewJob(
            id=options.id or definition.sender.new_id(),
            task=definition.name,
            payload=codec.dump_arguments(args, kwargs, definition.positional),
            queue=options.queue,
            priority=options.priority,
            due=options.delay,
            expires=options.expires,
            max_attempts=options.retry.max_attempts,
            backoff=options.retry.backoff,
            tags=options.tags,
            meta=None if options.meta is None else codec.dumps(dict(options.meta), "meta"),
        )
        context = EnqueueContext(definition.name, args, kwargs, options)
        return Request(definition, context, job)

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Job[R_co]:
        """Send one call; once this returns, the store has it.

        Raises:
            InvalidArguments: the arguments do not fit the function; nothing was sent.
            PayloadError: an argument cannot be stored exactly; nothing was sent.
            EnqueueRefused: the task's `should_enqueue` said no; nothing was sent.
            StoreError: the store could not take it; the error says what is known. After
                `OutcomeUnknown` the job may be stored: use `request` and send that again.
        """
        request: Request[R_co] = self.request(*args, **kwargs)
        return self.definition.sender.enqueue_many([request])[0]

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> Job[R_co]:
        """As `enqueue`, without holding the event loop.

        Cancelled in the middle, it may have stored the job all the same.
        """
        request: Request[R_co] = self.request(*args, **kwargs)
        (job,) = await asyncio.to_thread(self.definition.sender.enqueue_many, [request])
        return job

    def try_enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Job[R_co] | Refusal:
        """As `enqueue`, but a no of the task's `should_enqueue` is a value: a false `Refusal`."""
        try:
            return self.enqueue(*args, **kwargs)
        except EnqueueRefused as refused:
            return Refusal(refused.task, refused.reason)

    async def atry_enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Job[R_co] | Refusal:
        """As `try_enqueue`, without holding the event loop."""
        try:
            return await self.aenqueue(*args, **kwargs)
        except EnqueueRefused as refused:
            return Refusal(refused.task, refused.reason)


class Task(Variant[P, R_co]):
    """A function that can be sent to run elsewhere; called directly, it stays what it was
    (`SyncTask`, `AsyncTask`).
    """

    def __init__(self, definition: Definition, options: Options) -> None:
        super().__init__(definition, options)
        self.__doc__ = definition.function.__doc__

    @property
    def name(self) -> str:
        """What its jobs are stored under."""
        return self.definition.name

    @property
    def function(self) -> Callable[..., Any]:
        """The function as it was written."""
        return self.definition.function

    @property
    def executor(self) -> Executor:
        """Where its code runs."""
        return self.definition.executor

    def __repr__(self) -> str:
        """Name the task."""
        return f"<Task {self.name}>"


class SyncTask(Task[P, R_co]):
    """A task made of a plain function."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run the function here and now."""
        result: R_co = self.function(*args, **kwargs)
        return result


class AsyncTask(Task[P, R_co]):
    """A task made of a coroutine function."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """Run the function here and now, when it is awaited."""
        running: Coroutine[Any, Any, R_co] = self.function(*args, **kwargs)
        return running


def make_task(
    function: Callable[..., Any],
    sender: Sender,
    *,
    name: str,
    options: Options,
    should_enqueue: ShouldEnqueue | None = None,
) -> SyncTask[..., Any] | AsyncTask[..., Any]:
    """A function as a task of `sender`.

    Raises:
        ConfigurationError: nobody could run it as one.
    """
    if not callable(function):
        raise ConfigurationError(
            f"{function!r} is no function; write @app.task or @app.task(queue=...), with names"
        )
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigurationError(f"task {name!r} is a generator: nobody would take what it yields")
    if inspect.iscoroutinefunction(should_enqueue):
        raise ConfigurationError(f"should_enqueue of task {name!r} must not be async")
    check_name("name", name)
    is_async = inspect.iscoroutinefunction(function)
    signature = inspect.signature(function)
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    definition = Definition(
        name=name,
        function=function,
        executor=Executor.ASYNCIO if is_async else Executor.PROCESS,
        signature=signature,
        positional=tuple(p.name for p in signature.parameters.values() if p.kind in by_position),
        should_enqueue=should_enqueue,
        sender=sender,
    )
    return AsyncTask(definition, options) if is_async else SyncTask(definition, options)


class Tasks:
    """Name to task."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task[..., Any]] = {}

    def add(self, task: Task[..., Any]) -> None:
        """Register a task.

        Raises:
            ConfigurationError: another task has the name.
        """
        if task.name in self._tasks:
            raise ConfigurationError(
                f"two tasks are named {task.name!r}; give one a name= of its own"
            )
        self._tasks[task.name] = task

    def __getitem__(self, name: str) -> Task[..., Any]:
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

    def __iter__(self) -> Iterator[Task[..., Any]]:
        """All tasks, by name."""
        return iter(sorted(self._tasks.values(), key=lambda task: task.name))
