"""How many cases by chance a test tries: a few in the default suite, many in the slow one. The few are the first of the
many."""

from __future__ import annotations

import pytest


def trials(few: int, many: int) -> pytest.MarkDecorator:
    """The parameter ``trials`` of a test."""
    return pytest.mark.parametrize("trials", [few, pytest.param(many, marks=pytest.mark.slow)], ids=["few", "many"])


def seeds(few: int, many: int) -> pytest.MarkDecorator:
    """The parameter ``seed`` of a test: a test each."""
    slow = [pytest.param(seed, marks=pytest.mark.slow) for seed in range(few, many)]
    return pytest.mark.parametrize("seed", [*range(few), *slow])
