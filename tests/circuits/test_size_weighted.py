"""perpetuals-size-weighted: chords never under-state a requirement, and over-state it by no more than is documented."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_cases import (
    check_least_between,
    check_sharp,
    is_provable,
    layout,
    needed,
    params,
    point,
    provable_cash,
    risk,
)

from circuits.boxes import ATTO, Band
from circuits.calculators import size_weighted
from circuits.chords import END, Line, lines, root_down, unit_of
from circuits.claims import INITIAL, MAINTENANCE, Claim
from circuits.layout import BASE_BITS, MAX_SIZE_BITS, _digits_of
from circuits.models import perpetuals_size_weighted
from circuits.models.perpetuals_size_weighted import _Law
from circuits.program import SIZE_BITS
from zkmargin.documents import Account
from zkmargin.errors import ContextError, InputError

FLAT = {"initial_ppm": 100_000, "maintenance_ppm": 50_000, "lot": "0.0001"}
DRIFT = FLAT | {"size_factor": "0.001"}
BTC = {"initial_ppm": 20_000, "maintenance_ppm": 10_000, "size_factor": "0.00005", "size_law": "linear"}
SOL = {"initial_ppm": 40_000, "maintenance_ppm": 20_000, "size_factor": "0.000005", "size_law": "linear"}
BOUND = {"sqrt": Fraction(5, 1000), "linear": Fraction(13, 1000)}


# Published figures


# drift-labs/protocol-v2, programs/drift/src/math/margin/tests.rs at 0272ab4355877d17a97beb0c674b073d7e77cd9f,
# spot_market_asset_weight: (base weight, factor, size, expected weight in 10^-4, rounded down).
@pytest.mark.parametrize(
    ("base", "factor", "size", "expected"),
    [
        ("1.1", "0.00001", 1000, 11000),
        ("1.1", "0.01", 1000, 11962),
        ("1.1", "0.1", 1000, 40422),
        ("0", "0.1", 1000, 31622),
    ],
)
def test_weights_of_drift(base: str, factor: str, size: int, expected: int) -> None:
    rate, one = _Law(Fraction(base), Fraction(factor), False, Fraction(1, 1000)).rates()
    assert floor(Fraction(rate(size * 1000), one) * 10**4) == expected


# The same file, calculate_user_equity_value_tests: 6.147540983 short, 10 percent, factor 0.001; cut to 10^-6.
@pytest.mark.parametrize(("price", "expected"), [(22050, 13_555_327_867), (21050, 12_940_573_769)])
def test_a_requirement_of_drift(price: int, expected: int) -> None:
    one = risk("perpetuals-size-weighted", DRIFT | {"lot": "0.000000001", "max_size": "1000"})
    lots = -6_147_540_983
    box = one.box(point(price))
    required = needed(one, [lots], box, INITIAL) + lots * price * 10**9
    assert required // 10**12 == expected
    # The rate has not begun to grow: exact.
    assert abs(provable_cash(layout(one, box, INITIAL), [lots]) - needed(one, [lots], box, INITIAL)) < required >> 16


# Deribit, "Linear Perpetual" (support.deribit.com 25944738177565), standard margin examples.
@pytest.mark.parametrize(
    ("market", "price", "size", "claim", "expected"),
    [
        (BTC, 100_000, 25, INITIAL, "53125"),
        (BTC, 100_000, 350, INITIAL, "1312500"),
        (BTC, 100_000, 25, MAINTENANCE, "28125"),
        (SOL, 200, 25, INITIAL, "200.625"),
        (SOL, 200, 6000, INITIAL, "84000"),
        (SOL, 200, 25, MAINTENANCE, "100.625"),
    ],
)
@pytest.mark.parametrize("side", [1, -1])
def test_requirements_of_deribit(
    market: dict[str, object], price: int, size: int, claim: Claim, expected: str, side: int
) -> None:
    one = risk("perpetuals-size-weighted", market)
    box, lots = one.box(point(price)), side * size * 1000
    exact = needed(one, [lots], box, claim)
    required = Fraction(expected) * ATTO
    assert exact + side * size * price * ATTO == required
    check_least_between(layout(one, box, claim), [lots], exact, exact + required * BOUND["linear"])


# The bound

lots_ = st.integers(0, 9).flatmap(lambda k: st.integers(10**k, 10 ** (k + 1))).map(lambda n: min(n, 10**9))
price = st.integers(10**6, 10**12).map(lambda n: Fraction(n, 10**6))
width = st.sampled_from(["0", "0", "0.01", "0.1", "1", "5"]).map(Fraction)
claims = st.sampled_from(["maintenance", "initial", "health>=1.5", "health>=0.5"])


@pytest.mark.parametrize("law", ["sqrt", "linear"])
@settings(max_examples=60, deadline=None)
@given(lots_, st.sampled_from([1, -1]), price, width, claims)
def test_never_below_the_rule_and_within_the_bound_above_it(
    law: str, size: int, side: int, low: Fraction, more: Fraction, claim: str
) -> None:
    market = DRIFT if law == "sqrt" else DRIFT | {"size_factor": "0.000002", "size_law": "linear"}
    one, wanted, lots = risk("perpetuals-size-weighted", market), Claim.parse(claim), side * size
    box = one.box([Band(low, low * (1 + more), Fraction(-3), Fraction(5))])
    exact = needed(one, [lots], box, wanted)
    (ends,) = box
    worst = ends.low if side > 0 else ends.high
    required = exact + lots * worst - lots * (ends.funding_high if side > 0 else ends.funding_low)
    most = exact + required * BOUND[law] + size * Fraction(worst, 2**20) + 2 * size
    check_least_between(layout(one, box, wanted), [lots], exact, most)


@settings(max_examples=60, deadline=None)
@given(lots_, st.sampled_from([1, -1]), price, width, st.sampled_from(["initial", "health>=1.5", "leverage<=3"]))
def test_without_a_factor_it_is_exact(size: int, side: int, low: Fraction, more: Fraction, claim: str) -> None:
    one = risk("perpetuals-size-weighted", FLAT)
    box = one.box([Band(low, low * (1 + more), Fraction(-3), Fraction(5))])
    made = layout(one, box, Claim.parse(claim))
    exact = needed(one, [side * size], box, Claim.parse(claim))
    check_least_between(made, [side * size], exact, exact + size)
    assert len(made.program.unknowns) == 1


def test_leverage_knows_no_factor_and_implies_nothing() -> None:
    one, cap = risk("perpetuals-size-weighted", DRIFT), Claim.parse("leverage<=10")
    assert len(layout(one, one.box(point(5)), cap).program.unknowns) == 1
    assert not cap.implies_maintenance(one)
    assert INITIAL.implies_maintenance(one)


def test_at_the_largest_size_and_above_it() -> None:
    """A proof bounds sizes by 2^50 lots at most, and not by the largest of the parameters: chords go on to there."""
    one = risk("perpetuals-size-weighted", DRIFT | {"max_size": "100"})
    box = one.box(point(100))
    made = layout(one, box, MAINTENANCE)
    for lots in (10**6, 10**6 + 1, 10**9, 10**13, 2**48 - 1):
        for side in (1, -1):
            exact = needed(one, [side * lots], box, MAINTENANCE)
            assert not is_provable(made, exact - 1, [side * lots])


def test_a_size_is_proved_to_be_below_the_end_of_the_chords() -> None:
    assert all(_digits_of(SIZE_BITS, bits) * bits <= MAX_SIZE_BITS for bits in BASE_BITS)
    assert END == 2**MAX_SIZE_BITS == 2**50


@settings(max_examples=60, deadline=None)
@given(
    start=st.integers(1, 50),
    most=st.integers(1, 10**6),
    scale=st.fractions(Fraction(1, 4), 1, max_denominator=1000),
    unit=st.sampled_from([1, 8, 1024]),
    size=st.integers(1, 10**7) | st.integers(1, 100),
)
def test_lines_are_below_any_concave_value(start: int, most: int, scale: Fraction, unit: int, size: int) -> None:
    """Whatever grid, scale and unit: even those of quite another curve."""

    def long(lots: int) -> int:
        return min(1000 * lots, 600 * lots + 12_345, 10**9)

    def short(lots: int) -> int:
        return -1000 * lots - lots * lots // 7 - 1

    made = list(lines(long, short, start=start, most=most, scale=scale, unit=unit))
    assert min(line.constant + line.long * size for line in made) <= long(size)
    assert min(line.constant + line.short * size for line in made) <= short(size)
    assert all(number % unit == 0 for line in made for number in (line.constant, line.long, line.short))
    assert made[0].constant == 0


def test_roots_and_units() -> None:
    for x in (Fraction(0), Fraction(1, 3), Fraction(1, 2**70), Fraction(1)):
        for degree in (2, 3):
            root = root_down(x, degree)
            assert root**degree <= x < (root + Fraction(1, 2**32)) ** degree
    assert [unit_of(price) for price in (0, 1, 2**21, 2**22, 2**22 - 1, 2**91 - 1)] == [1, 1, 1, 2, 1, 2**69]
    assert [*lines(lambda x: 3 * x, lambda x: -4 * x, start=END, most=5, scale=Fraction(1), unit=1)] == [Line(0, 3, -4)]


def test_the_other_direction_would_be_about_the_chords() -> None:
    """Chords make a healthy account look up to half a percent of its requirement poorer than it is."""
    one = risk("perpetuals-size-weighted", DRIFT)
    with pytest.raises(ContextError, match="cannot state") as error:
        layout(one, one.box(point(100)), Claim.parse("health<=2"))
    assert error.value.code == "claim_not_allowed"


# Deposits and debts


# The same file of Drift's tests as above: (base weight, factor, size, expected weight in 10^-4, rounded down).
@pytest.mark.parametrize(
    ("haircut_ppm", "factor", "size", "expected"),
    [
        (100_000, "0.00001", 1000, 9000),
        (100_000, "0.00001", 10**9, 8357),
        (100_000, "0.01", 1000, 8357),
        (100_000, "0.1", 1000, 2642),
        (850_000, "0.1", 100_000, 337),
        (250_000, "0.1", 100_000, 337),
    ],
)
def test_asset_weights_of_drift(haircut_ppm: int, factor: str, size: int, expected: int) -> None:
    asset = {"kind": "asset", "initial_ppm": haircut_ppm, "maintenance_ppm": 0, "lot": "0.01", "max_size": "1000000000"}
    one = risk("perpetuals-size-weighted", asset | {"size_factor": factor})
    box = one.box(point(1))
    exact = -needed(one, [size * 100, 0], box, INITIAL)
    assert exact * 10**4 // (size * ATTO) == expected
    check_least_between(layout(one, box, INITIAL), [size * 100, 0], -exact, -exact * (1 - BOUND["sqrt"]))


@settings(max_examples=60, deadline=None)
@given(lots_, lots_, price, width, st.sampled_from(["maintenance", "initial", "health>=1.5", "leverage<=3"]))
def test_deposits_and_debts_are_never_for_the_holder(
    deposited: int, owed: int, low: Fraction, more: Fraction, claim: str
) -> None:
    weights = {"initial_ppm": 200_000, "maintenance_ppm": 100_000, "short_initial_ppm": 200_000}
    asset = FLAT | weights | {"kind": "asset", "short_maintenance_ppm": 100_000, "size_factor": "0.003"}
    one, wanted = risk("perpetuals-size-weighted", asset), Claim.parse(claim)
    box = one.box([Band(low, low * (1 + more), Fraction(0), Fraction(1, 7), True)])
    made = layout(one, box, wanted)
    for amounts in ((deposited, 0), (0, owed)):
        exact = needed(one, amounts, box, wanted)
        slop = sum(amounts) * Fraction(box[0].high, 2**20) + 2 * sum(amounts)
        check_least_between(made, amounts, exact, exact + abs(exact) * BOUND["sqrt"] + slop)


# Collateral, holders, parameters


def test_collateral_and_several_markets() -> None:
    asset = {"market": "ETH", "kind": "asset", "initial_ppm": 150_000, "maintenance_ppm": 100_000}
    many = risk("perpetuals-size-weighted", FLAT, FLAT, asset)
    check_sharp(many, [10**6, -(10**7), 5000, 200], many.box(point("12.5", "0.75", 2000)), "maintenance")


def test_report() -> None:
    """1000 units at 100: sqrt(1000) rounded up, 0.8 of 10 percent, and factor 0.01."""
    one = risk("perpetuals-size-weighted", FLAT | {"size_factor": "0.01"})
    account = Account.from_value(
        {
            "schema": "zkmargin/account/v1",
            "account": "alice",
            "cash": "-50000",
            "positions": [{"market": "M0", "size": "1000"}],
        }
    )
    report = size_weighted.CALCULATOR.report(account, one, point(100), 0)
    assert report.initial_requirement == Fraction("39622.776601683793319989")
    last = report.positions[0].liquidation_price
    assert last is not None
    for at, solvent in ((last, True), (last - Fraction(1, ATTO), False)):
        assert (size_weighted.CALCULATOR.report(account, one, point(at), 0).slack >= 0) is solvent


def test_parameters() -> None:
    tiers = {"tiers": [{"above": "5", "initial_ppm": 200_000, "maintenance_ppm": 100_000}]}
    for other, why in (
        (DRIFT | tiers, "one base rate"),
        (DRIFT | {"short_initial_ppm": 5, "short_maintenance_ppm": 5}, "one base rate"),
        (DRIFT | {"kind": "asset", "size_law": "linear"}, "square root"),
        (DRIFT | {"kind": "asset"} | tiers, "square root"),
    ):
        with pytest.raises(InputError, match=why) as error:
            perpetuals_size_weighted.check(risk("perpetuals-size-weighted", other))
        assert error.value.code == "bad_params"
    with pytest.raises(InputError, match="a size law needs a size factor"):
        params("perpetuals-size-weighted", FLAT | {"size_law": "linear"})
    with pytest.raises(InputError, match="size_factor is for perpetuals-size-weighted only"):
        params("perpetuals-cross", DRIFT)
