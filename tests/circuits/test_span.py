"""SPAN: arrays of the published scenarios, the calculator, the relation, and what is refused."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from cli_run import EXAMPLES
from least_cash import START, WIDE, least_cash, relation
from margin_accounts import Case, round_of
from model_cases import is_provable

from circuits import black76, calculators, statement
from circuits.boxes import Band, box_around
from circuits.claims import Claim
from circuits.holdings import Holdings, holdings
from circuits.markets import RiskParameters
from circuits.program import SLACK_BITS
from zkmargin.canonical import format_decimal
from zkmargin.documents import Account, Oracle, Params
from zkmargin.errors import ContextError, InputError, WitnessError

Q = Fraction
CALCULATOR = calculators.of("span")
NOW = (START, START)

# The sixteen scenarios as published for Indian exchanges, where extreme moves are twice the scan range and 35 percent
# of the loss counts (Lovely Professional University, DCOM510 "Financial Derivatives", page 193): price move in
# price scan ranges, volatility move in volatility scan ranges, share of the loss.
SCENARIOS = [
    *((Q(move, 3), vol, Q(1)) for move in (0, 1, -1, 2, -2, 3, -3) for vol in (1, -1)),
    (Q(2), 0, Q(35, 100)),
    (Q(-2), 0, Q(35, 100)),
]

FUTURE, SCAN, VOL, VOL_SCAN, YEARS = Q(5000), Q(300), Q(18, 100), Q(3, 100), Q(73, 365)
"""Of the commodity of examples/span: the price of its future and how far it may move; volatility; years to expiry."""


def _worth(kind: str, strike: int, future: Fraction, vol: Fraction) -> Fraction:
    """In dollars, half way between the bounds of the value."""
    return future if kind == "future" else sum(black76.value(kind == "call", future, strike, vol, YEARS), Q(0)) / 2


def losses(kind: str, strike: int) -> list[str]:
    """The risk array: what a long loses in each scenario, rounded up to a cent."""
    now = _worth(kind, strike, FUTURE, VOL)
    moved = [(_worth(kind, strike, FUTURE + move * SCAN, VOL + vol * VOL_SCAN), w) for move, vol, w in SCENARIOS]
    return [format_decimal(Q(ceil((now - then) * weight * 100), 100)) for then, weight in moved]


def contract(name: str, **other: Any) -> dict[str, Any]:
    return {"market": name, "kind": "contract", "lot": "1", "max_size": "100000"} | other


def document(markets: Sequence[dict[str, Any]], commodities: object, **other: Any) -> Params:
    fields = {"schema": "zkmargin/params/v1", "venue": "demo", "version": 1, "model": "span", "quote": "USD"}
    return Params.from_value(fields | {"markets": list(markets), "commodities": commodities} | other)


def points(*prices: object) -> tuple[Band, ...]:
    return tuple(Band(Q(str(price)), Q(str(price)), Q(0), Q(0)) for price in prices)


CASH = {"market": "BILL", "kind": "asset", "lot": "1", "max_size": "100000", "initial_ppm": 10_000} | {
    "maintenance_ppm": 5_000
}
DOCUMENT = document(
    [contract(name, lot=lot) for name, lot in (("F1", "1"), ("F2", "1"), ("C", "0.1"), ("P", "0.1"), ("G", "0.01"))]
    + [CASH],
    [
        {
            "commodity": "INDEX",
            "initial_factor": "1.1",
            "spread_charge": "12.345",
            "short_option_minimum": "7.5",
            "contracts": [
                {"market": "F1", "losses": losses("future", 0), "delta": "1"},
                {"market": "F2", "losses": [f"{i * 7 - 50}.03" for i in range(16)], "delta": "0.97"},
                {"market": "C", "losses": losses("call", 5200), "delta": "0.33", "option": True},
                {"market": "P", "losses": losses("put", 4700), "delta": "-0.21", "option": True},
            ],
        },
        {
            "commodity": "GOLD",
            "initial_factor": "1.35",
            "contracts": [{"market": "G", "losses": ["-90.1", "90.1"], "delta": "1"}],
        },
    ],
)
VENUE = RiskParameters.from_document(DOCUMENT)
PRICES = ("5000", "5040", "90.25", "61.7", "2400.5", "0.99")


def _bands(percent: int = 0) -> tuple[Band, ...]:
    bands = points(*PRICES)
    return box_around((*bands[:-1], replace(bands[-1], interest=True)), Q(percent))


def _sizes(rng: random.Random) -> list[int]:
    held = [rng.choice([0, rng.randrange(-(10**k), 10**k)]) for k in (2, 2, 4, 4, 5)]
    return [*held, rng.randrange(1000), rng.randrange(1000)]


# Figures worked out by hand


@pytest.mark.parametrize(
    ("sizes", "requirement"),
    [
        ({"G": "1"}, "90.1"),  # the worst of two scenarios, either way
        ({"G": "-2"}, "180.2"),
        ({"F1": "1"}, "300"),  # one scan range down
        ({"F1": "-3"}, "900"),
        ({"C": "-0.5"}, None),
        ({"F1": "1", "F2": "-1"}, None),
        ({}, "0"),
    ],
)
def test_requirements_by_hand(sizes: dict[str, str], requirement: str | None) -> None:
    report = CALCULATOR.report(_account(sizes), VENUE, _bands(), START).to_value()
    if requirement is not None:
        assert report["maintenance_requirement"] == requirement
    held = holdings(_account(sizes), VENUE, _bands()).size_lots
    slack = Q(report["equity"]) - Q(report["maintenance_requirement"])
    assert least_cash(relation(VENUE, VENUE.box(_bands())), held) == -slack * 10**18


def test_the_published_scenarios() -> None:
    """A future loses what it moves: the array is the table, and the extreme moves count 35 percent of two ranges."""
    array = [Q(loss) for loss in losses("future", 0)]
    assert array == [0, 0, -100, -100, 100, 100, -200, -200, 200, 200, -300, -300, 300, 300, -210, 210]
    call = [Q(loss) for loss in losses("call", 5200)]
    assert min(call) == call[10]  # a long call gains most when price and volatility rise
    assert max(call) == call[13]


def test_short_options_require_a_minimum() -> None:
    """Deep calls that no scenario reaches: a short one requires the minimum, a long one nothing."""
    params = RiskParameters.from_document(
        document(
            [contract("O"), contract("Z")],
            [
                {
                    "commodity": "X",
                    "initial_factor": "2",
                    "short_option_minimum": "5",
                    "contracts": [
                        {"market": "O", "losses": ["-0.1", "0.1"], "delta": "0.01", "option": True},
                        {"market": "Z", "losses": ["0", "0"], "delta": "0", "option": True},
                    ],
                }
            ],
        )
    )
    box = params.box(points(0, 0))
    for claim, minimum in (("maintenance", 5), ("initial", 10), ("health>=1.5", Q(15, 2))):
        needed = [least_cash(relation(params, box, claim), sizes) for sizes in ([-3, 0], [3, 0], [2, -1])]
        times = Q(minimum, 5)
        # the third: a short is not paid for by longs of another strike
        assert needed == [3 * minimum * 10**18, 3 * times * 10**17, minimum * 10**18]


def test_spreads_are_charged_once_for_the_lesser_side() -> None:
    """Losses cancel, deltas do not: 3 long and 2 short make two spreads, which a hidden bit must not choose away."""
    params = RiskParameters.from_document(
        document(
            [contract("NEAR"), contract("FAR")],
            [
                {
                    "commodity": "X",
                    "initial_factor": "1",
                    "spread_charge": "40",
                    "contracts": [
                        {"market": "NEAR", "losses": ["1", "-1"], "delta": "1"},
                        {"market": "FAR", "losses": ["1", "-1"], "delta": "1"},
                    ],
                }
            ],
        )
    )
    layout = relation(params, params.box(points(0, 0)))
    for sizes, dollars in (([3, -2], 81), ([-2, 3], 81), ([2, -2], 80), ([3, 2], 5), ([-3, 0], 3)):
        assert least_cash(layout, sizes) == dollars * 10**18
    assert layout.shape.choices == 1


# Random accounts against the calculator


@pytest.mark.parametrize("claim", ["maintenance", "initial", "health>=1.25", "survives>=3"])
def test_exactly_enough_proves_and_one_atto_less_is_refused(claim: str) -> None:
    rng = random.Random(claim)
    asked = Claim.parse(claim)
    for trial in range(30):
        box = VENUE.box(_bands(rng.choice([1, 5]) if trial % 2 else 0))
        layout = relation(VENUE, box, claim)
        sizes = _sizes(rng)
        missing = CALCULATOR.shortfall(Holdings(-WIDE, tuple(sizes)), VENUE, asked.over(box, VENUE), asked, NOW)
        assert is_provable(layout, missing - WIDE, sizes)
        assert not is_provable(layout, missing - WIDE - 1, sizes)


def test_health_at_most_is_the_opposite() -> None:
    rng = random.Random(3)
    box = VENUE.box(_bands())
    at_least, at_most = (relation(VENUE, box, f"health{sign}1.5") for sign in (">=", "<="))
    for _ in range(15):
        sizes = _sizes(rng)
        enough = least_cash(at_least, sizes)
        assert is_provable(at_most, enough - 10**6, sizes)  # coefficients round the other way here
        assert not is_provable(at_most, enough + 10**6, sizes)


def test_a_box_is_worth_what_its_worse_ends_are() -> None:
    """Longs at the low price and shorts at the high one; the risk arrays do not move."""
    sizes = [2, -1, 300, -200, 1, 0, 0]
    ends = [(Q(price) * Q(98, 100), Q(price) * Q(102, 100)) for price in PRICES]
    wide = tuple(Band(low, high, Q(0), Q(0)) for low, high in ends)
    worse = points(*(low if size >= 0 else high for (low, high), size in zip(ends, sizes, strict=False)))
    at_worse, over_box = (least_cash(relation(VENUE, VENUE.box(bands)), sizes) for bands in (worse, wide))
    assert at_worse == over_box


def test_rows_and_slots() -> None:
    """Of a commodity: a block for each scenario and one more, a bit and two blocks, and two blocks."""
    layout = relation(VENUE, VENUE.box(_bands()))
    blocks = layout.shape.blocks
    assert len(blocks) == (1 + 16 + 2 + 2) + (1 + 2 + 2 + 2) + 1
    assert layout.shape.choices == 2
    assert blocks[-1] == SLACK_BITS


# Real proofs, the example, and what is refused


def _account(sizes: dict[str, str], cash: str = "0") -> Account:
    positions = [{"market": name, "size": size} for name, size in sizes.items()]
    fields = {"schema": "zkmargin/account/v1", "account": "alice", "cash": cash, "positions": positions}
    return Account.from_value(fields)


def test_prove_and_verify() -> None:
    quotes = dict(zip((market.name for market in VENUE.markets), PRICES, strict=True))
    fields = {"schema": "zkmargin/oracle/v1", "venue": "demo", "round": 17, "time": "2026-11-22T06:00:00Z"}
    prices = {"prices": [{"market": market, "price": price} for market, price in quotes.items()], "funding": []}
    of_round = round_of(Oracle.from_value(fields | prices))
    sizes = {"F1": "2", "F2": "-1", "C": "-30", "P": "12.5"}
    for cash, enough in (("20000", True), ("-20000", False)):
        case = Case.of(_account(sizes, cash), DOCUMENT, of_round)
        built = statement.build(case.request(claim="initial,maintenance", percent=1), case.state, case.params, of_round)
        if enough:
            built.verify(built.prove(case.openings))
            continue
        with pytest.raises(WitnessError) as refused:
            built.prove(case.openings)
        assert refused.value.code == "not_provable"


def test_arrays_of_the_example_are_those_of_the_published_scenarios() -> None:
    example = Params.from_bytes((EXAMPLES / "span" / "params.json").read_bytes())
    (index, *_) = example.commodities or ()
    terms = {"ES-MAR": ("future", 0), "ES-MAR-5200-C": ("call", 5200), "ES-MAR-4700-P": ("put", 4700)}
    for array in index.contracts:
        if array.market in terms:
            assert list(array.losses) == losses(*terms[array.market])


def test_leverage_is_refused() -> None:
    with pytest.raises(ContextError, match="no leverage") as refused:
        relation(VENUE, VENUE.box(_bands()), "leverage<=5")
    assert refused.value.code == "claim_not_allowed"


GOLD = {"commodity": "GOLD", "initial_factor": "1", "contracts": [{"market": "G", "losses": ["1"], "delta": "1"}]}


@pytest.mark.parametrize(
    ("markets", "commodities", "other", "words"),
    [
        ([contract("G")], None, {}, "commodities with their risk arrays"),
        ([contract("G")], [GOLD], {"model": "lending"}, "commodities with their risk arrays"),
        ([contract("H")], [GOLD], {}, "in exactly one commodity or portfolio"),
        ([contract("G")], [GOLD, GOLD | {"commodity": "SILVER"}], {}, "in exactly one commodity"),
        ([contract("G")], [GOLD, GOLD], {}, "a commodity must not occur twice"),
        ([contract("G")], [GOLD | {"initial_factor": "0.99"}], {}, "the initial factor is 1 at least"),
        ([contract("G", initial_ppm=1)], [GOLD], {}, "has no rates"),
        ([contract("G", isolated=True)], [GOLD], {}, "has no rates"),
        ([contract("G"), {"market": "I", "kind": "index", "lot": "1", "max_size": "1"}], [GOLD], {}, "options"),
        (
            [contract("G"), CASH | {"market": "P", "kind": None}],
            [GOLD],
            {},
            "the markets of span are contracts and assets",
        ),
        (
            [contract("G"), contract("H")],
            [GOLD | {"contracts": [*GOLD["contracts"], {"market": "H", "losses": ["1", "2"], "delta": "1"}]}],  # type: ignore[misc]
            {},
            "losses in the same scenarios",
        ),
    ],
)
def test_parameters_outside_their_domain(
    markets: list[dict[str, Any]], commodities: object, other: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        document(markets, commodities, **other)
