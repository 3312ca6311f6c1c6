"""Lending: collateral against debts. The health factor of Aave v3, to the last atto."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from model_cases import check_sharp, is_provable, layout, point, risk

from circuits import calculators
from circuits.boxes import ATTO, Band
from circuits.claims import MAINTENANCE, Claim
from circuits.markets import RiskParameters
from zkmargin.documents import Account
from zkmargin.errors import ContextError, InputError, WitnessError


def asset(threshold_ppm: int, loan_to_value_ppm: int, **other: object) -> dict[str, object]:
    """What counts of collateral, as Aave writes it: haircuts are 1 less that."""
    rates = {"initial_ppm": 10**6 - loan_to_value_ppm, "maintenance_ppm": 10**6 - threshold_ppm}
    return {"kind": "asset", "lot": "0.0001"} | rates | other


def prices(*of: str | int) -> list[Band]:
    """Points, without interest."""
    return [Band(Fraction(price), Fraction(price), Fraction(0), Fraction(0), interest=True) for price in of]


ASSETS = (
    asset(830_000, 805_000),
    asset(780_000, 750_000, tiers=[{"above": "500000", "initial_ppm": 400_000, "maintenance_ppm": 350_000}]),
    asset(0, 0, short_initial_ppm=50_000, short_maintenance_ppm=20_000, max_size="1000000"),
)
POOL = risk("lending", *ASSETS)


def test_random_accounts_are_sharp() -> None:
    rng = random.Random(3)
    for _ in range(150):
        bands = []
        for _market in range(3):
            low, index = Fraction(rng.randrange(10**8), 10**3), Fraction(rng.randrange(100), 1000)
            bands.append(Band(low, low * Fraction(rng.randrange(100, 120), 100), index, index + Fraction(1, 77), True))
        claim = rng.choice(["maintenance", "initial", "health>=1.7", "health>=0.33"])
        check_sharp(POOL, [rng.choice([0, rng.randrange(10**6)]) for _ in range(6)], POOL.box(bands), claim)


def test_haircuts_follow_volatility() -> None:
    """Twice as volatile as calm: a threshold of 83 % is one of 66 %, and a debt of 10 counts 4 % more instead of 2."""
    calm = {"calm_volatility": "0.5"}
    parameters = risk("lending", ASSETS[0] | calm, ASSETS[2] | calm)
    price, volatility = Fraction(100), Fraction(1)
    bands = [Band(price, price, Fraction(0), Fraction(0), True, volatility=volatility) for _ in range(2)]
    check_sharp(parameters, [10_000, 0, 0, 1000], parameters.box(bands), "maintenance")
    made = layout(parameters, parameters.box(bands), MAINTENANCE)
    spare = 66 - Fraction("10.4")
    assert is_provable(made, -int(spare * ATTO), [10_000, 0, 0, 1000])
    assert not is_provable(made, -int(spare * ATTO) - 1, [10_000, 0, 0, 1000])
    account = Account.from_value(
        {
            "schema": "zkmargin/account/v1", "account": "a", "cash": "0",
            "collateral": [{"asset": "M0", "amount": "1"}], "debts": [{"asset": "M1", "amount": "0.1"}],
        }
    )  # fmt: skip
    value = calculators.of("lending").report(account, parameters, bands, 0).to_value()
    assert (value["equity"], value["maintenance_requirement"]) == ("66", "10.4")


def _one(collateral: str, price: str, debt: str, threshold_ppm: int) -> tuple[RiskParameters, Account, list[Band]]:
    parameters = risk("lending", asset(threshold_ppm, threshold_ppm), asset(0, 0))
    account = Account.from_value(
        {
            "schema": "zkmargin/account/v1", "account": "a", "cash": "0",
            "collateral": [{"asset": "M0", "amount": collateral}], "debts": [{"asset": "M1", "amount": debt}],
        }
    )  # fmt: skip
    return parameters, account, prices(price, 1)


@pytest.mark.parametrize(
    ("collateral", "price", "debt", "threshold_ppm", "health"),
    [
        # aave.com/help/borrowing/liquidations: 10000 USD of ETH at a threshold of 80 %, 6000 GHO borrowed: 1.333.
        ("4", "2500", "6000", 800_000, Fraction(4, 3)),
        # From the formula: at the threshold exactly, and below it.
        ("4", "2500", "8000", 800_000, Fraction(1)),
        ("4", "2250", "7500", 800_000, Fraction(96, 100)),
    ],
)
def test_health_factors(collateral: str, price: str, debt: str, threshold_ppm: int, health: Fraction) -> None:
    parameters, account, bands = _one(collateral, price, debt, threshold_ppm)
    value = calculators.of("lending").report(account, parameters, bands, 0).to_value()
    assert Fraction(value["health"]) == Fraction(int(health * ATTO), ATTO)
    assert value["solvent"] is (health >= 1)
    lots = [int(Fraction(collateral) * 10**4), 0, 0, int(Fraction(debt) * 10**4)]
    for step in (Fraction(0), Fraction(1, 10**6)):  # health is told with 6 decimals
        bound = Fraction(int(health * 10**6), 10**6) + step
        made = layout(parameters, parameters.box(bands), Claim("health", bound))
        assert is_provable(made, 0, lots) is (bound <= health)


def test_several_assets_weigh_each_by_its_own_threshold() -> None:
    """GenericLogic.sol: the thresholds are averaged with the values as weights. 20000 at 83 % and 600000 at 78 %, of
    which what is above 500000 counts 65 %; 300000 owed, which count 2 % more, with 10 % interest."""
    bands = [*prices(2000, 30000), Band(Fraction(1), Fraction(1), Fraction(1, 10), Fraction(1, 10), True)]
    account = Account.from_value(
        {
            "schema": "zkmargin/account/v1", "account": "a", "cash": "0",
            "collateral": [{"asset": "M0", "amount": "10"}, {"asset": "M1", "amount": "20"}],
            "debts": [{"asset": "M2", "amount": "300000"}],
        }
    )  # fmt: skip
    value = calculators.of("lending").report(account, POOL, bands, 0).to_value()
    counted = 16600 + 390000 + 65000
    owed = Fraction(330000) * Fraction(102, 100)
    assert Fraction(value["equity"]) == counted
    assert Fraction(value["maintenance_requirement"]) == owed
    assert Fraction(value["health"]) == Fraction(int(counted / owed * ATTO), ATTO)
    assert [(entry["asset"], entry["counted"]) for entry in value["collateral"]] == [("M0", "16600"), ("M1", "455000")]
    assert [(entry["asset"], entry["value"]) for entry in value["debts"]] == [("M2", "330000")]


def test_health_multiplies_debts() -> None:
    box = POOL.box(prices(1, 1, 1))
    debt = [0, 0, 0, 0, 0, 10_000]  # one unit, which counts 1.02
    for health, owed in (("1", "1.02"), ("2", "2.04"), ("0.5", "0.51")):
        made = layout(POOL, box, Claim.parse(f"health>={health}"))
        cash = int(Fraction(owed) * ATTO)
        assert is_provable(made, cash, debt)
        assert not is_provable(made, cash - 1, debt)


def test_a_debt_in_cash_has_no_health() -> None:
    """Which would not multiply it. It counts in maintenance, and in the health that whatif tells."""
    box = POOL.box(prices(1, 1, 1))
    deposit = [10_000, 0, 0, 0, 0, 0]  # one unit, which counts 0.83
    owed = Fraction("0.415")
    assert is_provable(layout(POOL, box, MAINTENANCE), -int(2 * owed * ATTO), deposit)
    assert not is_provable(layout(POOL, box, Claim.parse("health>=0.5")), -1, deposit)
    check_sharp(POOL, deposit, box, "health>=0.5")
    account = Account.from_value(
        {
            "schema": "zkmargin/account/v1", "account": "a", "cash": "-0.415",
            "collateral": [{"asset": "M0", "amount": "1"}],
        }
    )  # fmt: skip
    value = calculators.of("lending").report(account, POOL, prices(1, 1, 1), 0).to_value()
    assert (value["health"], value["slack"], value["solvent"]) == ("2", "0.415", True)


def test_no_amount_is_negative() -> None:
    """A negative debt would be collateral: the digits of an amount leave no room for one."""
    made = layout(POOL, POOL.box(prices(1, 1, 1)), Claim.parse("maintenance"))
    with pytest.raises(WitnessError):
        made.assign([0, 0, 0, 0, 0, 0, -1])
    debt = next(row for row in made.relation.rows if dict(row.P).keys() == {6})
    assert all(coefficient > 0 for _, coefficient in debt.W)
    assert not debt.U


def test_what_lending_does_not_have() -> None:
    with pytest.raises(ContextError, match="no positions") as refused:
        layout(POOL, POOL.box(prices(1, 1, 1)), Claim.parse("leverage<=3"))
    assert refused.value.code == "claim_not_allowed"
    perpetual = risk("lending", asset(1, 1), {"initial_ppm": 5, "maintenance_ppm": 5})
    with pytest.raises(InputError, match="assets only") as wrong:
        layout(perpetual, perpetual.box(point(1, 1)), Claim.parse("maintenance"))
    assert wrong.value.code == "bad_params"


def test_a_move_of_prices_is_one_against_the_account() -> None:
    """survives>=10: collateral at 0.9 and debts at 1.1 of their prices."""
    box = POOL.box(prices(100, 1, 1))
    lots = [10_000, 0, 0, 0, 0, 100_000]  # 83 counted, 10 owed that count 10.2
    claim = Claim.parse("survives>=10")
    made = layout(POOL, box, claim)
    spare = Fraction(83) * Fraction(9, 10) - Fraction("10.2") * Fraction(11, 10)
    assert is_provable(made, -int(spare * ATTO), lots)
    assert not is_provable(made, -int(spare * ATTO) - 1, lots)
