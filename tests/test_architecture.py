r"""Who may import whom: the house plan, held against the imports in the sources.

::

      cli, dashboard, demo
       |       |        |
       |      app       |
       |       |        |
    worker   client   scheduler             these three do not know each other
         \     |     /
      plugins, tasks, context
               |
    storage, hookspecs, admission           the seam <── implement ── memory, adapters
               |                                     <── exercise ─── conformance
    job, outcomes, lifecycle, retry, schedule, payload, clock, errors, events, failures
                                            values and pure decisions

The plan is the table `ROOMS` below, and each test reads it. A new module is added there, which is
the decision about what it may know. Imports for type checkers alone obey the same table: whoever
needs a type knows its module.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE_ROOTS = [ROOT / "src", *sorted(ROOT.glob("adapters/*/src")), ROOT / "conformance" / "src"]


@dataclass(frozen=True)
class Room:
    """Modules that may know the same things. A package stands for all that is in it.

    Attributes:
        modules: the modules of the room, which may also import each other.
        imports: other rooms of ours that they may import.
        outside: what they may import besides: packages of others, and what of the standard library
            is not free to all (database drivers; in a pure room, whatever `PURE_STDLIB` lacks).
        pure: whether they are kept to `PURE_STDLIB` and away from files, terminals and clocks.
    """

    modules: str
    imports: str = ""
    outside: str = ""
    pure: bool = False


VALUES = (
    "job outcomes lifecycle retry schedule payload clock errors events failures suggest words urls"
)
BELOW_ADAPTERS = "values seam"
BELOW_SHELL = "values seam tasks plugins"
BELOW_TOP = "values config seam tasks plugins step worker scheduler client app face"


def core(names: str) -> str:
    """The full names of modules in the core."""
    return " ".join(f"queuekit.{name}" for name in names.split())


ROOMS = {
    "values": Room(core(VALUES), pure=True),
    "config": Room(core("config"), imports="values step"),
    "seam": Room(core("storage hookspecs admission paging"), imports="values", outside="pluggy"),
    "memory": Room(core("memory"), imports=BELOW_ADAPTERS),
    "tasks": Room(core("tasks context handle options naming running"), imports="values seam"),
    "plugins": Room(core("plugins"), imports="values seam tasks", outside="pluggy"),
    # The worker decides in a pure step function; its processes and pipes are the shell around it.
    # The step is handed its random numbers, and hands back what to log: it takes a type from the
    # one module and the levels from the other.
    "step": Room(
        core("worker.core worker.calls worker.hand worker.messages worker.pace worker.settings")
        + f" {core('worker.slots')}",
        imports="values seam tasks",
        outside="logging random",
        pure=True,
    ),
    "worker": Room(core("worker"), imports=f"{BELOW_SHELL} step config"),
    # A child runs the user's code, so it loads the user's app. The supervisor never does.
    "child": Room(core("worker.child"), imports=f"{BELOW_SHELL} worker app config"),
    "scheduler": Room(core("scheduler"), imports=BELOW_SHELL),
    "client": Room(core("client"), imports=BELOW_SHELL),
    "app": Room(core("app loading"), imports=f"{BELOW_SHELL} client config"),
    # `import queuekit`: the names that users see. Below the top nobody imports it, since it
    # imports them.
    "face": Room("queuekit", imports=f"{BELOW_SHELL} client app config"),
    # For the tests of users' programs.
    "testing": Room(
        core("testing pytest_plugin"), imports=f"{BELOW_SHELL} app config", outside="pytest"
    ),
    "dashboard": Room(core("dashboard"), imports=BELOW_TOP),
    "demo": Room(core("demo"), imports=BELOW_TOP),
    "cli": Room(core("cli __main__"), imports=f"{BELOW_TOP} dashboard demo", outside="click"),
    "sql": Room("queuekit_sql", imports=BELOW_ADAPTERS, outside="sqlalchemy"),
    "sqlite": Room(
        "queuekit_sqlite", imports=f"{BELOW_ADAPTERS} sql", outside="sqlalchemy sqlite3"
    ),
    "conformance": Room(
        "queuekit_conformance", imports=f"{BELOW_ADAPTERS} memory", outside="pytest hypothesis"
    ),
}

PURE_STDLIB = """
    __future__ abc base64 bisect calendar collections contextlib copy dataclasses datetime decimal
    difflib enum fractions functools hashlib heapq inspect itertools json keyword math numbers
    operator re string textwrap traceback types typing uuid zoneinfo
