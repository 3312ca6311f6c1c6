"""equity-reg-t: shares of a long, shares or a floor of a short."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_cases import check_sharp, needed, params, point, risk

from circuits.boxes import ATTO, Band
from circuits.calculators import reg_t
from circuits.claims import INITIAL, MAINTENANCE, Claim
from circuits.models import equity_reg_t
from zkmargin.documents import Account
from zkmargin.errors import InputError

STOCK = {
    "lot": "1",
    "initial_ppm": 500_000,
    "maintenance_ppm": 250_000,
    "short_initial_ppm": 500_000,
    "short_maintenance_ppm": 300_000,
    "short_floor": "5",
}
TWO = risk("equity-reg-t", STOCK, STOCK | {"lot": "0.01", "short_floor": "2.123456789"})

price = st.integers(0, 10**9).map(lambda n: Fraction(n, 10**6))
lots = st.integers(-(10**5), 10**5)
claims = st.sampled_from(["maintenance", "initial", "health>=1.25", "health>=7", "leverage<=3", "leverage<=0.7"])


@st.composite
def bands(draw: st.DrawFn) -> Band:
    low = draw(price)
    high = low * (1 + draw(st.sampled_from([Fraction(0), Fraction(1, 10), Fraction(4)])))
    return Band(low, high, Fraction(-1, 3), draw(st.sampled_from([Fraction(-1, 3), Fraction(2, 7)])))


# FINRA rule 4210(c): 25 percent of a long; 5 dollars a share or 30 percent of a short, whichever is more.
# Regulation T, 12 CFR 220.12: 50 percent, initially.
@pytest.mark.parametrize(
    ("shares", "at", "maintenance", "initial"),
    [
        (100, "40", 1000, 2000),
        (-100, "40", 1200, 2000),
        (-100, "20", 600, 1000),
        (-100, "16", 500, 800),
        (-100, "10", 500, 500),
        (-100, "8", 500, 500),
        (100, "8", 200, 400),
    ],
)
def test_requirements_of_the_rule(shares: int, at: str, maintenance: int, initial: int) -> None:
    one = risk("equity-reg-t", STOCK)
    box = one.box(point(at))
    worth = shares * int(at)
    assert needed(one, [shares], box, MAINTENANCE) == (maintenance - worth) * ATTO
    assert needed(one, [shares], box, INITIAL) == (initial - worth) * ATTO
    account = Account.from_value(
        {
            "schema": "zkmargin/account/v1",
            "account": "alice",
            "cash": "10000",
            "positions": [{"market": "M0", "size": str(shares)}],
        }
    )
    report = reg_t.CALCULATOR.report(account, one, point(at), 0)
    assert (report.maintenance_requirement, report.initial_requirement) == (maintenance, initial)
    for claim in ("maintenance", "initial"):
        check_sharp(one, [shares], box, claim)


@settings(max_examples=80, deadline=None)
@given(st.tuples(lots, lots), st.tuples(bands(), bands()), claims)
def test_provable_exactly_when_the_calculator_says_so(
    sizes: tuple[int, int], box: tuple[Band, Band], claim: str
) -> None:
    check_sharp(TWO, sizes, TWO.box(box), claim)


@settings(max_examples=60, deadline=None)
@given(st.tuples(lots, lots), st.tuples(bands(), bands()), claims, st.fractions(0, 1, max_denominator=50))
def test_a_box_holds_for_every_price_in_it_and_is_exact(
    sizes: tuple[int, int], box: tuple[Band, Band], claim: str, share: Fraction
) -> None:
    wanted = Claim.parse(claim)
    whole = needed(TWO, sizes, TWO.box(box), wanted)
    worst = 0
    for i, band in enumerate(box):
        one = [sizes[0], 0] if i == 0 else [0, sizes[1]]
        at = [band.low + s * (band.high - band.low) for s in (Fraction(0), share, Fraction(1))]
        boxes = [TWO.box([Band(p, p, band.funding_low, band.funding_high)] * 2) for p in at]
        worst += max(needed(TWO, one, ends, wanted) for ends in boxes)
    assert abs(whole - worst) <= sum(map(abs, sizes)) * 12


def test_a_short_of_a_cheap_stock_needs_the_floor_over_the_whole_box() -> None:
    """Between 10 and 20 the requirement is 5, then 6 a share: at the high price, not at the one with the floor."""
    one = risk("equity-reg-t", STOCK)
    box = one.box([Band(Fraction(10), Fraction(20), Fraction(0), Fraction(0))])
    assert needed(one, [-1], box, MAINTENANCE) == 26 * ATTO
    low = one.box([Band(Fraction(10), Fraction(12), Fraction(0), Fraction(0))])
    assert needed(one, [-1], low, MAINTENANCE) == 17 * ATTO
    check_sharp(one, [-1], low, "maintenance")


def test_leverage_knows_no_floor_and_implies_nothing() -> None:
    one = risk("equity-reg-t", STOCK)
    cap = Claim.parse("leverage<=2")
    assert needed(one, [-1], one.box(point(2)), cap) < needed(one, [-1], one.box(point(2)), MAINTENANCE)
    assert not cap.implies_maintenance(one)
    assert cap.implies_maintenance(risk("equity-reg-t", {**STOCK, "short_floor": None}))


def test_parameters() -> None:
    tiers = [{"above": "5", "initial_ppm": 600_000, "maintenance_ppm": 400_000}]
    with pytest.raises(InputError, match="no tiers") as error:
        equity_reg_t.check(risk("equity-reg-t", {"initial_ppm": 500_000, "maintenance_ppm": 250_000, "tiers": tiers}))
    assert error.value.code == "bad_params"
    with pytest.raises(InputError, match="short_floor is for equity-reg-t only"):
        params("perpetuals-brackets", STOCK)
