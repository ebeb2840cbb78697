"""`queuekit adapters` lists without loading, and loads one so that it breaks nothing else."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from tests.cli.stage import Stage

import queuekit
from queuekit.storage import Ability, Capabilities, Durability

HEADER = ["SCHEME", "DISTRIBUTION", "VERSION"]


@pytest.fixture
def strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, with adapters that are broken in one way each."""
    folder = tmp_path / "site-packages"
    for name, module in {
        "needy": "import no_such_driver",
        "raising": "1 / 0",
        "empty": "plugin = object()",
    }.items():
        info = folder / f"{name}-2.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\n")
        (info / "entry_points.txt").write_text(
            f"[queuekit.adapters]\n{name} = stranger_{name}:plugin\n"
        )
        (folder / f"stranger_{name}.py").write_text(module)
    monkeypatch.syspath_prepend(folder)
    return folder


def test_all_schemes_are_listed_and_none_is_loaded(cli: Stage, strangers: Path) -> None:
    ended = cli("adapters", "ls")
    assert ended.code == 0
    rows = [line.split() for line in ended.out.splitlines()]
    assert rows[0] == HEADER
    assert ["memory://", "queuekit", queuekit.__version__] in rows
    assert ["sqlite://", "queuekit-sqlite", queuekit.__version__] in rows
    assert ["raising://", "raising", "2.0"] in rows
    assert rows[1:] == sorted(rows[1:])


def test_the_list_in_json(cli: Stage, strangers: Path) -> None:
    shown = cli("adapters", "ls", "--json").json
    assert shown.keys() == {"adapters"}
    assert {"scheme": "needy", "distribution": "needy", "version": "2.0"} in shown["adapters"]
    assert all(
        adapter.keys() == {"scheme", "distribution", "version"} for adapter in shown["adapters"]
    )


@pytest.mark.parametrize(
    ("scheme", "code", "problem"),
    [
        ("needy", 7, "needs no_such_driver, which is not installed. Run: pip install 'needy'"),
        ("raising", 2, "cannot be loaded: ZeroDivisionError: division by zero"),
        ("empty", 2, "offers 0 adapters for it"),
        ("sqlit", 7, "no adapter for sqlit:// is installed, did you mean 'sqlite'?"),
    ],
)
def test_an_adapter_that_does_not_load_is_one_line(
    cli: Stage, strangers: Path, scheme: str, code: int, problem: str
) -> None:
    ended = cli("adapters", "show", scheme)
    assert (ended.code, ended.out) == (code, "")
    assert problem in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite://", "sqlite+x", "sqlite:///jobs.db"])
def test_an_adapter_shows_its_contract_without_touching_a_store(cli: Stage, scheme: str) -> None:
    ended = cli("adapters", "show", scheme)
    assert ended.code == 0
    lines = dict(line.split(maxsplit=1) for line in ended.out.splitlines())
    assert lines["from"] == f"queuekit-sqlite {queuekit.__version__}"
    assert lines["contract"].startswith("1, as this queuekit")
    assert list(cli.folder.iterdir()) == []


def test_an_adapter_in_json(cli: Stage) -> None:
    assert cli("adapters", "show", "sqlite", "--json").json == {
        "scheme": "sqlite",
        "distribution": "queuekit-sqlite",
        "version": queuekit.__version__,
        "adapter": "sqlite",
        "schemes": ["sqlite"],
        "contract": 1,
        "core_contract": 1,
        "store": None,
    }


def test_with_a_url_the_store_shows_what_it_can_do(cli: Stage) -> None:
    ended = cli("adapters", "show", "sqlite", "--url", "sqlite:///jobs.db")
    assert ended.code == 0, ended.err
    fields_shown, _, table = ended.out.partition("\n\n")
    lines = dict(line.split(maxsplit=1) for line in fields_shown.splitlines())
    assert lines["store"] == str(cli.folder / "jobs.db")
    assert lines["server"].startswith("SQLite 3.")
    assert lines["schema"] == "1"
    assert lines["survives"] == "process kill, server kill, power cut (synchronous=full)"
    rows = {row[0]: row[1:] for row in map(str.split, table.splitlines())}
    assert rows["CAPABILITY"] == ["LEVEL", "TOPOLOGY"]
    assert rows["graphs"] == ["strict", "one", "local", "disk"]
    assert rows["limits"] == ["absent"]


def test_a_store_in_json_has_every_capability(cli: Stage) -> None:
    ended = cli("adapters", "show", "sqlite", "--url", "sqlite:///jobs.db", "--json")
    store = ended.json["store"]
    assert store.keys() == {
        *("location", "server", "schema", "warnings", "durability", "capabilities")
    }
    assert store["durability"] == {
        "process_kill": True,
        "server_kill": True,
        "power_cut": True,
        "setting": "synchronous=full",
    }
    bare = Capabilities("x", Durability(False, False, False))
    values = {field.name: getattr(bare, field.name) for field in fields(bare)}
    assert store["capabilities"].keys() == {
        name for name, value in values.items() if isinstance(value, Ability)
    }
    assert store["capabilities"]["push"] == {"level": "absent", "topology": ""}


def test_a_store_in_this_process_alone_may_be_looked_at(cli: Stage) -> None:
    ended = cli("adapters", "show", "memory", "--url", "memory://")
    assert ended.code == 0
    assert "survives  nothing" in ended.out
    assert "queuekit: warning: " in ended.err


def test_a_url_of_another_scheme_is_wrong_use(cli: Stage) -> None:
    ended = cli("adapters", "show", "memory", "--url", "sqlite:///jobs.db")
    assert (ended.code, ended.out) == (2, "")
    assert "is no URL of a memory:// store" in ended.err
    assert list(cli.folder.iterdir()) == []


def test_a_configured_store_is_left_alone(cli: Stage) -> None:
    ended = cli("adapters", "show", "sqlite", QUEUEKIT_URL="sqlite:///jobs.db")
    assert ended.code == 0
    assert list(cli.folder.iterdir()) == []
