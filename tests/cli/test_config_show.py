"""`queuekit config show` tells what counts and who said so, and never a password."""

from __future__ import annotations

import os

import click
import pytest
from tests.cli.stage import Stage

from queuekit.cli.worker import command as worker
from queuekit.config.variables import FLAG_VARIABLES, SETTING_VARIABLES

TEXT = """\
url = "postgres://u:hunter2@h/jobs"
worker.lease = "1m"
worker.queues = ["a", "b"]
[profiles.prod]
url = "postgres://u:${NO_SUCH_PASSWORD}@prod/jobs"
"""


def rows(out: str) -> dict[str, list[str]]:
    """Key to the other cells."""
    lines = (line.split("  ") for line in out.splitlines())
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    return {line[0]: line[1:] for line in cells}


def test_every_key_is_shown_with_the_value_that_counts(cli: Stage) -> None:
    (cli.folder / "queuekit.toml").write_text(TEXT)
    ended = cli("config", "show", QUEUEKIT_WORKER_GRACE="90")
    assert ended.code == 0
    assert rows(ended.out) == {
        "KEY": ["VALUE"],
        "url": ["postgres://u:***@h/jobs"],
        "app": ["not set"],
        "worker.queues": ["a,b"],
        "worker.concurrency": [str(os.cpu_count())],
        "worker.coroutines": ["10"],
        "worker.lease": ["1m"],
        "worker.grace": ["1m30s"],
    }


def test_origins_are_shown_when_asked_for(cli: Stage) -> None:
    path = cli.folder / "queuekit.toml"
    path.write_text(TEXT)
    ended = cli(
        *("config", "show", "--origin", "--profile", "prod", "-a", "jobs:app"),
        QUEUEKIT_WORKER_GRACE="90",
    )
    found = rows(ended.out)
    assert found["KEY"] == ["VALUE", "ORIGIN"]
    assert found["url"] == ["postgres://u:***@prod/jobs", f"{path} [profiles.prod]"]
    assert found["app"] == ["jobs:app", "--app"]
    assert found["worker.lease"] == ["1m", str(path)]
    assert found["worker.grace"] == ["1m30s", "QUEUEKIT_WORKER_GRACE"]
    assert found["worker.coroutines"] == ["10", "default"]


def test_a_flag_comes_before_all_that_is_configured(cli: Stage) -> None:
    (cli.folder / "queuekit.toml").write_text(TEXT)
    ended = cli(
        *("config", "show", "--origin", "--url", "redis://:hunter2@flag"),
        QUEUEKIT_URL="redis://variable",
    )
    assert rows(ended.out)["url"] == ["redis://:***@flag", "--url"]


def test_the_json_form_has_these_keys_and_plain_values(cli: Stage) -> None:
    path = cli.folder / "queuekit.toml"
    path.write_text(TEXT)
    ended = cli("config", "show", "--json", QUEUEKIT_WORKER_LAESE="1")
    shown = ended.json
    assert shown.keys() == {"settings", "files", "warnings"}
    assert shown["files"] == [str(path)]
    assert shown["warnings"] == [
        "QUEUEKIT_WORKER_LAESE is not read, did you mean QUEUEKIT_WORKER_LEASE?"
    ]
    here = {"origin": str(path), "folder": str(cli.folder)}
    nobody = {"origin": "default", "folder": None}
    assert shown["settings"] == {
        "url": {"value": "postgres://u:***@h/jobs", **here},
        "app": {"value": None, **nobody},
        "worker.queues": {"value": ["a", "b"], **here},
        "worker.concurrency": {"value": os.cpu_count(), **nobody},
        "worker.coroutines": {"value": 10, **nobody},
        "worker.lease": {"value": 60.0, **here},
        "worker.grace": {"value": 25.0, **nobody},
    }


def test_files_and_warnings_go_to_stderr(cli: Stage) -> None:
    own, shared = cli.folder / "queuekit.toml", cli.folder / "pyproject.toml"
    own.write_text(TEXT)
    shared.write_text('[tool.queuekit]\nurl = "redis://:hunter3@h"\n')
    ended = cli("config", "show")
    assert f"queuekit: read {own}\nqueuekit: read {shared}\n" in ended.err
    assert f"queuekit: warning: url is postgres://u:***@h/jobs in {own}, but" in ended.err
    assert "hunter" not in ended.out + ended.err


def test_without_any_file_it_says_so(cli: Stage) -> None:
    ended = cli("config", "show")
    assert ended.code == 0
    assert ended.err == "queuekit: no configuration file was found from here upward\n"
    assert rows(ended.out)["url"] == ["not set"]
    assert rows(ended.out)["worker.queues"] == ["every queue"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ulr = 1\n", "queuekit.toml: ulr: no such setting, did you mean 'url'?"),
        ("url = \n", "queuekit.toml is no TOML: Invalid value (at line 1, column 7)"),
    ],
)
def test_a_file_that_makes_no_sense_is_one_line(cli: Stage, text: str, problem: str) -> None:
    (cli.folder / "queuekit.toml").write_text(text)
    ended = cli("config", "show")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"queuekit: {cli.folder}/{problem}\n"


def test_what_the_workers_command_reads_is_never_called_a_slip_of_the_pen() -> None:
    """Its flags stand above the settings of the same name, or are known as its own alone."""
    context = click.Context(worker, info_name="worker", auto_envvar_prefix="QUEUEKIT_WORKER")
    own = {
        f"QUEUEKIT_WORKER_{param.name.upper()}"
        for param in worker.get_params(context)
        if isinstance(param, click.Option)
        and param.name
        and not param.hidden
        and param.expose_value
        and param.name != "help"
    }
    assert own <= {*SETTING_VARIABLES, *FLAG_VARIABLES}
