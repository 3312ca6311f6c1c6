"""Proving and verifying with files alone: verdicts, exit codes, documents, and nothing of the account in any."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from cli_run import EXAMPLES, PUBLIC, Ran, zkmargin

from circuits.statement import build
from zkmargin import canonical
from zkmargin.bundle import Bundle
from zkmargin.documents import Policy, Trust
from zkmargin.envelope import PrivateKey

ACCOUNT = EXAMPLES / "account.json"
SECRETS = ("42340.25", "-3.75", "29125.5", "42.5", "1764.25", "-310.5", "22.875", "37500", "42500", "3105")


def prove(out: Path, *extra: object, account: Path = ACCOUNT, claim: str = "maintenance") -> Ran:
    return zkmargin("prove", "--offline", "--account", account, *PUBLIC, "--claim", claim, "--out", out, *extra)


def verify(bundle: Path, *extra: object) -> Ran:
    return zkmargin("verify", "--offline", *PUBLIC, bundle, *extra)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle") / "proof.zkmargin.json"
    assert prove(out, "--box", "2.5", claim="health >= 1.25").code == 0
    return out


@pytest.mark.parametrize("claim", ["maintenance", "initial", "health>=1.25", "leverage <= 5"])
def test_prove_and_verify(tmp_path: Path, claim: str) -> None:
    out = tmp_path / "proof.zkmargin.json"
    ran = prove(out, "-o", "json", claim=claim)
    assert ran.code == 0
    keys = {"out", "bundle", "account", "seq", "claim", "expiry", "locks", "proof_bytes", "prove_ms"}
    assert set(ran.json) == keys
    assert ran.json["claim"] == claim.replace(" ", "")
    assert ran.json["bundle"] == canonical.digest(out.read_bytes())
    ran = verify(out, "--allow-unattested", "-o", "json")
    assert ran.code == 0
    assert ran.json["valid"] is True
    assert ran.json["unattested"] is True
    assert ran.json["claim"] == claim.replace(" ", "")


def test_the_same_in_words(bundle: Path) -> None:
    ran = verify(bundle, "--allow-unattested")
    assert ran.code == 0
    assert ran.out.startswith("valid\n")
    assert "NOT ATTESTED" in ran.out


def test_an_unattested_bundle_needs_the_checkers_consent(bundle: Path) -> None:
    ran = verify(bundle, "-o", "json")
    assert (ran.code, ran.error) == (1, "unattested")


def test_an_insolvent_account_is_told_by_how_much_and_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "proof.zkmargin.json"
    ran = prove(out, account=EXAMPLES / "insolvent.json")
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err == "zkmargin: not provable: short by 5892.35905435 USD at the worst prices of the box\n"
    assert list(tmp_path.iterdir()) == []
    ran = prove(out, "-o", "json", account=EXAMPLES / "insolvent.json")
    assert (ran.code, ran.error) == (1, "not_provable")


def test_short_by_exactly_what_is_missing(tmp_path: Path) -> None:
    """The amount that is told, added to the cash, proves; an atto less does not."""
    account = json.loads((EXAMPLES / "insolvent.json").read_text())
    told = prove(tmp_path / "x", account=EXAMPLES / "insolvent.json", claim="initial").err
    match = re.search(r"short by ([0-9.]+) USD", told)
    assert match is not None
    enough = canonical.parse_decimal(account["cash"]) + canonical.parse_decimal(match[1])
    for cash, code in ((enough, 0), (enough - Fraction(1, 10**18), 1)):
        path = tmp_path / f"{code}.json"
        path.write_text(json.dumps(account | {"cash": canonical.format_decimal(cash)}))
        assert prove(tmp_path / f"{code}.bundle", account=path, claim="initial").code == code


def test_a_wider_box_is_harder(tmp_path: Path) -> None:
    widest = zkmargin("whatif", "--account", ACCOUNT, *PUBLIC, "-o", "json").json["widest_box_percent"]
    assert prove(tmp_path / "a", "--box", widest).code == 0
    assert prove(tmp_path / "b", "--box", canonical.format_decimal(canonical.parse_decimal(widest) + 1)).code == 1


def test_the_box_is_rounded_outwards_to_18_decimals(tmp_path: Path) -> None:
    out = tmp_path / "proof.zkmargin.json"
    assert prove(out, "--box", "0.000000000001").code == 0
    entry = Bundle.from_bytes(out.read_bytes()).request.box[0]
    price, share = Fraction("28688.19524"), Fraction(1, 10**14)
    low, high = canonical.parse_decimal(entry.low), canonical.parse_decimal(entry.high)
    assert price * (1 - share) - Fraction(1, 10**18) < low <= price * (1 - share)
    assert price * (1 + share) <= high < price * (1 + share) + Fraction(1, 10**18)


def test_nothing_of_the_account_is_in_the_bundle_or_on_the_screen(tmp_path: Path, bundle: Path) -> None:
    shown = [bundle.read_text()]
    for output in ("text", "json"):
        out = tmp_path / output
        ran = prove(out, "--box", "2.5", "-o", output)
        seen = zkmargin("inspect", out, "-o", output)
        checked = verify(out, "--allow-unattested", "-o", output)
        shown += [ran.out, ran.err, seen.out, seen.err, checked.out, checked.err, out.read_text()]
    for text in shown:
        for secret in SECRETS:
            assert f'"{secret}"' not in text
            assert not re.search(rf"(?<![0-9a-f.]){re.escape(secret)}(?![0-9a-f.])", text), secret


def test_two_bundles_of_one_account_have_nothing_in_common(tmp_path: Path) -> None:
    """Fresh keys, fresh blindings: the accounts of two offline bundles cannot be linked."""
    states = []
    for name in ("a", "b"):
        assert prove(tmp_path / name).code == 0
        states.append(Bundle.from_bytes((tmp_path / name).read_bytes()).state.document)
    first, second = ({c.commitment for c in state.commitments} for state in states)
    assert not first & second
    assert states[0].owner != states[1].owner
    assert states[0].account != states[1].account


def _other_hex(text: str) -> str:
    return text[:-1] + ("1" if text[-1] == "0" else "0")


@pytest.mark.parametrize(
    ("field", "change", "code"),
    [
        ("proof", _other_hex, "proof_failed"),
        ("proof", lambda text: text[:-2], "bad_encoding"),
        ("proof", lambda text: "0x" + "ff" * 48 + text[98:], "bad_encoding"),
        ("request.claim", lambda _: "health>=1.5", "proof_failed"),
        ("request.claim", lambda _: "health >= 1.25", "bad_encoding"),
        ("request.expiry", lambda _: "2126-01-01T00:00:00Z", "proof_failed"),
        ("request.expiry", lambda _: "2020-01-01T00:00:00Z", "expired"),
        ("request.audience", lambda _: "someone-else", "proof_failed"),
        ("request.seq", lambda _: 2, "state_mismatch"),
        ("request.account", _other_hex, "wrong_account"),
        ("request.params", _other_hex, "unknown_params"),
        ("request.round", _other_hex, "unknown_round"),
        ("request.round_number", lambda _: 18, "unknown_round"),
        ("schema", lambda _: "zkmargin/bundle/v2", "bad_encoding"),
    ],
)
def test_altered_bundles(tmp_path: Path, bundle: Path, field: str, change: Callable[[Any], Any], code: str) -> None:
    value = json.loads(bundle.read_text())
    *parents, last = field.split(".")
    holder = value
    for name in parents:
        holder = holder[name]
    holder[last] = change(holder[last])
    path = tmp_path / "altered"
    path.write_bytes(canonical.to_bytes(value))
    ran = verify(path, "--allow-unattested", "-o", "json")
    assert (ran.code, ran.error) == (1, code)


def test_a_box_that_the_price_is_outside_of(tmp_path: Path, bundle: Path) -> None:
    oracle = json.loads((EXAMPLES / "oracle.json").read_text())
    oracle["prices"][0]["price"] = "20000"
    path = tmp_path / "oracle.json"
    path.write_text(json.dumps(oracle))
    ran = zkmargin(
        "verify", "--offline", PUBLIC[0], PUBLIC[1], "--oracle", path, "--allow-unattested", bundle, "-o", "json"
    )
    assert (ran.code, ran.error) == (1, "unknown_round")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\x00\xff", b'{"a":', b'{"a":1.0}', b"[" * 99999, b"null"])
def test_files_that_are_no_bundle(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bundle"
    path.write_bytes(content)
    judged = verify(path, "-o", "json")
    assert (judged.code, judged.error) == (1, "bad_encoding")
    for command in (("inspect", path), ("submit", path, "--verifier", "http://127.0.0.1:1")):
        ran = zkmargin(*command, "-o", "json")
        assert (ran.code, ran.error) == (2, "bad_encoding")


def test_expiry(tmp_path: Path) -> None:
    out = tmp_path / "proof"
    ran = prove(out, "--expiry", "60", "-o", "json")
    expiry = ran.json["expiry"]
    before = canonical.format_time(canonical.parse_time(expiry) - 1)
    assert verify(out, "--allow-unattested", "--at", before).code == 0
    ran = verify(out, "--allow-unattested", "--at", expiry, "-o", "json")
    assert (ran.code, ran.error) == (1, "expired")


def test_a_bundle_about_an_old_round_is_not_born_expired(tmp_path: Path) -> None:
    """The examples' round is years older than this test may be."""
    assert prove(tmp_path / "proof").code == 0
    assert verify(tmp_path / "proof", "--allow-unattested").code == 0


