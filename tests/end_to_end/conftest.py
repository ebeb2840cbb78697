"""A SQLite store of its own for each test, and real `queuekit worker` processes on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from tests.end_to_end import program

from queuekit.config import StoreUrl
from queuekit.job import JobState, StoredJob
from queuekit.storage import Store

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0
"""Seconds until a test that waits gives up: far above what anything here takes on a busy
machine."""


def eventually(what: str, reached: Callable[[], bool]) -> None:
    """Wait until a condition holds; it is asked for again every few milliseconds."""
    end = time.monotonic() + DEADLINE
    while not reached():
        assert time.monotonic() < end, f"still not so after {DEADLINE} s: {what}"
        time.sleep(0.005)


@dataclass
class Place:
    """Where one test happens."""

    folder: Path
    url: str
    store: Store
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def runs_log(self) -> Path:
        """One line for each run of a job."""
        return self.folder / "runs.log"

    def runs(self) -> list[list[str]]:
        """The lines so far: job id, attempt, pid, what."""
        return [line.split() for line in self.runs_log.read_text().splitlines()]

    def log(self, number: int = 0) -> str:
        """What a worker has printed."""
        return (self.folder / f"worker-{number}.log").read_text()

    def worker(self, *flags: str) -> subprocess.Popen[bytes]:
        """Start a worker."""
        words = [
            sys.executable,
            "-m",
            "queuekit",
            "worker",
            "-a",
            "tests.end_to_end.program:app",
            "--url",
            self.url,
        ]
        with (self.folder / f"worker-{len(self.workers)}.log").open("ab") as log:
            worker = subprocess.Popen(
                [*words, *flags],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env=os.environ | {"RUNS_LOG": str(self.runs_log)},
            )
        self.workers.append(worker)
        return worker

    def job(self, job_id: UUID) -> StoredJob:
        """A job that must be there."""
        (job,) = self.store.get([job_id])
        assert job is not None
        return job

    def until_final(self, *ids: UUID) -> list[StoredJob]:
        """Wait for jobs to end; how they did."""
        eventually("jobs are final", lambda: all(self.job(job_id).state.is_final for job_id in ids))
        return [self.job(job_id) for job_id in ids]

    def until_state(self, state: JobState, job_id: UUID) -> StoredJob:
        """Wait for a job to be in a state."""
        eventually(f"the job is {state}", lambda: self.job(job_id).state is state)
        return self.job(job_id)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A fresh store, the program pointed at it; whatever still runs at the end is killed."""
    runs_log = tmp_path / "runs.log"
    runs_log.touch()
    program.app.close()
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    program.app.use(StoreUrl(url, tmp_path, "the test"))
    here = Place(tmp_path, url, program.app.store)
    yield here
    program.app.close()
    for worker in here.workers:
        if worker.poll() is None:
            worker.send_signal(signal.SIGKILL)
            worker.wait()


def _stat(pid: int | str) -> list[str]:
    """State, parent and so on of a process, from proc(5); nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def children_of(pid: int) -> list[int]:
    """Process ids of a process's live children."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [one for one in pids if (stat := _stat(one)) and stat[0] != "Z" and stat[1] == str(pid)]


def is_running(pid: int) -> bool:
    """Whether a process is there, and is no zombie."""
    stat = _stat(pid)
    return bool(stat) and stat[0] not in {"Z", "X"}
