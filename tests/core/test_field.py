import pytest
from hypothesis import given
from hypothesis import strategies as st

from zkmargin.field import R, batch_inverse, centred, inner, inverse, powers, to_bytes

scalars = st.integers(min_value=1, max_value=R - 1)


@given(st.lists(scalars, max_size=8))
def test_batch_inverse_is_inverse_of_each(xs):
    assert batch_inverse(xs) == [inverse(x) for x in xs]


@pytest.mark.parametrize("zero", [0, R, -R])
def test_zero_has_no_inverse(zero):
    with pytest.raises(ZeroDivisionError):
        inverse(zero)
    with pytest.raises(ZeroDivisionError):
        batch_inverse([3, zero])


@given(scalars, st.integers(0, 6))
def test_powers_start_at_one(x, n):
    assert powers(x, n) == [pow(x, k, R) for k in range(1, n + 1)]


@given(st.integers())
def test_centred_is_the_small_representative(x):
    c = centred(x)
    assert (c - x) % R == 0
    assert -R < 2 * c < R


def test_inner_and_bytes():
    assert inner([1, 2], [3, R - 4]) == (3 - 8) % R
    assert to_bytes(-1) == (R - 1).to_bytes(32, "big")
