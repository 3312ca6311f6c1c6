"""What a stranger can ask for is bounded before it is compiled; claims mean what they say."""

from __future__ import annotations

from typing import Any

import pytest

from circuits import statement
from circuits.boxes import MarketBox
from circuits.claims import Claims
from circuits.layout import Layout
from circuits.markets import RiskParameters
from circuits.program import Program, compile_slacks
from zkmargin.documents import Params
from zkmargin.errors import ContextError, InputError, RelationError, WitnessError
from zkmargin.relation import MAX_SLOTS

PRICE = 100 * 10**15
"""Atto per lot of 0.001 at 100 quote units."""


def _params(model: str, count: int, tiers: int = 0, **terms: Any) -> RiskParameters:
    rates: dict[str, Any] = {"lot": "0.001", "initial_ppm": 20_000, "maintenance_ppm": 10_000, "max_size": "100000"}
    if tiers:
        rates["tiers"] = [
            {"above": str(1000 * 2**k), "initial_ppm": 30_000 + 5000 * k, "maintenance_ppm": 20_000 + 5000 * k}
            for k in range(tiers)
        ]
    markets = [{"market": f"M{i}"} | rates | terms for i in range(count)]
    value = {"schema": "zkmargin/params/v1", "venue": "v", "version": 1, "model": model, "quote": "USD"}
    return RiskParameters.from_document(Params.from_value(value | {"markets": markets}))


def _layout(params: RiskParameters, claims: str) -> Layout:
    box = (MarketBox(PRICE, PRICE, 0, 0),) * len(params.markets)
    return statement.layout(params, box, Claims.parse(claims), (0, 1))


def test_no_more_is_compiled_than_a_relation_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight claims of 250 markets of 16 tiers would be a hundred thousand digits."""
    made: list[Program] = []
    monkeypatch.setattr(statement, "compile_slacks", lambda *args: made.append(compile_slacks(*args)) or made[-1])
    seen: list[int] = []
    unknown = Program._unknown
    monkeypatch.setattr(Program, "_unknown", lambda self, *args: seen.append(1) or unknown(self, *args))
    params = _params("perpetuals-brackets", 250, tiers=15)
    claims = ",".join(f"health>={n}" for n in range(1, 9))
    with pytest.raises(RelationError, match=f"at most {MAX_SLOTS} digits"):
        _layout(params, claims)
    assert not made
    assert len(seen) <= MAX_SLOTS


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (_params("perpetuals-brackets", 250, tiers=15), "no statement can hold"),
        (_params("perpetuals-cross", 2, tiers=1), "one rate a market"),
        (_params("lending", 2), "assets only"),
    ],
    ids=["too large", "tiers", "positions"],
)
def test_parameters_that_nobody_could_prove_under(params: RiskParameters, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        statement.check_usable(params, 0)
    assert error.value.code == "bad_params"


@pytest.mark.parametrize("model", ["perpetuals-cross", "perpetuals-brackets"])
def test_parameters_that_can_be_used(model: str) -> None:
    statement.check_usable(_params(model, 20), 0)


def test_a_borrower_who_owes_cash_claims_no_health() -> None:
    """800 of collateral, 800 of cash owed, no debt of an asset: any health would do, because none is multiplied."""
    params = _params("lending", 1, kind="asset", initial_ppm=0, maintenance_ppm=0)
    collateral, owed = 8000, 800 * 10**18
    for claim in ("health>=1000", "health<=1000", "health>=1,maintenance"):
        with pytest.raises(WitnessError):
            _layout(params, claim).assign([-owed, collateral, 0])
    _layout(params, "maintenance").assign([-owed, collateral, 0])
    _layout(params, "health>=1000,maintenance").assign([0, collateral, 0])


def test_leverage_at_least_is_not_stated_of_a_requirement_that_is_rounded_up() -> None:
    params = _params("perpetuals-dydx", 1, lot="0.000001", maintenance_fraction_ppm=500_000)
    box = (MarketBox(10**14, 10**14, 0, 0),)
    statement.layout(params, box, Claims.parse("leverage<=3"), (0, 1))
    with pytest.raises(ContextError, match="cannot state leverage>=3"):
        statement.layout(params, box, Claims.parse("leverage>=3"), (0, 1))
