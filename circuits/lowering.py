"""From a symbolic rule to the plain numbers that a margin row needs.

A rule is ``cash + sum over markets of term(q)``. The term of a market is piecewise linear in its hidden size q, with
the one bend at 0 that |q| makes. With q = w - u and |q| = w + u (w the long part, u the short part, one of them 0) it
is ``long*w + short*u``, and it is concave in q exactly if long + short <= 0.

The coefficients are linear in every public quantity, each by itself, so that over a box each is least at an end of
every interval: the low end if its slope is >= 0, the high end if it is <= 0, one of the two if the sign depends on the
rate. Because w, u >= 0, the least value of the term is that of its coefficients (docs/margin.md, "Box theorem").

Needs sympy; runs when a rule changes (``python -m circuits.lower``), never while a request is served. rule.py reads
what it writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy

from zkmargin.errors import InputError

SCHEMA = "zkmargin/lowered-rule/v1"


@dataclass(frozen=True)
class Interval:
    """A public quantity that may lie anywhere between two published ends."""

    symbol: Any
    low: str
    high: str


@dataclass(frozen=True)
class Rule:
    """slack = cash + sum over markets of ``term``; ``size`` is hidden, everything else in ``term`` is public.

    ``rate`` is the one public fraction; every other public quantity is an integer.
    """

    name: str
    size: Any
    term: Any
    intervals: tuple[Interval, ...]
    rate: Any


def lower(rule: Rule) -> dict[str, Any]:
    """The artefact of ``rule``: for each part of q, the candidates whose minimum, rounded down, is its coefficient.

    Raises: InputError if the term is not linear on each side of 0, not concave, or not linear in a public interval.
    """
    w, u = sympy.Symbol("w", nonnegative=True), sympy.Symbol("u", nonnegative=True)
    term = sympy.expand(rule.term.subs(sympy.Abs(rule.size), w + u).subs(rule.size, w - u))
    long, short = term.coeff(w), term.coeff(u)
    if sympy.expand(term - long * w - short * u) != 0 or {w, u, rule.size} & (long.free_symbols | short.free_symbols):
        raise InputError(f"{rule.name}: the term is not linear in the long and the short part of the size")
    if not sympy.expand(long + short).is_nonpositive:
        raise InputError(f"{rule.name}: the term is not provably concave in the size")
    return {
        "schema": SCHEMA,
        "rule": rule.name,
        "statement": f"cash + sum over markets of {rule.term}",
        "rate": str(rule.rate),
        "long": [_monomials(form, rule) for form in _ends(long, rule)],
        "short": [_monomials(form, rule) for form in _ends(short, rule)],
    }


def _ends(form: Any, rule: Rule) -> list[Any]:
    """The values of ``form`` at those ends of the intervals where it can be least."""
    choices: list[list[tuple[Any, Any]]] = []
    for interval in rule.intervals:
        slope = sympy.expand(sympy.diff(form, interval.symbol))
        if {other.symbol for other in rule.intervals} & slope.free_symbols:
            raise InputError(f"{rule.name}: the term is not linear in the public intervals")
        ends = [interval.low, interval.high]
        if slope.is_nonnegative or slope.is_nonpositive:
            ends = ends[:1] if slope.is_nonnegative else ends[1:]
        choices.append([(interval.symbol, sympy.Symbol(end)) for end in ends])
    return [sympy.expand(form.subs(dict(ends))) for ends in product(*choices)]


def _monomials(form: Any, rule: Rule) -> list[dict[str, Any]]:
    """``form`` as [{"coefficient": integer, "factors": [names]}], in an order of its own."""
    known = {str(rule.rate)} | {end for interval in rule.intervals for end in (interval.low, interval.high)}
    monomials = [_monomial(monomial, known, rule) for monomial in sympy.Add.make_args(form)]
    return sorted(monomials, key=lambda monomial: (len(monomial["factors"]), monomial["factors"]))


def _monomial(monomial: Any, known: Iterable[str], rule: Rule) -> dict[str, Any]:
    coefficient, factors = monomial.as_coeff_mul()
    names = sorted(str(factor) for factor in factors)
    if not coefficient.is_Integer or not set(names) <= set(known) or names.count(str(rule.rate)) > 1:
        raise InputError(f"{rule.name}: a coefficient is not an integer polynomial, of degree one in the rate")
    return {"coefficient": int(coefficient), "factors": names}
