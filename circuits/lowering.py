"""From a symbolic rule to the plain tree that rule.py reads: signs pushed inwards, curvature checked, ends chosen.

Every hidden number is written in parts that are never negative: a size q = w - u and |q| = w + u, with the long part w,
the short part u, one of them 0. What is left of a rule is then

    sum, total       of nodes
    min              of nodes, or over a family: concave, a row and a block of digits for each
    max              of nodes, or over a family: not concave, so a hidden bit chooses the one that counts
    floor            of a node by a public divisor: a hidden quotient
    affine           public coefficients times hidden parts

and the tree bounds the rule **from below**: a prover can reach its value, and never exceed it. A negative factor turns
min into max and back, which is all there is of the rules of disciplined convex programming.

A coefficient is linear in every public interval by itself, so that over a box it is least at an end of each: the low
end if its slope is >= 0, the high end if it is <= 0, one of the two if nobody can say. Because the parts are >= 0, the
least value of a sum is at least that of its coefficients (docs/margin.md, "Box theorem").

Needs sympy; runs when a rule changes (``python -m circuits.lower``), never while a request is served.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy

from zkmargin.errors import InputError

from .language import (
    Abs,
    Amount,
    Between,
    Cash,
    CeilDiv,
    FloorDiv,
    Largest,
    Least,
    Max,
    Min,
    Public,
    Size,
    Total,
    Where,
)

SCHEMA = "zkmargin/lowered-rule/v2"
Node = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """Solvent means ``slack`` >= 0, for every value of every public interval.

    ``from_below``: the slack is at most what the venue means, so that a negative one says nothing: the rule has no
    opposite.
    """

    name: str
    slack: Any
    from_below: bool = False


class _Part(sympy.Symbol):  # type: ignore[misc]
    """A part of a hidden number; never negative, but for cash."""


_STRUCTURE = (Total, Least, Largest, Where, FloorDiv, CeilDiv, Max, Min, Abs)


def lower(rule: Rule) -> dict[str, Any]:
    """The artefact of ``rule``.

    Raises: InputError, naming the sub-expression: it is not affine in the hidden numbers between the words of
            language.py, the sign of a factor is not known, or a coefficient is no integer polynomial of public numbers
            that is linear in each interval.
    """
    return {
        "schema": SCHEMA,
        "rule": rule.name,
        "statement": str(rule.slack),
        "slack": _Lowering(rule.name).node(_in_parts(rule.slack), top=True),
        "excess": None if rule.from_below else _opposite(rule),
    }


def _opposite(rule: Rule) -> Node | None:
    """The tree of -slack, for claims of the other direction; None if it cannot be stated."""
    try:
        return _Lowering(rule.name).node(_in_parts(-rule.slack), top=True)
    except InputError:
        return None


def _in_parts(expression: Any) -> Any:
    """``expression`` with w - u for every size, w + u for its absolute value, and so on."""
    sizes = {symbol for symbol in expression.free_symbols if isinstance(symbol, Size)}
    parts: dict[Any, Any] = {}
    values: dict[Any, Any] = {}
    for q in sizes:
        w, u = _Part(f"{q.name}:long", nonnegative=True), _Part(f"{q.name}:short", nonnegative=True)
        parts |= {Abs(q): w + u, Max(q, 0): w, Max(-q, 0): u, Min(q, 0): -u, Min(-q, 0): -w}
        values[q] = w - u
    for symbol in expression.free_symbols:
        if isinstance(symbol, Amount | Cash):
            kind = "amount" if isinstance(symbol, Amount) else "cash"
            values[symbol] = _Part(f"{symbol.name}:{kind}", **symbol.assumptions0)
    return expression.xreplace(parts).xreplace(values)


def _is_structured(expression: Any) -> bool:
    """Whether a word of language.py stands in it, over hidden numbers or a family: not only a public Max or Min."""
    return any(isinstance(word, Total | Least | Largest) or _hidden(word) for word in expression.atoms(*_STRUCTURE))


def _hidden(expression: Any) -> set[Any]:
    return {symbol for symbol in expression.free_symbols if isinstance(symbol, _Part)}


class _Lowering:
    def __init__(self, rule: str) -> None:
        self.rule = rule

    def refuse(self, why: str, expression: Any) -> InputError:
        return InputError(f"{self.rule}: {why}: {expression}", code="bad_rule")

    def node(self, expression: Any, *, top: bool = False) -> Node:
        """The tree that bounds ``expression`` from below. Cash stands in the topmost sum only."""
        expression = sympy.expand(expression, deep=False)
        structured = [term for term in sympy.Add.make_args(expression) if _is_structured(term)]
        nodes = [self._structure(term) for term in structured]
        rest = expression - sympy.Add(*structured)
        if rest != 0 or not nodes:
            nodes.append(self._affine(rest, top))
        return nodes[0] if len(nodes) == 1 else {"sum": nodes}

    def _structure(self, term: Any) -> Node:
        factors = sympy.Mul.make_args(term)
        inner = [factor for factor in factors if _is_structured(factor)]
        factor = sympy.Mul(*(other for other in factors if other not in inner))
        if len(inner) != 1 or not isinstance(inner[0], _STRUCTURE) or _hidden(factor):
            raise self.refuse("hidden numbers are multiplied, or stand in a function that is none of the words", term)
        word, arguments = inner[0].func, inner[0].args
        if word is Total:
            return {"total": str(arguments[0]), "of": self.node(factor * arguments[1])}
        if factor.is_nonnegative is factor.is_nonpositive:
            raise self.refuse("the sign of the factor is not known", term)
        positive = bool(factor.is_nonnegative)
        if word is Abs:
            word, arguments = Max, (arguments[0], -arguments[0])
        if word in (Max, Min):
            scaled = [factor * argument for argument in arguments]
            return {"min": list(map(self.node, scaled))} if (word is Min) is positive else self._max(scaled)
        if word in (Least, Largest):
            over, body = str(arguments[0]), factor * arguments[1]
            if (word is Least) is positive:
                return {"min": self.node(body), "over": over}
            return {"max": self._alternative(factor, arguments[1]), "over": over}
        if word in (FloorDiv, CeilDiv):
            return self._floor(word, factor, *arguments)
        raise self.refuse("an alternative stands outside Largest", term)

    def _max(self, alternatives: Iterable[Any]) -> Node:
        return {"max": [{"of": self.node(alternative)} for alternative in alternatives]}

    def _alternative(self, factor: Any, body: Any) -> Node:
        if isinstance(body, Where):
            return {"where": self.node(body.args[0]), "of": self.node(factor * body.args[1])}
        return {"of": self.node(factor * body)}

    def _floor(self, word: Any, factor: Any, numerator: Any, divisor: Any) -> Node:
        """factor * floor(numerator / divisor): -floor(x/d) = floor((d-1-x)/d) and ceil(x/d) = -floor(-x/d)."""
        down = (word is FloorDiv) is bool(factor.is_nonnegative)
        signed = numerator if factor.is_nonnegative else -numerator
        return {
            "floor": self.node(signed if down else signed + divisor - 1),
            "by": self._polynomial(divisor),
            "times": self._polynomial(factor if factor.is_nonnegative else -factor),
        }

    def _affine(self, expression: Any, top: bool) -> Node:
        expression = sympy.expand(expression)
        terms = []
        rest = expression
        for symbol in sorted(_hidden(expression), key=str):
            coefficient = expression.coeff(symbol)
            rest = sympy.expand(rest - coefficient * symbol)
            if _hidden(coefficient):
                raise self.refuse("hidden numbers are multiplied", coefficient * symbol)
            name, part = symbol.name.rsplit(":", 1)
            if part == "cash" and not (top and coefficient in (1, -1)):
                raise self.refuse("cash stands in the topmost sum, with coefficient 1 or -1", coefficient * symbol)
            terms.append({"hidden": name, "part": part, "least": self._least(coefficient)})
        if _hidden(rest):
            raise self.refuse("this is not affine in the hidden numbers", rest)
        if rest != 0:
            terms.append({"hidden": None, "part": None, "least": self._least(rest)})
        return {"affine": terms}

    def _least(self, coefficient: Any) -> list[list[dict[str, Any]]]:
        """What ``coefficient`` can be at least: at the ends of the intervals, and of each public Min, or -Max."""
        for word in sorted(coefficient.atoms(Max, Min), key=str):
            k = sympy.expand(coefficient).coeff(word)
            if not (k.is_nonnegative if isinstance(word, Min) else k.is_nonpositive):
                raise self.refuse("a public Max is where only the least can be taken", coefficient)
            return [form for chosen in word.args for form in self._least(coefficient.xreplace({word: chosen}))]
        intervals = sorted((s for s in coefficient.free_symbols if isinstance(s, Between)), key=str)
        choices: list[list[tuple[Any, Any]]] = []
        for interval in intervals:
            slope = sympy.expand(sympy.diff(coefficient, interval))
            if interval in slope.free_symbols:
                raise self.refuse("a coefficient is not linear in a public interval", coefficient)
            ends = [interval.end("low"), interval.end("high")]
            if slope.is_nonnegative or slope.is_nonpositive:
                ends = ends[:1] if slope.is_nonnegative else ends[1:]
            choices.append([(interval, end) for end in ends])
        return [self._polynomial(sympy.expand(coefficient.subs(dict(ends)))) for ends in product(*choices)]

    def _polynomial(self, form: Any) -> list[dict[str, Any]]:
        """``form`` as [{"coefficient": integer, "factors": [names]}], in an order of its own."""
        monomials = [self._monomial(monomial) for monomial in sympy.Add.make_args(sympy.expand(form))]
        return sorted(monomials, key=lambda monomial: (len(monomial["factors"]), monomial["factors"]))

    def _monomial(self, monomial: Any) -> dict[str, Any]:
        coefficient, factors = monomial.as_coeff_mul()
        names: list[str] = []
        for factor in factors:
            base, exponent = factor.as_base_exp()
            if not isinstance(base, Public) or not (exponent.is_Integer and exponent > 0):
                raise self.refuse("a coefficient is not a polynomial of public numbers", monomial)
            names += [base.name] * int(exponent)
        if not coefficient.is_Integer:
            raise self.refuse("a coefficient is not an integer polynomial", monomial)
        return {"coefficient": int(coefficient), "factors": sorted(names)}
