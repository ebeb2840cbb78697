"""dev.py: an activated environment is neither made anew nor the ground that others stand on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dev
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment of this Python, as empty as they come."""
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder


def test_the_stamp_is_the_same_from_inside_an_environment_as_from_outside(
    environment: Path,
) -> None:
    """Else `dev.py` in an activated .venv would delete the very Python that it runs on."""
    program = "import dev; print(dev.MAIN.identity)"
    stamps = {
        subprocess.run(
            [python, "-B", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
        for python in (dev.this_interpreter().path, environment / "bin" / "python3")
    }
    assert stamps == {dev.MAIN.identity}


def test_a_python_found_in_an_environment_stands_for_the_one_beneath_it(environment: Path) -> None:
    """Else .venv-newest, activated, would be made anew from itself."""
    assert dev.probe(environment / "bin" / "python3") == dev.this_interpreter()