def test_a_policy_limits_what_is_accepted(tmp_path: Path, bundle: Path) -> None:
    key = PrivateKey.generate().public
    trust = Trust(
        venue="example", version=1, root=(key,), params=(key,), attestation=(key,), oracle=(key,), oracle_threshold=1
    )
    fields = {"max_expiry_s": 10**8, "max_round_age_s": 3 * 10**8, "max_box_percent": "10"}
    policy = Policy(trust=trust, audience="anyone", **fields)
    path = tmp_path / "policy.json"
    for change, extra, expected in (
        ({}, ["--allow-unattested"], None),
        ({}, [], "unsigned"),
        ({"audience": "risk.example"}, ["--allow-unattested"], "wrong_audience"),
        ({"claims": ("maintenance",)}, ["--allow-unattested"], "claim_not_allowed"),
        ({"max_expiry_s": 10}, ["--allow-unattested"], "expiry_too_far"),
        ({"max_box_percent": "1"}, ["--allow-unattested"], "box_too_wide"),
    ):
        path.write_bytes(policy.model_copy(update=change).to_bytes())
        at = canonical.format_time(canonical.parse_time("2026-11-22T06:30:00Z"))
        expiry = Bundle.from_bytes(bundle.read_bytes()).request.expiry
        now = max(at, canonical.format_time(canonical.parse_time(expiry) - 3600))
        ran = verify(bundle, "--policy", path, "--at", now, *extra, "-o", "json")
        if expected is None:
            assert ran.code == 0
        else:
            assert (ran.code, ran.error) == (1, expected)


