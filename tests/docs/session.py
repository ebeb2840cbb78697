"""Runs a page of the documentation as a reader would: its files written, its commands typed.

In a page, a ``python`` or ``toml`` block whose first line is a comment with a file's name is that
file; a ``python`` block without one is a script to run. In a ``console`` block a line after ``$``
is typed into one shell that lasts the page, and the lines below are what it has to show: ``…``
stands for anything within a line, and alone for any number of lines. Ids, times and the width of
columns differ from run to run, and are not compared.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE_NAME = re.compile(r"# ([\w./-]+\.\w+)\n")
ANYTHING = "…"
END = "\x01end of command "

DIFFERS = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)?"), "TIME"),
    (re.compile(r"\b(?:now|\d+ (?:s|m|h|d) ago|in \d+ (?:s|m|h|d))(?![\w])"), "WHEN"),
    (re.compile(r"\b\d+\.\d{3} s\b"), "TIME"),
    (re.compile(r"[\w.-]+:\d+:[0-9a-f]{8}"), "WORKER"),
    (re.compile(r" {2,}"), " "),
)
"""What is different in each run, and what stands for it when outputs are compared."""

NOT_RUN = {"", "text", "mermaid"}
"""Languages of blocks that show something which is neither typed nor a file."""


@dataclass(frozen=True)
class Block:
    """One code block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """Where to look when it fails."""
        return f"{self.page}:{self.line}"

    @property
    def file_name(self) -> str | None:
        """The file that it is, if it is one."""
        match = FILE_NAME.match(self.text)
        return match[1] if match else None


def blocks_of(page: Path) -> Iterator[Block]:
    """The blocks of a page that are to be run, in order."""
    text = page.read_text()
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match[1] not in NOT_RUN:
            yield Block(page, line, match[1], match[2])


def commands_of(block: Block) -> Iterator[tuple[str, list[str]]]:
    """What a console block types, and what has to come."""
    typed: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            typed.append((line[2:], []))
        else:
            assert typed, f"{block.place}: output before any command"
            typed[-1][1].append(line)
    yield from typed


def same(shown: str) -> str:
    """Output without what differs from run to run."""
    for pattern, word in DIFFERS:
        shown = pattern.sub(word, shown)
    return shown


def pattern_of(expected: list[str]) -> re.Pattern[str]:
    """Matches the output that these lines describe."""
    parts = [
        r"(?:.*\n)*"
        if line.strip() == ANYTHING
        else re.escape(same(line)).replace(ANYTHING, ".*") + "\n"
        for line in expected
    ]
    return re.compile("".join(parts))


class Session:
    """A shell in a folder of its own, in which `queuekit` and `python` are those under test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        clean = {name: value for name, value in os.environ.items() if "QUEUEKIT" not in name}
        path = f"{Path(sys.executable).parent}{os.pathsep}{clean.get('PATH', '')}"
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=clean | {"PATH": path, "COLUMNS": "100", "TERM": "dumb"},
        )

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._shell.kill()
        self._shell.communicate()

    def run(self, block: Block) -> None:
        """Do what a block says, and hold what comes against what it shows."""
        if block.language == "console":
            for command, expected in commands_of(block):
                shown, code = self.type(command)
                wanted = "\n".join(expected)
                told = f"{block.place}: $ {command}\nexpected:\n{wanted}\ncame:\n{shown}"
                assert pattern_of(expected).fullmatch(same(shown)), told
                assert code < 126, told
        elif block.file_name is not None:
            path = self.folder / block.file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.language == "python":
            (self.folder / "_block.py").write_text(block.text)
            shown, code = self.type("python _block.py")
            assert code == 0, f"{block.place}: {shown}"
        else:
            raise AssertionError(f"{block.place}: a {block.language} block without a file's name")

    def type(self, command: str) -> tuple[str, int]:
        """What a command shows, without spaces at the ends of lines, and its exit code."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        ask = "printf '\\1end of command %s\\n' $?"
        self._shell.stdin.write(f"{{ {command}\n}} </dev/null\n{ask}\n")
        self._shell.stdin.flush()
        shown = ""
        for line in self._shell.stdout:
            before, mark, code = line.partition(END)
            shown += f"{before.rstrip()}\n" if before.strip() or not mark else ""
            if mark:
                return shown, int(code)
        raise AssertionError(f"the shell ended at: {command}\n{shown}")
