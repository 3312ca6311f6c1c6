"""Every example: `whatif` reads it, it proves and verifies offline, and one atto less than enough is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from cli_run import EXAMPLES, Ran, zkmargin
from least_cash import WIDE, least_cash, relation

from circuits import calculators
from circuits.boxes import box_around
from circuits.claims import MAINTENANCE
from circuits.holdings import holdings
from circuits.markets import RiskParameters
from circuits.prices import prices_of
from prover import clock
from zkmargin import canonical
from zkmargin.documents import Account, Params, Round

BOX_PERCENT, EXPIRY_S = "0.5", 3600
FOLDERS = sorted({path.parent for path in EXAMPLES.rglob("params.json")})


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An example, at the time of its round."""
    found: Path = request.param
    time = Round.from_bytes((found / "oracle.json").read_bytes()).time_unix_s
    monkeypatch.setattr(clock, "now_unix_s", lambda: time)
    return found


def _public(folder: Path) -> tuple[str, ...]:
    return "--params", str(folder / "params.json"), "--oracle", str(folder / "oracle.json")


def _prove(folder: Path, account: Path, out: Path) -> Ran:
    options = ("--claim", "maintenance", "--box", BOX_PERCENT, "--expiry", EXPIRY_S, "--out", out, "-o", "json")
    return zkmargin("prove", "--offline", "--account", account, *_public(folder), *options)


def test_what_if(folder: Path) -> None:
    ran = zkmargin("whatif", "--account", folder / "account.json", *_public(folder), "-o", "json")
    assert ran.code == 0, ran.err
    assert ran.json["solvent"] is True
    shown = zkmargin("whatif", "--account", folder / "account.json", *_public(folder)).out.split()
    account = json.loads((folder / "account.json").read_text())
    held = account.get("positions", []) + account.get("collateral", []) + account.get("debts", [])
    assert {entry.get("market") or entry.get("option") or entry["asset"] for entry in held} <= set(shown)


def test_enough_proves_and_one_atto_less_is_refused(folder: Path, tmp_path: Path) -> None:
    account = json.loads((folder / "account.json").read_text())
    least = Fraction(_least_cash_atto(folder), 10**18)
    for cash, code in ((least, 0), (least - Fraction(1, 10**18), 1)):
        path, out = tmp_path / f"{code}.json", tmp_path / f"{code}.zkmargin.json"
        path.write_text(json.dumps(account | {"cash": canonical.format_decimal(cash)}))
        ran = _prove(folder, path, out)
        assert ran.code == code, ran.out
        if code:
            assert ran.error == "not_provable"
        else:
            checked = zkmargin("verify", "--offline", "--allow-unattested", *_public(folder), out, "-o", "json")
            assert (checked.code, checked.json["valid"]) == (0, True)


def _least_cash_atto(folder: Path) -> int:
    """With how much cash in its file the account just proves, by the relation itself; the calculator says where."""
    risk = RiskParameters.from_document(Params.from_bytes((folder / "params.json").read_bytes()))
    account = Account.from_bytes((folder / "account.json").read_bytes())
    round_ = Round.from_bytes((folder / "oracle.json").read_bytes())
    prices = prices_of(round_, risk)
    held = holdings(account, risk, prices)
    box = risk.box(box_around(prices, Fraction(BOX_PERCENT)))
    lifetime = (round_.time_unix_s, round_.time_unix_s + EXPIRY_S)
    short = replace(held, cash0_atto=-WIDE)
    missing = calculators.of(risk.model).shortfall(short, risk, box, MAINTENANCE, lifetime)
    spare = held.cash0_atto - least_cash(relation(risk, box, lifetime=lifetime), held.size_lots, near=missing - WIDE)
    return int(canonical.parse_decimal(account.cash) * 10**18) - spare
