"""One line in the log for each attempt that has ended: what, how, how long, and what comes next."""

from __future__ import annotations

import logging
from typing import Final

from queuekit.job import Claim, Move, Resolution

LEVELS: Final = {
    Move.COMPLETE: logging.INFO,
    Move.SNOOZE: logging.INFO,
    Move.RELEASE: logging.INFO,
    Move.CANCEL: logging.INFO,
    Move.RETRY: logging.WARNING,
    Move.DISCARD: logging.ERROR,
}


def tell_end(log: logging.Logger, claim: Claim, resolution: Resolution, seconds: float) -> None:
    """Log the end of an attempt, at the level that it deserves; costs nothing if nobody listens."""
    level = LEVELS[resolution.move]
    if log.isEnabledFor(level):
        attempt = f"attempt {claim.attempt_in_round} of {claim.max_attempts}"
        what = f"{claim.task} {claim.token.job_id}, {attempt}, {seconds:.3f} s"
        log.log(level, "%s: %s%s", _how(resolution), what, _why(resolution))


def _how(resolution: Resolution) -> str:
    delay = resolution.delay.total_seconds()
    match resolution.move:
        case Move.COMPLETE:
            return "completed"
        case Move.RETRY:
            return f"failed, to run again in {delay:.1f} s"
        case Move.SNOOZE:
            return f"snoozed for {delay:.1f} s"
        case Move.RELEASE:
            return "given back"
        case Move.DISCARD:
            return "discarded"
        case Move.CANCEL:
            return "cancelled"


def _why(resolution: Resolution) -> str:
    failure = resolution.failure
    if failure is not None:
        first_line = failure.message.partition("\n")[0]
        return f": {failure.error_class}: {first_line}"
    return f": {resolution.reason}" if resolution.reason else ""
