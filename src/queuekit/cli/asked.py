"""What a command line asks for: the options that all commands share, and what they lead to.

Nothing is read, imported or opened before a command needs it, so that each pays for its own needs
alone. The store is that of the named program, so that a command looks where the worker works.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from queuekit.cli.table import say
from queuekit.errors import (
    AppImportError,
    AppNotConfigured,
    ConfigurationError,
    StoreNotConfigured,
)

if TYPE_CHECKING:
    from queuekit.app import App
    from queuekit.config import Config, Setting, StoreUrl
    from queuekit.payload import Cipher
    from queuekit.storage import Store

_VARIABLES: Final = {"config": "QUEUEKIT_CONFIG", "profile": "QUEUEKIT_PROFILE"}
_WORDS: Final = {"app": "-a", "url": "--url", "config": "--config", "profile": "--profile"}


class Asked:
    """One command line's common options; the innermost that was given counts."""

    def __init__(self) -> None:
        self.json = False
        self.traceback = False
        self._flags: dict[str, str] = {}
        self._before: dict[str, str | None] = {}
        self._config: Config | None = None
        self._app: App | None = None
        self._store: Store | None = None

    def note(self, option: str, value: Any) -> None:
        """Take down an option that was given."""
        if option == "json":
            self.json = True
        elif option == "traceback":
            self.traceback = True
        else:
            self._flags[option] = value

    def words(self) -> list[str]:
        """The options that a person needs to type again in a next command, which shows no
        password.
        """
        from queuekit.urls import hide_password

        given = [(word, self._flags[name]) for name, word in _WORDS.items() if name in self._flags]
        return [part for word, value in given for part in (word, hide_password(value))]

    @property
    def config(self) -> Config:
        """The configuration; its warnings are told once.

        Raises:
            ConfigurationError: a file, a key or a value makes no sense.
        """
        if self._config is None:
            from queuekit.config import load_config

            file = self._flags.get("config")
            self._config = load_config(Path(file) if file else None, self._flags.get("profile"))
            for warning in self._config.warnings:
                say(f"warning: {warning}")
        return self._config

    def app_named(self) -> Setting | None:
        """Which program is named: by the flag, else by the environment or a file."""
        from queuekit.config import Setting

        if "app" in self._flags:
            return Setting("app", self._flags["app"], "--app", Path.cwd())
        return self.config.app()

    def app(self) -> App:
        """The program's app, imported, with the store that this line asks for.

        Raises:
            AppNotConfigured: none is named.
            AppImportError: it cannot be imported.
        """
        if self._app is None:
            from queuekit.loading import load_app

            named = self.app_to_run()
            self._app = load_app(named.value, named.folder)
            where = self.url_flag()
            if where is not None:
                self._app.use(where)
        return self._app

    def app_to_run(self) -> Setting:
        """Which program to import, here or in a process that this one starts: it reads the
        configuration for itself, so from here on the environment names the one that this line does.

        Raises:
            AppNotConfigured: none is named.
        """
        named = self.app_named()
        if named is None:
            raise AppNotConfigured
        for option, variable in _VARIABLES.items():
            if option in self._flags:
                self._before.setdefault(variable, os.environ.get(variable))
                value = self._flags[option]
                os.environ[variable] = str(Path(value).absolute()) if option == "config" else value
        return named

    def app_if_named(self) -> App | None:
        """The app for a command that can do without: None if none is named, or if the line names
        the store and no app.

        Raises:
            AppImportError: it cannot be imported.
        """
        if ("url" in self._flags and "app" not in self._flags) or self.app_named() is None:
            return None
        try:
            return self.app()
        except AppImportError as problem:
            raise AppImportError(
                f"{problem}; to do without the program, name the store: --url URL"
            ) from problem

    def where(self) -> StoreUrl:
        """Which store, and what says so.

        Raises:
            StoreNotConfigured: nothing does.
        """
        app = self.app_if_named()
        where = app.where() if app is not None else self.url_flag() or self.config.url()
        if where is None:
            raise StoreNotConfigured
        return where

    def store(self) -> Store:
        """The store, opened once and closed at the end.

        Raises:
            ConfigurationError: none is named, or it cannot be served, or it lives in one process.
            StoreError: it is not there, or cannot be used.
        """
        if self._store is None:
            where = self.where()
            from queuekit.plugins import open_store

            app = self._app
            store = app.store if app is not None else open_store(where.url, folder=where.folder)
            self._store = store
            if not store.capabilities.durability.process_kill:
                raise ConfigurationError(
                    f"{store.info().location} lives inside one process: name a store that"
                    " processes share, such as sqlite:///jobs.db"
                )
        return self._store

    def cipher(self) -> Cipher | None:
        """What opens the jobs' encrypted texts, if an app that has it is at hand."""
        app = self.app_if_named()
        return None if app is None else app.codec.cipher

    def close(self) -> None:
        """Let go of what was opened."""
        if self._app is not None:
            self._app.close()
        elif self._store is not None:
            self._store.close()
        for variable, text in self._before.items():
            os.environ.pop(variable)
            if text is not None:
                os.environ[variable] = text

    def url_flag(self) -> StoreUrl | None:
        """The store that the line itself names."""
        from queuekit.config import StoreUrl

        url = self._flags.get("url")
        return None if url is None else StoreUrl(url, Path.cwd(), "--url")


pass_asked = click.make_pass_decorator(Asked)
"""Hands a command the line's `Asked` as its first argument."""
