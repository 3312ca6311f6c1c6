"""Stress tables: moves of single markets, of all, and scenarios of several, each over its own box, in one proof."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from model_cases import LIFETIME, is_provable, point, risk

from circuits import statement
from circuits.boxes import ATTO, MarketBox
from circuits.claims import MAINTENANCE, MAX_CHARACTERS, Claim, Claims
from circuits.layout import Layout
from zkmargin.errors import ContextError, InputError

FLAT = {"initial_ppm": 100_000, "maintenance_ppm": 50_000}
VENUE = risk("perpetuals-cross", FLAT | {"lot": "1"}, FLAT | {"lot": "1"})
"""M0 and M1, a lot a unit."""
BOX = VENUE.box(point(100, 50))


def layout(text: str) -> Layout:
    return statement.layout(VENUE, BOX, Claims.parse(text), LIFETIME)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("stress[M0=-20]", "stress[M0=-20]"),
        (" stress[ M1 = -30.50 ;M0=20 ] ", "stress[M0=20;M1=-30.5]"),
        ("stress[A:B/C.D-E_1=1000]", "stress[A:B/C.D-E_1=1000]"),
        ("stress[M0=-100]", "stress[M0=-100]"),
        ("delta[M0] <= 2.50", "delta[M0]<=2.5"),
    ],
)
def test_spelling(text: str, canonical: str) -> None:
    assert str(Claim.parse(text)) == canonical
    assert Claims.from_canonical(canonical) == Claims.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "stress", "stress[]", "stress[M0]", "stress[M0=]", "stress[M0=0]", "stress[M0=-100.1]", "stress[M0=1001]",
        "stress[M0=5;M0=6]", "stress[M0=5;]", "stress[M0=5]>=1", "stress[M0=+5]", "stress[M0=1e1]",
        "stress[M0=0.0000001]",
        "stress[M0=5,M1=6]", "stress[" + ";".join(f"M{i}=1" for i in range(17)) + "]", "stress[=5]",
        "delta<=5", "delta[]<=5", "delta[M0]>=5", "delta[M0]", "delta[M0=5]<=5", "survives[M0=5]>=5", "gross[M0]<=5",
        "maintenance[M0]", "stress[[M0=5]]", "stress[M0=٥]",
    ],
)  # fmt: skip
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError) as refused:
        Claims.parse(text)
    assert refused.value.code == "bad_claim"


def test_made_by_hand_it_is_checked_too() -> None:
    for made in [
        lambda: Claim("stress"),
        lambda: Claim("maintenance", moves=(("M0", Fraction(1)),)),
        lambda: Claim("stress", market="M0", moves=(("M0", Fraction(1)),)),
        lambda: Claim("stress", moves=(("M0", Fraction(1, 3)),)),
        lambda: Claim("delta", Fraction(5)),
        lambda: Claim("delta", Fraction(5), "M,0"),
    ]:
        with pytest.raises(InputError):
            made()


def test_a_list_of_claims_fits_into_a_request() -> None:
    long = ";".join(f"{'M' * 60}{i}=1" for i in range(14))
    with pytest.raises(InputError, match=f"at most {MAX_CHARACTERS} characters"):
        Claims.parse(f"stress[{long}]")


def test_a_scenario_moves_what_it_names_and_nothing_else() -> None:
    box = (MarketBox(100, 201, -5, 5), MarketBox(1000, 1001, 0, 0))
    assert Claim.parse("stress[M0=-10.5]").over(box, VENUE) == (MarketBox(89, 180, -5, 5), box[1])
    assert Claim.parse("stress[M1=50;M0=-100]").over(box, VENUE) == (
        MarketBox(0, 0, -5, 5),
        MarketBox(1500, 1502, 0, 0),
    )
    assert Claim.parse("stress[M0=1]").after_move == Claim.parse("survives>=1").after_move == MAINTENANCE
    with pytest.raises(ContextError) as refused:
        Claim.parse("stress[M0=1000]").over((MarketBox(0, 2**90, 0, 0), box[1]), VENUE)
    assert refused.value.code == "bad_box"


def test_a_scenario_alone_does_not_say_that_the_account_is_solvent_now() -> None:
    assert not Claims.parse("stress[M0=-20]").implies_maintenance(VENUE)
    assert Claims.parse("maintenance,stress[M0=-20]").implies_maintenance(VENUE)
    # A short that is insolvent at 100 and fine at 80: cash0 of 1020 from a sale of 10, requirement 50 and 40.
    values = [1020 * ATTO, -10, 0]
    assert is_provable(layout("stress[M0=-20]"), *_split(values))
    assert not is_provable(layout("maintenance"), *_split(values))


def _split(values: list[int]) -> tuple[int, list[int]]:
    return values[0], values[1:]


def _slack(cash: int, sizes: tuple[int, int], prices: tuple[Fraction, Fraction]) -> Fraction:
    return cash + sum(ATTO * (q * p - abs(q) * p / 20) for q, p in zip(sizes, prices, strict=True))


TABLE = {
    "maintenance": [(0, 0)],
    "survives>=10": list(product((-10, 0, 10), repeat=2)),
    "survives[M0]>=40": [(-40, 0), (0, 0), (40, 0)],
    "stress[M0=-30;M1=25]": [(-30, 25)],
    "stress[M0=60;M1=-35.5]": [(60, Fraction("-35.5"))],
}


@pytest.mark.parametrize("sizes", [(10, -7), (-10, 7), (5, 5), (-3, -9), (0, 4)])
def test_each_claim_is_sharp_and_a_table_is_all_of_them(sizes: tuple[int, int]) -> None:
    least = {}
    for text, moves in TABLE.items():
        prices = [(100 * (1 + Fraction(a) / 100), 50 * (1 + Fraction(b) / 100)) for a, b in moves]
        least[text] = cash = int(-min(_slack(0, sizes, pair) for pair in prices))
        assert is_provable(layout(text), cash, sizes)
        assert not is_provable(layout(text), cash - 1, sizes)
    table = layout(",".join(TABLE))
    worst = max(least.values())
    assert is_provable(table, worst, sizes)
    assert not is_provable(table, worst - 1, sizes)
