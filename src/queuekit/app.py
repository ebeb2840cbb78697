"""`App`: a program's tasks, and the store that its jobs go to."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar, overload
from uuid import UUID

from queuekit.clock import system_micros
from queuekit.config import StoreUrl, load_config
from queuekit.errors import InvalidJob, OutcomeUnknown, StoreNotConfigured
from queuekit.handle import Job
from queuekit.job import DEFAULT_QUEUE, Enqueued, NewJob, uuid7
from queuekit.naming import ImportedNames, importable_name
from queuekit.options import Options, Retry
from queuekit.payload import Cipher, Codec, Missing
from queuekit.plugins import open_store
from queuekit.storage import MAX_BATCH, Store
from queuekit.tasks import AsyncTask, Request, ShouldEnqueue, SyncTask, Tasks, make_task

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

SENDS = 3
"""How often an enqueue is sent whose answer was lost. A repeat is safe, and mostly finds out."""


class MakesTask(Protocol):
    """What ``@app.task(...)`` with options is: a decorator for sync and async functions."""

    @overload
    def __call__(  # type: ignore[overload-overlap]  # the first that fits wins, as it should
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncTask[P, R]: ...

    @overload
    def __call__(self, function: Callable[P, R], /) -> SyncTask[P, R]: ...


class App:
    """A program's tasks, and the store that its jobs go to.

    `url` names the store, such as ``sqlite:///jobs.db``, whose path counts from the folder of the
    file in which ``App(...)`` is written. Without one, the configuration does: ``QUEUEKIT_URL``,
    ``queuekit.toml``, or ``[tool.queuekit]`` in ``pyproject.toml``. The store is opened at first
    use. `cipher` encrypts arguments and results; a `cryptography.fernet.Fernet` fits.
    """

    def __init__(self, url: str | None = None, *, cipher: Cipher | None = None) -> None:
        self.tasks = Tasks()
        self.codec = Codec(ImportedNames())
        self.codec.cipher = cipher
        self._started_in = _current_folder()
        self._where = None if url is None else self._written_in_code(url)
        self._store: Store | None = None
        self._opening = threading.Lock()
        self._after_enqueue: Callable[[], object] | None = None

    @classmethod
    def from_config(
        cls,
        file: str | Path | None = None,
        *,
        profile: str | None = None,
        cipher: Cipher | None = None,
    ) -> App:
        """An app whose store the configuration names, now rather than at first use.

        `file` is read instead of the nearest ``queuekit.toml``; `profile` chooses
        ``[profiles.NAME]`` in it.

        Raises:
            ConfigurationError: the configuration cannot be read, or names no store.
        """
        app = cls(cipher=cipher)
        app._where = _configured(Path(file) if file is not None else None, profile, None)
        return app

    # --- the store

    def where(self) -> StoreUrl:
        """The URL that counts, what its relative path counts from, and where it was written.

        Raises:
            StoreNotConfigured: no URL is written anywhere.
            ConfigurationError: the configuration cannot be read.
        """
        if self._where is None:
            self._where = _configured(None, None, self._started_in)
        return self._where

    def _written_in_code(self, url: str) -> StoreUrl:
        """The URL with the folder of the file that calls ``App(...)``: wherever the program is
        started, its worker and its other parts meet at the same store.
        """
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_locals.get("self") is self:
            frame = frame.f_back
        file = frame.f_globals.get("__file__")
        if file is None:  # an interactive session
            return StoreUrl(url, self._started_in or Path("/"), "App()")
        path = Path(file).absolute()
        return StoreUrl(url, path.parent, f"App() in {path}")

    def use(self, where: StoreUrl) -> None:
        """Go to this store from now on, whatever the program or the configuration says."""
        self.close()
        self._where = where

    @property
    def store(self) -> Store:
        """The open store.

        Raises:
            ConfigurationError: no URL is set, or it cannot be served.
            StoreError: the store is not there, or cannot be used.
        """
        with self._opening:
            if self._store is None:
                where = self.where()
                self._store = open_store(where.url, folder=where.folder)
            return self._store

    @contextmanager
    def on(self, store: Store, after_enqueue: Callable[[], object] | None = None) -> Iterator[None]:
        """Use an open store for the time of a block, as tests do.

        `after_enqueue` is called after each enqueue.
        """
        before = self._store, self._after_enqueue
        self._store, self._after_enqueue = store, after_enqueue
        try:
            yield
        finally:
            self._store, self._after_enqueue = before

    def close(self) -> None:
        """Let go of the store; the next use opens it again."""
        with self._opening:
            if self._store is not None:
                self._store.close()
                self._store = None

    # --- declaring

    @overload
    def task(  # type: ignore[overload-overlap]  # the first that fits wins, as it should
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncTask[P, R]: ...

    @overload
    def task(self, function: Callable[P, R], /) -> SyncTask[P, R]: ...

    @overload
    def task(
        self,
        /,
        *,
        name: str | None = None,
        queue: str = DEFAULT_QUEUE,
        priority: int = 0,
        retry: Retry | None = None,
        should_enqueue: ShouldEnqueue | None = None,
    ) -> MakesTask: ...

    def task(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        name: str | None = None,
        queue: str = DEFAULT_QUEUE,
        priority: int = 0,
        retry: Retry | None = None,
        should_enqueue: ShouldEnqueue | None = None,
    ) -> Any:
        """Make a function a task: ``@app.task`` or ``@app.task(queue="mail")``, sync and async
        alike.

        Its name is the module and the function's, unless `name` is given; jobs are stored under it.
        In a program that is run as a script, that is the name by which a worker imports it.
        `should_enqueue` is asked before each call is sent, and may say no.

        Raises:
            ConfigurationError: the name is taken, or the function stands where no worker could
                import it from.
            InvalidJob: an option is out of range.
        """
        options = Options(queue=queue, priority=priority, retry=retry or Retry())

        def register(code: Callable[..., Any]) -> SyncTask[..., Any] | AsyncTask[..., Any]:
            task = make_task(
                code,
                self,
                name=importable_name(code) if name is None else name,
                options=options,
                should_enqueue=should_enqueue,
            )
            self.tasks.add(task)
            return task

        return register if function is None else register(function)

    def register_type(
        self,
        cls: type[T],
        *,
        name: str,
        dump: Callable[[T], Any],
        load: Callable[[Any], T],
    ) -> None:
        """Let arguments and results hold values of `cls`, stored under `name` as what `dump` makes
        of them; see `Codec.register`.
        """
        self.codec.register(cls, name=name, dump=dump, load=load)

    def register_reference(
        self,
        cls: type[T],
        *,
        name: str,
        key: Callable[[T], Any],
        load: Callable[[Any], T | None],
        missing: Missing = Missing.DISCARD,
    ) -> None:
        """Let arguments hold things that live elsewhere, such as rows: the `key` is stored, and the
        worker loads what it then leads to; see `Codec.register_reference`.
        """
        self.codec.register_reference(cls, name=name, key=key, load=load, missing=missing)

    # --- sending

    def new_id(self) -> UUID:
        """A fresh job id: a UUIDv7 of this host's clock."""
        return uuid7(system_micros() // 1000, os.urandom(10))

    def enqueue_many(self, requests: Iterable[Request[R]]) -> tuple[Job[R], ...]:
        """Send calls made by `Task.request`: all or nothing up to `MAX_BATCH` of them, else batch
        after batch in order.

        Raises:
            EnqueueRefused: a task's `should_enqueue` said no; nothing was sent.
            StoreError: the store could not take them. A note on the error says how many of the
                first ones were stored before, if any.
        """
        waiting = list(requests)
        for request in waiting:
            request.check()
        sent: list[Job[R]] = []
        for at in range(0, len(waiting), MAX_BATCH):
            batch = [request.job for request in waiting[at : at + MAX_BATCH]]
            try:
                answers = self._send(batch)
            except Exception as problem:
                if sent:
                    problem.add_note(f"the first {len(sent)} of {len(waiting)} jobs were stored")
                raise
            sent += [Job(self, answer.id, answer.status) for answer in answers]
        if self._after_enqueue is not None:
            self._after_enqueue()
        return tuple(sent)

    def job(self, job_id: UUID | str) -> Job[Any]:
        """A handle on the job of that id, whether it is there or not.

        Raises:
            InvalidJob: the text is no UUID.
        """
        if isinstance(job_id, str):
            try:
                job_id = UUID(job_id)
            except ValueError:
                raise InvalidJob("id", f"{job_id!r} is no job id, which is a UUID") from None
        return Job(self, job_id)

    def _send(self, jobs: list[NewJob]) -> tuple[Enqueued, ...]:
        for _ in range(SENDS - 1):
            try:
                return self.store.enqueue(jobs)
            except OutcomeUnknown:
                continue
        return self.store.enqueue(jobs)


def _configured(file: Path | None, profile: str | None, start: Path | None) -> StoreUrl:
    where = load_config(file, profile, start=start).url()
    if where is None:
        raise StoreNotConfigured
    return where


def _current_folder() -> Path | None:
    """Where the program was started: a later `os.chdir` moves no store. None if it was deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None
