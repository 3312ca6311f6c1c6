"""Rates that follow open interest and volatility: what is proved at the upper ends of a box holds at milder rounds."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from margin_accounts import TIME, Case, account, round_of
from model_cases import LIFETIME, check_sharp, is_provable, layout, needed, risk

from circuits import statement
from circuits.boxes import ATTO, Band, MarketBox, box_around, within
from circuits.claims import INITIAL, MAINTENANCE, Claim, Claims
from circuits.markets import RiskParameters
from circuits.policy import check_prices, check_width, widest_box
from circuits.prices import box_entries, prices_of
from circuits.statement import build
from zkmargin.canonical import parse_time
from zkmargin.documents import Oracle, Params, Round
from zkmargin.errors import ContextError, InputError, ProofError

CAPS = {"lower": "1000", "upper": "3000"}
BOTH = {"initial_ppm": 100_000, "maintenance_ppm": 50_000, "open_interest": CAPS, "calm_volatility": "0.5"}
PLAIN = {"initial_ppm": 100_000, "maintenance_ppm": 50_000}
VENUE = risk("perpetuals-cross", BOTH | {"lot": "1"}, PLAIN | {"lot": "1"})
M0 = VENUE.markets[0]


def ends(open_interest: int = 0, volatility: str = "0", price: int = 100) -> MarketBox:
    return MarketBox(price * ATTO, price * ATTO, 0, 0, open_interest, int(Fraction(volatility) * 10**6))


@pytest.mark.parametrize(
    ("open_interest", "volatility", "initial", "maintenance"),
    [
        (0, "0", "0.1", "0.05"),
        (10, "0.5", "0.1", "0.05"),  # at the lower cap, and calm
        (20, "0.5", "0.55", "0.05"),  # half the way: 0.1 + 0.9 / 2
        (30, "0.5", "1", "0.05"),  # at the upper cap
        (99, "0.5", "1", "0.05"),
        (0, "0.75", "0.15", "0.075"),
        (0, "5", "1", "0.5"),  # ten times as volatile
        (0, "50", "1", "1"),  # and no rate above 1
        (20, "0.75", "0.575", "0.075"),  # both: 0.15 + 0.85 / 2
    ],
)
def test_rates_in_force(open_interest: int, volatility: str, initial: str, maintenance: str) -> None:
    (tier,) = M0.at(ends(open_interest, volatility)).tiers
    assert (tier.initial, tier.maintenance) == (Fraction(initial), Fraction(maintenance))


def test_the_caps_are_of_value_at_the_high_price() -> None:
    (tier,) = M0.at(MarketBox(ATTO, 200 * ATTO, 0, 0, 10, 0)).tiers
    assert tier.initial == Fraction(55, 100)  # 10 units at 200


@pytest.mark.parametrize("fee_ppm", [0, 30_000])
def test_no_rate_falls_when_risk_rises(fee_ppm: int) -> None:
    """Tiers, rates of shorts, haircuts; with a liquidation fee beside rates of 1, which then exceed 1."""
    tiers = [{"above": "500", "initial_ppm": 10**6, "maintenance_ppm": 990_000}]
    fee = {"liquidation_fee_ppm": fee_ppm} if fee_ppm else {}
    shorts = {"short_initial_ppm": 200_000, "short_maintenance_ppm": 90_000}
    asset = {"kind": "asset", "initial_ppm": 300_000, "maintenance_ppm": 200_000}
    varied = {"open_interest": CAPS, "calm_volatility": "0.5"}
    parameters = risk("perpetuals-brackets", BOTH | fee | {"tiers": tiers}, BOTH | fee | shorts, asset | varied)
    rng = random.Random(1)
    for market in parameters.markets:
        stated = [*market.tiers, *([market.short] if market.short else [])]
        before = stated
        risks = sorted(rng.randrange(60) for _ in range(40))
        for step in risks:
            now = market.at(ends(step, str(Fraction(step, 20))))
            rates = [*now.tiers, *([now.short] if now.short else [])]
            for a, b in zip(before, rates, strict=True):
                assert a.above == b.above
                assert a.initial <= b.initial
                assert a.maintenance <= b.maintenance <= b.initial
            before = rates


def test_a_market_without_such_rates_is_left_alone() -> None:
    assert VENUE.markets[1].at(ends(10**9, "100")) is VENUE.markets[1]


@pytest.mark.parametrize(
    "claim", ["maintenance", "initial", "health>=3", "leverage<=4", "survives>=20", "survives[M0]>=35"]
)
def test_sharp_with_every_kind_of_claim(claim: str) -> None:
    rng = random.Random(2)
    for _ in range(20):
        bands = [
            Band(Fraction(low), Fraction(low + rng.randrange(30)), Fraction(0), Fraction(1), False, oi, volatility)
            for low, oi, volatility in (
                (rng.randrange(1, 200), Fraction(rng.randrange(40)), Fraction(rng.randrange(100), 50)),
                (rng.randrange(1, 200), Fraction(0), Fraction(0)),
            )
        ]
        sizes = [rng.choice([-1, 1]) * rng.randrange(10**4) for _ in range(2)]
        box = VENUE.box(bands)
        if claim.startswith("survives"):
            # The calculator is asked over the moved box, where open interest is worth more.
            asked = Claim.parse(claim)
            moved = asked.over(box, VENUE)
            made = layout(VENUE, box, asked)
            assert made.relation.digest == layout(VENUE, moved, MAINTENANCE).relation.digest
            check_sharp(VENUE, sizes, moved, "maintenance")
        else:
            check_sharp(VENUE, sizes, box, claim)


def test_a_move_of_the_price_moves_the_caps() -> None:
    """At 100 the initial rate is as stated; a tenth higher, 10 units of open interest pass the lower cap."""
    box = (ends(10), ends())
    moved = Claim.parse("survives>=10").over(box, VENUE)
    assert M0.at(box[0]).tiers[0].initial == Fraction(1, 10)
    assert M0.at(moved[0]).tiers[0].initial > Fraction(1, 10)


def test_initial_at_the_cap_takes_the_whole_value() -> None:
    made = layout(VENUE, (ends(30), ends()), INITIAL)
    assert is_provable(made, 0, [1, 0])  # a long is paid in full, without cash
    assert not is_provable(made, -1, [1, 0])
    assert is_provable(made, 200 * ATTO, [-1, 0])  # a short: its value, and as much again
    assert not is_provable(made, 200 * ATTO - 1, [-1, 0])


def test_milder_rounds_ask_for_less() -> None:
    """Over random pairs of rounds: what is provable under an envelope is provable under everything within it."""
    rng = random.Random(3)
    for _ in range(30):
        rough = ends(rng.randrange(60), str(Fraction(rng.randrange(200), 100)))
        mild = replace(
            rough,
            open_interest=rng.randrange(rough.open_interest + 1),
            volatility_ppm=rng.randrange(rough.volatility_ppm + 1),
        )
        assert within((mild,), (rough,))
        sizes = [rng.choice([-1, 1]) * rng.randrange(1, 10**4), 0]
        for claim in (MAINTENANCE, INITIAL):
            check_sharp(VENUE, sizes, (rough, ends()), str(claim))
            cash = needed(VENUE, sizes, (rough, ends()), claim)
            assert is_provable(layout(VENUE, (mild, ends()), claim), cash, sizes)


@pytest.mark.parametrize("text", ["health<=4", "health<=0.5"])
def test_the_opposite_holds_in_the_mildest_round(text: str) -> None:
    """What only a rough round requires makes no account unhealthy: "at most" has to be true in a calm one too.

    One unit long at 100 with cash -85: equity 15 is 3 times the 5 of a calm round, and 0.3 times the 50 of a rough one.
    """
    rough = (ends(0, "5"), ends())
    made = statement.layout(VENUE, rough, Claims.parse(text), LIFETIME)
    calm = statement.layout(VENUE, (ends(), ends()), Claims.parse(text), LIFETIME)
    for cash in (-85 * ATTO, -98 * ATTO, -60 * ATTO):
        assert is_provable(made, cash, [1, 0]) is is_provable(calm, cash, [1, 0])
    assert is_provable(made, -85 * ATTO, [1, 0]) is (text == "health<=4")


# Documents: rounds, boxes, requests


def report(volatility: str | None = "0.6", open_interest: str | None = "5", **changed: object) -> Oracle:
    entry: dict[str, str] = {"market": "M0"}
    if volatility is not None:
        entry["volatility"] = volatility
    if open_interest is not None:
        entry["open_interest"] = open_interest
    value = {
        "schema": "zkmargin/oracle/v1", "venue": "demo", "round": 17, "time": TIME,
        "prices": [{"market": "M0", "price": "100"}, {"market": "M1", "price": "50"}], "risk": [entry],
    }  # fmt: skip
    return Oracle.from_value(value | changed)


DOCUMENT = Params.from_value(
    {
        "schema": "zkmargin/params/v1", "venue": "demo", "version": 1, "model": "perpetuals-cross", "quote": "USD",
        "markets": [
            BOTH | {"market": "M0", "lot": "1", "max_size": "1000000"},
            PLAIN | {"market": "M1", "lot": "1", "max_size": "1000000"},
        ],
    }
)  # fmt: skip
PARAMETERS = RiskParameters.from_document(DOCUMENT)


def test_the_upper_median_counts() -> None:
    reports = [report(v, o) for v, o in (("0.6", "9"), ("0.9", "5"), ("0.1", "7"), ("0.7", "4"))]
    band, plain = prices_of(round_of(*reports), PARAMETERS)
    assert (band.volatility, band.open_interest) == (Fraction(7, 10), Fraction(7))
    assert (plain.volatility, plain.open_interest) == (0, 0)


@pytest.mark.parametrize("missing", [{"volatility": None}, {"open_interest": None}, {"risk": None}, {"risk": []}])
def test_silence_is_not_calm(missing: dict[str, None]) -> None:
    """A reporter that leaves out what a rate depends on would otherwise make the rate its lowest."""
    silent = report(**missing)
    for of_round in (round_of(silent), round_of(report(), report("0.7"), silent)):
        with pytest.raises(InputError, match="M0") as refused:
            prices_of(of_round, PARAMETERS)
        assert refused.value.code == "missing_price"


def _case(of_round: Round) -> Case:
    return Case.of(account("1000", ("M0", "20", "100"), ("M1", "-10", "50")), DOCUMENT, of_round)


def test_a_proof_is_good_for_milder_rounds_and_not_for_rougher_ones() -> None:
    case = _case(round_of(report()))
    made = build(case.request(claim="maintenance", percent=10), case.state, DOCUMENT, case.round)
    made.verify(made.prove(case.openings))
    for milder in (report("0.65", "5.5"), report("0.1", "0"), report("0.66", "5")):
        check_prices(PARAMETERS.box(prices_of(round_of(milder), PARAMETERS)), made.box)
    for rougher in (report("0.660001", "5"), report("0.6", "7"), report("5", "5")):
        with pytest.raises(ContextError) as refused:
            check_prices(PARAMETERS.box(prices_of(round_of(rougher), PARAMETERS)), made.box)
        assert refused.value.code == "price_outside_box"


def test_the_policy_limits_how_rough_an_envelope_may_be() -> None:
    bands = prices_of(round_of(report()), PARAMETERS)
    widest = widest_box(bands, PARAMETERS, "10")
    check_width(PARAMETERS.box(box_around(bands, Fraction(10))), widest)
    for rougher in (
        replace(bands[0], volatility=Fraction("0.67")),
        replace(bands[0], open_interest=Fraction(7)),
    ):
        with pytest.raises(ContextError) as refused:
            check_width(PARAMETERS.box([rougher, bands[1]]), widest)
        assert refused.value.code == "box_too_wide"


def test_the_envelope_is_bound() -> None:
    """A proof of a milder envelope is no proof of a rougher one, even if the rates are the same in both."""
    case = _case(round_of(report()))
    bands = case.prices
    request = case.request(claim="leverage<=10", bands=bands)
    made = build(request, case.state, DOCUMENT, case.round)
    proof = made.prove(case.openings)
    made.verify(proof)
    for changed in (
        replace(bands[0], volatility=bands[0].volatility + 1),
        replace(bands[0], open_interest=bands[0].open_interest + 1),
    ):
        other = build(case.request(claim="leverage<=10", bands=[changed, bands[1]]), case.state, DOCUMENT, case.round)
        assert other.relation.digest == made.relation.digest
        assert other.context != made.context
        with pytest.raises(ProofError):
            other.verify(proof)


def test_a_box_says_exactly_what_rates_depend_on() -> None:
    case = _case(round_of(report()))
    first, second = box_entries(case.prices, PARAMETERS)
    assert (first.volatility, first.open_interest) == ("0.6", "5")
    assert (second.volatility, second.open_interest) == (None, None)
    for box in (
        (first.model_copy(update={"volatility": None}), second),
        (first.model_copy(update={"open_interest": None}), second),
        (first, second.model_copy(update={"volatility": "0"})),
        (first, second.model_copy(update={"open_interest": "0"})),
    ):
        with pytest.raises(ContextError) as refused:
            build(case.request(box=box), case.state, DOCUMENT, case.round)
        assert refused.value.code == "bad_box"


def test_several_claims_over_one_envelope() -> None:
    case = _case(round_of(report()))
    text = "health>=1.5,initial,survives[M0]>=15"
    made = build(case.request(claim=text, percent=5), case.state, DOCUMENT, case.round)
    made.verify(made.prove(case.openings))
    assert str(made.claims) == text
    assert made.lifetime[0] == parse_time(TIME)
