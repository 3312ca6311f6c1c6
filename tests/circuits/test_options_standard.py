"""Derive's standard margin for options: published figures, the calculator, the relation, and what is refused."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from least_cash import START, WIDE, least_cash, relation
from margin_accounts import Case, round_of
from model_cases import is_provable
from option_markets import DAY, REQUIRES, document, index, option, perpetual, points, risk
from trials import trials

from circuits import calculators, statement
from circuits.boxes import Band, box_around
from circuits.claims import Claim, Claims
from circuits.holdings import Holdings, holdings
from circuits.markets import RiskParameters
from circuits.prices import prices_of
from zkmargin.documents import Account, Oracle
from zkmargin.errors import ContextError, InputError, WitnessError

Q = Fraction
CALCULATOR = calculators.of("options-standard")


# Published figures


# derivexyz/v2-core at 530b61fa: test/risk-managers/unit-tests/StandardManager/test-cases-2.json, with the prices of
# TestStandardManager_Cases2.t.sol: ETH at 2000, BTC at 28000, forwards above, every volatility 0.5, base at 0.8.
# (days to expiry, kind, strike, size) each; the margins are truncated to whole dollars there.
FORWARDS = {"ETH": {10: "2002.83", 17: "2004.75", 57: "2015.76"}, "BTC": {10: "28039.66", 17: "28066.56", 57: "28220"}}
PUBLISHED = {
    "long call": (["ETH 10 call 2000 1"], 0, 0),
    "short call in the money": (["ETH 10 call 1500 -1"], -652, -802),
    "short put in the money": (["ETH 10 put 3000 -2"], -2294, -2594),
    "short call out of the money": (["ETH 17 call 2500 -1"], -151, -201),
    "short put out of the money": (["ETH 10 put 1100 -1"], -150, -200),
    "call spread, loss": (["ETH 10 call 1800 -1", "ETH 10 call 2000 1"], -200, -200),
    "put spread, loss": (["ETH 10 put 2500 1", "ETH 10 put 3000 -1"], -500, -500),
    "call spread, by itself": (["ETH 10 call 2300 -1", "ETH 10 call 4000 1"], -153, -203),
    "put spread, by itself": (["ETH 10 put 1200 1", "ETH 10 put 2000 -1"], -215, -365),
    "two expiries, loss": (
        ["ETH 10 call 1800 -1", "ETH 10 call 2000 1", "ETH 17 call 1800 -1", "ETH 17 call 2000 1"],
        -400,
        -400,
    ),
    "two expiries, by itself": (
        ["ETH 10 put 1200 1", "ETH 10 put 1500 -1", "ETH 57 call 2500 -1", "ETH 57 call 2700 1"],
        -331,
        -400,
    ),
    "two currencies": (
        ["ETH 10 call 3200 -1", "ETH 10 call 3500 1", "BTC 57 call 33000 -1", "BTC 57 call 35000 1"],
        -2150,
        -2200,
    ),
    "two currencies, two expiries": (
        [
            *("ETH 17 put 2900 1", "ETH 17 put 3500 -1", "ETH 57 call 3000 -1", "ETH 57 call 3200 1"),
            *("BTC 17 put 35000 1", "BTC 17 put 38000 -1", "BTC 10 call 36000 -1", "BTC 10 call 40000 1"),
        ],
        -5855,
        -6601,
    ),
    "long call spread": (["ETH 10 call 2900 1", "ETH 10 call 3500 -1"], 0, 0),
    "long box": (["ETH 10 call 1000 1", "ETH 10 put 1000 -1", "ETH 10 call 2000 -1", "ETH 10 put 2000 1"], 0, 0),
    "short box": (
        ["ETH 10 call 1000 -1", "ETH 10 put 1000 1", "ETH 10 call 2000 1", "ETH 10 put 2000 -1"],
        -1000,
        -1000,
    ),
    "a put at a low strike": (["ETH 17 put 100 -1"], -100, -100),
    "unpaired": (["ETH 10 call 1100 -1.01", "ETH 10 call 1200 1"], -123, -125),
}
HAIRCUT = {"initial_ppm": 200_000, "maintenance_ppm": 200_000}


def _published(
    legs: Sequence[str], collateral: str | None = None, penalty: int | None = None
) -> tuple[RiskParameters, tuple[Band, ...], Account]:
    spots = {"ETH": "2000", "BTC": "28000"}
    markets = [index(name, options=REQUIRES | {"initial_penalty_ppm": penalty}) for name in spots]
    prices = list(spots.values())
    if collateral:
        markets.append({"market": f"W{collateral}", "kind": "asset", "lot": "0.01", "max_size": "100000"} | HAIRCUT)
        prices.append(spots[collateral])
    for name, forwards in FORWARDS.items():
        for days, price in forwards.items():
            markets.append(index(f"{name}-{days}"))
            prices.append(price)
    positions = []
    for leg in legs:
        name, days, kind, strike, size = leg.split()
        markets.append(option(leg.replace(" ", ":"), name, kind, strike, int(days) + Q(1, 3), forward=f"{name}-{days}"))
        prices.append("0.5")
        positions.append({"option": leg.replace(" ", ":"), "size": size})
    held = {"collateral": [{"asset": f"W{collateral}", "amount": "1"}]} if collateral else {}
    account = {"schema": "zkmargin/account/v1", "account": "derive", "cash": "0", "positions": positions} | held
    return risk(*markets), points(*prices), Account.from_value(account)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_margins(name: str) -> None:
    legs, maintenance, initial = PUBLISHED[name]
    params, prices, account = _published(legs)
    told = CALCULATOR.report(account, params, prices, START).to_value()
    sizes = holdings(account, params, prices).size_lots
    for claim, published in (("maintenance", maintenance), ("initial", initial)):
        exact = Q(told["equity"]) - Q(told[f"{claim}_requirement"])
        assert int(exact) == published
        assert least_cash(relation(params, params.box(prices), claim), sizes) == -exact * 10**18


def test_published_margin_with_collateral() -> None:
    """ "test_short_eth_call_with_btc_collateral" of the same file."""
    params, prices, account = _published(["ETH 17 call 2000 -1"], collateral="BTC")
    prices = tuple(
        replace(band, interest=market.kind == "asset") for market, band in zip(params.markets, prices, strict=True)
    )
    told = CALCULATOR.report(account, params, prices, START).to_value()
    assert int(Q(told["slack"])) == 22160
    assert int(Q(told["equity"]) - Q(told["initial_requirement"])) == 22010


def test_published_margin_while_the_cash_is_below_its_peg() -> None:
    """ "test_USDC_depeg": the peg is at 0.98, the price at 0.1, the factor 1.2. Initial only, by either method."""
    params, prices, account = _published(["ETH 17 put 2000 -1"], penalty=int(Q("0.88") * 1_200_000))
    told = CALCULATOR.report(account, params, prices, START).to_value()
    assert int(Q(told["slack"])) == -234
    exact = Q(told["equity"]) - Q(told["initial_requirement"])
    assert int(exact) == -2496
    sizes = holdings(account, params, prices).size_lots
    assert least_cash(relation(params, params.box(prices), "initial"), sizes) == -exact * 10**18


# TestStandardManager_Option.t.sol of the same project: index 1500, the mark value given; most 0.15, least 0.1, rates
# 0.075. (kind, strike, mark value) -> (initial, maintenance), truncated.
BY_ITSELF = [
    ("call", 1500, 100, 325, 212),
    ("call", 400, 1100, 1325, 1212),
    ("call", 3000, 10, 160, 122),
    ("put", 1500, 100, 325, 212),
    ("put", 3000, 1500, 1725, 1612),
    ("put", 400, 10, 160, 122),
]


@pytest.mark.parametrize(("kind", "strike", "mark", "initial", "maintenance"), BY_ITSELF)
def test_published_requirements_of_shorts(
    kind: str, strike: int, mark: int, initial: int, maintenance: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("circuits.options.Option.most", lambda *_: Q(mark))
    params = risk(index("ETH", options=REQUIRES), option("O", "ETH", kind, strike, 91))
    box = params.box(points(1500, "0.5"))
    for claim, published in (("initial", initial), ("maintenance", maintenance)):
        assert least_cash(relation(params, box, claim), [-100]) // 10**18 == published


# Random accounts against the calculator

VENUE = risk(
    perpetual("ETH", options=REQUIRES | {"initial_penalty_ppm": 12_500}),
    index("FORWARD"),
    {
        "market": "USDT",
        "kind": "asset",
        "lot": "0.01",
        "max_size": "1000000",
        "initial_ppm": 50_000,
        "maintenance_ppm": 0,
    },
    *(
        option(f"{days}-{k}-{kind}", "ETH", kind, k, days)
        for days in (7, 30)
        for k in (1800, 2000)
        for kind in ("call", "put")
    ),
    *(option(f"F-{k}-{kind}", "ETH", kind, k, 7, forward="FORWARD") for k in (1900, 2200) for kind in ("call", "put")),
    perpetual("SOL", isolated=True),
)
OPTIONS = [market for market in VENUE.markets if market.kind == "option"]


def _boxes(rng: random.Random, *, width: bool) -> tuple[Band, ...]:
    spot = rng.choice([1500, 1800, 1950, 2000, 2500])
    prices = {"ETH": spot, "FORWARD": spot + 7, "USDT": 1, "SOL": 25}
    bands = [
        Band(*[Q(prices.get(market.name, Q(rng.randrange(20, 200), 100)))] * 2, Q(0), Q(0), market.kind == "asset")
        for market in VENUE.markets
    ]
    return box_around(bands, Q(rng.choice([1, 5, 20]) if width else 0))


def _sizes(rng: random.Random) -> list[int]:
    """In the order of the labels; most are not held."""
    held = []
    for hidden in VENUE.hidden[1:]:
        most = 10 ** rng.randrange(1, 6)
        size = rng.choice([0, 0, rng.randrange(-most, most)])
        held.append(WIDE if hidden.kind == "cash" else abs(size) if hidden.kind == "amount" else size)
    return held


@trials(12, 200)
@pytest.mark.parametrize("claim", ["maintenance", "initial", "survives>=3", "initial,maintenance"])
def test_exactly_enough_proves_and_one_atto_less_is_refused(claim: str, trials: int) -> None:
    rng = random.Random(claim)
    for trial in range(trials):
        box = VENUE.box(_boxes(rng, width=bool(trial % 2)))
        lifetime = (START, START + rng.choice([0, DAY]))
        layout = relation(VENUE, box, claim, lifetime)
        sizes = _sizes(rng)
        claims = Claims.parse(claim).claims
        held = Holdings(-WIDE, tuple(sizes))
        enough = -WIDE + max(CALCULATOR.shortfall(held, VENUE, c.over(box, VENUE), c, lifetime) for c in claims)
        assert is_provable(layout, enough, sizes)
        assert not is_provable(layout, enough - 1, sizes)


@trials(5, 50)
def test_a_box_holds_for_every_point_and_time_in_it(trials: int) -> None:
    """No account that proves over a box is short at any prices, volatilities or time within."""
    rng = random.Random(9)
    claim = Claim("maintenance")
    for _ in range(trials):
        bands, lifetime = _boxes(rng, width=True), (START, START + DAY)
        held = Holdings(0, tuple(_sizes(rng)))
        needed = CALCULATOR.shortfall(held, VENUE, VENUE.box(bands), claim, lifetime)
        held = replace(held, cash0_atto=needed)
        for _ in range(20):
            now = rng.randrange(START, START + DAY + 1)
            within = [_inside(rng, band) for band in bands]
            box = VENUE.box(within)
            assert CALCULATOR.shortfall(held, VENUE, box, claim, (now, now)) == 0
            assert is_provable(relation(VENUE, box, "maintenance", (now, now)), needed, held.size_lots)


def _inside(rng: random.Random, band: Band) -> Band:
    at = rng.choice([Q(0), Q(1), Q(rng.randrange(1001), 1000)])
    price = band.low + at * (band.high - band.low)
    return Band(price, price, Q(0), Q(0), band.interest)


@trials(10, 100)
def test_a_box_costs_at_most_what_each_short_varies_by(trials: int) -> None:
    """What a box requires more than the worse of two opposite corners is at most the sum, over all shorts, of what the
    requirement of each by itself differs between the box and the cheaper of these corners."""
    rng = random.Random(10)
    for _ in range(trials):
        bands = _boxes(rng, width=True)
        corners = [
            tuple(Band(end, end, Q(0), Q(0), band.interest) for band, end in zip(bands, ends, strict=True))
            for ends in ([band.low for band in bands], [band.high for band in bands])
        ]
        sizes = {market.name: -rng.randrange(1, 1000) for market in OPTIONS if rng.random() < 0.5}
        over_box, *at_corners = (_needs(where, sizes) for where in (bands, *corners))
        slack = 0
        for name, size in sizes.items():
            by_itself, *there = (_needs(where, {name: size}) for where in (bands, *corners))
            slack += by_itself - min(there)
        assert max(at_corners) <= over_box <= max(at_corners) + slack


def _needs(bands: Sequence[Band], sizes: dict[str, int]) -> int:
    """The cash, in atto, that these options need."""
    held = [sizes.get(label.partition("/")[2], 0) for label in VENUE.units][1:]
    return CALCULATOR.shortfall(Holdings(0, tuple(held)), VENUE, VENUE.box(bands), Claim("maintenance"), (START, START))


def test_a_put_requires_most_at_its_strike() -> None:
    """With a forward of its own: the ends of the box would ask for too little."""
    params = risk(index("S", options=REQUIRES), index("F"), option("P", "S", "put", 1900, 7, forward="F"))
    sizes, now = [-100], (START, START)

    def cash(*spots: object) -> int:
        band = Band(Q(min(spots)), Q(max(spots)), Q(0), Q(0))
        return least_cash(relation(params, params.box((band, *points(1900, "0.5"))), "initial", now), sizes)

    assert cash(1700, 2100) == cash(1900) > max(cash(1700), cash(2100))


# Real proofs, and what is refused

MONTH = [
    perpetual("ETH", options=REQUIRES),
    option("ETH-20261225-3000-C", "ETH", "call", 3000, 0, expiry="2026-12-25T08:00:00Z"),
    option("ETH-20261225-2000-P", "ETH", "put", 2000, 0, expiry="2026-12-25T08:00:00Z"),
    option("OLD", "ETH", "call", 2000, 0, expiry="2026-11-22T06:00:00Z"),
]
QUOTES = {"ETH": "2500", "ETH-20261225-3000-C": "0.65", "ETH-20261225-2000-P": "0.7"}
ROUND = round_of(
    Oracle.from_value(
        {
            "schema": "zkmargin/oracle/v1",
            "venue": "demo",
            "round": 17,
            "time": "2026-11-22T06:00:00Z",
            "prices": [{"market": market, "price": price} for market, price in QUOTES.items()],
            "funding": [{"market": "ETH-20261225-3000-C", "index": "5"}],
        }
    )
)


def holder(cash: str, **sizes: str) -> Account:
    positions = [{"option": name.replace("_", "-"), "size": size, "entry_price": "10"} for name, size in sizes.items()]
    return Account.from_value(
        {"schema": "zkmargin/account/v1", "account": "alice", "cash": cash, "positions": positions}
    )


SHORT = {"ETH_20261225_3000_C": "-3", "ETH_20261225_2000_P": "1.5"}


def test_prove_and_verify_over_a_box_and_a_day() -> None:
    case = Case.of(holder("9000", **SHORT), document(*MONTH), ROUND)
    assert case.held.cash0_atto == 9015 * 10**18  # premiums, and no funding
    built = statement.build(case.request(claim="initial,maintenance", percent=5), case.state, case.params, case.round)
    built.verify(built.prove(case.openings))
    poor = Case.of(holder("0", **SHORT), document(*MONTH), ROUND)
    built = statement.build(poor.request(percent=5), poor.state, poor.params, poor.round)
    with pytest.raises(WitnessError) as refused:
        built.prove(poor.openings)
    assert refused.value.code == "not_provable"


def test_no_option_may_expire_before_the_proof_does() -> None:
    case = Case.of(holder("9000", **SHORT), document(*MONTH), ROUND)
    for expiry, code in (("2026-12-25T07:59:59Z", None), ("2026-12-25T08:00:00Z", "expired_option")):
        request = case.request(expiry=expiry)
        if code is None:
            statement.build(request, case.state, case.params, case.round)
            continue
        with pytest.raises(ContextError, match="ETH-20261225-3000-C expires") as refused:
            statement.build(request, case.state, case.params, case.round)
        assert refused.value.code == code


def test_an_expired_option_needs_no_quote_and_can_not_be_held() -> None:
    parameters = RiskParameters.from_document(document(*MONTH))
    prices = prices_of(ROUND, parameters)
    account = holder("9000", OLD="1")
    with pytest.raises(InputError, match="OLD has expired") as refused:
        CALCULATOR.report(account, parameters, prices, ROUND.time_unix_s)
    assert refused.value.code == "expired_option"
    case = Case.of(account, document(*MONTH), ROUND)
    built = statement.build(case.request(), case.state, case.params, case.round)
    with pytest.raises(WitnessError) as unprovable:
        built.prove(case.openings)
    assert unprovable.value.code == "expired_option"
    # the relation itself says so: the same row refuses whatever a prover makes of the rest
    j = built.labels.index("q/OLD")
    assert [row.P for row in built.relation.rows if not row.W and not row.U] == [((j, 1),)]


def test_every_living_option_needs_a_quote() -> None:
    parameters = RiskParameters.from_document(document(*MONTH, option("NEW", "ETH", "call", 9, 9999)))
    with pytest.raises(InputError, match="NEW") as refused:
        prices_of(ROUND, parameters)
    assert refused.value.code == "missing_price"


def test_an_unknown_option_and_a_market_called_an_option_are_refused() -> None:
    parameters = RiskParameters.from_document(document(*MONTH))
    for key, name in (("option", "ETH"), ("option", "ETH-1"), ("market", "OLD")):
        account = Account.from_value(
            {
                "schema": "zkmargin/account/v1",
                "account": "alice",
                "cash": "0",
                "positions": [{key: name, "size": "1"}],
            }
        )
        with pytest.raises(InputError, match=name) as refused:
            holdings(account, parameters, prices_of(ROUND, parameters))
        assert refused.value.code == "unknown_market"


@pytest.mark.parametrize("claim", ["health>=1.5", "leverage<=5", "health<=2"])
def test_a_claim_about_a_requirement_by_itself_is_refused(claim: str) -> None:
    with pytest.raises(ContextError) as refused:
        relation(VENUE, VENUE.box(_boxes(random.Random(0), width=False)), claim)
    assert refused.value.code == "claim_not_allowed"


def test_an_underlying_must_say_what_options_require() -> None:
    params = risk(index("S"), option("C", "S", "call", 1900, 7))
    with pytest.raises(InputError, match="S does not say") as refused:
        relation(params, params.box(points(1, 1)))
    assert refused.value.code == "bad_params"


@pytest.mark.parametrize(
    ("markets", "words"),
    [
        ([index("S"), option("C", "T", "call", 1, 1)], "no option and not isolated"),
        ([index("S"), option("C", "S", "call", 1, 1), option("D", "C", "put", 1, 1)], "no option and not isolated"),
        ([perpetual("S", isolated=True), option("C", "S", "call", 1, 1)], "no option and not isolated"),
        ([index("S"), option("C", "S", "call", 1, 1, forward="T")], "no option and not isolated"),
        ([index("S"), option("C", "S", "call", 1, 1, underlying=None)], "an option, and nothing else"),
        ([index("S", strike="1")], "an option, and nothing else"),
        ([index("S"), option("C", "S", "call", 1, 1, initial_ppm=1)], "no rates"),
        ([index("S", tiers=[{"above": "1", "initial_ppm": 1, "maintenance_ppm": 1}])], "no rates"),
        ([{"market": "P", "lot": "1", "max_size": "1"}], "an initial and a maintenance rate"),
        ([index("S", options=REQUIRES | {"call_maintenance_ppm": 100_001})], "must not be below"),
        ([index("S", options=REQUIRES | {"initial_most_ppm": 99_999})], "must not be below"),
        ([index("S", options=REQUIRES | {"unpaired_maintenance_ppm": 1_200_001})], "must not be above"),
    ],
)
def test_parameters_outside_their_domain(markets: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        document(*markets)


def test_other_models_know_no_options() -> None:
    with pytest.raises(InputError, match="knows no options"):
        document(perpetual("ETH"), option("C", "ETH", "call", 1, 1), model="perpetuals-cross")
