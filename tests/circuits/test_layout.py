"""The relation of a program: its shape, its size, and what the closure refuses when its coefficients are changed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from circuits.layout import BASE_BITS, MAX_HIDDEN, Layout, Shape
from circuits.program import SIZE_BITS, SLACK_BITS, Hidden, Program, compile_slacks
from zkmargin import range_argument
from zkmargin.errors import InputError, RelationError, WitnessError
from zkmargin.field import R
from zkmargin.pedersen import Opening, commit
from zkmargin.relation import Relation, Row

A, B = 58_200 * 10**13, 61_800 * 10**13
Coefficients = tuple[tuple[int, int], ...]


def _coefficients(markets: int) -> Coefficients:
    return tuple((A + m, -(B + m * m)) for m in range(markets))


def _layout(coefficients: Coefficients) -> Layout:
    """cash0 + sum of (long coefficient) w + (short coefficient) u >= 0."""
    J = 1 + len(coefficients)
    program = Program([Hidden("cash0", "cash"), *(Hidden(f"q/{m}", "size", 2**48 - 1) for m in range(J - 1))])
    form = {0: 1}
    for j, (long, short) in enumerate(coefficients, 1):
        form |= {j: long, J + j: long + short}
    program.require(form, SLACK_BITS)
    return Layout(program)


def _shape(markets: int) -> Shape:
    return Shape(("cash", *["size"] * markets), (SLACK_BITS,), 0)


def _digits(bits: int, base_bits: int) -> int:
    return -(-bits // base_bits)


def test_twenty_markets_take_880_bytes() -> None:
    """Base 32, 10 size digits, 21 slack digits, N = 241, N' = 256."""
    layout = _layout(_coefficients(20))
    made = layout.relation
    assert layout.shape == _shape(20)
    assert layout.base_bits == 5
    assert (layout.size_bound, layout.bound(0)) == (2**50, 2**105)
    assert (made.J, made.N, made.N_padded, made.K, made.L) == (21, 241, 256, 6, 36)
    assert (made.proof_bytes, made.terms) == (880, 329)


@pytest.mark.parametrize(("markets", "figures"), [(100, (8, 713, 768, 1149, 1072)), (500, (8, 3513, 3584, 4367, 1264))])
def test_figures_of_the_document(markets: int, figures: tuple[int, ...]) -> None:
    layout = _layout(_coefficients(markets))
    made = layout.relation
    assert (layout.base_bits, made.N, made.N_padded, made.terms, made.proof_bytes) == figures


