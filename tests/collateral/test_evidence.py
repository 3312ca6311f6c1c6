"""Checkpoints as they are published, and the evidence of one lock in both kinds: every refusal with its code."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import bad_points
import pytest
from collateral_world import (
    ACCOUNT,
    BLOCK_TIME,
    CHAINS,
    DIGEST,
    DOLLAR,
    EPOCH_BLOCKS,
    EVM,
    LOCKS,
    MEMBERS,
    NATIVE,
    NOW,
    OWNER,
    REGISTRY,
    SOL,
    SPL,
    VENUE_ID,
    checkpoint,
    checkpoint_file,
    hexed,
    leaves,
    lock,
    lock_evidence,
    member_set,
    pledge,
    signatures,
    state,
    tag_evidence,
)

from zkmargin.collateral import (
    FIRST_PREVIOUS,
    Chains,
    Checkpoint,
    CollateralLock,
    Leaf,
    Revocation,
    SignedCheckpoint,
    check_checkpoint,
    check_follows,
    check_lock,
    check_signed,
    check_time,
    keccak256,
)
from zkmargin.errors import InputError, ZkMarginError
from zkmargin.group import IDENTITY, encode

LEAVES = leaves(LOCKS)
REVOKED = [Revocation(tag="0x" + "09" * 32, reason="seized")]
FILE = checkpoint_file(LEAVES, REVOKED)
STATE = state(LOCKS)


def code_of(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(ZkMarginError) as caught:
        call(*arguments, **named)
    return caught.value.code


def checked(file: SignedCheckpoint, registry: Chains = REGISTRY, now: int = NOW, **other: Any) -> tuple[Leaf, ...]:
    return check_checkpoint(file, registry, other.get("members", MEMBERS[EVM]), now_unix_s=now)


def shown(evidence: CollateralLock, registry: Chains = REGISTRY, now: int = NOW, **other: Any) -> Leaf:
    return check_lock(evidence, registry, other.get("members", MEMBERS[EVM]), now_unix_s=now)


# Checkpoints


def test_a_checkpoint_gives_its_leaves() -> None:
    assert checked(FILE) == tuple(LEAVES)
    assert checked(SignedCheckpoint.from_bytes(FILE.to_bytes())) == tuple(LEAVES)
    assert checked(checkpoint_file()) == ()


def test_a_checkpoint_of_another_kind_of_chain() -> None:
    made = leaves([lock(7, 10**9, chain=SOL, asset=SPL)])
    file = checkpoint_file(made, chain=hexed(DIGEST[SOL]))
    assert checked(file, members=MEMBERS[SOL]) == tuple(made)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"chain": "0x" + "77" * 32}, "unknown_chain"),
        ({"height": 71}, "bad_height"),
        ({"epoch": 8}, "bad_height"),
        ({"set_version": 2}, "wrong_set"),
        ({"expiry": BLOCK_TIME + 3601}, "bad_expiry"),
        ({"expiry": NOW}, "expired_checkpoint"),
        ({"leaf_count": 4}, "bad_count"),
        ({"leaf_count": 6}, "bad_count"),
        ({"leaf_root": "0x" + "77" * 32}, "bad_root"),
        ({"revoked_root": "0x" + "00" * 32}, "bad_root"),
        ({"expiry": BLOCK_TIME + 3599}, "bad_expiry"),  # the leaves say another one
    ],
)
def test_a_checkpoint_says_what_holds(changes: dict[str, Any], code: str) -> None:
    assert code_of(checked, checkpoint_file(LEAVES, REVOKED, **changes)) == code


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (BLOCK_TIME - 61, "future_checkpoint"),
        (BLOCK_TIME - 60, None),
        (BLOCK_TIME + 3599, None),
        (BLOCK_TIME + 3600, "expired_checkpoint"),
        (BLOCK_TIME + 3601, "expired_checkpoint"),
    ],
)
def test_a_checkpoint_has_its_time(now: int, code: str | None) -> None:
    if code is None:
        assert checked(FILE, now=now)
    else:
        assert code_of(checked, FILE, now=now) == code


def test_time_is_told_before_signatures_cost_anything() -> None:
    unsigned = FILE.model_copy(update={"signatures": ()})
    assert code_of(checked, unsigned, now=NOW + 9999) == "expired_checkpoint"
    assert code_of(checked, unsigned) == "too_few_signatures"


def test_a_chain_of_the_same_name_with_another_genesis_is_unknown() -> None:
    value = CHAINS | {"chains": [CHAINS["chains"][0] | {"genesis": "0x" + "e2" * 32}, CHAINS["chains"][1]]}
    assert code_of(checked, FILE, registry=Chains.from_value(value)) == "unknown_chain"


def test_members_are_of_the_chain_and_the_venue() -> None:
    assert code_of(checked, FILE, members=MEMBERS[SOL]) == "wrong_chain"
    assert code_of(checked, FILE, members=member_set(venue="other")) == "wrong_venue"
    assert code_of(checked, FILE, members=member_set(version=2)) == "wrong_set"


def test_a_checkpoint_is_of_the_chain_that_was_named() -> None:
    named = (FILE.checkpoint, FILE.signatures, REGISTRY, REGISTRY.chain_of(SOL), MEMBERS[EVM])
    assert code_of(check_signed, *named, now_unix_s=NOW) == "wrong_chain"


@pytest.mark.parametrize("signers", [(), ("ada",), ("ada", "bob")])
def test_too_few_signatures(signers: tuple[str, ...]) -> None:
    assert code_of(checked, checkpoint_file(LEAVES, REVOKED, signers)) == "too_few_signatures"


def _file(**changes: Any) -> SignedCheckpoint:
    return FILE.model_copy(update=changes)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (_file(leaves=(FILE.leaves[1], FILE.leaves[0], *FILE.leaves[2:])), "unsorted_leaves"),
        (_file(leaves=(*FILE.leaves[:4], FILE.leaves[3])), "unsorted_leaves"),
        (_file(leaves=FILE.leaves[:4]), "bad_count"),
        (_file(revocations=()), "bad_root"),
        (_file(revocations=(REVOKED[0], REVOKED[0])), "unsorted_revocations"),
        (_file(revocations=(Revocation(tag="0x" + "09" * 32, reason="reorged"),)), "bad_root"),
        (_file(checkpoint=FILE.checkpoint.model_copy(update={"block_hash": "0x" + "01" * 32})), "bad_signature"),
        (_file(checkpoint=FILE.checkpoint.model_copy(update={"leaf_count": 6})), "bad_signature"),
    ],
)
def test_a_file_is_what_was_signed(file: SignedCheckpoint, code: str) -> None:
    assert code_of(checked, file) == code


def test_another_leaf_is_another_root() -> None:
    other = sorted([*LEAVES[1:], replace(LEAVES[0], account=b"\x66" * 32)], key=lambda leaf: leaf.hash)
    assert code_of(checked, _file(leaves=tuple(hexed(leaf.to_bytes()) for leaf in other))) == "bad_root"


def _signed_with(change: Callable[[Leaf], Leaf], place: int = 0) -> SignedCheckpoint:
    """A quorum that signs a leaf which is not as the registry says."""
    made = [change(leaf) if number == place else leaf for number, leaf in enumerate(LEAVES)]
    return checkpoint_file(sorted(made, key=lambda leaf: leaf.hash))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": 2}, "wrong_kind"),
        ({"venue": b"\x01" * 32}, "wrong_venue"),
        ({"chain": DIGEST[SOL]}, "wrong_chain"),
        ({"vault": b"\x01" * 32}, "wrong_vault"),
        ({"asset": SPL}, "wrong_asset"),
        ({"asset": DOLLAR}, "bad_lot"),
        ({"lot": 1}, "bad_lot"),
        ({"bits": 39}, "bad_bits"),
        ({"expiry": BLOCK_TIME + 3601}, "bad_expiry"),
        ({"expiry": BLOCK_TIME + 3599}, "bad_expiry"),
    ],
)
def test_a_quorum_cannot_sign_a_leaf_that_the_registry_does_not_know(changes: dict[str, Any], code: str) -> None:
    place = next(number for number, leaf in enumerate(LEAVES) if leaf.asset == NATIVE)
    assert code_of(checked, _signed_with(lambda leaf: replace(leaf, **changes), place)) == code


def test_a_tag_stands_once_in_a_checkpoint() -> None:
    """The same secret in two locks: one tag, and honest attestors attest the first of them only."""
    assert code_of(checked, _signed_with(lambda leaf: replace(leaf, tag=LEAVES[1].tag))) == "repeated_tag"


def test_a_tag_is_not_counted_and_revoked_at_once() -> None:
    revoked = [Revocation(tag=hexed(LEAVES[2].tag), reason="released")]
    assert code_of(checked, checkpoint_file(LEAVES, revoked)) == "revoked_leaf"


def test_leaves_have_one_length() -> None:
    for bad in (FILE.leaves[0] + "00", FILE.leaves[0][:-2], FILE.leaves[0].upper(), "0x"):
        with pytest.raises(InputError):
            SignedCheckpoint.from_value(FILE.to_value() | {"leaves": [bad]})
    wrong = "0x02" + FILE.leaves[0][4:]
    raw = bytes.fromhex(wrong[2:])
    root = hexed(hashlib.sha256(b"\0" + raw).digest())
    signed = checkpoint(leaf_count=1, leaf_root=root)
    file = SignedCheckpoint(checkpoint=signed, signatures=signatures(signed), leaves=(wrong,))
    assert code_of(checked, file) == "bad_leaf"


# One after the other


def _after(last: Checkpoint, **changes: Any) -> Checkpoint:
    fields: dict[str, Any] = {"epoch": 8, "height": 80, "previous": hexed(last.signing_digest(VENUE_ID))}
    return checkpoint(**fields | changes)


def test_checkpoints_follow_each_other() -> None:
    first = FILE.checkpoint
    check_follows(first, None, VENUE_ID)
    check_follows(_after(first), first, VENUE_ID)
    check_follows(_after(first, epoch=70, height=700), first, VENUE_ID)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"epoch": 7}, "old_checkpoint"),
        ({"epoch": 6}, "old_checkpoint"),
        ({"height": 69}, "bad_height"),
        ({"block_time": BLOCK_TIME - 1}, "bad_time"),
        ({"previous": FIRST_PREVIOUS}, "skipped_checkpoint"),
        ({"previous": "0x" + "01" * 32}, "skipped_checkpoint"),
        ({"chain": hexed(DIGEST[SOL])}, "wrong_chain"),
    ],
)
def test_checkpoints_that_do_not(changes: dict[str, Any], code: str) -> None:
    assert code_of(check_follows, _after(FILE.checkpoint, **changes), FILE.checkpoint, VENUE_ID) == code


def test_the_first_checkpoint_names_none_before() -> None:
    assert code_of(check_follows, _after(FILE.checkpoint), None, VENUE_ID) == "skipped_checkpoint"
    assert code_of(check_follows, _after(FILE.checkpoint), FILE.checkpoint, b"\x01" * 32) == "skipped_checkpoint"


def test_a_shorter_life_is_allowed() -> None:
    """A registry may lower max_age_s or raise it: what was signed under the other is judged by the present one."""
    check_time(checkpoint(expiry=BLOCK_TIME + 200), NOW, max_age_s=3600, skew_s=0)
    assert code_of(check_time, FILE.checkpoint, NOW, max_age_s=3599, skew_s=0) == "bad_expiry"


# Evidence by tag


@pytest.mark.parametrize("place", range(len(LOCKS)))
def test_a_tag_is_shown_by_its_path(place: int) -> None:
    evidence = tag_evidence(FILE, place)
    assert shown(evidence) == LEAVES[place]
    assert shown(CollateralLock.from_bytes(evidence.to_bytes())) == LEAVES[place]


def _tag(part: str | None = None, **changes: Any) -> CollateralLock:
    value = tag_evidence(FILE, 2).to_value()
    return CollateralLock.from_value(value | ({part: value[part] | changes} if part else changes))


@pytest.mark.parametrize(
    ("evidence", "code"),
    [
        (_tag(chain="eip155:1"), "unknown_chain"),
        (_tag(chain=SOL), "wrong_chain"),
        (_tag(index=3), "bad_path"),
        (_tag(index=5), "bad_path"),
        (_tag(index=2 + 8), "bad_path"),
        (_tag(path=tag_evidence(FILE, 2).to_value()["path"][:-1]), "bad_path"),
        (_tag(path=[*tag_evidence(FILE, 2).to_value()["path"], "0x" + "00" * 32]), "bad_path"),
        (_tag(path=[]), "bad_path"),
        (_tag(signatures=[]), "too_few_signatures"),
        (_tag("checkpoint", leaf_count=4), "bad_signature"),
        (_tag("leaf", account="0x" + "01" * 32), "bad_path"),
        (_tag("leaf", tag="0x" + "01" * 32), "bad_path"),
        (_tag("leaf", commitment=hexed(LOCKS[4].note.commitment)), "bad_path"),
        (_tag("leaf", venue="0x" + "01" * 32), "wrong_venue"),
        (_tag("leaf", chain=hexed(DIGEST[SOL])), "wrong_chain"),
        (_tag("leaf", vault="0x" + "01" * 32), "wrong_vault"),
        (_tag("leaf", asset="0x" + "01" * 32), "wrong_asset"),
        (_tag("leaf", lot="7"), "bad_lot"),
        (_tag("leaf", lot=str(2**128)), "bad_leaf"),
        (_tag("leaf", bits=1), "bad_bits"),
        (_tag("leaf", expiry=BLOCK_TIME + 4000), "bad_expiry"),
    ],
)
def test_evidence_by_tag_is_refused(evidence: CollateralLock, code: str) -> None:
    assert code_of(shown, evidence) == code


@pytest.mark.parametrize("now", [BLOCK_TIME + 3600, BLOCK_TIME + 10**6])
def test_evidence_expires_with_its_checkpoint(now: int) -> None:
    assert code_of(shown, tag_evidence(FILE, 0), now=now) == "expired_checkpoint"
    assert code_of(shown, lock_evidence(STATE, LOCKS[0]), now=now) == "expired_checkpoint"


def test_a_path_is_never_longer_than_any_tree() -> None:
    with pytest.raises(InputError, match="path"):
        _tag(path=["0x" + "00" * 32] * 21)


@pytest.mark.parametrize("junk", ["off the curve", "off the subgroup", "order 3", "x = p", "identity"])
def test_a_quorum_cannot_sign_a_junk_point(junk: str) -> None:
    point = encode(IDENTITY) if junk == "identity" else bad_points.NEVER_VALID[junk]
    file = _signed_with(lambda leaf: replace(leaf, commitment=point))
    place = next(n for n, leaf in enumerate(checked(file)) if leaf.commitment == point)
    assert code_of(shown, tag_evidence(file, place)) == "bad_commitment"


def _without(*names: str, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in (FULL | more).items() if name not in names}


FULL = tag_evidence(FILE, 1).to_value()
STORAGE = lock_evidence(STATE, LOCKS[0]).to_value()["storage"]


@pytest.mark.parametrize(
    "value",
    [
        _without("leaf"),
        _without("index"),
        _without("path"),
        _without(kind="lock"),
        _without(storage=STORAGE),
        _without("leaf", "index", "path"),
        _without("leaf", "index", "path", storage=STORAGE),
        _without("leaf", storage=STORAGE, kind="lock"),
        _without(kind="both"),
        _without("checkpoint"),
        _without(index=-1),
    ],
)
def test_evidence_is_of_one_kind(value: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        CollateralLock.from_value(value)


# Evidence by storage proof


@pytest.mark.parametrize("one", LOCKS)
def test_a_lock_is_shown_by_the_chains_state(one: Any) -> None:
    evidence = lock_evidence(STATE, one)
    leaf = shown(CollateralLock.from_bytes(evidence.to_bytes()))
    attested = next(leaf for leaf in LEAVES if leaf.tag == one.note.tag)
    # The same tag, account, commitment and class as when it is attested: it counts once, by whatever evidence.
    assert leaf == replace(attested, kind=2)


def _storage(**changes: Any) -> CollateralLock:
    value = lock_evidence(STATE, LOCKS[0]).to_value()
    return CollateralLock.from_value(value | {"storage": value["storage"] | changes})


def _note(**changes: Any) -> CollateralLock:
    return _storage(note=STORAGE["note"] | changes)


OTHER_STATE = state(LOCKS, time=BLOCK_TIME - 1)
HIGHER_STATE = state(LOCKS, height=71)
ASKED_STATE = state(LOCKS, status=2)
OTHER_CODE = state(LOCKS, code=keccak256(b"another"))
WRONG_WORD = "0x" + "01" * 32


@pytest.mark.parametrize(
    ("evidence", "code"),
    [
        (_note(venue=WRONG_WORD), "wrong_venue"),
        (_note(chain=WRONG_WORD), "unknown_chain"),
        (_note(vault=WRONG_WORD), "wrong_vault"),
        (_note(asset=WRONG_WORD), "wrong_asset"),
        (_note(amount=str(10**14 << 40)), "out_of_range"),
        (_note(commitment=hexed(bad_points.NEVER_VALID["off the curve"])), "bad_commitment"),
        (_note(commitment=hexed(encode(IDENTITY))), "bad_commitment"),
        (_note(account=WRONG_WORD), "bad_pledge"),
        (_note(amount="5"), "bad_pledge"),
        (_storage(pledge="0x" + "00" * 64), "bad_pledge"),
        (_storage(header=hexed(OTHER_STATE.header)), "wrong_block"),
        (_storage(header="0x00"), "wrong_block"),
        (_storage(account_proof=STORAGE["account_proof"][:-1]), "bad_storage_proof"),
        (_storage(account_proof=STORAGE["account_proof"][::-1]), "bad_storage_proof"),
        (_storage(storage_proof=STORAGE["storage_proof"][::-1]), "bad_storage_proof"),
        (_storage(storage_proof=[STORAGE["storage_proof"][0] * 2, STORAGE["storage_proof"][1]]), "bad_storage_proof"),
        (_storage(storage_proof=[["0x00"], STORAGE["storage_proof"][1]]), "bad_node"),
        (lock_evidence(OTHER_STATE, LOCKS[0]), "wrong_block"),
        (lock_evidence(HIGHER_STATE, LOCKS[0]), "wrong_block"),
        (lock_evidence(ASKED_STATE, LOCKS[0]), "not_active"),
        (lock_evidence(OTHER_CODE, LOCKS[0]), "wrong_code"),
        (lock_evidence(STATE, LOCKS[0], signers=("ada", "bob")), "too_few_signatures"),
        (lock_evidence(STATE, LOCKS[0], set_version=2), "wrong_set"),
        (lock_evidence(STATE, LOCKS[0], block_hash="0x" + "01" * 32), "wrong_block"),
    ],
)
def test_evidence_by_storage_proof_is_refused(evidence: CollateralLock, code: str) -> None:
    assert code_of(shown, evidence) == code


def test_a_lock_that_is_not_there() -> None:
    """Honest nodes show that the vault has no such lock: the path ends, and nothing counts."""
    absent = lock(8, 10**18)
    assert code_of(shown, lock_evidence(STATE, absent)) == "no_lock"


def test_a_note_of_anothers_lock() -> None:
    """The lock's id names owner and note: whoever copies a note into an own lock has another lock."""
    copied = replace(LOCKS[0].note, owner=bytes(12) + b"\x66" * 20)
    assert copied.owner != OWNER
    assert code_of(shown, _note(owner=hexed(copied.owner))) == "bad_pledge"


