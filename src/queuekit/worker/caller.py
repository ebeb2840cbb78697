"""Threads that call the store for the supervisor, so that a slow store never stops the loop that
keeps children and signals.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from queuekit.errors import StoreError
from queuekit.storage import Store, WorkerBeat
from queuekit.worker.messages import (
    CALL_OF,
    AskClaim,
    AskExpire,
    AskExtend,
    AskLeave,
    AskRescue,
    AskSettle,
    CallFailed,
    ClaimAnswered,
    Event,
    ExpireAnswered,
    ExtendAnswered,
    LeaveAnswered,
    RescueAnswered,
    SettleAnswered,
)

StoreAction = AskClaim | AskSettle | AskExtend | AskRescue | AskExpire | AskLeave


class Caller:
    """One thread that makes store calls in the order asked, and hands each answer to `answer` as an
    event.
    """

    def __init__(
        self, name: str, store: Store, beat: WorkerBeat, answer: Callable[[Event], None]
    ) -> None:
        self._store = store
        self._beat = beat
        self._answer = answer
        self._asked: queue.SimpleQueue[StoreAction] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def ask(self, action: StoreAction) -> None:
        """Make this call, soon."""
        self._asked.put(action)

    def _serve(self) -> None:
        while True:
            action = self._asked.get()
            try:
                event = self._call(action)
            except StoreError as error:
                event = CallFailed(CALL_OF[type(action)], str(error), outage=True)
            except Exception as error:  # a bug of ours or of an adapter must not end the worker
                text = f"{type(error).__name__}: {error}"
                event = CallFailed(CALL_OF[type(action)], text, outage=False)
            self._answer(event)

    def _call(self, action: StoreAction) -> Event:
        store = self._store
        match action:
            case AskClaim(request):
                return ClaimAnswered(store.claim(request))
            case AskSettle(finishes, starts):
                return SettleAnswered(store.finish(finishes, starts))
            case AskExtend(tokens, lease):
                return ExtendAnswered(tokens, store.extend(self._beat, tokens, lease))
            case AskRescue(request):
                return RescueAnswered(store.rescue(request))
            case AskExpire(limit):
                return ExpireAnswered(store.expire(limit))
            case AskLeave():
                store.leave(self._beat.id)
                return LeaveAnswered()
