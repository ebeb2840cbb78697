"""The program that the workers of these tests run.

Each run of a job leaves one line in the file named by RUNS_LOG.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path

from queuekit import (
    App,
    Backoff,
    BackoffKind,
    Cancel,
    Context,
    Discard,
    Missing,
    Retry,
    Snooze,
)

app = App()

SOON = Retry(
    max_attempts=2,
    backoff=Backoff(BackoffKind.FIXED, base=timedelta(milliseconds=10), jitter=False),
)


def note(what: str) -> None:
    """One line, whole, whoever else writes."""
    context = Context.current()
    line = f"{context.job_id} {context.attempt} {os.getpid()} {what}\n"
    with Path(os.environ["RUNS_LOG"]).open("a") as log:
        log.write(line)


@app.task
def ok(value: int = 0) -> int:
    """Return at once."""
    note("ok")
    return value + 1


@app.task
async def ok_async(value: int = 0) -> int:
    """Return soon, from the event loop."""
    await asyncio.sleep(0)
    note("ok_async")
    return value + 1


@app.task
async def meet(name: str, folder: str, others: int) -> None:
    """Return once so many jobs are here at the same time."""
    Path(folder, name).touch()
    while len(list(Path(folder).iterdir())) < others:
        await asyncio.sleep(0.01)


@app.task(retry=SOON)
def fail(message: str) -> None:
    """Raise, with a cause."""
    note("fail")
    try:
        int("x")
    except ValueError as cause:
        raise RuntimeError(message) from cause


@app.task(retry=SOON)
def raise_strange(kind: str) -> None:
    """Raise something that is awkward to catch, to print or to rebuild."""
    note(kind)

    class Local(Exception):
        def __str__(self) -> str:
            raise ValueError("no text for you")

        __repr__ = __str__

    class TwoArguments(Exception):
        def __init__(self, one: str, two: object) -> None:
            super().__init__(one)
            self.two = two

    errors: dict[str, BaseException] = {
        "SystemExit": SystemExit(0),
        "KeyboardInterrupt": KeyboardInterrupt(),
        "GeneratorExit": GeneratorExit(),
        "BaseException": BaseException("bare"),
        "Local": Local(),
        "TwoArguments": TwoArguments("one", threading.Lock()),
        "Nul": ValueError("nul \x00 and lone \ud800"),
        "Recursion": RecursionError("deep"),
        "Long": ValueError("x" * 10_000_000),
    }
    raise errors[kind]


@app.task(retry=SOON)
async def raise_strange_async(kind: str) -> None:
    """The same on the event loop."""
    if kind == "CancelledError":
        raise asyncio.CancelledError
    raise_strange(kind)


@app.task(retry=SOON)
def die(how: str) -> None:
    """End the process that runs this."""
    note(how)
    if how == "exit":
        os._exit(1)
    os.kill(os.getpid(), signal.SIGKILL)


@app.task
def busy(seconds: float) -> None:
    """Compute without ever giving way."""
    note("busy")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


@app.task
def wait_for(path: str) -> None:
    """Run until a file appears."""
    note("wait_for")
    while not Path(path).exists():
        time.sleep(0.01)


@app.task
async def wait_for_async(path: str) -> None:
    """The same on the event loop."""
    note("wait_for_async")
    while not Path(path).exists():
        await asyncio.sleep(0.01)


@app.task
def snooze_once() -> str:
    """Ask to run later, the first time."""
    folder = Path(os.environ["RUNS_LOG"]).parent
    mark = folder / f"snoozed-{Context.current().job_id}"
    note("snooze_once")
    if not mark.exists():
        mark.touch()
        raise Snooze(0.01)
    return "woke"


@app.task
def give_up() -> None:
    """Discard itself."""
    raise Discard("no use")


@app.task
def call_off() -> None:
    """Cancel itself."""
    raise Cancel("not needed")


@app.task
def unstorable() -> object:
    """Return what has no exact stored form, and cannot even be pickled."""
    return threading.Lock()


@app.task
def follow_up() -> None:
    """Enqueue from inside a job."""
    ok.enqueue(41)


@app.task
def print_much() -> None:
    """Write to both standard streams: neither is the pipe to the supervisor."""
    sys.stdout.write("x" * 100_000)
    sys.stderr.write("x" * 100_000)


@app.task
def snooze_for_ever() -> None:
    """Ask for a time that no store can hold."""
    note("snooze_for_ever")
    raise Snooze(timedelta.max)


@app.task(retry=SOON)
async def signal_by_hand(kind: str) -> None:
    """Raise a signal that does not carry what it should."""

    class Bare(Snooze):
        def __init__(self) -> None:
            """Forget the delay."""

    raise {"discard": Discard(404), "cancel": Cancel(None), "bare": Bare()}[kind]  # type: ignore[arg-type]


@app.task(retry=SOON)
def leave_a_copy_and_die(seconds: float) -> None:
    """Fork a process that keeps all that is open, and be killed."""
    note("leave_a_copy_and_die")
    if os.fork() == 0:
        time.sleep(seconds)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)


@app.task
def fork_and_return() -> None:
    """Let a forked copy return, too."""
    os.fork()


@app.task
def forget_to_await() -> object:
    """A function that only looks synchronous."""
    return asyncio.sleep(0)


# --- arguments of all kinds


class Colour(Enum):
    """Comes back as itself."""

    RED = "red"


@dataclass(frozen=True)
class Order:
    """Comes back equal."""

    number: int
    price: Decimal
    lines: tuple[str, ...]
    colour: Colour


class Money:
    """Known to queuekit only by its registration."""

    def __init__(self, cents: int) -> None:
        self.cents = cents

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and other.cents == self.cents

    def __hash__(self) -> int:
        return hash(self.cents)


class Row:
    """Stands for a row: it is there while its file is."""

    def __init__(self, path: str) -> None:
        self.path = path

    @classmethod
    def load(cls, path: str) -> Row | None:
        """The row, None once it was deleted."""
        return cls(path) if Path(path).exists() else None


class NeededRow(Row):
    """A row that a job cannot do without, and that may come back."""


class OptionalRow(Row):
    """A row that a job can do without."""


app.register_type(Money, name="money", dump=lambda money: money.cents, load=Money)
app.register_reference(Row, name="row", key=lambda row: row.path, load=Row.load)
app.register_reference(
    NeededRow,
    name="needed-row",
    key=lambda row: row.path,
    load=NeededRow.load,  # type: ignore[arg-type]  # a class method of the subclass
    missing=Missing.FAIL,
)
app.register_reference(
    OptionalRow,
    name="optional-row",
    key=lambda row: row.path,
    load=OptionalRow.load,  # type: ignore[arg-type]  # likewise
    missing=Missing.NONE,
)


@app.task(retry=SOON)
def echo(value: object) -> object:
    """Return what came, at the second attempt."""
    note("echo")
    if Context.current().attempt == 1:
        raise OSError("once more")
    return value


@app.task(retry=SOON)
async def echo_async(value: object) -> object:
    """The same on the event loop."""
    return await asyncio.to_thread(echo.function, value)


@app.task(retry=SOON)
def path_of(row: Row | None) -> str | None:
    """Use a row."""
    note("path_of")
    return None if row is None else row.path


@app.task(retry=Retry(max_attempts=5, discard_on=(ValueError, LookupError)))
def hopeless(word: str) -> None:
    """Fail in a way that no further attempt can mend."""
    note("hopeless")
    raise UnicodeError(word)
