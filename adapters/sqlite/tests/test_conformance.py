"""queuekit's own adapter takes the suite that a stranger's does, through the installed plugin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from queuekit.plugins import open_store
from queuekit.storage import Store
from queuekit_conformance.suite import *  # noqa: F403 - the checks run under their own names


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/jobs.db", testing=True)
    yield opened
    opened.close()
