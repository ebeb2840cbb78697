"""The demo's arithmetic: files, and what can be counted in them. Knows nothing of queues."""

from __future__ import annotations

import hashlib
import os
import stat
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypedDict

ENOUGH_FILES: Final = 1_000
"""Distributions that trim Python's library leave some 700 files; the installed packages are added
there."""

STUMBLE_SHARE: Final = 50
"""One file in so many fails at its first attempt."""

_LEFT_OUT: Final = frozenset({"__pycache__"})
_PACKAGES: Final = frozenset({"site-packages", "dist-packages"})


MOST_SUFFIXES: Final = 100
"""Kinds of files that are told apart; the rarer ones are added up, so that a result stays small."""

OTHERS: Final = "(others)"


class Sums(TypedDict):
    """What is counted.

    `sha256` of one file is its own; of several, the exclusive-or, which no order changes.
    """

    files: int
    bytes: int
    lines: int
    words: int
    sha256: str


def no_sums() -> Sums:
    """The sums of nothing."""
    return Sums(files=0, bytes=0, lines=0, words=0, sha256="0" * 64)


def add(one: Sums, other: Sums) -> Sums:
    """The sums of both."""
    return Sums(
        files=one["files"] + other["files"],
        bytes=one["bytes"] + other["bytes"],
        lines=one["lines"] + other["lines"],
        words=one["words"] + other["words"],
        sha256=f"{int(one['sha256'], 16) ^ int(other['sha256'], 16):064x}",
    )


def fold(sums: Mapping[str, Sums]) -> dict[str, Sums]:
    """The same sums with the rarer suffixes added up under one name; the order is by suffix."""
    ranked = sorted(sums, key=lambda suffix: (-sums[suffix]["files"], suffix))
    folded = {suffix: sums[suffix] for suffix in sorted(ranked[:MOST_SUFFIXES])}
    for suffix in ranked[MOST_SUFFIXES:]:
        folded[OTHERS] = add(folded.get(OTHERS, no_sums()), sums[suffix])
    return folded


def measure_file(path: Path) -> Sums:
    """The sums of one file."""
    data = path.read_bytes()
    return Sums(
        files=1,
        bytes=len(data),
        lines=data.count(b"\n"),
        words=len(data.split()),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def stumbles(path: str) -> bool:
    """Whether the job of this file fails at its first attempt: always the same ones."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest()[0] % STUMBLE_SHARE == 0


def default_folders() -> list[Path]:
    """Python's own standard library; where that is trimmed, the installed packages too."""
    library = Path(sysconfig.get_path("stdlib"))
    if sum(1 for _ in files_in(library, packages=False)) >= ENOUGH_FILES:
        return [library]
    return [library, Path(sysconfig.get_path("purelib"))]


def files_in(folder: Path, *, packages: bool = True) -> Iterator[Path]:
    """Every regular file below a folder, sorted, bytecode caches aside: those change while the demo
    runs.

    Links are not followed. Names that are no Unicode text are left out, as no argument can carry
    them.
    """
    left_out = _LEFT_OUT if packages else _LEFT_OUT | _PACKAGES
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in left_out)
        for name in sorted(names):
            path = Path(parent, name)
            if _is_text(str(path)) and _is_regular(path):
                yield path


def _is_regular(path: Path) -> bool:
    """Whether it is a file itself, as far as this user may know."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
