"""E(T) with every malicious component, as a polynomial: what stands at each power, and which monomials keep it apart.

docs/protocol.md, sections 5.6 and 11.2. C(T), l(T), c(T), n(T) are written down as in section 5.5, for points with
arbitrary parts on every base, and expanded by sympy; nothing is taken from the prover.
"""

from __future__ import annotations

import random
from functools import cache

import pytest
import sympy
from small_relations import ranges
from sympy import Expr, Integer, Symbol, expand

from zkmargin.field import R

from .algebra import Comb
from .malicious import Expansion
from .weak import Challenges, Public, Switches

mu, rho, x, y, lam, alpha, T = sympy.symbols("mu rho x y lambda alpha T")
DIGITS, GATE, NULL = (0, 1), 2, 3
SLOTS = 4
P_0, P_1 = sympy.symbols("p_0 p_1")
"""1/(alpha + s) for the two symbols of the one table."""


class Part:
    """A point with a symbol on every base."""

    def __init__(self, name: str) -> None:
        self.g, self.h, self.l1, self.l2, self.l4 = sympy.symbols(f"{name}_g {name}_h {name}_1 {name}_2 {name}_4")
        self.m = sympy.symbols(f"{name}_m0 {name}_m1")
        self.n = sympy.symbols(f"{name}_n0:{SLOTS}")


A, Q, S, V0, V1 = (Part(name) for name in ("A", "R", "S", "V", "U"))
"""Q is R; V0, V1 the commitments."""

W = [[Symbol(f"W_{k}{i}") for i in range(3)] for k in (0, 1)]
U = [Symbol(f"U_{k}") for k in (0, 1)]
PP = [[Symbol(f"P_{k}{j}") for j in (0, 1)] for k in (0, 1)]
B = [Symbol(f"b_{k}") for k in (0, 1)]
FORM = [Symbol(f"c_{i}") for i in range(3)]
CONSTANT = Symbol("c_c")


class Weights:
    """How the rows are weighted, and whether y is there: the real protocol, or a variant."""

    def __init__(self, rows: list[Expr], y: Expr) -> None:
        self.rows, self.y = rows, y


REAL = Weights([lam, lam**2], y)
NO_Y = Weights([Integer(1), lam], Integer(1))
WITH_RHO = Weights([lam, lam * rho], y)


class Vectors:
    """Section 5.3, term by term."""

    def __init__(self, weights: Weights) -> None:
        rows = weights.rows
        ad = [sum(rows[k] * W[k][i] for k in (0, 1)) - mu ** (GATE + 1) * FORM[i] for i in range(3)]
        ar = sum(rows[k] * U[k] for k in (0, 1))
        self.a_d = [*(ad[i] / mu ** (i + 1) for i in range(3)), Integer(0)]
        self.a_r = [*(alpha - x / mu ** (i + 1) for i in DIGITS), ar / mu ** (GATE + 1), Integer(0)]
        self.a_m = [x * P_0, x * P_1]
        self.aV = [sum(rows[k] * PP[k][j] for k in (0, 1)) for j in (0, 1)]
        self.kappa = sum(mu ** (i + 1) for i in DIGITS) + mu ** (GATE + 1) * CONSTANT
        self.kappa += sum(rows[k] * B[k] for k in (0, 1))
        self.kappa += sum(mu ** (i + 1) * self.a_r[i] * self.a_d[i] for i in range(SLOTS))


def inner_mu(a: list[Expr], b: list[Expr]) -> Expr:
    return sum(mu ** (i + 1) * p * q for i, (p, q) in enumerate(zip(a, b, strict=True)))


def combined(get: str, aV: list[Expr]) -> Expr | list[Expr]:
    """A part of sum_j aV_j V_j."""
    first, second = getattr(V0, get), getattr(V1, get)
    if isinstance(first, tuple):
        return [aV[0] * a + aV[1] * b for a, b in zip(first, second, strict=True)]
    return aV[0] * first + aV[1] * second


