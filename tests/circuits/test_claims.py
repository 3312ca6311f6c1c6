"""Claims: one spelling each, exact rates, and which of them cover maintenance."""

from __future__ import annotations

from fractions import Fraction

import pytest
from margin_accounts import params

from circuits.boxes import MarketBox
from circuits.claims import INITIAL, MAINTENANCE, MAX_CLAIMS, Claim, Claims
from circuits.markets import RiskParameters
from zkmargin.documents import Params
from zkmargin.errors import InputError

PARAMS = RiskParameters.from_document(
    params([("BTC-USD", "0.00001", 50_000, 30_000), ("ALT-USD", "1", 1_000_000, 500_000)])
)
BTC = PARAMS.markets[0]


@pytest.mark.parametrize(
    ("text", "canonical", "rate"),
    [
        ("maintenance", "maintenance", Fraction(3, 100)),
        (" initial ", "initial", Fraction(5, 100)),
        ("health>=1.25", "health>=1.25", Fraction(375, 10000)),
        (" health >=  01.2500 ", "health>=1.25", Fraction(375, 10000)),
        ("health>=1000", "health>=1000", Fraction(30)),
        ("health>=0.000001", "health>=0.000001", Fraction(3, 10**8)),
        ("leverage<=5", "leverage<=5", Fraction(1, 5)),
        ("leverage <= 3", "leverage<=3", Fraction(1, 3)),
        ("leverage<=0.5", "leverage<=0.5", Fraction(2)),
        ("leverage<=1000000", "leverage<=1000000", Fraction(1, 10**6)),
        ("leverage<=0.000001", "leverage<=0.000001", Fraction(10**6)),
    ],
)
def test_parse_canonical_and_rate(text: str, canonical: str, rate: Fraction) -> None:
    claim = Claim.parse(text)
    assert str(claim) == canonical
    assert claim.rate(BTC) == rate
    assert Claims.from_canonical(canonical) == Claims((claim,))
    if text != canonical:
        with pytest.raises(InputError, match="canonical"):
            Claims.from_canonical(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("health <= 2.50", "health<=2.5"),
        ("leverage>=3", "leverage>=3"),
        ("survives>=12.5", "survives>=12.5"),
        ("survives[BTC-USD] >= 100", "survives[BTC-USD]>=100"),
        ("gross<=10000000000000", "gross<=10000000000000"),
        ("gross >= 0.000001", "gross>=0.000001"),
        ("collateral>=1.5", "collateral>=1.5"),
    ],
)
def test_the_other_kinds_have_one_spelling_too(text: str, canonical: str) -> None:
    assert str(Claim.parse(text)) == canonical
    assert Claim.parse(canonical) == Claim.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "solvent", "Maintenance", "maintenance>=1", "initial<=1", "health", "health>1", "leverage>5",
        "health<=0", "leverage>=1000001", "survives", "survives<=5", "survives>=100.000001", "survives[]>=5",
        "survives[A B]>=5", "health[BTC-USD]>=1", "gross", "gross<=10000000000001", "collateral<=2", "collateral>=0",
        "health>=0", "health>=0.0", "health>=-1", "health>=1000.000001", "health>=1001", "leverage<=0",
        "leverage<=1000000.5", "leverage<=1000001", "health>=1.0000001", "health>=1e2", "health>=.5", "health>=1.",
        "health>=١", "health>=1/2", "health>=1\n", "health>=nan", "leverage<=inf", "health>=1_0",
        "health>=000000000000001",
    ],
)  # fmt: skip
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError) as error:
        Claim.parse(text)
    assert error.value.code == "bad_claim"


def test_made_by_hand_it_is_checked_too() -> None:
    for kind, bound in [("health", None), ("maintenance", Fraction(1)), ("health", Fraction(1, 3)), ("x", None)]:
        with pytest.raises(InputError):
            Claim(kind, bound)
    with pytest.raises(InputError):
        Claim("health", Fraction(1), "BTC-USD")


