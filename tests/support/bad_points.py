"""Encodings that are no point of the subgroup of order r, each bad in one way."""

from __future__ import annotations

from py_ecc.optimized_bls12_381 import b as CURVE_B
from py_ecc.optimized_bls12_381 import curve_order, field_modulus, is_inf, multiply
from py_ecc.optimized_bls12_381.optimized_curve import FQ

from zkmargin.generators import G
from zkmargin.group import encode

P = field_modulus


def compressed(x: int, y_is_large: bool) -> bytes:
    return (x + (1 << 383) + (y_is_large << 381)).to_bytes(48, "big")


def order_3_point() -> bytes:
    """(0, 2): on the curve y^2 = x^3 + 4, of order 3, outside the subgroup of order r."""
    point = (FQ(0), FQ(2), FQ(1))
    assert is_inf(multiply(point, 3))
    return compressed(0, y_is_large=False)


def off_subgroup_point() -> bytes:
    """The curve point of least x > 0 that exists: not in the subgroup of order r."""
    for x in range(1, 50):
        y2 = (pow(x, 3, P) + CURVE_B.n) % P
        y = pow(y2, (P + 1) // 4, P)
        if y * y % P == y2:
            assert not is_inf(multiply((FQ(x), FQ(y), FQ(1)), curve_order))
            return compressed(x, y > P // 2)
    raise AssertionError


def off_curve() -> bytes:
    for x in range(1, 50):
        if pow((pow(x, 3, P) + CURVE_B.n) % P, (P - 1) // 2, P) != 1:
            return compressed(x, y_is_large=False)
    raise AssertionError


NEVER_VALID = {
    "order 3": order_3_point(),
    "off the subgroup": off_subgroup_point(),
    "off the curve": off_curve(),
    "infinity with a tail": b"\xc0" + bytes(46) + b"\x01",
    "infinity with the sign bit": b"\xe0" + bytes(47),
    "all ones": b"\xff" * 48,
    "no compression bit": bytes(48),
    "x = p": compressed(P, y_is_large=False),
    "x = p + x": (int.from_bytes(encode(G), "big") + P).to_bytes(48, "big"),
    "short": encode(G)[:-1],
    "long": encode(G) + b"\x00",
    "empty": b"",
}
