"""The processes behind the core's children: started fresh, spoken to without blocking, ended for
good.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from queuekit.config import StoreUrl
from queuekit.tasks import Executor
from queuekit.worker.channel import Message, SupervisorEnd
from queuekit.worker.wire import TaskLine, dump_where, load_task, load_where

LAST_WORDS: Final = 0.1
"""Seconds from the end of a child's channel to its own: what it died of is then known."""


class ChildProcess:
    """One child process and the supervisor's end of its channel."""

    def __init__(
        self, number: int, process: subprocess.Popen[bytes], channel: SupervisorEnd
    ) -> None:
        self.number = number
        self.channel = channel
        self._process = process

    @property
    def is_gone(self) -> bool:
        """Whether it has ended, even if a process that it forked still holds its channel."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it at once, with the processes that it forked into its group."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def reap(self) -> str:
        """Make sure that it is gone; how it went, for people."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_WORDS)
        self.kill()
        self.channel.close()
        code = self._process.wait()
        if code >= 0:
            return f"exit code {code}"
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"


@dataclass(frozen=True, slots=True)
class AppName:
    """``module:name`` of the user's app, and the folder to import it from besides the current
    one.
    """

    target: str
    folder: Path | None = None


class Nursery:
    """Starts children.

    They end when the supervisor does: its end of the lifeline closes with it.
    """

    def __init__(self, app: AppName, where: StoreUrl | None) -> None:
        self._app = app
        self._where = where
        self._lifeline, self._held_open = os.pipe()

    def start(self, number: int, executor: Executor) -> ChildProcess:
        """A fresh interpreter, in a process group of its own, so that Ctrl-C reaches the supervisor
        alone.

        Raises:
            OSError: the system has no more processes or file descriptors to give.
        """
        ours, theirs = socket.socketpair()
        orders: Mapping[str, Any] = {
            "app": self._app.target,
            "folder": None if self._app.folder is None else str(self._app.folder),
            "where": None if self._where is None else dump_where(self._where),
            "executor": executor,
            "channel": theirs.fileno(),
            "lifeline": self._lifeline,
            "parent": os.getpid(),
        }
        with theirs:
            try:
                process = subprocess.Popen(
                    [sys.executable, "-m", "queuekit.worker.child", json.dumps(orders)],
                    stdin=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(), self._lifeline),
                    process_group=0,
                )
            except OSError:
                ours.close()
                raise
        return ChildProcess(number, process, SupervisorEnd(ours))

    def close(self) -> None:
        """Let go of the lifeline: children that are left end."""
        os.close(self._held_open)
        os.close(self._lifeline)


def hello(message: Message) -> tuple[list[TaskLine], StoreUrl]:
    """The tasks and the store in a child's first message."""
    return [load_task(form) for form in message["ready"]], load_where(message["where"])
