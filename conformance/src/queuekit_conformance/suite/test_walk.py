"""The walk: a store and the model are driven alike, and must not be told apart."""

from __future__ import annotations

import os

import pytest

from queuekit_conformance.steps import TravellingStore
from queuekit_conformance.walk import Walk, open_model

REPLAY = "QUEUEKIT_WALK_SEED"
"""Environment variable with the one seed to walk again."""

SEEDS = [int(os.environ[REPLAY])] if REPLAY in os.environ else list(range(25))
"""The same walks on every run: what one of them finds, anybody finds again."""

STEPS = 120


@pytest.mark.parametrize("seed", SEEDS)
def test_walk_agrees_with_the_model(store: TravellingStore, seed: int) -> None:
    """Whatever verbs come in whatever order, answers and visible state are those of the model."""
    print(f"replay: {REPLAY}={seed}")
    Walk(store, open_model(), seed).run(STEPS)
