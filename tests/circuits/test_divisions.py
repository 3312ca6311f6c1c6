"""Quotients in a program: what a divisor and its factor have to be, and a division by 1."""

from __future__ import annotations

from fractions import Fraction

import pytest

from circuits import rule
from circuits.language import CeilDiv, FloorDiv, cash, public, size
from circuits.lowering import Rule, lower
from circuits.program import Hidden, Program, compile_slacks, evaluate
from zkmargin.errors import InputError

q, D, m = size("q"), public("D"), public("m")
HIDDEN = (Hidden("cash0", "cash"), Hidden("q", "size", 1000))


def _program(expression: object, **scope: object) -> Program:
    lowered = rule.from_value(lower(Rule("test", cash("cash0") + expression)))
    return compile_slacks(HIDDEN, [(lowered.slack, {"cash0": "cash0", "q": "q", **scope})])


@pytest.mark.parametrize("lots", [-7, -6, -1, 0, 1, 5, 6, 7])
def test_a_quotient_is_rounded_as_it_says(lots: int) -> None:
    for expression, expected in (
        (m * FloorDiv(q, D), 5 * (lots // 3)),
        (-m * FloorDiv(q, D), -5 * (lots // 3)),
        (m * CeilDiv(q, D), -5 * (-lots // 3)),
        (-m * CeilDiv(q, D), 5 * (-lots // 3)),
    ):
        program = _program(expression, D=3, m=5)
        assert program.witness([100, lots])[-1] == 100 + expected


@pytest.mark.parametrize("scope", [{"D": Fraction(5, 2), "m": 1}, {"D": 3, "m": Fraction(7, 2)}])
def test_a_divisor_and_its_factor_are_integers(scope: dict[str, Fraction]) -> None:
    """Rounded down, 7/2 times a quotient of -3 would be -9 and not -10.5: for the prover."""
    with pytest.raises(InputError, match="not an integer") as error:
        _program(m * FloorDiv(q, D), **scope)
    assert error.value.code == "bad_params"


def test_a_divisor_is_above_zero() -> None:
    with pytest.raises(InputError, match="above zero"):
        _program(FloorDiv(q, D), D=0)


def test_dividing_by_one_costs_nothing() -> None:
    program = _program(m * FloorDiv(q, D), D=1, m=5)
    assert len(program.unknowns) == 1
    assert evaluate(program.unknowns[0].row or {}, [100, -7, 0, 7]) == 65