def test_the_statement_is_the_one_that_the_checker_builds(bundle: Path) -> None:
    decoded = Bundle.from_bytes(bundle.read_bytes())
    statement = build(decoded.request, decoded.state.document, decoded.params.document, decoded.round)
    statement.verify(decoded.proof)
    assert statement.labels == ("cash0", "q/BTC-USD", "q/ETH-USD", "q/SOL-USD")


def test_inspect_names_every_field(bundle: Path) -> None:
    ran = zkmargin("inspect", bundle, "-o", "json")
    assert ran.code == 0
    decoded = Bundle.from_bytes(bundle.read_bytes())
    shown = {row["field"] for row in ran.json["reveals"]}
    assert {f"request.{name}" for name in type(decoded.request).model_fields} <= shown
    state_fields = set(type(decoded.state.document).model_fields) - {"schema_"}
    assert {f"state.{name}" for name in state_fields} <= shown
    assert [row["market"] for row in ran.json["box"]] == ["BTC-USD", "ETH-USD", "SOL-USD"]
    text = zkmargin("inspect", bundle)
    assert text.code == 0
    assert "none: not attested" in text.out


def test_whatif() -> None:
    ran = zkmargin("whatif", "--account", ACCOUNT, *PUBLIC, "-o", "json")
    assert ran.code == 0
    keys = {
        "equity",
        "initial_requirement",
        "maintenance_requirement",
        "slack",
        "health",
        "leverage",
        "solvent",
        "markets",
    }
    assert keys <= set(ran.json)
    value = ran.json
    # By hand: cash + sum size * (price - entry price); sum rate * price * |size|.
    legs = [("-3.75", "28688.19524", "29125.5", 30000), ("42.5", "1811.985252", "1764.25", 30000)]
    legs += [("-310.5", "23.50695125", "22.875", 50000)]
    exact = [(Fraction(s), Fraction(p), Fraction(e), Fraction(ppm, 10**6)) for s, p, e, ppm in legs]
    equity = Fraction("42340.25") + sum(s * (p - e) for s, p, e, _ in exact)
    maintenance = sum(abs(s) * p * rate for s, p, _, rate in exact)
    assert canonical.parse_decimal(value["equity"]) == equity
    assert canonical.parse_decimal(value["maintenance_requirement"]) == maintenance
    assert canonical.parse_decimal(value["slack"]) == equity - maintenance
    assert value["solvent"] is True
    assert [market["market"] for market in value["markets"]] == ["BTC-USD", "ETH-USD", "SOL-USD"]


def test_whatif_in_words_and_of_an_insolvent_account() -> None:
    ran = zkmargin("whatif", "--account", EXAMPLES / "insolvent.json", *PUBLIC)
    assert ran.code == 0
    assert "solvent                  NO" in ran.out
    value = zkmargin("whatif", "--account", EXAMPLES / "insolvent.json", *PUBLIC, "-o", "json").json
    assert (value["solvent"], value["widest_box_percent"]) == (False, None)
