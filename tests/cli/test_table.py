"""Columns, times and texts as people see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from queuekit.cli import table as module
from queuekit.cli.table import ago, count_words, cut, fields, print_table, safe, table, width

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (0.4, "now"),
        (-0.4, "now"),
        (3, "3 s ago"),
        (-3, "in 3 s"),
        (90, "90 s ago"),
        (120, "2 m ago"),
        (-299.9, "in 5 m"),
        (7200, "2 h ago"),
        (86_400 * 1.9, "46 h ago"),
        (86_400 * 400, "400 d ago"),
    ],
)
def test_a_time_is_told_as_seen_from_now(seconds: float, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_what_a_terminal_would_act_upon_is_shown_escaped() -> None:
    assert safe("a\x1b[31mb\nc\td\x00\x7f\x9b") == "a\\x1b[31mb\\nc\\td\\x00\\x7f\\x9b"
    assert safe("\u202egnp.exe") == "\\u202egnp.exe"
    assert safe("\ud800") == "\\ud800"
    assert safe("grüße 漢字 ✓") == "grüße 漢字 ✓"


def test_wide_characters_take_two_columns_and_accents_none() -> None:
    assert width("漢字") == 4
    assert width("e\u0301") == 1
    rows = table([["漢字", "x"], ["abcdef", "y"]])
    assert rows == ["漢字    x", "abcdef  y"]


def test_columns_are_aligned_and_lines_end_without_blanks() -> None:
    rows = table([["A", "N", ""], ["long", 1, ""], ["b", 100, "z"]], [False, True, False])
    assert rows == ["A       N", "long    1", "b     100  z"]
    assert table([]) == []


def test_a_newline_in_a_cell_makes_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["A"], [["x\ny"]])
    assert capsys.readouterr().out == "A\nx\\ny\n"


def test_the_start_of_a_name_gives_way_on_a_narrow_terminal_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [["x" * 20, "shop.mail.send_invoice"]]
    print_table(["ID", "TASK"], rows, shrink="TASK")
    assert capsys.readouterr().out.splitlines()[1] == "x" * 20 + "  shop.mail.send_invoice"
    monkeypatch.setattr(module, "_on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "36")
    print_table(["ID", "TASK"], rows, shrink="TASK")
    assert capsys.readouterr().out.splitlines()[1] == "x" * 20 + "  ….send_invoice"
    monkeypatch.setenv("COLUMNS", "10")
    print_table(["ID", "TASK"], rows, shrink="TASK")
    assert capsys.readouterr().out.splitlines()[1] == "x" * 20 + "  …invoice"


def test_cut_counts_columns_not_characters() -> None:
    assert cut("漢字漢字", 5) == "…漢字"
    assert cut("漢字漢字", 4) == "…字"
    assert cut("abc", 3) == "abc"


def test_a_value_of_several_lines_goes_on_below_itself() -> None:
    assert fields([("a", "1\n2"), ("long", ""), ("b", "\x1b")], indent=" ") == [
        " a     1",
        "       2",
        " long",
        " b     \\x1b",
    ]


def test_words_for_a_number_of_things() -> None:
    assert count_words(1, "job") == "1 job"
    assert count_words(1284, "job") == "1,284 jobs"
    assert count_words(0, "job") == "0 jobs"
