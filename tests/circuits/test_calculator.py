"""The calculator against worked cases of live systems, and against its own definitions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from dydx_settlements import SETTLEMENTS
from hypothesis import given, settings
from hypothesis import strategies as st
from margin_accounts import PRICES, account, oracle, params, round_of

from circuits.boxes import Band, MarketBox, PriceBox, box_around
from circuits.calculators import cross
from circuits.calculators.reports import Report, is_liquidatable, is_solvent
from circuits.calculators.widest import widest_box_percent
from circuits.claims import MAINTENANCE, Claim
from circuits.holdings import Holdings, holdings
from circuits.markets import RiskParameters
from circuits.prices import prices_of
from zkmargin.canonical import parse_decimal
from zkmargin.documents import Account

ONE = RiskParameters.from_document(params([("X-USD", "1", 100_000, 50_000)]))


def report(of_account: Account, parameters: RiskParameters, prices: Sequence[Band]) -> Report:
    return cross.report(of_account, parameters, prices, 0)


def shortfall(held: Holdings, parameters: RiskParameters, box: PriceBox, claim: Claim) -> int:
    return cross.shortfall(held, parameters, box, claim, (0, 0))


def _point(price: str) -> tuple[Band, ...]:
    return (Band(Fraction(price), Fraction(price), Fraction(0), Fraction(0)),)


# dydxprotocol/v4-chain, protocol/lib/margin/risk_test.go at 84d4664bae71e3a077adaac67fb77ad19cd28d30:
# (net collateral, requirement, expected).
INITIAL_OR_MAINTENANCE_COLLATERALIZED = [
    (200, 100, True),
    (100, 100, True),
    (50, 100, False),
    (0, 0, True),
    (-100, 0, False),
]
LIQUIDATABLE = [
    (100, 0, False),
    (0, 100, True),
    (0, 0, False),
    (-100, 100, True),
    (-100, 0, False),
    (75, 100, True),
    (100, 100, False),
    (125, 100, False),
]


def _account_with(equity: int, requirement: int, rate: Fraction) -> tuple[Fraction, Holdings, RiskParameters]:
    """A long at price 100 with this requirement, and cash that makes this equity."""
    size = Fraction(requirement) / rate / 100
    assert size.denominator == 1
    of_account = account(str(equity - 100 * int(size)), ("X-USD", str(size)))
    prices = _point("100")
    return report(of_account, ONE, prices).equity, holdings(of_account, ONE, prices), ONE


@pytest.mark.parametrize(("equity", "requirement", "expected"), INITIAL_OR_MAINTENANCE_COLLATERALIZED)
@pytest.mark.parametrize("claim", ["initial", "maintenance"])
def test_collateralized_as_dydx_says(equity: int, requirement: int, expected: bool, claim: str) -> None:
    wanted = Claim.parse(claim)
    found, held, parameters = _account_with(equity, requirement, wanted.rate(ONE.markets[0]))
    assert found == equity
    assert is_solvent(found, Fraction(requirement)) is expected
    assert (shortfall(held, parameters, parameters.box(_point("100")), wanted) == 0) is expected


@pytest.mark.parametrize(("equity", "requirement", "expected"), LIQUIDATABLE)
def test_liquidatable_as_dydx_says(equity: int, requirement: int, expected: bool) -> None:
    assert is_liquidatable(Fraction(equity), Fraction(requirement)) is expected


@pytest.mark.parametrize(("index", "size", "since", "expected"), SETTLEMENTS)
def test_funding_settles_as_dydx_says(index: int, size: int, since: int, expected: int) -> None:
    """Cash at index zero settles itself: what the account is worth moves by -(index - since) * size."""
    lots = RiskParameters.from_document(params([("X-USD", "0.000000000000000001", 100_000, 50_000)]))
    before = (Band(Fraction(0), Fraction(0), Fraction(since), Fraction(since)),)
    held = holdings(account("0", ("X-USD", f"{'-' if size < 0 else ''}0.{abs(size):018d}")), lots, before)
    worth = held.cash0_atto - index * size
    assert worth == expected
    at = MarketBox(0, 0, index, index)
    assert shortfall(held, lots, (at,), MAINTENANCE) == max(0, -expected)


# hyperliquid-dex/hyperliquid-python-sdk, tests/cassettes/info_test/test_get_user_state.yaml at 7ee976d1,
# recorded 2023-03-27: coin, size, entry price, price, position value, unrealised profit; and the account's totals.
HYPERLIQUID = [
    ("BTC", "-0.00785", "26951.0", "26961.2", "211.64542", "-0.08007"),
    ("ETH", "0.1334", "1705.82", "1706.71", "227.675114", "0.118726"),
    ("ATOM", "-0.45", "10.787", "10.8", "4.86", "-0.00585"),
    ("MATIC", "76.6", "1.03483", "1.036", "79.3576", "0.089622"),
    ("DYDX", "-121.2", "2.36808", "2.37", "287.244", "-0.232704"),
    ("SOL", "7.39", "19.6789", "19.69", "145.5091", "0.082029"),
    ("AVAX", "28.3", "16.3839", "16.4", "464.12", "0.45563"),
    ("BNB", "1.916", "306.509", "306.9", "588.0204", "0.749156"),
    ("APE", "-131.8", "3.86082", "3.866", "509.5388", "-0.682724"),
    ("OP", "-76.4", "2.04459", "2.045", "156.238", "-0.031324"),
    ("LTC", "5.33", "88.0926", "88.14", "469.7862", "0.252642"),
    ("ARB", "246.5", "1.17991", "1.1798", "290.8207", "-0.027115"),
]
TOTAL_RAW_USD, ACCOUNT_VALUE = "86.549602", "1182.312496"
TOTAL_NOTIONAL, TOTAL_MARGIN_USED = "3434.815334", "171.740766"


def test_a_recorded_account_of_twelve_markets() -> None:
    """Raw USD is net of cost; margin used is the initial requirement at the account's leverage of 20."""
    book = RiskParameters.from_document(params([(coin, "0.00001", 50_000, 25_000) for coin, *_ in HYPERLIQUID]))
    prices = prices_of(round_of(oracle({coin: price for coin, _, _, price, *_ in HYPERLIQUID})), book)
    seen = report(account(TOTAL_RAW_USD, *((coin, size) for coin, size, *_ in HYPERLIQUID)), book, prices)
    assert seen.equity == Fraction(ACCOUNT_VALUE)
    assert seen.gross_notional == Fraction(TOTAL_NOTIONAL)
    assert Fraction(TOTAL_MARGIN_USED) <= seen.initial_requirement < Fraction(TOTAL_MARGIN_USED) + Fraction(1, 10**6)
    assert [p.notional for p in seen.positions] == [Fraction(row[4]) for row in HYPERLIQUID]
    with_entries = report(account("0", *(row[:3] for row in HYPERLIQUID)), book, prices)
    for position, row in zip(with_entries.positions, HYPERLIQUID, strict=True):
        # The recorded entry prices are rounded to six figures.
        assert abs(position.equity - Fraction(row[5])) < Fraction(1, 1000)


