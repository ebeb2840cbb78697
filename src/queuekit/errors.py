"""Every error that queuekit raises, in one tree.

::

    QueuekitError
    ├── ConfigurationError          what was asked for cannot be set up; nothing was touched
    │   ├── InvalidConfiguration    a key or value in a file or the environment
    │   ├── StoreNotConfigured      no URL says where the store is
    │   ├── AppNotConfigured        nothing says which program holds the tasks
    │   ├── UnknownScheme           no installed adapter serves the URL's scheme
    │   ├── DriverMissing           the adapter is there, its database driver is not
    │   ├── ContractMismatch        adapter and core speak different versions of the contract
    │   ├── AppImportError          the program with the tasks cannot be imported
    │   ├── UnknownTask             no such task in the app
    │   └── UnknownQueue            no such queue in the store or the app
    ├── JobError                    this job, this argument; nothing was changed
    │   ├── InvalidArguments        they do not fit the task's signature
    │   ├── PayloadError            a value that cannot be stored exactly, or read back
    │   ├── LoadFailed              a registered type's load raised; the payload is as it should be
    │   ├── ReferenceGone           what an argument refers to is not there any more
    │   ├── EnqueueRefused          the task's should_enqueue said no
    │   ├── InvalidJob              a field of the job is out of range
    │   ├── JobConflict             the id is known with other content
    │   ├── JobNotFound             no job of that id
    │   ├── InvalidTransition       the job is in a state that the verb does not act on
    │   ├── LeaseLost               the token is stale: another worker has the job, or it has ended
    │   ├── JobFailed               waited for, and it ended `discarded`
    │   ├── JobCancelled            waited for, and it ended `cancelled`
    │   ├── ResultTimeout           waited for, and it has not ended yet
    │   └── ResultNotStorable       it completed, but its result could not be kept
    ├── StoreError                  the store could not answer
    │   ├── StoreUnavailable        certainly nothing was done; may be tried again
    │   ├── OutcomeUnknown          done or not done is not known; repeating the call is safe
    │   ├── StoreReadOnly           the store refuses writes
    │   ├── StoreFull               no space is left
    │   ├── StoreCorrupt            what is there is not a queuekit store
    │   ├── TransactionLost         the caller's own transaction is gone
    │   └── SchemaError
    │       ├── SchemaMissing       no tables yet
    │       └── SchemaVersion       the tables are older or newer than this release
    └── UnsupportedOperation        the adapter declares the capability absent; nothing was changed

A driver's exception never crosses the seam: it is kept as `__cause__`. Messages say what is wrong
and what to do, and never show a password.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from queuekit.suggest import did_you_mean


class QueuekitError(Exception):
    """Base of all errors that queuekit raises."""


class ConfigurationError(QueuekitError):
    """What was asked for cannot be set up; nothing was touched."""


class InvalidConfiguration(ConfigurationError):
    """A key or value in a file or the environment; `origin` says where it stands."""

    def __init__(self, origin: str, key: str, problem: str) -> None:
        self.origin, self.key, self.problem = origin, key, problem
        super().__init__(f"{origin}: {key}: {problem}")


class StoreNotConfigured(ConfigurationError):
    """No URL says where the store is; the message shows the ways to give one."""

    def __init__(self) -> None:
        super().__init__(
            'no store is configured: write App("sqlite:///jobs.db"), or url = "sqlite:///jobs.db"'
            " in queuekit.toml, or set QUEUEKIT_URL (on the command line: --url)"
        )


class AppNotConfigured(ConfigurationError):
    """Nothing says which program holds the tasks; the message shows the ways to."""

    def __init__(self) -> None:
        super().__init__(
            'no app is named: pass -a module:app, set QUEUEKIT_APP, or write app = "module:app"'
            " in queuekit.toml"
        )


class UnknownScheme(ConfigurationError):
    """No installed adapter serves the scheme."""

    def __init__(self, scheme: str, known: Sequence[str], hint: str = "") -> None:
        self.scheme, self.known = scheme, tuple(known)
        super().__init__(
            f"no adapter for {scheme}:// is installed{did_you_mean(scheme, known)}"
            f" (installed: {', '.join(known) or 'none'}).{' ' + hint if hint else ''}"
        )


class DriverMissing(ConfigurationError):
    """The adapter is installed, but something that it imports is not."""

    def __init__(self, scheme: str, missing: str, install: str) -> None:
        self.scheme, self.missing, self.install = scheme, missing, install
        super().__init__(
            f"the adapter for {scheme}:// needs {missing}, which is not installed."
            f" Run: pip install '{install}'"
        )


class ContractMismatch(ConfigurationError):
    """Adapter and core speak different versions of the contract."""

    def __init__(self, adapter: str, speaks: int, core: int) -> None:
        self.adapter, self.speaks, self.core = adapter, speaks, core
        super().__init__(
            f"adapter {adapter} speaks contract {speaks}, queuekit speaks {core}."
            " Install matching versions of both."
        )


class AppImportError(ConfigurationError):
    """The program that holds the tasks cannot be imported, or holds no app."""


class UnknownTask(ConfigurationError):
    """No task of that name is registered."""

    def __init__(self, task: str, known: Sequence[str]) -> None:
        self.task, self.known = task, tuple(known)
        super().__init__(
            f"no task named {task!r}{did_you_mean(task, known)}; the app knows:"
            f" {', '.join(known) or 'none'}"
        )


class UnknownQueue(ConfigurationError):
    """Neither the store nor the app has a queue of that name."""

    def __init__(self, queue: str, known: Sequence[str]) -> None:
        self.queue, self.known = queue, tuple(known)
        super().__init__(
            f"no queue named {queue!r}{did_you_mean(queue, known)}; there are:"
            f" {', '.join(known) or 'none'}"
        )


class JobError(QueuekitError):
    """Something about one job; nothing was changed."""


class InvalidArguments(JobError, TypeError):
    """The arguments do not fit the task's signature. Nothing was sent."""

    def __init__(self, task: str, problem: str) -> None:
        self.task, self.problem = task, problem
        super().__init__(f"{task}: {problem}")


