"""Portfolio margin by scenarios: published figures, the calculator, the relation, and what is refused."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import exp, floor, log, sqrt
from statistics import NormalDist
from typing import Any

import pytest
from cli_run import EXAMPLES
from least_cash import START, WIDE, least_cash, relation
from model_cases import is_provable

from circuits import calculators
from circuits.boxes import Band, box_around
from circuits.claims import Claim, Claims
from circuits.holdings import Holdings, holdings
from circuits.markets import Market, RiskParameters
from circuits.prices import prices_of
from circuits.scenarios import ExpiryShocks
from zkmargin.canonical import format_time
from zkmargin.documents import Account, Params, Portfolio, Round
from zkmargin.errors import ContextError, InputError

Q = Fraction
DAY = 24 * 3600
CALCULATOR = calculators.of("portfolio-scenarios")


def option(name: str, kind: str, strike: object, seconds: int, **other: Any) -> dict[str, Any]:
    terms = {"option": kind, "strike": str(strike), "expiry": format_time(START + seconds)}
    return {"market": name, "kind": "option", "lot": "0.01", "max_size": "100000", "underlying": "S"} | terms | other


def index(name: str) -> dict[str, Any]:
    return {"market": name, "kind": "index", "lot": "1", "max_size": "1"}


def contract(name: str) -> dict[str, Any]:
    return {"market": name, "kind": "contract", "lot": "0.001", "max_size": "100000"}


def document(markets: Sequence[dict[str, Any]], *portfolios: dict[str, Any], **other: Any) -> Params:
    fields = {"schema": "zkmargin/params/v1", "venue": "demo", "version": 1, "model": "portfolio-scenarios"}
    return Params.from_value(fields | {"quote": "USD", "markets": markets, "portfolios": list(portfolios)} | other)


def points(*prices: object) -> tuple[Band, ...]:
    return tuple(Band(Q(str(price)), Q(str(price)), Q(0), Q(0)) for price in prices)


# Published figures: derivexyz/v2-core at 4e0ee6c5, test/risk-managers/unit-tests/PMRM_2/portfolio_cases. All cases have
# these parameters, but for what is said beside them.
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
BTC, ETH, STABLE = Q("95663.50604855"), Q("2681.6029850999994"), Q("1.00019088635")
FORWARDS = {
    "BTC": {794852: ("95776.67392708939", "0.15"), 18938852: ("100374.61000117072", "0.2")},
    "ETH": {794852: ("2682.9997436016715", "0.15"), 3214052: ("2695.7814942763334", "0.21")},
}
FORWARDS["BTC"][11076452] = ("98198.07812501276", "0.1")
# (seconds to expiry, kind, strike, volatility, size) each; MM and IM.
CASES: dict[str, tuple[str, list[tuple[int, str, str, str, str]], float, float]] = {
    "12 naked short call": (
        "BTC",
        [(794852, "call", "100000", "0.453803924321583", "-1")],
        -11824.858703959073,
        -14604.048120144837,
    ),
    "18 OTM call spread": (
        "ETH",
        [
            (794852, "call", "4000", "0.8795543651099665", "-1"),
            (794852, "call", "4200", "0.8833255402190362", "1"),
        ],
        -25.96404757080802,
        -35.75844560967082,
    ),
    "52 multi-expiry discounting": (
        "BTC",
        [
            (18938852, "call", "100000", "0.5543377511787965", "1.5"),
            (18938852, "put", "120000", "0.5665119096978181", "2.1"),
            (11076452, "put", "120000", "0.5646450091750466", "-4"),
        ],
        -81147.83852296828,
        -94908.87072619566,
    ),
}


def _case(
    currency: str, legs: Sequence[tuple[int, str, str, str, str]], portfolio: dict[str, Any], **held: Any
) -> tuple[RiskParameters, list[Band], Account]:
    names = [f"{seconds}-{kind}-{strike}" for seconds, kind, strike, _, _ in legs]
    used = {seconds: FORWARDS[currency][seconds] for seconds, *_ in legs}
    markets = [index("S"), *(index(f"F{seconds}") for seconds in used)]
    markets += [
        option(name, kind, strike, seconds, forward=f"F{seconds}")
        for name, (seconds, kind, strike, _, _) in zip(names, legs, strict=True)
    ]
    rates = [{"expiry": format_time(START + seconds), "rate": rate} for seconds, (_, rate) in used.items()]
    prices = [
        BTC if currency == "BTC" else ETH,
        *(forward for forward, _ in used.values()),
        *(vol for *_, vol, _ in legs),
    ]
    positions = [{"option": name, "size": size} for name, (*_, size) in zip(names, legs, strict=True)]
    account = {"schema": "zkmargin/account/v1", "account": "derive", "cash": "0", "positions": positions} | held
    params = document(markets, portfolio | {"rates": rates})
    return RiskParameters.from_document(params), list(points(*prices)), Account.from_value(account)


def _check(params: RiskParameters, prices: Sequence[Band], account: Account, published: dict[str, float]) -> None:
    told = CALCULATOR.report(account, params, tuple(prices), START).to_value()
    held = holdings(account, params, prices)
    for claim, figure in published.items():
        margin = Q(told["equity"]) - Q(told[f"{claim}_requirement"])
        assert float(margin) == pytest.approx(figure, rel=1e-9)
        layout = relation(params, params.box(prices), claim)
        assert held.cash0_atto - least_cash(layout, held.size_lots) == pytest.approx(figure * 1e18, rel=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_published_margins(name: str) -> None:
    currency, legs, maintenance, initial = CASES[name]
    _check(*_case(currency, legs, PMRM_2), {"maintenance": maintenance, "initial": initial})


def test_published_margin_where_a_skew_is_the_worst() -> None:
    """ "41 skews linear as worst case simple": with a dampening of 2, one expiry and one short, the skew is exact."""
    legs = [(3214052, "call", "5500", "0.8843198050170489", "-15")]
    skew = SKEW | {"linear_cap": "9.5", "width": "5", "vol": "4.5", "vol_slope": "4.9"}
    scenarios = [s | ({"dampening": "2"} if s["vol"] == "linear" else {}) for s in PMRM_2["scenarios"]]
    case = _case("ETH", legs, PMRM_2 | {"skew": skew, "scenarios": scenarios})
    _check(*case, {"maintenance": -1413.5868439463693, "initial": -1809.9435682106216})


@pytest.mark.parametrize(
    ("position", "call", "price", "haircuts_ppm", "maintenance", "initial"),
    [
        # "13 risk cancelling BTC covered call"
        (None, "-2", BTC / STABLE, (30_000, 20_000), 78744.92602874589, 74395.66964312586),
        # "32 perps perp hedging", its initial margin without the contingency of 169984.73200645158 for low confidence
        ("-1", None, 100000 / STABLE, (45_000, 30_000), 95478.7393189838, -76506.39347229843 + 169984.73200645158),
    ],
)
def test_published_margins_with_collateral_that_hedges(
    position: str | None,
    call: str | None,
    price: Fraction,
    haircuts_ppm: tuple[int, int],
    maintenance: float,
    initial: float,
) -> None:
    asset = {"market": "WBTC", "kind": "asset", "lot": "0.01", "max_size": "1000"} | dict(
        zip(("initial_ppm", "maintenance_ppm"), haircuts_ppm, strict=True)
    )
    markets = [index("S"), index("F"), contract("PERP"), asset, option("C", "call", 100000, 794852, forward="F")]
    rates = [{"expiry": format_time(START + 794852), "rate": "0.15"}]
    book = PMRM_2 | {"contracts": ["PERP"], "collateral": ["WBTC"], "rates": rates}
    params = RiskParameters.from_document(document(markets, book))
    spot, price = Q(100000) if position else BTC, Q(floor(price * 10**18), 10**18)
    prices = [
        *points(spot, "95776.67392708939", spot),
        Band(price, price, Q(0), Q(0), True),
        *points("0.453803924321583"),
    ]
    positions = [{"market": "PERP", "size": position, "entry_price": "100000"}] if position else []
    positions += [{"option": "C", "size": call}] if call else []
    account = {"schema": "zkmargin/account/v1", "account": "derive", "cash": "0", "positions": positions}
    held = Account.from_value(account | {"collateral": [{"asset": "WBTC", "amount": "1"}]})
    _check(params, prices, held, {"maintenance": maintenance, "initial": initial})


def test_published_shocks() -> None:
    """Of the same cases: multiples of volatilities, discounts, and skews."""
    params, *_ = _case("BTC", CASES["52 multi-expiry discounting"][1], PMRM_2)
    (portfolio,) = params.portfolios
    published = {
        18938852: (1.3860882452894718, 0.7876514650907905, 0.8029631388059034, 1.127620219411916, 0.1112525143612097),
        11076452: (1.4139715227699674, 0.7723156624765178, 0.8917985146283806, 1.035747303851427, 0.12036758578692273),
    }
    for seconds, (up, down, gain, loss, cap) in published.items():
        shocks = ExpiryShocks.of(portfolio, START + seconds, (seconds, seconds))
        (low, high), width = shocks.skews["linear"]
        assert [*map(float, shocks.up), *map(float, shocks.down)] == pytest.approx([up, up, down, down], rel=1e-14)
        assert list(map(float, shocks.multiple)) == pytest.approx([gain, loss], rel=1e-14)
        assert [low / 1e18, high / 1e18] == pytest.approx([cap, cap], rel=1e-14)
        assert shocks.up[0] < shocks.up[1] < shocks.up[0] + Q(1, 2**100)
        if seconds == 18938852:
            assert [end / 1e18 for end in width] == pytest.approx([1.619660487729412] * 2, rel=1e-14)


# Random accounts against the calculator

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


def _bands(rng: random.Random, percent: int) -> tuple[Band, ...]:
    spot = rng.choice([1500, 1800, 1950, 2000, 2500])
    prices = {"S": spot, "F": spot + 7, "PERP": spot + 1, "WETH": spot - 3, "USDT": 1, "S2": 31, "PERP2": 32}
    bands = [
        Band(*[Q(prices.get(m["market"], Q(rng.randrange(20, 200), 100)))] * 2, Q(0), Q(0), m["kind"] == "asset")
        for m in MARKETS
    ]
    return box_around(bands, Q(percent))


def _sizes(rng: random.Random, venue: RiskParameters) -> list[int]:
    """In the order of the labels; half are not held, and what hedges is not owed."""
    held = []
    for hidden in venue.hidden_at(0)[1:]:
        most = 10 ** rng.randrange(1, 6)
        size = rng.choice([0, rng.randrange(-most, most)])
        held.append(0 if hidden.kind == "none" else abs(size) if hidden.kind == "amount" else size)
    return held


@pytest.mark.parametrize("claim", ["maintenance", "initial", "health>=1.3", "survives>=3", "initial,maintenance"])
@pytest.mark.parametrize("name", VENUES)
def test_exactly_enough_proves_and_one_atto_less_is_refused(name: str, claim: str) -> None:
    rng, venue = random.Random(name + claim), VENUES[name]
    claims = Claims.parse(claim).claims
    for trial in range(6):
        box = venue.box(_bands(rng, rng.choice([1, 5, 20]) if trial % 2 else 0))
        lifetime = (START, START + rng.choice([0, DAY]))
        layout = relation(venue, box, claim, lifetime)
        for _ in range(3):
            sizes = _sizes(rng, venue)
            held = Holdings(-WIDE, tuple(sizes))
            missing = max(CALCULATOR.shortfall(held, venue, c.over(box, venue), c, lifetime) for c in claims)
            assert is_provable(layout, missing - WIDE, sizes)
            assert not is_provable(layout, missing - WIDE - 1, sizes)


def _margin(venue: RiskParameters, sizes: Sequence[int], bands: Sequence[Band], claim: str) -> tuple[float, float]:
    """PMRM at a point, from its source, in floating point; and how much the skews may be overcharged."""
    prices = {market.name: float(band.low) for market, band in zip(venue.markets, bands, strict=True)}
    lots = dict(zip(list(venue.units)[1:], sizes, strict=True))
    initial = claim == "initial"
    total = over = 0.0
    for market in venue.markets:
        if market.kind == "asset":
            rate = float(market.tiers[0].initial if initial else market.tiers[0].maintenance)
            worth = float(market.lot) * prices[market.name]
            total += worth * (lots[f"c/{market.name}"] * (1 - rate) - lots[f"d/{market.name}"])
    for book in venue.portfolios:
        total += _book(book, venue, prices, lots, initial)
        over = max(over, _overcharge(book, venue, prices, lots, initial))
    return total, over


def _expiries(book: Portfolio, venue: RiskParameters, lots: dict[str, int]) -> dict[int, list[tuple[Market, float]]]:
    together: dict[int, list[tuple[Market, float]]] = {}
    for market in venue.markets:
        if market.contract is not None and market.contract.underlying == book.underlying:
            size = lots[f"q/{market.name}"] * float(market.lot)
            together.setdefault(market.contract.expiry_unix_s - START, []).append((market, size))
    return together


def _black(kind: bool, F: float, K: float, s: float) -> float:
    if F * s == 0:
        return max(0.0, F - K if kind else K - F)
    n = NormalDist().cdf
    d = log(F / K) / s + s / 2
    return F * n(d) - K * n(d - s) if kind else K * n(s - d) - F * n(-d)


def _mtm(book: Portfolio, options: list[tuple[Market, float]], prices: dict[str, float], t: int, move: Any) -> float:
    shock, years, total = book.volatility, t / 365 / DAY, 0.0
    scale = (30 / max(t / DAY, 1)) ** float(shock.short_power if t <= 30 * DAY else shock.long_power)
    for market, size in options:
        terms = market.contract
        assert terms is not None
        F, K, vol = prices[terms.forward] * float(move[0]), float(terms.strike), prices[market.name]
        if move[1] == "up":
            vol = max(float(shock.least_up), vol * (1 + float(shock.up) * scale))
        elif move[1] == "down":
            vol *= max(0, 1 - float(shock.down) * scale)
        elif move[1]:
            assert book.skew is not None
            cap = 0.15 - 0.05 * sqrt(years)
            k = log(K / F) if move[1] == "linear" else abs(log(K / F))
            vol *= 1 + cap * max(-1, min(1, k / max(0.01, 4 * sqrt(years) * (0.6 - 0.1 * sqrt(years)))))
        total += size * _black(terms.is_call, F, K, vol * sqrt(years))
    return total


def _multiples(book: Portfolio, t: int) -> tuple[float, float]:
    years = t / 365 / DAY
    gain = 1.0 if book.gains is None else float(book.gains.base) * exp(-float(book.gains.rate) * years)
    loss = 1.0 if book.losses is None else min(1.0, float(book.losses.base) * exp(float(book.losses.rate) * years))
    return gain, loss


def _book(
    book: Portfolio, venue: RiskParameters, prices: dict[str, float], lots: dict[str, int], initial: bool
) -> float:
    lot = {market.name: float(market.lot) for market in venue.markets}
    contracts = {name: lots[f"q/{name}"] * lot[name] for name in book.contracts or ()}
    hedges = sum(lots[f"c/{name}"] * lot[name] * prices[name] for name in book.collateral or ())
    expiries = _expiries(book, venue, lots)
    mark = {t: _mtm(book, options, prices, t, (1, None)) for t, options in expiries.items()}
    gains = [0.0]
    for s in book.scenarios:
        pnl = (sum(size * prices[name] for name, size in contracts.items()) + hedges) * (float(s.spot) - 1)
        for t, options in expiries.items():
            value = _mtm(book, options, prices, t, (s.spot, s.vol))
            gain, loss = _multiples(book, t)
            change = value * (gain if value >= 0 else loss) - mark[t]
            pnl += -abs(change) if s.vol in ("linear", "abs") else change
        gains.append(pnl * float(s.dampening))
    if book.basis is not None:
        basis = 0.0
        for t, options in expiries.items():
            ends = [_mtm(book, options, prices, t, (end, None)) - mark[t] for end in (book.basis.up, book.basis.down)]
            basis += min(*ends, 0.0) * (float(book.basis.add) + float(book.basis.per_year) * t / 365 / DAY)
        gains.append(basis)
    naked: dict[tuple[int, Fraction], float] = {}
    for t, options in expiries.items():
        for market, size in options:
            assert market.contract is not None
            naked[t, market.contract.strike] = naked.get((t, market.contract.strike), 0.0) - size
    spot = prices[book.underlying]
    beside = sum(map(abs, contracts.values())) * (
        book.contract_initial_ppm if initial else book.contract_maintenance_ppm
    ) + sum(max(0.0, n) for n in naked.values()) * (
        book.short_option_initial_ppm if initial else book.short_option_maintenance_ppm
    )
    factor = float(book.initial_factor if initial else book.maintenance_factor)
    value = sum(mark.values()) + sum(size * prices[name] for name, size in contracts.items())
    return value + factor * min(gains) - beside * spot / 1e6


def _overcharge(
    book: Portfolio, venue: RiskParameters, prices: dict[str, float], lots: dict[str, int], initial: bool
) -> float:
    """k d (l - g) |V'| of every expiry, in the dearest scenario that is not exact."""
    factor = float(book.initial_factor if initial else book.maintenance_factor)
    dearest = 0.0
    for s in book.scenarios:
        over = 0.0
        for t, options in _expiries(book, venue, lots).items():
            gain, loss = _multiples(book, t)
            if s.vol in ("linear", "abs") or gain > loss:
                over += abs(loss - gain) * abs(_mtm(book, options, prices, t, (s.spot, s.vol)))
        dearest = max(dearest, factor * float(s.dampening) * over)
    return dearest


