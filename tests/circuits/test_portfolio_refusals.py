"""Portfolio margin by scenarios: what is refused."""

from __future__ import annotations

import random
from typing import Any

import pytest
from least_cash import START, relation
from portfolio_venues import (
    CALCULATOR,
    DAY,
    HAIRCUTS,
    HEDGED,
    MARKETS,
    ONE,
    PMRM_2,
    SECOND,
    SKEW,
    VENUES,
    bands_of,
    document,
)  # fmt: skip

from circuits.claims import Claim
from circuits.holdings import Holdings
from circuits.markets import RiskParameters
from zkmargin.errors import ContextError, InputError


@pytest.mark.parametrize(("claim", "words"), [("leverage<=5", "no leverage"), ("health<=2", "cannot state")])
def test_claims_that_are_not_stated(claim: str, words: str) -> None:
    venue = VENUES["v1"]
    with pytest.raises(ContextError, match=words) as refused:
        relation(venue, venue.box(bands_of(random.Random(0), 0)), claim)
    assert refused.value.code == "claim_not_allowed"


def test_an_option_that_expires_before_the_proof_is_refused() -> None:
    venue = VENUES["v1"]
    with pytest.raises(ContextError, match="7-1800-call expires") as refused:
        relation(venue, venue.box(bands_of(random.Random(0), 0)), "maintenance", (START, START + 7 * DAY))
    assert refused.value.code == "expired_option"


def test_an_expired_option_can_not_be_held() -> None:
    venue = VENUES["v1"]
    later = START + 8 * DAY
    box = venue.box(bands_of(random.Random(0), 0))
    held = Holdings(0, tuple(100 * (label == "q/7-1800-call") for label in list(venue.units)[1:]))
    with pytest.raises(InputError, match="7-1800-call has expired"):
        CALCULATOR.shortfall(held, venue, box, Claim("maintenance"), (later, later))


def test_a_cap_that_falls_below_zero_is_refused() -> None:
    skew = SKEW | {"linear_slope": "-1"}
    venue = RiskParameters.from_document(document(MARKETS, PMRM_2 | HEDGED | {"skew": skew}, SECOND))
    with pytest.raises(InputError, match="cap of a skew") as refused:
        relation(venue, venue.box(bands_of(random.Random(0), 0)))
    assert refused.value.code == "bad_params"


@pytest.mark.parametrize(
    ("markets", "portfolios", "words"),
    [
        (ONE, [PMRM_2], "in exactly one commodity or portfolio"),
        (ONE, [PMRM_2 | {"contracts": ["PERP", "PERP"]}], "in exactly one commodity or portfolio"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"]}, PMRM_2], "must not occur twice"),
        (MARKETS, [PMRM_2 | HEDGED | {"contracts": ["PERP", "PERP2"]}], "underlying of every option has a portfolio"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "underlying": "T"}], "a market of the list that is no option"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "collateral": ["S"]}], "assets of the list"),
        (
            [*ONE, {"market": "X", "kind": None} | {k: v for k, v in HAIRCUTS.items() if k != "kind"}],
            [PMRM_2 | {"contracts": ["PERP"]}],
            "contracts, options",
        ),
        (
            ONE,
            [PMRM_2 | {"contracts": ["PERP"], "rates": [{"expiry": "2027-01-01T00:00:00Z", "rate": "0.1"}]}],
            "an expiry of the portfolio's options",
        ),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "skew": None}], "skew scenarios need a skew"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "initial_factor": "0.7"}], "must not be above the initial"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "contract_initial_ppm": 1}], "must not be above the initial"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "initial_factor": "101"}], "at most 100"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "initial_factor": "0.8" + "0" * 18 + "1"}], "at most 18 decimals"),
        (ONE, [PMRM_2 | {"contracts": ["PERP"], "scenarios": []}], "scenarios"),
        (
            ONE,
            [PMRM_2 | {"contracts": ["PERP"], "scenarios": [{"spot": "1.1", "vol": "abs"}]}],
            "a skew does not move the price",
        ),
    ],
)
def test_parameters_outside_their_domain(
    markets: list[dict[str, Any]], portfolios: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        document(markets, *portfolios)


def test_portfolios_are_for_this_model() -> None:
    with pytest.raises(InputError, match="which needs them"):
        document(ONE, PMRM_2 | {"contracts": ["PERP"]}, model="options-standard")