class PayloadError(JobError, ValueError):
    """A value that no store could give back exactly, or a stored one that cannot be read back.

    `path` names the place, such as ``args[0].items[2]``.
    """

    def __init__(self, path: str, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}")


class LoadFailed(JobError):
    """The load of a registered type raised while an argument or a result was read.

    Its own error is the `__cause__`: a database that was away may be back for the next attempt.
    """

    def __init__(self, path: str, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}")


class ReferenceGone(JobError, LookupError):
    """What an argument or a result refers to is not there any more, such as a deleted row."""

    def __init__(self, path: str, name: str, key: object) -> None:
        self.path, self.name, self.key = path, name, key
        super().__init__(f"{path}: {name} {key!r} is gone")


class EnqueueRefused(JobError):
    """The task's `should_enqueue` said no. Nothing was sent."""

    def __init__(self, task: str, reason: str) -> None:
        self.task, self.reason = task, reason
        super().__init__(f"{task} was not enqueued: {reason}")


class InvalidJob(JobError, ValueError):
    """A field of a job is out of range; `field` names it."""

    def __init__(self, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(f"{field}: {problem}")


class JobConflict(JobError):
    """A job of this id is stored with other content. The whole batch was refused."""

    def __init__(self, job_id: UUID) -> None:
        self.job_id = job_id
        super().__init__(f"job {job_id} is stored already with other content; use a new id")


class JobNotFound(JobError, LookupError):
    """No job of that id is stored: it never was, or it was pruned."""

    def __init__(self, job_id: UUID) -> None:
        self.job_id = job_id
        super().__init__(f"no job {job_id}; it was never enqueued here, or has been pruned")


class InvalidTransition(JobError):
    """The job is in a state that the verb does not act on."""

    def __init__(self, job_id: UUID, state: str, verb: str) -> None:
        self.job_id, self.state, self.verb = job_id, state, verb
        super().__init__(f"job {job_id} is {state}: cannot {verb} it")


class LeaseLost(JobError):
    """The token is stale: the lease ran out and was rescued, or the job has ended.

    Nothing was changed.
    """

    def __init__(self, job_id: UUID) -> None:
        self.job_id = job_id
        super().__init__(f"the lease of job {job_id} is lost; its outcome is not recorded")


class JobFailed(JobError):
    """The job that was waited for ended `discarded`: out of attempts, given up, or expired.

    `error_class`, `message` and `traceback` are those of its last failure, None if it had none.
    """

    def __init__(
        self,
        job_id: UUID,
        reason: str,
        error_class: str | None = None,
        message: str | None = None,
        traceback: str | None = None,
    ) -> None:
        self.job_id, self.reason = job_id, reason
        self.error_class, self.message, self.traceback = error_class, message, traceback
        why = f" {error_class}: {message}" if error_class else ""
        super().__init__(f"job {job_id} was discarded ({reason}){':' + why if why else ''}")


class JobCancelled(JobError):
    """The job that was waited for ended `cancelled`."""

    def __init__(self, job_id: UUID, reason: str) -> None:
        self.job_id, self.reason = job_id, reason
        super().__init__(f"job {job_id} was cancelled ({reason})")


class ResultTimeout(JobError, TimeoutError):
    """The job that was waited for has not ended in time. It goes on, and may be waited for anew."""

    def __init__(self, job_id: UUID, state: str, timeout: float) -> None:
        self.job_id, self.state, self.timeout = job_id, state, timeout
        super().__init__(f"job {job_id} is still {state} after {timeout:g} s")


class ResultNotStorable(JobError):
    """The job completed, but what it returned could not be stored; `shown` is the start of its
    repr.
    """

    def __init__(self, job_id: UUID, shown: str) -> None:
        self.job_id, self.shown = job_id, shown
        super().__init__(
            f"job {job_id} completed, but its result has no exact stored form: {shown[:200]};"
            " return plain values, or register the type"
        )


class StoreError(QueuekitError):
    """The store could not answer as asked."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, or is busy beyond patience.

    Certainly nothing was done; it may be tried again.
    """


class OutcomeUnknown(StoreError):
    """The link broke while the answer was due. Repeating the same call is safe and tells."""


class StoreReadOnly(StoreError):
    """The store refuses writes. Nothing was done."""


class StoreFull(StoreError):
    """The store has no space left. Nothing was done."""


class StoreCorrupt(StoreError):
    """What the URL points at is no queuekit store, or is damaged. Nothing was done."""


class TransactionLost(StoreError):
    """The caller's own transaction was ended by the database; nothing of it is stored."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        self.retryable = retryable
        super().__init__(message)


class SchemaError(StoreError):
    """The store's tables do not fit this release. Nothing was done."""


class SchemaMissing(SchemaError):
    """The store has no tables yet."""


class SchemaVersion(SchemaError):
    """The tables are older or newer than this release can use."""

    def __init__(self, found: int, wanted: int, where: str) -> None:
        self.found, self.wanted = found, wanted
        do = "run: queuekit migrate" if found < wanted else "install a newer queuekit"
        super().__init__(f"{where} has schema {found}, this release needs {wanted}; {do}")


class UnsupportedOperation(QueuekitError):
    """The adapter declares this capability absent. Nothing was changed."""

    def __init__(self, capability: str, adapter: str) -> None:
        self.capability, self.adapter = capability, adapter
        super().__init__(f"the {adapter} store does not support {capability}")
