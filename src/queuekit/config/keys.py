"""Every key that may be set: what its value may be, and what it is if nobody sets it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from queuekit.errors import InvalidConfiguration
from queuekit.job import MAX_NAME
from queuekit.suggest import did_you_mean
from queuekit.urls import hide_password
from queuekit.words import parse_duration, show_duration
from queuekit.worker.settings import DEFAULT_COROUTINES, DEFAULT_GRACE, DEFAULT_LEASE

LONGEST: Final = timedelta(days=1)
"""A lease or a grace above it is a slip of the pen: nobody waits a day for a dead worker's jobs."""


@dataclass(frozen=True, slots=True)
class Key:
    """What one key takes.

    `parse` makes the value from what stands in a file, `from_text` that from an environment
    variable; both raise ValueError with a message that begins behind ``key:``. `default` is called
    anew each time.
    """

    parse: Callable[[object], Any]
    default: Callable[[], Any] = lambda: None
    from_text: Callable[[str], object] = lambda text: text


def _url(value: object) -> str:
    text = _text(value)
    if "://" not in text and "${" not in text:
        raise ValueError(f"{_shown(text)} is no URL; write one such as sqlite:///jobs.db")
    return text


def _app(value: object) -> str:
    text = _text(value)
    module, _, name = text.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), name or "app")):
        raise ValueError(f"{_shown(text)} names no app; write module:name, such as jobs:app")
    return text


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is no text")
    if not value.strip():
        raise ValueError("is empty; leave it out, or give it a value")
    return value.strip()


def _whole(least: int, most: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"{_shown(value)} is no whole number")
        if not least <= value <= most:
            raise ValueError(f"{_shown(value)} is out of range; it may be {least} to {most}")
        return value

    return parse


def _digits(text: str) -> int | str:
    """The number that a text holds, else the text, for `_whole` to refuse."""
    try:
        return int(text) if text.isascii() else text
    except ValueError:
        return text


def _duration(least: timedelta) -> Callable[[object], timedelta]:
    def parse(value: object) -> timedelta:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"{_shown(value)} is no duration; write 30s, or a number of seconds")
        try:
            duration = parse_duration(value) if isinstance(value, str) else timedelta(seconds=value)
        except (OverflowError, ValueError) as problem:  # not only a number too large: inf, nan
            text = str(problem) if isinstance(value, str) else f"{_shown(value)} is no duration"
            raise ValueError(text) from None
        if not least <= duration <= LONGEST:
            raise ValueError(
                f"{show_duration(duration)} is out of range; it may be {show_duration(least)} to"
                f" {show_duration(LONGEST)}"
            )
        return duration

    return parse


def _names(value: object) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{_shown(value)} is no list of names")
    stripped = tuple(name.strip() for name in names)
    if not stripped or stripped == ("",):
        raise ValueError("is empty; leave it out to serve every queue")
    for name in stripped:
        if not 0 < len(name) <= MAX_NAME:
            raise ValueError(f"{_shown(name)} is no name of a queue: 1 to {MAX_NAME} characters")
    return stripped


def _shown(value: object) -> str:
    """A value as a message shows it: of bounded length, and without a password."""
    try:
        text = hide_password(repr(value))
    except ValueError:  # a whole number of more digits than Python will write
        text = "this number"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _unsupported(value: object) -> None:  # noqa: ARG001 - it takes no value at all
    raise ValueError("not supported by this release; remove it")


KEYS: Final[Mapping[str, Key]] = {
    "url": Key(_url),
    "app": Key(_app),
    "worker.queues": Key(_names),
    "worker.concurrency": Key(_whole(1, 1_000), lambda: os.cpu_count() or 1, _digits),
    "worker.coroutines": Key(_whole(1, 10_000), lambda: DEFAULT_COROUTINES, _digits),
    "worker.lease": Key(_duration(timedelta(seconds=1)), lambda: DEFAULT_LEASE),
    "worker.grace": Key(_duration(timedelta(0)), lambda: DEFAULT_GRACE),
}
"""All settings. A lease under a second is refused, since a third of it is the time for a heartbeat
to be answered."""

RESERVED: Final = {"locks": Key(_unsupported), "routes": Key(_unsupported)}
"""Words that files may come to hold."""

WORKER: Final = "worker"
PROFILES: Final = "profiles"


def default_of(key: str) -> Any:
    """What holds for a key that nobody sets; None if nothing does, or every queue."""
    return KEYS[key].default()


def parse(origin: str, key: str, value: object, kind: Key | None = None) -> Any:
    """The value of a key.

    Raises:
        InvalidConfiguration: it cannot be that.
    """
    try:
        return (kind or KEYS[key]).parse(value)
    except ValueError as problem:
        raise InvalidConfiguration(origin, key, str(problem)) from None


def parse_table(origin: str, table: Mapping[str, object], *, profile: bool) -> dict[str, Any]:
    """The values in a file's main table, or in one of its profiles, by their dotted keys.

    The main table's profiles are left for another call.

    Raises:
        InvalidConfiguration: a key is unknown, or a value cannot be.
    """
    known = KEYS if profile else {**KEYS, **RESERVED}
    values = {}
    for key, value in _flat(origin, table, skip="" if profile else PROFILES):
        if key not in known:
            names = [*known, *({WORKER} if profile else {WORKER, PROFILES})]
            hint = did_you_mean(key, names) or f"; there are: {', '.join(known)}"
            raise InvalidConfiguration(origin, key, f"no such setting{hint}")
        values[key] = parse(origin, key, value, known[key])
    return values


def _flat(origin: str, table: Mapping[str, object], skip: str) -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if key == WORKER:
            worker = as_table(origin, key, value)
            yield from ((f"{WORKER}.{inner}", worker[inner]) for inner in worker)
        elif key != skip:
            yield key, value


def as_table(origin: str, key: str, value: object) -> Mapping[str, object]:
    """The table under a key.

    Raises:
        InvalidConfiguration: something else stands there.
    """
    if not isinstance(value, dict):
        raise InvalidConfiguration(origin, key, f"{_shown(value)} is no table")
    return value
