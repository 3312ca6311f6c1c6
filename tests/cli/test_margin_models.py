"""The whole main job by the commands, several claims in one proof, at a venue with brackets, collateral, an isolated
market and rates that follow its oracle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from cli_run import zkmargin
from model_session import VERIFIER_URL, Example, Session, session
from service_worlds import Beginning, blank_in

from prover.client import Verifier

CLAIMS = "health>=1.25,initial,stress[BTC-USD=-20;ETH-USD=-30],survives[ETH-USD]>=10"
MODEL: dict[str, Any] = {
    "schema": "zkmargin/params/v1", "venue": "demo", "version": 1, "model": "perpetuals-brackets", "quote": "USD",
    "markets": [
        {"market": "BTC-USD", "lot": "0.0001", "initial_ppm": 50000, "maintenance_ppm": 30000, "max_size": "2000",
         "tiers": [{"above": "100000", "initial_ppm": 100000, "maintenance_ppm": 60000}], "calm_volatility": "0.5",
         "open_interest": {"lower": "50000000", "upper": "100000000"}},
        {"market": "ETH-USD", "lot": "0.001", "initial_ppm": 50000, "maintenance_ppm": 30000, "max_size": "50000"},
        {"market": "APE-USD", "lot": "1", "initial_ppm": 200000, "maintenance_ppm": 100000, "max_size": "1000000",
         "isolated": True, "liquidation_fee_ppm": 10000},
        {"market": "USDC", "kind": "asset", "lot": "0.01", "initial_ppm": 20000, "maintenance_ppm": 10000,
         "max_size": "10000000"},
    ],
}  # fmt: skip
PRICES = {"BTC-USD": "28688.19524", "ETH-USD": "1811.985252", "APE-USD": "1.842365656", "USDC": "0.9998"}
ACCOUNT = {
    "schema": "zkmargin/account/v1", "account": "models", "cash": "4000.5",
    "positions": [
        {"market": "BTC-USD", "size": "5.25", "entry_price": "28100.5"},
        {"market": "ETH-USD", "size": "-42.5", "entry_price": "1795.5"},
        {"market": "APE-USD", "size": "18000", "entry_price": "1.91", "margin": "11750"},
    ],
    "collateral": [{"asset": "USDC", "amount": "130000"}],
}  # fmt: skip


ORACLE = {
    "schema": "zkmargin/oracle/v1", "venue": "demo", "round": 1, "time": "2026-11-22T06:00:00Z",
    "prices": [{"market": market, "price": price} for market, price in PRICES.items()],
    "funding": [{"market": market, "index": "1.5"} for market in ("BTC-USD", "ETH-USD", "APE-USD")],
    "risk": [{"market": "BTC-USD", "open_interest": "2500", "volatility": "0.62"}],
}  # fmt: skip
KINDS = ("maintenance", "initial", "health", "survives", "stress")


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Beginning:
    return blank_in(tmp_path_factory.mktemp("blank"))


@pytest.fixture
def venue(tmp_path: Path, blank: Beginning) -> Iterator[Session]:
    """Both services, with these parameters and a first round."""
    with session(tmp_path, Example(MODEL, ORACLE, ACCOUNT), blank, claims=KINDS) as made:
        made.publish()
        yield made


def test_commit_prove_submit_status(venue: Session, tmp_path: Path) -> None:
    verifier = ("--verifier", VERIFIER_URL)
    ran = venue.commit()
    assert ran.code == 0, ran.out
    labels = set(venue.open().require_current().openings.by_label)
    assert labels == {"cash0", "q/BTC-USD", "q/ETH-USD", "q/APE-USD", "i/APE-USD", "c/USDC", "d/USDC"}

    receipt = tmp_path / "receipt.json"
    proved = venue.prove(claim="survives[ETH-USD]>=10, initial,health>=1.25,stress[ETH-USD=-30;BTC-USD=-20]", box="5")
    assert proved.code == 0, proved.out
    assert proved.json["claim"] == CLAIMS
    checked = venue.verify()
    assert (checked.code, checked.json["claim"], checked.json["covers_maintenance"]) == (0, CLAIMS, True)
    submitted = venue.submit("--receipt-out", receipt)
    assert submitted.code == 0, submitted.out
    assert submitted.json["claim"] == CLAIMS
    assert receipt.exists()
    status = zkmargin("status", *verifier, *venue.options, "-o", "json")
    assert (status.json["status"], status.json["claim"]) == ("live", CLAIMS)

    shown = zkmargin("inspect", venue.bundle)
    assert shown.code == 0
    assert CLAIMS in shown.out
    head = next(line for line in shown.out.splitlines() if line.startswith("market "))
    assert head.split("  ")[-1].strip() == "volatility"
    assert "open interest" in head
    ape = next(line for line in shown.out.splitlines() if line.startswith("APE-USD"))
    assert ape.split()[-2:] == ["-", "-"]
    box = zkmargin("inspect", venue.bundle, "-o", "json").json["box"]
    assert box[0]["volatility"] == "0.651"
    assert "volatility" not in box[1]

    venue.publish(Fraction(-1, 1000), calmer=Fraction(-6, 100))  # prices stay in the box, the market gets rougher
    assert venue.status == ("stale", "price_outside_box")
    assert venue.prove(claim=CLAIMS, box="5").code == 0
    assert venue.submit().code == 0
    assert venue.status == ("live", None)


def test_what_if(venue: Session, tmp_path: Path) -> None:
    assert venue.commit().code == 0
    public = []
    with Verifier(VERIFIER_URL) as service:
        for name in ("params", "oracle"):
            file = tmp_path / f"{name}.json"
            file.write_text(json.dumps(service.get(f"/v1/{name}/current")))
            public += [f"--{name}", str(file)]
    ran = zkmargin("whatif", "--account", venue.account_file, *public, "-o", "json")
    assert ran.code == 0, ran.out
    assert ran.json["solvent"] is True
    assert ran.json["collateral"][0]["asset"] == "USDC"
    ape = ran.json["markets"][2]
    assert ape["market"] == "APE-USD"
    assert Fraction(ape["isolated_slack"]) > 0
    shown = zkmargin("whatif", "--account", venue.account_file, *public).out
    assert "isolated slack" in shown


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ("maintenance,survives[DOGE-USD]>=5", "claim_not_allowed"),
        ("gross<=5", "claim_not_allowed"),
        ("maintenance,maintenance", "bad_claim"),
        ("stress[BTC-USD=0]", "bad_claim"),
        ("leverage<=1", "not_provable"),
        ("health<=1,maintenance", "not_provable"),
    ],
)
def test_what_cannot_be_claimed_writes_nothing(venue: Session, claim: str, code: str) -> None:
    assert venue.commit().code == 0
    ran = venue.prove(claim=claim)
    assert (ran.code in (1, 2), ran.error) == (True, code)
    assert not venue.bundle.exists()


def test_a_kind_that_the_verifier_does_not_list_is_refused_there(venue: Session) -> None:
    assert venue.commit().code == 0
    assert venue.prove(claim="gross>=1000,maintenance").code == 0
    ran = venue.submit()
    assert (ran.code, ran.json["reason"]) == (1, "claim_not_allowed")


def test_help_lists_every_form_of_claim() -> None:
    shown = zkmargin("prove", "--help").out
    forms = (
        "maintenance initial health>= health<= leverage<= leverage>= survives>= survives[ stress[ gross<= gross>="
        " delta[ gamma[ vega[ collateral>= equity>="
    )
    for form in forms.split():
        assert form in shown
