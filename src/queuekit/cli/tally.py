"""The store's answers to a verb over many jobs, summed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from queuekit.cli.table import count_words
from queuekit.job import JobState
from queuekit.storage import ControlAnswer, Controlled


@dataclass(slots=True)
class Tally:
    """What became of the jobs that were counted before."""

    verb: str
    done_word: str
    counted: int
    done: int = 0
    requested: int = 0
    wrong: dict[UUID, JobState] = field(default_factory=dict)
    gone: list[UUID] = field(default_factory=list)

    def add(self, answers: Iterable[Controlled]) -> None:
        """Count the answers of one batch."""
        for answer in answers:
            if answer.answer is ControlAnswer.DONE:
                self.done += 1
            elif answer.answer is ControlAnswer.REQUESTED:
                self.requested += 1
            elif answer.found is None:
                self.gone.append(answer.id)
            else:
                self.wrong[answer.id] = answer.found

    @property
    def refused(self) -> int:
        """Jobs to which it was not done."""
        return len(self.wrong) + len(self.gone)

    @property
    def answered(self) -> int:
        """Jobs that the store has answered for."""
        return self.done + self.requested + self.refused

    def only_wrong_state(self) -> JobState | None:
        """The state of the one job there is, if that is what was wrong."""
        return next(iter(self.wrong.values()), None) if self.answered == 1 else None

    def words(self) -> str:
        """``1,280 jobs cancelled, 2 running ones will be stopped, 1 left alone: now completed``."""
        parts = [f"{count_words(self.done, 'job')} {self.done_word}"]
        if self.requested:
            parts.append(f"{self.requested:,} running: their workers will stop them")
        for state, number in sorted(Counter(self.wrong.values()).items()):
            parts.append(f"{number:,} left alone: now {state}")
        if self.gone:
            parts.append(f"{len(self.gone):,} gone meanwhile")
        return ", ".join(parts)

    def shape(self) -> dict[str, Any]:
        """The same for scripts; all zero but `counted` if nothing was tried."""
        return {
            "verb": self.verb,
            "counted": self.counted,
            "done": self.done,
            "requested": self.requested,
            "wrong_state": [
                {"id": str(job_id), "state": state.value} for job_id, state in self.wrong.items()
            ],
            "not_found": [str(job_id) for job_id in self.gone],
        }
