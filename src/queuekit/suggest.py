"""What somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

CLOSE: Final = 0.6
"""Likeness from which on a name is offered; difflib's own default."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``, did you mean 'mail'?`` to put behind a message; nothing if no known name is like it.

    A name that is written without its module, or in another case, is found too.
    """
    candidates = sorted(known)
    for candidate in candidates:
        if candidate.lower() == name.lower() or candidate.endswith((f".{name}", f":{name}")):
            return f", did you mean {candidate!r}?"
    close = get_close_matches(name, candidates, n=1, cutoff=CLOSE)
    return f", did you mean {close[0]!r}?" if close else ""
