"""A fresh store for each test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The helpers of these tests are found from the checkout's root, as the type checker finds them.
sys.path.insert(0, str(Path(__file__).parents[3]))

from adapters.sqlite.tests.words import open_at

from queuekit_sqlite.store import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    opened = open_at(path)
    yield opened
    opened.close()
