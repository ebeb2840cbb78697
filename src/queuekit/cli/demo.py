"""``queuekit demo``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

import click

from queuekit import __version__
from queuekit.cli.asked import Asked, pass_asked
from queuekit.cli.frame import Command
from queuekit.cli.params import flag, url_alone
from queuekit.config import StoreUrl
from queuekit.demo import QUEUE, app
from queuekit.demo.files import (
    STUMBLE_SHARE,
    Sums,
    add,
    default_folders,
    files_in,
    no_sums,
)
from queuekit.demo.run import (
    DemoRun,
    Standing,
    direct_count,
    find_or_begin,
    retried,
    send,
    standing,
    total_sums,
)
from queuekit.errors import ConfigurationError, QueuekitError
from queuekit.job import JobState
from queuekit.storage import Store

LEASE: Final = 3.0
"""Seconds: short, so that somebody who kills a worker does not wait long to see its jobs taken
over."""

WATCH_INTERVAL: Final = 0.1
STANDSTILL: Final = 10
"""Seconds without an ended job after which a person wants to know where to look."""

WORKER_STARTS: Final = 20
"""Workers started in one run, after which something else than a person's SIGKILL must be wrong."""

STOP_PATIENCE: Final = 10.0
"""Seconds for the worker to end when it is asked to: twice the grace time that it is given."""

WORKER_LOG: Final = "worker.log"
REPORTED: Final = "reported"

MOST_REPORTED: Final = 1_000
"""Runs that are remembered as shown."""

ROWS: Final = 8
"""Lines of the table; what is rarer is added up in one more."""


@click.command("demo", cls=Command)
@click.argument(
    "folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@flag("-c", "--concurrency", type=click.IntRange(1, 64), help="Jobs at once; default: CPUs.")
@url_alone
@pass_asked
def command(asked: Asked, folder: Path | None, concurrency: int | None) -> int:
    """Send one job for each file of FOLDER, run them, and check the sums.

    Each job reads a file and returns its size, lines, words and SHA-256; one in fifty fails at
    first and is tried again. A last job, queued behind them all, adds up. This command only
    enqueues and watches: a separate `queuekit worker` runs the jobs. Kill either with SIGKILL, and
    run the same command again: it goes on where it was. Exit code 0 means that the sums agree with
    a direct count.
    """
    home = _home()
    own = f"sqlite:///{quote(str(home / f'demo-{__version__}.db'))}"
    app.use(asked.url_flag() or StoreUrl(own, home, "the demo"))
    try:
        return _demo(folder, home, concurrency)
    finally:
        app.close()


def _demo(folder: Path | None, home: Path, concurrency: int | None) -> int:
    began = time.monotonic()
    folders = [folder.absolute()] if folder else default_folders()
    files = [path for each in folders for path in files_in(each, packages=folder is not None)]
    if not files:
        raise ConfigurationError(f"{folder} holds no files to measure")
    store = app.store
    if not store.capabilities.durability.process_kill:
        raise ConfigurationError("the demo needs a store that processes share; leave --url out")
    click.echo(f"folder  {' and '.join(map(str, folders))}: {len(files)} files")
    click.echo(f"store   {store.info().location}")
    click.echo(f"log     {home / WORKER_LOG}")
    run = find_or_begin(store, files, _reported(home))
    if run.resumed:
        click.echo("        an earlier run over the same files was cut short: going on with it")
    send(store, run)
    sent = time.monotonic()
    before = standing(store, run).final
    last = _watch(store, run, home, concurrency)
    if last.total.state is not JobState.COMPLETED:
        raise QueuekitError(f"the summing job ended {last.total.state}: {last.total.final_reason}")
    took = time.monotonic() - sent
    agreed = _show(run, last, retried(store, run))
    ran = len(files) - before
    click.echo(
        f"\n{ran} files in {took:.1f} s ({ran / took:,.0f} a second), sent in {sent - began:.1f} s"
    )
    _report(home, run)
    return 0 if agreed else 1


# --- watching


def _watch(store: Store, run: DemoRun, home: Path, concurrency: int | None) -> Standing:
    """Keep a worker at work until the summing job is final."""
    starts = 0
    worker: subprocess.Popen[bytes] | None = None
    lifeline, held_open = os.pipe()
    progress = Progress(len(run.files), home / WORKER_LOG)
    try:
        while True:
            now = standing(store, run)
            progress.show(now)
            if now.total.state.is_final:
                return now
            if worker is None or worker.poll() is not None:
                if worker is not None:
                    progress.say(f"the worker ended ({_how(worker)}); starting another")
                starts += 1
                if starts > WORKER_STARTS or (worker is not None and worker.returncode > 0):
                    raise QueuekitError(f"the worker does not stay up; see {home / WORKER_LOG}")
                worker = _start_worker(home, concurrency, lifeline)
            time.sleep(WATCH_INTERVAL)
    finally:
        progress.end()
        if worker is not None:
            _stop(worker)
        os.close(held_open)
        os.close(lifeline)


def _start_worker(home: Path, concurrency: int | None, lifeline: int) -> subprocess.Popen[bytes]:
    """A separate process, as a user would start it; it stops when this command is gone."""
    words = [sys.executable, "-m", "queuekit", "worker", "--app", "queuekit.demo:app"]
    words += ["--url", app.where().url, "--queues", QUEUE, "--lease", str(LEASE), "--grace", "5"]
    words += ["--quiet", "--parent-pipe", str(lifeline)]
    words += ["--concurrency", str(concurrency)] if concurrency else []
    with (home / WORKER_LOG).open("ab") as log:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(lifeline,),
            process_group=0,
        )


