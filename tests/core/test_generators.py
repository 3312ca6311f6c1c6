import hashlib

import pytest

from zkmargin.field import R
from zkmargin.generators import ERRORS, G, Generators, H, base, bases, generators
from zkmargin.group import encode, msm, sum_points

# Changing any base breaks every stored commitment and proof: these digests never change within version 1.
PINNED = "c60241d0183d6122e061a9147ed02da13a625eb705f256b415326dfc4cb8c6d0"


def test_first_vector():
    assert encode(G).hex() == (
        "aeb00bc7b5df8ef568d1cb6019b0417b303b6a527579c2bca92a8277b38406702f4f89802fac0f1adf56d0c2bf33256e"
    )


def test_pinned_digest():
    assert generators(32, 256).digest.hex() == PINNED


def test_digest_covers_every_base_in_order():
    shape = generators(2, 4)
    everything = [G, H, *ERRORS, *bases("multiplicity", 2), *bases("norm", 4)]
    assert shape.digest == hashlib.sha256(b"".join(map(encode, everything))).digest()


def test_all_bases_differ():
    everything = [G, *generators(8, 8).linear, *generators(8, 8).norm]
    assert len({encode(point) for point in everything}) == len(everything)


def test_pair_sums():
    norm = bases("norm", 8)
    assert generators(2, 8).pair_sums(2) == [sum_points([norm[i], norm[i + 2]]) for i in (0, 1, 4, 5)]
    assert base("norm", 3) == norm[3]


def test_in_demand_from_the_second_proof_on():
    shape = Generators(2, 4)
    assert [shape.in_demand() for _ in range(3)] == [False, True, True]


@pytest.mark.parametrize("fold", [Generators.fold, Generators.fold_by_tables])
def test_fold_sums_neighbours_with_factors(fold):
    shape = generators(3, 8)
    folded = fold(shape, [5, 7, R - 1], [2, 3, 4])
    H, norm = shape.linear, shape.norm
    assert folded.linear == [msm(H[:4], [1, 5, 7, -1]), msm(H[4:], [1, 5, 7])]
    assert folded.norm == [msm(norm[i : i + 4], [1, 2, 3, 4]) for i in (0, 4)]
