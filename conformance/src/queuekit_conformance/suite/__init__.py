"""Every check: ``from queuekit_conformance.suite import *`` in a file with a `store` fixture.

A check is a function that takes a fresh store, opened for testing. Its name is its claim, its
docstring the contract's sentence. None sleeps: the store's clock travels. None asks which store it
is: it reads what the store declares.
"""

# ruff: noqa: F403 - the checks are gathered under their own names, which a test holds apart

from queuekit_conformance.suite.test_capability import *
from queuekit_conformance.suite.test_claim import *
from queuekit_conformance.suite.test_control import *
from queuekit_conformance.suite.test_door import *
from queuekit_conformance.suite.test_enqueue import *
from queuekit_conformance.suite.test_finish import *
from queuekit_conformance.suite.test_graph import *
from queuekit_conformance.suite.test_lease import *
from queuekit_conformance.suite.test_payload_exact import *
from queuekit_conformance.suite.test_reading import *
from queuekit_conformance.suite.test_retry import *
from queuekit_conformance.suite.test_start import *
from queuekit_conformance.suite.test_time import *
from queuekit_conformance.suite.test_walk import *

__all__ = [
    name for name, value in globals().items() if name.startswith("test_") and callable(value)
]