@cache
def E_of_T(which: str = "REAL") -> list[Expr]:
    """E_0 .. E_7."""
    weights = {"REAL": REAL, "NO_Y": NO_Y, "WITH_RHO": WITH_RHO}[which]
    v = Vectors(weights)

    def at_T(get: str) -> Expr:
        return getattr(S, get) + T * getattr(A, get) + T**2 * getattr(Q, get) + 2 * T**3 * combined(get, v.aV)

    value = at_T("g") + 2 * T**3 * v.kappa
    l_m = [s + T * a + T**2 * r + 2 * T**3 * c for s, a, r, c in zip(S.m, A.m, Q.m, combined("m", v.aV), strict=True)]
    l = [at_T("l1"), at_T("l2"), at_T("l4"), *l_m]
    c = [weights.y * T, weights.y * T**2, weights.y * T**4, *(2 * T**2 * a for a in v.a_m)]
    n = [
        S.n[i] + T * (A.n[i] + v.a_r[i]) + T**2 * (Q.n[i] + v.a_d[i]) + 2 * T**3 * combined("n", v.aV)[i]
        for i in range(SLOTS)
    ]
    E = sympy.Poly(expand(value - sum(a * b for a, b in zip(c, l, strict=True)) - inner_mu(n, n)), T)
    assert E.degree() == 7
    return [E.coeff_monomial(T**k) for k in range(8)]


def is_zero(expression: Expr) -> bool:
    return expand(expression) == 0


VECTORS = Vectors(REAL)
N1 = [a + b for a, b in zip(A.n, VECTORS.a_r, strict=True)]
N2 = [a + b for a, b in zip(Q.n, VECTORS.a_d, strict=True)]
NORM_OF_V = combined("n", VECTORS.aV)


def row_error(k: int) -> Expr:
    left = sum(W[k][i] * A.n[i] for i in range(3)) + U[k] * Q.n[GATE]
    return left - PP[k][0] * V0.g - PP[k][1] * V1.g - B[k]


def brackets() -> dict[str, tuple[Expr, Expr]]:
    """Section 5.6: (weight, condition) of every condition of the relation."""
    gate = A.n[GATE] * Q.n[GATE] - sum(FORM[i] * A.n[i] for i in range(3)) - CONSTANT
    lookup = P_0 * A.m[0] + P_1 * A.m[1] - sum(Q.n[i] for i in DIGITS)
    return {
        **{f"digit {i}": (mu ** (i + 1), (alpha + A.n[i]) * Q.n[i] - 1) for i in DIGITS},
        "gate": (mu ** (GATE + 1), gate),
        "null": (mu ** (NULL + 1), A.n[NULL] * Q.n[NULL]),
        "lookup": (x, lookup),
        **{f"row {k}": (REAL.rows[k], row_error(k)) for k in (0, 1)},
    }


def a_m_inner(m: list[Expr]) -> Expr:
    return sum(a * b for a, b in zip(VECTORS.a_m, m, strict=True))


STATED = {
    0: S.g - inner_mu(S.n, S.n),
    1: A.g - y * S.l1 - 2 * inner_mu(S.n, N1),
    2: Q.g - y * (S.l2 + A.l1) - inner_mu(N1, N1) - 2 * inner_mu(S.n, N2) - 2 * a_m_inner(S.m),
    3: -2 * sum(weight * condition for weight, condition in brackets().values())
    - y * (A.l2 + Q.l1)
    - 4 * inner_mu(S.n, NORM_OF_V),
    4: -y * (S.l4 + Q.l2 + 2 * combined("l1", VECTORS.aV))
    - inner_mu(N2, N2)
    - 4 * inner_mu(N1, NORM_OF_V)
    - 2 * a_m_inner(Q.m),
    5: -y * (A.l4 + 2 * combined("l2", VECTORS.aV))
    - 4 * inner_mu(N2, NORM_OF_V)
    - 4 * a_m_inner(combined("m", VECTORS.aV)),
    6: -y * Q.l4 - 4 * inner_mu(NORM_OF_V, NORM_OF_V),
    7: -2 * y * combined("l4", VECTORS.aV),
}


@pytest.mark.parametrize("power", range(8))
def test_every_power_is_what_the_document_says(power: int) -> None:
    assert is_zero(E_of_T()[power] - STATED[power])


def test_only_the_slots_reach_their_powers_from_S() -> None:
    """S is chosen after rho .. y: it reaches T^3 only through a norm part of V, and T^5, T^6, T^7 not at all."""
    late = {S.g, S.h, S.l1, S.l2, S.l4, *S.m, *S.n}
    for power in (5, 6, 7):
        assert not E_of_T()[power].free_symbols & late
    without_norm_of_V = E_of_T()[3].subs(dict.fromkeys((*V0.n, *V1.n), 0))
    assert not without_norm_of_V.free_symbols & late


