"""The environment: the variables that set something, and those that a file's URL names."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import quote

from queuekit.config.keys import KEYS, WORKER, parse
from queuekit.errors import InvalidConfiguration

PREFIX: Final = "QUEUEKIT_"
WORKER_PREFIX: Final = f"{PREFIX}{WORKER.upper()}_"
URL_VARIABLE: Final = f"{PREFIX}URL"
CONFIG_VARIABLE: Final = f"{PREFIX}CONFIG"
PROFILE_VARIABLE: Final = f"{PREFIX}PROFILE"

SETTING_VARIABLES: Final = {f"{PREFIX}{key.replace('.', '_').upper()}": key for key in KEYS}
"""Variable to the key that it sets."""

FLAG_VARIABLES: Final = (f"{WORKER_PREFIX}QUIET", f"{WORKER_PREFIX}BURST")
"""What the worker's command reads for itself: a flag that no file may set."""

_KNOWN: Final = (*SETTING_VARIABLES, CONFIG_VARIABLE, PROFILE_VARIABLE, *FLAG_VARIABLES)

_REFERENCE: Final = re.compile(r"\$\$|\$\{([^}]*)(\}?)")


def variable(name: str) -> str | None:
    """The text of a variable; an empty one counts as unset."""
    return os.environ.get(name) or None


def read_variables() -> dict[str, tuple[str, Any]]:
    """Each key that a variable sets: the variable's name, and the value.

    Raises:
        InvalidConfiguration: a value cannot be.
    """
    found = {}
    for name, key in SETTING_VARIABLES.items():
        text = variable(name)
        if text is not None:
            found[key] = name, parse(name, key, KEYS[key].from_text(text))
    return found


def misspelt_variables() -> list[str]:
    """A line for each variable that somebody seems to have meant for us."""
    lines = []
    for name in sorted(os.environ):
        if not name.startswith(PREFIX) or name in _KNOWN or not variable(name):
            continue
        meant = _meant_by(name)
        if meant:
            lines.append(f"{name} is not read, did you mean {meant}?")
        elif name.startswith(WORKER_PREFIX):
            lines.append(f"{name} is not read: [{WORKER}] has no such setting")
    return lines


def _meant_by(name: str) -> str:
    """The known variable that is like this one; nothing if none is.

    They are compared without what they all begin with. One of more words than any known one is no
    slip of the pen but a flag of some command, such as QUEUEKIT_DEMO_URL.
    """
    prefix = WORKER_PREFIX if name.startswith(WORKER_PREFIX) else PREFIX
    ends = [
        known.removeprefix(prefix)
        for known in _KNOWN
        if known.startswith(prefix) and known.count("_") >= name.count("_")
    ]
    close = get_close_matches(name.removeprefix(prefix), ends, n=1)
    return prefix + close[0] if close else ""


def fill_in(written: str, origin: str) -> str:
    """A file's URL with each ``${VAR}`` replaced, and ``$$`` by a dollar.

    The text of a variable is percent-encoded, since it may hold what ends a part of a URL; if the
    whole URL is one variable, it is a URL already.

    Raises:
        InvalidConfiguration: a variable is not set, or a brace is not closed.
    """
    whole = _REFERENCE.fullmatch(written)

    def text_of(reference: re.Match[str]) -> str:
        name, closed = reference[1], reference[2]
        if name is None:
            return "$"
        if not closed or not name:
            raise InvalidConfiguration(
                origin, "url", f"{reference[0]!r} names no variable; write ${{NAME}}, or $$ for a $"
            )
        text = variable(name)
        if text is None:
            raise InvalidConfiguration(origin, "url", f"the environment variable {name} is not set")
        return text if whole else quote(text, safe="")

    return _REFERENCE.sub(text_of, written)
