"""The rule is lowered once, to committed bytes, and says what the box theorem says."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from math import floor

import pytest
import sympy

from circuits import lower, rule
from circuits.lowering import Interval, Rule
from circuits.lowering import lower as lower_rule
from circuits.models.perpetuals_cross import RULE
from zkmargin.errors import InputError

q = sympy.Symbol("q", integer=True)
p = sympy.Symbol("p", nonnegative=True)
f = sympy.Symbol("f", nonnegative=True)


def _rule(term: object, size: sympy.Symbol = q, price: sympy.Symbol = p) -> Rule:
    return Rule("test", size, term, (Interval(price, "p_low", "p_high"),), f)


@pytest.mark.parametrize("name", sorted(lower.RULES))
def test_committed_artefact_is_what_the_rule_lowers_to(name: str) -> None:
    assert (lower.FOLDER / name).read_bytes() == lower.artefact(lower.RULES[name])


def test_check_fails_on_a_stale_artefact(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lower.main(["--check"]) == 0
    stale = _rule(q * p - f * p * sympy.Abs(q))
    monkeypatch.setattr(lower, "RULES", {"perpetuals_cross.json": stale})
    assert lower.main(["--check"]) == 1


def test_the_rule_takes_the_four_ends_of_the_box_theorem() -> None:
    lowered = rule.load("perpetuals_cross")
    assert lowered.name == RULE.name
    ends = [{name for m in form for name in m.integers} for form in lowered.long]
    assert ends == [{"F_high", "p_low"}, {"F_high", "p_high"}]
    assert [{name for m in form for name in m.integers} for form in lowered.short] == [{"F_low", "p_high"}]


def test_coefficients_are_the_least_values_over_the_box() -> None:
    """Against brute force from the symbolic term itself: corners, and random points inside; f below and above 1."""
    rng = random.Random(20)
    lowered = rule.load("perpetuals_cross")
    term = sympy.lambdify((RULE.size, *(i.symbol for i in RULE.intervals), RULE.rate), RULE.term, "math")
    for _ in range(300):
        low = rng.choice([0, rng.randrange(10**6)])
        high = low + rng.choice([0, rng.randrange(10**6)])
        F_low = rng.randrange(-(10**6), 10**6)
        F_high = F_low + rng.choice([0, rng.randrange(10**5)])
        rate = rng.choice([Fraction(0), Fraction(1), Fraction(3, 2), Fraction(rng.randrange(3 * 10**6), 10**6)])
        long, short = lowered.coefficients({"p_low": low, "p_high": high, "F_low": F_low, "F_high": F_high}, rate)
        corners = list(itertools.product((low, high), (F_low, F_high)))
        inside = [
            (Fraction(rng.randint(low * 7, high * 7), 7), Fraction(rng.randint(F_low * 7, F_high * 7), 7))
            for _ in range(5)
        ]
        assert long == floor(min(term(1, *corner, rate) for corner in corners))
        assert short == floor(min(term(-1, *corner, rate) for corner in corners))
        assert all(long <= term(1, *point, rate) and short <= term(-1, *point, rate) for point in inside)
        assert long + short <= 0


def test_a_rate_above_one_is_worst_at_the_high_price() -> None:
    """Health 3 at a maintenance rate of 1/2: taking the low price always would call 100 provable where -500 is true."""
    box = {"p_low": 200, "p_high": 1000, "F_low": 0, "F_high": 0}
    assert rule.load("perpetuals_cross").coefficients(box, Fraction(3, 2)) == (-500, -2500)


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (q * p + f * p * sympy.Abs(q), "concave"),
        (q * q * p, "not linear in the long and the short part"),
        (q * p + p, "not linear in the long and the short part"),
        (sympy.Max(q * p, 0), "not linear in the long and the short part"),
        (q * p * p - f * p * sympy.Abs(q), "not linear in the public intervals"),
        (q * p - f * f * p * sympy.Abs(q), "degree one in the rate"),
        (q * p / 3 - f * p * sympy.Abs(q), "degree one in the rate"),
        (q * p - f * p * sympy.Abs(q) * sympy.Symbol("k", nonnegative=True), "degree one in the rate"),
    ],
)
def test_rules_that_a_row_cannot_hold_are_refused(term: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        lower_rule(_rule(term))


def test_a_price_that_may_be_negative_is_not_provably_concave() -> None:
    price = sympy.Symbol("p", real=True)
    with pytest.raises(InputError, match="concave"):
        lower_rule(_rule(q * price - f * price * sympy.Abs(q), price=price))
