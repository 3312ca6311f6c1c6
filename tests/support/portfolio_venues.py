"""Portfolio margin in tests: documents of its venues, the parameters of Derive's PMRM, and accounts by chance."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from least_cash import START

from circuits import calculators
from circuits.boxes import Band, box_around
from circuits.markets import RiskParameters
from zkmargin.canonical import format_time
from zkmargin.documents import Params

Q = Fraction
DAY = 24 * 3600
CALCULATOR = calculators.of("portfolio-scenarios")


def option(name: str, kind: str, strike: object, seconds: int, **other: Any) -> dict[str, Any]:
    """An option on S that expires so many seconds after START."""
    terms = {"option": kind, "strike": str(strike), "expiry": format_time(START + seconds)}
    return {"market": name, "kind": "option", "lot": "0.01", "max_size": "100000", "underlying": "S"} | terms | other


def index(name: str) -> dict[str, Any]:
    """A price."""
    return {"market": name, "kind": "index", "lot": "1", "max_size": "1"}


def contract(name: str) -> dict[str, Any]:
    """A contract."""
    return {"market": name, "kind": "contract", "lot": "0.001", "max_size": "100000"}


def document(markets: Sequence[dict[str, Any]], *portfolios: dict[str, Any], **other: Any) -> Params:
    """Risk parameters of this model."""
    fields = {"schema": "zkmargin/params/v1", "venue": "demo", "version": 1, "model": "portfolio-scenarios"}
    return Params.from_value(fields | {"quote": "USD", "markets": markets, "portfolios": list(portfolios)} | other)


def points(*prices: object) -> tuple[Band, ...]:
    """Bands of no width, without funding."""
    return tuple(Band(Q(str(price)), Q(str(price)), Q(0), Q(0)) for price in prices)


# derivexyz/v2-core at 4e0ee6c5, test/risk-managers/unit-tests/PMRM_2/portfolio_cases: what all cases there have.
GRID = [
    *(("1.18", "up"), ("0.82", "up")),
    *(
        (spot, vol)
        for spot in ("1.135", "1.09", "1.045", "1", "0.955", "0.91", "0.865")
        for vol in ("down", None, "up")
    ),
]
TAILS = {
    "0.34": "0.054545454545454536",
    "0.67": "0.10909090909090907",
    "1.5": "0.072",
    "2": "0.036",
    "3": "0.018",
    "4": "0.011999999999999999",
}
SKEW = {"linear_cap": "0.15", "linear_slope": "-0.05", "abs_cap": "0.15", "abs_slope": "-0.05"} | {
    "least_width": "0.01",
    "width": "4",
    "vol": "0.6",
    "vol_slope": "-0.1",
}
PMRM_2: dict[str, Any] = {
    "underlying": "S",
    "scenarios": [
        *({"spot": spot, "vol": vol} for spot, vol in GRID),
        *({"spot": spot, "vol": "up", "dampening": dampening} for spot, dampening in TAILS.items()),
        {"spot": "1", "vol": "linear"},
        {"spot": "1", "vol": "abs"},
    ],
    "initial_factor": "1",
    "maintenance_factor": "0.8",
    "volatility": {"up": "0.5", "down": "0.275", "short_power": "0.3", "long_power": "0.13", "least_up": "0.45"},
    "gains": {"base": "0.95", "rate_share": "1", "rate": "0.08"},
    "losses": {"base": "1.04", "rate_share": "0.5", "rate": "0.08"},
    "basis": {"up": "1.045", "down": "0.955", "add": "0.5", "per_year": "2"},
    "skew": SKEW,
    "contract_maintenance_ppm": 15_000,
    "contract_initial_ppm": 20_000,
    "short_option_maintenance_ppm": 3_000,
    "short_option_initial_ppm": 5_000,
}

HAIRCUTS = {"kind": "asset", "lot": "0.01", "max_size": "100000", "initial_ppm": 50_000, "maintenance_ppm": 30_000}
MARKETS = [
    index("S"),
    index("F"),
    contract("PERP"),
    {"market": "WETH"} | HAIRCUTS,
    {"market": "USDT"} | HAIRCUTS,
    *(
        option(f"{days}-{k}-{kind}", kind, k, days * DAY)
        for days in (7, 40)
        for k in (1800, 2000)
        for kind in ("call", "put")
    ),
    option("F-1900-put", "put", 1900, 7 * DAY, forward="F"),
    option("F-2200-call", "call", 2200, 7 * DAY, forward="F"),
    index("S2"),
    contract("PERP2"),
    option("2-call", "call", 30, 20 * DAY, underlying="S2", lot="10"),
]
ONE = [index("S"), contract("PERP")]
HEDGED = {"contracts": ["PERP"], "collateral": ["WETH"]}
GAINS = {"gains": {"base": "0.95", "rate": "0.12"}, "losses": None}
PLAIN = {"gains": None, "losses": None, "skew": None, "basis": None} | {
    "scenarios": [{"spot": spot, "vol": vol} for spot, vol in GRID[:9]]
}
BASIS = {"up": "1.045", "down": "0.955", "add": "3", "per_year": "2"}
SECOND = PMRM_2 | PLAIN | {"underlying": "S2", "contracts": ["PERP2"], "initial_factor": "1.25"}
VENUES = {
    "v2": RiskParameters.from_document(document(MARKETS, PMRM_2 | HEDGED, SECOND)),
    "v1": RiskParameters.from_document(
        document(MARKETS, PMRM_2 | HEDGED | GAINS | {"skew": None, "scenarios": PMRM_2["scenarios"][:-2]}, SECOND)
    ),
    "plain": RiskParameters.from_document(document(MARKETS, PMRM_2 | HEDGED | PLAIN, SECOND)),
    "skews": RiskParameters.from_document(
        document(MARKETS, PMRM_2 | HEDGED | {"scenarios": PMRM_2["scenarios"][-2:], "basis": None}, SECOND)
    ),
    "basis": RiskParameters.from_document(
        document(MARKETS, PMRM_2 | HEDGED | PLAIN | {"scenarios": [{"spot": "1"}], "basis": BASIS}, SECOND)
    ),
    # As a deployed configuration has it: gains count more than losses.
    "crossed": RiskParameters.from_document(
        document(MARKETS, PMRM_2 | HEDGED | {"gains": {"base": "1.05"}, "losses": {"base": "0.95"}}, SECOND)
    ),
}


def bands_of(rng: random.Random, percent: int) -> tuple[Band, ...]:
    """Prices by chance, with a box around them."""
    spot = rng.choice([1500, 1800, 1950, 2000, 2500])
    prices = {"S": spot, "F": spot + 7, "PERP": spot + 1, "WETH": spot - 3, "USDT": 1, "S2": 31, "PERP2": 32}
    bands = [
        Band(*[Q(prices.get(m["market"], Q(rng.randrange(20, 200), 100)))] * 2, Q(0), Q(0), m["kind"] == "asset")
        for m in MARKETS
    ]
    return box_around(bands, Q(percent))


def sizes_of(rng: random.Random, venue: RiskParameters) -> list[int]:
    """In the order of the labels, none above its largest; half are not held, and what hedges is not owed."""
    held = []
    for hidden in venue.hidden_at(0)[1:]:
        most = 10 ** rng.randrange(1, 6)
        size = max(-hidden.bound, min(rng.choice([0, rng.randrange(-most, most)]), hidden.bound))
        held.append(0 if hidden.kind == "none" else abs(size) if hidden.kind == "amount" else size)
    return held
