"""Where a store lies: URLs, read into an absolute path and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from queuekit.errors import ConfigurationError


class Synchronous(StrEnum):
    """How far a commit goes before it returns.

    Less than these would lose more than the last commits.
    """

    FULL = "full"
    """Onto the disk: survives a power cut."""
    NORMAL = "normal"
    """To the operating system: survives a killed process; a power cut may undo the last commits,
    never tear one."""


@dataclass(frozen=True, slots=True)
class Location:
    """A database file and how to write to it."""

    path: Path
    synchronous: Synchronous = Synchronous.FULL


_SHAPES: Final = (
    "sqlite:///jobs.db for a file here, sqlite:////srv/app/jobs.db for an absolute path"
)


def read_url(url: str, options: Mapping[str, str], folder: Path | None = None) -> Location:
    """The location that a URL means; a relative path counts from `folder`, or from the current
    directory, now.

    Raises:
        ConfigurationError: no file is named, or an option or its value is unknown.
    """
    parts = urlsplit(url)
    if "+" in parts.scheme:
        raise ConfigurationError(f"SQLite needs no driver: write sqlite:// for {parts.scheme}://")
    if parts.netloc:
        raise ConfigurationError(
            f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}... names a host, and SQLite has"
            f" none: write three slashes, as in {_SHAPES}"
        )
    name = _decode(parts.path).removeprefix("/")
    if name in ("", ":memory:"):
        raise ConfigurationError(
            f"{parts.scheme}:// needs a file: {_SHAPES}. A store that lives in this process alone"
            " is memory://"
        )
    if "\x00" in name:
        raise ConfigurationError("the path of an SQLite file cannot hold a NUL character")
    synchronous = _read_options(options)
    try:
        return Location(Path(folder or "", name).absolute(), synchronous)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{name!r} counts from the current directory, which was deleted; name an absolute path:"
            f" {_SHAPES}"
        ) from None


def _decode(path: str) -> str:
    try:
        name = unquote(path, errors="strict")
        name.encode()
    except UnicodeError:
        raise ConfigurationError(
            f"the path {path!a} is not UTF-8, which URLs are written in; write each byte of a"
            " character's UTF-8 as %XX, such as %C3%BC for u-umlaut, or rename the file"
        ) from None
    return name


def _read_options(options: Mapping[str, str]) -> Synchronous:
    for option in options:
        if option != "synchronous":
            raise ConfigurationError(f"sqlite:// knows no option {option!r}; it has: synchronous")
    value = options.get("synchronous", Synchronous.FULL)
    try:
        return Synchronous(value)
    except ValueError:
        raise ConfigurationError(
            f"synchronous={value} is not offered: full (survives a power cut) or normal"
            " (a power cut may undo the last commits)"
        ) from None
