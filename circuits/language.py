"""The words in which margin rules are written: sympy, and the few things that it has no word for.

Hidden integers
    cash(name)      money, any sign; stands alone, with coefficient 1
    size(name)      a signed size; ``Abs(q)``, ``Max(q, 0)`` and ``Max(-q, 0)`` are exact and cost nothing
    amount(name)    not negative: collateral, a debt
Public numbers
    public(name)    an integer or a fraction, not negative unless it is said to be ``signed``
    interval(name)  an integer anywhere between two published ends; what is proved holds for every value between them
    at(name, f)     the number of this entry at the index of the current entry of family ``f``
Families: the markets of a venue, the tiers of a market, the scenarios of a grid
    Total(f, e)     the sum of ``e`` over the entries of family ``f``
    Least(f, e)     the least;   Largest(f, e)   the greatest
    Where(c, e)     inside Largest only: an alternative, open to accounts with c >= 0
Integers that a venue rounds
    FloorDiv(e, d)  e / d rounded down;   CeilDiv(e, d)   rounded up

``Max``, ``Min`` and ``Abs`` of anything are sympy's own. Everything else is a sum of products of public numbers with at
most one hidden one. Needs sympy: for models, tests and ``python -m circuits.lower``; never while a request is served.
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Abs, Max, Min

__all__ = [
    "Abs",
    "CeilDiv",
    "FloorDiv",
    "Largest",
    "Least",
    "Max",
    "Min",
    "Total",
    "Where",
    "amount",
    "at",
    "cash",
    "family",
    "interval",
    "public",
    "size",
]


class Cash(sympy.Symbol):  # type: ignore[misc]
    """Hidden money."""


class Size(sympy.Symbol):  # type: ignore[misc]
    """A hidden signed size."""


class Amount(sympy.Symbol):  # type: ignore[misc]
    """A hidden amount >= 0."""


class Public(sympy.Symbol):  # type: ignore[misc]
    """A public number."""


class Between(sympy.Symbol):  # type: ignore[misc]
    """A public number between two published ends, called NAME_low and NAME_high."""

    def end(self, which: str) -> Any:
        """The public number at the ``low`` or the ``high`` end."""
        name, bracket, index = self.name.partition("[")
        return Public(f"{name}_{which}{bracket}{index}", **self.assumptions0)


class Family(sympy.Symbol):  # type: ignore[misc]
    """A list of things of one kind."""


class Total(sympy.Function):  # type: ignore[misc]
    """Total(family, e): the sum over the family."""


class Least(sympy.Function):  # type: ignore[misc]
    """Least(family, e): the least over the family."""


class Largest(sympy.Function):  # type: ignore[misc]
    """Largest(family, e): the greatest over the family."""


class Where(sympy.Function):  # type: ignore[misc]
    """Where(c, e): e, for accounts with c >= 0."""


class FloorDiv(sympy.Function):  # type: ignore[misc]
    """FloorDiv(e, d): e / d rounded down."""


class CeilDiv(sympy.Function):  # type: ignore[misc]
    """CeilDiv(e, d): e / d rounded up."""


def cash(name: str) -> Any:
    """Hidden money in atto, of any sign."""
    return Cash(name, integer=True)


def size(name: str) -> Any:
    """A hidden signed size in lots."""
    return Size(name, integer=True)


def amount(name: str) -> Any:
    """A hidden amount in lots, not negative."""
    return Amount(name, integer=True, nonnegative=True)


def public(name: str, *, signed: bool = False) -> Any:
    """A public number."""
    return Public(name, real=True) if signed else Public(name, nonnegative=True)


def interval(name: str, *, signed: bool = False) -> Any:
    """A public number between two published ends."""
    return Between(name, real=True) if signed else Between(name, nonnegative=True)


def family(name: str) -> Any:
    """A family; its entries say what the numbers of each are."""
    return Family(name)


def at(symbol: Any, index: Any) -> Any:
    """``symbol`` of this entry is a list; the member at the current index of the family ``index``."""
    return type(symbol)(f"{symbol.name}[{index.name}]", **symbol.assumptions0)
