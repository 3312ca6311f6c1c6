import random

import pytest

from zkmargin.comb import Comb
from zkmargin.field import R
from zkmargin.generators import bases
from zkmargin.group import double, msm

POINTS = bases("norm", 5)


@pytest.mark.parametrize("teeth", [1, 4, 7, 8])
def test_fold_is_the_combination_of_each_group(teeth):
    comb = Comb(POINTS, teeth)
    rng = random.Random(teeth)
    for factors in ([], [0], [1], [R - 1], [rng.randrange(R)], [rng.randrange(R), 0, 2**254, 1]):
        size = 1 + len(factors)
        groups = [POINTS[i : i + size] for i in range(0, len(POINTS), size)]
        assert comb.fold(factors) == [msm(group, [1, *factors][: len(group)]) for group in groups]


def test_double():
    assert [double(POINTS[0], times) for times in (0, 1, 224)] == [msm([POINTS[0]], [2**t]) for t in (0, 1, 224)]
