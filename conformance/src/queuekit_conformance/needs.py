"""Checks of an optional ability run where it is declared.

Where it is declared absent they are skipped with that reason, and `suite.test_capability` holds the
store to its refusal: the pair leaves no store untested, and none is ever asked for its name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

import pytest

Rest = ParamSpec("Rest")


def needs(ability: str) -> Callable[[Callable[Rest, None]], Callable[Rest, None]]:
    """Run the check on stores that declare `ability`, a field of `Capabilities`."""

    def decorate(check: Callable[Rest, None]) -> Callable[Rest, None]:
        @functools.wraps(check)
        def wrapped(*given: Rest.args, **fixtures: Rest.kwargs) -> None:
            capabilities = fixtures["store"].capabilities  # type: ignore[attr-defined]
            if not getattr(capabilities, ability):
                pytest.skip(f"{capabilities.adapter} declares {ability} absent")
            check(*given, **fixtures)

        return wrapped

    return decorate
