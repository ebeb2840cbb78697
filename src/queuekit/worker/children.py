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
from typing import Any

from queuekit.tasks import Executor
from queuekit.worker.channel import Message, SupervisorEnd


class ChildProcess:
    """One child process and the supervisor's end of its channel."""

    def __init__(
        self, number: int, process: subprocess.Popen[bytes], channel: SupervisorEnd
    ) -> None:
        self.number = number
        self.channel = channel
        self._process = process

    def kill(self) -> None:
        """End it at once; `receive` of its channel tells when it is gone."""
        self._process.kill()

    def reap(self) -> str:
        """Make sure that it is gone; how it went, for people."""
        self._process.kill()
        self.channel.close()
        code = self._process.wait()
        if code >= 0:
            return f"exit code {code}"
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"


class Nursery:
    """Starts children.

    They end when the supervisor does: its end of the lifeline closes with it.
    """

    def __init__(self, app: str, url: str | None) -> None:
        self._app = app
        self._url = url
        self._lifeline, self._held_open = os.pipe()

    def start(self, number: int, executor: Executor) -> ChildProcess:
        """A fresh interpreter, in a process group of its own, so that Ctrl-C reaches the supervisor
        alone.
        """
        ours, theirs = socket.socketpair()
        orders: Mapping[str, Any] = {
            "app": self._app,
            "url": self._url,
            "executor": executor,
            "channel": theirs.fileno(),
            "lifeline": self._lifeline,
            "parent": os.getpid(),
        }
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "queuekit.worker.child", json.dumps(orders)],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), self._lifeline),
                process_group=0,
            )
        return ChildProcess(number, process, SupervisorEnd(ours))

    def close(self) -> None:
        """Let go of the lifeline: children that are left end."""
        os.close(self._held_open)
        os.close(self._lifeline)


def hello(message: Message) -> tuple[dict[str, Executor], str | None]:
    """The tasks and the store's URL in a child's first message."""
    return {name: Executor(kind) for name, kind in message["ready"].items()}, message["url"]
