"""No-op jobs a second on SQLite: enqueue one by one, enqueue in bulk, drain by a worker; each
beside the raw limit of the same round.

    python3 dev.py bench [--jobs N] [--rounds N] [--synchronous full|normal] [--json]

Machines are noisy, so each round measures the raw step and ours in turn, and the ratio is what
counts: medians over the rounds. Durability is SQLite's own default (`synchronous=FULL`) unless said
otherwise. Every job is really claimed, run in another process, finished under its token, and
written to the history; the drain ends when the store counts no job unfinished.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import raw
from benchmarks.tasks import app, nothing, nothing_async

from queuekit.config import StoreUrl
from queuekit.job import JobState
from queuekit.storage import JobFilter
from queuekit.tasks import Task

ROOT = Path(__file__).parent.parent
LIVE = frozenset(JobState) - {JobState.COMPLETED}


def main() -> None:
    """Measure and print."""
    options = _options()
    figures: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="queuekit-bench-", dir=options.dir) as folder:
        for number in range(options.rounds):
            for name, limit, ours in _steps(options):
                base = Path(folder) / f"{number}-{name.replace(' ', '-')}"
                base.mkdir()
                pair = limit(base / "raw.db"), ours(base / "queuekit.db")
                figures.setdefault(name, []).append(pair)
                print(
                    f"round {number + 1}  {name:34} raw {pair[0]:>9,.0f}/s"
                    f"  queuekit {pair[1]:>9,.0f}/s",
                    file=sys.stderr,
                )
    _print(options, figures)


def _steps(
    options: argparse.Namespace,
) -> list[tuple[str, Callable[[Path], float], Callable[[Path], float]]]:
    jobs, sync = options.jobs, options.synchronous
    few = max(jobs // 10, 100)
    return [
        (
            "enqueue one by one",
            lambda path: raw.enqueue_one_by_one(path, few, sync),
            lambda path: enqueue_one_by_one(path, few, sync),
        ),
        (
            "enqueue in bulk (500)",
            lambda path: raw.enqueue_bulk(path, jobs, sync),
            lambda path: enqueue_bulk(path, jobs, sync),
        ),
        (
            "drain, asyncio (100 at once)",
            lambda path: raw.drain(path, jobs, sync),
            lambda path: drain(path, jobs, sync, nothing_async, "--coroutines", "100"),
        ),
        (
            "drain, processes (one per CPU)",
            lambda path: raw.drain(path, jobs, sync),
            lambda path: drain(path, jobs, sync, nothing),
        ),
    ]


def _open(path: Path, synchronous: str) -> str:
    url = f"sqlite:///{path}?synchronous={synchronous}"
    app.use(StoreUrl(url, path.parent, "the benchmark"))
    app.store.info()
    return url


def enqueue_one_by_one(path: Path, jobs: int, synchronous: str) -> float:
    """Jobs a second through `task.enqueue`."""
    _open(path, synchronous)
    began = time.perf_counter()
    for _ in range(jobs):
        nothing.enqueue()
    return jobs / (time.perf_counter() - began)


def enqueue_bulk(path: Path, jobs: int, synchronous: str) -> float:
    """Jobs a second through `app.enqueue_many`, 500 a call."""
    _open(path, synchronous)
    began = time.perf_counter()
    for _ in range(jobs // raw.BULK):
        app.enqueue_many(nothing.request() for _ in range(raw.BULK))
    return jobs / (time.perf_counter() - began)


def drain(path: Path, jobs: int, synchronous: str, task: Task[[], object], *flags: str) -> float:
    """Jobs a second through one `queuekit worker`, from its first finished job to its last."""
    url = _open(path, synchronous)
    app.enqueue_many(task.request() for _ in range(jobs))
    words = [
        sys.executable,
        "-m",
        "queuekit",
        "worker",
        "-a",
        "benchmarks.tasks:app",
        "-q",
        "--url",
        url,
        *flags,
    ]
    worker = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        began, first = _until(lambda left: left < jobs, jobs)
        ended, last = _until(lambda left: left == 0, jobs)
    finally:
        worker.terminate()
        worker.wait()
    return (first - last) / (ended - began)


def _until(reached: Callable[[int], bool], bound: int) -> tuple[float, int]:
    """When the number of unfinished jobs was seen to fit, and that number."""
    while True:
        left = app.store.count(JobFilter(states=LIVE), bound + 1).n
        if reached(left):
            return time.perf_counter(), left
        time.sleep(0.02)


def _print(options: argparse.Namespace, figures: dict[str, list[tuple[float, float]]]) -> None:
    rows = [
        {
            "step": name,
            "raw": statistics.median(limit for limit, _ in pairs),
            "queuekit": statistics.median(ours for _, ours in pairs),
            "ratio": statistics.median(ours / limit for limit, ours in pairs),
        }
        for name, pairs in figures.items()
    ]
    about = {
        "jobs": options.jobs,
        "rounds": options.rounds,
        "synchronous": options.synchronous,
        "sqlite": sqlite3.sqlite_version,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }
    if options.json:
        print(json.dumps(about | {"figures": rows}))
        return
    print("  ".join(f"{key} {value}" for key, value in about.items()))
    print(f"{'step':34}{'raw':>12}{'queuekit':>12}{'ratio':>8}   (jobs a second, medians)")
    for row in rows:
        print(f"{row['step']:34}{row['raw']:>12,.0f}{row['queuekit']:>12,.0f}{row['ratio']:>8.2f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--synchronous", choices=["full", "normal"], default="full")
    parser.add_argument(
        "--dir", help="where to put the database files; default: the temporary folder"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