def test_the_report_of_the_formats_document() -> None:
    parameters = RiskParameters.from_document(params())
    prices = prices_of(round_of(oracle(PRICES)), parameters)
    seen = report(account("152340.25", ("BTC-USD", "-0.75", "61250.0"), ("ETH-USD", "0")), parameters, prices)
    value = seen.to_value()
    assert value.pop("widest_box_percent") == "100"
    assert value == {
        "equity": "151872.625",
        "initial_requirement": "2320.25625",
        "maintenance_requirement": "1392.15375",
        "slack": "150480.47125",
        # 151872.625 / 1392.15375 = 109.0918549...; 46405.125 / 151872.625 = 0.305552933...
        "health": value["health"],
        "leverage": value["leverage"],
        "solvent": True,
        "markets": [
            {
                "market": "BTC-USD",
                "size": "-0.75",
                "price": "61873.5",
                "notional": "46405.125",
                "equity": "-467.625",
                "initial": "2320.25625",
                "maintenance": "1392.15375",
                "liquidation_price": value["markets"][0]["liquidation_price"],
            }
        ],
        "collateral": [],
        "debts": [],
    }
    health, leverage = parse_decimal(value["health"]), parse_decimal(value["leverage"])
    assert health <= seen.equity / seen.maintenance_requirement < health + Fraction(1, 10**18)
    assert leverage >= seen.gross_notional / seen.equity > leverage - Fraction(1, 10**18)
    # 198277.75 / (0.75 * 1.03) = 256670.2265...: the last price at which it still meets maintenance, rounded down.
    assert value["markets"][0]["liquidation_price"] == "256670.226537216828478964"
    assert "152340" not in repr(seen)
    assert "0.75" not in repr(seen)


