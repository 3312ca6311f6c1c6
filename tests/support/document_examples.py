"""One valid value of every document, with fixed keys, for tests that read, change and refuse them."""

from __future__ import annotations

from typing import Any

import collateral_world

from zkmargin import canonical
from zkmargin.bundle import Bundle, Request
from zkmargin.collateral import (
    Chains,
    Checkpoint,
    CollateralLock,
    MemberSet,
    Pledge,
    Revocation,
    SignedCheckpoint,
    SignedMemberSet,
)
from zkmargin.documents import (
    NO_STATE,
    Account,
    AttestationRequest,
    Document,
    LabelledOpening,
    Openings,
    Oracle,
    Params,
    Policy,
    Receipt,
    Round,
    Signed,
    State,
    Trust,
    account_id,
)
from zkmargin.envelope import PrivateKey
from zkmargin.group import encode
from zkmargin.pedersen import Opening, commit
from zkmargin.sealing import SealingKey

VENUE = "demo"
SALT = "0x" + "03" * 32


def key(number: int) -> PrivateKey:
    """A fixed key."""
    return PrivateKey(bytes([number]) * 32)


OWNER, ATTESTATION, PARAMS, ROOT, NEW_ROOT, VERIFIER = (key(number) for number in (1, 11, 12, 13, 14, 15))
ORACLES = tuple(key(number) for number in (21, 22, 23, 24))
SEALING, VENUE_SEALING = SealingKey(b"\x02" * 32), SealingKey(b"\x04" * 32)
ACCOUNT_ID = account_id(VENUE, OWNER.public, SEALING.public, SALT)
OPENINGS_OF = {"cash0": Opening(-1_500_000, 7), "q/BTC-USD": Opening(-75_000, 8)}


def _commitment(label: str) -> str:
    return canonical.to_hex(encode(commit(OPENINGS_OF[label])))


ACCOUNT: dict[str, Any] = {
    "schema": "zkmargin/account/v1",
    "account": "alice",
    "cash": "152340.25",
    "positions": [{"market": "BTC-USD", "size": "-0.75", "entry_price": "61250.0"}],
}
PARAMS_VALUE: dict[str, Any] = {
    "schema": "zkmargin/params/v1",
    "venue": VENUE,
    "version": 3,
    "model": "perpetuals-cross",
    "quote": "USD",
    "markets": [
        {"market": "BTC-USD", "lot": "0.00001", "initial_ppm": 50000, "maintenance_ppm": 30000, "max_size": "1000"},
        {"market": "ETH-USD", "lot": "0.0001", "initial_ppm": 50000, "maintenance_ppm": 30000, "max_size": "20000"},
    ],
}
ORACLE: dict[str, Any] = {
    "schema": "zkmargin/oracle/v1",
    "venue": VENUE,
    "round": 17,
    "time": "2026-11-22T06:00:00Z",
    "prices": [{"market": "BTC-USD", "price": "61873.5"}, {"market": "ETH-USD", "price": "2710"}],
    "funding": [{"market": "BTC-USD", "index": "0.0"}],
}
TRUST: dict[str, Any] = {
    "schema": "zkmargin/trust/v1",
    "venue": VENUE,
    "version": 1,
    "root": [ROOT.public],
    "params": [PARAMS.public],
    "attestation": [ATTESTATION.public],
    "oracle": [oracle.public for oracle in ORACLES],
    "oracle_threshold": 3,
}
STATE: dict[str, Any] = {
    "schema": "zkmargin/state/v1",
    "venue": VENUE,
    "account": ACCOUNT_ID,
    "owner": OWNER.public,
    "sealing_key": SEALING.public,
    "salt": SALT,
    "epoch": 1,
    "seq": 1,
    "previous": NO_STATE,
    "commitments": [
        {"label": "cash0", "unit": "0.000000000000000001", "commitment": _commitment("cash0")},
        {"label": "q/BTC-USD", "unit": "0.00001", "commitment": _commitment("q/BTC-USD")},
        {"label": "q/ETH-USD", "unit": "0.0001", "commitment": "0xc0" + "00" * 47},
    ],
}
OPENINGS: dict[str, Any] = {
    "schema": "zkmargin/openings/v1",
    "openings": [LabelledOpening.of(label, opening).to_value() for label, opening in OPENINGS_OF.items()],
}
POLICY: dict[str, Any] = {
    "schema": "zkmargin/policy/v1",
    "trust": TRUST,
    "audience": "https://clearing.example",
    "claims": ["initial", "maintenance"],
    "max_expiry_s": 86400,
    "max_round_age_s": 300,
    "max_box_percent": "25",
}


