"""A small world of collateral, all of it fixed: a registry of two chains, five attestors, locks, checkpoints.

Made by the library's own code, from constants: the same bytes every time. The EVM chain of storage proofs is two tries
and a header.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import rlp
from trie import HexaryTrie
from vector_codec import seeded_entropy

from zkmargin import canonical
from zkmargin.collateral import (
    FIRST_PREVIOUS,
    Chains,
    Checkpoint,
    CollateralLock,
    Ed25519Key,
    Leaf,
    LeafFields,
    Member,
    MemberSet,
    MemberSignature,
    Note,
    NoteOpening,
    Pledge,
    Revocation,
    Secp256k1Key,
    SignedCheckpoint,
    SignedMemberSet,
    SigningKey,
    StorageEvidence,
    chain_digest,
    keccak256,
    leaf_of,
    merkle,
    note_blinding,
    note_secret,
    revoked_root,
    units,
    venue_id,
)
from zkmargin.collateral.storage_proof import ACTIVE, lock_slots
from zkmargin.documents import Signed
from zkmargin.envelope import PrivateKey
from zkmargin.group import encode
from zkmargin.pedersen import Opening, commit

VENUE = "demo"
VENUE_ID = venue_id(VENUE)
NOW = 1_795_327_200
EVM, SOL = "eip155:1337", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
GENESIS = {EVM: b"\xe1" * 32, SOL: b"\x51" * 32}
DIGEST = {chain: chain_digest(chain, genesis) for chain, genesis in GENESIS.items()}
VAULT = {EVM: bytes(12) + b"\xaa" * 20, SOL: b"\xbb" * 32}
NATIVE, DOLLAR, SPL = bytes(32), bytes(12) + b"\xdd" * 20, b"\xd5" * 32
OWNER = bytes(12) + b"\x0e" * 20
ACCOUNT = b"\xac" * 32
SEED = b"\x5e" * 32
CODE_HASH = keccak256(b"the code of the vault")
EPOCH_BLOCKS = 10
OPERATOR = PrivateKey(b"\x12" * 32)


def hexed(data: bytes) -> str:
    return canonical.to_hex(data)


def _chain(chain: str, **other: Any) -> dict[str, Any]:
    return {
        "chain": chain,
        "genesis": hexed(GENESIS[chain]),
        "vault": hexed(VAULT[chain]),
        "depth": 12,
        "epoch_blocks": EPOCH_BLOCKS,
        "max_age_s": 3600,
        "skew_s": 60,
        "margin_s": 7200,
        "delay_s": 14400,
        "soft_age_s": 900,
        "soft_haircut_ppm": 100_000,
        "late_age_s": 1800,
        "late_haircut_ppm": 250_000,
        "cap": "5000000",
    } | other


CHAINS: dict[str, Any] = {
    "schema": "zkmargin/collateral-registry/v1",
    "venue": VENUE,
    "version": 1,
    "quote": "USD",
    "chains": [_chain(EVM, kind="evm", code_hash=hexed(CODE_HASH)), _chain(SOL, kind="solana", depth=0)],
    "classes": [
        {
            "class": "ETH",
            "chain": EVM,
            "asset": hexed(NATIVE),
            "decimals": 18,
            "lot": str(10**14),
            "bits": 40,
            "price": "ETH-USD",
            "haircut_ppm": 150_000,
            "cap_lots": 10**9,
        },
        {
            "class": "USDX.evm",
            "chain": EVM,
            "asset": hexed(DOLLAR),
            "decimals": 6,
            "lot": "10000",
            "bits": 48,
            "price": "USDX-USD",
            "haircut_ppm": 20_000,
            "peg": {"price": "1", "below_ppm": 20_000, "haircut_ppm": 300_000},
            "cap_lots": 10**12,
        },
        {
            "class": "USDX.sol",
            "chain": SOL,
            "asset": hexed(SPL),
            "decimals": 6,
            "lot": "10000",
            "bits": 48,
            "price": "USDX-USD",
            "haircut_ppm": 20_000,
            "cap_lots": 10**12,
        },
    ],
}
REGISTRY = Chains.from_value(CHAINS)

KEYS: dict[str, tuple[SigningKey, ...]] = {
    "ada": (Ed25519Key(b"\x01" * 32), Secp256k1Key(b"\x11" * 32)),
    "bob": (Secp256k1Key(b"\x02" * 32),),
    "cyd": (Ed25519Key(b"\x03" * 32),),
    "dan": (Ed25519Key(b"\x04" * 32),),
    "eve": (Secp256k1Key(b"\x05" * 32),),
}
QUORUM = ("ada", "bob", "cyd")


def member_set(chain: str = EVM, keys: dict[str, tuple[SigningKey, ...]] = KEYS, **changes: Any) -> MemberSet:
    """3 of the 5, with proofs of possession for this chain."""
    members = tuple(Member.of(name, own, venue=VENUE, chain=DIGEST[chain]) for name, own in keys.items())
    fields = {"venue": VENUE, "chain": hexed(DIGEST[chain]), "version": 1, "threshold": 3, "from_epoch": 1}
    return MemberSet(members=members, **fields | changes)


MEMBERS = {chain: member_set(chain) for chain in (EVM, SOL)}


def signed_set(members: MemberSet, approvals: Iterable[str] = (), operator: PrivateKey = OPERATOR) -> SignedMemberSet:
    """The set in the operator's envelope, approved by the first key of each member named."""
    return SignedMemberSet(
        members=Signed(members, members.sign(operator)).to_value(),
        approvals=tuple(members.approve(name, KEYS[name][0]) for name in approvals),
    )


