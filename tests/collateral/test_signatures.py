"""Signatures of members: EIP-712 byte for byte as wallets make it, and one form for each signature."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from collateral_world import KEYS, LOCKS, VENUE_ID, checkpoint, leaves
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from zkmargin.canonical import from_hex
from zkmargin.collateral import Checkpoint, Ed25519Key, MemberSignature, Secp256k1Key, keccak256, secp256k1, venue_id
from zkmargin.collateral.checkpoint import STRUCT_TYPE
from zkmargin.collateral.secp256k1 import ORDER
from zkmargin.collateral.signatures import verify
from zkmargin.errors import ContextError, InputError, ZkMarginError

CHECKPOINT = checkpoint(leaves(LOCKS))
MESSAGE = CHECKPOINT.preimage(VENUE_ID)
KEY = Secp256k1Key(b"\x07" * 32)
SIGNATURE = KEY.sign(MESSAGE)
R_BYTES, S, V = SIGNATURE[:32], int.from_bytes(SIGNATURE[32:64], "big"), SIGNATURE[64]


def code_of(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(ZkMarginError) as caught:
        call(*arguments, **named)
    return caught.value.code


def wallet_bytes(signed: Checkpoint, venue: bytes) -> bytes:
    message = encode_typed_data(full_message=signed.typed_data(venue))
    return b"\x19" + message.version + message.header + message.body


# EIP-712


def test_the_struct_is_that_of_the_page() -> None:
    assert STRUCT_TYPE == (
        "Checkpoint(bytes32 chain,uint64 setVersion,uint64 epoch,uint64 height,bytes32 blockHash,uint64 blockTime,"
        "uint64 expiry,uint64 leafCount,bytes32 leafRoot,bytes32 revokedRoot,bytes32 previous)"
    )


@given(
    words=st.lists(st.binary(min_size=32, max_size=32), min_size=5, max_size=5),
    numbers=st.lists(st.integers(1, 2**52), min_size=5, max_size=5),
    count=st.integers(0, 2**20),
    venue=st.text(max_size=20),
)
@settings(max_examples=10, deadline=None)
def test_the_bytes_are_those_of_wallets(words: list[bytes], numbers: list[int], count: int, venue: str) -> None:
    chain, block, leaf_root, revoked, previous = ("0x" + word.hex() for word in words)
    signed = Checkpoint(
        chain=chain,
        set_version=numbers[0],
        epoch=numbers[1],
        height=numbers[2],
        block_hash=block,
        block_time=numbers[3],
        expiry=numbers[3] + numbers[4],
        leaf_count=count,
        leaf_root=leaf_root,
        revoked_root=revoked,
        previous=previous,
    )
    preimage = signed.preimage(venue_id(venue))
    assert preimage == wallet_bytes(signed, venue_id(venue))
    assert len(preimage) == 66
    assert signed.signing_digest(venue_id(venue)) == keccak256(preimage)


def test_a_wallet_signs_the_same() -> None:
    """eth_account and this library: the same 65 bytes, whichever half s falls into and whichever parity R has."""
    message, seen = encode_typed_data(full_message=CHECKPOINT.typed_data(VENUE_ID)), set()
    for number in range(1, 13):
        secret = bytes([number]) * 32
        ours = CHECKPOINT.sign_as("bob", Secp256k1Key(secret), VENUE_ID)
        theirs = Account.sign_message(message, secret)
        assert from_hex(ours.sig) == theirs.signature
        assert Account.recover_message(message, signature=from_hex(ours.sig)) == Account.from_key(secret).address
        seen.add(theirs.v)
    assert seen == {27, 28}


def test_every_field_is_signed() -> None:
    word = "0x" + "77" * 32
    changes: dict[str, Any] = dict.fromkeys(("chain", "block_hash", "leaf_root", "revoked_root", "previous"), word)
    changes |= dict.fromkeys(("set_version", "epoch", "height", "leaf_count"), 999)
    changes |= {"block_time": CHECKPOINT.block_time - 1, "expiry": CHECKPOINT.expiry - 1}
    assert set(changes) == set(Checkpoint.model_fields) - {"schema_"}
    others = {CHECKPOINT.model_copy(update={name: value}).preimage(VENUE_ID) for name, value in changes.items()}
    others |= {CHECKPOINT.preimage(venue_id("other"))}
    assert len(others | {MESSAGE}) == 13


def test_a_checkpoint_expires_after_its_block() -> None:
    with pytest.raises(InputError, match="expires after"):
        checkpoint(expiry=CHECKPOINT.block_time)


def test_keccak_is_that_of_ethereum() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


# One form


def test_a_signature_holds() -> None:
    for scheme, key in (("ed25519", KEYS["cyd"][0]), ("secp256k1", KEY)):
        verify(scheme, key.public, MESSAGE, key.sign(MESSAGE))
        assert key.scheme == scheme
        assert key.sign(MESSAGE) == key.sign(MESSAGE)
        assert code_of(verify, scheme, key.public, MESSAGE + b"\0", key.sign(MESSAGE)) == "bad_signature"


def _signature(r: bytes = R_BYTES, s: int = S, v: int = V) -> bytes:
    return r + s.to_bytes(32, "big") + bytes([v])


@pytest.mark.parametrize(
    ("signature", "code"),
    [
        (_signature(v=55 - V), "bad_signature"),  # the other parity
        (_signature(s=ORDER - S, v=55 - V), "high_s"),  # the other signature that the same nonce makes
        (_signature(s=ORDER - S), "high_s"),
        (_signature(s=ORDER // 2 + 1), "high_s"),
        (_signature(v=0), "bad_signature"),
        (_signature(v=1), "bad_signature"),
        (_signature(v=29), "bad_signature"),
        (_signature(s=0), "bad_signature"),
        (_signature(s=ORDER), "high_s"),
        (_signature(s=S + 1), "bad_signature"),
        (_signature(r=bytes(32)), "bad_signature"),
        (_signature(r=b"\xff" * 32), "bad_signature"),
        (_signature(r=ORDER.to_bytes(32, "big")), "bad_signature"),
        (SIGNATURE[:64], "bad_signature"),
        (SIGNATURE + b"\0", "bad_signature"),
        (b"", "bad_signature"),
    ],
)
def test_a_secp256k1_signature_has_one_form(signature: bytes, code: str) -> None:
    assert code_of(verify, "secp256k1", KEY.public, MESSAGE, signature) == code


@given(st.integers(0, 64), st.integers(1, 255))
@settings(max_examples=40, deadline=None)
def test_no_changed_byte_is_accepted(at: int, flip: int) -> None:
    changed = bytearray(SIGNATURE)
    changed[at] ^= flip
    assert code_of(verify, "secp256k1", KEY.public, MESSAGE, bytes(changed)) in ("bad_signature", "high_s")


def test_parity_is_of_this_key_and_message() -> None:
    """Of many signatures each has exactly one v."""
    for number in range(20):
        message = bytes([number]) * 66
        signature = KEY.sign(message)
        verify("secp256k1", KEY.public, message, signature)
        wrong = signature[:64] + bytes([55 - signature[64]])
        assert code_of(verify, "secp256k1", KEY.public, message, wrong) == "bad_signature"


def test_the_library_agrees() -> None:
    """Another library's check of (r, s), for signatures that hold and such that do not."""
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), from_hex(KEY.public))
    for number in range(12):
        digest = keccak256(bytes([number]))
        signature = bytearray(KEY.sign(bytes([number])))
        signature[40] ^= number % 2
        r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
        holds = number % 2 == 0
        with nullcontext() if holds else pytest.raises(InvalidSignature):
            public.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(SHA256())))
        with nullcontext() if holds else pytest.raises(ContextError):
            secp256k1.verify(from_hex(KEY.public), digest, bytes(signature))


