"""Threads that call the store for the supervisor, so that a slow store never stops the loop that
keeps children and signals.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from datetime import timedelta

from queuekit.errors import StoreError
from queuekit.job import Token
from queuekit.storage import MAX_BATCH, Extended, Store, WorkerBeat
from queuekit.worker.messages import (
    CALL_OF,
    AskClaim,
    AskExtend,
    AskLeave,
    AskRescue,
    AskSettle,
    AskTidy,
    CallFailed,
    ClaimAnswered,
    Event,
    ExtendAnswered,
    LeaveAnswered,
    RescueAnswered,
    SettleAnswered,
    TidyAnswered,
)
from queuekit.worker.settings import KEPT, TIDY_LIMIT

StoreAction = AskClaim | AskSettle | AskExtend | AskRescue | AskTidy | AskLeave


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
        self._under_way = 0
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def ask(self, action: StoreAction) -> None:
        """Make this call, soon."""
        self._under_way += 1
        self._asked.put(action)

    @property
    def is_idle(self) -> bool:
        """Whether every call that was asked for has been answered."""
        return self._under_way == 0

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
            self._under_way -= 1
            self._answer(event)

    def _call(self, action: StoreAction) -> Event:
        store = self._store
        match action:
            case AskClaim(request):
                return ClaimAnswered(store.claim(request))
            case AskSettle(finishes, starts):
                return SettleAnswered(store.finish(finishes, starts))
            case AskExtend(tokens, lease):
                return ExtendAnswered(tokens, self._extend(tokens, lease))
            case AskRescue(request):
                return RescueAnswered(store.rescue(request))
            case AskTidy():
                done = [store.expire(TIDY_LIMIT)]
                done += [store.prune(states, age, TIDY_LIMIT) for states, age in KEPT]
                return TidyAnswered(more=TIDY_LIMIT in done)
            case AskLeave():
                store.leave(self._beat.id)
                return LeaveAnswered()

    def _extend(self, tokens: tuple[Token, ...], lease: timedelta) -> Extended:
        """One heartbeat, in as many calls as its tokens need."""
        extended = self._store.extend(self._beat, tokens[:MAX_BATCH], lease)
        for at in range(MAX_BATCH, len(tokens), MAX_BATCH):
            more = self._store.extend(self._beat, tokens[at : at + MAX_BATCH], lease)
            extended = Extended(
                extended.answers + more.answers, extended.cancels | more.cancels, more.paused
            )
        return extended
