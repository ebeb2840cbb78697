"""An app is found by module and name, or one line says why not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from queuekit.errors import AppImportError
from queuekit.loading import load_app

MODULES = {
    "one_app": "from queuekit import App\njobs = App()",
    "one_app_twice": "from queuekit import App\napp = jobs = App()",
    "two_apps": "from queuekit import App\napp, other = App(), App()",
    "broken_module": "1 / 0",
    "unparsable_module": "def",
    "leaving_module": "raise SystemExit(3)",
    "needy_module": "import no_such_library",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs, which is the current one."""
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    return tmp_path


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("no_such_module:app", "no_such_module"),
        ("one_apps", "did you mean 'one_app'?"),
        ("json:app", "no App named 'app'"),
        ("json:loads", "no App named 'loads'"),
        ("json", "holds no App; write app = App"),
        ("one_app:job", "no App named 'job', did you mean 'jobs'?"),
        ("two_apps", "several apps; name one of two_apps:app, two_apps:other"),
        ("broken_module", "ZeroDivisionError: division by zero (FOLDER/broken_module.py, line 1)"),
        ("unparsable_module", "SyntaxError"),
        ("leaving_module", "SystemExit: 3"),
        ("needy_module", "No module named 'no_such_library' (FOLDER/needy_module.py, line 1)"),
    ],
)
def test_an_app_that_cannot_be_had_is_one_line_that_says_why(
    folder: Path, target: str, words: str
) -> None:
    with pytest.raises(AppImportError) as refused:
        load_app(target)
    assert words.replace("FOLDER", str(folder)) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("target", ["one_app", "one_app:jobs", "one_app_twice", "two_apps:other"])
def test_the_one_app_of_a_module_needs_no_name(folder: Path, target: str) -> None:
    assert load_app(target) in vars(sys.modules[target.partition(":")[0]]).values()


def test_an_app_is_found_beside_the_file_that_names_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert load_app("one_app", folder) is sys.modules["one_app"].jobs
