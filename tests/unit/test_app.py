"""Tasks and apps: names, arguments, and what is refused before anything is sent."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from queuekit import App, EnqueueStatus, Retry
from queuekit.errors import (
    ConfigurationError,
    InvalidArguments,
    PayloadError,
    StoreNotConfigured,
    UnknownScheme,
    UnknownTask,
)
from queuekit.job import JobState
from queuekit.storage import JobFilter
from queuekit.tasks import Executor


@pytest.fixture
def app() -> App:
    """An app on a store of its own."""
    return App("memory://")


def test_a_task_stays_the_function_that_it_was(app: App) -> None:
    @app.task
    def double(value: int) -> int:
        """Twice."""
        return 2 * value

    assert double(4) == 8
    assert double.__doc__ == "Twice."
    assert double.name == f"{__name__}.{double.function.__qualname__}"


def test_a_coroutine_function_runs_on_the_event_loop(app: App) -> None:
    @app.task
    async def fetch() -> None: ...

    @app.task
    def compute() -> None: ...

    assert (fetch.executor, compute.executor) == (Executor.ASYNCIO, Executor.PROCESS)


def test_an_enqueued_call_is_in_the_store_with_the_tasks_options(app: App) -> None:
    @app.task(queue="mail", priority=7, retry=Retry(max_attempts=3), name="send")
    def send(to: str, *, copy: bool = False) -> None: ...

    answer = send.enqueue("x@example.org", copy=True)
    assert answer.enqueued is EnqueueStatus.CREATED
    (job,) = app.store.get([answer.id])
    assert job is not None
    assert (job.task, job.queue, job.priority, job.max_attempts) == ("send", "mail", 7, 3)
    assert job.payload == '{"args":["x@example.org"],"kwargs":{"copy":true}}'
    assert job.state is JobState.AVAILABLE


def test_arguments_that_do_not_fit_are_refused_at_the_call(app: App) -> None:
    @app.task
    def send(to: str) -> None: ...

    with pytest.raises(TypeError, match="missing a required argument: 'to'"):
        send.enqueue()  # type: ignore[call-arg]
    with pytest.raises(InvalidArguments, match="'too', did you mean 'to'"):
        send.enqueue("x", too="x")  # type: ignore[call-arg]
    with pytest.raises(InvalidArguments, match=r"too many .* signature is \(to: 'str'\)"):
        send.enqueue("x", "y")  # type: ignore[call-arg]
    with pytest.raises(PayloadError, match=r"^to: .*object"):
        send.enqueue(object())  # type: ignore[arg-type]
    assert app.store.count(JobFilter(), 10).n == 0


def test_more_calls_than_one_batch_holds_are_sent_in_order(app: App) -> None:
    @app.task
    def number(n: int) -> None: ...

    answers = app.enqueue_many(number.request(n) for n in range(2_500))
    assert len({answer.id for answer in answers}) == 2_500
    newest = app.store.list(JobFilter(), limit=1).jobs[0]
    assert newest.payload == '{"args":[2499],"kwargs":{}}'


def test_two_tasks_of_one_name_are_refused(app: App) -> None:
    app.task(name="same")(lambda: None)
    with pytest.raises(ConfigurationError, match="same"):
        app.task(name="same")(lambda: None)


def test_an_unknown_task_names_those_that_are_known(app: App) -> None:
    app.task(name="known")(lambda: None)
    with pytest.raises(UnknownTask, match="known"):
        app.tasks["unknown"]


def test_a_store_that_is_not_configured_says_how_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUEUEKIT_URL", raising=False)
    with pytest.raises(StoreNotConfigured, match="QUEUEKIT_URL"):
        _ = App().store


def test_the_environment_names_the_store_if_nobody_else_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QUEUEKIT_URL", "memory://")
    assert App().store.capabilities.adapter == "memory"


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("nosuch://x", UnknownScheme, "memory"),
        ("jobs.db", ConfigurationError, "no scheme"),
        ("", ConfigurationError, "URL of the store is empty"),
    ],
)
def test_a_url_that_nobody_serves_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, url: str, error: type[Exception], words: str
) -> None:
    monkeypatch.delenv("QUEUEKIT_URL", raising=False)
    with pytest.raises(error, match=words) as refused:
        _ = App(url).store
    assert "\n" not in str(refused.value)


PROGRAM = """
from queuekit import App
app = App("memory://")
@app.task
def greet(): ...
print(greet.name)
"""


@pytest.mark.parametrize(
    ("words", "name"), [(["program.py"], "program.greet"), (["-m", "program"], "program.greet")]
)
def test_a_task_in_a_script_has_the_name_that_a_worker_finds(
    tmp_path: Path, words: list[str], name: str
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    shown = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    assert shown.strip() == name


def test_a_task_that_no_worker_could_import_is_refused() -> None:
    refused = subprocess.run(
        [sys.executable, "-c", PROGRAM], stderr=subprocess.PIPE, text=True, check=False
    )
    assert refused.returncode == 1
    assert "no worker can import it" in refused.stderr


def test_a_generator_is_no_task(app: App) -> None:
    def numbers() -> Iterator[int]:
        yield 1

    with pytest.raises(ConfigurationError, match="generator"):
        app.task(numbers)
