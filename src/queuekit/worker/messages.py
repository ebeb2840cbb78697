"""What the worker's core is told, and what it asks for in return.

The core never calls anything: it takes one event and the time, and answers with actions. So a
simulation can drive it through thousands of schedules, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from queuekit.job import Claim, Resolution, Token
from queuekit.outcomes import Outcome
from queuekit.storage import Claimed, ClaimRequest, Extended, Finish, Finished
from queuekit.tasks import Executor


class Call(StrEnum):
    """The store calls that a worker makes; at most one of each is under way."""

    CLAIM = "claim"
    SETTLE = "settle"
    EXTEND = "extend"
    RESCUE = "rescue"
    TIDY = "tidy"
    LEAVE = "leave"


# --- events: what has happened


@dataclass(frozen=True, slots=True)
class ChildReady:
    """A child has imported the app; `tasks` says where each of its tasks runs."""

    child: int
    tasks: Mapping[str, Executor]


@dataclass(frozen=True, slots=True)
class ChildFinished:
    """A child says what became of one attempt."""

    child: int
    token: Token
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ChildGone:
    """A child's process has ended; `how` is for people, such as ``killed by signal 9``."""

    child: int
    how: str


@dataclass(frozen=True, slots=True)
class ChildBroken:
    """A child could not import the app."""

    child: int
    message: str


@dataclass(frozen=True, slots=True)
class ClaimAnswered:
    """The store's answer to `AskClaim`."""

    claimed: Claimed


@dataclass(frozen=True, slots=True)
class SettleAnswered:
    """The store's answer to `AskSettle`."""

    answers: Finished


@dataclass(frozen=True, slots=True)
class ExtendAnswered:
    """The store's answer to `AskExtend`, with the tokens that were asked about."""

    tokens: tuple[Token, ...]
    extended: Extended


@dataclass(frozen=True, slots=True)
class RescueAnswered:
    """The store's answer to `AskRescue`."""

    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class TidyAnswered:
    """The store's answer to `AskTidy`; `more` says that there may be more to do."""

    more: bool


@dataclass(frozen=True, slots=True)
class LeaveAnswered:
    """The store's answer to `AskLeave`."""


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A store call raised.

    `outage` says that the store could not answer; otherwise the call itself was refused.
    """

    call: Call
    error: str
    outage: bool


@dataclass(frozen=True, slots=True)
class StoreChanged:
    """Somebody may have written to the store."""


@dataclass(frozen=True, slots=True)
class StopAsked:
    """A signal, or the end of the parent. The second one aborts."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Event = (
    ChildReady
    | ChildFinished
    | ChildGone
    | ChildBroken
    | ClaimAnswered
    | SettleAnswered
    | ExtendAnswered
    | RescueAnswered
    | TidyAnswered
    | LeaveAnswered
    | CallFailed
    | StoreChanged
    | StopAsked
    | Tick
)


# --- actions: what the shell is to do


@dataclass(frozen=True, slots=True)
class StartChild:
    """Start a child of this kind under this number."""

    child: int
    executor: Executor


@dataclass(frozen=True, slots=True)
class Run:
    """Hand a started job to a child."""

    child: int
    claim: Claim


@dataclass(frozen=True, slots=True)
class CancelRun:
    """Ask a child to cancel one of its running jobs."""

    child: int
    token: Token


@dataclass(frozen=True, slots=True)
class KillChild:
    """End a child at once, with whatever it runs."""

    child: int


@dataclass(frozen=True, slots=True)
class AskClaim:
    """Call `Store.claim`."""

    request: ClaimRequest


@dataclass(frozen=True, slots=True)
class AskSettle:
    """Call `Store.finish`."""

    finishes: tuple[Finish, ...]
    starts: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class AskExtend:
    """Call `Store.extend`."""

    tokens: tuple[Token, ...]
    lease: timedelta


@dataclass(frozen=True, slots=True)
class AskRescue:
    """Call `Store.rescue`."""

    request: ClaimRequest


@dataclass(frozen=True, slots=True)
class AskTidy:
    """Call `Store.expire`, and `Store.prune` for final jobs that were kept long enough."""


@dataclass(frozen=True, slots=True)
class AskLeave:
    """Call `Store.leave`."""


@dataclass(frozen=True, slots=True)
class Say:
    """Tell people; `level` as in the logging module."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class TellEnd:
    """Tell people how an attempt ended, now that the store has it; `seconds` is how long it ran."""

    claim: Claim
    resolution: Resolution
    seconds: float


@dataclass(frozen=True, slots=True)
class Exit:
    """The worker is done; `code` is the process's exit code."""

    code: int


Action = (
    StartChild
    | Run
    | CancelRun
    | KillChild
    | AskClaim
    | AskSettle
    | AskExtend
    | AskRescue
    | AskTidy
    | AskLeave
    | Say
    | TellEnd
    | Exit
)


ANSWER_OF: Final[Mapping[type[Event], Call]] = {
    ClaimAnswered: Call.CLAIM,
    SettleAnswered: Call.SETTLE,
    ExtendAnswered: Call.EXTEND,
    RescueAnswered: Call.RESCUE,
    TidyAnswered: Call.TIDY,
    LeaveAnswered: Call.LEAVE,
}
"""Which call each answer belongs to."""

CALL_OF: Final[Mapping[type[Action], Call]] = {
    AskClaim: Call.CLAIM,
    AskSettle: Call.SETTLE,
    AskExtend: Call.EXTEND,
    AskRescue: Call.RESCUE,
    AskTidy: Call.TIDY,
    AskLeave: Call.LEAVE,
}
"""Which call each question makes."""
