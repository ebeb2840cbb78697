"""The memory store keeps the contract: it passes the suite that every adapter passes."""

import pytest

from queuekit.memory import open_memory
from queuekit.storage import OpenOptions, Store
from queuekit_conformance.suite import *  # noqa: F403 - the checks are found under their own names


@pytest.fixture
def store() -> Store:
    return open_memory("memory://", OpenOptions(testing=True))
