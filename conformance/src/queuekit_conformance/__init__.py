"""The tests that every store has to pass, for whoever writes one.

``suite`` holds the checks, split by noun; ``steps`` the words that they are written in; ``walk``
the seeded random walk that drives two stores alike; ``mutants`` the faulty stores that show the
suite's teeth.
An adapter's own test file is a `store` fixture and one import::

    from queuekit_conformance.suite import *
"""

import pytest

# A failing check should show the two values, as it does in anybody's own tests.
pytest.register_assert_rewrite(f"{__name__}.suite", f"{__name__}.steps", f"{__name__}.walk")
