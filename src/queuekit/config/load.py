"""The layers, one above the other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any, Final

from queuekit.config.files import File, Layer, find_files, read_named
from queuekit.config.settings import Config, Setting
from queuekit.config.variables import (
    CONFIG_VARIABLE,
    PROFILE_VARIABLE,
    misspelt_variables,
    read_variables,
    variable,
)
from queuekit.errors import ConfigurationError, InvalidConfiguration
from queuekit.suggest import did_you_mean
from queuekit.urls import hide_password
from queuekit.words import show_duration

PROFILE_FLAG: Final = "--profile"


def load_config(
    file: Path | None = None, profile: str | None = None, start: Path | None = None
) -> Config:
    """What the environment and the files say, read anew.

    `file` is the one file to read, else that of ``QUEUEKIT_CONFIG``, else those that are found from
    `start` upward. `profile` is the profile to use, else that of ``QUEUEKIT_PROFILE``, else none;
    an empty one is none. What is relative in the environment counts from `start`, which is the
    current folder if it is not given.

    Raises:
        InvalidConfiguration: a key is unknown, or a value cannot be; the profile included.
        ConfigurationError: a file cannot be read.
    """
    here = _current_folder() if start is None else start.absolute()
    files = _files(file, here)
    profiles = list(_profile_layers(profile, files))
    in_files = chain(profiles, ((file.path.parent, file.main) for file in files))
    settings = {
        key: Setting(key, value, origin, here) for key, (origin, value) in read_variables().items()
    }
    for folder, layer in in_files:
        for key, value in layer.values.items():
            settings.setdefault(key, Setting(key, value, layer.origin, folder))
    warnings = [
        *misspelt_variables(),
        *_differences([layer for _, layer in profiles]),
        *_differences([file.main for file in files]),
    ]
    return Config(settings, tuple(file.path for file in files), tuple(warnings))


def _current_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise ConfigurationError(
            "the current directory was deleted; change to one that is there"
        ) from None


def _files(file: Path | None, here: Path) -> list[File]:
    if file is not None:
        return [read_named(here / file)]
    named = variable(CONFIG_VARIABLE)
    if named is None:
        return find_files(here)
    if not os.path.lexists(here / named):
        raise ConfigurationError(f"{CONFIG_VARIABLE} names {here / named}, which is not there")
    return [read_named(here / named)]


def _profile_layers(profile: str | None, files: Sequence[File]) -> Iterator[tuple[Path, Layer]]:
    """The chosen profile in each file that has it, with the folder that it counts from."""
    name = variable(PROFILE_VARIABLE) if profile is None else profile
    if not name:
        return
    known = sorted({known for file in files for known in file.profiles})
    if name not in known:
        origin = PROFILE_VARIABLE if profile is None else PROFILE_FLAG
        raise InvalidConfiguration(
            origin,
            name,
            f"no such profile{did_you_mean(name, known)} ({_where(files)}"
            f" {'has' if len(files) == 1 else 'have'}: {', '.join(known) or 'none'})"
            if files
            else "no such profile: no configuration file was found from here upward",
        )
    for file in files:
        if name in file.profiles:
            yield file.path.parent, file.profiles[name]


def _where(files: Sequence[File]) -> str:
    return " and ".join(str(file.path) for file in files)


def _differences(layers: Sequence[Layer]) -> Iterator[str]:
    """A line for each key that two files of one folder set differently."""
    if len(layers) < 2:
        return
    first, second = layers
    for key in first.values:
        if key in second.values and first.values[key] != second.values[key]:
            yield (
                f"{key} is {_shown(first.values[key])} in {first.origin}, but"
                f" {_shown(second.values[key])} in {second.origin}; the first one counts"
            )


def _shown(value: Any) -> str:
    if isinstance(value, timedelta):
        return show_duration(value)
    return ", ".join(value) if isinstance(value, tuple) else hide_password(str(value))
