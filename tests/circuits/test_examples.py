"""Every example: `whatif` reads it, it proves and verifies offline, and one atto less than enough is refused."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from cli_run import EXAMPLES, Ran, zkmargin

from circuits.holdings import holdings
from circuits.layout import Layout
from circuits.markets import RiskParameters
from circuits.prices import prices_of
from circuits.statement import build
from prover.commands import prove as command
from zkmargin import canonical
from zkmargin.bundle import Bundle
from zkmargin.documents import Account, Params, Round
from zkmargin.errors import WitnessError

FOLDERS = sorted({path.parent for path in EXAMPLES.rglob("params.json")})


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An example, at the time of its round."""
    found: Path = request.param
    time = Round.from_bytes((found / "oracle.json").read_bytes()).time_unix_s
    monkeypatch.setattr(command, "now_unix_s", lambda: time)
    return found


def _public(folder: Path) -> tuple[str, ...]:
    return "--params", str(folder / "params.json"), "--oracle", str(folder / "oracle.json")


def _prove(folder: Path, account: Path, out: Path) -> Ran:
    options = ("--claim", "maintenance", "--box", "0.5", "--out", out, "-o", "json")
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
    out = tmp_path / "ample"
    assert _prove(folder, folder / "account.json", out).code == 0
    spare = _spare_cash(folder, Bundle.from_bytes(out.read_bytes()))
    account = json.loads((folder / "account.json").read_text())
    least = canonical.parse_decimal(account["cash"]) - Fraction(spare, 10**18)
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


def _spare_cash(folder: Path, bundle: Bundle) -> int:
    """How many atto of cash could go: by bisection, from what the relation itself admits."""
    params = Params.from_bytes((folder / "params.json").read_bytes())
    account = Account.from_bytes((folder / "account.json").read_bytes())
    risk = RiskParameters.from_document(params)
    held = holdings(account, risk, prices_of(bundle.round, risk))
    layout = build(bundle.request, bundle.state.document, params, bundle.round).layout
    spare, short = 0, 1 << 104
    while short - spare > 1:
        middle = (spare + short) // 2
        values = [held.cash0_atto - middle, *held.size_lots]
        spare, short = (middle, short) if _is_provable(layout, values) else (spare, middle)
    return spare


def _is_provable(layout: Layout, values: list[int]) -> bool:
    try:
        layout.assign(values)
    except WitnessError:
        return False
    return True