@dataclass(frozen=True)
class Lock:
    """A lock, and what only its holder knows of it."""

    note: Note
    opening: Opening


def lock(index: int, amount: int, *, chain: str = EVM, asset: bytes = NATIVE, account: bytes = ACCOUNT) -> Lock:
    """The holder's lock number ``index``: ``amount`` base units of an asset of the registry."""
    lots = units(amount, REGISTRY.class_of_asset(chain, asset).lot_units)
    opening = Opening(lots, note_blinding(SEED, index))
    owner = OWNER if chain == EVM else b"\x0e" * 32
    commitment, secret = encode(commit(opening)), note_secret(SEED, index)
    return Lock(Note(DIGEST[chain], VAULT[chain], owner, asset, amount, VENUE_ID, account, commitment, secret), opening)


LOCKS = (
    lock(0, 3 * 10**18),
    lock(1, 5 * 10**17 + 1),
    lock(2, 25_000_000_000, asset=DOLLAR),
    lock(3, 999, asset=DOLLAR),  # less than a lot: a commitment to zero
    lock(4, 10**18, account=b"\xad" * 32),
)
BLOCK_TIME = NOW - 120


def leaves(locks: Iterable[Lock], expiry: int = BLOCK_TIME + 3600) -> list[Leaf]:
    """The leaves of these locks, in the order of a tree."""
    notes = [one.note for one in locks]
    made = [
        leaf_of(note, REGISTRY.class_of_asset(REGISTRY.chain_of_digest(note.chain).chain, note.asset), expiry=expiry)
        for note in notes
    ]
    return sorted(made, key=lambda leaf: leaf.hash)


def checkpoint(made: Sequence[Leaf] = (), revocations: Sequence[Revocation] = (), **changes: Any) -> Checkpoint:
    """The checkpoint of epoch 7 over these leaves and revocations, or with ``changes``."""
    fields: dict[str, Any] = {
        "chain": hexed(DIGEST[EVM]),
        "set_version": 1,
        "epoch": 7,
        "height": 7 * EPOCH_BLOCKS,
        "block_hash": hexed(hashlib.sha256(b"block 70").digest()),
        "block_time": BLOCK_TIME,
        "expiry": BLOCK_TIME + 3600,
        "leaf_count": len(made),
        "leaf_root": hexed(merkle.root([leaf.hash for leaf in made])),
        "revoked_root": hexed(revoked_root(revocations)),
        "previous": FIRST_PREVIOUS,
    }
    return Checkpoint(**fields | changes)


def signatures(signed: Checkpoint, signers: Iterable[str] = QUORUM) -> tuple[MemberSignature, ...]:
    """By the last key of each: one that has both schemes signs with secp256k1."""
    return tuple(signed.sign_as(name, KEYS[name][-1], VENUE_ID) for name in signers)