def test_what_the_vault_holds_is_what_the_note_says() -> None:
    """Anybody can lock one wei under any 32 bytes, also under a note that says 3 ether."""
    assert code_of(shown, lock_evidence(state(LOCKS, held=1), LOCKS[0])) == "wrong_lock"


def test_a_chain_without_code_hashes_is_believed_through_attestors_alone() -> None:
    signed = checkpoint(chain=hexed(DIGEST[SOL]))
    evidence = CollateralLock(
        kind="lock",
        chain=SOL,
        storage=STATE.evidence(LOCKS[0]),
        checkpoint=signed,
        signatures=signatures(signed),
    )
    assert code_of(shown, evidence, members=MEMBERS[SOL]) == "wrong_kind"


def test_a_note_of_another_chain_of_the_registry() -> None:
    elsewhere = lock(5, 10**9, chain=SOL, asset=SPL)
    value = pledge(elsewhere).to_value()
    assert code_of(shown, _storage(note=value["note"], pledge=value["proof"])) == "wrong_chain"


def test_evidence_hides_the_link() -> None:
    text = repr(lock_evidence(STATE, LOCKS[0]))
    assert ACCOUNT.hex() not in text
    assert LOCKS[0].note.secret.hex() not in text


def test_a_grid_of_epochs() -> None:
    assert FILE.checkpoint.height == 7 * EPOCH_BLOCKS


# Speed


def test_a_large_checkpoint_is_checked_fast() -> None:
    """2500 leaves: read, hashed and checked far below a second, on any machine; measured, it is some 0.04 s."""
    many = sorted((replace(LEAVES[0], tag=n.to_bytes(32, "big")) for n in range(2500)), key=lambda leaf: leaf.hash)
    data = checkpoint_file(many).to_bytes()
    begun = time.perf_counter()
    assert len(checked(SignedCheckpoint.from_bytes(data))) == 2500
    assert time.perf_counter() - begun < 1
