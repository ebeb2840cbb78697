"""The arguments of a call, as somebody types them: ``name=value`` each, or all as JSON."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import click

from queuekit.payload import Codec
from queuekit.suggest import did_you_mean
from queuekit.tasks import Task


@dataclass(frozen=True, slots=True)
class Call:
    """What a task is to be called with."""

    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)


def read_call(
    task: Task[..., Any], pairs: tuple[str, ...], json_text: str | None, codec: Codec
) -> Call:
    """The call that the words mean.

    Raises:
        UsageError: they mean none.
        PayloadError: a tagged value in the JSON cannot be read.
    """
    if json_text is None:
        return Call(kwargs=_by_name(task, pairs, codec))
    if pairs:
        raise click.UsageError("give the arguments by name or as --args, not in both ways")
    try:
        _strict(json_text)
    except ValueError as problem:
        raise click.UsageError(f"--args is no JSON: {problem}") from None
    value = codec.loads(json_text)
    if type(value) is list:
        return Call(args=value)
    if type(value) is dict:
        return Call(kwargs=value)
    raise click.UsageError("--args takes a list or an object, with the arguments in it")


def _by_name(task: Task[..., Any], pairs: tuple[str, ...], codec: Codec) -> dict[str, Any]:
    texts = _text_parameters(task)
    parameters = task.definition.signature.parameters
    any_name = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    kwargs: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise click.UsageError(f"{pair!r} is no NAME=VALUE{_instead(task, pair)}")
        if not name.isidentifier():
            raise click.UsageError(f"{name!r} in {pair!r} is no name of a parameter")
        if name in kwargs:
            raise click.UsageError(f"{name} is given twice")
        if not any_name and name not in parameters:
            near = did_you_mean(name, parameters)
            raise click.UsageError(f"{task.name} has no parameter {name!r}{near}")
        kwargs[name] = _value(text, texts.get(name), codec)
    return kwargs


def _instead(task: Task[..., Any], word: str) -> str:
    """How to write what somebody gave by position."""
    names = task.definition.positional
    return f"; write {names[0]}={word}" if names else ""


def _value(text: str, none_word: str | None, codec: Codec) -> Any:
    """The value that a text means, `none_word` being what stands for None in a text parameter."""
    if none_word is not None:
        return None if text and text == none_word else text
    try:
        _strict(text)
    except ValueError:
        return text
    return codec.loads(text)


def _text_parameters(task: Task[..., Any]) -> dict[str, str]:
    """Parameters that are annotated as text, each with the word that means None: ``null`` where
    that is allowed, else nothing.
    """
    try:
        hints = typing.get_type_hints(task.function)
    except Exception:  # names that only a type checker knows; whatever the user's module does
        hints = {name: p.annotation for name, p in task.definition.signature.parameters.items()}
    found = {}
    for name, hint in hints.items():
        if hint is str or hint == "str":
            found[name] = ""
        elif _members(hint) == {str, type(None)} or hint == "str | None":
            found[name] = "null"
    return found


def _members(hint: object) -> set[object]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return set(typing.get_args(hint))
    return set()


def _strict(text: str) -> None:
    """Refuse what is no JSON, or says something twice.

    Raises:
        ValueError: see above.
    """
    try:
        json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _each_once(members: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in members:
        if name in found:
            raise ValueError(f"{name!r} stands twice in one object")
        found[name] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
