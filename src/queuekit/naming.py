"""Code by name: how a worker in another process finds the functions and classes of this one.

A script that is run knows itself as ``__main__``, which is another module in each process. Its code
goes by the name under which a worker imports it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from inspect import getattr_static
from pathlib import Path

from queuekit.errors import ConfigurationError

_MAIN = "__main__"


def importable_name(code: Callable[..., object]) -> str:
    """``module.function`` of a function, as a worker finds it.

    Raises:
        ConfigurationError: it stands where no worker could import it from; the message says what
            to do.
    """
    module = _importable(code.__module__)
    if module is None:
        raise ConfigurationError(
            f"{code.__qualname__} is defined where no worker can import it from:"
            " move it to a module, or give it a name= and a worker that registers the same"
        )
    return f"{module}.{code.__qualname__}"


class ImportedNames:
    """Classes by name, among the modules that are imported already.

    Reading a payload imports nothing: whoever can write to the store cannot choose what code runs.
    """

    def name_of(self, cls: type) -> str | None:
        """``module:Class.Inner``, or None if the name would not lead back to the class."""
        module = _importable(cls.__module__)
        if module is None or _look_up(cls.__module__, cls.__qualname__) is not cls:
            return None
        return f"{module}:{cls.__qualname__}"

    def find(self, name: str) -> type | None:
        """The class of that name, None if its module is not imported or does not hold it."""
        module, _, path = name.partition(":")
        found = _look_up(_MAIN if module == _importable(_MAIN) else module, path)
        return found if isinstance(found, type) else None


def _look_up(module: str, path: str) -> object:
    """What stands there, without asking any hook: a module's `__getattr__` may import others."""
    found: object = sys.modules.get(module)
    for part in path.split("."):
        found = getattr_static(found, part, None)
    return found


def _importable(module: str) -> str | None:
    """The name by which another process imports a module, None if there is none."""
    if module != _MAIN:
        return module
    main = sys.modules[_MAIN]
    spec = getattr(main, "__spec__", None)
    if spec is not None:  # python -m
        return str(spec.name).removesuffix(f".{_MAIN}")
    file = getattr(main, "__file__", None)
    if file is None:  # python -c, an interactive session
        return None
    return _name_of_script(file)


@cache
def _name_of_script(file: str) -> str | None:
    """Kept, since every class in a payload asks for it."""
    script = Path(file).absolute()
    parts = [script.stem]
    for folder in script.parents:
        if not (folder / "__init__.py").exists():
            break
        parts.insert(0, folder.name)
    return ".".join(parts) if all(part.isidentifier() for part in parts) else None