def test_the_key_is_the_registered_one() -> None:
    other = Secp256k1Key(b"\x08" * 32)
    assert code_of(verify, "secp256k1", other.public, MESSAGE, SIGNATURE) == "bad_signature"
    negative = ("0x03" if KEY.public.startswith("0x02") else "0x02") + KEY.public[4:]
    assert code_of(verify, "secp256k1", negative, MESSAGE, SIGNATURE) == "bad_signature"
    assert code_of(verify, "ed25519", KEYS["dan"][0].public, MESSAGE, KEYS["cyd"][0].sign(MESSAGE)) == "bad_signature"


@pytest.mark.parametrize("at", [0, 31, 32, 63])
def test_a_changed_ed25519_signature_is_refused(at: int) -> None:
    changed = bytearray(KEYS["cyd"][0].sign(MESSAGE))
    changed[at] ^= 1
    assert code_of(verify, "ed25519", KEYS["cyd"][0].public, MESSAGE, bytes(changed)) == "bad_signature"


@pytest.mark.parametrize("public", ["0x02" + "ff" * 32, "0x02" + "00" * 32, "0x02" + "11" * 31, "0x04" + "11" * 32])
def test_junk_keys_are_refused(public: str) -> None:
    assert code_of(verify, "secp256k1", public, MESSAGE, SIGNATURE) == "bad_input"


@pytest.mark.parametrize("secret", [b"", bytes(32), b"\x01" * 31, ORDER.to_bytes(32, "big"), b"\xff" * 32])
def test_a_secret_key_is_in_range(secret: bytes) -> None:
    assert code_of(Secp256k1Key, secret) == "bad_input"


def test_keys_do_not_show_themselves() -> None:
    assert "07" * 32 not in repr(KEY)
    assert repr(KEY) == f"Secp256k1Key(public={KEY.public})"
    assert "03" * 32 not in repr(Ed25519Key(b"\x03" * 32))


@pytest.mark.parametrize(
    "changes", [{"sig": "0x" + "00" * 65}, {"scheme": "secp256k1"}, {"scheme": "rsa"}, {"signer": "Cyd"}, {"sig": "0x"}]
)
def test_a_signature_is_as_long_as_its_scheme_says(changes: dict[str, Any]) -> None:
    value = CHECKPOINT.sign_as("cyd", KEYS["cyd"][0], VENUE_ID).to_value()
    MemberSignature.from_value(value)
    with pytest.raises(InputError):
        MemberSignature.from_value(value | changes)
