"""One run of the demo: enqueue, watch a worker do it, compare with a direct count.

A run can be killed at any moment and taken up again by the same command: its id, and those of its
jobs, follow from the files; a job that is stored already is not stored twice.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from uuid import UUID

from queuekit.clock import system_micros
from queuekit.demo import measure, total
from queuekit.demo.files import Sums, add, fold, measure_file, no_sums
from queuekit.job import JobState, NewJob, Parent, ParentPolicy, StoredJob, uuid7
from queuekit.paging import all_jobs
from queuekit.storage import MAX_BATCH, JobFilter, Store
from queuekit.tasks import Request

RUN_TAG: Final = "run-"
FILES_TAG: Final = "files-"


@dataclass(frozen=True, slots=True)
class DemoRun:
    """The jobs of one run: `files` measured, then `total_id` adding up."""

    id: UUID
    files: tuple[Path, ...]
    fingerprint: str
    resumed: bool = False

    @property
    def tag(self) -> str:
        """What all jobs of the run carry."""
        return f"{RUN_TAG}{self.id}"

    @property
    def total_id(self) -> UUID:
        """The summing job."""
        return self._job_id("total")

    def _job_id(self, name: str) -> UUID:
        """An id that a second try of the same run finds again."""
        digest = hashlib.sha256(f"{self.id}/{name}".encode()).digest()
        return uuid7(self.id.int >> 80, digest)

    def jobs(self) -> Iterator[NewJob]:
        """One for each file."""
        for path in self.files:
            yield self._tagged(measure.request(str(path)), self._job_id(str(path)))

    def total_job(self) -> NewJob:
        """The job that waits for all others, however they end."""
        parents = tuple(Parent(self._job_id(str(path)), ParentPolicy.FINAL) for path in self.files)
        return replace(self._tagged(total.request(self.tag), self.total_id), parents=parents)

    def _tagged(self, request: Request[object], job_id: UUID) -> NewJob:
        return replace(request.job, id=job_id, tags=(self.tag, f"{FILES_TAG}{self.fingerprint}"))


def find_or_begin(store: Store, files: Sequence[Path], reported: Container[str]) -> DemoRun:
    """The unreported run over these very files, if an earlier one was cut short; else a new one."""
    fingerprint = _fingerprint(files)
    newest = store.list(JobFilter(tag=f"{FILES_TAG}{fingerprint}"), limit=1).jobs
    for tag in newest[0].tags if newest else ():
        if tag.startswith(RUN_TAG) and tag.removeprefix(RUN_TAG) not in reported:
            run = DemoRun(UUID(tag.removeprefix(RUN_TAG)), tuple(files), fingerprint, resumed=True)
            if _may_end_well(store, run):
                return run
    run_id = uuid7(system_micros() // 1000, os.urandom(10))
    return DemoRun(run_id, tuple(files), fingerprint)


def _may_end_well(store: Store, run: DemoRun) -> bool:
    """Whether the run's summing job has completed or still may."""
    (job,) = store.get([run.total_id])
    return job is None or job.state is JobState.COMPLETED or not job.state.is_final


def send(store: Store, run: DemoRun) -> None:
    """Store the run's jobs; those that an earlier try stored are left as they are."""
    jobs = list(run.jobs())
    for at in range(0, len(jobs), MAX_BATCH):
        store.enqueue(jobs[at : at + MAX_BATCH])
    store.enqueue([run.total_job()])


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is."""

    final: int
    waiting_retry: int
    total: StoredJob


def standing(store: Store, run: DemoRun) -> Standing:
    """How far the run is, by the store's own account."""
    (job,) = store.get([run.total_id])
    assert job is not None, "the run's jobs are stored before it is watched"
    retrying = store.count(
        JobFilter(states=frozenset({JobState.RETRYABLE}), tag=run.tag), bound=10_000
    )
    return Standing(len(run.files) - job.blockers, retrying.n, job)


def retried(store: Store, run: DemoRun) -> int:
    """How many of the run's jobs took more than one attempt."""
    return sum(job.attempts > 1 for job in all_jobs(store, JobFilter(tag=run.tag)))


def direct_count(files: Sequence[Path]) -> tuple[dict[str, Sums], int]:
    """The same sums without any queue, and how many files could not be read."""
    sums: dict[str, Sums] = {}
    unreadable = 0
    for path in files:
        try:
            found = measure_file(path)
        except OSError:
            unreadable += 1
        else:
            sums[path.suffix] = add(sums.get(path.suffix, no_sums()), found)
    return fold(sums), unreadable


def total_sums(job: StoredJob) -> tuple[dict[str, Sums], int]:
    """What the summing job returned."""
    assert job.result is not None, "a completed total has a result"
    result = json.loads(job.result)
    return result["sums"], result["unmeasured"]


def _fingerprint(files: Sequence[Path]) -> str:
    """Tells one state of a folder from another, by names, sizes and times of change."""
    digest = hashlib.sha256()
    for path in files:
        try:
            about = path.stat()
        except OSError:  # it has gone since it was listed; its job will say so
            digest.update(f"{path}\0".encode())
        else:
            digest.update(f"{path}\0{about.st_size}\0{about.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:32]
