"""Portfolio margin at its edges: parameters that cannot mean what they say, hedges that are owed, prices of zero."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from margin_accounts import PRICES, Case, account, oracle, round_of
from margin_accounts import params as params_of

from circuits import calculators, statement
from circuits.claims import Claims
from circuits.holdings import holdings
from circuits.markets import RiskParameters
from circuits.prices import prices_of
from circuits.statement import build
from zkmargin.documents import Account, Params, Round
from zkmargin.errors import ContextError, InputError, WitnessError

EXAMPLES = Path(__file__).parents[2] / "examples"
PORTFOLIO = EXAMPLES / "portfolio-scenarios"


def _value(name: str) -> dict[str, Any]:
    return dict(json.loads((PORTFOLIO / f"{name}.json").read_text("utf-8")))


def _params(**terms: Any) -> Params:
    value = _value("params")
    value["portfolios"] = [portfolio | terms for portfolio in value["portfolios"]]
    return Params.from_value(value)


ROUND = Round.from_value(_value("oracle"))
NOW = ROUND.time_unix_s


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.rglob("params*.json")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_every_example_can_be_published(path: Path) -> None:
    statement.check_usable(RiskParameters.from_document(Params.from_bytes(path.read_bytes())), NOW)


def test_a_shock_that_would_rise_with_time_is_refused() -> None:
    volatility = _value("params")["portfolios"][0]["volatility"]
    _params(volatility=volatility | {"least_days": "30"})
    with pytest.raises(InputError, match="at most 30"):
        _params(volatility=volatility | {"least_days": "30.5"})


@pytest.mark.parametrize(
    "terms", [{"losses": {"base": "1.05", "rate": "100"}}, {"gains": {"base": "1", "rate": "100"}}]
)
def test_a_rate_that_no_factor_holds_is_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="too high for so long") as error:
        statement.check_usable(RiskParameters.from_document(_params(**terms)), NOW)
    assert error.value.code == "bad_params"


def test_nobody_owes_an_asset_that_hedges() -> None:
    """Deposited and owed it is nothing, and would gain in every scenario that the options lose in."""
    params = RiskParameters.from_document(_params())
    prices = prices_of(ROUND, params)
    held = holdings(Account.from_value(_value("account")), params, prices)
    layout = statement.layout(params, params.box(prices), Claims.parse("maintenance"), (NOW, NOW + 1))
    values = [held.cash0_atto + 10**24, *held.size_lots]
    layout.assign(values)
    values[list(params.units).index("d/WETH")] = 1
    with pytest.raises(WitnessError, match="owes an asset that hedges"):
        layout.assign(values)


def test_what_if_prices_fall_to_nothing() -> None:
    """The widest box reaches a price of zero, where a skew is at its width."""
    params = RiskParameters.from_document(_params())
    rich = Account.from_value(_value("account") | {"cash": "100000000"})
    report = calculators.of(params.model).report(rich, params, prices_of(ROUND, params), NOW).to_value()
    assert Fraction(report["widest_box_percent"]) == 100


def test_options_times_claims_are_bounded_before_any_value_is_worked_out() -> None:
    value = _value("params")
    option = next(market for market in value["markets"] if market.get("kind") == "option")
    more = [option | {"market": f"ETH-{n}-C", "strike": str(1000 + n)} for n in range(300)]
    params = RiskParameters.from_document(Params.from_value(value | {"markets": value["markets"] + more}))
    box = params.box([prices_of(ROUND, RiskParameters.from_document(_params()))[0]] * len(params.markets))
    claims = Claims.parse(",".join(f"survives>={n}" for n in range(1, 9)))
    with pytest.raises(ContextError, match="too many claims for so many options"):
        statement.layout(params, box, claims, (NOW, NOW + 1))


def test_a_request_that_expires_before_its_round_is_about_no_time() -> None:
    params, round_ = params_of(), round_of(oracle(PRICES))
    case = Case.of(account("1000"), params, round_)
    with pytest.raises(ContextError, match="expires before its oracle round") as error:
        build(case.request(expiry="2026-11-22T05:59:59Z"), case.state, case.params, case.round)
    assert error.value.code == "expired"
