"""Settings as they come out: each with its origin, and the folder it counts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from queuekit.config.keys import default_of, parse
from queuekit.config.variables import URL_VARIABLE, fill_in


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """Where a store is. A relative path in `url` counts from `folder`, which is absolute.

    `origin` is for people: ``--url``, ``QUEUEKIT_URL``, ``/srv/app/queuekit.toml``.
    """

    url: str = field(repr=False)  # with its password
    folder: Path
    origin: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One value that somebody wrote: its dotted `key`, such as ``worker.lease``, and the parsed
    `value`, a URL as it is written.

    `origin` is for people; relative things in the value count from `folder`, which is absolute.
    """

    key: str
    value: Any = field(repr=False)
    origin: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Config:
    """All that is set, defaults aside; the files that were read, the strongest first; and what
    people should know.
    """

    settings: Mapping[str, Setting]
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()

    def url(self) -> StoreUrl | None:
        """Where the store is, with each ``${VAR}`` of a file's URL replaced; None if nobody says.

        Raises:
            InvalidConfiguration: a variable that the URL names is not set, or makes it none.
        """
        setting = self.settings.get("url")
        if setting is None:
            return None
        url: str = setting.value
        if setting.origin != URL_VARIABLE:
            url = parse(setting.origin, "url", fill_in(url, setting.origin))
        return StoreUrl(url, setting.folder, setting.origin)

    def app(self) -> Setting | None:
        """Which program holds the tasks, as ``module:name``; None if nobody says."""
        return self.settings.get("app")

    def value(self, key: str) -> Any:
        """What is set for a key, else its default."""
        setting = self.settings.get(key)
        return default_of(key) if setting is None else setting.value