def _stop(worker: subprocess.Popen[bytes]) -> None:
    """Ask it to end; one that does not is killed, and its jobs are rescued."""
    worker.terminate()
    try:
        worker.wait(STOP_PATIENCE)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


def _how(worker: subprocess.Popen[bytes]) -> str:
    code = worker.returncode
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


class Progress:
    """One line that grows on a terminal, elsewhere one each second; a standstill is explained."""

    def __init__(self, files: int, worker_log: Path) -> None:
        self._files = files
        self._worker_log = worker_log
        self._final = -1
        self._moved = time.monotonic()
        self._terminal = sys.stdout is not None and sys.stdout.isatty()
        self._shown = 0.0

    def show(self, now: Standing) -> None:
        """The present standing."""
        if now.final != self._final:
            self._final, self._moved = now.final, time.monotonic()
        elif time.monotonic() - self._moved >= STANDSTILL:
            self._moved = time.monotonic()
            self.say(f"no job has ended for {STANDSTILL} s; see {self._worker_log}")
        line = f"{now.final:>6} of {self._files} files done"
        line += f", {now.waiting_retry} waiting to be retried" if now.waiting_retry else ""
        if self._terminal:
            width = max(0, min(30, shutil.get_terminal_size().columns - len(line) - 4))
            filled = width * now.final // self._files
            click.echo(f"\r\x1b[K[{'█' * filled}{'·' * (width - filled)}] {line}", nl=False)
        elif time.monotonic() - self._shown >= 1:
            self._shown = time.monotonic()
            click.echo(line)

    def say(self, text: str) -> None:
        """A line of its own."""
        click.echo(f"{chr(13) + chr(27) + '[K' if self._terminal else ''}{text}")

    def end(self) -> None:
        """Leave the line."""
        if self._terminal:
            click.echo()


# --- the table


def _show(run: DemoRun, last: Standing, more_attempts: int) -> bool:
    """The table, and whether the jobs' sums agree with the direct count."""
    by_jobs, unmeasured = total_sums(last.total)
    direct, unreadable = direct_count(run.files)
    click.echo(f"\n{'':12}{'files':>8}{'bytes':>14}{'lines':>11}{'words':>11}  sha-256 (combined)")
    for name, sums in _rows(by_jobs):
        click.echo(_row(name, sums))
    agreed = by_jobs == direct and unmeasured == unreadable
    click.echo(_row("all jobs", _all(by_jobs)))
    click.echo(_row("direct count", _all(direct)))
    if unmeasured or unreadable:
        click.echo(f"not readable: {unmeasured} by jobs, {unreadable} by the direct count")
    click.echo(
        f"\n{more_attempts} jobs took more than one attempt"
        f" (one in {STUMBLE_SHARE} stumbles on purpose)"
    )
    click.secho(
        "the sums agree" if agreed else "THE SUMS DIFFER",
        fg="green" if agreed else "red",
        bold=True,
    )
    return agreed


def _rows(sums: Mapping[str, Sums]) -> list[tuple[str, Sums]]:
    ranked = sorted(sums.items(), key=lambda item: -item[1]["files"])
    rows = [(suffix or "(none)", found) for suffix, found in ranked[:ROWS]]
    if len(ranked) > ROWS:
        rows.append(("others", _all(dict(ranked[ROWS:]))))
    return rows


def _all(sums: Mapping[str, Sums]) -> Sums:
    everything = no_sums()
    for found in sums.values():
        everything = add(everything, found)
    return everything


def _row(name: str, sums: Sums) -> str:
    return (
        f"{name[:12]:12}{sums['files']:>8,}{sums['bytes']:>14,}{sums['lines']:>11,}"
        f"{sums['words']:>11,}  {sums['sha256'][:16]}"
    )


# --- where the demo lives


def _home() -> Path:
    """A folder of the user's own for the demo's store, log and last report; the system's temporary
    one if there is no home.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = Path(base, "queuekit-demo")
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            return home
    except OSError:
        home = Path(tempfile.gettempdir(), f"queuekit-demo-{os.getuid()}")
        home.mkdir(mode=0o700, exist_ok=True)
        return home


def _reported(home: Path) -> list[str]:
    """The ids of the runs whose tables were shown."""
    try:
        return (home / REPORTED).read_text().split()
    except OSError:
        return []


def _report(home: Path, run: DemoRun) -> None:
    """Note that the table was shown; only after that may the same files begin a new run."""
    kept = [*_reported(home), str(run.id)][-MOST_REPORTED:]
    with tempfile.NamedTemporaryFile("w", dir=home, delete=False) as fresh:
        fresh.write("\n".join(kept))
    Path(fresh.name).replace(home / REPORTED)
