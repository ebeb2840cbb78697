"""What the documentation shows is what happens: every block of every page is run, in order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.session import NOT_RUN, Session, blocks_of

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        ROOT / "README.md",
        *(ROOT / "docs" / "tutorial").rglob("*.md"),
        *(ROOT / "docs" / "how-to").rglob("*.md"),
        *(ROOT / "docs" / "reference").rglob("*.md"),
    ]
)
ALL_PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def name_of(page: Path) -> str:
    """A page as a test's id."""
    return str(page.relative_to(ROOT))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_of_a_page_runs_and_shows_what_it_says(page: Path, tmp_path: Path) -> None:
    with Session(tmp_path) as session:
        for block in blocks_of(page):
            session.run(block)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_says_of_every_block_what_it_is(page: Path) -> None:
    opened = re.findall(r"^```(\w*)$", page.read_text(), re.MULTILINE)[::2]
    assert set(opened) <= {"python", "toml", "console", *NOT_RUN}, opened


@pytest.mark.parametrize("page", ALL_PAGES, ids=name_of)
def test_a_page_links_to_what_is_there(page: Path) -> None:
    text = page.read_text()
    for target, _, anchor in re.findall(r"\]\(([^)#\s]*)(#([^)\s]+))?\)", text):
        if target.startswith(("http:", "https:")):
            continue
        linked = (page.parent / target) if target else page
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors_of(linked), f"{target}#{anchor}"


def anchors_of(page: Path) -> set[str]:
    """The headings of a page, as links to them are written."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }
