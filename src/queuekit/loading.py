"""Finding a program's app by ``module:name``."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import traceback
from pathlib import Path
from types import ModuleType

from queuekit.app import App
from queuekit.errors import AppImportError
from queuekit.suggest import did_you_mean


def load_app(target: str, folder: Path | None = None) -> App:
    """Import ``module:name`` from `folder`, the current one, or the installed packages.

    Without a name, the module's one app is taken.

    Raises:
        AppImportError: the module cannot be imported, or the name is no `App`; the cause is kept.
    """
    module_name, _, attribute = target.partition(":")
    _make_importable(folder)
    module = _import(module_name)
    if attribute:
        app = getattr(module, attribute, None)
        if not isinstance(app, App):
            hint = did_you_mean(attribute, _apps_in(module))
            raise AppImportError(f"{module_name} holds no App named {attribute!r}{hint}")
        return app
    apps = _apps_in(module)
    if not apps:
        raise AppImportError(
            f"{module_name} holds no App; write app = App(...) in it, or name another as"
            " module:name"
        )
    if len(set(map(id, apps.values()))) > 1:
        names = ", ".join(f"{module_name}:{name}" for name in apps)
        raise AppImportError(f"{module_name} holds several apps; name one of {names}")
    return next(iter(apps.values()))


def _make_importable(folder: Path | None) -> None:
    for place in ("", *([str(folder)] if folder is not None else [])):
        if place not in sys.path:
            sys.path.insert(0, place)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except BaseException as problem:
        if isinstance(problem, KeyboardInterrupt):
            raise
        is_absent = isinstance(problem, ModuleNotFoundError) and problem.name == name
        hint = _near(name) if is_absent else ""
        raise AppImportError(
            f"cannot import {name}: {type(problem).__name__}: {problem}{hint}{_place(problem)}"
        ) from problem


def _place(problem: BaseException) -> str:
    """Where in the user's code it was raised; nothing for a module that is not there at all."""
    frames = [
        frame
        for frame in traceback.extract_tb(problem.__traceback__)
        if frame.filename != __file__ and "importlib" not in frame.filename
    ]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


def _near(name: str) -> str:
    """A module beside which this one would be looked for, with a name like it."""
    return did_you_mean(name, (found.name for found in pkgutil.iter_modules(["", *sys.path[:2]])))


def _apps_in(module: ModuleType) -> dict[str, App]:
    return {name: value for name, value in vars(module).items() if isinstance(value, App)}
