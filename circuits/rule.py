"""A lowered rule as it is used: a tree read once from the package, evaluated in plain integers. No sympy here.

Written by ``python -m circuits.lower``; what the nodes mean is in lowering.py and docs/margin.md. The public numbers of
a statement are a *scope*: name -> integer, fraction, the label of a hidden number, or the entries of a family, each of
them a scope that is read before the one around it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from importlib import resources
from math import floor, prod
from typing import Any

from zkmargin.errors import InputError

SCHEMA = "zkmargin/lowered-rule/v2"

Scope = Mapping[str, Any]


def entries(scope: Scope, family: str) -> Iterator[Scope]:
    """The scope of every entry of ``family``; ``#family`` is the index that a list of numbers is read at."""
    index = f"#{family}"
    for i, entry in enumerate(scope[family]):
        yield {**scope, **entry, index: i}


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A sum of multiples of products of public numbers; a factor is (name, the family at whose index it is read)."""

    monomials: tuple[tuple[int, tuple[tuple[str, str | None], ...]], ...]

    def floor(self, scope: Scope) -> int:
        """Its value, rounded down once, at the end."""
        whole = 0
        parts: dict[int, int] = {}  # denominator -> numerator; fractions are not reduced on the way
        for numerator, factors in self.monomials:
            denominator = 1
            for name, index in factors:
                factor = scope[name] if index is None else scope[name][scope[index]]
                if type(factor) is int:
                    numerator *= factor
                else:
                    numerator *= factor.numerator
                    denominator *= factor.denominator
            if denominator == 1:
                whole += numerator
            else:
                parts[denominator] = parts.get(denominator, 0) + numerator
        if not parts:
            return whole
        if len(parts) == 1:
            ((denominator, numerator),) = parts.items()
            return whole + numerator // denominator
        return whole + floor(sum(Fraction(n, d) for d, n in parts.items()))

    def integer(self, scope: Scope) -> int:
        """Its value, where rounding either way could be for the prover: a divisor, the factor of a quotient.

        Raises: InputError "bad_params".
        """
        factors = ([scope[n] if i is None else scope[n][scope[i]] for n, i in names] for _, names in self.monomials)
        value = sum(c * Fraction(prod(of)) for (c, _), of in zip(self.monomials, factors, strict=True))
        if value != int(value):
            raise InputError("a divisor of the risk parameters, or its factor, is not an integer", code="bad_params")
        return int(value)


@dataclass(frozen=True, slots=True)
class Term:
    """The least of ``least``, rounded down, times a part of a hidden number, or alone."""

    hidden: str | None
    part: str | None
    least: tuple[Polynomial, ...]

    def coefficient(self, scope: Scope) -> int:
        """Rounded down: the part is not negative, so this is against the prover."""
        if len(self.least) == 1:
            return self.least[0].floor(scope)
        return min([polynomial.floor(scope) for polynomial in self.least])


@dataclass(frozen=True, slots=True)
class Affine:
    """A sum of terms."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum of nodes."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of ``of`` over the entries of a family."""

    family: str
    of: Node


@dataclass(frozen=True, slots=True)
class Least:
    """The least of nodes, or of ``nodes[0]`` over the entries of a family."""

    nodes: tuple[Node, ...]
    family: str | None


@dataclass(frozen=True, slots=True)
class Alternative:
    """What ``of`` gives, for accounts with ``where`` >= 0."""

    of: Node
    where: Node | None


@dataclass(frozen=True, slots=True)
class Largest:
    """The greatest of several alternatives, or of the first one over the entries of a family."""

    alternatives: tuple[Alternative, ...]
    family: str | None


@dataclass(frozen=True, slots=True)
class Floor:
    """times * floor(of / by)."""

    of: Node
    by: Polynomial
    times: Polynomial


Node = Affine | Sum | Total | Least | Largest | Floor


@dataclass(frozen=True)
class LoweredRule:
    """Solvent means that the value of ``slack`` is not negative. ``excess`` is its opposite, if that can be stated."""

    name: str
    statement: str
    slack: Node
    excess: Node | None


@lru_cache
def load(name: str) -> LoweredRule:
    """The lowered rule in ``circuits/lowered/NAME.json``.

    Raises: ValueError, KeyError if the file is not of this version: the installation is damaged.
    """
    data = json.loads((resources.files("circuits") / "lowered" / f"{name}.json").read_text("ascii"))
    if data["schema"] != SCHEMA:
        raise ValueError(f"circuits/lowered/{name}.json is of another version")
    return from_value(data)


def from_value(data: Mapping[str, Any]) -> LoweredRule:
    """The rule that lowering.py wrote as ``data``."""
    excess = data["excess"]
    return LoweredRule(data["rule"], data["statement"], _node(data["slack"]), None if excess is None else _node(excess))


def _node(data: Mapping[str, Any]) -> Node:
    if "affine" in data:
        return Affine(
            tuple(Term(term["hidden"], term["part"], tuple(map(_polynomial, term["least"]))) for term in data["affine"])
        )
    if "sum" in data:
        return Sum(tuple(map(_node, data["sum"])))
    if "total" in data:
        return Total(data["total"], _node(data["of"]))
    if "floor" in data:
        return Floor(_node(data["floor"]), _polynomial(data["by"]), _polynomial(data["times"]))
    if "min" in data:
        return Least(tuple(map(_node, _list(data["min"]))), data.get("over"))
    return Largest(tuple(map(_alternative, _list(data["max"]))), data.get("over"))


def _list(data: Any) -> Sequence[Any]:
    return data if isinstance(data, list) else [data]


def _alternative(data: Mapping[str, Any]) -> Alternative:
    return Alternative(_node(data["of"]), _node(data["where"]) if "where" in data else None)


def _polynomial(data: Sequence[Mapping[str, Any]]) -> Polynomial:
    return Polynomial(tuple((m["coefficient"], tuple(map(_factor, m["factors"]))) for m in data))


def _factor(name: str) -> tuple[str, str | None]:
    base, bracket, family = name.rstrip("]").partition("[")
    return base, f"#{family}" if bracket else None
