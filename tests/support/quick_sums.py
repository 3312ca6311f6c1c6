"""The reference verifier with its sums of points in plain integers, and its decoding remembered: the same group law, a
tenth of the time. ``tests/test_quick_sums.py`` compares them; what must be accepted is verified without this too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from py_ecc.optimized_bls12_381 import FQ
from py_ecc.optimized_bls12_381 import field_modulus as P

from zkmargin import reference, reference_encoding
from zkmargin.reference_encoding import decode_point

Projective = tuple[int, int, int]
INFINITY: Projective = (1, 1, 0)
WINDOW_BITS = 4

decode_once = cache(decode_point)
"""Decoding is a pure function, and half the cost of the reference verifier."""


def weighted_sum(terms: Sequence[tuple[int, Any]]) -> Any:
    """sum scalar * point for 0 <= scalar < 2^256, all terms sharing the doublings, four bits of a scalar at a time."""
    tables = [(scalar, _multiples((point[0].n, point[1].n, point[2].n))) for scalar, point in terms]
    total = INFINITY
    for shift in range(256 - WINDOW_BITS, -1, -WINDOW_BITS):
        for _ in range(WINDOW_BITS):
            total = _double(total)
        for scalar, multiples in tables:
            if digit := scalar >> shift & (1 << WINDOW_BITS) - 1:
                total = _add(total, multiples[digit])
    return tuple(map(FQ, total))


@contextmanager
def quick_reference() -> Iterator[None]:
    """``reference.verify`` takes a tenth of its time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "decode_point", decode_once)
        for module in (reference, reference_encoding):
            patch.setattr(module, "weighted_sum", weighted_sum)
        yield


def _multiples(point: Projective) -> list[Projective]:
    multiples = [INFINITY]
    for _ in range((1 << WINDOW_BITS) - 1):
        multiples.append(_add(multiples[-1], point))
    return multiples


def _double(point: Projective) -> Projective:
    x, y, z = point
    w, s = 3 * x * x % P, y * z % P
    b = x * y * s % P
    h, ss = (w * w - 8 * b) % P, s * s % P
    return 2 * h * s % P, (w * (4 * b - h) - 8 * y * y * ss) % P, 8 * s * ss % P


def _add(one: Projective, other: Projective) -> Projective:
    (x1, y1, z1), (x2, y2, z2) = one, other
    if not z1 or not z2:
        return one if z1 else other
    u2, v2 = y1 * z2 % P, x1 * z2 % P
    u, v = (y2 * z1 - u2) % P, (x2 * z1 - v2) % P
    if not v:
        return INFINITY if u else _double(one)
    vv = v * v % P
    vvv, vvx, w = v * vv % P, vv * v2 % P, z1 * z2 % P
    a = (u * u * w - vvv - 2 * vvx) % P
    return v * a % P, (u * (vvx - a) - vvv * u2) % P, vvv * w % P
