"""mypy and pyright catch a wrong argument, option or result type, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("program.py")
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def refused_lines() -> list[int]:
    """The lines that say that they are to be refused."""
    lines = PROGRAM.read_text().splitlines()
    return [number for number, line in enumerate(lines, 1) if line.endswith("# refused")]


def run(*words: str) -> str:
    """What a checker prints."""
    ended = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.stdout, ended.stderr
    return ended.stdout


def test_mypy_refuses_the_wrong_lines_and_no_other(tmp_path: Path) -> None:
    shown = run("mypy", f"--cache-dir={tmp_path}", "--no-error-summary", str(PROGRAM))
    found = re.findall(r"program\.py:(\d+): error", shown)
    assert sorted(set(map(int, found))) == refused_lines(), shown


def test_pyright_refuses_the_wrong_lines_and_no_other(tmp_path: Path) -> None:
    settings = {"include": [str(PROGRAM)], "typeCheckingMode": "strict", "reportUnusedClass": False}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    python = ("--pythonpath", sys.executable)
    shown = run("basedpyright", "--outputjson", *python, "-p", str(tmp_path))
    faults = json.loads(shown)["generalDiagnostics"]
    errors = [fault for fault in faults if fault["severity"] == "error"]
    told = "\n".join(f"{e['range']['start']['line'] + 1}: {e['message']}" for e in errors)
    assert sorted({e["range"]["start"]["line"] + 1 for e in errors}) == refused_lines(), told
