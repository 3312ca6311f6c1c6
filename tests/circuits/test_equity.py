"""The claim ``equity>=X``: options over a box by node values and chord gaps, and never by its corners."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

from least_cash import START, least_cash, relation
from option_markets import DAY, REQUIRES, index, option, perpetual, points, risk

from circuits import black76
from circuits.boxes import Band, Lifetime, box_around
from circuits.markets import RiskParameters
from circuits.options import MAX_SEGMENTS, gap, nodes, options

Q = Fraction
NOW = (START, START)
BASE = 10**6


def needs(
    params: RiskParameters, bands: Sequence[Band], sizes: Mapping[str, int], lifetime: Lifetime = NOW
) -> Fraction:
    """The least cash, in quote units, with which the equity is proved to be at least 10^6."""
    box = params.box(bands)
    held = [sizes.get(label, 0) for label in params.units][1:]
    least = least_cash(relation(params, box, f"equity>={BASE}", lifetime), held)
    return Q(least, 10**18) - BASE


STRADDLE = risk(
    index("S", options=REQUIRES), option("C", "S", "call", 100, 7, lot="1"), option("P", "S", "put", 100, 7, lot="1")
)
LONG = {"q/C": 1, "q/P": 1}


def at(price: object) -> tuple[Band, ...]:
    return points(price, "0.5", "0.5")


def test_a_straddle_is_worth_least_between_the_corners() -> None:
    """Seven days at a volatility of 50 percent: 18.0 at 82 and at 118, 5.5 at 100. An account that owes 10 would be
    accepted at both corners, and is insolvent between them."""
    worth = {price: -needs(STRADDLE, at(price), LONG) for price in (82, 100, 118)}
    assert [round(float(value), 1) for value in worth.values()] == [18.0, 5.5, 18.0]
    box = (Band(Q("81.3"), Q(118), Q(0), Q(0)), *points("0.5", "0.5"))  # the strike is no node
    over_box = -needs(STRADDLE, box, LONG)
    least = min(-needs(STRADDLE, at(Q(price, 100)), LONG) for price in range(9950, 10050, 5))
    assert 0 < least - over_box < least / 50


def test_a_node_carries_the_larger_gap_of_its_two_segments() -> None:
    """In the last hours nearly all of the curvature is in one segment: its neighbours have next to no gap."""
    legs = (option(kind[0], "S", kind, "100.8", Q(1, 8), lot="1") for kind in ("call", "put"))
    params, long = risk(index("S", options=REQUIRES), *legs), {"q/c": 1, "q/p": 1}
    box = (Band(Q(95), Q(105), Q(0), Q(0)), *points("0.2", "0.2"))
    least = min(-needs(params, points(Q(price, 100), "0.2", "0.2"), long) for price in range(10060, 10100, 5))
    assert 0 < least < Q(3, 10)
    assert least - 1 < -needs(params, box, long) <= least


def test_shorts_are_exact_over_a_box() -> None:
    """A book without longs is concave in the price: its ends decide, and no gap is taken off."""
    box = (Band(Q(82), Q(118), Q(0), Q(0)), *points("0.5", "0.5"))
    short = {"q/C": -1, "q/P": -1}
    assert needs(STRADDLE, box, short) == max(needs(STRADDLE, at(price), short) for price in (82, 118))


def test_a_perpetual_hedges_options_on_it() -> None:
    """Long calls and a short perpetual: each at its own worst price would cost nearly the width of the box."""
    params = risk(perpetual("S", lot="1", options=REQUIRES), option("C", "S", "call", 60, 7, lot="1"))
    box = (Band(Q(95), Q(105), Q(0), Q(0)), *points("0.5"))
    covered = needs(params, box, {"q/S": -1, "q/C": 1})
    assert covered - needs(params, points(100, "0.5"), {"q/S": -1, "q/C": 1}) < Q(1, 10)
    assert needs(params, box, {"q/C": 1}) + needs(params, box, {"q/S": -1}) > covered + 9


VENUE = risk(
    perpetual("ETH", options=REQUIRES),
    index("F"),
    {"market": "USDT", "kind": "asset", "lot": "0.01", "max_size": "100000", "initial_ppm": 9, "maintenance_ppm": 9},
    *(option(f"{k}-{t}", "ETH", t, k, 7) for k in (1800, 2000, 2100) for t in ("call", "put")),
    *(option(f"F-{k}-{t}", "ETH", t, k, 30, forward="F") for k in (1900, 2200) for t in ("call", "put")),
)
CONTRACTS = {f"q/{market.name}": market for market in VENUE.markets if market.contract is not None}


def _owes(bands: Sequence[Band], sizes: Mapping[str, int], now: int) -> Fraction:
    """At points: from the values of the options themselves, apart from the rule; to 2^-60."""
    price = {market.name: band.low for market, band in zip(VENUE.markets, bands, strict=True)}
    total = Q(0)
    for label, size in sizes.items():
        market = CONTRACTS.get(label)
        if market is None or market.contract is None:
            lot = Q(1, 100) if label[2:] == "USDT" else Q(1, 1000)
            total -= (-size if label.startswith("d/") else size) * lot * price[label[2:]]
            continue
        years = Q(market.contract.expiry_unix_s - now, 365 * DAY)
        terms = (
            market.contract.is_call,
            price[market.contract.forward],
            market.contract.strike,
            price[market.name],
            years,
        )
        total -= size * market.lot * black76.value(*terms)[0]
    return total


def _sizes(rng: random.Random) -> dict[str, int]:
    sizes = {label: rng.randrange(-3000, 3000) for label in [*CONTRACTS, "q/ETH"] if rng.random() < 0.6}
    return sizes | {label: rng.randrange(10**5) for label in ("c/USDT", "d/USDT") if rng.random() < 0.5}


def _bands(rng: random.Random, percent: int) -> tuple[Band, ...]:
    spot = rng.choice([1700, 1950, 2000, 2300])
    prices = {"ETH": spot, "F": spot + 11, "USDT": 1}
    bands = [
        Band(*[Q(prices.get(market.name, Q(rng.randrange(20, 150), 100)))] * 2, Q(0), Q(0), market.kind == "asset")
        for market in VENUE.markets
    ]
    # funding and interest stay: they are the business of other tests
    return tuple(
        Band(moved.low, moved.high, Q(0), Q(0), band.interest)
        for band, moved in zip(bands, box_around(bands, Q(percent)), strict=True)
    )


def test_at_a_point_it_is_what_everything_is_worth() -> None:
    rng = random.Random(1)
    for _ in range(15):
        bands, sizes = _bands(rng, 0), _sizes(rng)
        slightly = Q(sum(map(abs, sizes.values())) + 1, 10**18)  # an atto a lot
        assert 0 <= needs(VENUE, bands, sizes) - _owes(bands, sizes, START) <= 2 * slightly


def test_it_holds_everywhere_in_a_box_and_a_day() -> None:
    rng = random.Random(2)
    for percent in (1, 3, 8, 25):
        bands, sizes, lifetime = _bands(rng, percent), _sizes(rng), (START, START + DAY)
        proved = needs(VENUE, bands, sizes, lifetime)
        found = max(_owes([_inside(rng, band) for band in bands], sizes, rng.randrange(*lifetime)) for _ in range(150))
        assert found <= proved


def _inside(rng: random.Random, band: Band) -> Band:
    price = band.low + rng.choice([Q(0), Q(1), Q(rng.randrange(1001), 1000)]) * (band.high - band.low)
    return Band(price, price, Q(0), Q(0), band.interest)


def test_what_a_box_asks_for_beyond_its_worst_point_is_the_gaps() -> None:
    """Volatilities at points and no time: only the gaps of the longs are left of what is not exact."""
    rng = random.Random(3)
    for percent in (1, 4, 10):
        bands, sizes = list(_bands(rng, 0)), _sizes(rng)
        bands[0] = box_around(bands[:1], Q(percent))[0]
        bands[0] = Band(bands[0].low, bands[0].high, Q(0), Q(0))
        proved = needs(VENUE, bands, sizes)
        steps = nodes(bands[0].low, bands[0].high)
        worst = max(_owes([Band(p, p, Q(0), Q(0)), *bands[1:]], sizes, START) for p in steps)
        listed = {o.label: o for o in options(VENUE, VENUE.box(bands), NOW)}
        allowed = sum(
            size * listed[label].market.lot * max(gap(listed[label], a, b) for a, b in pairwise(steps))
            for label, size in sizes.items()
            if label in listed and size > 0 and listed[label].follows_spot
        )
        assert worst <= proved <= worst + allowed + Q(10**6, 10**18)


def test_a_gap_is_more_than_any_found_and_not_much_more() -> None:
    (call, put) = options(STRADDLE, STRADDLE.box(at(100)), NOW)
    for a, b in ((Q(90), Q(91)), (Q(99), Q(101)), (Q(98), Q(105)), (Q(140), Q(150)), (Q(0), Q(300))):
        for bought in (call, put):
            found = max(
                bought.most(a) + t * (bought.most(b) - bought.most(a)) - bought.least(a + t * (b - a))
                for t in (Q(i, 64) for i in range(65))
            )
            assert found <= gap(bought, a, b) <= 4 * found + Q(1, 10**9)


def test_nodes() -> None:
    assert nodes(Q(7), Q(7)) == (7,)
    assert nodes(Q(100), Q(101)) == (100, 101)
    assert nodes(Q(100), Q(104)) == (100, 102, 104)
    assert len(nodes(Q(1), Q(10))) == len(nodes(Q(0), Q(10))) == MAX_SEGMENTS + 1
