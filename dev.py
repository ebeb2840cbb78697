#!/usr/bin/env python3
"""The commands of a checkout. They need git and Python 3.11 or newer, and nothing else.

    python3 dev.py demo [ARGS]   see queuekit run, on SQLite: `queuekit demo ARGS`
    python3 dev.py test [ARGS]   check everything: ruff, mypy, and pytest three times: on this
                                 Python, on the newest other one found here, and on the lowest
                                 dependency versions that we promise. With ARGS for pytest, only
                                 on this Python, as in: python3 dev.py test tests -k lease
    python3 dev.py lint          ruff and mypy alone
    python3 dev.py bench [ARGS]  measure: benchmarks/drain.py ARGS
    python3 dev.py help          this page

The first run makes a private environment in .venv (and test makes .venv-newest, .venv-lowest), with
uv if that is on PATH, else with pip. Later runs use what they find. To start afresh, delete them.
"""

# The standard library alone: this runs before anything can be installed.

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
CACHE = ROOT / ".cache"

INTERRUPT_GRACE_S = 15.0
"""How long an interrupted pytest may take to stop what its fixtures started."""

SHOWN_LINES = 30
"""How much of a failed step's output is shown: the cause stands at its end."""


class Trouble(Exception):
    """What went wrong and what to do about it, in words for the person at the terminal."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: stop as for Ctrl-C, except that nobody has told the child processes."""


def say(message: str) -> None:
    """Tell the person at the terminal; on stderr, for stdout is the command's own."""
    print(f"dev.py: {message}", file=sys.stderr, flush=True)


# ---------------------------------------------------------------- environments


@dataclass(frozen=True, order=True)
class Interpreter:
    """A Python on this machine."""

    version: tuple[int, int, int]
    path: Path

    @property
    def minor(self) -> tuple[int, int]:
        """The version as compatibility knows it: 3.12, say."""
        return self.version[:2]

    def __str__(self) -> str:
        return "Python " + ".".join(map(str, self.version))


@dataclass(frozen=True)
class Contents:
    """What an environment is made to hold: arguments for `pip install`, run in the root."""

    arguments: tuple[str, ...]
    includes: Contents | None = None

    def fingerprints(self) -> list[str]:
        """One for these contents, and for each that comes with them.

        A fingerprint changes whenever a repeated install could give something else.
        """
        digest = hashlib.sha256("\0".join(self.arguments).encode())
        for file in files_that_say_what_to_install():
            digest.update(file.read_bytes())
        return [digest.hexdigest(), *(self.includes.fingerprints() if self.includes else [])]


@dataclass(frozen=True)
class Environment:
    """A virtual environment beside the sources.

    Its stamp is deleted before the environment changes, and written after. So an environment
    without a stamp is one that was killed while half made, and is made anew.
    """

    folder: Path
    interpreter: Interpreter

    @property
    def python(self) -> Path:
        """The environment's own interpreter."""
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """A line for what the environment is, then one for each fingerprint of its contents."""
        return self.folder / ".dev-stamp"

    @property
    def identity(self) -> str:
        """What cannot change under an environment: its Python, its installer, and its place.

        The place, since scripts and editable installs carry absolute paths: in a copied checkout
        they would run the original's code.
        """
        return f"{self.interpreter} at {self.interpreter.path}, {installer()}, in {self.folder}"

    def stamped_lines(self) -> list[str]:
        """What the last finished install said; nothing if there was none."""
        return self.stamp.read_text().splitlines() if self.stamp.exists() else []

    def is_sound(self) -> bool:
        """Whether it can be installed into, rather than being made anew."""
        return self.python.exists() and self.stamped_lines()[:1] == [self.identity]

    def holds(self, contents: Contents) -> bool:
        """Whether the contents are in it, from the files as they are now."""
        return self.is_sound() and contents.fingerprints()[0] in self.stamped_lines()


def this_interpreter() -> Interpreter:
    """The Python that runs this script, or if that lies in an environment, the one beneath it.

    So an activated .venv is not asked to make itself anew while it is deleted, and it gives the
    same stamp. Links are followed, since a Python goes by several names: `python3` in a shell is
    `python3.11` to its environments.
    """
    base = getattr(sys, "_base_executable", "") or sys.executable
    return Interpreter(sys.version_info[:3], Path(base).resolve())


