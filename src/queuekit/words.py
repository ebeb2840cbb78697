"""Durations as people write and read them: ``30s``, ``1h30m``, ``7d``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_SHOWN: Final = ("d", "h", "m")
"""Units that are counted in whole numbers; the rest is shown in seconds."""

_NUMBER: Final = r"[0-9]+(?:\.[0-9]+)?"
_PART: Final = re.compile(rf"({_NUMBER})(ms|[wdhms])\s*")
_WHOLE: Final = re.compile(rf"(?:{_PART.pattern})+")


def parse_duration(text: str) -> timedelta:
    """The duration that a text means: numbers with units, or a number of seconds alone.

    The units are ``w``, ``d``, ``h``, ``m``, ``s`` and ``ms``, and larger ones come first.

    Raises:
        ValueError: it means none; the message says what to write.
    """
    written = text.strip()
    parts = [("s", written)] if re.fullmatch(_NUMBER, written) else _parts(written)
    try:
        return sum((_UNITS[unit] * float(number) for unit, number in parts), timedelta(0))
    except OverflowError:
        raise ValueError(f"{text!r} is longer than any date allows") from None


def _parts(written: str) -> list[tuple[str, str]]:
    parts = [(unit, number) for number, unit in _PART.findall(written)]
    units = [unit for unit, _ in parts]
    in_order = units == [unit for unit in _UNITS if unit in units]
    if not _WHOLE.fullmatch(written) or not in_order:
        raise ValueError(
            f"{written!r} is no duration; write 30s, 500ms, 1h30m or 7d, or a number of seconds"
        )
    return parts


def show_duration(duration: timedelta) -> str:
    """The duration in the form that `parse_duration` reads, nothing rounded: ``1h30m``, ``1.5s``.

    A negative one has a minus in front.
    """
    if duration < timedelta(0):
        return f"-{show_duration(-duration)}"
    shown, rest = "", duration
    for unit in _SHOWN:
        number, rest = divmod(rest, _UNITS[unit])
        shown += f"{number}{unit}" if number else ""
    if not shown and timedelta(0) < rest < _UNITS["s"] and not rest % _UNITS["ms"]:
        return f"{rest // _UNITS['ms']}ms"
    if rest or not shown:
        number, micros = divmod(rest, _UNITS["s"])
        fraction = f".{micros.microseconds:06}".rstrip("0") if micros else ""
        shown += f"{number}{fraction}s"
    return shown
