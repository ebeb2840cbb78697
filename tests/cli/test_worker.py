"""`queuekit worker`: what it is told, and the screen with which it begins."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cli.stage import Stage, clean_environment, run_command

from queuekit.cli import worker
from queuekit.cli.welcome import file_of, show_welcome, unknown_queues
from queuekit.config import StoreUrl
from queuekit.storage import Store
from queuekit.tasks import Executor
from queuekit.worker.children import AppName
from queuekit.worker.settings import WorkerSettings
from queuekit.worker.supervisor import Ready
from queuekit.worker.wire import TaskLine


class Noted:
    """A supervisor's place: what it was made with."""

    made: dict[str, Any]

    def __init__(self, app: AppName, where: object, settings: WorkerSettings, **more: Any) -> None:
        Noted.made = {"app": app, "where": where, "settings": settings, **more}

    def run(self) -> int:
        return 0


@pytest.fixture
def noted(cli: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The command up to the start of the supervisor, which has tests of its own."""
    monkeypatch.setattr(worker, "Supervisor", Noted)
    cli.write("queuekit.toml", 'app = "jobs:app"\n[worker]\nlease = "7s"\ncoroutines = 3\n')
    return cli


def settings(cli: Stage, *words: str, **environment: str) -> WorkerSettings:
    ended = cli("worker", *words, **environment)
    assert ended.code == 0, ended.err
    found = Noted.made["settings"]
    assert isinstance(found, WorkerSettings)
    return found


def test_a_flag_beats_the_environment_and_that_the_file_and_that_the_default(noted: Stage) -> None:
    plain = settings(noted)
    assert (plain.lease, plain.coroutines) == (timedelta(seconds=7), 3)
    assert (plain.grace, plain.queues, plain.burst) == (timedelta(seconds=25), None, False)
    surrounded = settings(noted, QUEUEKIT_WORKER_LEASE="8s", QUEUEKIT_WORKER_QUEUES="a, b")
    assert (surrounded.lease, surrounded.queues) == (timedelta(seconds=8), ("a", "b"))
    words = ["--lease", "9", "-Q", "c", "-c", "4", "--coroutines", "5", "--grace", "1m", "--burst"]
    told = settings(noted, *words, QUEUEKIT_WORKER_LEASE="8s")
    assert (told.lease, told.grace) == (timedelta(seconds=9), timedelta(minutes=1))
    assert (told.queues, told.processes, told.coroutines, told.burst) == (("c",), 4, 5, True)
    assert told.version


def test_the_program_and_the_store_of_the_line_go_to_the_supervisor(noted: Stage) -> None:
    assert noted("worker").code == 0
    assert Noted.made["app"] == AppName("jobs:app", noted.folder)
    assert Noted.made["where"] is None
    assert noted("worker", "-a", "other:app", "--url", "sqlite:///x.db").code == 0
    assert Noted.made["app"] == AppName("other:app", noted.folder)
    assert Noted.made["where"] == StoreUrl("sqlite:///x.db", noted.folder, "--url")


@pytest.mark.parametrize(
    ("words", "environment", "line"),
    [
        (["--lease", "0.5"], {}, "'--lease': 500ms is out of range; it may be 1s to 1d"),
        (["--lease", "soon"], {}, "'--lease': 'soon' is no duration"),
        (["-c", "0"], {}, "'-c' / '--concurrency': 0 is out of range"),
        (["--coroutines", "x"], {}, "'--coroutines': 'x' is no whole number"),
        (["-Q", "a,,b"], {}, "'-Q' / '--queues': '' is no name of a queue"),
        ([], {"QUEUEKIT_WORKER_LEASE": "0.5"}, "QUEUEKIT_WORKER_LEASE: worker.lease: 500ms"),
        ([], {"QUEUEKIT_CONFIG": "bad.toml"}, "bad.toml: worker.grace: "),
    ],
)
def test_a_value_out_of_range_is_2_and_its_origin_is_named(
    noted: Stage, words: list[str], environment: dict[str, str], line: str
) -> None:
    noted.write("bad.toml", 'app = "jobs:app"\n[worker]\ngrace = "9w"\n')
    ended = noted("worker", *words, **environment)
    assert (ended.code, ended.out) == (2, "")
    assert line in ended.err
    assert len(ended.err.splitlines()) == 1


# --- the screen


def ready(store: Store, *tasks: TaskLine) -> Ready:
    return Ready(store, StoreUrl("sqlite:///jobs.db", Path("/"), "--url"), list(tasks))


def line(name: str, queue: str = "default") -> TaskLine:
    return TaskLine(name, queue, Executor.PROCESS, 5)


def test_the_screen_tells_what_the_worker_works_on_and_how_to_stop_it(
    cli: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.program()
    told = WorkerSettings("host:1:abc", processes=2, queues=("mail",), version="1.2")
    tasks = (line("add"), TaskLine("mail.send", "mail", Executor.ASYNCIO, 1))
    show_welcome(AppName("jobs:app"), told, ready(cli.store, *tasks))
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "queuekit worker host:1:abc, version 1.2\n"
        f"  app        jobs:app in {cli.folder}/jobs.py\n"
        f"  store      {cli.folder}/jobs.db\n"
        "             named by --url\n"
        "  tasks      add        queue default  process  5 attempts\n"
        "             mail.send  queue mail     asyncio  1 attempt\n"
        "  queues     mail\n"
        "  slots      2 processes for sync jobs, 10 coroutines for async\n"
        "  schedules  none\n"
        "  stop       Ctrl-C or SIGTERM; again to give running jobs back at once\n"
    )


def test_many_tasks_stay_one_screen(cli: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = [line(f"task{number:02}") for number in range(23)]
    show_welcome(AppName("x"), WorkerSettings("w", processes=1), ready(cli.store, *tasks))
    err = capsys.readouterr().err
    assert "task19" in err
    assert "task20" not in err
    assert re.search(r"^ +and 3 more$", err, re.MULTILINE)
    assert re.search(r"^  queues +every queue$", err, re.MULTILINE)
    assert "1 process for" in err


def test_a_queue_that_neither_job_nor_task_is_in_is_warned_of(cli: Stage) -> None:
    cli.send(queue="bulk")
    now = ready(cli.store, line("add", "mail"))
    told = WorkerSettings("w", processes=1, queues=("mail", "bulk", "mial"))
    assert list(unknown_queues(told, now)) == [
        "no job and no task is in queue 'mial' yet, did you mean 'mail'?"
    ]
    assert not list(unknown_queues(WorkerSettings("w", processes=1), now))


def test_the_file_of_a_program_is_found_without_importing_it(cli: Stage) -> None:
    package = cli.folder / "shop"
    package.mkdir()
    (package / "__init__.py").write_text("1 / 0")
    (package / "jobs.py").write_text("1 / 0")
    assert file_of(AppName("shop.jobs:app", cli.folder)) == str(package / "jobs.py")
    assert file_of(AppName("shop", cli.folder)) == str(package / "__init__.py")
    assert file_of(AppName("jobs:app", package)) == str(package / "jobs.py")
    (cli.folder / "plain" / "deep").mkdir(parents=True)
    (cli.folder / "plain" / "deep" / "jobs.py").touch()
    without_init = AppName("plain.deep.jobs:app", cli.folder)
    assert file_of(without_init) == str(cli.folder / "plain" / "deep" / "jobs.py")
    assert file_of(AppName("shop.none:app", cli.folder)) is None
    assert file_of(AppName("nosuchmodule:app")) is None


# --- as a real process


def test_a_worker_shows_its_screen_and_runs_what_is_due(cli: Stage) -> None:
    app = cli.program()
    job_id = cli.send(payload='{"args":[],"kwargs":{"to":"ada"}}')
    ended = run_command(cli.folder, ["-a", app, "worker", "--burst", "-Q", "mail,mial", "-c", "1"])
    assert (ended.returncode, ended.stdout) == (0, "")
    assert f"app        jobs:app in {cli.folder}/jobs.py" in ended.stderr
    assert f"named by App() in {cli.folder}/jobs.py" in ended.stderr
    assert "queuekit: warning: no job and no task is in queue 'mial' yet" in ended.stderr
    assert cli.job(job_id).result == '"ada"'


def test_a_program_without_a_store_works_on_that_of_the_lines_profile(cli: Stage) -> None:
    """Its children read the configuration for themselves."""
    app = cli.program(url="")
    cli.write("c.toml", f'url = "nosuch://x"\n[profiles.p]\nurl = "{cli.url}"\n')
    words = ["worker", "-a", app, "--config", "c.toml", "--profile", "p", "--burst", "-c", "1"]
    ended = run_command(cli.folder, words, env=clean_environment())
    assert ended.returncode == 0
    assert "c.toml [profiles.p]" in ended.stderr
