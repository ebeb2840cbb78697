"""No password reaches a person, however its URL is broken."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from queuekit.urls import hide_password

PASSWORD = "hunter2"

ANY_TEXT = st.text(min_size=1, max_size=20)
ONE_WORD = ANY_TEXT.filter(lambda text: not any(character.isspace() for character in text))
PUNCTUATION = st.text(alphabet="@:/?#&=%'\" ,;|x\\[]", min_size=1, max_size=12)
PLACES = [
    "postgres://user:{}@host/db",
    "postgresql+psycopg://user:{}@host:5432/db?sslmode=require",
    "redis://:{}@host:6379/0",
    "mysql://user@server:{}@host/db",
    "://user:{}@host",
    "postgres:///user:{}@host/db",
    "POSTGRES://user:{}@[::1",
]
OPTIONS = [
    "postgres://host/db?password={}",
    "postgres://host/db?user=u&sslpassword={}&sslmode=require",
    "postgres://host:99999999/db?PASSWD={}",
    "postgres://host/db?%70assword={}",
    "postgres://host/db?options=-c%20password={}",
    "redis://host?access_token={}&db=1",
    "redis://host?auth={}",
]


def marked(password: str) -> str:
    """The password, made unmistakable at both ends, so that no part of it is found by chance."""
    return f"k3y{password}w0rd"


def is_hidden(password: str, text: str) -> bool:
    return "***" in text and not any(part in text for part in ("k3y", "w0rd", password))


@pytest.mark.parametrize("place", PLACES)
@given(password=ANY_TEXT | PUNCTUATION)
def test_a_url_shows_nothing_of_a_password_before_its_host(place: str, password: str) -> None:
    password = marked(password)
    assert is_hidden(password, hide_password(place.format(password)))
    encoded = quote(password, safe="")
    assert is_hidden(encoded, hide_password(place.format(encoded)))


@pytest.mark.parametrize("place", OPTIONS)
@given(password=(ANY_TEXT | PUNCTUATION).map(quote))
def test_a_url_shows_nothing_of_a_password_among_its_options(place: str, password: str) -> None:
    password = marked(password)
    assert is_hidden(password, hide_password(place.format(password)))


@pytest.mark.parametrize("place", PLACES)
@given(password=ONE_WORD)
def test_a_url_among_other_words_shows_nothing_of_its_password(place: str, password: str) -> None:
    password = marked(password)
    text = f"cannot open {place.format(password)}: no such host"
    assert is_hidden(password, hide_password(text))


@given(ONE_WORD, ONE_WORD)
def test_several_urls_in_one_text_show_neither_password(one: str, other: str) -> None:
    one, other = marked(one), marked(other)
    assume("://" not in one + other)
    text = f"url is postgres://u:{one}@h/db in a.toml, but 'redis://:{other}@h2' in b.toml"
    hidden = hide_password(text)
    assert is_hidden(one, hidden)
    assert is_hidden(other, hidden)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://u:p@h/db", "postgres://u:***@h/db"),
        ("postgres://u:p@ss/w@h/db?x=1", "postgres://u:***@h/db?x=1"),
        ("postgres://h/db?user=u&password=p&x=1", "postgres://h/db?user=u&password=***&x=1"),
        ("postgres://h/db?password=p&q&x=1", "postgres://h/db?password=***&x=1"),
        (
            "no postgres://u:p@h/db and no redis://:q@h2 here",
            "no postgres://u:***@h/db and no redis://:***@h2 here",
        ),
        ("postgres://u:p@h, redis://:q@h2", "postgres://u:***@h, redis://:***@h2"),
        ("postgres://u:p 'a://b@h", "postgres://u:***@h"),
        ("two: a://u:p@h,b://u:q@h", "two: a://u:***@h,b://u:***@h"),
        ("at postgres://u:my pa@ss@h/db now", "at postgres://u:***@h/db now"),
        ("postgres:/u:p@h", "postgres:***@h"),
        ("u:p@h", "u:***@h"),
        ("host=h user=u password=p", "host=h user=u password=***"),
    ],
)
def test_what_is_no_password_stays_readable(text: str, shown: str) -> None:
    assert hide_password(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sqlite:///jobs.db",
        "sqlite:////srv/a:b@c.db",
        "sqlite:///data/a:b@c.db",
        "/srv/a:b@c.db",
        "./a:b@c.db",
        "memory://",
        "redis://user@host:6379/0",
        "postgres://host:5432/db?sslmode=require",
        "see redis://localhost:6379/0 is down; ask ops@example.org",
        "redis://localhost:6379, which is down; ask ops",
        "jobs.db is locked: retry at 12:30",
        "write @app.task or @app.task(queue=...), with authors=3",
    ],
)
def test_text_without_a_password_is_left_as_it_is(text: str) -> None:
    assert hide_password(text) == text


@given(st.text() | PUNCTUATION.map(lambda text: f"a://b:{text}@c {text}"))
def test_hidden_once_is_hidden_for_good(text: str) -> None:
    hidden = hide_password(text)
    assert hide_password(hidden) == hidden


def test_nothing_of_the_usual_password_in_the_usual_url() -> None:
    assert PASSWORD not in hide_password(f"postgresql://app:{PASSWORD}@db.internal/jobs")