@pytest.mark.parametrize("claim", ["maintenance", "initial"])
@pytest.mark.parametrize("name", VENUES)
def test_the_margin_is_that_of_the_source(name: str, claim: str) -> None:
    """At a point: equal where it is exact, and else at most what is documented more, never less."""
    rng, venue = random.Random(name), VENUES[name]
    for _ in range(2):
        bands = _bands(rng, 0)
        layout = relation(venue, venue.box(bands), claim)
        for _ in range(3):
            sizes = _sizes(rng, venue)
            margin, over = _margin(venue, sizes, bands, claim)
            proved = -least_cash(layout, sizes) / 1e18
            slack = 1e-9 * (abs(margin) + sum(map(abs, sizes)))
            assert margin - over - slack <= proved <= margin + slack


def test_a_box_holds_for_every_point_and_time_in_it() -> None:
    """No account that proves over a box is short at any prices, volatilities or time within."""
    rng, venue, claim = random.Random(9), VENUES["v2"], Claim("maintenance")
    for _ in range(5):
        bands = _bands(rng, 10)
        sizes = tuple(_sizes(rng, venue))
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


def test_what_every_scenario_gains_is_no_margin() -> None:
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
        for market, band in zip(venue.markets, _bands(random.Random(1), 0), strict=True)
    )
    layout = relation(venue, venue.box(bands))
    both = [size for size in sizes if size]
    assert len(both) == 4
    margin, _ = _margin(venue, sizes, bands, "maintenance")
    assert least_cash(layout, sizes) / 1e18 == pytest.approx(-margin, rel=1e-9)
    alone, _ = _margin(venue, [min(size, 0) for size in sizes], bands, "maintenance")
    gained, _ = _margin(venue, [max(size, 0) for size in sizes], bands, "maintenance")
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
        assert least_cash(relation(params, box, "initial", now), held.size_lots) == missing - WIDE


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
    box = venue.box(_bands(random.Random(0), 0))
    sizes = [{"q/PERP": -2500, "c/WETH": 150, "c/USDT": 9}.get(label, 0) for label in labels]
    for claim, holds in (("delta[S]<=1", True), ("delta[S]<=0.999999", False), ("delta[PERP]<=2.5", True)):
        assert is_provable(relation(venue, box, f"{claim},maintenance"), WIDE // 10**4, sizes) is holds


# What is refused


@pytest.mark.parametrize(("claim", "words"), [("leverage<=5", "no leverage"), ("health<=2", "cannot state")])
def test_claims_that_are_not_stated(claim: str, words: str) -> None:
    venue = VENUES["v1"]
    with pytest.raises(ContextError, match=words) as refused:
        relation(venue, venue.box(_bands(random.Random(0), 0)), claim)
    assert refused.value.code == "claim_not_allowed"


def test_an_option_that_expires_before_the_proof_is_refused() -> None:
    venue = VENUES["v1"]
    with pytest.raises(ContextError, match="7-1800-call expires") as refused:
        relation(venue, venue.box(_bands(random.Random(0), 0)), "maintenance", (START, START + 7 * DAY))
    assert refused.value.code == "expired_option"


def test_an_expired_option_can_not_be_held() -> None:
    venue = VENUES["v1"]
    later = START + 8 * DAY
    box = venue.box(_bands(random.Random(0), 0))
    held = Holdings(0, tuple(100 * (label == "q/7-1800-call") for label in list(venue.units)[1:]))
    with pytest.raises(InputError, match="7-1800-call has expired"):
        CALCULATOR.shortfall(held, venue, box, Claim("maintenance"), (later, later))


def test_a_cap_that_falls_below_zero_is_refused() -> None:
    skew = SKEW | {"linear_slope": "-1"}
    venue = RiskParameters.from_document(document(MARKETS, PMRM_2 | HEDGED | {"skew": skew}, SECOND))
    with pytest.raises(InputError, match="cap of a skew") as refused:
        relation(venue, venue.box(_bands(random.Random(0), 0)))
    assert refused.value.code == "bad_params"


ONE = [index("S"), contract("PERP")]


@pytest.mark.parametrize(
    ("markets", "portfolios", "words"),
    [
        (ONE, [PMRM_2], "in exactly one commodity or portfolio"),
        (ONE, [PMRM_2 | {"contracts": ["PERP", "PERP"]}], "in exactly one commodity or portfolio"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"]}, PMRM_2], "must not occur twice"),
        (MARKETS, [PMRM_2 | HEDGED | {"contracts": ["PERP", "PERP2"]}], "underlying of every option has a portfolio"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "underlying": "T"}], "a market of the list that is no option"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "collateral": ["S"]}], "assets of the list"),
        (
            [*ONE, {"market": "X", "kind": None} | {k: v for k, v in HAIRCUTS.items() if k != "kind"}],
            [PMRM_2 | {"contracts": ["PERP"]}],
            "contracts, options",
        ),
        (
            ONE,
            [PMRM_2 | {"contracts": ["PERP"], "rates": [{"expiry": "2027-01-01T00:00:00Z", "rate": "0.1"}]}],
            "an expiry of the portfolio's options",
        ),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "skew": None}], "skew scenarios need a skew"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "initial_factor": "0.7"}], "must not be above the initial"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "contract_initial_ppm": 1}], "must not be above the initial"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "initial_factor": "101"}], "at most 100"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "initial_factor": "0.8" + "0" * 18 + "1"}], "at most 18 decimals"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "scenarios": []}], "scenarios"),
        (
            ONE,
            [PMRM_2 | {"contracts": ["PERP"], "scenarios": [{"spot": "1.1", "vol": "abs"}]}],
            "a skew does not move the price",
        ),
    ],
)
def test_parameters_outside_their_domain(
    markets: list[dict[str, Any]], portfolios: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        document(markets, *portfolios)


def test_portfolios_are_for_this_model() -> None:
    with pytest.raises(InputError, match="which needs them"):
        document(ONE, PMRM_2 | {"contracts": ["PERP"]}, model="options-standard")
    with pytest.raises(InputError, match="which needs them"):
        document([index("S")], portfolios=None)