MAIN = Environment(ROOT / ".venv", this_interpreter())
DEMO = Contents(("-e", ".", "-e", "adapters/sql", "-e", "adapters/sqlite"))
EVERYTHING = Contents(("-r", "requirements-dev.txt"), includes=DEMO)


def our_distributions() -> tuple[str, ...]:
    """The editable installs of requirements-dev.txt: all that the tests import, and no tools."""
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
    return tuple(word for line in lines if line.startswith("-e ") for word in line.split())


def files_that_say_what_to_install() -> list[Path]:
    """The settings of all our distributions, and the requirements files."""
    patterns = (
        "pyproject.toml",
        "adapters/*/pyproject.toml",
        "conformance/pyproject.toml",
        "requirements-*.txt",
    )
    return sorted(file for pattern in patterns for file in ROOT.glob(pattern))


def prepare(environment: Environment, contents: Contents) -> None:
    """Make sure that the environment is there and holds the contents.

    When it does already, this takes no lock and writes nothing: a read-only checkout is fine.
    """
    if environment.holds(contents):
        return
    require_writable(ROOT, CACHE, environment.folder)
    with one_at_a_time() as lock:
        if environment.holds(contents):  # whoever we waited for has made it
            return
        if not environment.is_sound():
            say(f"making {environment.folder.name} with {environment.interpreter}")
            create(environment, lock)
        say(f"installing into {environment.folder.name}")
        environment.stamp.unlink(missing_ok=True)
        install(environment, contents, lock)
        lines = [environment.identity, *contents.fingerprints()]
        environment.stamp.write_text("\n".join(lines) + "\n")


def require_writable(*places: Path) -> None:
    """Say it in one line, before an installer says it in forty."""
    for place in places:
        if place.exists() and not os.access(place, os.W_OK):
            raise Trouble(
                f"cannot write to {place}: it is read-only or belongs to another user. "
                "Work in a copy of the checkout that is yours."
            )


@contextlib.contextmanager
def one_at_a_time() -> Iterator[int]:
    """Hold the lock on the environments, for two dev.py in one checkout.

    Yields the lock's file descriptor. An installer inherits it, so that the lock stays taken when
    this process is killed and the installer is still writing.
    """
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "dev.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another dev.py is installing here; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


# ---------------------------------------------------------------- installing


def installer() -> str:
    """The program that makes and fills environments."""
    return "uv" if shutil.which("uv") else "pip"


def create(environment: Environment, lock: int) -> None:
    """Make an empty environment, in place of whatever half of one may be there."""
    if environment.folder.exists():
        shutil.rmtree(environment.folder)
    python = str(environment.interpreter.path)
    folder = str(environment.folder)
    if installer() == "uv":
        run_quietly(["uv", "venv", "--quiet", "--python", python, folder], lock)
    elif environment == MAIN:
        require_ensurepip()
        run_quietly([python, "-m", "venv", folder], lock)
    else:  # .venv's pip serves the other environments too, so they need none
        run_quietly([python, "-m", "venv", "--without-pip", folder], lock)


def install(environment: Environment, contents: Contents, lock: int) -> None:
    """Install the contents, saying nothing unless it fails."""
    target = ["--python", str(environment.python)]
    if installer() == "uv":
        command = ["uv", "pip", "install", "--quiet", *target]
    else:
        command = [str(MAIN.python), "-m", "pip", *target, "install", "--quiet"]
    run_quietly([*command, *contents.arguments], lock)


