"""The memory store keeps the contract: it passes the suite that every adapter passes."""

from collections.abc import Iterator

import pytest

from queuekit.memory import open_memory
from queuekit.storage import OpenOptions, Store
from queuekit_conformance.suite import *  # noqa: F403 - the checks are found under their own names


@pytest.fixture
def store() -> Iterator[Store]:
    opened = open_memory("memory://", OpenOptions(testing=True))
    yield opened
    opened.close()
