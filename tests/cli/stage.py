"""A folder with a program and a store, and the command line run in it as a user would.

Most tests run it in this very process, which is fast; `run_command` starts a real one.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from queuekit.app import App
from queuekit.cli import main
from queuekit.job import (
    AttemptOutcome,
    Claim,
    Failure,
    Move,
    NewJob,
    Resolution,
    StoredJob,
)
from queuekit.plugins import open_store
from queuekit.storage import ClaimRequest, Finish, Store, WorkerBeat

LEASE = timedelta(seconds=60)

PROGRAM = """
from datetime import timedelta

from queuekit import App, Backoff, Retry

app = App({url!r})


@app.task(name="mail.send", queue="mail", retry=Retry(max_attempts=2))
def send(to: str, copies=1, note: str | None = None):
    return to


@app.task(name="add", retry=Retry(backoff=Backoff(base=timedelta(seconds=7))))
async def add(a, b=0):
    return a + b


@app.task(name="picky", should_enqueue=lambda context: False)
def picky():
    return None
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """The lines of stdout."""
        return self.out.splitlines()


class Terminal(io.StringIO):
    """What somebody types."""

    def isatty(self) -> bool:
        return True


@dataclass
class Stage:
    """Where one test happens."""

    folder: Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]
    opened: list[Store] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The store of this folder."""
        return f"sqlite:///{self.folder / 'jobs.db'}"

    @property
    def store(self) -> Store:
        """The same store, opened by the test."""
        if not self.opened:
            self.opened.append(open_store(self.url))
        return self.opened[0]

    def __call__(
        self, *words: str, stdin: str = "", typed: str | None = None, **environment: str
    ) -> Ended:
        """Run the command line here; `typed` is what a person answers on a terminal."""
        with self.patch.context() as patch:
            patch.setattr(
                sys, "stdin", Terminal(typed) if typed is not None else io.StringIO(stdin)
            )
            for name, value in environment.items():
                patch.setenv(name, value)
            self.capture.readouterr()
            try:
                main(list(words))
            except SystemExit as ended:
                out, err = self.capture.readouterr()
                return Ended(int(ended.code or 0), out, err)
        raise AssertionError("main() returned")

    def write(self, name: str, text: str) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.write_text(text)
        return path

    def program(self, name: str = "jobs", url: str | None = None) -> str:
        """A program with tasks; how to name it."""
        self.write(f"{name}.py", PROGRAM.format(url=self.url if url is None else url or None))
        return f"{name}:app"

    # --- jobs in every state

    def send(self, task: str = "mail.send", queue: str = "mail", **fields: Any) -> UUID:
        """A job, sent through the seam."""
        job_id: UUID = fields.pop("id", None) or App().new_id()
        payload = fields.pop("payload", '{"args":[],"kwargs":{"to":"ada"}}')
        self.store.enqueue([NewJob(id=job_id, task=task, payload=payload, queue=queue, **fields)])
        return job_id

    def claim(self, lease: timedelta = LEASE) -> Claim:
        """Start the next job."""
        request = ClaimRequest(os.urandom(16), "host:1:abc", lease, start=1)
        (claim,) = self.store.claim(request).claims
        return claim

    def finish(self, claim: Claim, move: Move, **fields: Any) -> UUID:
        """End the attempt."""
        outcome = {
            Move.COMPLETE: AttemptOutcome.COMPLETED,
            Move.CANCEL: AttemptOutcome.CANCELLED,
            Move.SNOOZE: AttemptOutcome.SNOOZED,
            Move.RELEASE: AttemptOutcome.RELEASED,
        }.get(move, AttemptOutcome.FAILED)
        self.store.finish([Finish(claim.token, Resolution(move, outcome, **fields))])
        return claim.token.job_id

    def completed(self, result: str | None = None, **fields: Any) -> UUID:
        """A job that has completed."""
        self.send(**fields)
        return self.finish(self.claim(), Move.COMPLETE, result=result)

    def discarded(self, message: str = "no such host", **fields: Any) -> UUID:
        """A job that has failed for good."""
        self.send(**fields)
        failure = Failure("ValueError", message, "Traceback of it\n  line", "OSError: cause")
        return self.finish(self.claim(), Move.DISCARD, failure=failure, reason="out of attempts")

    def running(self, lease: timedelta = LEASE, **fields: Any) -> UUID:
        """A job that runs."""
        self.send(**fields)
        return self.claim(lease).token.job_id

    def job(self, job_id: UUID | str) -> StoredJob:
        """A job that must be there."""
        (job,) = self.store.get([UUID(str(job_id))])
        assert job is not None
        return job

    def beat(self, worker: str = "host:1:abc", info: object = None) -> None:
        """A worker's heartbeat; `info` as JSON, or text as it is."""
        text = info if isinstance(info, str) else json.dumps({} if info is None else info)
        self.store.extend(WorkerBeat(worker, text), [], LEASE)


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without our variables."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("QUEUEKIT")}
    return kept | more


def run_command(
    folder: Path, words: Sequence[str | bytes], **settings: Any
) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    settings.setdefault("capture_output", True)
    settings.setdefault("env", clean_environment())
    ended: subprocess.CompletedProcess[str] = subprocess.run(
        [sys.executable, "-m", "queuekit", *words],
        cwd=folder,
        text=True,
        timeout=60,
        check=False,
        **settings,
    )
    return ended
