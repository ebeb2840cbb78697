"""The tree of errors is the one that is drawn, and each says what to do."""

from __future__ import annotations

import inspect
import re
from uuid import UUID

import pytest

from queuekit import errors
from queuekit.errors import QueuekitError

ID = UUID(int=1)

DEFINED = {
    name: cls
    for name, cls in vars(errors).items()
    if inspect.isclass(cls) and issubclass(cls, QueuekitError)
}


def drawn_tree() -> dict[str, str]:
    """Each error in the module's drawing, and the one that it hangs from."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([ │├└─]*)([A-Z]\w+)(?:  |$)", line)
        if match is None or not line.startswith("    "):
            continue
        indent, name = len(match[1]), match[2]
        while above and above[-1][0] >= indent:
            above.pop()
        parents[name] = above[-1][1] if above else "Exception"
        above.append((indent, name))
    return parents


def real_parent(cls: type) -> str:
    """The queuekit error that it hangs from; others, such as ValueError, come beside it."""
    return next(base.__name__ for base in cls.__bases__ if issubclass(base, Exception))


def test_the_drawing_is_the_tree() -> None:
    assert drawn_tree() == {name: real_parent(cls) for name, cls in DEFINED.items()}


def test_every_error_says_what_it_is() -> None:
    for name, cls in DEFINED.items():
        assert cls.__doc__, name
        assert cls.__doc__.strip().endswith("."), name


MESSAGES: list[tuple[QueuekitError, list[str]]] = [
    (errors.StoreNotConfigured(), ["App(", "queuekit.toml", "QUEUEKIT_URL", "--url"]),
    (errors.AppNotConfigured(), ["-a module:app", "QUEUEKIT_APP", "queuekit.toml"]),
    (errors.InvalidConfiguration("/a/b.toml", "url", "is empty"), ["/a/b.toml: url: is empty"]),
    (errors.UnknownScheme("foo", ["memory", "sqlite"]), ["foo://", "memory, sqlite"]),
    (
        errors.UnknownScheme("sqlite", [], "Run: pip install 'queuekit[sqlite]'"),
        ["sqlite://", "none", "Run: pip install 'queuekit[sqlite]'"],
    ),
    (
        errors.DriverMissing("redis", "redis", "queuekit[redis]"),
        ["redis://", "Run: pip install 'queuekit[redis]'"],
    ),
    (errors.ContractMismatch("foo", 2, 1), ["foo", "2", "1", "Install matching versions"]),
    (errors.UnknownScheme("sqlit", ["memory", "sqlite"]), ["did you mean 'sqlite'?"]),
    (errors.UnknownTask("mail.sent", ["mail.send"]), ["'mail.sent'", "did you mean 'mail.send'?"]),
    (errors.UnknownQueue("mial", ["mail"]), ["'mial'", "did you mean 'mail'?"]),
    (errors.InvalidArguments("send", "needs 'to'"), ["send: needs 'to'"]),
    (errors.LoadFailed("order", "the load of order raised OSError"), ["order: the load of order"]),
    (errors.ReferenceGone("order", "order", 7), ["order: order 7 is gone"]),
    (errors.EnqueueRefused("send", "no"), ["send was not enqueued: no"]),
    (errors.JobFailed(ID, "lost"), [str(ID), "discarded (lost)"]),
    (errors.JobFailed(ID, "out of attempts", "OSError", "no"), ["(out of attempts): OSError: no"]),
    (errors.JobCancelled(ID, "by ann"), [str(ID), "cancelled (by ann)"]),
    (errors.ResultTimeout(ID, "running", 2.5), [str(ID), "still running after 2.5 s"]),
    (errors.ResultNotStorable(ID, "<socket>"), [str(ID), "<socket>", "register the type"]),
    (errors.PayloadError("args[0]", "is a socket"), ["args[0]: is a socket"]),
    (errors.InvalidJob("queue", "is empty"), ["queue: is empty"]),
    (errors.JobConflict(ID), [str(ID), "use a new id"]),
    (errors.JobNotFound(ID), [str(ID), "never enqueued here, or has been pruned"]),
    (errors.InvalidTransition(ID, "running", "discard"), [str(ID), "running", "discard"]),
    (errors.LeaseLost(ID), [str(ID), "not recorded"]),
    (errors.SchemaVersion(1, 2, "jobs.db"), ["jobs.db", "1", "2", "run: queuekit migrate"]),
    (errors.SchemaVersion(3, 2, "jobs.db"), ["jobs.db", "3", "2", "install a newer queuekit"]),
    (errors.UnsupportedOperation("graphs", "foo"), ["foo", "graphs"]),
]


@pytest.mark.parametrize(
    ("error", "parts"), MESSAGES, ids=[type(error).__name__ for error, _ in MESSAGES]
)
def test_a_message_says_what_is_wrong_and_what_to_do(
    error: QueuekitError, parts: list[str]
) -> None:
    for part in parts:
        assert part in str(error)


def test_every_error_with_fields_has_its_message_checked() -> None:
    with_fields = {name for name, cls in DEFINED.items() if "__init__" in vars(cls)} - {
        "TransactionLost"
    }  # its message is the adapter's
    assert with_fields == {type(error).__name__ for error, _ in MESSAGES}


def test_a_lost_transaction_says_whether_a_new_one_may_succeed() -> None:
    assert errors.TransactionLost("deadlock", retryable=True).retryable
    assert not errors.TransactionLost("gone", retryable=False).retryable


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.InvalidJob, ValueError),
        (errors.PayloadError, ValueError),
        (errors.InvalidArguments, TypeError),
        (errors.ReferenceGone, LookupError),
        (errors.ResultTimeout, TimeoutError),
        (errors.JobNotFound, LookupError),
    ],
)
def test_some_errors_are_builtin_ones_too(
    error: type[QueuekitError], builtin: type[Exception]
) -> None:
    assert issubclass(error, builtin)
