"""The traps of the curve library, each with the input that springs it."""

import pytest
from bad_points import NEVER_VALID

from zkmargin.errors import EncodingError
from zkmargin.field import R
from zkmargin.generators import G, H
from zkmargin.group import IDENTITY, decode, encode, msm, msm_small, sum_points


@pytest.mark.parametrize("name", NEVER_VALID)
@pytest.mark.parametrize("allow_identity", [False, True])
def test_decode_refuses(name, allow_identity):
    with pytest.raises(EncodingError):
        decode(NEVER_VALID[name], allow_identity=allow_identity)


def test_identity_has_one_encoding():
    with pytest.raises(EncodingError):
        decode(b"\xc0" + bytes(47))
    assert decode(b"\xc0" + bytes(47), allow_identity=True) == IDENTITY
    assert encode(IDENTITY) == b"\xc0" + bytes(47)


def test_round_trip():
    assert encode(decode(encode(G))) == encode(G)


def test_msm_refuses_different_lengths():
    for points, scalars in (([G, H], [1]), ([G], [1, 2])):
        with pytest.raises(ValueError, match="as many"):
            msm(points, scalars)


def test_msm_reduces_and_takes_signs():
    assert msm([G, H], [-1, R + 2]) == msm([G, H], [R - 1, 2])
    assert msm_small([G, H], [-3, 5]) == msm([G, H], [-3, 5])
    assert msm([], []) == IDENTITY == sum_points([])
    assert sum_points([G, H, H]) == msm([G, H], [1, 2])
