"""What a relation asks for, in cash: found from the relation itself, to compare with a calculator."""

from __future__ import annotations

from collections.abc import Sequence

from model_cases import is_provable, least

from circuits import statement
from circuits.boxes import Lifetime, PriceBox
from circuits.claims import Claims
from circuits.layout import Layout
from circuits.markets import RiskParameters
from zkmargin.canonical import parse_time

START = parse_time("2023-01-01T00:00:00Z")
WIDE = 10**31  # cash, in atto, that covers any account of a test


def relation(
    params: RiskParameters, box: PriceBox, claim: str = "maintenance", lifetime: Lifetime = (START, START)
) -> Layout:
    """The relation of a claim."""
    return statement.layout(params, box, Claims.parse(claim), lifetime)


def least_cash(layout: Layout, sizes: Sequence[int], near: int | None = None) -> int:
    """The least cash, in atto, that proves; found at once if it is ``near``."""
    return least(lambda cash: is_provable(layout, cash, sizes), -WIDE, WIDE, near)
