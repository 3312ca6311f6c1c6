"""perpetuals-dydx: every rounding of dYdX v4, against its own test cases, and against the form without roundings."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from dydx_settlements import SETTLEMENTS
from hypothesis import given, settings
from hypothesis import strategies as st
from model_cases import DEBT, check_sharp, is_provable, layout, needed, params, point, provable_cash, risk

from circuits.boxes import Band, MarketBox
from circuits.calculators import dydx
from circuits.calculators.reports import is_liquidatable
from circuits.claims import INITIAL, MAINTENANCE, Claim
from circuits.holdings import holdings
from circuits.models.perpetuals_dydx import check, initial_in_force
from zkmargin.documents import Account
from zkmargin.errors import InputError

Q = 10**12
"""A quantum in atto."""

LARGE = {"initial_ppm": 50_000, "maintenance_ppm": 30_000, "maintenance_fraction_ppm": 600_000}
MID = {"initial_ppm": 100_000, "maintenance_ppm": 50_000, "maintenance_fraction_ppm": 500_000}
FRACTIONAL = {"initial_ppm": 637_239, "maintenance_ppm": 184_343, "maintenance_fraction_ppm": 289_284}
TWO = risk("perpetuals-dydx", LARGE, FRACTIONAL)

# A lot of one quantum of money: size in lots is the notional in quanta.
QUANTA = {"lot": "0.000001", "max_size": "100000000"}


# Published cases: dydxprotocol/v4-chain at 84d4664bae71e3a077adaac67fb77ad19cd28d30, and of liquidity_tier_test.go at
# 01a48f236c5640df172482db21cd26b8f28ff781.

# protocol/x/perpetuals/types/liquidity_tier_test.go, TestGetAdjustedInitialMarginPpm:
# (initial ppm, lower cap, upper cap, open notional, expected ppm), money in quanta.
ADJUSTED = [
    (200_000, 1_000_000, 2_000_000, 0, 200_000),
    (200_000, 1_000_000, 2_000_000, 1_500_000, 600_000),
    (200_000, 1_000_000, 2_000_000, 1_234_567, 387_653),
    (200_000, 1_000_000, 2_000_000, 1_000_000, 200_000),
    (200_000, 1_000_000, 2_000_000, 2_000_000, 1_000_000),
    (200_000, 1_000_000, 2_000_000, 2_500_000, 1_000_000),
]

# The same file, TestGetInitialMarginQuoteQuantums: (initial ppm, caps, open notional, notional, expected requirement).
INITIAL_REQUIREMENTS = [
    (200_000, None, 0, 500_000, 100_000),
    (500_000, None, 0, 1_000_000, 500_000),
    (100_000, None, 0, 1, 1),
    (567_243, None, 0, 123_456, 70_030),
    (200_000, None, 1_500_000_000_000, 500_000, 100_000),
    (200_000, (1_000_000_000_000, 2_000_000_000_000), 1_500_000_000_000, 500_000, 300_000),
    (200_000, (25_000_000_000_000, 50_000_000_000_000), 80_000_000_000_000, 500_000, 500_000),
    (200_000, (25_000_000_000_000, 50_000_000_000_000), 25_000_000_000_000, 500_000, 100_000),
    (200_000, (25_000_000_000_000, 60_000_000_000_000), 28_123_456_789_123, 500_000, 135_697),
]

# protocol/x/perpetuals/types/liquidity_tier_test.go, TestLiquidityTierGetMaintenanceMarginPpm.
MAINTENANCE_PPM = [
    (150_000, 800_000, 120_000),
    (450_000, 770_000, 346_500),
    (637_239, 289_284, 184_343),
    (1_000_000, 1_000_000, 1_000_000),
]

# protocol/lib/margin/risk_test.go: (net collateral, requirement, expected).
COLLATERALIZED = [(200, 100, True), (100, 100, True), (50, 100, False), (0, 0, True), (-100, 0, False)]
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


def _quanta(initial_ppm: int, caps: tuple[int, int] | None = None, fraction_ppm: int = 600_000) -> dict[str, object]:
    """A market whose price of 1 makes a lot one quantum."""
    market = QUANTA | {
        "initial_ppm": initial_ppm,
        "maintenance_fraction_ppm": fraction_ppm,
        "maintenance_ppm": initial_ppm * fraction_ppm // 10**6,
    }
    if caps is None:
        return market
    lower, upper = (f"{cap // 10**6}.{cap % 10**6:06d}" for cap in caps)
    return market | {"open_interest": {"lower": lower, "upper": upper}}


@pytest.mark.parametrize(("initial_ppm", "lower", "upper", "open_notional", "expected"), ADJUSTED)
def test_the_initial_rate_follows_open_interest(
    initial_ppm: int, lower: int, upper: int, open_notional: int, expected: int
) -> None:
    market = risk("perpetuals-dydx", _quanta(initial_ppm, (lower, upper))).markets[0]
    ends = MarketBox(Q, Q, 0, 0, open_notional)
    assert initial_in_force(market, initial_ppm, ends) == expected
    assert dydx.adjusted_initial_ppm(initial_ppm, Fraction(lower), Fraction(upper), open_notional) == expected


@pytest.mark.parametrize(("initial_ppm", "caps", "open_notional", "notional", "expected"), INITIAL_REQUIREMENTS)
@pytest.mark.parametrize("side", [1, -1])
def test_initial_requirements(
    initial_ppm: int, caps: tuple[int, int] | None, open_notional: int, notional: int, expected: int, side: int
) -> None:
    """To the atto: with cash for the requirement, less what a long is worth, it proves, and not with one less."""
    market = risk("perpetuals-dydx", _quanta(initial_ppm, caps))
    ends = (MarketBox(Q, Q, 0, 0, open_notional if caps else 0),)
    cash = (expected - side * notional) * Q
    made = layout(market, ends, INITIAL)
    assert is_provable(made, cash, [side * notional])
    assert not is_provable(made, cash - 1, [side * notional])
    assert needed(market, [side * notional], ends, INITIAL) == cash


@pytest.mark.parametrize(("initial_ppm", "fraction_ppm", "expected"), MAINTENANCE_PPM)
def test_maintenance_is_a_fraction_of_initial(initial_ppm: int, fraction_ppm: int, expected: int) -> None:
    market = _quanta(initial_ppm, fraction_ppm=fraction_ppm)
    assert market["maintenance_ppm"] == expected
    risk("perpetuals-dydx", market)
    with pytest.raises(InputError, match="maintenance fraction of the initial rate"):
        risk("perpetuals-dydx", market | {"maintenance_ppm": expected - 1})


@pytest.mark.parametrize(("collateral", "requirement", "expected"), COLLATERALIZED)
@pytest.mark.parametrize("claim", [INITIAL, MAINTENANCE], ids=str)
def test_collateralized_as_dydx_says(collateral: int, requirement: int, expected: bool, claim: Claim) -> None:
    market = risk("perpetuals-dydx", _quanta(100_000, fraction_ppm=1_000_000))
    lots = 10 * requirement
    box = market.box(point(1))
    made = layout(market, box, claim)
    assert is_provable(made, (collateral - lots) * Q, [lots]) is expected
    assert is_provable(made, (collateral + lots) * Q, [-lots]) is expected


@pytest.mark.parametrize(("collateral", "requirement", "expected"), LIQUIDATABLE)
def test_liquidatable_as_dydx_says(collateral: int, requirement: int, expected: bool) -> None:
    """The negation of maintenance, but for an account without positions: in debt, and nothing to liquidate."""
    market = risk("perpetuals-dydx", _quanta(100_000, fraction_ppm=1_000_000))
    made = layout(market, market.box(point(1)), MAINTENANCE)
    solvent = is_provable(made, (collateral + 10 * requirement) * Q, [-10 * requirement])
    assert is_liquidatable(Fraction(collateral), Fraction(requirement)) is expected
    assert expected is (requirement > 0 and not solvent)


@pytest.mark.parametrize(("index", "size", "since", "expected_ppm"), SETTLEMENTS)
def test_funding_settles_as_dydx_says(index: int, size: int, since: int, expected_ppm: int) -> None:
    """An index is ppm of a quantum for each lot: 10^6 atto a lot."""
    market = risk("perpetuals-dydx", _quanta(50_000))
    then, now = ((MarketBox(Q, Q, F * 10**6, F * 10**6),) for F in (since, index))
    paid = needed(market, [size], then, MAINTENANCE) - needed(market, [size], now, MAINTENANCE)
    assert paid == expected_ppm * 10**6
    check_sharp(market, [size], now, "maintenance")


@given(
    st.integers(-(10**9), 10**9),
    st.integers(-(10**12), 10**12),
    st.integers(-(10**6), 10**6),
)
def test_rounding_the_sum_of_funding_changes_no_verdict(quote_quanta: int, index: int, lots: int) -> None:
    """dYdX adds floor(sum of payments): everything else is whole quanta, so that the sum itself has the same sign."""
    market = risk("perpetuals-dydx", _quanta(50_000))
    box = (MarketBox(Q, Q, index, index),)
    settled = quote_quanta + (-index * lots) // Q
    maintenance = dydx.margin_requirements(abs(lots), 50_000, 600_000, 50_000)[1]
    solvent = settled + lots - maintenance >= 0
    assert (needed(market, [lots], box, MAINTENANCE) <= quote_quanta * Q) is solvent


# Against the calculator

price = st.integers(1, 10**12).map(lambda n: Fraction(n, 10**6))
index = st.integers(-(10**9), 10**9).map(lambda n: Fraction(n, 10**9))
claims = st.sampled_from(["maintenance", "initial", "health>=1.25", "health>=0.3", "leverage<=3", "leverage<=0.7"])
lots = st.integers(-(10**8), 10**8) | st.integers(-3, 3)


@st.composite
def bands(draw: st.DrawFn) -> Band:
    low, F_low = draw(price), draw(index)
    wide = draw(st.booleans())
    high = low * (1 + draw(st.fractions(0, 1, max_denominator=100))) if wide else low
    return Band(low, high, F_low, F_low + (draw(st.just(Fraction(1, 7))) if wide else 0))


@settings(max_examples=60, deadline=None)
@given(st.tuples(lots, lots), st.tuples(bands(), bands()), claims)
def test_provable_exactly_when_the_calculator_says_so(
    sizes: tuple[int, int], box: tuple[Band, Band], claim: str
) -> None:
    check_sharp(TWO, sizes, TWO.box(box), claim)


@settings(max_examples=60, deadline=None)
@given(st.tuples(lots, lots), st.tuples(price, price))
def test_three_quanta_a_market_are_the_roundings(sizes: tuple[int, int], prices: tuple[Fraction, Fraction]) -> None:
    """-2 < slack without roundings - slack < 3 quanta a position: 3 n quanta of the one are solvency in the other."""
    same = replace(TWO, model="perpetuals-cross")
    box = TWO.box(point(*prices))
    rounded = needed(TWO, sizes, box, MAINTENANCE)
    exact = Fraction(0)
    for market, size, ends in zip(TWO.markets, sizes, box, strict=True):
        initial_ppm, fraction_ppm = market.fraction_of_initial or (0, 0)
        exact -= ends.low * (size - abs(size) * Fraction(initial_ppm * fraction_ppm, 10**12))
    positions = sum(map(bool, sizes))
    assert positions == 0 or -3 * positions * Q < exact - rounded < 2 * positions * Q
    assert rounded <= exact + 3 * 2 * Q
    # As perpetuals-cross proves it, with the rate to whole ppm where the fraction is exact.
    if not sizes[1]:
        assert rounded <= needed(same, sizes, box, MAINTENANCE) + 3 * Q


@settings(max_examples=40, deadline=None)
@given(
    lots, price, st.fractions(0, 1, max_denominator=100), st.lists(st.fractions(0, 1, max_denominator=9), max_size=5)
)
def test_a_box_holds_for_every_price_in_it(size: int, low: Fraction, width: Fraction, within: list[Fraction]) -> None:
    """And understates by at most rate times width a long lot, and two quanta."""
    one = risk("perpetuals-dydx", LARGE)
    box = one.box([Band(low, low * (1 + width), Fraction(0), Fraction(0))])
    (ends,) = box
    enough = provable_cash(layout(one, box, MAINTENANCE), [size])
    prices = [ends.low, ends.high, *(ends.low + int(x * (ends.high - ends.low)) for x in within)]
    points = [needed(one, [size], (MarketBox(p, p, 0, 0),), MAINTENANCE) for p in prices]
    assert enough >= max(points)
    assert enough <= max(points) + Fraction(3, 100) * max(size, 0) * (ends.high - ends.low) + 2 * Q


def test_a_long_counts_at_the_low_and_requires_at_the_high_price() -> None:
    """Both at the low one would be exact for health up to 1, and not provable rounding by rounding above it: the
    requirement rises by whole quanta, and 5/4 of one is more than the notional that brought it."""
    one = risk("perpetuals-dydx", _quanta(1_000_000, fraction_ppm=1_000_000))
    box = (MarketBox(Q, 2 * Q, 0, 0),)
    assert needed(one, [100], box, MAINTENANCE) == (200 - 100) * Q
    check_sharp(one, [100], box, "maintenance")


# The account of a holder


def test_report_in_quanta() -> None:
    """BTC at its price of genesis (protocol/testing/mainnet/genesis.json): 0.0001 BTC is worth 2.868819 dollars."""
    parameters = risk("perpetuals-dydx", LARGE | {"lot": "0.0001"})
    account = Account.from_value(
        {
            "schema": "zkmargin/account/v1",
            "account": "alice",
            "cash": "-2.8",
            "positions": [{"market": "M0", "size": "0.0001"}],
        }
    )
    report = dydx.CALCULATOR.report(account, parameters, point("28688.19524"), 0)
    assert report.equity == Fraction("0.068819")
    assert report.initial_requirement == Fraction("0.143441")
    assert report.maintenance_requirement == Fraction("0.086065")
    assert not report.solvent
    held = holdings(account, parameters, point("28688.19524"))
    short = dydx.CALCULATOR.shortfall(held, parameters, parameters.box(point("28688.19524")), MAINTENANCE, (0, 0))
    assert short == Fraction("0.017246") * 10**18
    (position,) = report.positions
    last = position.liquidation_price
    assert last is not None
    for at, solvent in ((last, True), (last - Fraction(1, 10**18), False)):
        assert (dydx.CALCULATOR.report(account, parameters, point(at), 0).slack >= 0) is solvent


# What the model does not have


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"liquidation_fee_ppm": 1}, "liquidation fees"),
        ({"calm_volatility": "0.5"}, "volatility"),
        ({"short_initial_ppm": 5, "short_maintenance_ppm": 5}, "shorts"),
        ({"tiers": [{"above": "5", "initial_ppm": 60_000, "maintenance_ppm": 40_000}]}, "tiers"),
    ],
)
def test_what_it_does_not_have_is_refused(other: dict[str, object], why: str) -> None:
    with pytest.raises(InputError, match=why) as error:
        check(risk("perpetuals-dydx", LARGE | other))
    assert error.value.code == "bad_params"


def test_every_market_names_its_fraction() -> None:
    with pytest.raises(InputError, match="maintenance fraction of M1"):
        check(risk("perpetuals-dydx", LARGE, {"initial_ppm": 50_000, "maintenance_ppm": 30_000}))
    with pytest.raises(InputError, match="maintenance_fraction_ppm is for perpetuals-dydx only"):
        params("perpetuals-cross", LARGE)


def test_a_cap_of_leverage_does_not_imply_maintenance() -> None:
    """A notional of one quantum requires a whole quantum: twice leverage asks for half of one."""
    one = risk("perpetuals-dydx", LARGE)
    assert not Claim.parse("leverage<=2").implies_maintenance(one)
    assert INITIAL.implies_maintenance(one)
    tiny = risk("perpetuals-dydx", _quanta(50_000))
    box = tiny.box(point(1))
    assert needed(tiny, [1], box, Claim.parse("leverage<=2")) < needed(tiny, [1], box, MAINTENANCE)


def test_health_at_most_is_exact_too() -> None:
    """The opposite of a rule with quotients: what is provable at most is what the calculator says."""
    at_most = Claim.parse("health<=1.25")
    box = TWO.box(point("1.234567", "98.7654321"))
    sizes = [1234, -567]
    zero = needed(TWO, sizes, box, Claim.parse("health>=1.25"))
    made = layout(TWO, box, at_most)
    assert is_provable(made, zero, sizes)
    assert not is_provable(made, zero + 1, sizes)
    assert zero > DEBT
