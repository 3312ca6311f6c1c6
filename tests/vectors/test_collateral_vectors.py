"""The vectors of collateral: made again byte for byte, read by other code, and each with exactly its verdict."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import collateral_vectors
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from py_ecc.bls.point_compression import compress_G1
from py_ecc.optimized_bls12_381 import add, multiply
from vector_codec import unhexed

from zkmargin.collateral import (
    Chains,
    CollateralLock,
    MemberSet,
    SignedCheckpoint,
    SignedMemberSet,
    check_checkpoint,
    check_lock,
    check_member_set,
)
from zkmargin.errors import VerificationError
from zkmargin.reference_encoding import generator

TEXT = (Path(__file__).resolve().parent / "collateral.json").read_text()
VECTORS = json.loads(TEXT)
REGISTRY = Chains.from_value(VECTORS["registry"])
MEMBERS = MemberSet.from_value(VECTORS["members"]["set"])


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def decide(name: str, value: dict[str, Any]) -> None:
    now = VECTORS["now_unix_s"]
    if name == "checkpoint":
        check_checkpoint(SignedCheckpoint.from_value(value), REGISTRY, MEMBERS, now_unix_s=now)
    else:
        check_lock(CollateralLock.from_value(value), REGISTRY, MEMBERS, now_unix_s=now)


def test_they_are_made_byte_for_byte() -> None:
    assert json.dumps(collateral_vectors.vectors(), indent=1) + "\n" == TEXT


@pytest.mark.parametrize("name", VECTORS["accept"])
def test_accepts(name: str) -> None:
    decide(name, VECTORS["accept"][name])


@pytest.mark.parametrize("reject", VECTORS["reject"], ids=lambda reject: f"{reject['mutates']}: {reject['name']}")
def test_rejects(reject: dict[str, Any]) -> None:
    value = copy.deepcopy(VECTORS["accept"][reject["mutates"]])
    *path, last = reject["at"]
    owner = value
    for step in path:
        owner = owner[step]
    owner[last] = reject["value"]
    with pytest.raises(VerificationError) as caught:
        decide(reject["mutates"], value)
    assert caught.value.code == reject["code"]


# The same bytes by code that shares nothing with the library's: hashlib, eth_account, py_ecc.


def test_venue_and_chains() -> None:
    assert sha(b"zkmargin/venue-id/v1", VECTORS["venue"]["name"].encode()) == unhexed(VECTORS["venue"]["id"])
    for chain in VECTORS["chains"]:
        name = chain["chain"].encode()
        hashed = sha(b"zkmargin/chain/v1", len(name).to_bytes(4, "big"), name, unhexed(chain["genesis"]))
        assert hashed == unhexed(chain["digest"])


@pytest.mark.parametrize("note", VECTORS["notes"], ids=lambda note: f"note {note['index']}")
def test_notes(note: dict[str, Any]) -> None:
    value = multiply(generator(b"value", 0), int(note["value"]))
    point = add(value, multiply(generator(b"blinding", 0), int(note["blinding"])))
    assert compress_G1(point).to_bytes(48, "big") == unhexed(note["commitment"])
    words = [unhexed(note[name]) for name in ("chain", "vault", "owner", "asset")]
    words += [int(note["amount"]).to_bytes(32, "big")]
    words += [unhexed(note[name]) for name in ("venue", "account", "commitment")] + [bytes(16), unhexed(note["secret"])]
    assert sha(sha(b"zkmargin/pledge-note/v1"), *words) == unhexed(note["digest"])
    assert sha(b"zkmargin/pledge-tag/v1", unhexed(note["secret"])) == unhexed(note["tag"])


def test_leaves_and_trees() -> None:
    for leaf in VECTORS["leaves"]:
        assert len(unhexed(leaf["bytes"])) == 267
        assert sha(b"\0", unhexed(leaf["bytes"])) == unhexed(leaf["hash"])
    assert [leaf["bytes"] for leaf in VECTORS["leaves"]] == VECTORS["accept"]["checkpoint"]["leaves"]
    for tree in VECTORS["trees"]:
        for index, (leaf, path) in enumerate(zip(tree["hashes"], tree["paths"], strict=True)):
            running = unhexed(leaf)
            for height, sibling in enumerate(map(unhexed, path)):
                pair = (sibling, running) if index >> height & 1 else (running, sibling)
                running = sha(b"\1", *pair)
            assert running == unhexed(tree["root"])
    for revocation in VECTORS["revocations"]:
        reason = {"reorged": 1, "released": 2, "seized": 3}[revocation["reason"]]
        assert b"\2" + unhexed(revocation["tag"]) + bytes([reason]) == unhexed(revocation["bytes"])


def test_checkpoints_as_a_wallet_reads_them() -> None:
    checkpoint = VECTORS["checkpoint"]
    message = encode_typed_data(full_message=checkpoint["typed_data"])
    assert message.header == unhexed(checkpoint["domain_separator"])
    assert b"\x19" + message.version + message.header + message.body == unhexed(checkpoint["preimage"])
    for signature in checkpoint["signatures"]:
        if signature["scheme"] == "secp256k1":
            secret = {"ada": b"\x11", "bob": b"\x02", "eve": b"\x05"}[signature["signer"]] * 32
            assert Account.sign_message(message, secret).signature == unhexed(signature["sig"])


def test_the_set_of_members_and_the_next() -> None:
    operator = [VECTORS["members"]["operator"]]
    following = SignedMemberSet.from_value(VECTORS["members"]["next"])
    assert check_member_set(following, MEMBERS, operator).version == 2
    assert following.document.approval == unhexed(VECTORS["members"]["approval"])
    fields = [b"zkmargin/member-set/v1", following.document.to_bytes()]
    assert sha(*(part for field in fields for part in (len(field).to_bytes(4, "big"), field))) == unhexed(
        VECTORS["members"]["approval"]
    )
