"""perpetuals-steps: the rate of one tier for the whole position, told by size or by value."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_cases import check_sharp, is_provable, layout, needed, params, point, risk

from circuits.boxes import ATTO, Band, MarketBox
from circuits.calculators import steps
from circuits.claims import MAINTENANCE, Claim
from circuits.models import perpetuals_steps
from circuits.program import Program, evaluate
from zkmargin.documents import Account
from zkmargin.errors import ContextError, InputError, WitnessError

TIERS = [
    {"above": "50", "initial_ppm": 70_000, "maintenance_ppm": 45_000},
    {"above": "2500.0005", "initial_ppm": 160_000, "maintenance_ppm": 90_000},
    {"above": "10000", "initial_ppm": 500_000, "maintenance_ppm": 333_333},
]
BASE = {"initial_ppm": 20_000, "maintenance_ppm": 12_000, "tiers": TIERS}
BY_SIZE = BASE | {"tiers_by": "size"}
BOTH = risk("perpetuals-steps", BY_SIZE, BASE)

# 1 percent up to a value of 100, 50 percent of everything above; one unit is one lot.
CLIFF: dict[str, Any] = {
    "lot": "1",
    "initial_ppm": 10_000,
    "maintenance_ppm": 10_000,
    "tiers": [{"above": "100", "initial_ppm": 500_000, "maintenance_ppm": 500_000}],
}

price = st.integers(0, 10**12).map(lambda n: Fraction(n, 10**6))
lots = st.integers(-(10**8), 10**8) | st.integers(-60_000, 60_000) | st.sampled_from([50_000, 50_001, -50_000, -50_001])
claims = st.sampled_from(["maintenance", "initial", "health>=1.25", "health>=120", "leverage<=3", "leverage<=0.7"])


@st.composite
def bands(draw: st.DrawFn) -> Band:
    low = draw(price)
    high = low * (1 + draw(st.sampled_from([Fraction(0), Fraction(1, 10), Fraction(1)])))
    return Band(low, high, Fraction(-1, 3), draw(st.sampled_from([Fraction(-1, 3), Fraction(2, 7)])))


@settings(max_examples=60, deadline=None)
@given(st.tuples(lots, lots), st.tuples(bands(), bands()), claims)
def test_provable_exactly_when_the_calculator_says_so(
    sizes: tuple[int, int], box: tuple[Band, Band], claim: str
) -> None:
    check_sharp(BOTH, sizes, BOTH.box(box), claim)


@settings(max_examples=60, deadline=None)
@given(st.tuples(lots, lots), st.tuples(bands(), bands()), claims, st.fractions(0, 1, max_denominator=50))
def test_a_box_holds_for_every_price_in_it(
    sizes: tuple[int, int], box: tuple[Band, Band], claim: str, share: Fraction
) -> None:
    """And is exact where no price of it changes a tier, by size always."""
    wanted = Claim.parse(claim)
    whole = needed(BOTH, sizes, BOTH.box(box), wanted)
    points = []
    for s in (Fraction(0), share, Fraction(1)):
        inside = [
            Band(*[band.low + s * (band.high - band.low)] * 2, band.funding_low, band.funding_high) for band in box
        ]
        points.append(needed(BOTH, sizes, BOTH.box(inside), wanted))
    slop = sum(map(abs, sizes)) * 4
    assert whole >= max(points) - slop * 130
    if not sizes[1] and claim != "health>=120":
        assert whole <= max(points) + slop


def test_the_top_of_a_tier_belongs_to_it() -> None:
    """StarkEx takes the first segment whose upper bound is at least the size: the bound is inside."""
    box = BOTH.box(point("100", "100"))
    for size, rate in ((50_000, 12), (50_001, 45), (-50_000, 12), (-50_001, 45)):
        required = needed(BOTH, [size, 0], box, MAINTENANCE) + size * ATTO // 10
        assert required == abs(size) * ATTO // 10 * rate // 1000
    for size, rate in ((500, 12), (501, 45)):
        required = needed(BOTH, [0, size], box, MAINTENANCE) + size * ATTO // 10
        assert required == size * ATTO // 10 * rate // 1000
        check_sharp(BOTH, [0, size], box, "maintenance")


def test_the_ends_of_a_box_say_nothing_about_steps_by_value() -> None:
    """One unit, cash -60: slack 39 at 100 and 15 at 150, and -9.5 at 101. A proof over [100, 150] needs 10 more."""
    one = risk("perpetuals-steps", CLIFF)
    slack = {at: -60 - Fraction(needed(one, [1], one.box(point(at)), MAINTENANCE), ATTO) for at in (100, 101, 150)}
    assert slack == {100: 39, 101: Fraction("-9.5"), 150: 15}
    box = one.box([Band(Fraction(100), Fraction(150), Fraction(0), Fraction(0))])
    made = layout(one, box, MAINTENANCE)
    assert not is_provable(made, -60 * ATTO, [1])
    assert is_provable(made, -50 * ATTO, [1])
    check_sharp(one, [1], box, "maintenance")


def test_a_tier_that_is_too_low_cannot_be_chosen() -> None:
    """Whatever bits a prover puts: only tiers that the size fits into are open, so that the slack is the rule's."""
    one = risk("perpetuals-steps", CLIFF | {"tiers_by": "size"})
    made = layout(one, one.box(point(1)), MAINTENANCE)
    cash = needed(one, [101], one.box(point(1)), MAINTENANCE)
    assert cash == -Fraction(101, 2) * ATTO
    cheap = -101 * ATTO * 99 // 100
    unknowns = made.program.unknowns
    bit = next(i for i, unknown in enumerate(unknowns) if unknown.is_bit)
    with pytest.raises(WitnessError):
        # The honest filler with the bit of the low tier: its top is below the size.
        _witness(made.program, [cheap, 101], {bit: 1})
    assert _witness(made.program, [cash, 101], {bit: 0})[-1] == 0


