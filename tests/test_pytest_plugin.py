"""The fixtures that programs get by installing queuekit, in a pytest run of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

JOBS = """
from queuekit import App
app = App("sqlite:///never-made.db")

@app.task
def greet(name: str) -> str:
    return f"hello {name}"
"""

TESTS = """
from queuekit.testing import JobQueue
from jobs import app, greet

def test_a_job_is_enqueued_and_runs(job_queue: JobQueue) -> None:
    job = greet.enqueue("world")
    job_queue.assert_enqueued(greet, "world")
    job_queue.drain().check()
    assert job.result() == "hello world"

def test_each_test_begins_with_an_empty_queue(job_queue: JobQueue) -> None:
    assert job_queue.jobs() == []
    assert job_queue.app is app
"""


def run_pytest(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A run as a user would start it."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A program and its tests."""
    (tmp_path / "jobs.py").write_text(JOBS)
    (tmp_path / "test_jobs.py").write_text(TESTS)
    (tmp_path / "conftest.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("queuekit.toml", 'app = "jobs:app"'),
        ("pyproject.toml", '[tool.queuekit]\napp = "jobs"'),
        ("pytest.ini", "[pytest]\nqueuekit_app = jobs:app"),
        (
            "conftest.py",
            "import pytest, jobs\n@pytest.fixture\ndef queuekit_app(): return jobs.app",
        ),
    ],
)
def test_the_app_under_test_is_named_in_any_of_these_ways(
    folder: Path, file: str, text: str
) -> None:
    (folder / file).write_text(text)
    ended = run_pytest(folder)
    assert ended.returncode == 0, ended.stdout
    assert "2 passed" in ended.stdout
    assert not (folder / "never-made.db").exists()


def test_without_an_app_the_fixture_says_how_to_name_one(folder: Path) -> None:
    assert "no app is named" in run_pytest(folder).stdout


def test_the_plugin_loads_nothing_that_no_test_asks_for(folder: Path) -> None:
    (folder / "test_jobs.py").write_text(
        "import sys\ndef test_bare(): assert 'queuekit.app' not in sys.modules"
    )
    assert "1 passed" in run_pytest(folder).stdout
