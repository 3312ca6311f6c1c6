"""Notes, tags, pledges: byte for byte, and every refusal with its code."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import bad_points
import pytest
from collateral_world import (
    ACCOUNT,
    DIGEST,
    DOLLAR,
    EVM,
    LOCKS,
    NATIVE,
    OWNER,
    REGISTRY,
    SEED,
    VAULT,
    VENUE_ID,
    lock,
    pledge,
)
from vector_codec import seeded_entropy

from zkmargin.collateral import (
    Note,
    Pledge,
    chain_digest,
    check_pledge,
    leaf_of,
    note_blinding,
    note_secret,
    prove_pledge,
    tag_of,
    units,
    venue_id,
    verify_pledge,
)
from zkmargin.errors import EncodingError, InputError, ProofError, WitnessError, ZkMarginError
from zkmargin.field import R
from zkmargin.generators import base
from zkmargin.group import IDENTITY, encode
from zkmargin.pedersen import Opening, commit

LOCK = LOCKS[0]
NOTE = LOCK.note


def code_of(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(ZkMarginError) as caught:
        call(*arguments, **named)
    return caught.value.code


def test_a_venue_and_a_chain_are_32_bytes() -> None:
    assert venue_id("demo") == hashlib.sha256(b"zkmargin/venue-id/v1demo").digest()
    name = b"eip155:1337"
    written = b"zkmargin/chain/v1" + bytes([0, 0, 0, 11]) + name + b"\xe1" * 32
    assert chain_digest("eip155:1337", b"\xe1" * 32) == hashlib.sha256(written).digest() == DIGEST[EVM]


@pytest.mark.parametrize(
    "name", ["", "eip155", "eip155:", "eip155:01", "eip155:0", "eip155:x", "EIP155:1", "ab:1", "eip155:1\n", "a" * 50]
)
def test_a_chain_has_one_name(name: str) -> None:
    assert code_of(chain_digest, name, bytes(32)) == "bad_input"


def test_a_genesis_is_32_bytes() -> None:
    assert code_of(chain_digest, "eip155:1", bytes(31)) == "bad_input"


def test_a_note_is_eleven_words() -> None:
    words = [hashlib.sha256(b"zkmargin/pledge-note/v1").digest(), DIGEST[EVM], VAULT[EVM], OWNER, NATIVE]
    words += [(3 * 10**18).to_bytes(32, "big"), VENUE_ID, ACCOUNT, NOTE.commitment + bytes(16), note_secret(SEED, 0)]
    assert len(b"".join(words)) == 11 * 32
    assert NOTE.digest == hashlib.sha256(b"".join(words)).digest()
    assert NOTE.tag == hashlib.sha256(b"zkmargin/pledge-tag/v1" + NOTE.secret).digest()


def test_every_field_of_a_note_is_in_it() -> None:
    others = {"amount": NOTE.amount + 1, "commitment": LOCKS[1].note.commitment}
    others |= dict.fromkeys(("chain", "vault", "owner", "asset", "venue", "account", "secret"), b"w" * 32)
    digests = {replace(NOTE, **{name: value}).digest for name, value in others.items()}
    assert len(digests | {NOTE.digest}) == 10


def test_a_tag_names_no_chain() -> None:
    """The same secret under another chain, vault, asset, amount or owner has the same tag: it can count once."""
    elsewhere = replace(NOTE, chain=b"\x01" * 32, vault=b"\x02" * 32, asset=b"\x03" * 32, owner=b"\x04" * 32, amount=7)
    assert elsewhere.tag == NOTE.tag


@pytest.mark.parametrize("name", ["chain", "vault", "owner", "asset", "venue", "account", "commitment", "secret"])
def test_fields_of_a_note_have_their_length(name: str) -> None:
    assert code_of(replace, NOTE, **{name: getattr(NOTE, name) + b"\0"}) == "bad_note"
    assert code_of(replace, NOTE, **{name: b""}) == "bad_note"


@pytest.mark.parametrize("amount", [-1, 0, 2**96])
def test_an_amount_is_what_a_vault_can_hold(amount: int) -> None:
    assert code_of(replace, NOTE, amount=amount) == "bad_amount"


def test_the_ends_of_amounts() -> None:
    assert replace(NOTE, amount=1).amount == 1
    assert replace(NOTE, amount=2**96 - 1).amount == 2**96 - 1


def test_a_note_does_not_show_what_it_hides() -> None:
    shown = repr(NOTE) + repr(pledge(LOCK)) + repr(LOCK.opening) + str(pledge(LOCK))
    for hidden in (NOTE.account, NOTE.secret, NOTE.commitment):
        assert hidden.hex() not in shown
        assert repr(hidden) not in shown
    assert str(NOTE.amount) not in shown


def test_lots_are_rounded_down() -> None:
    assert [units(amount, 10) for amount in (0, 9, 10, 19, 20)] == [0, 0, 1, 1, 2]
    for lot in (0, -1):
        assert code_of(units, 10, lot) == "bad_lot"


def test_secrets_and_blindings_are_of_one_index() -> None:
    secrets = {note_secret(SEED, index) for index in range(20)} | {note_secret(b"\x01" * 32, 0)}
    blindings = {note_blinding(SEED, index) for index in range(20)} | {note_blinding(b"\x01" * 32, 0)}
    assert len(secrets) == len(blindings) == 21
    assert all(0 <= blinding < R for blinding in blindings)
    for bad in ((b"short", 0), (SEED, -1), (SEED, 2**64)):
        assert code_of(note_secret, *bad) == "bad_input"
        assert code_of(note_blinding, *bad) == "bad_input"


def test_a_tag_needs_a_secret() -> None:
    assert code_of(tag_of, bytes(31)) == "bad_note"


# Pledges


def test_a_pledge_holds_and_survives_json() -> None:
    for number, one in enumerate(LOCKS):
        read = Pledge.from_bytes(pledge(one, f"pledge {number}").to_bytes())
        note, asset = check_pledge(read, REGISTRY)
        assert note == one.note
        assert asset == REGISTRY.class_of_asset(EVM, one.note.asset)


def test_less_than_a_lot_is_a_commitment_to_zero() -> None:
    """A zero leaf: it hides that a chain is not used. It stands for nothing else than zero."""
    assert LOCKS[3].opening.value == 0
    check_pledge(pledge(LOCKS[3]), REGISTRY)
    one_lot = replace(LOCKS[3], opening=Opening(1, LOCKS[3].opening.blinding))
    note = replace(LOCKS[3].note, commitment=encode(commit(one_lot.opening)))
    with seeded_entropy("one lot"):
        claimed = Pledge.of(note, one_lot.opening)
    assert code_of(check_pledge, claimed, REGISTRY) == "bad_pledge"


def test_a_pledge_is_of_one_note() -> None:
    proof = prove_pledge(NOTE, LOCK.opening)
    verify_pledge(NOTE, LOCK.opening.value, proof)
    for other in (replace(NOTE, account=b"\x01" * 32), replace(NOTE, secret=b"\x01" * 32), replace(NOTE, amount=5)):
        assert code_of(verify_pledge, other, LOCK.opening.value, proof) == "bad_pledge"
    for lots in (LOCK.opening.value - 1, LOCK.opening.value + 1, 0):
        assert code_of(verify_pledge, NOTE, lots, proof) == "bad_pledge"


@pytest.mark.parametrize("at", [0, 31, 32, 63])
def test_a_changed_pledge_is_refused(at: int) -> None:
    proof = bytearray(prove_pledge(NOTE, LOCK.opening))
    proof[at] ^= 1
    assert code_of(verify_pledge, NOTE, LOCK.opening.value, bytes(proof)) == "bad_pledge"


def test_scalars_of_a_pledge_are_canonical() -> None:
    proof = prove_pledge(NOTE, LOCK.opening)
    for bad in (b"", proof[:-1], proof + b"\0", b"\xff" * 64):
        assert code_of(verify_pledge, NOTE, LOCK.opening.value, bad) == "bad_pledge"


def test_only_who_can_open_a_commitment_can_pledge_it() -> None:
    with pytest.raises(WitnessError):
        prove_pledge(NOTE, Opening(LOCK.opening.value + 1, LOCK.opening.blinding))
    with pytest.raises(WitnessError):
        prove_pledge(NOTE, Opening(LOCK.opening.value, LOCK.opening.blinding + 1))


def test_a_commitment_without_blinding_is_refused() -> None:
    """Its opening is public: anybody could put it into a proof."""
    bare = replace(NOTE, commitment=encode(commit(Opening(LOCK.opening.value, 0))))
    with pytest.raises(WitnessError):
        prove_pledge(bare, Opening(LOCK.opening.value, 0))
    assert code_of(verify_pledge, bare, LOCK.opening.value, bytes(64)) == "bad_pledge"


def test_a_stray_generator_cannot_be_pledged() -> None:
    """C = v G + gamma H + X for another base X, of which nobody knows a logarithm."""
    note = replace(NOTE, commitment=encode(commit(LOCK.opening) + base("norm", 0)))
    with pytest.raises(WitnessError):
        prove_pledge(note, LOCK.opening)
    assert code_of(verify_pledge, note, LOCK.opening.value, prove_pledge(NOTE, LOCK.opening)) == "bad_pledge"


@pytest.mark.parametrize("name", [name for name, data in bad_points.NEVER_VALID.items() if len(data) == 48])
def test_junk_points_are_refused(name: str) -> None:
    note = replace(NOTE, commitment=bad_points.NEVER_VALID[name])
    with pytest.raises(EncodingError) as caught:
        _ = note.point
    assert caught.value.code == "bad_commitment"
    assert code_of(verify_pledge, note, 0, bytes(64)) == "bad_commitment"


def test_the_identity_is_no_commitment() -> None:
    note = replace(NOTE, commitment=encode(IDENTITY))
    assert code_of(lambda: note.point) == "bad_commitment"
    assert code_of(prove_pledge, note, Opening(0, 0)) == "bad_commitment"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"venue": b"\x01" * 32}, "wrong_venue"),
        ({"chain": b"\x01" * 32}, "unknown_chain"),
        ({"vault": b"\x01" * 32}, "wrong_vault"),
        ({"asset": b"\x01" * 32}, "wrong_asset"),
        ({"amount": 10**14 << 40}, "out_of_range"),
    ],
)
def test_a_pledge_is_of_what_the_registry_counts(changes: dict[str, Any], code: str) -> None:
    value = pledge(LOCK)
    value = value.model_copy(update={"note": type(value.note).of(replace(NOTE, **changes))})
    assert code_of(check_pledge, value, REGISTRY) == code


def test_the_last_amount_in_range() -> None:
    most = lock(9, (10**14 << 40) - 1)
    assert check_pledge(pledge(most), REGISTRY)[0] == most.note


def test_a_pledge_above_what_a_vault_holds_is_not_read() -> None:
    value = pledge(LOCK).to_value()
    with pytest.raises(InputError):
        Pledge.from_value(value | {"note": value["note"] | {"amount": str(2**96)}})


def test_the_leaf_of_a_note() -> None:
    asset = REGISTRY.class_of("USDX.evm")
    note = LOCKS[2].note
    leaf = leaf_of(note, asset, expiry=17)
    assert note.asset == DOLLAR
    assert (leaf.kind, leaf.bits, leaf.lot, leaf.expiry) == (1, 48, 10_000, 17)
    assert (leaf.venue, leaf.chain, leaf.vault, leaf.asset) == (note.venue, note.chain, note.vault, note.asset)
    assert (leaf.account, leaf.tag, leaf.commitment) == (note.account, note.tag, note.commitment)


def test_errors_carry_nothing() -> None:
    with pytest.raises(ProofError) as caught:
        verify_pledge(NOTE, 1, bytes(64))
    assert not any(hidden in str(caught.value) for hidden in (NOTE.secret.hex(), str(NOTE.amount)))


def test_a_note_is_hashable_and_equal_by_what_it_says() -> None:
    assert Note(**vars(NOTE)) == NOTE
