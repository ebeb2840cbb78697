"""A stage for each test; what it imports is forgotten afterwards."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.stage import Stage


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Stage]:
    """The command line in a fresh folder, with none of our variables set."""
    for name in os.environ:
        if name.startswith("QUEUEKIT") or name == "NO_COLOR":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = set(sys.modules)
    importlib.invalidate_caches()
    stage = Stage(tmp_path, monkeypatch, capsys)
    yield stage
    for store in stage.opened:
        store.close()
    for name in set(sys.modules) - known:
        if not name.startswith(("queuekit", "sqlalchemy")):
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).is_relative_to(tmp_path):
                del sys.modules[name]
