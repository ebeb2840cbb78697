"""The README's first two commands are the ones that count; the rest of it is run with the docs."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def block(language: str, holding: str) -> str:
    """The code block in this language that holds these words."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    (found,) = [text for name, text in blocks if name == language and holding in text]
    return str(found)


def test_the_first_command_is_the_demo_and_the_second_the_tests() -> None:
    commands = [line.split("  ")[0] for line in block("", "dev.py").splitlines()]
    assert commands == ["python3 dev.py demo", "python3 dev.py test"]
    assert "python3 dev.py test" in (ROOT / ".ci" / "run").read_text()
