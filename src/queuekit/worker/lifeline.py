"""Nobody outlives the process that started it, not even when that is killed with SIGKILL.

Two means, since each has a hole. The kernel's parent-death signal (Linux, prctl(2),
PR_SET_PDEATHSIG) ends even a process that holds the interpreter lock, but other systems do not have
it. A thread that waits for the end of an inherited pipe works everywhere, but needs the interpreter
lock to act.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; exit now if that has happened
    already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def watch(pipe: int, at_end: Callable[[], None]) -> None:
    """Call `at_end` from a thread when nobody holds the other end of `pipe` any more."""

    def wait() -> None:
        while os.read(pipe, 1):
            pass
        at_end()

    threading.Thread(target=wait, name="queuekit-lifeline", daemon=True).start()
