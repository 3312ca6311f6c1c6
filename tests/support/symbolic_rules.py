"""Rules of the language worked out by definition, and random ones: what lowering and programs are compared with."""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from math import floor, prod
from typing import Any

import sympy

from circuits import language as words
from circuits.lowering import Rule, lower
from circuits.program import Hidden, Program, compile_slacks
from circuits.rule import entries, from_value

CASH = words.cash("cash0")
Values = Mapping[str, int]


def program(expression: Any, hidden: list[Hidden], scope: Mapping[str, Any]) -> Program:
    """cash0 + ``expression`` >= 0, lowered and compiled; ``hidden`` has no cash yet."""
    slack = from_value(lower(Rule("test", CASH + expression))).slack
    return compile_slacks([Hidden("cash0", "cash"), *hidden], [(slack, {"cash0": "cash0", **scope})])


def value(expression: Any, scope: Mapping[str, Any], values: Values) -> Fraction:
    """What ``expression`` is by definition, at the points of its intervals. ``scope`` names labels of ``values``.

    Raises: ValueError: no alternative of a Largest is open.
    """
    if isinstance(expression, words.Cash | words.Size | words.Amount):
        return Fraction(values[scope[expression.name]])
    if isinstance(expression, words.Between):
        low, high = scope[f"{expression.name}_low"], scope[f"{expression.name}_high"]
        if low != high:
            raise ValueError("not a point")
        return Fraction(low)
    if isinstance(expression, words.Public):
        name, bracket, index = expression.name.rstrip("]").partition("[")
        return Fraction(scope[name][scope[f"#{index}"]] if bracket else scope[name])
    if expression.is_Rational:
        return Fraction(int(expression.p), int(expression.q))
    word, arguments = expression.func, expression.args
    if word in (words.Total, words.Least, words.Largest):
        pairs = [(arguments[1], entry) for entry in entries(scope, arguments[0].name)]
        if word is words.Largest:
            pairs = [
                (body.args[1] if isinstance(body, words.Where) else body, entry)
                for body, entry in pairs
                if not isinstance(body, words.Where) or value(body.args[0], entry, values) >= 0
            ]
        return {words.Total: sum, words.Least: min, words.Largest: max}[word](
            value(body, entry, values) for body, entry in pairs
        )
    parts = [value(argument, scope, values) for argument in arguments]
    if word in (words.FloorDiv, words.CeilDiv):
        return Fraction(floor(parts[0] / parts[1]) if word is words.FloorDiv else -floor(-parts[0] / parts[1]))
    known = {sympy.Add: sum, sympy.Mul: prod, sympy.Max: max, sympy.Min: min, sympy.Abs: lambda x: abs(x[0])}
    return Fraction(parts[0] ** parts[1] if word is sympy.Pow else known[word](parts))


def random_rule(rng: random.Random, depth: int, bound: int) -> tuple[Any, list[Hidden], dict[str, Any]]:
    """An expression without cash, the hidden numbers in it, and a scope in which every coefficient is an integer."""
    hidden = [
        Hidden("q/A", "size", bound),
        Hidden("q/B", "size", bound),
        Hidden("c/C", "amount", bound),
        *(Hidden(f"q/M{i}", "size", bound) for i in range(rng.randint(1, 2))),
    ]
    price, index = rng.randint(0, 4), rng.randint(-3, 3)
    scope = {
        "q": "q/A",
        "r": "q/B",
        "a": "c/C",
        "k": rng.randint(0, 3),
        "d": rng.randint(1, 5),
        "s": rng.randint(-3, 3),
        "p_low": price,
        "p_high": price,
        "F_low": index,
        "F_high": index,
        "market": [
            {
                "m": of.label,
                "w": rng.randint(0, 4),
                "tier": [{"t": 0}, *({"t": rng.randint(1, 5)} for _ in range(rng.randint(0, 2)))],
            }
            for of in hidden[3:]
        ],
    }
    draw = _Draw(rng)
    expression = draw.node(depth, inside=())
    return expression + (draw.alternatives() if rng.random() < 0.3 else 0), hidden, scope


class _Draw:
    """Random sub-expressions; ``inside`` says of which families a body is."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def affine(self, inside: tuple[str, ...]) -> Any:
        known: list[Any] = [words.public("k"), words.interval("p"), words.public("s", signed=True), sympy.Integer(1)]
        numbers = [words.size("q"), words.size("r"), words.amount("a"), sympy.Integer(self.rng.randint(-9, 9))]
        if "market" in inside:
            known.append(words.public("w"))
            numbers.append(words.size("m"))
        if "tier" in inside:
            known.append(words.public("t"))
        # The first term is not cancelled by the others: roundings of public numbers alone are no words of the language.
        return 7 * self.rng.choice(numbers[:2]) + sum(
            self.rng.choice([-2, -1, 1, 3]) * self.rng.choice(known) * self.rng.choice(numbers)
            for _ in range(self.rng.randint(0, 2))
        )

    def node(self, depth: int, inside: tuple[str, ...]) -> Any:
        if depth == 0:
            return self.affine(inside)

        def deeper(inside: tuple[str, ...] = inside) -> Any:
            return self.node(depth - 1, inside)

        choices = ["sum", "max", "min", "abs", "floor", "ceil"]
        choices += [] if "market" in inside else ["total", "least", "largest"]
        choices += ["tiers"] if "market" in inside and "tier" not in inside else []
        factor = self.rng.choice([1, -1, 2, -3, words.public("k"), -words.public("k")])
        match self.rng.choice(choices):
            case "sum":
                return deeper() + factor * deeper()
            case "max":
                return factor * words.Max(deeper(), deeper(), self.affine(inside))
            case "min":
                return factor * words.Min(deeper(), self.affine(inside))
            case "abs":
                return factor * words.Abs(deeper())
            case "floor":
                return factor * words.FloorDiv(deeper(), words.public("d"))
            case "ceil":
                return factor * words.CeilDiv(deeper(), 1 + words.public("k"))
            case "total":
                return factor * words.Total(words.family("market"), deeper((*inside, "market")))
            case "least":
                return factor * words.Least(words.family("market"), deeper((*inside, "market")))
            case "largest":
                return factor * words.Largest(words.family("market"), deeper((*inside, "market")))
        return factor * words.Least(words.family("tier"), deeper((*inside, "tier")))

    def alternatives(self) -> Any:
        """A Largest over tiers, counted with a factor that is not negative; where ``t`` is 0, it is always open."""
        inside = ("market", "tier")
        condition = words.public("t") * words.Min(self.affine(inside), self.affine(inside))
        largest = words.Largest(words.family("tier"), words.Where(condition, self.affine(inside)))
        return words.public("k") * words.Total(words.family("market"), largest)
