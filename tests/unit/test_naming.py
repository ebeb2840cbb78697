"""Classes and functions go by names that lead back to them, in this process and the worker's."""

from __future__ import annotations

import subprocess
import sys
from enum import Enum
from pathlib import Path
from types import ModuleType

import pytest

from queuekit.naming import ImportedNames


class Outer:
    """Has a class inside."""

    class Inner(Enum):
        """Is inside."""

        ONE = 1


def test_a_name_leads_back_to_its_class() -> None:
    names = ImportedNames()
    for cls in (Outer, Outer.Inner, Path):
        name = names.name_of(cls)
        assert name is not None
        assert names.find(name) is cls
    assert names.name_of(Outer.Inner) == f"{__name__}:Outer.Inner"


def test_a_class_that_its_name_does_not_lead_to_has_none() -> None:
    class Local:
        pass

    hidden = type("Outer", (), {"__module__": __name__, "__qualname__": "Outer"})
    assert ImportedNames().name_of(Local) is None
    assert ImportedNames().name_of(hidden) is None


@pytest.mark.parametrize(
    "name",
    ["antigravity:geohash", f"{__name__}:Nobody", f"{__name__}:sys", "", ":", "os:path.join"],
)
def test_a_name_finds_only_classes_of_modules_that_are_imported(name: str) -> None:
    assert ImportedNames().find(name) is None
    assert "antigravity" not in sys.modules


def test_no_hook_of_a_module_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    lazy = ModuleType("lazy")
    lazy.__getattr__ = asked.append  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "lazy", lazy)
    assert ImportedNames().find("lazy:Anything") is None
    assert asked == []


PROGRAM = """
from enum import Enum
from queuekit.naming import ImportedNames
class Size(Enum):
    BIG = 1
name = ImportedNames().name_of(Size)
print(name, ImportedNames().find(name) is Size if name else None)
"""


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["program.py"], "program:Size True"),
        (["-m", "program"], "program:Size True"),
        (["pack/inside.py"], "pack.inside:Size True"),
        (["-m", "pack.inside"], "pack.inside:Size True"),
        (["-m", "pack"], "pack:Size True"),
        (["my-script.py"], "None None"),
        (["-c", PROGRAM], "None None"),
    ],
)
def test_a_script_goes_by_the_name_under_which_a_worker_imports_it(
    tmp_path: Path, words: list[str], shown: str
) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").touch()
    for file in ("program.py", "my-script.py", "pack/inside.py", "pack/__main__.py"):
        (tmp_path / file).write_text(PROGRAM)
    ended = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True
    )
    assert ended.stdout.strip() == shown
