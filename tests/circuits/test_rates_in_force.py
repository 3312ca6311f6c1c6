"""Rates that follow open interest and volatility: decimals, that never fall."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from model_cases import check_sharp, risk

from circuits.boxes import Band
from circuits.calculators import cross
from zkmargin.documents import Account

PARAMETERS = risk(
    "perpetuals-cross",
    {
        "initial_ppm": 110_000,
        "maintenance_ppm": 50_000,
        "open_interest": {"lower": "20000000", "upper": "47000007.1"},
        "calm_volatility": "0.7",
    },
)
NOTHING = Fraction(0)


def _bands(open_interest: Fraction | int, volatility: Fraction) -> tuple[Band, ...]:
    price = Fraction("23.50695125")
    return (Band(price, price, NOTHING, NOTHING, False, Fraction(open_interest), volatility),)


def test_what_a_position_requires_is_a_decimal() -> None:
    """The caps are 27000007.1 apart and volatility is a seventh above the calm one: no rate of these is a decimal."""
    account = Account.from_value(
        {
            "schema": "zkmargin/account/v1",
            "account": "alice",
            "cash": "1000",
            "positions": [{"market": "M0", "size": "310.5"}],
        }
    )
    bands = _bands(1_000_000, Fraction("0.8"))
    report = cross.CALCULATOR.report(account, PARAMETERS, bands, 0).to_value()
    assert Fraction(str(report["maintenance_requirement"])) >= Fraction("7298.908363125") * Fraction(5, 100) * 8 / 7
    check_sharp(PARAMETERS, [310_500], PARAMETERS.box(bands), "initial")


amounts = st.integers(0, 3_000_000)
volatilities = st.integers(0, 30_000_000).map(lambda n: Fraction(n, 10**6))


@given(amounts, amounts, volatilities, volatilities)
def test_rates_never_fall(a: int, b: int, v: Fraction, w: Fraction) -> None:
    low, high = (
        PARAMETERS.at(PARAMETERS.box(_bands(*ends))).markets[0].tiers[0]
        for ends in ((min(a, b), min(v, w)), (max(a, b), max(v, w)))
    )
    assert PARAMETERS.markets[0].tiers[0].initial <= low.initial <= high.initial <= 1
    assert PARAMETERS.markets[0].tiers[0].maintenance <= low.maintenance <= high.maintenance <= 1
