"""What is published: several distributions, in step, that install together and find each other."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = [
    ROOT,
    *sorted(p.parent for p in ROOT.glob("adapters/*/pyproject.toml")),
    ROOT / "conformance",
]

ADAPTERS = "queuekit.adapters"
"""The entry-point group in which a store registers under its URL scheme."""


@dataclass(frozen=True)
class Distribution:
    """One of ours: its folder, and what its pyproject.toml says under [project]."""

    folder: Path
    project: dict[str, Any]

    @property
    def name(self) -> str:
        """The name that pip knows."""
        return str(self.project["name"])

    @property
    def version(self) -> str:
        """Written in the pyproject, except the core's, which its code knows too."""
        return str(self.project.get("version") or core_version())

    @property
    def requirements(self) -> list[str]:
        """What it needs, extras included."""
        extras = self.project.get("optional-dependencies", {}).values()
        return [*self.project.get("dependencies", []), *(r for extra in extras for r in extra)]

    @property
    def adapters(self) -> dict[str, str]:
        """The stores that it registers: URL scheme to plugin."""
        return dict(self.project.get("entry-points", {}).get(ADAPTERS, {}))


def read_distribution(folder: Path) -> Distribution:
    """Read one folder's pyproject.toml."""
    settings = tomllib.loads((folder / "pyproject.toml").read_text())
    return Distribution(folder, settings["project"])


def core_version() -> str:
    """`__version__` as it stands in the source, without importing what is tested."""
    for statement in ast.parse((ROOT / "src/queuekit/__init__.py").read_text()).body:
        match statement:
            case ast.Assign(
                targets=[ast.Name(id="__version__")], value=ast.Constant(value=version)
            ):
                return str(version)
    raise AssertionError("src/queuekit/__init__.py sets no __version__")


OURS = [read_distribution(folder) for folder in FOLDERS]
CORE = OURS[0]
NAMES = {ours.name for ours in OURS}


def name_of(requirement: str) -> str:
    """The distribution that a requirement asks for."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def requirements_of_others() -> list[str]:
    """What our distributions need from the rest of the world."""
    return [r for ours in OURS for r in ours.requirements if name_of(r) not in NAMES]


def requirement_lines(file: str) -> list[str]:
    """A requirements file without its comments."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines())
    return [line for line in lines if line]


# ---------------------------------------------------------------- in step


def test_all_distributions_have_one_version() -> None:
    assert {ours.name: ours.version for ours in OURS} == dict.fromkeys(NAMES, core_version())


def test_our_distributions_ask_for_each_other_at_that_version() -> None:
    """An adapter that met another minor version of the core would speak another contract to it."""
    minor = ".".join(core_version().split(".")[:2])
    # Not the core's extras: they name adapters, and those ask for the core. One side is enough.
    asked = {r for ours in OURS[1:] for r in ours.requirements if name_of(r) in NAMES}
    assert asked
    assert asked == {f"{name_of(r)}=={minor}.*" for r in asked}


def test_all_distributions_support_the_same_pythons() -> None:
    assert {ours.project["requires-python"] for ours in OURS} == {CORE.project["requires-python"]}


def test_every_distribution_carries_the_licence() -> None:
    licence = (ROOT / "LICENSE").read_bytes()
    assert [o.name for o in OURS if (o.folder / "LICENSE").read_bytes() != licence] == []


def test_every_adapter_has_an_extra_of_its_schemes_name() -> None:
    """`pip install 'queuekit[sqlite]'` is what the message about a missing adapter says."""
    extras = CORE.project["optional-dependencies"]
    for ours in OURS[1:]:
        for scheme in ours.adapters:
            assert extras.get(scheme) == [ours.name]


def test_the_developers_requirements_install_every_distribution() -> None:
    editable = [r for r in requirement_lines("requirements-dev.txt") if r.startswith("-e ")]
    installed = {(ROOT / re.sub(r"^-e |\[.*", "", line)).resolve() for line in editable}
    assert installed == set(FOLDERS)


def test_the_lowest_versions_that_are_tested_are_the_lowest_that_are_promised() -> None:
    promised = defaultdict(set)
    for requirement in requirements_of_others():
        name, bound = requirement.split(">=")  # one plain form, so that this can be checked
        promised[name].add(bound)
    pins = [line.split("==") for line in requirement_lines("requirements-lowest.txt")]
    tested = {name: {version} for name, version in pins}
    assert tested == promised


# ---------------------------------------------------------------- built and installed


LOAD_ADAPTERS = f"""
from importlib.metadata import entry_points
for registered in entry_points(group={ADAPTERS!r}):
    registered.load()
    print(registered.name)
"""
"""What the plugin manager does when a scheme is asked for, done for every scheme."""


@pytest.mark.slow
def test_built_distributions_install_together_without_an_index_and_find_each_other(
    tmp_path: Path,
) -> None:
    """The way of a release: source archive, wheel, a fresh environment.

    Whatever an index may hold under our names stays out: it is asked for the packages of others,
    and then everything is installed from the wheels that are here, with no index at all.
    """
    wheelhouse, fresh = tmp_path / "wheelhouse", tmp_path / "a fresh environment"
    build(wheelhouse)
    download_packages_of_others(wheelhouse)
    run(sys.executable, "-m", "venv", "--without-pip", fresh)
    pip = (sys.executable, "-m", "pip", "--python", fresh / "bin" / "python")
    extras = ",".join(scheme for ours in OURS[1:] for scheme in ours.adapters)
    wanted = [f"{CORE.name}[{extras}]", *sorted(NAMES - {CORE.name})]
    run(*pip, "install", "--no-index", "--find-links", wheelhouse, *wanted)

    registered = run(fresh / "bin" / "python", "-c", LOAD_ADAPTERS).split()
    assert sorted(registered) == sorted(scheme for ours in OURS for scheme in ours.adapters)
    assert core_version() in run(fresh / "bin" / "queuekit", "--version")


def build(wheelhouse: Path) -> None:
    """Build all of ours as for a release: a source archive, and from that the wheel."""
    for ours in OURS:
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", wheelhouse, ours.folder)
    for wheel in wheelhouse.glob("*.whl"):
        files = zipfile.ZipFile(wheel).namelist()
        package = wheel.name.partition("-")[0]
        assert f"{package}/py.typed" in files, f"{wheel.name} hides its types"
        assert any(f.endswith(".dist-info/licenses/LICENSE") for f in files), wheel.name
        assert {f.partition("/")[0] for f in files if ".dist-info" not in f} == {package}


def download_packages_of_others(wheelhouse: Path) -> None:
    """Fetch what ours depend on, which takes an index; say so if there is none."""
    download = ("download", "--only-binary", ":all:", "--retries", "1", "--dest", wheelhouse)
    try:
        run(sys.executable, "-m", "pip", *download, *requirements_of_others())
    except AssertionError as failed:
        pytest.fail(f"this test needs a package index that answers: {failed}", pytrace=False)


def run(*command: str | Path) -> str:
    """Run a command to its end and return what it printed; what it printed is also the failure."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"failed: {' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout
