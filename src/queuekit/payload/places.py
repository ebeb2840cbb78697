"""Where in a payload something was refused, and what is raised for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from queuekit.errors import JobError, PayloadError
from queuekit.payload.forms import Refused, name_of
from queuekit.payload.text import Unstorable

_SHOWN_PLACES: Final = 12
"""Steps of a path that an error shows; where it goes deeper, the rest is left out."""


@contextmanager
def inside(place: str) -> Iterator[None]:
    """Add the place to the path of what is refused in the block."""
    try:
        yield
    except Refused as refused:
        refused.path.append(place)
        raise


def placed(refused: Refused, root: str) -> JobError:
    """What to raise, now that the whole path is known."""
    places = refused.path[::-1]
    path = root + "".join(places[:_SHOWN_PLACES]) + "…" * (len(places) > _SHOWN_PLACES)
    return refused.at(path)


class OnlyOurErrors:
    """Lets nothing out but what the codec says it raises, and orders to stop."""

    __slots__ = ("what",)

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, problem: BaseException | None, traceback: object) -> None:
        if problem is None or isinstance(problem, JobError | Unstorable):
            return
        if isinstance(problem, RecursionError):
            raise PayloadError(self.what, "nested too deep, or holding itself") from None
        if isinstance(problem, Exception):  # such as a dict that another thread changes meanwhile
            name = name_of(type(problem))
            raise PayloadError(self.what, f"cannot be written or read: {name}") from problem


def member(key: str) -> str:
    """The place under a key."""
    if key.isidentifier() and len(key) <= 40:
        return f".{key}"
    return f"[{key[:40]!r}]"


def is_tag(items: Mapping[str, Any]) -> bool:
    """Whether a dict looks like a tag: one key, which starts with a dollar."""
    return len(items) == 1 and next(iter(items)).startswith("$")