def checkpoint_file(
    made: Sequence[Leaf] = (), revocations: Sequence[Revocation] = (), signers: Iterable[str] = QUORUM, **changes: Any
) -> SignedCheckpoint:
    """What a quorum publishes."""
    signed = checkpoint(made, revocations, **changes)
    return SignedCheckpoint(
        checkpoint=signed,
        signatures=signatures(signed, signers),
        leaves=tuple(hexed(leaf.to_bytes()) for leaf in made),
        revocations=tuple(revocations),
    )


def tag_evidence(file: SignedCheckpoint, index: int) -> CollateralLock:
    """What the holder of leaf ``index`` of a checkpoint shows."""
    made = [Leaf.from_bytes(canonical.from_hex(leaf)) for leaf in file.leaves]
    siblings = merkle.path([leaf.hash for leaf in made], index)
    return CollateralLock(
        kind="tag",
        chain=REGISTRY.chain_of_digest(made[index].chain).chain,
        leaf=LeafFields.of(made[index]),
        index=index,
        path=tuple(map(hexed, siblings)),
        checkpoint=file.checkpoint,
        signatures=file.signatures,
    )


def pledge(of: Lock, seed: str = "pledge") -> Pledge:
    """The pledge of a lock, with nonces of ``seed``."""
    with seeded_entropy(seed):
        return Pledge.of(of.note, of.opening)


@dataclass(frozen=True)
class State:
    """A block whose state has the vault, and in it the locks: the header, and the tries behind it."""

    header: bytes
    accounts: HexaryTrie
    storage: HexaryTrie

    @property
    def block_hash(self) -> bytes:
        return keccak256(self.header)

    def evidence(self, of: Lock) -> StorageEvidence:
        """The lock's note, pledge and storage proof."""

        def nodes(trie: HexaryTrie, key: bytes) -> tuple[str, ...]:
            path = [rlp.encode(node) for node in trie.get_proof(keccak256(key))]
            return tuple(hexed(node) for place, node in enumerate(path) if place == 0 or len(node) >= 32)

        slots = lock_slots(keccak256(of.note.owner + of.note.digest))
        proof = pledge(of).proof
        return StorageEvidence(
            note=NoteOpening.of(of.note),
            pledge=proof,
            header=hexed(self.header),
            account_proof=nodes(self.accounts, of.note.vault[12:]),
            storage_proof=(nodes(self.storage, slots[0]), nodes(self.storage, slots[1])),
        )


def state(
    locks: Iterable[Lock],
    *,
    height: int = 70,
    time: int = BLOCK_TIME,
    status: int = ACTIVE,
    code: bytes = CODE_HASH,
    held: int | None = None,
) -> State:
    """The state of the EVM chain at ``height`` with these locks in its vault, and 40 accounts of others.

    ``held``: what the vault holds of each, whatever its note says.
    """
    storage, accounts = HexaryTrie({}), HexaryTrie({})
    for one in locks:
        note = one.note
        slots = lock_slots(keccak256(note.owner + note.digest))
        owner, asset = (int.from_bytes(word, "big") for word in (note.owner, note.asset))
        for slot, word in zip(slots, (owner | status << 160, asset | (held or note.amount) << 160), strict=True):
            storage[keccak256(slot)] = rlp.encode(word)
    empty = rlp.encode([0, 10**18, keccak256(rlp.encode(b"")), keccak256(b"")])
    for number in range(40):
        accounts[keccak256(bytes([number]) * 20)] = empty
    accounts[keccak256(VAULT[EVM][12:])] = rlp.encode([1, 0, storage.root_hash, code])
    words = [b"\x01" * 32, b"\x02" * 32, bytes(20), accounts.root_hash, b"\x03" * 32, b"\x04" * 32, bytes(256)]
    numbers = [0, height, 30_000_000, 21_000, time]
    return State(rlp.encode([*words, *numbers, b"", bytes(32), bytes(8), 7]), accounts, storage)


def lock_evidence(at: State, of: Lock, signers: Iterable[str] = QUORUM, **changes: Any) -> CollateralLock:
    """What a holder shows who does not mind that the lock is known: the quorum says the block's hash."""
    signed = checkpoint(**{"block_hash": hexed(at.block_hash)} | changes)
    return CollateralLock(
        kind="lock", chain=EVM, storage=at.evidence(of), checkpoint=signed, signatures=signatures(signed, signers)
    )
