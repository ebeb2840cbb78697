"""What type checkers have to say about a program. Checked by `test_typing.py`, never run.

A line that must be refused ends in ``# refused``, and no other may be. `assert_type` holds what is
inferred.
"""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

from queuekit import App, Backoff, EnqueueContext, Job, JobState, Refusal, Request, Retry

app = App("memory://")


@app.task
def add(one: int, other: int = 0, *, note: str = "") -> float:
    return one + other


@app.task
async def fetch(url: str) -> bytes:
    return url.encode()


def wants(context: EnqueueContext) -> bool:
    return context.task == "send"


@app.task(
    name="send",
    queue="mail",
    priority=5,
    retry=Retry(max_attempts=3, backoff=Backoff.fixed(10), discard_on=(ValueError,)),
    should_enqueue=wants,
)
def send(to: str) -> None: ...


@app.task(queue="mail")
async def send_async(to: str) -> list[str]:
    return [to]


# --- a task is still the function that it was

assert_type(add(1, 2), float)
coroutine: Coroutine[Any, Any, bytes] = fetch("x")
coroutines: list[Coroutine[Any, Any, list[str]]] = [send_async("x")]
add("1")  # refused

# --- what is sent fits the function

assert_type(add.enqueue(1, note="n"), Job[float])
assert_type(fetch.enqueue("x"), Job[bytes])
assert_type(send_async.enqueue("x"), Job[list[str]])
assert_type(add.request(1), Request[float])
add.enqueue("1")  # refused
add.enqueue()  # refused
add.enqueue(1, 2, 3)  # refused
add.enqueue(1, nota="n")  # refused
fetch.enqueue(7)  # refused
send.enqueue(to=7)  # refused
send_async.request(7)  # refused

# --- options stand apart from arguments, and are checked

assert_type(add.using(delay=5).enqueue(1), Job[float])
add.using(delay=timedelta(hours=1), priority=3, queue="q", tags=["a"], meta={"b": 1})
add.using(delay=datetime.now(UTC), expires=60.0, retry=Retry(max_attempts=1))
assert_type(fetch.using(queue="q").using(priority=1).enqueue("x"), Job[bytes])
add.using(dealy=5)  # refused
add.using(delay="5")  # refused
add.using(queue=5)  # refused
add.using(retry=3)  # refused
add.using(delay=5).enqueue("1")  # refused
app.task(queu="mail")  # refused
app.task(priority="high")  # refused
app.task(should_enqueue=lambda: True)  # refused
Retry(attempts=3)  # refused
Backoff.fixed("5")  # refused

# --- results have the task's own type

assert_type(add.enqueue(1).result(timeout=5), float)
assert_type(add.enqueue(1).state, JobState)
word: str = add.enqueue(1).result()  # refused
assert_type(app.enqueue_many([add.request(1), add.request(2)]), tuple[Job[float], ...])
app.enqueue_many([add])  # refused
app.job("id").result(timeout="5")  # refused


# --- refusals are values

answer = add.try_enqueue(1)
assert_type(answer, Job[float] | Refusal)
answer.result()  # refused
if answer:
    assert_type(answer, Job[float])
else:
    assert_type(answer.reason, str)


async def awaited() -> None:
    assert_type(await add.aenqueue(1), Job[float])
    assert_type(await (await fetch.aenqueue("x")).aresult(), bytes)
    assert_type(await add.atry_enqueue(1), Job[float] | Refusal)
    await fetch.aenqueue(7)  # refused
    number: int = await (await fetch.aenqueue("x")).aresult()  # refused
    print(number, word, await coroutine)