def test_without_requirement_or_equity_there_is_no_ratio() -> None:
    flat = report(account("10"), ONE, _point("100"))
    assert (flat.health, flat.leverage, flat.solvent, flat.positions) == (None, 0, True, ())
    broke = report(account("-10"), ONE, _point("100"))
    assert (broke.health, broke.leverage, broke.solvent, broke.widest_box_percent) == (None, None, False, None)
    assert not is_liquidatable(broke.equity, broke.maintenance_requirement)


@pytest.mark.parametrize(
    ("cash", "size", "expected"),
    [
        ("-90", "1", "94.736842105263157895"),  # 90 / 0.95, rounded up
        ("200", "-1", "190.47619047619047619"),  # 200 / 1.05, rounded down
        ("0", "1", None),  # solvent down to 0
        ("5", "1", None),
        ("-1", "-1", None),  # insolvent at every price
        ("-200", "1", "210.526315789473684211"),  # insolvent now: solvent again from here
    ],
)
def test_liquidation_price(cash: str, size: str, expected: str | None) -> None:
    seen = report(account(cash, ("X-USD", size)), ONE, _point("100"))
    assert seen.to_value()["markets"][0]["liquidation_price"] == expected


def test_a_rate_of_one_leaves_a_long_without_liquidation_price() -> None:
    full = RiskParameters.from_document(params([("X-USD", "1", 1_000_000, 1_000_000)]))
    seen = report(account("5", ("X-USD", "1")), full, _point("100"))
    assert seen.positions[0].liquidation_price is None
    assert seen.slack == 5


def test_the_worse_median_counts() -> None:
    band = (Band(Fraction(90), Fraction(110), Fraction(0), Fraction(0)),)
    assert report(account("0", ("X-USD", "1")), ONE, band).equity == 90
    assert report(account("0", ("X-USD", "-1")), ONE, band).equity == -110


sizes = st.integers(-(2**47), 2**47)
amounts = st.integers(-(10**30), 10**30)


@settings(max_examples=60, deadline=None)
@given(cash=amounts, q=sizes, r=sizes, p=st.integers(0, 10**22), s=st.integers(1, 10**22), percent=st.integers(0, 100))
def test_the_widest_box_is_an_edge(cash: int, q: int, r: int, p: int, s: int, percent: int) -> None:
    two = RiskParameters.from_document(params([("X-USD", "0.001", 100_000, 50_000), ("Y-USD", "10", 300_000, 20_000)]))
    prices = tuple(Band(Fraction(x, 10**15), Fraction(x, 10**15), Fraction(0), Fraction(0)) for x in (p, s))
    held = Holdings(cash, (q, r))
    widest = widest_box_percent(cross.shortfall, held, two, prices, (0, 0))

    def proves(at: Fraction) -> bool:
        return shortfall(held, two, two.box(box_around(prices, at)), MAINTENANCE) == 0

    if widest is None:
        assert not proves(Fraction(0))
    else:
        assert proves(widest)
        assert widest == 100 or not proves(widest + Fraction(1, 100))
        assert proves(min(widest, Fraction(percent)))


@settings(max_examples=60, deadline=None)
@given(cash=st.integers(-(10**6), 10**6), q=st.integers(1, 1000), side=st.sampled_from([1, -1]))
def test_liquidation_is_where_the_slack_turns(cash: int, q: int, side: int) -> None:
    held = account(str(cash), ("X-USD", str(side * q)))
    price = report(held, ONE, _point("100")).positions[0].liquidation_price
    if price is None:
        return
    step = Fraction(side, 10**18)
    for at, solvent in ((price, True), (price - step, False)):
        seen = report(held, ONE, (Band(at, at, Fraction(0), Fraction(0)),))
        assert seen.solvent is solvent