def require_ensurepip() -> None:
    """Get what `python3 -m venv` needs; Debian keeps it in a package of its own."""
    if importlib.util.find_spec("ensurepip"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Trouble(
            "this Python cannot make virtual environments yet. "
            "On Debian and Ubuntu: sudo apt-get install python3-venv"
        )
    say("installing python3-venv with apt-get")
    apt_get = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    run_quietly([*apt_get, "update"])
    run_quietly([*apt_get, "install", "-y", "--no-install-recommends", "python3-venv"])
    importlib.invalidate_caches()
    if not importlib.util.find_spec("ensurepip"):
        raise Trouble(f"{sys.executable} has no ensurepip, and Debian's python3-venv is not for it")


def run_quietly(command: Sequence[str], *inherited_files: int) -> None:
    """Run a step whose output nobody wants, unless it fails."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | UNATTENDED,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=inherited_files,
        check=False,
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-SHOWN_LINES:])
        raise Trouble(f"this step failed: {' '.join(command)}\n{tail}")


UNATTENDED = {
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PIP_USER": "0",  # somebody's pip.conf may say otherwise, and that fails in an environment
}
"""Questions and advice that an installer keeps to itself."""


# ---------------------------------------------------------------- other Pythons


def find_interpreters() -> list[Interpreter]:
    """The Pythons on PATH and in pyenv that we support, one of each minor version, oldest first."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders = [Path(folder) for folder in os.get_exec_path()]
    folders += sorted(pyenv.glob("versions/*/bin"))
    found = {this_interpreter().minor: this_interpreter()}
    for candidate in (file for folder in folders for file in folder.glob("python3.*")):
        named = re.fullmatch(r"python3\.(\d+)", candidate.name)
        if named and int(named[1]) >= 11 and (3, int(named[1])) not in found:
            interpreter = probe(candidate)
            if interpreter:
                found[interpreter.minor] = interpreter
    return sorted(found.values())


def probe(candidate: Path) -> Interpreter | None:
    """Ask a program that is named like a Python whether it is a released CPython that runs.

    One in an environment answers for the Python beneath it, as `this_interpreter` does.
    """
    question = (
        "import sys, venv; assert sys.version_info[3] == 'final'; "
        "assert sys.implementation.name == 'cpython'; "
        "print(*sys.version_info[:3], sys._base_executable)"
    )
    try:
        answer = subprocess.run(
            [candidate, "-I", "-c", question], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode:  # a pyenv shim for a version that is not switched on, for one
        return None
    major, minor, micro, base = answer.stdout.rstrip("\n").split(" ", maxsplit=3)
    return Interpreter((int(major), int(minor), int(micro)), Path(base).resolve())


# ---------------------------------------------------------------- groups of checks


@dataclass(frozen=True)
class Group:
    """Checks that pass or fail together."""

    name: str
    passes: Callable[[], bool]


def run_groups(groups: Sequence[Group], not_run: Sequence[str] = ()) -> int:
    """Run all groups, whichever fail, and sum up below the last one's output."""
    summary = []
    for group in groups:
        print(f"\n==== {group.name}", flush=True)
        started = time.monotonic()
        passed = passes_or_says_why(group)
        summary.append((group.name, passed, time.monotonic() - started))
    print("\n==== summary")
    for name, passed, seconds in summary:
        print(f"{'ok' if passed else 'FAILED':7} {seconds:6.1f} s  {name}")
    for what in not_run:
        print(f"NOT RUN           {what}")
    failed = sum(not passed for _, passed, _ in summary)
    skipped = f", {len(not_run)} skipped" if not_run else ""
    print(f"groups: {len(summary) - failed} passed, {failed} failed{skipped}", flush=True)
    return 1 if failed else 0


def passes_or_says_why(group: Group) -> bool:
    """Run one group; trouble in it is its failure, and no reason to leave out the next."""
    try:
        return group.passes()
    except Trouble as trouble:
        say(str(trouble))
        return False


def succeeds(environment: Environment, *module_and_arguments: str) -> bool:
    """Run a Python module in the root, on our terminal, and wait for it whatever happens.

    Ctrl-C reaches the child from the terminal itself, SIGTERM reaches only us. Either way the child
    gets time to stop what it has started.
    """
    command = [str(environment.python), "-m", *module_and_arguments]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)
    try:
        return child.wait() == 0
    except KeyboardInterrupt as stop:
        if isinstance(stop, Terminated):
            child.send_signal(signal.SIGINT)
        try:
            child.wait(INTERRUPT_GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()
        raise


def lint_groups() -> list[Group]:
    """What is checked without running the code."""
    return [
        Group("ruff", lambda: all([ruff("check"), ruff("format", "--check")])),
        Group("mypy", lambda: succeeds(MAIN, "mypy")),
    ]


def ruff(*arguments: str) -> bool:
    """Run ruff on the whole repository."""
    return succeeds(MAIN, "ruff", *arguments, ".")


def main_suite(arguments: Sequence[str]) -> Group:
    """The whole suite, or what the arguments choose, on this Python.

    An adapter whose server somebody has to start finds it started here, around pytest; those that
    there are so far need none.
    """
    return Group(f"pytest on {MAIN.interpreter}", lambda: succeeds(MAIN, "pytest", *arguments))


def quick_suite(environment: Environment, extra_arguments: Sequence[str], title: str) -> Group:
    """The core's and the adapters' tests, less the slow ones, in another environment."""

    def passes() -> bool:
        prepare(environment, Contents((*our_distributions(), *extra_arguments)))
        chosen = ("-m", "not slow", "tests", "adapters")
        # No cache: `pytest --last-failed` is about the main suite.
        return succeeds(environment, "pytest", "-q", "-p", "no:cacheprovider", *chosen)

    return Group(f"pytest on {environment.interpreter}, {title}", passes)


# ---------------------------------------------------------------- commands


def demo(arguments: Sequence[str]) -> int:
    """Become `queuekit demo`, so that signals and the exit code are its own."""
    prepare(MAIN, DEMO)
    become(MAIN.folder / "bin" / "queuekit", "demo", *arguments)


def bench(arguments: Sequence[str]) -> int:
    """Become the benchmark."""
    prepare(MAIN, DEMO)
    os.chdir(ROOT)
    become(MAIN.python, "-m", "benchmarks.drain", *arguments)


def lint(arguments: Sequence[str]) -> int:
    """Check without running the code."""
    if arguments:
        raise Trouble("lint takes no arguments")
    prepare(MAIN, EVERYTHING)
    return run_groups(lint_groups())


def test(arguments: Sequence[str]) -> int:
    """Check everything, or with arguments, what they choose."""
    prepare(MAIN, EVERYTHING)
    groups = [*lint_groups(), main_suite(arguments)]
    if arguments:
        return run_groups(groups)

    interpreters = find_interpreters()
    say("found " + ", ".join(f"{found} ({found.path})" for found in interpreters))
    others = [found for found in interpreters if found.minor != MAIN.interpreter.minor]
    not_run = []
    if others:
        newest = Environment(ROOT / ".venv-newest", others[-1])
        groups.append(quick_suite(newest, (), "the newest other one"))
    else:
        not_run.append(
            f"pytest on another Python: {MAIN.interpreter} is the only one from 3.11 on that is "
            "on PATH or in pyenv"
        )
    lowest = Environment(ROOT / ".venv-lowest", interpreters[0])
    constraints = ("-c", "requirements-lowest.txt")
    groups.append(quick_suite(lowest, constraints, "lowest dependency versions"))
    return run_groups(groups, not_run)


def become(program: Path, *arguments: str) -> NoReturn:
    """Replace this process with another program."""
    sys.stdout.flush()
    os.execv(program, [str(program), *arguments])


COMMANDS = {"demo": demo, "test": test, "lint": lint, "bench": bench}


def main(words: Sequence[str]) -> int:
    """Carry out one command line and return its exit code."""
    name, *arguments = words or ["help"]
    if name in ("help", "-h", "--help"):
        print(__doc__)
        return 0
    if name not in COMMANDS:
        print(f"dev.py: no command {name!r}\n\n{__doc__}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, raise_terminated)
    # A shell that puts us in the background leaves SIGINT ignored, and children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return COMMANDS[name](arguments)
    except Trouble as trouble:
        say(str(trouble))
        return 1
    except Terminated:
        return 128 + signal.SIGTERM
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def raise_terminated(_signum: int, _frame: FrameType | None) -> None:
    """Turn SIGTERM into an exception, so that children are waited for."""
    raise Terminated


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - the bound is for whoever has an older one
        sys.exit(f"dev.py needs Python 3.11 or newer; this is {sys.version.split()[0]}")
    sys.exit(main(sys.argv[1:]))
