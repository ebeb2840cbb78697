"""Any exception as text that every store can keep.

Nothing that an exception does can stop it from being recorded.
"""

from __future__ import annotations

import traceback

from queuekit.job import Failure
from queuekit.payload import storable_text


def failure_of(error: BaseException) -> Failure:
    """Class, message, traceback and cause of an exception, whatever its own methods do."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return Failure(
        error_class=storable_text(_class_name(error), 255),
        message=storable_text(_message(error)),
        traceback=storable_text(_traceback(error)),
        cause=None if cause is None else storable_text(f"{_class_name(cause)}: {_message(cause)}"),
    )


def _class_name(error: BaseException) -> str:
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as problem:  # a user's __str__ may raise anything
        return f"<no message: __str__ raised {type(problem).__name__}>"


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except BaseException:  # formatting calls __str__ and __repr__ of everything in the chain
        return "".join(traceback.format_tb(error.__traceback__)) + _class_name(error)
