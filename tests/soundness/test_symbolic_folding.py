"""Folding as polynomials: completeness for all small lengths, and why what does not fit does not fit when folded.

docs/protocol.md, sections 4.2, 4.3 and 11.1. Bases are symbols, so an equation of polynomials is an equation of points.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
import sympy
from sympy import Expr, Symbol, expand

E = Symbol("e")
BASE = Symbol("G")


def symbols(name: str, count: int) -> list[Symbol]:
    return [Symbol(f"{name}_{i}") for i in range(count)]


def dot(a: Sequence[Expr], b: Sequence[Expr]) -> Expr:
    return sum((x * y for x, y in zip(a, b, strict=False)), sympy.Integer(0))


def fold(v: Sequence[Expr], e: Expr) -> list[Expr]:
    """v_0 + e v_1; an entry without a partner stays."""
    return [a + e * b for a, b in itertools.zip_longest(v[::2], v[1::2], fillvalue=sympy.Integer(0))]


def one_round(
    n: Sequence[Expr], l: Sequence[Expr], c: Sequence[Expr], G: Sequence[Expr], H: Sequence[Expr]
) -> tuple[Expr, Expr, Expr, Expr]:
    """v_X, X, v_Y, Y as section 4.2 writes them."""
    n_0, n_1, l_0, l_1, c_0, c_1 = n[::2], n[1::2], l[::2], l[1::2], c[::2], c[1::2]
    G_0, G_1, H_0, H_1 = G[::2], G[1::2], H[::2], H[1::2]
    v_X = 2 * dot(n_0, n_1) + dot(c_0, l_1) + dot(c_1, l_0)
    v_Y = dot(n_1, n_1) + dot(c_1, l_1)
    X = v_X * BASE + dot(l_1, H_0) + dot(l_0, H_1) + dot(n_1, G_0) + dot(n_0, G_1)
    Y = v_Y * BASE + dot(l_1, H_1) + dot(n_1, G_1)
    return v_X, X, v_Y, Y


LENGTHS = list(itertools.product((2, 4, 6), range(1, 8)))


@pytest.mark.parametrize(("n_len", "l_len"), LENGTHS)
def test_one_round_keeps_the_invariant(n_len: int, l_len: int) -> None:
    n, G, l, H, c = symbols("n", n_len), symbols("B", n_len), *(symbols(name, l_len) for name in "lHc")
    value = dot(c, l) + dot(n, n)
    C = value * BASE + dot(l, H) + dot(n, G)
    v_X, X, v_Y, Y = one_round(n, l, c, G, H)
    folded = C + E * X + (E**2 - 1) * Y
    n_, l_, c_, G_, H_ = (fold(v, E) for v in (n, l, c, G, H))
    new_value = dot(c_, l_) + dot(n_, n_)
    assert expand(folded - (new_value * BASE + dot(l_, H_) + dot(n_, G_))) == 0
    assert expand(new_value - (value + E * v_X + (E**2 - 1) * v_Y)) == 0


@pytest.mark.parametrize(("n_len", "l_len", "rounds"), [(4, 3, 2), (4, 5, 2), (8, 6, 3), (8, 1, 3), (12, 7, 2)])
def test_unrolled(n_len: int, l_len: int, rounds: int) -> None:
    """Entry i ends in place i >> K with the weight s_i, the product of e_k over the set bits of i below K."""
    es = symbols("e", rounds)
    for length in (n_len, l_len):
        v = symbols("v", length)
        folded: list[Expr] = list(v)
        for e in es:
            folded = fold(folded, e)
        for place, entry in enumerate(folded):
            ends_here = [i for i in range(length) if i >> rounds == place]
            expected = sum(v[i] * sympy.prod([es[k] for k in range(rounds) if i >> k & 1]) for i in ends_here)
            assert expand(entry - expected) == 0


# --- Soundness ------------------------------------------------------------------------------------------------------

A_0, A_1, X_0, X_1, Y_0, Y_1 = sympy.symbols("a_0 a_1 x_0 x_1 y_0 y_1")
"""Parts of C, X, Y on a pair of bases B_0, B_1."""


def coefficients(polynomial: Expr) -> list[Expr]:
    return sympy.Poly(expand(polynomial), E).all_coeffs()


def test_a_pair_of_bases_leaves_no_choice() -> None:
    """On B_0 the folded C must have some z, on B_1 then e z: for more than 3 values of e only the honest X and Y do."""
    z = A_0 + E * X_0 + (E**2 - 1) * Y_0
    condition = coefficients(A_1 + E * X_1 + (E**2 - 1) * Y_1 - E * z)
    assert len(condition) == 4  # degree 3: hence "at most 3 values"
    assert sympy.solve(condition, [X_0, X_1, Y_0, Y_1], dict=True) == [{X_0: A_1, X_1: A_0, Y_0: 0, Y_1: A_1}]


def value_condition(entries: Expr) -> list[Expr]:
    """v + e v_X + (e^2 - 1) v_Y must be the inner products of what was folded, for more than 2 values of e."""
    v, v_X, v_Y = sympy.symbols("v v_X v_Y")
    return coefficients(v + E * v_X + (E**2 - 1) * v_Y - entries)


def eliminated(condition: list[Expr]) -> Expr:
    """e^2 and e^0 together: v_Y drops out, v stays."""
    return expand(condition[0] + condition[2])


@pytest.mark.parametrize(("pairs", "lone_l"), list(itertools.product((1, 2), (False, True))))
def test_the_value_then_fits(pairs: int, lone_l: bool) -> None:
    n, l, c = symbols("n", 2 * pairs), symbols("l", 2 * pairs), symbols("c", 2 * pairs)
    entries = dot(fold(n, E), fold(n, E)) + dot(fold(c, E), fold(l, E))
    error = Symbol("v") - dot(n, n) - dot(c, l)
    if lone_l:
        # The last of an odd |l|: no base for a partner, so X and Y are free on its base; it enters with the public c_t.
        l_t, l_X, l_Y, c_t = sympy.symbols("l_t l_X l_Y c_t")
        entries += c_t * (l_t + E * l_X + (E**2 - 1) * l_Y)
        error -= c_t * l_t
    assert expand(eliminated(value_condition(entries)) - error) == 0


def test_a_lone_norm_entry_breaks_it() -> None:
    """Without a partner's base the folded entry may be n_t + e g: the condition holds with v too large by g^2."""
    n_t, g = sympy.symbols("n_t g")
    condition = value_condition((n_t + E * g) ** 2)
    assert expand(eliminated(condition) - (Symbol("v") - n_t**2 - g**2)) == 0
    solution = sympy.solve(condition, sympy.symbols("v v_X v_Y"), dict=True)
    assert solution[0][Symbol("v")] == n_t**2 + g**2


def test_a_point_outside_the_span_shows() -> None:
    """C + e X + (e^2 - 1) Y = 0 modulo the span, for more than 2 values of e, only if all three are in it."""
    C, X, Y = sympy.symbols("C X Y")
    assert sympy.solve(coefficients(C + E * X + (E**2 - 1) * Y), [C, X, Y], dict=True) == [{C: 0, X: 0, Y: 0}]
