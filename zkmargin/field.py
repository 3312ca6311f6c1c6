"""Scalars modulo r, the prime order of BLS12-381 G1: plain Python integers, reduced late.

Trust: variable time throughout; Python integers cannot be wiped (docs/threat-model.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

R = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
SCALAR_BYTES = 32
_HALF = R // 2


def inverse(x: int) -> int:
    """1/x mod r. Raises ZeroDivisionError for x = 0 mod r."""
    if x % R == 0:
        raise ZeroDivisionError("zero has no inverse")
    return pow(x, -1, R)


def batch_inverse(xs: Sequence[int]) -> list[int]:
    """[1/x for x in xs] mod r with one inversion. Raises ZeroDivisionError if any is zero mod r."""
    prefixes = list(accumulate(xs, lambda a, b: a * b % R, initial=1))
    running = inverse(prefixes[-1])
    inverses = [0] * len(xs)
    for i in range(len(xs) - 1, -1, -1):
        inverses[i] = running * prefixes[i] % R
        running = running * xs[i] % R
    return inverses


def powers(x: int, n: int) -> list[int]:
    """[x^1, ..., x^n] mod r: exponents in docs/protocol.md start at 1."""
    result = []
    power = 1
    for _ in range(n):
        power = power * x % R
        result.append(power)
    return result


def inner(a: Iterable[int], b: Iterable[int]) -> int:
    """<a, b> = sum of a_i b_i mod r, over the shorter of the two."""
    return sum(map(int.__mul__, a, b)) % R


def centred(x: int) -> int:
    """The representative of x mod r in (-r/2, r/2)."""
    if -_HALF <= x <= _HALF:
        return x
    x %= R
    return x - R if x > _HALF else x


def to_bytes(x: int) -> bytes:
    """x mod r as 32 bytes, big-endian."""
    return (x % R).to_bytes(SCALAR_BYTES, "big")
