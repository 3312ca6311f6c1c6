"""The whole main job by the commands, several claims in one proof, at a venue with brackets, collateral, an isolated
market and rates that follow its oracle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from cli_run import Ran, zkmargin
from cli_world import CliWorld, Owner, cli_world

from prover.client import Verifier
from prover.demo import scenario
from prover.demo.operator import Operator
from zkmargin.documents import Account, Oracle, Params
from zkmargin.documents.oracle import Risk

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


@dataclass(frozen=True)
class ModelOperator(Operator):
    """An operator whose reporters also say how much is open, and how volatile it is: less of both when prices rise."""

    def _report(self, number: int, unix_s: int, factor: Fraction) -> Oracle:
        report = super()._report(number, unix_s, factor)
        risk = Risk(
            market="BTC-USD",
            open_interest="2500" if factor < 2 else "1000",
            volatility="0.62" if factor > Fraction(99, 100) else "0.75",
        )
        still = [price for price in report.funding if price.market != "USDC"]
        return report.model_copy(update={"risk": (risk,), "funding": tuple(still)})


@pytest.fixture(scope="module")
def models() -> Iterator[CliWorld]:
    """Both services, with these parameters and a first round."""
    with pytest.MonkeyPatch.context() as patch:
        prices = {market: Fraction(price) for market, price in PRICES.items()}
        patch.setattr(
            scenario, "Operator", lambda _params, _prices, key: ModelOperator(Params.from_value(MODEL), prices, key)
        )
        kinds = ["maintenance", "initial", "health", "survives", "stress"]
        patch.setenv("ZKMARGIN_VERIFIER_CLAIMS", json.dumps(kinds))
        with cli_world() as world:
            yield world


@pytest.fixture
def trader(models: CliWorld, tmp_path: Path) -> Owner:
    return models.owner(tmp_path, Account.from_value(ACCOUNT))


def _prove(models: CliWorld, trader: Owner, out: Path, claim: str, box: str = "5") -> Ran:
    asked = ("--claim", claim, "--box", box, "--verifier", models.verifier, "--out", out, "-o", "json")
    return zkmargin("prove", *asked, *trader.options)


def test_commit_prove_submit_status(models: CliWorld, trader: Owner, tmp_path: Path) -> None:
    verifier = ("--verifier", models.verifier)
    ran = zkmargin("commit", "--account", trader.account_file, *trader.options, *models.services, "-o", "json")
    assert ran.code == 0, ran.out
    labels = set(trader.open().require_current().openings.by_label)
    assert labels == {"cash0", "q/BTC-USD", "q/ETH-USD", "q/APE-USD", "i/APE-USD", "c/USDC", "d/USDC"}

    bundle, receipt = tmp_path / "proof.zkmargin.json", tmp_path / "receipt.json"
    proved = _prove(
        models, trader, bundle, "survives[ETH-USD]>=10, initial,health>=1.25,stress[ETH-USD=-30;BTC-USD=-20]"
    )
    assert proved.code == 0, proved.out
    assert proved.json["claim"] == CLAIMS
    checked = zkmargin("verify", *verifier, bundle, "-o", "json")
    assert (checked.code, checked.json["claim"], checked.json["covers_maintenance"]) == (0, CLAIMS, True)
    submitted = zkmargin("submit", bundle, *verifier, "--receipt-out", receipt, "-o", "json")
    assert submitted.code == 0, submitted.out
    assert submitted.json["claim"] == CLAIMS
    status = zkmargin("status", *verifier, *trader.options, "-o", "json")
    assert (status.json["status"], status.json["claim"]) == ("live", CLAIMS)

    shown = zkmargin("inspect", bundle)
    assert shown.code == 0
    assert CLAIMS in shown.out
    head = next(line for line in shown.out.splitlines() if line.startswith("market "))
    assert head.split("  ")[-1].strip() == "volatility"
    assert "open interest" in head
    ape = next(line for line in shown.out.splitlines() if line.startswith("APE-USD"))
    assert ape.split()[-2:] == ["-", "-"]
    box = zkmargin("inspect", bundle, "-o", "json").json["box"]
    assert box[0]["volatility"] == "0.651"
    assert "volatility" not in box[1]

    models.publish(Fraction(-2, 100))  # prices stay in the box, the market gets rougher
    status = zkmargin("status", *verifier, *trader.options, "-o", "json")
    assert (status.json["status"], status.json["reason"]) == ("stale", "price_outside_box")
    again = tmp_path / "again.zkmargin.json"
    assert _prove(models, trader, again, CLAIMS).code == 0
    assert zkmargin("submit", again, *verifier).code == 0
    assert zkmargin("status", *verifier, *trader.options, "-o", "json").json["status"] == "live"
    models.publish()


def test_what_if(models: CliWorld, trader: Owner) -> None:
    public = []
    with Verifier(models.verifier) as service:
        for name in ("params", "oracle"):
            file = trader.wallet.parent / f"{name}.json"
            file.write_text(json.dumps(service.get(f"/v1/{name}/current")))
            public += [f"--{name}", str(file)]
    ran = zkmargin("whatif", "--account", trader.account_file, *public, "-o", "json")
    assert ran.code == 0, ran.out
    assert ran.json["solvent"] is True
    assert ran.json["collateral"][0]["asset"] == "USDC"
    ape = ran.json["markets"][2]
    assert ape["market"] == "APE-USD"
    assert Fraction(ape["isolated_slack"]) > 0
    shown = zkmargin("whatif", "--account", trader.account_file, *public).out
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
def test_what_cannot_be_claimed_writes_nothing(
    models: CliWorld, trader: Owner, tmp_path: Path, claim: str, code: str
) -> None:
    assert zkmargin("commit", "--account", trader.account_file, *trader.options, *models.services).code == 0
    out = tmp_path / "proof.zkmargin.json"
    ran = _prove(models, trader, out, claim)
    assert (ran.code in (1, 2), ran.error) == (True, code)
    assert not out.exists()


def test_a_kind_that_the_verifier_does_not_list_is_refused_there(
    models: CliWorld, trader: Owner, tmp_path: Path
) -> None:
    assert zkmargin("commit", "--account", trader.account_file, *trader.options, *models.services).code == 0
    out = tmp_path / "proof.zkmargin.json"
    assert _prove(models, trader, out, "gross>=1000,maintenance").code == 0
    ran = zkmargin("submit", out, "--verifier", models.verifier, "-o", "json")
    assert (ran.code, ran.json["reason"]) == (1, "claim_not_allowed")


def test_help_lists_every_form_of_claim() -> None:
    shown = zkmargin("prove", "--help").out
    forms = (
        "maintenance initial health>= health<= leverage<= leverage>= survives>= survives[ stress[ gross<= gross>="
        " delta[ gamma[ vega[ collateral>= equity>="
    )
    for form in forms.split():
        assert form in shown