def _witness(program: Program, values: list[int], bits: dict[int, int]) -> list[int]:
    known = [*values, *(max(-value, 0) for value in values)]
    for i, unknown in enumerate(program.unknowns):
        x = bits.get(i, unknown.find(known)) if unknown.row is None else evaluate(unknown.row, known)
        if x < 0:
            raise WitnessError("below zero")
        known.append(x)
    return known[2 * program.J :]


def test_a_size_above_the_largest_is_in_no_tier() -> None:
    made = layout(BOTH, BOTH.box(point(1, 1)), MAINTENANCE)
    most = int(BOTH.markets[0].max_size / BOTH.markets[0].lot)
    made.assign([10**30, most, -most])
    for sizes in ([most + 1, 0], [0, -most - 1]):
        with pytest.raises(WitnessError) as error:
            made.assign([10**30, *sizes])
        assert error.value.code == "above_range"


def test_the_other_direction_cannot_be_stated() -> None:
    with pytest.raises(ContextError, match="cannot state") as error:
        layout(BOTH, BOTH.box(point(1, 1)), Claim.parse("health<=2"))
    assert error.value.code == "claim_not_allowed"


def test_leverage_above_every_rate_implies_maintenance() -> None:
    assert Claim.parse("leverage<=3").implies_maintenance(BOTH)
    assert not Claim.parse("leverage<=3.1").implies_maintenance(BOTH)


def test_parameters() -> None:
    perpetuals_steps.check(BOTH)
    with pytest.raises(InputError, match="no tiers to be told by size"):
        params("perpetuals-steps", {"initial_ppm": 5, "maintenance_ppm": 5, "tiers_by": "size"})
    with pytest.raises(InputError, match="tiers_by is for perpetuals-steps only"):
        params("perpetuals-brackets", BY_SIZE)


def test_report() -> None:
    """40 units in the first tier by size, 60 in the second; the liquidation price is the last solvent atto."""
    of = {"schema": "zkmargin/account/v1", "account": "alice", "cash": "-3000"}
    for size, maintenance in (("40", Fraction(48)), ("60", Fraction(270))):
        account = Account.from_value(of | {"positions": [{"market": "M0", "size": size}]})
        report = steps.CALCULATOR.report(account, BOTH, point(100, 100), 0)
        assert report.maintenance_requirement == maintenance
        last = report.positions[0].liquidation_price
        assert last is not None
        for at, solvent in ((last, True), (last - Fraction(1, ATTO), False)):
            assert (steps.CALCULATOR.report(account, BOTH, point(at, 100), 0).slack >= 0) is solvent


def test_a_point_of_nothing() -> None:
    """A price of zero: every size is worth nothing and requires nothing."""
    check_sharp(BOTH, [5, -5], (MarketBox(0, 0, 0, 0),) * 2, "maintenance")
