"""The pytest plugin: fixtures for the tests of programs that use queuekit.

pytest finds it by its entry point. It imports the rest of queuekit only when a test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from queuekit.app import App
    from queuekit.testing import JobQueue

INI = "queuekit_app"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Name the app in pytest's own settings, if not in queuekit's."""
    parser.addini(INI, "The app under test, as module:name; default: the configuration's.")


@pytest.fixture
def queuekit_app(request: pytest.FixtureRequest) -> App:
    """The app under test: pytest's setting ``queuekit_app = module:name``, else the configuration's
    `app`. Define a fixture of this name to hand in another.
    """
    from queuekit.config import load_config
    from queuekit.errors import AppNotConfigured
    from queuekit.loading import load_app

    named = request.config.getini(INI)
    if named:
        return load_app(named, request.config.rootpath)
    setting = load_config().app()
    if setting is None:
        raise AppNotConfigured
    return load_app(setting.value, setting.folder)


@pytest.fixture
def job_queue(queuekit_app: App) -> Iterator[JobQueue]:
    """A fresh queue in memory for one test, to which the app's jobs go; see `JobQueue`."""
    from queuekit.testing import JobQueue

    with JobQueue.of(queuekit_app) as queue:
        yield queue
