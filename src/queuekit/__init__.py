"""A job queue with pluggable backends: start on a laptop with SQLite, go live on a server by
changing one URL.
"""

from queuekit.app import App
from queuekit.context import Context
from queuekit.job import Enqueued, EnqueueStatus, JobState
from queuekit.outcomes import Cancel, Discard, Snooze
from queuekit.retry import Backoff, BackoffKind
from queuekit.tasks import Retry, Task

__version__ = "0.1.0"

__all__ = [
    "App",
    "Backoff",
    "BackoffKind",
    "Cancel",
    "Context",
    "Discard",
    "EnqueueStatus",
    "Enqueued",
    "JobState",
    "Retry",
    "Snooze",
    "Task",
]
