"""A recorded account of Hyperliquid, 12 positions long and short: equity, notional and requirement to the last digit.

Source: hyperliquid-dex/hyperliquid-python-sdk, tests/cassettes/info_test/test_get_user_state.yaml, recorded 2023-03-27.
The requirement of that day, 1 % of notional, is what its liquidation prices were worked out with: at each of them,
other prices held, the equity is that requirement, to the 6 decimals that money has there.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from margin_accounts import oracle, round_of

from circuits import calculators
from circuits.markets import RiskParameters
from circuits.prices import prices_of
from zkmargin.documents import Account, Params

POSITIONS = {
    "BTC": ("-0.00785", "26961.2", "173198.69592357"),
    "ETH": ("0.1334", "1706.71", None),
    "ATOM": ("-0.45", "10.8", "2561.83187333"),
    "MATIC": ("76.6", "1.036", None),
    "DYDX": ("-121.2", "2.37", "11.841653"),
    "SOL": ("7.39", "19.69", None),
    "AVAX": ("28.3", "16.4", None),
    "BNB": ("1.916", "306.9", None),
    "APE": ("-131.8", "3.866", "12.57589638"),
    "OP": ("-76.4", "2.045", "17.0707113"),
    "LTC": ("5.33", "88.14", None),
    "ARB": ("246.5", "1.1798", None),
}
"""Size, mark price (position value over size), liquidation price."""
CASH = "86.549602"  # totalRawUsd: net of what the positions cost
RATES = {"lot": "0.00001", "initial_ppm": 50_000, "maintenance_ppm": 10_000, "max_size": "1000000"}
PARAMS = RiskParameters.from_document(
    Params.from_value(
        {
            "schema": "zkmargin/params/v1",
            "venue": "demo",
            "version": 1,
            "model": "perpetuals-brackets",
            "quote": "USD",
            "markets": [{"market": coin} | RATES for coin in POSITIONS],
        }
    )
)


def _report(**moved: str) -> dict[str, Any]:
    """The account, with some prices moved."""
    account = {
        "schema": "zkmargin/account/v1",
        "account": "recorded",
        "cash": CASH,
        "positions": [{"market": coin, "size": size} for coin, (size, _, _) in POSITIONS.items()],
    }
    round_ = round_of(oracle({coin: price for coin, (_, price, _) in POSITIONS.items()} | moved))
    found = calculators.of(PARAMS.model).report(Account.from_value(account), PARAMS, prices_of(round_, PARAMS), 0)
    return dict(found.to_value())


def test_account_value_and_margin_used() -> None:
    found = _report()
    assert found["equity"] == "1182.312496"
    assert sum(Fraction(market["notional"]) for market in found["markets"]) == Fraction("3434.815334")
    assert found["initial_requirement"] == "171.7407667"  # recorded as 171.740766
    assert found["maintenance_requirement"] == "34.34815334"


@pytest.mark.parametrize("coin", [coin for coin, (_, _, liquidation) in POSITIONS.items() if liquidation])
def test_equity_at_the_recorded_liquidation_price(coin: str) -> None:
    liquidation = POSITIONS[coin][2]
    assert liquidation is not None
    equity = Fraction(_report(**{coin: liquidation})["equity"])
    assert abs(equity - Fraction("34.34815334")) < Fraction(1, 10**6)
