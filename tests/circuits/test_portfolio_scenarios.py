"""Portfolio margin by scenarios: accounts by chance against the calculator, and against the source."""

from __future__ import annotations

import random

import pytest
from least_cash import START, WIDE, least_cash, relation
from model_cases import is_provable
from pmrm_source import margin_of
from portfolio_venues import CALCULATOR, DAY, VENUES, Q, bands_of, sizes_of
from trials import trials

from circuits.boxes import Band
from circuits.claims import Claim, Claims
from circuits.holdings import Holdings


@trials(2, 20)
@pytest.mark.parametrize("claim", ["maintenance", "initial", "health>=1.3", "survives>=3", "initial,maintenance"])
@pytest.mark.parametrize("name", VENUES)
def test_exactly_enough_proves_and_one_atto_less_is_refused(name: str, claim: str, trials: int) -> None:
    """Every second trial, over a box."""
    rng, venue = random.Random(name + claim), VENUES[name]
    claims = Claims.parse(claim).claims
    for trial in range(trials):
        box = venue.box(bands_of(rng, rng.choice([1, 5, 20]) if trial % 2 else 0))
        lifetime = (START, START + rng.choice([0, DAY]))
        layout = relation(venue, box, claim, lifetime)
        for _ in range(3):
            sizes = sizes_of(rng, venue)
            held = Holdings(-WIDE, tuple(sizes))
            missing = max(CALCULATOR.shortfall(held, venue, c.over(box, venue), c, lifetime) for c in claims)
            assert is_provable(layout, missing - WIDE, sizes)
            assert not is_provable(layout, missing - WIDE - 1, sizes)


@pytest.mark.parametrize("claim", ["maintenance", "initial"])
@pytest.mark.parametrize("name", VENUES)
def test_the_margin_is_that_of_the_source(name: str, claim: str) -> None:
    """At a point: equal where it is exact, and else at most what is documented more, never less."""
    rng, venue = random.Random(name), VENUES[name]
    for _ in range(2):
        bands = bands_of(rng, 0)
        box = venue.box(bands)
        layout = relation(venue, box, claim)
        for _ in range(3):
            sizes = sizes_of(rng, venue)
            margin, over = margin_of(venue, sizes, bands, claim)
            near = CALCULATOR.shortfall(Holdings(-WIDE, tuple(sizes)), venue, box, Claim(claim), (START, START)) - WIDE
            proved = -least_cash(layout, sizes, near) / 1e18
            slack = 1e-9 * (abs(margin) + sum(map(abs, sizes)))
            assert margin - over - slack <= proved <= margin + slack


@trials(3, 30)
def test_a_box_holds_for_every_point_and_time_in_it(trials: int) -> None:
    """No account that proves over a box is short at any prices, volatilities or time within."""
    rng, venue, claim = random.Random(9), VENUES["v2"], Claim("maintenance")
    for _ in range(trials):
        bands = bands_of(rng, 10)
        sizes = tuple(sizes_of(rng, venue))
        needed = CALCULATOR.shortfall(Holdings(-WIDE, sizes), venue, venue.box(bands), claim, (START, START + DAY))
        held = Holdings(needed - WIDE, sizes)
        for _ in range(8):
            now = rng.randrange(START, START + DAY + 1)
            box = venue.box([_inside(rng, band) for band in bands])
            assert CALCULATOR.shortfall(held, venue, box, claim, (now, now)) == 0


def _inside(rng: random.Random, band: Band) -> Band:
    at = rng.choice([Q(0), Q(1), Q(rng.randrange(1001), 1000)])
    price = band.low + at * (band.high - band.low)
    return Band(price, price, band.funding_high, band.funding_high, band.interest)