def report(price: str = "61873.5", index: str = "0.0", time: str = "2026-11-22T06:00:00Z", **other: Any) -> Oracle:
    """A report with another price of BTC-USD."""
    prices = [{"market": "BTC-USD", "price": price}, {"market": "ETH-USD", "price": "2710"}]
    funding = [{"market": "BTC-USD", "index": index}]
    return Oracle.from_value(ORACLE | {"prices": prices, "funding": funding, "time": time} | other)


def signed_report(oracle: PrivateKey, price: str = "61873.5", **other: Any) -> Signed[Oracle]:
    """The same, signed."""
    document = report(price, **other)
    return Signed(document, document.sign(oracle))


TRUST_DOCUMENT, STATE_DOCUMENT = Trust.from_value(TRUST), State.from_value(STATE)
ROUND = Round((signed_report(ORACLES[0], "61873.5"), signed_report(ORACLES[1], "61875")))
ATTESTED = Signed(STATE_DOCUMENT, STATE_DOCUMENT.sign(ATTESTATION, OWNER))
PARAMS_DOCUMENT = Params.from_value(PARAMS_VALUE)
SIGNED_PARAMS = Signed(PARAMS_DOCUMENT, PARAMS_DOCUMENT.sign(PARAMS))
ATTESTATION_REQUEST: dict[str, Any] = {
    "schema": "zkmargin/attestation-request/v1",
    "state": STATE,
    "params": PARAMS_DOCUMENT.digest,
    "round": ROUND.to_value(),
    "sealed": AttestationRequest.seal(Openings.from_value(OPENINGS), STATE_DOCUMENT, VENUE_SEALING.public),
}
REQUEST: dict[str, Any] = {
    "audience": "https://clearing.example",
    "account": ACCOUNT_ID,
    "seq": 1,
    "state_digest": STATE_DOCUMENT.state_digest,
    "params": PARAMS_DOCUMENT.digest,
    "round": ROUND.digest,
    "round_number": 17,
    "claim": "health>=1.25",
    "box": [
        {"market": "BTC-USD", "low": "60000", "high": "63000", "funding_low": "-1", "funding_high": "1.5"},
        {"market": "ETH-USD", "low": "2600", "high": "2800", "funding_low": "0", "funding_high": "0"},
    ],
    "expiry": "2026-11-22T18:00:00Z",
}
BUNDLE = Bundle(Request.from_value(REQUEST), b"\x05" * 900, ATTESTED, SIGNED_PARAMS, ROUND)
RECEIPT: dict[str, Any] = {
    "schema": "zkmargin/receipt/v1",
    "audience": REQUEST["audience"],
    "bundle": BUNDLE.id,
    "account": ACCOUNT_ID,
    "seq": 1,
    "state_digest": REQUEST["state_digest"],
    "params": REQUEST["params"],
    "round": REQUEST["round"],
    "claim": "health>=1.25",
    "expiry": REQUEST["expiry"],
    "verdict": "accepted",
    "reason": "ok",
    "decided": "2026-11-22T06:00:04Z",
}
CHECKPOINT_FILE = collateral_world.checkpoint_file(
    collateral_world.leaves(collateral_world.LOCKS), [Revocation(tag="0x" + "09" * 32, reason="seized")]
)
EXAMPLES: dict[type[Document], dict[str, Any]] = {
    Account: ACCOUNT,
    AttestationRequest: ATTESTATION_REQUEST,
    Chains: collateral_world.CHAINS,
    Checkpoint: CHECKPOINT_FILE.checkpoint.to_value(),
    CollateralLock: collateral_world.tag_evidence(CHECKPOINT_FILE, 2).to_value(),
    MemberSet: collateral_world.MEMBERS[collateral_world.EVM].to_value(),
    Openings: OPENINGS,
    Oracle: ORACLE,
    Params: PARAMS_VALUE,
    Pledge: collateral_world.pledge(collateral_world.LOCKS[0]).to_value(),
    Policy: POLICY,
    Receipt: RECEIPT,
    SignedCheckpoint: CHECKPOINT_FILE.to_value(),
    SignedMemberSet: collateral_world.signed_set(
        collateral_world.member_set(version=2, from_epoch=8), collateral_world.QUORUM
    ).to_value(),
    State: STATE,
    Trust: TRUST,
}
