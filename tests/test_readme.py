"""What the README shows is run, word for word."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.conftest import eventually

from queuekit.job import JobState
from queuekit.plugins import open_store
from queuekit.storage import JobFilter

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def block(language: str, holding: str) -> str:
    """The code block in this language that holds these words."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    (found,) = [text for name, text in blocks if name == language and holding in text]
    return str(found)


def test_the_first_command_is_the_demo_and_the_second_the_tests() -> None:
    commands = [line.split("  ")[0] for line in block("", "dev.py").splitlines()]
    assert commands == ["python3 dev.py demo", "python3 dev.py test"]
    assert "python3 dev.py test" in (ROOT / ".ci" / "run").read_text()


def test_the_program_of_the_readme_runs_as_its_commands_say(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text(block("python", "jobs.py"))
    commands = [line.split("  ")[0] for line in block("", "queuekit worker").splitlines()]
    assert commands == ["python jobs.py", "queuekit worker -a jobs:app"]
    subprocess.run([sys.executable, "jobs.py"], cwd=tmp_path, check=True)
    store = open_store(f"sqlite:///{tmp_path / 'jobs.db'}")
    worker = subprocess.Popen(
        [sys.executable, "-m", "queuekit", "worker", "-a", "jobs:app"], cwd=tmp_path
    )
    done = JobFilter(states=frozenset({JobState.COMPLETED}))
    eventually("the job is completed", lambda: store.count(done, 2).n == 1)
    (job,) = store.list(done).jobs
    assert (job.task, job.result) == ("jobs.greet", '"hello world"')
    worker.send_signal(signal.SIGINT)
    assert worker.wait(30) == 0
    store.close()


def test_the_readme_links_to_what_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
