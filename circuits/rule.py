"""A lowered rule as it is used: read once from the package, evaluated in plain integers. No sympy here.

Written by ``python -m circuits.lower``; what the numbers mean is in lowering.py and docs/margin.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

SCHEMA = "zkmargin/lowered-rule/v1"


class Monomial(NamedTuple):
    """coefficient * product of public integers, times the rate if ``has_rate``."""

    coefficient: int
    integers: tuple[str, ...]
    has_rate: bool


Form = tuple[Monomial, ...]


@dataclass(frozen=True, slots=True)
class LoweredRule:
    """The least value over a box of what the long part and the short part of a size are worth."""

    name: str
    long: tuple[Form, ...]
    short: tuple[Form, ...]

    def coefficients(self, integers: Mapping[str, int], rate: Fraction) -> tuple[int, int]:
        """(of the long part, of the short part), both rounded down: against the prover. Their sum is at most 0."""
        return _least(self.long, integers, rate), _least(self.short, integers, rate)


def _least(forms: tuple[Form, ...], integers: Mapping[str, int], rate: Fraction) -> int:
    # One common denominator, so that the only division is the last one, and it rounds down.
    n, d = rate.numerator, rate.denominator
    return min([_value(form, integers, n, d) for form in forms]) // d


def _value(form: Form, integers: Mapping[str, int], n: int, d: int) -> int:
    """d times the value of ``form`` at the rate n/d."""
    total = 0
    for coefficient, names, has_rate in form:
        product = coefficient * (n if has_rate else d)
        for name in names:
            product *= integers[name]
        total += product
    return total


@lru_cache
def load(name: str) -> LoweredRule:
    """The lowered rule in ``circuits/lowered/NAME.json``.

    Raises: ValueError, KeyError if the file is not of this version: the installation is damaged.
    """
    data = json.loads((resources.files("circuits") / "lowered" / f"{name}.json").read_text("ascii"))
    if data["schema"] != SCHEMA:
        raise ValueError(f"circuits/lowered/{name}.json is of another version")
    rate = data["rate"]

    def forms(part: str) -> tuple[Form, ...]:
        return tuple(
            tuple(
                Monomial(m["coefficient"], tuple(x for x in m["factors"] if x != rate), rate in m["factors"])
                for m in form
            )
            for form in data[part]
        )

    return LoweredRule(data["rule"], forms("long"), forms("short"))
