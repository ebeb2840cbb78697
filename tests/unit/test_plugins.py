"""Opening a store by its URL: nothing of the URL is lost on the way."""

from __future__ import annotations

import pytest

from queuekit.errors import ConfigurationError
from queuekit.plugins import open_store

LOSSY = [
    ("memory://a#b", "%23"),
    ("memory://a\nb", "%0A"),
    ("memory://a\tb", "%09"),
    ("memory://a\x7f", "%7F"),
    ("memory://a?b", "no value"),
    ("memory://a?b=", "no value"),
    ("memory://a?b=1&b=2", "twice"),
    ("memory://[a", "no URL"),
    ("memory", "no scheme"),
]


@pytest.mark.parametrize(("url", "word"), LOSSY, ids=ascii)
def test_a_url_of_which_a_part_would_be_lost_is_refused(url: str, word: str) -> None:
    with pytest.raises(ConfigurationError, match=word) as refused:
        open_store(url)
    assert "\n" not in str(refused.value)


def test_a_refused_url_shows_no_password() -> None:
    with pytest.raises(ConfigurationError) as refused:
        open_store("sqlite://me:secret@host/#jobs.db")
    assert "secret" not in str(refused.value)
