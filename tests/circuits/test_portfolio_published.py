"""Portfolio margin by scenarios: published figures of Derive's PMRM. Every case has the parameters of ``PMRM_2``, but
for what is said beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from least_cash import START, WIDE, least_cash, relation
from portfolio_venues import CALCULATOR, PMRM_2, SKEW, Q, contract, document, index, option, points

from circuits.boxes import Band
from circuits.claims import Claim
from circuits.holdings import holdings
from circuits.markets import RiskParameters
from circuits.scenarios import ExpiryShocks
from zkmargin.canonical import format_time
from zkmargin.documents import Account

BTC, ETH, STABLE = Q("95663.50604855"), Q("2681.6029850999994"), Q("1.00019088635")
FORWARDS = {
    "BTC": {794852: ("95776.67392708939", "0.15"), 18938852: ("100374.61000117072", "0.2")},
    "ETH": {794852: ("2682.9997436016715", "0.15"), 3214052: ("2695.7814942763334", "0.21")},
}
FORWARDS["BTC"][11076452] = ("98198.07812501276", "0.1")
# (seconds to expiry, kind, strike, volatility, size) each; MM and IM.
CASES: dict[str, tuple[str, list[tuple[int, str, str, str, str]], float, float]] = {
    "12 naked short call": (
        "BTC",
        [(794852, "call", "100000", "0.453803924321583", "-1")],
        -11824.858703959073,
        -14604.048120144837,
    ),
    "18 OTM call spread": (
        "ETH",
        [
            (794852, "call", "4000", "0.8795543651099665", "-1"),
            (794852, "call", "4200", "0.8833255402190362", "1"),
        ],
        -25.96404757080802,
        -35.75844560967082,
    ),
    "52 multi-expiry discounting": (
        "BTC",
        [
            (18938852, "call", "100000", "0.5543377511787965", "1.5"),
            (18938852, "put", "120000", "0.5665119096978181", "2.1"),
            (11076452, "put", "120000", "0.5646450091750466", "-4"),
        ],
        -81147.83852296828,
        -94908.87072619566,
    ),
}


def _case(
    currency: str, legs: Sequence[tuple[int, str, str, str, str]], portfolio: dict[str, Any], **held: Any
) -> tuple[RiskParameters, list[Band], Account]:
    names = [f"{seconds}-{kind}-{strike}" for seconds, kind, strike, _, _ in legs]
    used = {seconds: FORWARDS[currency][seconds] for seconds, *_ in legs}
    markets = [index("S"), *(index(f"F{seconds}") for seconds in used)]
    markets += [
        option(name, kind, strike, seconds, forward=f"F{seconds}")
        for name, (seconds, kind, strike, _, _) in zip(names, legs, strict=True)
    ]
    rates = [{"expiry": format_time(START + seconds), "rate": rate} for seconds, (_, rate) in used.items()]
    prices = [
        BTC if currency == "BTC" else ETH,
        *(forward for forward, _ in used.values()),
        *(vol for *_, vol, _ in legs),
    ]
    positions = [{"option": name, "size": size} for name, (*_, size) in zip(names, legs, strict=True)]
    account = {"schema": "zkmargin/account/v1", "account": "derive", "cash": "0", "positions": positions} | held
    params = document(markets, portfolio | {"rates": rates})
    return RiskParameters.from_document(params), list(points(*prices)), Account.from_value(account)


def _check(params: RiskParameters, prices: Sequence[Band], account: Account, published: dict[str, float]) -> None:
    told = CALCULATOR.report(account, params, tuple(prices), START).to_value()
    held = holdings(account, params, prices)
    for claim, figure in published.items():
        margin = Q(told["equity"]) - Q(told[f"{claim}_requirement"])
        assert float(margin) == pytest.approx(figure, rel=1e-9)
        box = params.box(prices)
        missing = CALCULATOR.shortfall(replace(held, cash0_atto=-WIDE), params, box, Claim(claim), (START, START))
        least = least_cash(relation(params, box, claim), held.size_lots, near=missing - WIDE)
        assert held.cash0_atto - least == pytest.approx(figure * 1e18, rel=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_published_margins(name: str) -> None:
    currency, legs, maintenance, initial = CASES[name]
    _check(*_case(currency, legs, PMRM_2), {"maintenance": maintenance, "initial": initial})


def test_published_margin_where_a_skew_is_the_worst() -> None:
    """ "41 skews linear as worst case simple": with a dampening of 2, one expiry and one short, the skew is exact."""
    legs = [(3214052, "call", "5500", "0.8843198050170489", "-15")]
    skew = SKEW | {"linear_cap": "9.5", "width": "5", "vol": "4.5", "vol_slope": "4.9"}
    scenarios = [s | ({"dampening": "2"} if s["vol"] == "linear" else {}) for s in PMRM_2["scenarios"]]
    case = _case("ETH", legs, PMRM_2 | {"skew": skew, "scenarios": scenarios})
    _check(*case, {"maintenance": -1413.5868439463693, "initial": -1809.9435682106216})


@pytest.mark.parametrize(
    ("position", "call", "price", "haircuts_ppm", "maintenance", "initial"),
    [
        # "13 risk cancelling BTC covered call"
        (None, "-2", BTC / STABLE, (30_000, 20_000), 78744.92602874589, 74395.66964312586),
        # "32 perps perp hedging", its initial margin without the contingency of 169984.73200645158 for low confidence
        ("-1", None, 100000 / STABLE, (45_000, 30_000), 95478.7393189838, -76506.39347229843 + 169984.73200645158),
    ],
)
def test_published_margins_with_collateral_that_hedges(
    position: str | None,
    call: str | None,
    price: Fraction,
    haircuts_ppm: tuple[int, int],
    maintenance: float,
    initial: float,
) -> None:
    asset = {"market": "WBTC", "kind": "asset", "lot": "0.01", "max_size": "1000"} | dict(
        zip(("initial_ppm", "maintenance_ppm"), haircuts_ppm, strict=True)
    )
    markets = [index("S"), index("F"), contract("PERP"), asset, option("C", "call", 100000, 794852, forward="F")]
    rates = [{"expiry": format_time(START + 794852), "rate": "0.15"}]
    book = PMRM_2 | {"contracts": ["PERP"], "collateral": ["WBTC"], "rates": rates}
    params = RiskParameters.from_document(document(markets, book))
    spot, price = Q(100000) if position else BTC, Q(floor(price * 10**18), 10**18)
    prices = [
        *points(spot, "95776.67392708939", spot),
        Band(price, price, Q(0), Q(0), True),
        *points("0.453803924321583"),
    ]
    positions = [{"market": "PERP", "size": position, "entry_price": "100000"}] if position else []
    positions += [{"option": "C", "size": call}] if call else []
    account = {"schema": "zkmargin/account/v1", "account": "derive", "cash": "0", "positions": positions}
    held = Account.from_value(account | {"collateral": [{"asset": "WBTC", "amount": "1"}]})
    _check(params, prices, held, {"maintenance": maintenance, "initial": initial})


def test_published_shocks() -> None:
    """Of the same cases: multiples of volatilities, discounts, and skews."""
    params, *_ = _case("BTC", CASES["52 multi-expiry discounting"][1], PMRM_2)
    (portfolio,) = params.portfolios
    published = {
        18938852: (1.3860882452894718, 0.7876514650907905, 0.8029631388059034, 1.127620219411916, 0.1112525143612097),
        11076452: (1.4139715227699674, 0.7723156624765178, 0.8917985146283806, 1.035747303851427, 0.12036758578692273),
    }
    for seconds, (up, down, gain, loss, cap) in published.items():
        shocks = ExpiryShocks.of(portfolio, START + seconds, (seconds, seconds))
        (low, high), width = shocks.skews["linear"]
        assert [*map(float, shocks.up), *map(float, shocks.down)] == pytest.approx([up, up, down, down], rel=1e-14)
        assert list(map(float, shocks.multiple)) == pytest.approx([gain, loss], rel=1e-14)
        assert [low / 1e18, high / 1e18] == pytest.approx([cap, cap], rel=1e-14)
        assert shocks.up[0] < shocks.up[1] < shocks.up[0] + Q(1, 2**100)
        if seconds == 18938852:
            assert [end / 1e18 for end in width] == pytest.approx([1.619660487729412] * 2, rel=1e-14)
