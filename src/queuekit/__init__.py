"""A job queue with pluggable backends: start on a laptop with SQLite, go live on a server by
changing one URL.

The names below are loaded when they are first used, so that ``queuekit --help`` need not wait for
what it does not show.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from queuekit.app import App
    from queuekit.context import Context
    from queuekit.handle import Job
    from queuekit.job import EnqueueStatus, JobState
    from queuekit.options import Retry
    from queuekit.outcomes import Cancel, Discard, Snooze
    from queuekit.payload import Missing
    from queuekit.retry import Backoff, BackoffKind
    from queuekit.tasks import EnqueueContext, Refusal, Request, Task

__version__ = "0.1.0"

__all__ = [
    "App",
    "Backoff",
    "BackoffKind",
    "Cancel",
    "Context",
    "Discard",
    "EnqueueContext",
    "EnqueueStatus",
    "Job",
    "JobState",
    "Missing",
    "Refusal",
    "Request",
    "Retry",
    "Snooze",
    "Task",
]

_HOMES = {
    "App": "app",
    "Backoff": "retry",
    "BackoffKind": "retry",
    "Cancel": "outcomes",
    "Context": "context",
    "Discard": "outcomes",
    "EnqueueContext": "tasks",
    "EnqueueStatus": "job",
    "Job": "handle",
    "JobState": "job",
    "Missing": "payload",
    "Refusal": "tasks",
    "Request": "tasks",
    "Retry": "options",
    "Snooze": "outcomes",
    "Task": "tasks",
}
"""Where each name is defined."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'queuekit' has no attribute {name!r}")
    value = getattr(import_module(f"queuekit.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