SHAPES = [
    *map(_shape, [1, 4, 5, 20, 100, 500]),
    Shape(("cash", "size", "amount", "amount"), (0, 17, 17, 104), 3),
    Shape(("cash", *["size"] * 20), (*[60] * 200, 104), 0),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{len(shape.kinds)}-{len(shape.blocks)}")
def test_the_base_has_the_fewest_terms(shape: Shape) -> None:
    program = Program([Hidden(str(j), kind, 9) for j, kind in enumerate(shape.kinds)])
    for bits in shape.blocks:
        program.require({0: 1} if bits == SLACK_BITS else {}, bits)
    if shape.choices:
        program._choice(lambda _: 0, shape.choices)
        shape = replace(shape, blocks=(*shape.blocks, 0))  # that their sum is 1
    layout = Layout(program)
    assert layout.shape == shape
    assert shape.slots(layout.base_bits) == layout.relation.N
    assert layout.relation.terms == shape.terms(layout.base_bits)
    terms = {bits: shape.terms(bits) for bits in BASE_BITS}
    assert layout.base_bits == min(bits for bits in BASE_BITS if terms[bits] == min(terms.values()))


def test_hidden_values_are_limited() -> None:
    for hidden in ([], [Hidden(str(j), "cash") for j in range(MAX_HIDDEN + 1)]):
        with pytest.raises(InputError, match="1 to 1500 hidden values"):
            Layout(Program(hidden))


def test_the_table_of_the_document_is_the_function() -> None:
    runs: dict[int, list[str]] = {}
    for base_bits, group in itertools.groupby(range(1, 501), key=lambda n: _shape(n).base_bits):
        numbers = list(group)
        runs.setdefault(base_bits, []).append("-".join(map(str, dict.fromkeys([numbers[0], numbers[-1]]))))
    document = (Path(__file__).parents[2] / "docs" / "margin.md").read_text("utf-8")
    for bits, numbers in runs.items():
        sizes, slacks = _digits(SIZE_BITS, bits), _digits(SLACK_BITS, bits)
        line = f"| {1 << bits} | {sizes} | 2^{bits * sizes} | {slacks} | 2^{bits * slacks} | {', '.join(numbers)} |"
        assert line in document


def test_what_all_statements_of_such_an_account_share_is_made_once() -> None:
    one, other = (_layout(tuple((a + k, b) for a, b in _coefficients(100))).relation for k in (0, 1))
    assert one.gadgets is other.gadgets
    assert all(first is second for first, second in zip(one.rows[:-1], other.rows[:-1], strict=True))
    assert all(first is second for first, second in zip(one.slots[:-13], other.slots[:-13], strict=True))
    assert one.rows[-1] != other.rows[-1]


def _prove(layout: Layout, values: Sequence[int]) -> None:
    """Prove and verify with the real thing."""
    openings = [Opening(value, 10**30 + j) for j, value in enumerate(values)]
    proof = range_argument.prove(layout.relation, openings, layout.assign(values), context=b"test")
    range_argument.verify(layout.relation, [commit(opening) for opening in openings], proof, context=b"test")


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
    layout = _layout(_coefficients(2))
    _prove(layout, [cash0, *sizes])
    with pytest.raises(WitnessError) as error:
        layout.assign([cash0 - 1, *sizes])
    assert error.value.code == "not_provable"


def test_above_the_provable_range() -> None:
    layout = _layout(((A, -B), (A, -B)))
    _prove(layout, [layout.bound(0) - 1, 0, 0])
    with pytest.raises(WitnessError, match="above the provable range") as error:
        layout.assign([layout.bound(0), 0, 0])
    assert error.value.code == "above_range"
    for size, worth in ((layout.size_bound, A), (-layout.size_bound, -B)):
        with pytest.raises(WitnessError, match="a size is above the provable range") as error:
            layout.assign([-worth * abs(size), size, 0])
        assert error.value.code == "above_range"


def test_an_amount_is_bounded_on_both_sides() -> None:
    program = Program([Hidden("cash0", "cash"), Hidden("c/X", "amount", 2**48 - 1)])
    program.require({0: 1, 1: A}, SLACK_BITS)
    layout = Layout(program)
    for amount in (0, 1, 2**48 - 1, layout.size_bound - 1):
        _prove(layout, [-A * amount, amount])
    for amount in (-1, layout.size_bound):
        with pytest.raises(WitnessError) as error:
            layout.assign([A * abs(amount), amount])
        assert error.value.code == "above_range"
    doubled = replace(layout.relation.rows[0], P=((1, 2),))
    with pytest.raises(RelationError, match="bounded by no row"):
        replace(layout.relation, rows=(doubled, layout.relation.rows[1]))


@pytest.mark.parametrize("pair", [(0, -5), (5, -5), (0, 0), (-7, -9), (-7, 3)])
def test_zero_and_negative_coefficients_have_a_place(pair: tuple[int, int]) -> None:
    """p_low = 0 or a rate of 1 makes A = 0, a wide funding interval A < 0; a box of a point price 0 makes both 0."""
    for size in (11, -11):
        slack = pair[0] * max(size, 0) + pair[1] * max(-size, 0)
        _prove(_layout((pair, (A, -B))), [-slack, size, 0])


def _with_margin_row(made: Relation, margin: Row) -> Relation:
    return replace(made, rows=(*made.rows[:-1], margin))


def test_the_closure_bounds_cash_by_its_coefficient() -> None:
    made = _layout(_coefficients(2)).relation
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
    made = _layout(_coefficients(2)).relation
    halves = replace(made.rows[1], P=((1, 2),))
    with pytest.raises(RelationError, match="bounded by no row"):
        replace(made, rows=(made.rows[0], halves, *made.rows[2:]))
    with pytest.raises(RelationError):
        replace(made, gadgets=made.gadgets[1:])


def test_the_closure_refuses_prices_that_wrap() -> None:
    for huge in (2**205, R // 2):
        with pytest.raises(RelationError):
            _layout(((huge, -huge), (A, -B)))


def test_the_largest_statement_that_boxes_allow_does_not_wrap() -> None:
    """500 markets, prices just below 2^91, a leverage cap of 0.000001: rate 10^6."""
    from circuits.boxes import MAX_BITS
    from circuits.rule import load

    edge = 2**MAX_BITS - 1
    market = {"p_low": edge, "p_high": edge, "F_low": -edge, "F_high": edge, "f": 10**6}
    hidden = [Hidden("cash0", "cash"), *(Hidden(f"q/{m}", "size", 2**48 - 1) for m in range(500))]
    scope = {"cash0": "cash0", "asset": [], "market": [market | {"q": value.label} for value in hidden[1:]]}
    program = compile_slacks(hidden, [(load("perpetuals-cross").slack, scope)])
    assert program.unknowns[0].row == {0: 1} | {
        variable: coefficient
        for j in range(1, 501)
        for variable, coefficient in ((j, -(10**6) * edge), (501 + j, -(10**6) * edge - (10**6 + 2) * edge))
    }
    assert Layout(program).relation.J == 501
