"""`App`: a store's URL and the tasks that belong to it."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar, overload
from uuid import UUID

from queuekit.clock import system_micros
from queuekit.errors import AppImportError, ConfigurationError, StoreNotConfigured
from queuekit.job import DEFAULT_QUEUE, Enqueued, NewJob, uuid7
from queuekit.plugins import open_store
from queuekit.storage import MAX_BATCH, Store
from queuekit.tasks import Retry, Task, Tasks

P = ParamSpec("P")
R = TypeVar("R")


class App:
    """A program's tasks, and the store that its jobs go to.

    `url` names the store, such as ``sqlite:///jobs.db``; without one, the environment variable
    ``QUEUEKIT_URL`` does. The store is opened at first use.
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = url
        self.tasks = Tasks()
        self._store: Store | None = None
        self._opening = threading.Lock()

    @property
    def store(self) -> Store:
        """The open store.

        Raises:
            ConfigurationError: no URL is set, or it cannot be served.
            StoreError: the store is not there, or cannot be used.
        """
        with self._opening:
            if self._store is None:
                url = self.url or os.environ.get("QUEUEKIT_URL")
                if not url:
                    raise StoreNotConfigured
                self._store = open_store(url)
            return self._store

    def close(self) -> None:
        """Let go of the store; the next use opens it again."""
        with self._opening:
            if self._store is not None:
                self._store.close()
                self._store = None

    @overload
    def task(self, function: Callable[P, R], /) -> Task[P, R]: ...

    @overload
    def task(
        self,
        /,
        *,
        name: str | None = None,
        queue: str = DEFAULT_QUEUE,
        priority: int = 0,
        retry: Retry | None = None,
    ) -> Callable[[Callable[P, R]], Task[P, R]]: ...

    def task(
        self,
        function: Callable[P, R] | None = None,
        /,
        *,
        name: str | None = None,
        queue: str = DEFAULT_QUEUE,
        priority: int = 0,
        retry: Retry | None = None,
    ) -> Task[P, R] | Callable[[Callable[P, R]], Task[P, R]]:
        """Make a function a task: ``@app.task`` or ``@app.task(queue="mail")``, sync and async
        alike.

        Its name is the module and the function's, unless `name` is given; jobs are stored under it.
        In a program that is run as a script, that is the name by which a worker imports it.

        Raises:
            ConfigurationError: the name is taken, or the function stands where no worker could
                import it from.
        """

        def register(code: Callable[P, R]) -> Task[P, R]:
            task = Task(
                code,
                self,
                name=name or f"{_importable_module(code)}.{code.__qualname__}",
                queue=queue,
                priority=priority,
                retry=retry,
            )
            self.tasks.add(task)
            return task

        return register if function is None else register(function)

    def new_id(self) -> UUID:
        """A fresh job id: a UUIDv7 of this host's clock."""
        return uuid7(system_micros() // 1000, os.urandom(10))

    def send(self, jobs: Sequence[NewJob]) -> tuple[Enqueued, ...]:
        """Store up to `MAX_BATCH` jobs, all or nothing; see `Store.enqueue`."""
        return self.store.enqueue(jobs)

    def enqueue_many(self, jobs: Iterable[NewJob]) -> tuple[Enqueued, ...]:
        """Send calls made by `Task.job`: all or nothing up to `MAX_BATCH` of them, else batch after
        batch in order.
        """
        waiting = list(jobs)
        batches = [waiting[at : at + MAX_BATCH] for at in range(0, len(waiting), MAX_BATCH)]
        return tuple(answer for batch in batches for answer in self.send(batch))


def _importable_module(code: Callable[..., object]) -> str:
    """The module by which a worker finds this code; ``__main__`` is another one in each process."""
    if code.__module__ != "__main__":
        return code.__module__
    main = sys.modules["__main__"]
    if main.__spec__ is not None:  # python -m
        return main.__spec__.name.removesuffix(".__main__")
    name = Path(getattr(main, "__file__", None) or "").stem
    if not name.isidentifier():
        raise ConfigurationError(
            f"{code.__qualname__} is defined where no worker can import it from:"
            " move it to a module, or give it a name= and a worker that registers the same"
        )
    return name


def load_app(target: str) -> App:
    """Import ``module:name`` from the current folder or the installed packages.

    Raises:
        AppImportError: the module cannot be imported, or the name is no `App`; the cause is kept.
    """
    module_name, _, attribute = target.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        module = importlib.import_module(module_name)
    except Exception as problem:
        raise AppImportError(
            f"cannot import {module_name}: {type(problem).__name__}: {problem}"
        ) from problem
    app = getattr(module, attribute or "app", None)
    if not isinstance(app, App):
        raise AppImportError(
            f"{module_name} holds no App named {attribute or 'app'!r}; name it as module:name"
        )
    return app
