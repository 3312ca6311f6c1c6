"""Portfolio margin by scenarios: what it asks for in cases that can be reckoned by hand."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from cli_run import EXAMPLES
from least_cash import WIDE, least_cash, relation
from model_cases import is_provable
from pmrm_source import margin_of
from portfolio_venues import CALCULATOR, DAY, ONE, PLAIN, PMRM_2, VENUES, Q, bands_of, document, index, option, points

from circuits.boxes import Band, box_around
from circuits.claims import Claim
from circuits.holdings import holdings
from circuits.markets import RiskParameters
from circuits.prices import prices_of
from zkmargin.documents import Account, Params, Round


def test_what_every_scenario_gains_is_nomargin_of() -> None:
    """Without a basis, and with scenarios that all move one way: initial asks for no less than maintenance."""
    up = {"contracts": ["PERP"], "scenarios": [{"spot": "1.1"}]}
    params = RiskParameters.from_document(document(ONE, PMRM_2 | PLAIN | up))
    box = params.box(points(2000, 2000))
    for claim, beside in (("maintenance", 30), ("initial", 40), ("health>=2", 60)):
        assert least_cash(relation(params, box, claim), [1000]) == (beside - 2000) * 10**18


def test_corners_of_a_box_are_not_enough() -> None:
    """A long straddle is worth most at both ends of the price, and least between them: enough for the corners is not
    enough for the box."""
    params = RiskParameters.from_document(
        document(
            [index("S"), *(option(kind, kind, 100, 7 * DAY) for kind in ("call", "put"))],
            PMRM_2 | PLAIN | {"scenarios": [{"spot": "1"}]},
        )
    )

    def needed(low: int, high: int) -> int:
        bands = (Band(Q(low), Q(high), Q(0), Q(0)), *points("0.5", "0.5"))
        return least_cash(relation(params, params.box(bands)), [100, 100])

    assert needed(82, 82) < -17 * 10**18
    assert needed(118, 118) < -17 * 10**18
    assert -6 * 10**18 < needed(100, 100) < -5 * 10**18
    assert needed(82, 118) >= needed(100, 100)


def test_the_basis_of_one_expiry_pays_for_no_other() -> None:
    """A straddle that gains at both moves, beside one of another expiry that loses at both: the loss alone counts."""
    venue, straddles = VENUES["basis"], {"7-2000": 1000, "40-2000": -1000}
    sizes = [straddles.get(label[2:].rpartition("-")[0], 0) for label in list(venue.units)[1:]]
    bands = tuple(
        replace(band, low=Q(2000), high=Q(2000)) if market.name == "S" else band
        for market, band in zip(venue.markets, bands_of(random.Random(1), 0), strict=True)
    )
    layout = relation(venue, venue.box(bands))
    both = [size for size in sizes if size]
    assert len(both) == 4
    margin, _ = margin_of(venue, sizes, bands, "maintenance")
    assert least_cash(layout, sizes) / 1e18 == pytest.approx(-margin, rel=1e-9)
    alone, _ = margin_of(venue, [min(size, 0) for size in sizes], bands, "maintenance")
    gained, _ = margin_of(venue, [max(size, 0) for size in sizes], bands, "maintenance")
    assert margin == pytest.approx(alone + gained, rel=1e-9)


def test_the_other_grid_of_the_example() -> None:
    """24 scenarios as Paradex publishes them: its parameters are read, and prove what the calculator says."""
    folder = EXAMPLES / "portfolio-scenarios"
    params = RiskParameters.from_document(Params.from_bytes((folder / "params-grid-of-24.json").read_bytes()))
    held_then = Round.from_bytes((folder / "oracle.json").read_bytes())
    prices = prices_of(held_then, params)
    held = holdings(Account.from_bytes((folder / "account.json").read_bytes()), params, prices)
    now = (held_then.time_unix_s, held_then.time_unix_s + 3600)
    assert len(params.portfolios[0].scenarios) == 24
    for percent in (0, 2):
        box = params.box(box_around(prices, Q(percent)))
        missing = CALCULATOR.shortfall(replace(held, cash0_atto=-WIDE), params, box, Claim("initial"), now)
        layout = relation(params, box, "initial", now)
        assert least_cash(layout, held.size_lots, near=missing - WIDE) == missing - WIDE


def test_naked_shorts_are_counted_strike_by_strike() -> None:
    """A long option covers a short one of its strike and expiry, and no other."""
    legs = [("A", "call", 2000, 7), ("B", "put", 2000, 7), ("C", "call", 2100, 7), ("D", "call", 2000, 30)]
    still = {"scenarios": [{"spot": "1"}], "short_option_maintenance_ppm": 5_000}
    params = RiskParameters.from_document(
        document([index("S"), *(option(n, kind, k, d * DAY) for n, kind, k, d in legs)], PMRM_2 | PLAIN | still)
    )
    bands = points("2000", *["0"] * 4)  # without volatility all are worth nothing but C's put side
    layout = relation(params, params.box(bands))
    for sizes, naked in (([-100, 0, 0, 0], 1), ([-100, 100, 0, 0], 0), ([-100, 40, 0, 0], Q(6, 10))):
        assert least_cash(layout, sizes) == naked * 10 * 10**18
    for sizes, naked in (([-100, 0, 100, 0], 1), ([-100, 0, 0, 100], 1), ([-100, -100, -100, -100], 4)):
        assert least_cash(layout, sizes) == naked * 10 * 10**18


def test_the_delta_of_an_underlying_is_that_of_its_portfolio() -> None:
    """Contracts and collateral of a portfolio move with its underlying; a contract has a delta of its own name too."""
    venue = VENUES["plain"]
    labels = list(venue.units)[1:]
    box = venue.box(bands_of(random.Random(0), 0))
    sizes = [{"q/PERP": -2500, "c/WETH": 150, "c/USDT": 9}.get(label, 0) for label in labels]
    for claim, holds in (("delta[S]<=1", True), ("delta[S]<=0.999999", False), ("delta[PERP]<=2.5", True)):
        assert is_provable(relation(venue, box, f"{claim},maintenance"), WIDE // 10**4, sizes) is holds
