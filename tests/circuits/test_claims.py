"""Claims: one spelling each, exact rates, and which of them cover maintenance."""

from __future__ import annotations

from fractions import Fraction

import pytest

from circuits.claims import INITIAL, MAINTENANCE, Claim
from circuits.markets import Market, RiskParameters
from zkmargin.errors import InputError

BTC = Market("BTC-USD", Fraction(1, 100000), 50_000, 30_000, Fraction(1000))
ALT = Market("ALT-USD", Fraction(1), 1_000_000, 500_000, Fraction(10**9))
PARAMS = RiskParameters("demo", 1, "0x" + "00" * 32, (BTC, ALT))


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
    assert Claim.from_canonical(canonical) == claim
    if text != canonical:
        with pytest.raises(InputError, match="canonical"):
            Claim.from_canonical(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "solvent", "Maintenance", "maintenance>=1", "initial<=1", "health", "health>1", "health<=1", "leverage>=5",
        "health>=0", "health>=0.0", "health>=-1", "health>=1000.000001", "health>=1001", "leverage<=0",
        "leverage<=1000000.5", "leverage<=1000001", "health>=1.0000001", "health>=1e2", "health>=.5", "health>=1.",
        "health>=١", "health>=1/2", "health>=1\n", "health>=nan", "leverage<=inf", "health>=00000001", "health>=1_0",
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


@pytest.mark.parametrize(
    ("text", "implied"),
    [
        ("maintenance", True),
        ("initial", True),
        ("health>=1", True),
        ("health>=0.999999", False),
        ("leverage<=2", True),
        ("leverage<=2.000001", False),
    ],
)
def test_implies_maintenance(text: str, implied: bool) -> None:
    """1/L must reach the highest maintenance rate, here 1/2."""
    assert Claim.parse(text).implies_maintenance(PARAMS) is implied


def test_constants() -> None:
    assert Claim.parse("maintenance") == MAINTENANCE
    assert Claim.parse("initial") == INITIAL
