"""Configuration files: which ones count, and what is in them."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from queuekit.config.keys import PROFILES, as_table, parse_table
from queuekit.errors import ConfigurationError

OWN: Final = "queuekit.toml"
SHARED: Final = "pyproject.toml"
TOOL: Final = "tool.queuekit"


@dataclass(frozen=True, slots=True)
class Layer:
    """Checked values that stand together in one place."""

    origin: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class File:
    """One file, read and checked: its main table, and its profiles by name."""

    path: Path
    main: Layer
    profiles: Mapping[str, Layer]


def find_files(start: Path) -> list[File]:
    """The files of the nearest folder, from `start` upward, that has any; the stronger one first.

    A ``pyproject.toml`` counts if it has a table for us.

    Raises:
        ConfigurationError: a file cannot be read, or something in it cannot be.
    """
    for folder in (start, *start.parents):
        own, shared = folder / OWN, folder / SHARED
        found = [_file(own, _toml(own), prefix="")] if os.path.lexists(own) else []
        table = _table_for_us(shared, _toml(shared)) if os.path.lexists(shared) else None
        if table is not None:
            found.append(_file(shared, table, prefix=TOOL))
        if found:
            return found
    return []


def read_named(path: Path) -> File:
    """The one file that somebody named; a ``pyproject.toml`` by its table for us.

    Raises:
        ConfigurationError: it is not there or cannot be read, or something in it cannot be.
    """
    if path.name != SHARED:
        return _file(path, _toml(path), prefix="")
    table = _table_for_us(path, _toml(path))
    if table is None:
        raise ConfigurationError(f"{path} has no [{TOOL}]")
    return _file(path, table, prefix=TOOL)


def _toml(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as problem:
        raise ConfigurationError(f"cannot read {path}: {problem.strerror}") from None
    except UnicodeDecodeError as problem:
        raise ConfigurationError(
            f"{path} is not UTF-8: byte {problem.start} cannot be read"
        ) from None
    except (ValueError, RecursionError) as problem:  # also numbers of thousands of digits
        raise ConfigurationError(f"{path} is no TOML: {problem}") from None


def _table_for_us(path: Path, toml: Mapping[str, object]) -> Mapping[str, object] | None:
    tool = toml.get("tool")
    if not isinstance(tool, dict) or "queuekit" not in tool:
        return None
    return as_table(str(path), TOOL, tool["queuekit"])


def _file(path: Path, table: Mapping[str, object], prefix: str) -> File:
    origin = f"{path} [{prefix}]" if prefix else str(path)
    main = Layer(origin, parse_table(origin, table, profile=False))
    profiles = {}
    for name, profile in as_table(origin, PROFILES, table.get(PROFILES, {})).items():
        at = f"{path} [{prefix}{'.' if prefix else ''}{PROFILES}.{name}]"
        inner = as_table(origin, f"{PROFILES}.{name}", profile)
        profiles[name] = Layer(at, parse_table(at, inner, profile=True))
    return File(path, main, profiles)
