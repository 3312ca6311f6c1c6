"""Isolated positions: cash of their own, a slack of their own, and no help to or from the rest of the account."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from model_cases import LIFETIME, is_provable, params, point, risk

from circuits import calculators, statement
from circuits.boxes import ATTO, Band
from circuits.claims import Claims
from circuits.holdings import Holdings, holdings
from circuits.markets import RiskParameters
from zkmargin.documents import Account, Params
from zkmargin.errors import InputError
from zkmargin.pedersen import Opening, commit
from zkmargin.range_argument import prove, verify

FLAT = {"initial_ppm": 100_000, "maintenance_ppm": 50_000}
TIERS = FLAT | {"tiers": [{"above": "20000", "initial_ppm": 200_000, "maintenance_ppm": 100_000}]}
ALONE = {"isolated": True}
ASSET = {"kind": "asset", "initial_ppm": 150_000, "maintenance_ppm": 100_000}
VENUE = risk("perpetuals-brackets", TIERS, TIERS | ALONE, FLAT | ALONE, ASSET)
"""M0 shared, M1 and M2 isolated, M3 an asset."""
PRICES = (*point(100, 100, 10), Band(Fraction(1), Fraction(1), Fraction(0), Fraction(0), interest=True))
BOX = VENUE.box(PRICES)


def account(**changed: object) -> Account:
    value = {
        "schema": "zkmargin/account/v1",
        "account": "a",
        "cash": "1000",
        "positions": [
            {"market": "M0", "size": "-5", "entry_price": "100"},
            {"market": "M1", "size": "7", "entry_price": "90", "margin": "50"},
        ],
    }
    return Account.from_value(value | changed)


def made(text: str, parameters: RiskParameters = VENUE) -> statement.Layout:
    return statement.layout(parameters, parameters.box(PRICES), Claims.parse(text), LIFETIME)


def test_labels_and_units() -> None:
    assert list(VENUE.units) == ["cash0", "q/M0", "q/M1", "i/M1", "q/M2", "i/M2", "c/M3", "d/M3"]
    assert VENUE.units["i/M1"] == "0.000000000000000001"


def test_an_account_file_gives_each_its_cash() -> None:
    held = holdings(account(), VENUE, PRICES).values(VENUE)
    assert held["cash0"] == (1000 + 500) * ATTO
    assert held["i/M1"] == (50 - 630) * ATTO
    assert held["i/M2"] == held["q/M2"] == 0


def test_funding_is_paid_by_the_position_itself() -> None:
    bands = [PRICES[0], Band(Fraction(100), Fraction(100), Fraction(2), Fraction(3)), *PRICES[2:]]
    held = holdings(account(), VENUE, bands).values(VENUE)
    assert held["cash0"] == 1500 * ATTO
    assert held["i/M1"] == (50 - 630 + 7 * 2) * ATTO


@pytest.mark.parametrize(
    "position", [{"market": "M1", "size": "7"}, {"market": "M0", "size": "7", "margin": "5"}], ids=["none", "some"]
)
def test_a_margin_belongs_to_isolated_positions_and_to_no_other(position: dict[str, str]) -> None:
    with pytest.raises(InputError) as refused:
        holdings(account(positions=[position]), VENUE, PRICES)
    assert refused.value.code == "isolated"
    assert "7" not in str(refused.value)


@pytest.mark.parametrize(("market", "kind"), [("M3", "asset")])
def test_only_perpetuals_can_be_isolated(market: str, kind: str) -> None:
    with pytest.raises(InputError, match="isolated"):
        params("perpetuals-cross", ASSET | ALONE)


def test_random_accounts_are_sharp_in_every_part() -> None:
    """The calculator tells the most that any part lacks: with what each lacks all hold, an atto less in one fails."""
    rng = random.Random(11)
    short = -(10**33)
    for _ in range(60):
        bands = [
            Band(Fraction(low), Fraction(low + rng.randrange(20)), Fraction(rng.randrange(3)), Fraction(4), i == 3)
            for i, low in enumerate(rng.randrange(1, 200) for _ in range(4))
        ]
        box = VENUE.box(bands)
        text = rng.choice(["maintenance", "initial", "health>=1.7", "leverage<=3", "survives>=10", "survives[M1]>=30"])
        (claim,) = Claims.parse(text).claims
        sizes = [rng.choice([-1, 0, 1]) * rng.randrange(10**6) for _ in range(3)]
        amounts = [rng.randrange(10**6) for _ in range(2)]
        layout = statement.layout(VENUE, box, Claims((claim,)), LIFETIME)
        least = []
        for part in range(3):  # the least cash of each part, the others having plenty
            cash = [10**30] * 3
            cash[part] = short
            need = calculators.of(VENUE.model).shortfall(
                Holdings(cash[0], tuple(_lots(cash, sizes, amounts)[1:])),
                VENUE,
                claim.over(box, VENUE),
                claim,
                LIFETIME,
            )
            least.append(short + need)
            cash[part] = short + need
            assert is_provable(layout, *_split(_lots(cash, sizes, amounts)))
            cash[part] -= 1
            assert not is_provable(layout, *_split(_lots(cash, sizes, amounts)))
        assert is_provable(layout, *_split(_lots(least, sizes, amounts)))


def _lots(cash: list[int], sizes: list[int], amounts: list[int]) -> list[int]:
    return [cash[0], sizes[0], sizes[1], cash[1], sizes[2], cash[2], *amounts]


def _split(values: list[int]) -> tuple[int, list[int]]:
    return values[0], values[1:]


def test_no_part_helps_another() -> None:
    """7 long at 100 require 35: neither a rich account nor a rich other position pays for it, nor it for them."""
    rich = 10**25
    for short in range(3):
        cash = [rich] * 3
        cash[short] = -(10**18)
        values = _lots(cash, [10, 10, 10], [0, 0])
        assert not is_provable(made("maintenance"), *_split(values))
        cash[short] = rich
        assert is_provable(made("maintenance"), *_split(_lots(cash, [10, 10, 10], [0, 0])))


def test_the_report_keeps_them_apart() -> None:
    value = calculators.of(VENUE.model).report(account(), VENUE, PRICES, 0).to_value()
    assert (value["equity"], value["maintenance_requirement"], value["slack"]) == ("1000", "25", "975")
    m0, m1 = value["markets"]
    assert "isolated_slack" not in m0
    assert m1["isolated_slack"] == "85"  # 50 + 70 - 35
    poor = account(positions=[{"market": "M1", "size": "7", "entry_price": "110", "margin": "50"}])
    value = calculators.of(VENUE.model).report(poor, VENUE, PRICES, 0).to_value()
    assert value["solvent"] is False
    assert value["widest_box_percent"] is None


def test_the_opposite_claims_are_of_every_part() -> None:
    """health<=h of an account with isolated positions: none of its parts is better off."""
    zero = [0, 0, 0, 0, 0, 0, 0, 0]
    assert is_provable(made("health<=2"), *_split(zero))
    assert not is_provable(made("health<=2"), 0, [0, 0, 1, 0, 0, 0, 0])  # an atto beside M1, and nothing held


def test_proved_and_verified() -> None:
    held = list(holdings(account(), VENUE, PRICES).values(VENUE).values())
    layout = made("initial,survives[M1]>=5")
    openings = [Opening(value, 3 + i) for i, value in enumerate(held)]
    proof = prove(layout.relation, openings, layout.assign(held), context=b"apart")
    verify(layout.relation, [commit(opening) for opening in openings], proof, context=b"apart")


def test_older_documents_keep_their_bytes() -> None:
    plain = params("perpetuals-cross", FLAT)
    assert "isolated" not in plain.to_bytes().decode()
    assert Params.from_bytes(plain.to_bytes()).digest == plain.digest
