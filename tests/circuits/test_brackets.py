"""Rates in tiers, collateral and debts: against the calculator, to the last atto, and against published tables."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

from circuits import statement
from circuits.boxes import ATTO, Band
from circuits.calculators import cross
from circuits.claims import INITIAL, MAINTENANCE, Claim, Claims
from circuits.holdings import Holdings
from circuits.layout import Layout
from circuits.markets import RiskParameters
from circuits.models import perpetuals_brackets
from zkmargin import range_argument
from zkmargin.documents import Account, Params
from zkmargin.errors import InputError, WitnessError
from zkmargin.pedersen import Opening, commit

NOW = (0, 1)


def _risk(*markets: dict[str, Any], model: str = "perpetuals-brackets") -> RiskParameters:
    value = {"schema": Params.SCHEMA, "venue": "v", "version": 1, "model": model, "quote": "USD"}
    return RiskParameters.from_document(Params.from_value(value | {"markets": list(markets)}))


def _tiers(*tiers: tuple[str, int, int]) -> list[dict[str, Any]]:
    return [{"above": above, "initial_ppm": i, "maintenance_ppm": m} for above, i, m in tiers]


def _market(name: str, initial_ppm: int, maintenance_ppm: int, **other: Any) -> dict[str, Any]:
    fields = {"market": name, "lot": "0.001", "initial_ppm": initial_ppm, "maintenance_ppm": maintenance_ppm}
    return fields | {"max_size": "1000000"} | other


def _layout(risk: RiskParameters, bands: Sequence[Band], claim: str = "maintenance") -> Layout:
    return statement.layout(risk, risk.box(bands), Claims.parse(claim), NOW)


def _point(price: Fraction | int | str, index: Fraction | int = 0, *, interest: bool = False) -> Band:
    return Band(Fraction(price), Fraction(price), Fraction(index), Fraction(index), interest)


def _least_cash(risk: RiskParameters, bands: Sequence[Band], sizes: Sequence[int], claim: str = "maintenance") -> int:
    """What the calculator says is enough."""
    huge = 10**40
    held = Holdings(-huge, tuple(sizes))
    return cross.shortfall(held, risk, risk.box(bands), Claim.parse(claim), NOW) - huge


def _edge(layout: Layout, cash: int, sizes: Sequence[int]) -> None:
    """``cash`` proves, and an atto less does not."""
    layout.assign([cash, *sizes])
    with pytest.raises(WitnessError) as error:
        layout.assign([cash - 1, *sizes])
    assert error.value.code == "not_provable"


# Against the calculator

STEEP = _tiers(("50000", 30_000, 15_000), ("250000", 60_000, 30_000), ("1000000.5", 500_000, 333_333))
HAIRCUTS = {"kind": "asset", "short_initial_ppm": 100_000, "short_maintenance_ppm": 50_000}
BOOK = _risk(
    *(_market(f"P{i}", 20_000, 10_000, tiers=STEEP, max_size="100000") for i in range(3)),
    _market("ETH", 150_000, 100_000, tiers=_tiers(("100000", 250_000, 200_000)), max_size="100000", **HAIRCUTS),
    _market("USDC", 0, 0, kind="asset"),
)
CLAIMS = ["maintenance", "initial", "health>=1.3", "health>=120", "leverage<=7.3", "leverage<=0.7", "survives>=12.5"]


def _drawn(rng: random.Random) -> tuple[list[Band], list[int], str]:
    bands = []
    for i in range(5):
        low = Fraction(rng.randrange(1, 10**9), 10**6)
        high = low * (1 + Fraction(rng.choice([0, rng.randrange(100)]), 100))
        index = Fraction(rng.randrange(0 if i > 2 else -(10**5), 10**5), 10**6)
        bands.append(Band(low, high, index, index + rng.choice([0, Fraction(1, 7)]), i > 2))
    sizes = [rng.choice([-1, 0, 1]) * rng.randrange(10 ** rng.randrange(1, 9)) for _ in range(3)]
    sizes += [rng.choice([0, rng.randrange(10 ** rng.randrange(1, 9))]) for _ in range(4)]
    return bands, sizes, rng.choice(CLAIMS)


@pytest.mark.parametrize("seed", range(60))
def test_provable_exactly_when_the_calculator_says_so(seed: int) -> None:
    """Boxes with width in price and index, rates above 1, debts with interest, long, short and no positions."""
    bands, sizes, claim = _drawn(random.Random(seed))
    box = Claim.parse(claim).over(BOOK.box(bands), BOOK)
    huge = 10**40
    missing = cross.shortfall(Holdings(-huge, tuple(sizes)), BOOK, box, Claim.parse(claim), NOW)
    _edge(_layout(BOOK, bands, claim), missing - huge, sizes)


@pytest.mark.parametrize("seed", [3, 11])
def test_with_the_real_proof_system(seed: int) -> None:
    bands, sizes, claim = _drawn(random.Random(seed))
    layout = _layout(BOOK, bands, claim)
    values = [10**30, *sizes]
    openings = [Opening(value, 10**30 + j) for j, value in enumerate(values)]
    proof = range_argument.prove(layout.relation, openings, layout.assign(values), context=b"test")
    range_argument.verify(layout.relation, [commit(opening) for opening in openings], proof, context=b"test")


@pytest.mark.parametrize("seed", range(30))
def test_at_the_least_provable_cash_every_point_of_the_box_is_solvent(seed: int) -> None:
    """From the definition, slice by slice, at corners and inside. Tier edges lie inside the boxes."""
    rng = random.Random(seed)
    tiers = _tiers(("120", 200_000, 100_000), ("150", 700_000, 600_000), ("1000", 10**6, 10**6))
    risk = _risk(_market("X", 20_000, 10_000, lot="1", tiers=tiers))
    band = Band(Fraction(90), Fraction(rng.randint(90, 900)), Fraction(-3), Fraction(rng.randint(-3, 5)))
    claim = rng.choice(["maintenance", "initial", "health>=2.5"])
    size = rng.choice([-1, 1]) * rng.randint(1, 5)
    cash = Fraction(_least_cash(risk, [band], [size], claim), ATTO)
    rates = Claim.parse(claim).rates(risk.markets[0])
    slacks = []
    for price in (band.low, band.high, Fraction(120), Fraction(150), *(rng.randint(90, 900) for _ in range(20))):
        if not band.low <= price <= band.high:
            continue
        notional, required = abs(size) * price, Fraction(0)
        for n, tier in enumerate(rates):
            top = rates[n + 1].above if n + 1 < len(rates) else notional
            required += tier.long * max(Fraction(0), min(notional, top) - tier.above)
        slacks += [cash + size * (price - index) - required for index in (band.funding_low, band.funding_high)]
    assert min(slacks) >= 0
    assert min(slacks) <= Fraction(abs(size) * 5 + 5, ATTO)


def test_a_market_without_tiers_costs_what_it_does_under_perpetuals_cross() -> None:
    markets = [_market("A", 50_000, 30_000), _market("B", 50_000, 30_000, lot="1")]
    bands = [Band(Fraction(90), Fraction(110), Fraction(-1), Fraction(1)), _point(7)]
    flat, tiered = (_layout(_risk(*markets, model=name), bands) for name in ("perpetuals-cross", "perpetuals-brackets"))
    assert flat.relation.digest == tiered.relation.digest


def test_flat_rates_are_all_that_perpetuals_cross_has() -> None:
    short = {"short_initial_ppm": 60_000, "short_maintenance_ppm": 40_000}
    for market in (_market("A", 20_000, 10_000, tiers=STEEP), _market("A", 50_000, 30_000, **short)):
        with pytest.raises(InputError, match="use perpetuals-brackets") as error:
            _layout(_risk(market, model="perpetuals-cross"), [_point(1)])
        assert error.value.code == "bad_params"


def test_shorts_may_have_rates_of_their_own() -> None:
    risk = _risk(_market("A", 500_000, 250_000, short_initial_ppm=500_000, short_maintenance_ppm=300_000, lot="1"))
    for size, required in ((10, 250), (-10, 300)):
        worth = 100 * size
        layout = _layout(risk, [_point(100)])
        _edge(layout, (required - worth) * ATTO, [size])


# The mistakes to look for


def test_the_tier_of_a_position_is_not_the_holders_choice() -> None:
    """9 units at 100 are worth 900: 10 % of 500, then 50 % of 400. The first tier alone would ask for 90."""
    risk = _risk(_market("A", 100_000, 100_000, lot="1", tiers=_tiers(("500", 500_000, 500_000))))
    layout = _layout(risk, [_point(100)])
    for size in (9, -9):
        _edge(layout, (250 - 100 * size) * ATTO, [size])


def test_a_rate_above_one_in_the_upper_tier_is_worst_at_the_high_price() -> None:
    """Health 3 at 50 %: above 100, a long loses half of what it gains. From 200 to 1000 the high end is worst."""
    risk = _risk(_market("A", 500_000, 100_000, lot="1", tiers=_tiers(("100", 500_000, 500_000))))
    band = Band(Fraction(200), Fraction(1000), Fraction(0), Fraction(0))
    required = 30 + 900 * Fraction(3, 2)
    _edge(_layout(risk, [band], "health>=3"), int(required - 1000) * ATTO, [1])


def test_debts_grow_and_collateral_does_not() -> None:
    """The index of an asset is interest: it raises what is owed, and nothing else."""
    risk = _risk(_market("ETH", 200_000, 100_000, lot="1", kind="asset", short_initial_ppm=0, short_maintenance_ppm=0))
    for index in (0, Fraction(1, 4)):
        layout = _layout(risk, [_point(100, index, interest=True)])
        _edge(layout, -90 * ATTO, [1, 0])
        _edge(layout, int(100 * (1 + index)) * ATTO, [0, 1])
        _edge(layout, int(100 * (1 + index) - 90) * ATTO, [1, 1])


def test_what_is_deposited_beyond_a_tier_counts_less() -> None:
    """Of 3 units at 100, the first 150 count 90 %, the rest 50 %."""
    tiers = _tiers(("150", 500_000, 500_000))
    risk = _risk(_market("ETH", 100_000, 100_000, lot="1", kind="asset", tiers=tiers), model="perpetuals-cross")
    layout = _layout(risk, [_point(100, interest=True)])
    for held, counted in ((1, 90), (2, 160), (3, 210)):
        _edge(layout, -counted * ATTO, [held, 0])


def test_an_amount_below_zero_is_no_collateral() -> None:
    """A debt below zero would be money."""
    risk = _risk(_market("ETH", 100_000, 100_000, lot="1", kind="asset"), model="perpetuals-cross")
    layout = _layout(risk, [_point(100, interest=True)])
    for held in ([-1, 0], [0, -1]):
        with pytest.raises(WitnessError) as error:
            layout.assign([10**30, *held])
        assert error.value.code == "above_range"


def test_the_largest_tiers_do_not_wrap() -> None:
    """Every parameter at its end: sizes of 2^48 lots at 2^91 atto, tiers up to the greatest edge, health 1000."""
    tiers = _tiers(*((str(10**24 - 14 + n), 10**6, 10**6) for n in range(14)))
    lots = str(2**48 - 1)
    markets = [_market(f"M{n}", 10**6, 10**6 - 1, lot="1", max_size=lots, tiers=tiers) for n in range(20)]
    edge = Fraction(2**91 - 1, ATTO)
    risk = _risk(*markets)
    layout = _layout(risk, [Band(edge, edge, -edge, edge)] * 20, "health>=1000")
    assert layout.relation.J == 21


# Published tables

# freqtrade/freqtrade, freqtrade/exchange/binance_leverage_tiers.json at c9ae5e1e (2024-10-24): answers of Binance
# USD-M. Of each bracket: notional floor, maintenance rate in ppm, initial leverage, and ``cum``, the "maintenance
# amount" that the venue deducts from rate * notional.
BINANCE = {
    "BTC/USDT": [
        (0, 4_000, 125, "0"),
        (50_000, 5_000, 100, "50"),
        (600_000, 6_500, 75, "950"),
        (3_000_000, 10_000, 50, "11450"),
        (12_000_000, 20_000, 25, "131450"),
        (70_000_000, 25_000, 20, "481450"),
        (100_000_000, 50_000, 10, "2981450"),
        (230_000_000, 100_000, 5, "14481450"),
        (480_000_000, 125_000, 4, "26481450"),
        (600_000_000, 150_000, 3, "41481450"),
        (800_000_000, 250_000, 2, "121481450"),
        (1_200_000_000, 500_000, 1, "421481450"),
    ],
    "SOL/USDT": [
        (0, 5_000, 100, "0"),
        (20_000, 6_500, 75, "30"),
        (100_000, 10_000, 50, "380"),
        (800_000, 20_000, 25, "8380"),
        (4_000_000, 25_000, 20, "28380"),
        (8_000_000, 50_000, 10, "228380"),
        (40_000_000, 100_000, 5, "2228380"),
        (80_000_000, 125_000, 4, "4228380"),
        (100_000_000, 250_000, 2, "16728380"),
        (200_000_000, 500_000, 1, "66728380"),
    ],
    "ETH/BTC": [
        (0, 5_000, 100, "0"),
        (5, 6_000, 75, "0.005"),
        (10, 10_000, 50, "0.045"),
        (100, 20_000, 20, "1.045"),
        (400, 25_000, 10, "3.045"),
        (800, 50_000, 8, "23.045"),
        (1_500, 100_000, 5, "98.045"),
        (2_000, 125_000, 4, "148.045"),
        (3_000, 250_000, 2, "523.045"),
        (5_000, 500_000, 1, "1773.045"),
    ],
}  # fmt: skip

# hyperliquid.gitbook.io/hyperliquid-docs/trading/margin-tiers, mainnet: lower bound of the notional, greatest leverage.
# The maintenance rate is half of the initial rate at it; deduction_n = deduction_(n-1) + lower_n (rate_n - rate_(n-1)).
HYPERLIQUID = {
    "BTC": [(0, 40), (150_000_000, 20)],
    "ETH": [(0, 25), (100_000_000, 15)],
    "SOL": [(0, 20), (70_000_000, 10)],
    "XRP": [(0, 20), (40_000_000, 10)],
    "DOGE": [(0, 10), (20_000_000, 5)],
    "OP": [(0, 10), (3_000_000, 5)],
}


def _binance(symbol: str, **other: Any) -> RiskParameters:
    (_, maintenance, leverage, _), *above = BINANCE[symbol]
    tiers = _tiers(*((str(floor), -(-(10**6) // most), ppm) for floor, ppm, most, _ in above))
    return _risk(_market(symbol, 10**6 // leverage, maintenance, tiers=tiers, lot="0.0001", **other))


@pytest.mark.parametrize("symbol", BINANCE)
def test_deductions_are_the_maintenance_amounts_of_binance(symbol: str) -> None:
    risk = _binance(symbol)
    scope = perpetuals_brackets.scope(risk, risk.box([_point(1)]), MAINTENANCE, NOW)
    (market,) = scope["market"]
    published = [Fraction(cum) for *_, cum in BINANCE[symbol]]
    assert [tier["c"] / ATTO for tier in market["tier"]] == published
    assert [deduction for _, deduction in cross._pieces(risk.markets[0], 1, MAINTENANCE)] == published


@pytest.mark.parametrize("symbol", BINANCE)
def test_maintenance_is_rate_times_notional_less_the_published_amount(symbol: str) -> None:
    """In every bracket and at every edge, long and short, to the last atto of a proof."""
    risk, unit = _binance(symbol), Fraction("0.0001")
    layout = _layout(risk, [_point(1)])
    for n, (floor, ppm, _, cum) in enumerate(BINANCE[symbol]):
        edges = [edge for edge, *_ in BINANCE[symbol][n + 1 : n + 2]] or [2 * floor]
        for notional in (floor, Fraction(floor + edges[0], 2), edges[0]):
            required = notional * Fraction(ppm, 10**6) - Fraction(cum)
            for side in (1, -1):
                size = side * Fraction(notional)
                if abs(size) > 10**6:  # more than max_size in units of 1: at a price of 10000 instead
                    continue
                cash = (required - size) * ATTO
                assert cash.denominator == 1
                _edge(layout, int(cash), [int(size / unit)])
                assert cross._required(risk.markets[0], size, Fraction(1), MAINTENANCE) == required


@pytest.mark.parametrize("coin", HYPERLIQUID)
def test_maintenance_of_hyperliquid_is_half_the_initial_rate_less_a_deduction(coin: str) -> None:
    (_, first), (lower, second) = HYPERLIQUID[coin]
    market = _market(coin, 10**6 // first, 10**6 // first // 2, tiers=[], max_size="1000000000")
    market["tiers"] = _tiers((str(lower), -(-(10**6) // second), 10**6 // second // 2))
    risk = _risk(market)
    rates = [Fraction(10**6 // most // 2, 10**6) for most in (first, second)]
    deduction = lower * (rates[1] - rates[0])
    for notional, required in (
        (lower, rates[0] * lower),
        (2 * lower, rates[1] * 2 * lower - deduction),
        (lower + 1, rates[0] * lower + rates[1]),
    ):
        assert cross._required(risk.markets[0], Fraction(-notional), Fraction(1), MAINTENANCE) == required
        _edge(_layout(risk, [_point(1)]), int((required + notional) * ATTO), [-notional * 1000])


# Liquidation prices


def _liquidation(risk: RiskParameters, cash: str, size: str, price: str, **position: str) -> Fraction | None:
    (market,) = risk.markets
    value = {"schema": Account.SCHEMA, "account": "a", "cash": cash}
    held = Account.from_value(value | {"positions": [{"market": market.name, "size": size, **position}]})
    return cross.report(held, risk, [_point(price)], 0).positions[0].liquidation_price


def test_a_published_liquidation_price_of_hyperliquid() -> None:
    """hyperliquid-docs, for-developers/api/info-endpoint/perpetuals, clearinghouseState: 0.0335 ETH, raw USD
    -95.059824, greatest leverage 50, so maintenance at 1 %; "liquidationPx": "2866.26936529"."""
    risk = _risk(_market("ETH", 20_000, 10_000, lot="0.0001"))
    price = _liquidation(risk, "-95.059824", "0.0335", "2985.9")
    assert price is not None
    # Raw USD is published with six decimals and the price with eight: half of the last digit of each.
    tolerance = Fraction(1, 2 * 10**6) / (Fraction("0.0335") * Fraction(99, 100)) + Fraction(1, 2 * 10**8)
    assert abs(price - Fraction("2866.26936529")) < tolerance


@pytest.mark.parametrize(("side", "price"), [(1, 60_000), (-1, 60_000), (1, 90_000), (-1, 20_000)])
@pytest.mark.parametrize("size", [1, 7, 40, 150, 900])
def test_liquidation_prices_are_those_of_the_formula_of_binance(side: int, price: int, size: int) -> None:
    """binance.com, "How to calculate liquidation price of USD-M futures contracts", one position, cross:

        (wallet balance + cum - side * size * entry price) / (size * rate - side * size)

    with rate and cum of the bracket in which the position is at that price."""
    risk = _binance("BTC/USDT")
    entry, wallet = Fraction(55_000), Fraction(size * 9_000)
    found = _liquidation(risk, str(wallet), str(side * size), str(price), entry_price=str(entry))
    assert found is not None
    *_, (_, ppm, _, cum) = (bracket for bracket in BINANCE["BTC/USDT"] if bracket[0] <= size * found)
    rate = Fraction(ppm, 10**6)
    formula = (wallet + Fraction(cum) - side * size * entry) / (size * rate - side * size)
    assert 0 <= side * (found - formula) < Fraction(1, ATTO)


def test_at_its_liquidation_price_an_account_is_on_the_edge() -> None:
    risk = _binance("BTC/USDT")
    for size in (-900, -3, 2, 800):
        cash = str(-size * 60_000 + abs(size) * 8_000)
        price = _liquidation(risk, cash, str(size), "60000")
        assert price is not None
        step = Fraction(1 if size > 0 else -1, ATTO)
        for at, solvent in ((price, True), (price - step, False)):
            held = Account.from_value(
                {"schema": Account.SCHEMA, "account": "a", "cash": cash}
                | {"positions": [{"market": "BTC/USDT", "size": str(size)}]}
            )
            assert cross.report(held, risk, [_point(at)], 0).solvent is solvent


def test_initial_requirements_use_the_initial_rates_of_the_tiers() -> None:
    risk = _binance("SOL/USDT")
    required = cross._required(risk.markets[0], Fraction(-150), Fraction(1000), INITIAL)
    assert required == 20_000 * Fraction(1, 100) + 80_000 * Fraction(13_334, 10**6) + 50_000 * Fraction(2, 100)
