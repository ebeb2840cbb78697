"""Every error that queuekit raises, in one tree.

::

    QueuekitError
    ├── ConfigurationError          what was asked for cannot be set up; nothing was touched
    │   ├── StoreNotConfigured      no URL says where the store is
    │   ├── UnknownScheme           no installed adapter serves the URL's scheme
    │   ├── DriverMissing           the adapter is there, its database driver is not
    │   ├── ContractMismatch        adapter and core speak different versions of the contract
    │   ├── AppImportError          the program with the tasks cannot be imported
    │   └── UnknownTask             no such task in the app
    ├── JobError                    this job, this argument; nothing was changed
    │   ├── PayloadError            a value that cannot be stored exactly
    │   ├── InvalidJob              a field of the job is out of range
    │   ├── JobConflict             the id is known with other content
    │   ├── JobNotFound             no job of that id
    │   ├── InvalidTransition       the job is in a state that the verb does not act on
    │   └── LeaseLost               the token is stale: another worker has the job, or it has ended
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


class QueuekitError(Exception):
    """Base of all errors that queuekit raises."""


class ConfigurationError(QueuekitError):
    """What was asked for cannot be set up; nothing was touched."""


class StoreNotConfigured(ConfigurationError):
    """No URL says where the store is; the message shows the ways to give one."""

    def __init__(self) -> None:
        super().__init__(
            'no store is configured: write App("sqlite:///jobs.db"),'
            " set QUEUEKIT_URL, or pass --url sqlite:///jobs.db"
        )


class UnknownScheme(ConfigurationError):
    """No installed adapter serves the scheme."""

    def __init__(self, scheme: str, known: Sequence[str], hint: str = "") -> None:
        self.scheme, self.known = scheme, tuple(known)
        super().__init__(
            f"no adapter for {scheme}:// is installed"
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
        super().__init__(f"no task named {task!r}; the app knows: {', '.join(known) or 'none'}")


class JobError(QueuekitError):
    """Something about one job; nothing was changed."""


class PayloadError(JobError, ValueError):
    """A value that no store could give back exactly.

    `path` names the place, such as ``args[0].items[2]``.
    """

    def __init__(self, path: str, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}")


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
