"""States: identifier and digest byte for byte, the two signatures of an attestation, and the request for one."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from document_examples import (
    ACCOUNT_ID,
    ATTESTATION,
    ATTESTATION_REQUEST,
    ATTESTED,
    OPENINGS,
    ORACLE,
    OWNER,
    SALT,
    SEALING,
    STATE,
    STATE_DOCUMENT,
    TRUST,
    TRUST_DOCUMENT,
    VENUE,
    VENUE_SEALING,
    key,
)

from zkmargin.canonical import from_hex
from zkmargin.documents import (
    NO_STATE,
    AttestationRequest,
    Openings,
    Signed,
    State,
    Trust,
    account_id,
    position_label,
    read,
    verify_attestation,
)
from zkmargin.envelope import Envelope
from zkmargin.errors import ContextError, InputError
from zkmargin.sealing import SealingKey, seal

IDENTITY = "0xc0" + "00" * 47


def _hash(*fields: bytes) -> str:
    """docs/formats.md, "Hashes of fields", written again."""
    joined = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    return "0x" + hashlib.sha256(joined).hexdigest()


def test_the_identifier_of_an_account() -> None:
    keys = (from_hex(OWNER.public), from_hex(SEALING.public), b"\x03" * 32)
    assert _hash(b"zkmargin/account-id/v1", b"demo", *keys) == ACCOUNT_ID


def test_every_field_of_the_identifier_counts() -> None:
    fields = (VENUE, OWNER.public, SEALING.public, SALT)
    other = ("demo2", key(9).public, key(9).public, "0x" + "09" * 32)
    ids = {account_id(*(new if n == m else old for m, (old, new) in enumerate(zip(fields, other, strict=True))))
           for n in range(4)}  # fmt: skip
    assert len(ids | {ACCOUNT_ID}) == 5


def test_the_digest_of_a_state() -> None:
    cash, btc, _ = STATE["commitments"]
    parts = [part for entry in (cash, btc) for part in (
        entry["label"].encode(), entry["unit"].encode(), from_hex(entry["commitment"])
    )]  # fmt: skip
    epoch, seq, count = (1).to_bytes(8, "big"), (1).to_bytes(8, "big"), (2).to_bytes(4, "big")
    expected = _hash(b"zkmargin/state/v1", b"demo", from_hex(ACCOUNT_ID), epoch, seq, count, *parts)
    assert STATE_DOCUMENT.state_digest == expected


def _state(**changes: Any) -> State:
    return State.from_value(STATE | changes)


def test_order_and_labels_never_used_do_not_count_and_everything_else_does() -> None:
    cash, btc, eth = STATE["commitments"]
    digest = STATE_DOCUMENT.state_digest
    assert _state(commitments=[btc, eth, cash]).state_digest == digest
    assert _state(commitments=[cash, btc]).state_digest == digest
    assert _state(commitments=[cash, btc, eth | {"label": "fee"}]).state_digest == digest
    changed = [
        _state(commitments=[cash | {"label": "ins"}, btc]),
        _state(commitments=[cash | {"unit": "0.1"}, btc]),
        _state(commitments=[cash, btc | {"commitment": cash["commitment"]}]),
        _state(commitments=[cash | {"commitment": btc["commitment"]}, btc | {"commitment": cash["commitment"]}]),
        _state(commitments=[cash]),
        _state(seq=2, previous=digest),
        _state(seq=2, previous=digest, epoch=2),
    ]
    assert len({state.state_digest for state in changed} | {digest}) == 8


def test_a_state_knows_its_labels() -> None:
    assert STATE_DOCUMENT.commitment_of[position_label("BTC-USD")].unit == "0.00001"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"commitments": STATE["commitments"][:1] * 2}, "a label must not occur twice"),
        ({"commitments": []}, "commitments"),
        ({"commitments": [STATE["commitments"][0] | {"unit": "0"}]}, "commitments[0].unit"),
        ({"commitments": [STATE["commitments"][0] | {"label": "Q/BTC"}]}, "commitments[0].label"),
        ({"commitments": [STATE["commitments"][0] | {"commitment": IDENTITY[:-2]}]}, "commitments[0].commitment"),
        ({"seq": 0}, "seq"),
        ({"epoch": 0}, "epoch"),
        ({"epoch": 2}, "the first state is of key epoch 1"),
        ({"seq": 2}, "the first state, and only the first, has no previous one"),
        ({"previous": "0x" + "01" * 32}, "the first state, and only the first, has no previous one"),
        ({"salt": "0x" + "04" * 32}, "the account is not the identifier"),
        ({"venue": "other"}, "the account is not the identifier"),
        ({"owner": key(9).public}, "the account is not the identifier"),
        ({"owner": key(9).public, "seq": 2, "epoch": 2, "previous": ACCOUNT_ID}, "the account is not the identifier"),
        ({"account": "0x" + "00" * 32}, "the account is not the identifier"),
    ],
)
def test_states_are_consistent(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        State.from_value(STATE | changes)
    assert sentence in str(caught.value)


# Attestations


def _code(attestation: Signed[State], trust: Trust = TRUST_DOCUMENT) -> str:
    with pytest.raises(ContextError) as caught:
        verify_attestation(attestation, trust)
    return caught.value.code


def test_an_attestation_is_signed_by_venue_and_owner() -> None:
    assert verify_attestation(ATTESTED, TRUST_DOCUMENT) == STATE_DOCUMENT
    assert verify_attestation(read(ATTESTED.envelope.to_bytes(), State), TRUST_DOCUMENT) == STATE_DOCUMENT
    for signers in ((), (ATTESTATION,), (OWNER,), (key(9), OWNER), (ATTESTATION, key(9)), (key(12), OWNER)):
        assert _code(Signed(STATE_DOCUMENT, STATE_DOCUMENT.sign(*signers))) == "unsigned"
    assert _code(Signed(STATE_DOCUMENT)) == "unsigned"


def test_signatures_of_another_state_do_not_count() -> None:
    other = _state(commitments=STATE["commitments"][:1])
    stolen = Envelope(State.media_type(), other.to_bytes(), ATTESTED.envelope.signatures)
    assert _code(Signed(other, stolen)) == "bad_signature"


def test_an_attestation_is_of_the_venue_that_is_trusted() -> None:
    assert _code(ATTESTED, Trust.from_value(TRUST | {"venue": "other"})) == "bad_signature"
    assert _code(ATTESTED, Trust.from_value(TRUST | {"attestation": [key(9).public]})) == "unsigned"


def test_one_key_cannot_be_venue_and_owner_at_once() -> None:
    trust = Trust.from_value(TRUST | {"attestation": [ATTESTATION.public, OWNER.public]})
    assert _code(Signed(STATE_DOCUMENT, STATE_DOCUMENT.sign(OWNER)), trust) == "bad_signature"


# The request for one


def test_the_venue_opens_what_was_sealed_to_it() -> None:
    request = AttestationRequest.from_value(ATTESTATION_REQUEST)
    assert request.open(VENUE_SEALING) == Openings.from_value(OPENINGS)
    assert request.oracle_round.number == 17
    assert request.state == STATE_DOCUMENT
    signed = read(request.sign(OWNER).to_bytes(), AttestationRequest)
    assert signed.verify([request.state.owner]) == request


def test_nobody_else_opens_it_and_not_for_another_state() -> None:
    request = AttestationRequest.from_value(ATTESTATION_REQUEST)
    with pytest.raises(InputError) as caught:
        request.open(SealingKey.generate())
    assert caught.value.code == "bad_seal"
    other = ATTESTATION_REQUEST | {"state": STATE | {"seq": 2, "previous": STATE_DOCUMENT.state_digest}}
    with pytest.raises(InputError) as caught:
        AttestationRequest.from_value(other).open(VENUE_SEALING)
    assert caught.value.code == "bad_seal"


def test_sealed_bytes_that_are_no_openings_are_bad_input() -> None:
    for plaintext in (b"", b"{}", b"\xff", b'{"schema":"zkmargin/openings/v1","openings":[{"value":4711}]}'):
        sealed = seal(plaintext, VENUE_SEALING.public, info=from_hex(STATE_DOCUMENT.state_digest))
        request = AttestationRequest.from_value(ATTESTATION_REQUEST | {"sealed": "0x" + sealed.hex()})
        with pytest.raises(InputError) as caught:
            request.open(VENUE_SEALING)
        assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"round": {}}, "neither a zkmargin/round/v1"),
        ({"round": ORACLE}, "the round is not in canonical form"),
        ({"round": {"schema": "zkmargin/round/v1", "reports": [ORACLE | {"round": "1"}]}}, "reports[0]"),
        ({"round": []}, "round"),
        ({"state": STATE | {"seq": 0}}, "state.seq"),
        ({"sealed": "0x"}, "sealed"),
        ({"sealed": "0x" + "0" * 1_000_001}, "sealed"),
        ({"params": NO_STATE[:-1]}, "params"),
    ],
)
def test_requests_are_consistent(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        AttestationRequest.from_value(ATTESTATION_REQUEST | changes)
    assert sentence in str(caught.value)
