"""Rules are lowered once, to committed bytes; curvature and coefficients as margin.md says; every refusal says what."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from math import floor
from types import SimpleNamespace
from typing import Any

import pytest
import sympy

from circuits import lower, rule
from circuits.language import (
    Abs,
    CeilDiv,
    FloorDiv,
    Largest,
    Least,
    Max,
    Min,
    Total,
    Where,
    amount,
    at,
    cash,
    family,
    interval,
    public,
    size,
)
from circuits.lowering import Rule
from circuits.lowering import lower as lower_rule
from circuits.models import CLAIM_RULES, MODELS
from zkmargin.errors import InputError

q, r, a, c0 = size("q"), size("r"), amount("a"), cash("cash0")
p, F, f = interval("p"), interval("F", signed=True), public("f")
k, s = public("k"), public("s", signed=True)
M, T = family("market"), family("tier")


def _lowered(expression: Any) -> rule.LoweredRule:
    return rule.from_value(lower_rule(Rule("test", expression)))


RULES = MODELS | CLAIM_RULES


@pytest.mark.parametrize("name", sorted(RULES))
def test_committed_artefact_is_what_the_rule_lowers_to(name: str) -> None:
    assert name == RULES[name].NAME
    assert (lower.FOLDER / f"{name}.json").read_bytes() == lower.artefact(RULES[name].rule())
    assert rule.load(name).statement == str(RULES[name].rule().slack)


def test_no_artefact_without_a_rule() -> None:
    assert {path.stem for path in lower.FOLDER.iterdir()} == set(RULES)


def test_check_fails_on_a_stale_artefact(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lower.main(["--check"]) == 0
    stale = SimpleNamespace(rule=lambda: Rule("perpetuals-cross", c0 + q * p - f * p * Abs(q)))
    monkeypatch.setattr(lower, "MODELS", {"perpetuals-cross": stale})
    assert lower.main(["--check"]) == 1


def test_an_artefact_of_another_version_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "SCHEMA", "zkmargin/lowered-rule/v9")
    with pytest.raises(ValueError, match="another version"):
        rule.load.__wrapped__("perpetuals-cross")


# The box theorem


def _position() -> dict[str | None, rule.Term]:
    """The terms of a market of perpetuals-cross, by part."""
    slack = rule.load("perpetuals-cross").slack
    assert isinstance(slack, rule.Sum)
    (market,) = (n for n in slack.nodes if isinstance(n, rule.Total) and n.family == "market")
    assert isinstance(market.of, rule.Affine)
    return {term.part: term for term in market.of.terms}


def test_the_rule_takes_the_four_ends_of_the_box_theorem() -> None:
    terms = _position()
    assert set(terms) == {"long", "short"}

    def ends(part: str) -> list[set[str]]:
        return [{name for _, factors in form.monomials for name, _ in factors} - {"f"} for form in terms[part].least]

    assert ends("long") == [{"F_high", "p_low"}, {"F_high", "p_high"}]
    assert ends("short") == [{"F_low", "p_high"}]


def test_coefficients_are_the_least_values_over_the_box() -> None:
    """Against brute force from the definition: corners, and random points inside; f below and above 1."""
    rng = random.Random(20)
    terms = _position()

    def value(side: int, price: Fraction, index: Fraction, rate: Fraction) -> Fraction:
        return side * (price - index) - rate * price

    for _ in range(300):
        low = rng.choice([0, rng.randrange(10**6)])
        high = low + rng.choice([0, rng.randrange(10**6)])
        F_low = rng.randrange(-(10**6), 10**6)
        F_high = F_low + rng.choice([0, rng.randrange(10**5)])
        rate = rng.choice([Fraction(0), Fraction(1), Fraction(3, 2), Fraction(rng.randrange(3 * 10**6), 10**6)])
        scope = {"p_low": low, "p_high": high, "F_low": F_low, "F_high": F_high, "f": rate}
        corners = list(itertools.product((low, high), (F_low, F_high)))
        inside = [
            (Fraction(rng.randint(low * 7, high * 7), 7), Fraction(rng.randint(F_low * 7, F_high * 7), 7))
            for _ in range(5)
        ]
        found = {part: terms[part].coefficient(scope) for part in ("long", "short")}
        for part, side in (("long", 1), ("short", -1)):
            assert found[part] == floor(min(value(side, *corner, rate) for corner in corners))
            assert all(found[part] <= value(side, *point, rate) for point in inside)
        assert sum(found.values()) <= 0


def test_a_rate_above_one_is_worst_at_the_high_price() -> None:
    """Health 3 at a maintenance rate of 1/2: taking the low price always would call 100 provable where -500 is true."""
    scope = {"p_low": 200, "p_high": 1000, "F_low": 0, "F_high": 0, "f": Fraction(3, 2)}
    assert [_position()[part].coefficient(scope) for part in ("long", "short")] == [-500, -2500]


def test_coefficients_round_down_once_at_the_end() -> None:
    lowered = _lowered(p * k * q + f * q)
    assert isinstance(lowered.slack, rule.Affine)
    long, short = lowered.slack.terms
    scope = {"p_low": 7, "p_high": 7, "k": Fraction(1, 3), "f": Fraction(2, 3)}
    assert (long.coefficient(scope), short.coefficient(scope)) == (3, -3)
    scope["f"] = Fraction(1, 2)  # 17/6 long, -17/6 short
    assert (long.coefficient(scope), short.coefficient(scope)) == (2, -3)


def test_a_list_is_read_at_the_index_of_its_family() -> None:
    of = _lowered(Total(M, Total(T, at(k, T) * f * a)))
    assert isinstance(of.slack, rule.Total)
    (market,) = rule.entries({"market": [{"k": [3, 5], "tier": [{"f": 1}, {"f": 10}]}]}, "market")
    inner = of.slack.of
    assert isinstance(inner, rule.Total)
    assert isinstance(inner.of, rule.Affine)
    assert [inner.of.terms[0].coefficient(tier) for tier in rule.entries(market, "tier")] == [3, 50]


# Curvature


def _kinds(node: rule.Node) -> list[str]:
    kinds = [type(node).__name__]
    if isinstance(node, rule.Sum | rule.Least):
        children = node.nodes
    elif isinstance(node, rule.Largest):
        children = tuple(alternative.of for alternative in node.alternatives)
    else:
        children = () if isinstance(node, rule.Affine) else (node.of,)
    return kinds + [kind for child in children for kind in _kinds(child)]


@pytest.mark.parametrize(
    ("expression", "bits"),
    [
        (Min(q * p, 0), False),
        (-Max(q * p, 0), False),
        (-Abs(q + r), False),
        (Least(M, q * p), False),
        (-Largest(M, q * p), False),
        (-f * Max(q * p, -f * Max(0, r + q)), True),
        (-f * Max(q * p, f * Max(0, r + q)), False),
        (Max(q * p, 0), True),
        (-Min(q * p, 0), True),
        (Abs(q + r), True),
        (Largest(M, q * p), True),
        (-Least(M, q * p), True),
        (Min(Max(q + r, 0), a), True),
        (Max(q, 0) + Abs(q) + Max(-q, 0), False),  # of a size alone: its own parts, at no cost
        (-Max(q, 0) * k - Abs(r), False),
    ],
    ids=str,
)
def test_bits_only_where_it_is_not_concave(expression: Any, bits: bool) -> None:
    assert ("Largest" in _kinds(_lowered(expression).slack)) is bits


def test_the_opposite_of_a_rule_is_lowered_too() -> None:
    lowered = _lowered(c0 + Min(q + r, 0))
    assert "Least" in _kinds(lowered.slack)
    assert lowered.excess is not None
    assert "Largest" in _kinds(lowered.excess)
    assert _lowered(c0 + Largest(M, Where(q, r))).excess is None  # an alternative is nobody's to take away


# What is refused, and what of it is named


@pytest.mark.parametrize(
    ("expression", "why", "named"),
    [
        (c0 + q * r, "hidden numbers are multiplied", "q:long*(r:long - r:short)"),
        (c0 + q**2, "hidden numbers are multiplied", "-2*q:long*q:short"),
        (a**2, "this is not affine in the hidden numbers", "a:amount**2"),
        (a * Max(q + r, 0), "hidden numbers are multiplied", "Max(0, "),
        (Max(q + r, 0) ** 2, "hidden numbers are multiplied", "Max(0, "),
        (sympy.sqrt(a), "this is not affine in the hidden numbers", "sqrt(a:amount)"),
        (sympy.sin(a), "this is not affine in the hidden numbers", "sin(a:amount)"),
        (s * Max(q + r, 0), "the sign of the factor is not known", "s*Max(0, "),
        (s * FloorDiv(a, k), "the sign of the factor is not known", "s*FloorDiv(a:amount, k)"),
        (p * p * q, "not linear in a public interval", "p**2"),
        (q * p / 3, "not an integer polynomial", "p_low/3"),
        (q * sympy.Float("0.5"), "not a polynomial of public numbers", "0.5"),
        (q / p, "not linear in a public interval", "1/p"),
        (q / k, "not a polynomial of public numbers", "1/k"),
        (q * sympy.Symbol("x", nonnegative=True), "not a polynomial of public numbers", "x"),
        (q * sympy.exp(k), "not a polynomial of public numbers", "exp(k)"),
        (2 * c0, "cash stands in the topmost sum", "2*cash0:cash"),
        (f * c0, "cash stands in the topmost sum", "f*cash0:cash"),
        (Min(c0, q), "cash stands in the topmost sum", "cash0:cash"),
        (Total(M, c0), "cash stands in the topmost sum", "cash0:cash"),
        (Where(q, a), "an alternative stands outside Largest", "Where(q:long - q:short, a:amount)"),
        (Least(M, Where(q, a)), "an alternative stands outside Largest", "Where(q:long - q:short, a:amount)"),
        (a * Max(k, f), "a public Max is where only the least can be taken", "Max(f, k)"),
        (-a * Min(k, f), "a public Max is where only the least can be taken", "Min(f, k)"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_stated_is_refused(expression: Any, why: str, named: str) -> None:
    with pytest.raises(InputError) as error:
        lower_rule(Rule("test", expression))
    assert error.value.code == "bad_rule"
    assert str(error.value).startswith("test: ")
    assert why in str(error.value)
    assert named in str(error.value)


def test_a_public_max_is_taken_where_it_can_be() -> None:
    lowered = _lowered(a * (Min(k, f, 7) - Max(k, f)))
    assert isinstance(lowered.slack, rule.Affine)
    (term,) = lowered.slack.terms
    assert [term.coefficient({"k": x, "f": y}) for x, y in ((3, 4), (9, 8), (2, 2))] == [-1, -2, 0]


def test_ceilings_are_floors() -> None:
    for expression in (CeilDiv(a, k), FloorDiv(a, k), -CeilDiv(a, k), -f * FloorDiv(q, k)):
        assert _kinds(_lowered(expression).slack) == ["Floor", "Affine"]