@pytest.mark.parametrize(
    ("text", "implied"),
    [
        ("maintenance", True),
        ("initial", True),
        ("health>=1", True),
        ("health>=0.999999", False),
        ("leverage<=2", True),
        ("leverage<=2.000001", False),
        ("health<=2", False),
        ("leverage>=2", False),
        ("survives>=0.000001", True),
        ("gross<=1", False),
        ("gross>=1", False),
        ("collateral>=1000", False),
    ],
)
def test_implies_maintenance(text: str, implied: bool) -> None:
    """1/L must reach the highest maintenance rate, here 1/2. One claim of several is enough."""
    assert Claim.parse(text).implies_maintenance(PARAMS) is implied
    assert Claims.parse(f"{text},gross<=7").implies_maintenance(PARAMS) is implied


def test_constants() -> None:
    assert Claim.parse("maintenance") == MAINTENANCE
    assert Claim.parse("initial") == INITIAL


def test_several_claims_have_one_order() -> None:
    both = Claims.parse("maintenance, health>=1.5")
    assert str(both) == "health>=1.5,maintenance"
    assert both == Claims.from_canonical(str(both)) == Claims((Claim.parse("health>=1.5"), MAINTENANCE))
    assert both.kinds == {"maintenance", "health"}
    with pytest.raises(InputError, match="canonical"):
        Claims.from_canonical("maintenance,health>=1.5")


@pytest.mark.parametrize(
    "text",
    [
        "", ",", "maintenance,", "maintenance,maintenance", "health>=1,health>=1.0", "maintenance;initial",
        ",".join(f"health>={n}" for n in range(1, MAX_CLAIMS + 2)), "maintenance" + ",initial" * 100_000,
    ],
    ids=range(8),
)  # fmt: skip
def test_claims_are_different_and_few(text: str) -> None:
    with pytest.raises(InputError) as error:
        Claims.parse(text)
    assert error.value.code == "bad_claim"


def test_a_move_is_a_wider_box() -> None:
    box = (MarketBox(100, 201, -5, 5), MarketBox(1000, 1001, 0, 0))
    assert MAINTENANCE.over(box, PARAMS) is box
    assert Claim.parse("survives>=10.5").over(box, PARAMS) == (
        MarketBox(89, 223, -5, 5),
        MarketBox(895, 1107, 0, 0),
    )
    assert Claim.parse("survives[BTC-USD]>=100").over(box, PARAMS) == (MarketBox(0, 402, -5, 5), box[1])
    with pytest.raises(InputError) as error:
        Claim.parse("survives[DOGE-USD]>=5").over(box, PARAMS)
    assert error.value.code == "unknown_market"


TIERS = [{"above": "1000", "initial_ppm": 60_000, "maintenance_ppm": 40_000}]


def _market(**other: object) -> RiskParameters:
    market = {"market": "X", "lot": "1", "initial_ppm": 50_000, "maintenance_ppm": 30_000, "max_size": "9"} | other
    return RiskParameters.from_document(
        Params.from_value(
            {"schema": Params.SCHEMA, "venue": "v", "version": 1, "model": "perpetuals-brackets", "quote": "USD"}
            | {"markets": [market]}
        )
    )


def test_rates_of_tiers_and_of_shorts() -> None:
    tiered = _market(tiers=TIERS)
    seen = [(r.above, r.long, r.short) for r in Claim.parse("health>=2").rates(tiered.markets[0])]
    assert seen == [(0, Fraction(6, 100), Fraction(6, 100)), (1000, Fraction(8, 100), Fraction(8, 100))]
    assert len(Claim.parse("leverage<=4").rates(tiered.markets[0])) == 1
    apart = _market(short_initial_ppm=90_000, short_maintenance_ppm=70_000)
    assert [(r.long, r.short) for r in INITIAL.rates(apart.markets[0])] == [(Fraction(5, 100), Fraction(9, 100))]


@pytest.mark.parametrize(
    ("changed", "cap"), [({"tiers": TIERS}, 25), ({"short_initial_ppm": 90_000, "short_maintenance_ppm": 40_000}, 25)]
)
def test_a_leverage_cap_covers_maintenance_if_it_covers_every_tier_and_side(
    changed: dict[str, object], cap: int
) -> None:
    assert Claim("leverage", Fraction(cap)).implies_maintenance(_market(**changed)) is True
    assert Claim("leverage", Fraction(cap) + Fraction(1, 10**6)).implies_maintenance(_market(**changed)) is False
