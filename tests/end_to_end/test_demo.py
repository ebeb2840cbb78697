"""The demo as a person runs it, and as a person who kills things runs it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.conftest import DEADLINE, children_of, eventually, is_running

from queuekit import __version__
from queuekit.job import FINAL_STATES, AttemptOutcome, JobState, StoredJob
from queuekit.plugins import open_store
from queuekit.storage import JobFilter

pytestmark = pytest.mark.timeout(300)

FILES = 400
KILLS = 10


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A cache folder of its own for the demo."""
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files with awkward names and contents among plain ones; some can't be read as text."""
    rng = random.Random(2026)
    base = tmp_path / "files to measure"
    (base / "deeper" / "still").mkdir(parents=True)
    for number in range(FILES):
        parent = (base, base / "deeper", base / "deeper" / "still")[number % 3]
        name = f"{number} ümlaut 漢字.{rng.choice(['py', 'txt', 'BIN', 'tar.gz'])}"
        (parent / name).write_bytes(rng.randbytes(rng.randrange(5_000)))
    (base / "empty").touch()
    (base / "link").symlink_to(base / "empty")
    (base / "__pycache__").mkdir()
    (base / "__pycache__" / "x.pyc").touch()
    return base


def start(folder: Path, home: Path, *flags: str) -> subprocess.Popen[str]:
    """The command, as typed."""
    return subprocess.Popen(
        [sys.executable, "-m", "queuekit", "demo", str(folder), *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"XDG_CACHE_HOME": str(home)},
    )


def end(demo: subprocess.Popen[str]) -> str:
    """What it printed, once it has succeeded."""
    shown, _ = demo.communicate(timeout=DEADLINE * 2)
    assert demo.returncode == 0, shown
    return shown


def test_the_demo_shows_a_table_whose_sums_agree(folder: Path, home: Path) -> None:
    shown = end(start(folder, home))
    assert f"{FILES + 1} files" in shown
    assert "the sums agree" in shown
    all_jobs, direct = (
        next(line for line in shown.splitlines() if line.startswith(name)).split(None, 2)[2]
        for name in ("all jobs", "direct count")
    )
    assert all_jobs == direct


def test_the_demo_says_no_if_a_file_changes_under_it(folder: Path, home: Path) -> None:
    """A check that cannot fail would be none: a file is changed after its job measured it, while
    the demo is stopped, so that its direct count finds something else.
    """
    database = home / "queuekit-demo" / f"demo-{__version__}.db"
    database.parent.mkdir(parents=True)
    store = open_store(f"sqlite:///{database}")
    store.set_queue("demo", paused=True)
    demo = start(folder, home)
    eventually("its worker is there", lambda: store.workers() != ())
    demo.send_signal(signal.SIGSTOP)
    store.set_queue("demo", paused=False)
    total = JobFilter(states=FINAL_STATES, task="queuekit.demo.total")
    eventually("all is summed up", lambda: store.count(total, 1).n == 1)
    min((folder / "deeper").glob("*.py")).write_bytes(b"changed after it was measured\n")
    demo.send_signal(signal.SIGCONT)
    shown, _ = demo.communicate(timeout=DEADLINE)
    store.close()
    assert demo.returncode == 1, shown
    assert "THE SUMS DIFFER" in shown


def test_a_folder_without_files_is_one_clear_line(tmp_path: Path, home: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    demo = start(empty, home)
    shown, _ = demo.communicate(timeout=DEADLINE)
    assert demo.returncode == 2
    assert shown == f"queuekit: {empty} holds no files to measure\n"


def test_folders_may_be_measured_in_turn_and_again(tmp_path: Path, home: Path) -> None:
    folders = [tmp_path / name for name in ("a # b", "%20", "a # b")]
    for each in folders:
        each.mkdir(exist_ok=True)
        (each / "one.txt").write_text(f"{each}\n")
        shown = end(start(each, tmp_path / "cache #1?"))
        assert "1 files in" in shown
        assert "cut short" not in shown


def test_more_kinds_of_files_than_a_result_can_name_are_added_up(
    tmp_path: Path, home: Path
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for number in range(300):
        (folder / f"log.{number}").write_text(f"{number}\n")
    shown = end(start(folder, home))
    assert "others" in shown
    assert "the sums agree" in shown


def test_a_run_whose_sum_was_cancelled_is_begun_afresh(folder: Path, home: Path) -> None:
    database = home / "queuekit-demo" / f"demo-{__version__}.db"
    database.parent.mkdir(parents=True)
    store = open_store(f"sqlite:///{database}")
    store.set_queue("demo", paused=True)
    demo = start(folder, home)
    total = JobFilter(task="queuekit.demo.total")
    eventually("the sum is queued", lambda: store.count(total, 1).n == 1)
    store.cancel([store.list(total).jobs[0].id], "by hand")
    shown, _ = demo.communicate(timeout=DEADLINE)
    assert demo.returncode == 1
    assert "by hand" in shown
    store.set_queue("demo", paused=False)
    store.close()
    assert "cut short" not in end(start(folder, home))


def victims(demo: subprocess.Popen[str]) -> Iterator[tuple[str, int]]:
    """The demo, its worker, and the worker's children, as they are now."""
    yield "demo", demo.pid
    for worker in children_of(demo.pid):
        yield "worker", worker
        for child in children_of(worker):
            yield "child", child


def test_whatever_is_killed_ten_times_over_the_sums_still_agree(folder: Path, home: Path) -> None:
    """SIGKILL of the demo, its worker and one child in random turn, ten times in one run."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    demo = start(folder, home)
    database = home / "queuekit-demo" / f"demo-{__version__}.db"
    eventually("there is a store", database.exists)
    seen: set[int] = set()
    killed: list[str] = []
    for number in range(KILLS):
        kind = (
            ("worker", "child", "demo")[number]
            if number < 3
            else rng.choice(["worker", "child", "demo"])
        )
        found = [pid for name, pid in victims(demo) if name == kind]
        waited = time.monotonic()
        while not found and demo.poll() is None and time.monotonic() - waited < DEADLINE:
            found = [pid for name, pid in victims(demo) if name == kind]
        seen |= {pid for _, pid in victims(demo)}
        if found:
            os.kill(rng.choice(found), signal.SIGKILL)
            killed.append(kind)
        if kind == "demo":
            demo.communicate(timeout=DEADLINE)
            demo = start(folder, home)
        time.sleep(rng.uniform(0, 0.3))
    shown = end(demo)
    assert "the sums agree" in shown, shown
    print(killed)
    store = open_store(f"sqlite:///{database}")
    cursor: int | None = None
    jobs: list[StoredJob] = []
    while True:
        page = store.list(JobFilter(), cursor, limit=500)
        jobs += page.jobs
        cursor = page.cursor
        if cursor is None:
            break
    for job in jobs:
        outcomes = [line.outcome for line in store.history(job.id)]
        assert job.state is JobState.COMPLETED
        assert outcomes.count(AttemptOutcome.COMPLETED) == 1
    store.close()
    eventually("nobody is left behind", lambda: not any(map(is_running, seen)))
