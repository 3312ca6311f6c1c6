"""Margin models in tests: risk parameters of a model, boxes, and the cash at which a claim just holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Any

import pytest

from circuits import calculators, statement
from circuits.boxes import Band, PriceBox
from circuits.claims import Claim, Claims
from circuits.holdings import Holdings
from circuits.layout import Layout
from circuits.markets import RiskParameters
from zkmargin.documents import Params
from zkmargin.errors import WitnessError

DEBT = -(10**33)
LIFETIME = (0, 86_400)


def params(model: str, *markets: dict[str, Any]) -> Params:
    """Risk parameters of ``model``; a market has a name, a lot and a largest size unless it says others."""
    plain = {"lot": "0.001", "max_size": "100000"}
    return Params.from_value(
        {
            "schema": "zkmargin/params/v1",
            "venue": "demo",
            "version": 1,
            "model": model,
            "quote": "USD",
            "markets": [{"market": f"M{i}"} | plain | market for i, market in enumerate(markets)],
        }
    )


def risk(model: str, *markets: dict[str, Any]) -> RiskParameters:
    """The same, read."""
    return RiskParameters.from_document(params(model, *markets))


def point(*prices: str | int | Fraction) -> tuple[Band, ...]:
    """A box of no width, without funding."""
    return tuple(Band(Fraction(price), Fraction(price), Fraction(0), Fraction(0)) for price in prices)


def needed(parameters: RiskParameters, lots: Sequence[int], box: PriceBox, claim: Claim) -> int:
    """The least cash0, in atto, that the calculator calls enough for these sizes."""
    calculator = calculators.of(parameters.model)
    return DEBT + calculator.shortfall(Holdings(DEBT, tuple(lots)), parameters, box, claim, LIFETIME)


def layout(parameters: RiskParameters, box: PriceBox, claim: Claim) -> Layout:
    """The relation of one claim."""
    return statement.layout(parameters, box, Claims((claim,)), LIFETIME)


def is_provable(of: Layout, cash0_atto: int, lots: Sequence[int]) -> bool:
    """Whether the honest prover succeeds."""
    try:
        of.assign([cash0_atto, *lots])
    except WitnessError as error:
        if error.code != "not_provable":
            raise
        return False
    return True


def provable_cash(of: Layout, lots: Sequence[int]) -> int:
    """The least cash0, in atto, that is provable with these sizes."""
    return least(lambda cash: is_provable(of, cash, lots), DEBT, -DEBT // 10**3)


def least(holds: Callable[[int], bool], short: int, enough: int, near: int | None = None) -> int:
    """The least number at which ``holds``: above ``short``, at most ``enough``. Two questions, not a hundred, if it
    is ``near``."""
    if near is not None and holds(near):
        enough = near
        short = short if holds(near - 1) else near - 1
    while enough - short > 1:
        middle = (short + enough) // 2
        short, enough = (short, middle) if holds(middle) else (middle, enough)
    return enough


def check_least_between(of: Layout, lots: Sequence[int], least: Fraction | int, most: Fraction | int) -> None:
    """The least cash0 that is provable, in atto, is at least ``least`` and at most ``most``."""
    assert not is_provable(of, ceil(least) - 1, lots)
    assert is_provable(of, floor(most), lots)


def check_sharp(parameters: RiskParameters, lots: Sequence[int], box: PriceBox, claim: str) -> Layout:
    """The cash that the calculator calls enough proves, with a slack of 0; one atto less is refused."""
    wanted = Claim.parse(claim)
    cash, made = needed(parameters, lots, box, wanted), layout(parameters, box, wanted)
    made.assign([cash, *lots])
    with pytest.raises(WitnessError) as refused:
        made.assign([cash - 1, *lots])
    assert refused.value.code == "not_provable"
    return made