"""
"""What values and decisions may import: add what computes, never what reads, writes or waits."""

READERS_OF_TIME = frozenset({"queuekit.clock"})
"""Pure all the same to their callers, who hand a clock of their own to what they test."""

DRIVERS_IN_STDLIB = frozenset({"sqlite3", "dbm", "shelve"})
"""Databases that Python brings along; for the plan they are drivers like any other."""

IMPURE_CALLS = frozenset({"open", "print", "input", "now", "today", "utcnow", "getLogger"})
"""Calls by which a module that may be imported still touches a file, a log or the clock."""

MAY_IMPORT_LATE = frozenset({"plugins", "cli", "testing"})
"""Rooms that load only what is asked for: the chosen adapter, the chosen command, the fixture."""

MAY_NAME_BACKENDS = frozenset({"plugins", "cli", "demo"})
"""Rooms that may say a backend's name: which extra to install, which URL to use."""

BACKEND_NAME = re.compile(r"(sqlite|postgres|postgresql|mysql|mariadb|redis|valkey)\b\S*")
"""A scheme or a URL, as a branch would compare it. Prose, with its spaces, may name any of them."""


# ---------------------------------------------------------------- reading the sources


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    path: Path
    tree: ast.Module

    def at(self, node: ast.expr | ast.stmt) -> str:
        """A place that a terminal or an editor can jump to."""
        return f"{self.path.relative_to(ROOT)}:{node.lineno}"


@dataclass(frozen=True)
class Import:
    """One module that another one imports, and where."""

    importer: Module
    imported: str
    statement: ast.Import | ast.ImportFrom
    late: bool

    def __str__(self) -> str:
        return f"{self.importer.at(self.statement)}: {self.importer.name} imports {self.imported}"


@cache
def modules() -> dict[str, Module]:
    """Every module of our distributions, by name."""
    found = [
        Module(module_name(path.relative_to(root)), path, ast.parse(path.read_bytes()))
        for root in SOURCE_ROOTS
        for path in sorted(root.rglob("*.py"))
    ]
    return {module.name: module for module in found}


def module_name(path: Path) -> str:
    """The name under which a file below a source root is imported."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def all_imports() -> list[Import]:
    """Every import in our sources, wherever in a module it stands."""
    return [found for module in modules().values() for found in imports_of(module)]


def imports_of(module: Module) -> Iterator[Import]:
    """The imports of one module; those inside a function are late."""
    for node, in_function in walk(module.tree, in_function=False):
        if isinstance(node, ast.Import):
            imported = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = absolute_name(module, node)
            full_names = {f"{package}.{alias.name}" for alias in node.names}
            imported = {full if full in modules() else package for full in full_names}
        else:
            continue
        for name in sorted(imported):
            yield Import(module, name, node, in_function)


def walk(node: ast.AST, *, in_function: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Like `ast.walk`, with whether each node runs only when a function is called."""
    yield node, in_function
    inside = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        yield from walk(child, in_function=inside)


def absolute_name(module: Module, node: ast.ImportFrom) -> str:
    """What `from ... import` imports from, with the leading dots resolved."""
    if not node.level:
        return node.module or ""
    is_package = module.path.name == "__init__.py"
    parents = module.name.split(".")
    package = parents[: len(parents) - node.level + is_package]
    return ".".join([*package, *([node.module] if node.module else [])])


# ---------------------------------------------------------------- reading the plan


@cache
def room_of(name: str) -> str | None:
    """The room of one of our modules: that of the longest name in the table that leads to it.

    `queuekit` itself leads to nothing but itself, or a new module of the core would be at home at
    once and nobody would have decided what it may know.
    """
    while name not in homes():
        name = name.rpartition(".")[0]
        if name in ("", "queuekit"):
            return None
    return homes()[name]


@cache
def homes() -> dict[str, str]:
    """The table turned round: module name to room."""
    return {name: title for title, room in ROOMS.items() for name in room.modules.split()}


