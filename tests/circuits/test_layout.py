"""The relation of n markets: its shape, its size, and what the closure refuses when its coefficients are changed."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from circuits.layout import BASE_BITS, Coefficients, Layout, assign, layout, relation
from zkmargin import range_argument
from zkmargin.errors import InputError, RelationError, WitnessError
from zkmargin.field import R
from zkmargin.pedersen import Opening, commit
from zkmargin.relation import Relation, Row

A, B = 58_200 * 10**13, 61_800 * 10**13


def _coefficients(markets: int) -> Coefficients:
    return tuple((A + m, -(B + m * m)) for m in range(markets))


def test_twenty_markets_take_880_bytes() -> None:
    """performance.md's line: base 32, 10 size digits, 21 slack digits, N = 241, N' = 256."""
    shape = layout(20)
    assert (shape.base, shape.size_digits, shape.slack_digits) == (32, 10, 21)
    made = relation(_coefficients(20))
    assert (made.J, made.N, made.N_padded, made.K, made.L) == (21, 241, 256, 6, 36)
    assert (made.proof_bytes, made.terms) == (880, 329)


@pytest.mark.parametrize(
    ("markets", "figures"), [(100, (256, 713, 768, 1149, 1072)), (500, (256, 3513, 3584, 4367, 1264))]
)
def test_figures_of_the_document(markets: int, figures: tuple[int, ...]) -> None:
    made = relation(_coefficients(markets))
    assert (layout(markets).base, made.N, made.N_padded, made.terms, made.proof_bytes) == figures


@pytest.mark.parametrize("markets", [1, 4, 5, 20, 100, 500])
def test_the_base_has_the_fewest_terms(markets: int) -> None:
    shape = layout(markets)
    made = relation(_coefficients(markets))
    assert shape.terms() == made.terms
    assert shape.slots == made.N
    others = [Layout(markets, 1 << bits, -(-48 // bits), -(-104 // bits)) for bits in BASE_BITS]
    assert made.terms == min(other.terms() for other in others)


@pytest.mark.parametrize("markets", range(1, 501, 7))
def test_bounds_hold_for_every_number_of_markets(markets: int) -> None:
    assert layout(markets).size_bound >= 2**48
    assert layout(markets).slack_bound >= 2**104


@pytest.mark.parametrize("markets", [0, -1, 501])
def test_number_of_markets_is_limited(markets: int) -> None:
    with pytest.raises(InputError):
        layout(markets)


def test_the_table_of_the_document_is_the_function() -> None:
    runs: dict[Layout, list[str]] = {}
    for _, group in itertools.groupby(map(layout, range(1, 501)), key=lambda shape: shape.base):
        first, *_, last = [(shapes := list(group))[0], shapes[-1]]
        shape = replace(first, markets=0)
        numbers = f"{first.markets}-{last.markets}" if last is not first else str(first.markets)
        runs.setdefault(shape, []).append(numbers)
    document = (Path(__file__).parents[2] / "docs" / "margin.md").read_text("utf-8")
    for s, numbers in runs.items():
        sizes, slacks = s.size_bound.bit_length() - 1, s.slack_bound.bit_length() - 1
        line = f"| {s.base} | {s.size_digits} | 2^{sizes} | {s.slack_digits} | 2^{slacks} | {', '.join(numbers)} |"
        assert line in document


def test_what_all_statements_of_as_many_markets_share_is_made_once() -> None:
    one, other = relation(_coefficients(100)), relation(tuple((a + 1, b) for a, b in _coefficients(100)))
    assert one.slots is other.slots
    assert one.gadgets is other.gadgets
    assert all(first is second for first, second in zip(one.rows[:-1], other.rows[:-1], strict=True))
    assert one.rows[-1] != other.rows[-1]


def _prove(coefficients: Coefficients, cash0: int, sizes: tuple[int, ...]) -> None:
    """Prove and verify with the real thing."""
    made = relation(coefficients)
    openings = [Opening(value, 10**30 + j) for j, value in enumerate((cash0, *sizes))]
    proof = range_argument.prove(made, openings, assign(coefficients, cash0, sizes), context=b"test")
    range_argument.verify(made, [commit(opening) for opening in openings], proof, context=b"test")


@pytest.mark.parametrize(
    ("sizes", "cash0"),
    [
        ((0, 0), 0),
        ((5, 0), -5 * A),
        ((0, -3), 3 * (B + 1)),
        ((7, -3), 3 * (B + 1) - 7 * A),
        ((2**48 - 1, 1 - 2**48), (2**48 - 1) * (B + 1 - A)),
    ],
)
def test_slack_of_exactly_zero_proves_and_one_atto_less_does_not(sizes: tuple[int, ...], cash0: int) -> None:
    coefficients = _coefficients(2)
    _prove(coefficients, cash0, sizes)
    with pytest.raises(WitnessError) as error:
        assign(coefficients, cash0 - 1, sizes)
    assert error.value.code == "not_provable"


def test_above_the_provable_range() -> None:
    shape, coefficients = layout(2), _coefficients(2)
    _prove(coefficients, shape.slack_bound - 1, (0, 0))
    with pytest.raises(WitnessError, match="above the provable range") as error:
        assign(coefficients, shape.slack_bound, (0, 0))
    assert error.value.code == "above_range"
    for size in (shape.size_bound, -shape.size_bound):
        with pytest.raises(WitnessError, match="a size is above the provable range") as error:
            assign(coefficients, -(coefficients[0][0] if size > 0 else coefficients[0][1]) * abs(size), (size, 0))
        assert error.value.code == "above_range"


@pytest.mark.parametrize("pair", [(0, -5), (5, -5), (0, 0), (-7, -9), (-7, 3)])
def test_zero_and_negative_coefficients_have_a_place(pair: tuple[int, int]) -> None:
    """p_low = 0 or a rate of 1 makes A = 0, a wide funding interval A < 0; a box of a point price 0 makes both 0."""
    for size in (11, -11):
        slack = pair[0] * max(size, 0) + pair[1] * max(-size, 0)
        _prove((pair, (A, -B)), -slack, (size, 0))


def _with_margin_row(made: Relation, margin: Row) -> Relation:
    return replace(made, rows=(*made.rows[:-1], margin))


def test_the_closure_bounds_cash_by_its_coefficient() -> None:
    made = relation(_coefficients(2))
    margin = made.rows[-1]
    cash, *sizes = margin.P
    assert cash == (0, 1)
    for bad in (2, 10**18, R - 2):
        with pytest.raises(RelationError, match="bounded by no row"):
            _with_margin_row(made, replace(margin, P=((0, bad), *sizes)))
    with pytest.raises(RelationError, match="bounded by no row"):
        _with_margin_row(made, replace(margin, P=tuple(sizes)))


def test_the_closure_bounds_every_size_by_its_gadget() -> None:
    """Without its gadget, or counted in half lots, a size is bounded by nothing."""
    made = relation(_coefficients(2))
    halves = replace(made.rows[1], P=((1, 2),))
    with pytest.raises(RelationError, match="bounded by no row"):
        replace(made, rows=(made.rows[0], halves, *made.rows[2:]))
    with pytest.raises(RelationError):
        replace(made, gadgets=made.gadgets[1:])


def test_the_closure_refuses_prices_that_wrap() -> None:
    for huge in (2**205, R // 2):
        with pytest.raises(RelationError):
            relation(((huge, -huge), (A, -B)))


def test_the_largest_statement_that_boxes_allow_does_not_wrap() -> None:
    """500 markets, prices just below 2^91, a leverage cap of 0.000001: rate 10^6."""
    from circuits.boxes import MAX_BITS, MarketBox
    from circuits.claims import Claim
    from circuits.rule import load

    edge = 2**MAX_BITS - 1
    box = MarketBox(edge, edge, -edge, edge)
    rate = Claim.parse("leverage<=0.000001").bound
    assert rate is not None
    ends = {"p_low": box.low, "p_high": box.high, "F_low": box.funding_low, "F_high": box.funding_high}
    worst = load("perpetuals_cross").coefficients(ends, 1 / rate)
    assert relation((worst,) * 500).J == 501
