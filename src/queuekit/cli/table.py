"""What people and scripts read: aligned columns, one JSON object, and remarks on stderr.

What jobs hold was written by anybody, so control characters never reach a terminal as they are.
"""

from __future__ import annotations

import json
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import click

GAP: Final = "  "
NARROWEST: Final = 8
"""Columns that a shrunk cell keeps at least; below that it says nothing."""

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def say(text: str) -> None:
    """A remark for the person, on stderr."""
    click.echo(f"queuekit: {safe(text)}", err=True)


def print_json(value: dict[str, Any]) -> None:
    """One JSON object. In ASCII, so that any terminal and any encoding can take it."""
    click.echo(json.dumps(value, indent=2))


def safe(text: str) -> str:
    """The text with whatever a terminal would act upon, or not show, escaped."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def print_table(
    headers: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Iterable[str] = (),
    shrink: str | None = None,
) -> None:
    """Aligned columns under their headers.

    Cells of the columns in `right` stand at their right edge. On a terminal that is too narrow the
    column `shrink` is cut; nothing is cut elsewhere.
    """
    to_right = [header in set(right) for header in headers]
    at = None if shrink is None or not _on_terminal() else list(headers).index(shrink)
    for line in table([headers, *rows], to_right, at):
        click.echo(line)


def table(
    rows: Sequence[Sequence[object]], to_right: Sequence[bool] = (), shrink: int | None = None
) -> list[str]:
    """Lines of aligned columns; one of them may give way to what the terminal's width lacks."""
    cells = [[safe(str(cell)) for cell in row] for row in rows]
    if not cells:
        return []
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    if shrink is not None:
        over = sum(widths) + len(GAP) * (len(widths) - 1) - shutil.get_terminal_size().columns
        widths[shrink] = max(min(NARROWEST, widths[shrink]), widths[shrink] - max(0, over))
        for row in cells:
            row[shrink] = cut(row[shrink], widths[shrink])
    edges = to_right or [False] * len(widths)
    return [GAP.join(map(_pad, row, widths, edges)).rstrip() for row in cells]


def print_fields(pairs: Iterable[tuple[str, str]], indent: str = "") -> None:
    """Lines of a label and a value, for one thing."""
    for line in fields(pairs, indent):
        click.echo(line)


def fields(pairs: Iterable[tuple[str, str]], indent: str = "") -> list[str]:
    """Lines of a label and a value. A value of several lines goes on below itself."""
    listed = [(label, value.splitlines() or [""]) for label, value in pairs]
    room = max((width(label) for label, _ in listed), default=0)
    return [
        f"{indent}{_pad(label if number == 0 else '', room, False)}{GAP}{safe(line)}".rstrip()
        for label, lines in listed
        for number, line in enumerate(lines)
    ]


def _on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def cut(text: str, room: int) -> str:
    """The text, or an ellipsis and its end, in at most `room` columns. Of a dotted name, the end is
    what tells it from others.
    """
    if width(text) <= room:
        return text
    kept = ""
    left = room - 1
    for character in reversed(text):
        left -= _columns(character)
        if left < 0:
            break
        kept = character + kept
    return f"…{kept}"


def _pad(cell: str, room: int, at_right: bool) -> str:
    padding = " " * (room - width(cell))
    return padding + cell if at_right else cell + padding


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def ago(instant: datetime, now: datetime) -> str:
    """When it was or will be, as seen from now: ``3 s ago``, ``in 5 m``."""
    lapse = now - instant
    if abs(lapse) < timedelta(seconds=0.5):
        return "now"
    return f"{span(lapse)} ago" if lapse > timedelta(0) else f"in {span(-lapse)}"


def span(duration: timedelta) -> str:
    """A duration in the largest unit of which it holds two, as a person says it: ``90 s``,
    ``5 m``.
    """
    seconds = round(duration.total_seconds())
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= 2 * size), _UNITS[-1])
    return f"{round(seconds / size)} {unit}"


def count_words(number: int, noun: str) -> str:
    """``1 job``, ``1,284 jobs``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