def is_ours(name: str) -> bool:
    """Whether a module belongs to one of our distributions."""
    return name.partition(".")[0] in {ours.partition(".")[0] for ours in modules()}


def is_granted(room: Room, package: str, importer: str) -> bool:
    """Whether a room may import a package that is not ours."""
    if package in room.outside.split():
        return True
    if package not in sys.stdlib_module_names or package in DRIVERS_IN_STDLIB:
        return False
    if package == "time" and importer in READERS_OF_TIME:
        return True
    return not room.pure or package in PURE_STDLIB.split()


def report(faults: list[str]) -> str:
    """All the faults, for one look."""
    return "\n".join(["", *faults])


# ---------------------------------------------------------------- the claims


def test_every_module_has_a_room() -> None:
    faults = [
        f"{module.path.relative_to(ROOT)}: {module.name} has no room yet: decide what it may "
        "import, and add it to the table ROOMS in tests/test_architecture.py"
        for module in modules().values()
        if room_of(module.name) is None
    ]
    assert not faults, report(faults)


def test_our_modules_import_only_the_rooms_that_the_table_grants_them() -> None:
    faults = []
    for found in all_imports():
        room, other = room_of(found.importer.name), room_of(found.imported)
        if room and other and other not in {room, *ROOMS[room].imports.split()}:
            faults.append(f"{found}: {room} may not know {other}")
    assert not faults, report(faults)


def test_packages_of_others_are_imported_only_where_the_table_grants_them() -> None:
    """So the core knows no database, and a missing driver breaks nothing but its own adapter."""
    faults = []
    for found in all_imports():
        room, package = room_of(found.importer.name), found.imported.partition(".")[0]
        if room is None or is_ours(package):
            continue
        if not is_granted(ROOMS[room], package, found.importer.name):
            faults.append(f"{found}: the table grants {room} no {package}")
    assert not faults, report(faults)


def test_values_and_decisions_call_nothing_that_reads_or_writes() -> None:
    faults = []
    for module in modules().values():
        room = room_of(module.name)
        if not room or not ROOMS[room].pure or module.name in READERS_OF_TIME:
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and called_name(node) in IMPURE_CALLS:
                faults.append(f"{module.at(node)}: {room} may not call {called_name(node)}()")
    assert not faults, report(faults)


def called_name(call: ast.Call) -> str:
    """The last name of what is called: `now` in `datetime.now()`."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def test_imports_stand_at_the_top_of_their_module() -> None:
    """An import inside a function hides a cycle.

    Two things are loaded late all the same: an adapter's driver, which may be missing, or its own
    module that needs it; and what the core only needs if the user asks for it.
    """
    faults = []
    for found in all_imports():
        allowed = room_of(found.importer.name) in MAY_IMPORT_LATE or loads_own_driver(found)
        if found.late and not allowed:
            faults.append(f"{found} inside a function")
    assert not faults, report(faults)


def loads_own_driver(found: Import) -> bool:
    """Whether an adapter imports its driver, or a module of its own."""
    room = room_of(found.importer.name)
    if room is None or is_core(found.importer):
        return False
    package = found.imported.partition(".")[0]
    return package in ROOMS[room].outside.split() or room_of(found.imported) == room


def test_modules_import_each_other_in_no_circle() -> None:
    graph: dict[str, set[str]] = {name: set() for name in modules()}
    for found in all_imports():
        if found.imported in modules():
            graph[found.importer.name].add(found.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        raise AssertionError("imports in a circle: " + " <- ".join(circle)) from None


def test_the_core_decides_nothing_by_the_name_of_a_backend() -> None:
    """What differs between stores is a capability that they declare, not a name that we test."""
    faults = []
    for module in modules().values():
        if not is_core(module) or room_of(module.name) in MAY_NAME_BACKENDS:
            continue
        for node, text in literals(module.tree):
            if BACKEND_NAME.fullmatch(text):
                faults.append(f"{module.at(node)}: names a backend: {text!r}")
    assert not faults, report(faults)


def is_core(module: Module) -> bool:
    """Whether a module belongs to the core distribution."""
    return module.name.partition(".")[0] == "queuekit"


def literals(tree: ast.Module) -> Iterator[tuple[ast.Constant, str]]:
    """The strings that a program can act on: all but docstrings, and notes below an attribute."""
    notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes:
            yield node, node.value
