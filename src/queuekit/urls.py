"""Passwords in URLs, and how to keep them from people's eyes."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "***"

_SCHEME: Final = r"[\w+.-]*://"
_NEXT: Final = rf"[\s\"'<>(,;|]{_SCHEME}"
"""Where another URL begins in the same text."""

_USER: Final = r"(?:[^\s/:][^\s:]*|/[^\s/:]*)?:"
"""A user and the colon behind it. Malformed ones count, with slashes in the user or one slash too
many before it; but ``:////srv/a:b@c.db`` is the path of a file, and so is ``:///srv/a:b@c.db``."""

_PORT: Final = r"[0-9]{1,5}(?![^\s/?#,;)\"'])"

_IN_URL: Final = re.compile(
    rf"({_SCHEME}{_USER})(?:(?:(?!{_NEXT}).)*|(?!{_PORT}).*)@", re.DOTALL | re.IGNORECASE
)
"""Up to the last @ of the URL. If it has none, though no port follows the colon, then what looked
like the next URL is part of the password."""

_IN_PROSE: Final = re.compile(
    rf"({_SCHEME}{_USER})(?:(?:(?!{_NEXT})\S)*|(?!{_PORT}).*?\S*)@", re.IGNORECASE
)
"""The same where other words may follow: in one word if it has an @, else within the line."""

_WITHOUT_SCHEME: Final = re.compile(r"(?<!\S)(?![./~])(?!\S*://)([^\s:]*:)\S*@")
"""``user:password@host``, and what lacks a colon or a slash; a word that begins as a path is
one."""

_OPTION_OF_URL: Final = re.compile(r"([^\s=&?#]+)=([^&]*(?:&[^=&]*(?=&|$))*)")
_OPTION_IN_PROSE: Final = re.compile(r"([^\s=&?#]+)=([^\s&]*(?:&[^\s=&]*(?![^\s&]))*)")
"""An option and its value, which goes on behind an & that begins no other option."""

_SECRET: Final = re.compile(
    r"(?:pass|pwd|secret|token|credential|api_?key|access_?key|auth(?==))[^=]*=", re.IGNORECASE
)
_ESCAPE: Final = re.compile(r"%([0-9a-fA-F]{2})")


def hide_password(text: str) -> str:
    """The text with ``***`` for every password in a URL, before the host and in options alike.

    The text may be a URL, or hold some among other words. It rather hides too much than too little:
    a URL that cannot be parsed loses all that may be a password.
    """
    is_url = re.match(_SCHEME, text) is not None
    userinfo, option = (_IN_URL, _OPTION_OF_URL) if is_url else (_IN_PROSE, _OPTION_IN_PROSE)
    text = userinfo.sub(rf"\1{HIDDEN}@", text)
    text = _WITHOUT_SCHEME.sub(rf"\1{HIDDEN}@", text)
    return option.sub(_hide_option, text)


def _hide_option(option: re.Match[str]) -> str:
    """The option, without its value if its name, or a name in its value, is that of a secret."""
    written = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), option[0])
    return f"{option[1]}={HIDDEN}" if _SECRET.search(written) else option[0]
