"""``queuekit tasks``: what a program can be asked to do."""

from __future__ import annotations

import inspect
from typing import Any

import click

from queuekit.cli.asked import Asked, pass_asked
from queuekit.cli.frame import Command, Group
from queuekit.cli.params import common, json_flag
from queuekit.cli.table import print_fields, print_json, print_table, say
from queuekit.options import Retry
from queuekit.retry import Backoff, BackoffKind
from queuekit.tasks import Task
from queuekit.words import show_duration


@click.group("tasks", cls=Group)
@common
def command() -> None:
    """List the tasks of the app."""


@command.command("ls", cls=Command)
@json_flag
@common
@pass_asked
def list_tasks(asked: Asked) -> None:
    """List the tasks that the app holds."""
    tasks = list(asked.app().tasks)
    if asked.json:
        print_json({"tasks": [_shape(task) for task in tasks]})
    elif tasks:
        print_table(
            ["TASK", "QUEUE", "EXECUTOR", "RETRY", "SIGNATURE", "ABOUT"],
            [
                [
                    task.name,
                    task.options.queue,
                    task.executor,
                    f"{task.options.retry.max_attempts}, {task.options.retry.backoff.kind}",
                    _signature(task),
                    _about(task),
                ]
                for task in tasks
            ],
            shrink="ABOUT",
        )
    else:
        say("the app holds no task: put @app.task above a function")


@command.command("show", cls=Command)
@click.argument("name", metavar="NAME")
@json_flag
@common
@pass_asked
def show_task(asked: Asked, name: str) -> None:
    """Show one task: how it is called, where it runs, and what follows if it fails."""
    task = asked.app().tasks[name]
    if asked.json:
        print_json(_shape(task))
        return
    retry = task.options.retry
    print_fields(
        [
            ("task", task.name),
            ("queue", task.options.queue),
            ("priority", str(task.options.priority)),
            ("executor", task.executor.value),
            ("signature", _signature(task)),
            ("attempts", f"{retry.max_attempts}, {_waits(retry.backoff)}"),
            ("discard on", ", ".join(_discard_on(retry)) or "no error at once"),
            ("about", _about(task) or "no docstring"),
        ]
    )


class _Bare:
    """An annotation that is kept as text, shown as it was written instead of in quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _signature(task: Task[..., Any]) -> str:
    signature = task.definition.signature
    parameters = [p.replace(annotation=_bare(p.annotation)) for p in signature.parameters.values()]
    returned = _bare(signature.return_annotation)
    return str(signature.replace(parameters=parameters, return_annotation=returned))


def _bare(annotation: Any) -> Any:
    return _Bare(annotation) if isinstance(annotation, str) else annotation


def _about(task: Task[..., Any]) -> str:
    """The first line of its docstring."""
    return (inspect.getdoc(task.function) or "").partition("\n")[0]


def _waits(backoff: Backoff) -> str:
    """The waits between attempts, in words."""
    jitter = ", at random down to none" if backoff.jitter else ""
    if backoff.kind is BackoffKind.LIST:
        return f"waiting {', '.join(map(show_duration, backoff.waits))} in between{jitter}"
    base, cap = show_duration(backoff.base), show_duration(backoff.cap)
    if backoff.kind is BackoffKind.FIXED:
        return f"waiting {show_duration(min(backoff.base, backoff.cap))} in between{jitter}"
    return f"waiting {base} at first, {backoff.kind} up to {cap}{jitter}"


def _discard_on(retry: Retry) -> list[str]:
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in retry.discard_on]


def _shape(task: Task[..., Any]) -> dict[str, Any]:
    retry = task.options.retry
    backoff = retry.backoff
    return {
        "name": task.name,
        "queue": task.options.queue,
        "priority": task.options.priority,
        "executor": task.executor.value,
        "signature": _signature(task),
        "retry": {
            "max_attempts": retry.max_attempts,
            "backoff": {
                "kind": backoff.kind.value,
                "base": backoff.base.total_seconds(),
                "cap": backoff.cap.total_seconds(),
                "jitter": backoff.jitter,
                "waits": [wait.total_seconds() for wait in backoff.waits],
            },
            "discard_on": _discard_on(retry),
        },
        "about": _about(task),
    }