def coefficients_of(expression: Expr, *variables: Expr) -> list[Expr]:
    """Coefficients as a polynomial in the challenges: all are 0 when it vanishes for (almost) all of them."""
    return sympy.Poly(expand(expression), *variables).coeffs()


def test_T6_leaves_no_norm_part_of_V() -> None:
    """y R_4 + 4 sum mu^(i+1) (sum_k lambda^(k+1) u^k_i)^2: R_4 and every square stand alone."""
    found = coefficients_of(E_of_T()[6], y, lam, mu)
    assert -Q.l4 in found
    for k in (0, 1):
        for i in range(SLOTS):
            u = PP[k][0] * V0.n[i] + PP[k][1] * V1.n[i]
            assert any(is_zero(c + 4 * u**2) for c in found)


def test_T5_and_T7_leave_no_linear_part() -> None:
    no_norm = dict.fromkeys((*V0.n, *V1.n), 0)
    found = coefficients_of(E_of_T()[5].subs(no_norm), y, lam, x)
    assert -A.l4 in found
    for k in (0, 1):
        assert any(is_zero(c + 2 * (PP[k][0] * V0.l2 + PP[k][1] * V1.l2)) for c in found)
        Vm = [PP[k][0] * a + PP[k][1] * b for a, b in zip(V0.m, V1.m, strict=True)]
        assert any(is_zero(c + 4 * (P_0 * Vm[0] + P_1 * Vm[1])) for c in found)
    found = coefficients_of(E_of_T()[7], y, lam)
    for k in (0, 1):
        assert any(is_zero(c + 2 * (PP[k][0] * V0.l4 + PP[k][1] * V1.l4)) for c in found)


def test_T3_gives_every_condition_by_itself() -> None:
    no_norm = dict.fromkeys((*V0.n, *V1.n), 0)
    found = coefficients_of(E_of_T()[3].subs(no_norm), mu, x, lam, y)
    assert len(found) == len(brackets()) + 1
    for _, condition in brackets().values():
        assert any(is_zero(c + 2 * condition) for c in found)
    assert any(is_zero(c + A.l2 + Q.l1) for c in found)


def test_why_lambda_starts_at_1_and_y_is_there() -> None:
    """From exponent 0 and without y, row 0 and the stray parts of A and R have one monomial between them."""
    no_norm = dict.fromkeys((*V0.n, *V1.n), 0)
    found = coefficients_of(E_of_T("NO_Y")[3].subs(no_norm), mu, x, lam)
    assert any(is_zero(c + 2 * row_error(0) + A.l2 + Q.l1) for c in found)


def test_why_rho_must_not_reach_the_coefficients_of_V() -> None:
    """With row weights lambda rho^k the squares of neighbouring slots share a monomial and may cancel."""
    found = coefficients_of(E_of_T("WITH_RHO")[6].subs(mu, rho**2), y, lam, rho)
    first = (PP[0][0] * V0.n[3] + PP[0][1] * V1.n[3]) ** 2
    second = (PP[1][0] * V0.n[2] + PP[1][1] * V1.n[2]) ** 2
    assert any(is_zero(c + 4 * (first + second)) for c in found)


def test_the_malicious_prover_computes_the_same() -> None:
    """Its numeric E_0 .. E_7 against C(t), l(t), c(t), n(t) at a random t, for a relation with null slots."""
    relation = ranges([7, 9], 16, 3).relation
    draw = random.Random(4)

    def comb() -> Comb:
        return Comb(draw.randrange(R), [draw.randrange(R) for _ in range(20)], [draw.randrange(R) for _ in range(8)])

    ch = Challenges(*(draw.randrange(R) for _ in range(5)))
    public = Public(relation, ch, Switches())
    A_, R_, S_, V_ = comb(), comb(), comb(), comb()
    E = Expansion(public, A_, R_, V_).coefficients(S_)
    t = draw.randrange(R)
    C = S_ + A_ * t + R_ * (t * t) + V_ * (2 * t**3)
    l = C.l
    c = [0, ch.y * t, ch.y * t**2, ch.y * t**4, *(2 * t * t * w for w in public.a_m)]
    n = [a + t * b + t * t * d for a, b, d in zip(C.n, public.a_r, public.a_d, strict=True)]
    whole = C.g + 2 * t**3 * public.kappa - sum(p * q for p, q in zip(c, l, strict=True))
    whole -= sum(weight * p * p for weight, p in zip(public.mu, n, strict=True))
    assert whole % R == sum(e * pow(t, k, R) for k, e in enumerate(E)) % R
