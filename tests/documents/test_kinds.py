"""What each kind of document asks beyond the types of its fields."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from document_examples import (
    ACCOUNT,
    EXAMPLES,
    OPENINGS,
    OPENINGS_OF,
    ORACLE,
    OWNER,
    PARAMS_VALUE,
    POLICY,
    RECEIPT,
    TRUST,
    VERIFIER,
    key,
)

from zkmargin.documents import (
    Account,
    Document,
    Openings,
    Oracle,
    Params,
    Policy,
    Receipt,
    Signed,
    Trust,
    verify_receipt,
)
from zkmargin.errors import ContextError, InputError
from zkmargin.field import R

MARKET: dict[str, Any] = PARAMS_VALUE["markets"][0]
TIER = {"above": "1000", "initial_ppm": 60_000, "maintenance_ppm": 40_000}


def _refused(kind: type[Document], changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        kind.from_value(EXAMPLES[kind] | changes)
    assert sentence in str(caught.value)


# Accounts


def test_an_account_needs_no_positions_and_may_name_its_owner() -> None:
    account = Account.from_value({"schema": Account.SCHEMA, "account": "a", "cash": "-3", "owner": OWNER.public})
    assert account.positions == ()
    assert account.owner == OWNER.public


def test_a_market_is_held_once() -> None:
    position = ACCOUNT["positions"][0]
    _refused(Account, {"positions": [position, position | {"size": "1"}]}, "a market must not occur twice")


def test_an_entry_price_is_not_negative() -> None:
    _refused(Account, {"positions": [ACCOUNT["positions"][0] | {"entry_price": "-1"}]}, "entry_price")


@pytest.mark.parametrize("name", ["", " BTC", "BTC USD", "-BTC", "BTC\n", "BTC\u0000", "x" * 65, "é", "BTC;"])
def test_names_of_markets_are_plain(name: str) -> None:
    _refused(Account, {"positions": [{"market": name, "size": "1"}]}, "positions[0].market: must be 1 to 64 letters")


# Risk parameters


def _market(**changes: Any) -> dict[str, Any]:
    return {"markets": [MARKET | changes]}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (_market(lot="0"), "lot: must be a decimal string"),
        (_market(lot="0.000"), "lot: must be a decimal string"),
        (_market(lot="-0.1"), "lot: must be a decimal string"),
        (_market(lot="0.0000000000000000001"), "at most 18 decimals"),
        (_market(initial_ppm=0, maintenance_ppm=0), "the rates of a market are above zero"),
        (_market(maintenance_ppm=0), "the rates of a market are above zero"),
        (_market(initial_ppm=1_000_001), "initial_ppm"),
        (_market(maintenance_ppm=50001), "the maintenance rate must not be above the initial rate"),
        (_market(max_size="0"), "max_size"),
        (_market(lot="1", max_size=str(2**48)), "at most 2^48 - 1 lots"),
        (_market(lot="1", max_size=f"{2**48 - 1}.5"), "at most 2^48 - 1 lots"),
        (_market(tiers=[]), "tiers"),
        (_market(tiers=[TIER, TIER]), "tiers come in the order of their values"),
        (_market(tiers=[TIER | {"above": f"{10**24}.5"}]), "a tier begins at 10^24 at most"),
        (_market(tiers=[TIER | {"maintenance_ppm": 29_999}]), "the rates of tiers must not fall"),
        (_market(tiers=[TIER | {"initial_ppm": 49_999}]), "the rates of tiers must not fall"),
        (_market(tiers=[TIER | {"maintenance_ppm": 60_001}]), "must not be above the initial rate"),
        (_market(short_initial_ppm=5), "the initial and the maintenance rate of shorts come together"),
        (_market(short_initial_ppm=5, short_maintenance_ppm=6), "must not be above the initial rate"),
        ({"markets": []}, "markets"),
        ({"markets": [MARKET, MARKET | {"lot": "1"}]}, "a market must not occur twice"),
        ({"markets": [MARKET | {"market": f"M{n}"} for n in range(501)]}, "markets"),
        ({"model": "perpetuals-isolated"}, "model"),
        ({"version": 0}, "version"),
        ({"version": 2**53}, "version"),
    ],
)
def test_risk_parameters_are_consistent(changes: dict[str, Any], sentence: str) -> None:
    _refused(Params, changes, sentence)


def test_risk_parameters_at_their_limits() -> None:
    limits = MARKET | {
        "lot": "0.000000000000000001",
        "max_size": "0.000281474976710655",
        "initial_ppm": 1_000_000,
        "maintenance_ppm": 1_000_000,
    }
    many = [limits | {"market": f"M{n}"} for n in range(500)]
    assert len(Params.from_value(PARAMS_VALUE | {"markets": many}).markets) == 500
    # Trailing zeros do not make a lot finer, and a greatest size need not lie on the grid.
    Params.from_value(PARAMS_VALUE | _market(lot="0.10000000000000000000", max_size="0.75"))


# Oracle reports


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"prices": []}, "prices"),
        ({"prices": [{"market": "BTC-USD", "price": "-1"}]}, "prices[0].price"),
        ({"prices": [{"market": "BTC-USD", "price": "1"}] * 2}, "a market's price must not occur twice"),
        ({"funding": [{"market": "BTC-USD", "index": "1"}] * 2}, "a market's funding index must not occur twice"),
        ({"funding": [{"market": "XYZ", "index": "1"}]}, "a funding index needs a price of the same market"),
        ({"time": "2026-02-30T00:00:00Z"}, "time: this time does not exist"),
        ({"time": 1795327200}, "time: must be a time in UTC"),
        ({"round": 0}, "round"),
    ],
)
def test_reports_are_consistent(changes: dict[str, Any], sentence: str) -> None:
    _refused(Oracle, changes, sentence)


def test_a_market_without_funding_has_index_zero() -> None:
    oracle = Oracle.from_value(ORACLE | {"funding": [{"market": "ETH-USD", "index": "-0.5"}]})
    assert oracle.index_of == {"BTC-USD": 0, "ETH-USD": Fraction(-1, 2)}
    assert oracle.price_of == {"BTC-USD": Fraction("61873.5"), "ETH-USD": 2710}


# Trust


@pytest.mark.parametrize("role", ["root", "params", "attestation", "oracle"])
def test_every_role_has_keys_and_each_key_once(role: str) -> None:
    _refused(Trust, {role: []}, role)
    _refused(Trust, {role: [key(1).public] * 3}, "a key must not occur twice")
    _refused(Trust, {role: ["0x" + "00" * 32]}, f"{role}[0]: this is not a valid Ed25519 public key")


def test_a_threshold_can_be_reached() -> None:
    _refused(Trust, {"oracle_threshold": 5}, "above the number of oracle keys")
    _refused(Trust, {"oracle_threshold": 0}, "oracle_threshold")


@pytest.mark.parametrize(("keys", "threshold"), [(4, 1), (4, 2), (4, 4), (2, 1), (2, 2)])
def test_one_wrong_report_must_not_move_a_median(keys: int, threshold: int) -> None:
    """Of two reports, one false: its value is one of the two medians. Of four, no more can be false than of three."""
    oracles = [key(n).public for n in range(40, 40 + keys)]
    _refused(Trust, {"oracle": oracles, "oracle_threshold": threshold}, "must be odd and at least 3")


@pytest.mark.parametrize(("keys", "threshold"), [(1, 1), (3, 3), (4, 3), (5, 3), (5, 5)])
def test_thresholds_that_hold(keys: int, threshold: int) -> None:
    oracles = [key(n).public for n in range(40, 40 + keys)]
    Trust.from_value(TRUST | {"oracle": oracles, "oracle_threshold": threshold})


def _successor(**changes: Any) -> Trust:
    return Trust.from_value(TRUST | {"version": 2, "root": [key(14).public]} | changes)


def test_the_next_trust_is_signed_by_the_old_root_and_the_new() -> None:
    trust, successor = Trust.from_value(TRUST), _successor()
    old, new, stranger = key(13), key(14), key(98)
    assert trust.verify_successor(Signed(successor, successor.sign(old, new))) == successor
    for signers in ((), (old,), (new,), (new, stranger), (old, stranger)):
        with pytest.raises(ContextError) as caught:
            trust.verify_successor(Signed(successor, successor.sign(*signers)))
        assert caught.value.code == "unsigned"
    with pytest.raises(ContextError) as caught:
        trust.verify_successor(Signed(successor))
    assert caught.value.code == "unsigned"
    same_root = _successor(root=[old.public])
    assert trust.verify_successor(Signed(same_root, same_root.sign(old))) == same_root


@pytest.mark.parametrize("changes", [{"version": 1}, {"version": 3}, {"venue": "other"}])
def test_the_next_trust_is_the_next_version_of_the_same_venue(changes: dict[str, Any]) -> None:
    successor = _successor(**changes)
    with pytest.raises(ContextError) as caught:
        Trust.from_value(TRUST).verify_successor(Signed(successor, successor.sign(key(13), key(14))))
    assert caught.value.code == "bad_context"


# Openings


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"value": 5}, "openings[0].value: must be an integer in a string"),
        ({"value": "-0"}, "value"),
        ({"value": "05"}, "value"),
        ({"value": "1.0"}, "value"),
        ({"blinding": hex(R)}, "below the order of the group"),
        ({"label": "Cash"}, "label"),
    ],
)
def test_openings_have_one_form(changes: dict[str, Any], sentence: str) -> None:
    _refused(Openings, {"openings": [OPENINGS["openings"][0] | changes]}, sentence)


def test_openings_come_back_and_hide() -> None:
    openings = Openings.from_value(OPENINGS)
    assert openings.by_label == OPENINGS_OF
    assert "1500000" not in repr(openings)
    assert "1500000" not in repr(openings.openings[0])
    _refused(Openings, {"openings": OPENINGS["openings"][:1] * 2}, "a label must not occur twice")


# Receipts and policies


ASKED = ("account", "seq", "state_digest", "params", "round", "claim", "expiry")


@pytest.mark.parametrize("name", ASKED)
def test_a_receipt_tells_all_that_was_asked_or_nothing(name: str) -> None:
    told = {member: value for member, value in RECEIPT.items() if member not in ASKED}
    refused = told | {"verdict": "refused", "reason": "expired"}
    Receipt.from_value(refused)
    for value in (refused | {name: RECEIPT[name]}, {member: RECEIPT[member] for member in RECEIPT if member != name}):
        with pytest.raises(InputError, match="exactly if the verdict is accepted"):
            Receipt.from_value(value)


def test_a_receipt_is_signed_by_the_verifier() -> None:
    receipt = Receipt.from_value(RECEIPT)
    assert verify_receipt(receipt.sign(VERIFIER), VERIFIER.public) == receipt
    with pytest.raises(ContextError) as caught:
        verify_receipt(receipt.sign(OWNER), VERIFIER.public)
    assert caught.value.code == "unsigned"
    with pytest.raises(InputError):
        verify_receipt(Policy.from_value(POLICY).sign(VERIFIER), VERIFIER.public)


def test_a_verdict_and_its_reason_agree() -> None:
    _refused(Receipt, {"verdict": "refused"}, 'the reason is "ok" exactly if')
    _refused(Receipt, {"reason": "expired"}, 'the reason is "ok" exactly if')
    _refused(Receipt, {"verdict": "maybe"}, "verdict")
    _refused(Receipt, {"claim": "health >= 1"}, "claim")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"claims": ["solvent"]}, "claims[0]"),
        ({"max_expiry_s": -1}, "max_expiry_s"),
        ({"max_box_percent": "-1"}, "max_box_percent"),
        ({"max_box_percent": 25}, "max_box_percent: must be a decimal string, never a JSON number"),
        ({"trust": TRUST | {"root": []}}, "trust.root"),
        ({"trust": {}}, "trust"),
    ],
)
def test_policies_are_consistent(changes: dict[str, Any], sentence: str) -> None:
    _refused(Policy, changes, sentence)
