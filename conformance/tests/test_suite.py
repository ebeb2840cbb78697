"""The suite keeps its own rules: the contract's sentences, no sleep, no store's name."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import queuekit_conformance
from queuekit_conformance import suite

PACKAGE = Path(queuekit_conformance.__file__).parent
MODULES = sorted((PACKAGE / "suite").glob("test_*.py"))

STORES = re.compile(r"\b(sqlite|postgres(ql)?|mysql|mariadb|redis|valkey)\b", re.IGNORECASE)
"""Whatever a store may do differently, it declares: no check asks for its name."""


def checks(module: Path) -> list[ast.FunctionDef]:
    """The checks that a module of the suite defines."""
    body = ast.parse(module.read_text()).body
    return [
        each for each in body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")
    ]


def test_one_import_brings_every_check() -> None:
    defined = Counter(check.name for module in MODULES for check in checks(module))
    assert set(suite.__all__) == set(defined)
    twice = [name for name, n in defined.items() if n > 1]
    assert not twice, f"of two checks with one name only the last would run: {twice}"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_a_check_takes_a_store_and_tells_its_sentence(module: Path) -> None:
    for check in checks(module):
        said = ast.get_docstring(check)
        assert said, check.name
        assert "\n" not in said, check.name
        assert said.endswith("."), check.name
        assert "store" in [argument.arg for argument in check.args.args], check.name


@pytest.mark.parametrize(
    "module", sorted(PACKAGE.rglob("*.py")), ids=lambda module: str(module.relative_to(PACKAGE))
)
def test_nothing_sleeps_and_nothing_asks_for_a_name(module: Path) -> None:
    source = module.read_text()
    assert "sleep" not in re.findall(r"\w+(?=\()", source)
    assert not STORES.search(source)
