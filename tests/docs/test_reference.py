"""The reference is complete: what the code has is in it, and what it shows is in the code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import queuekit
from queuekit import errors, payload, testing
from queuekit.cli import group
from queuekit.cli.endings import EXIT_CODES, INTERRUPTED
from queuekit.config import KEYS
from queuekit.tasks import Variant

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
CLASSES: list[type] = [
    queuekit.App,
    Variant,
    queuekit.Task,
    queuekit.Job,
    queuekit.Context,
    queuekit.Retry,
    queuekit.Backoff,
    testing.JobQueue,
    testing.Drained,
]


def page(name: str) -> str:
    return (REFERENCE / name).read_text()


def commands(
    command: click.Command = group, name: str = "queuekit", parent: click.Context | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Every command's path with its visible options, however late it is loaded."""
    context = click.Context(command, info_name=name, parent=parent)
    options = [
        word
        for param in command.get_params(context)
        if isinstance(param, click.Option) and not param.hidden
        for word in (*param.opts, *param.secondary_opts)
    ]
    yield context.command_path, options
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from commands(found, below, context)


COMMANDS = dict(commands())


def section(heading: str) -> str:
    """What stands below a command's heading, up to the next one."""
    found = re.search(
        rf"^## `{re.escape(heading)}`$(.*?)(?=^## |\Z)", page("cli.md"), re.MULTILINE | re.DOTALL
    )
    assert found, f"cli.md has no heading for {heading}"
    return found[1]


def subclasses(cls: type[errors.QueuekitError]) -> Iterator[type[errors.QueuekitError]]:
    yield cls
    for below in cls.__subclasses__():
        yield from subclasses(below)


def public_methods() -> Iterator[str]:
    for cls in CLASSES:
        for name, value in vars(cls).items():
            is_method = inspect.isfunction(value) or isinstance(value, property | classmethod)
            if is_method and not name.startswith("_"):
                yield f"{'Task' if cls is Variant else cls.__name__}.{name}"


@pytest.mark.parametrize("name", queuekit.__all__)
def test_each_public_name_is_in_the_api_reference(name: str) -> None:
    assert f"`{name}`" in page("api.md")


@pytest.mark.parametrize("name", sorted(set(public_methods())))
def test_each_public_method_is_in_the_api_reference(name: str) -> None:
    assert f"`{name}`" in page("api.md")


@pytest.mark.parametrize("name", ["JobQueue", "Drained", "job_queue", "queuekit_app"])
def test_what_tests_use_is_in_the_api_reference(name: str) -> None:
    assert f"`{name}`" in page("api.md")


@pytest.mark.parametrize("path", COMMANDS)
def test_each_option_stands_below_its_commands_heading(path: str) -> None:
    text = section(path)
    assert [word for word in COMMANDS[path] if f"`{word}`" not in text] == []


def test_the_command_line_reference_shows_no_flag_that_no_command_has() -> None:
    known = {word for options in COMMANDS.values() for word in options}
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]*", page("cli.md"))) <= known


def test_the_command_line_reference_has_no_heading_of_a_command_that_is_not_there() -> None:
    assert set(re.findall(r"^## `(queuekit[^`]*)`$", page("cli.md"), re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("code", sorted({0, 1, INTERRUPTED, *(code for _, code in EXIT_CODES)}))
def test_each_exit_code_is_in_the_command_line_reference(code: int) -> None:
    assert f"| {code} |" in page("cli.md")


@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_in_the_configuration_reference(key: str) -> None:
    assert f"| `{key}` |" in page("configuration.md")


@pytest.mark.parametrize(
    "name",
    [c.__name__ for c in subclasses(errors.QueuekitError) if c.__module__ == errors.__name__],
)
def test_each_error_is_in_the_error_reference(name: str) -> None:
    assert f"`{name}`" in page("errors.md")


@pytest.mark.parametrize("tag", sorted(payload.BUILT_IN))
def test_each_built_in_tag_is_in_the_payload_reference(tag: str) -> None:
    assert f"| `{tag}` |" in page("payload.md")
