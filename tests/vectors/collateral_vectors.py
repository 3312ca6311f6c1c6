"""The vectors of docs/collateral.md: what is hashed and signed, evidence that holds, and evidence that does not."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import bad_points
import collateral_world as world
from collateral_world import hexed

from zkmargin.collateral import Leaf, Note, Revocation, SignedCheckpoint, merkle, note_blinding, note_secret, possession
from zkmargin.collateral.checkpoint import STRUCT_TYPE, domain_separator

REVOCATIONS = [
    Revocation(tag="0x" + f"{number:02x}" * 32, reason=reason)
    for number, reason in enumerate(("reorged", "released", "seized"), start=1)
]


def vectors() -> dict[str, Any]:
    """The whole file."""
    file = world.checkpoint_file(world.leaves(world.LOCKS), REVOCATIONS)
    accepts = {
        "checkpoint": file.to_value(),
        "tag": world.tag_evidence(file, 2).to_value(),
        "lock": world.lock_evidence(world.state(world.LOCKS), world.LOCKS[0]).to_value(),
    }
    return {
        "venue": {"name": world.VENUE, "id": hexed(world.VENUE_ID)},
        "chains": [
            {"chain": chain, "genesis": hexed(genesis), "digest": hexed(world.DIGEST[chain])}
            for chain, genesis in world.GENESIS.items()
        ],
        "notes": [_note(index, lock) for index, lock in enumerate(world.LOCKS)],
        "leaves": [_leaf(leaf) for leaf in world.leaves(world.LOCKS)],
        "trees": [_tree(count) for count in (0, 1, 2, 3, 5, 8)],
        "revocations": [
            revocation.to_value() | {"bytes": hexed(revocation.leaf_bytes())} for revocation in REVOCATIONS
        ],
        "checkpoint": _checkpoint(file),
        "members": _members(),
        "now_unix_s": world.NOW,
        "registry": world.REGISTRY.to_value(),
        "registry_digest": world.REGISTRY.digest,
        "accept": accepts,
        "reject": list(_rejects(accepts)),
    }


def _note(index: int, lock: world.Lock) -> dict[str, Any]:
    note: Note = lock.note
    words = {name: hexed(value) for name, value in vars(note).items() if isinstance(value, bytes)}
    return {
        "index": index,
        "seed": hexed(world.SEED),
        **words,
        "amount": str(note.amount),
        "value": str(lock.opening.value),
        "blinding": str(note_blinding(world.SEED, index)),
        "secret": hexed(note_secret(world.SEED, index)),
        "digest": hexed(note.digest),
        "tag": hexed(note.tag),
        "pledge": world.pledge(lock).proof,
    }


def _leaf(leaf: Leaf) -> dict[str, str]:
    return {"bytes": hexed(leaf.to_bytes()), "hash": hexed(leaf.hash)}


def _tree(count: int) -> dict[str, Any]:
    hashes = sorted(merkle.leaf_hash(bytes([number])) for number in range(count))
    paths = [[hexed(sibling) for sibling in merkle.path(hashes, index)] for index in range(count)]
    return {"hashes": list(map(hexed, hashes)), "root": hexed(merkle.root(hashes)), "paths": paths}


def _checkpoint(file: SignedCheckpoint) -> dict[str, Any]:
    signed = file.checkpoint
    return {
        "type": STRUCT_TYPE,
        "domain_separator": hexed(domain_separator(world.VENUE_ID)),
        "typed_data": signed.typed_data(world.VENUE_ID),
        "preimage": hexed(signed.preimage(world.VENUE_ID)),
        "digest": hexed(signed.signing_digest(world.VENUE_ID)),
        "signatures": [
            signed.sign_as(name, key, world.VENUE_ID).to_value() | {"key": key.public}
            for name, keys in world.KEYS.items()
            for key in keys
        ],
    }


def _members() -> dict[str, Any]:
    members = world.MEMBERS[world.EVM]
    following = world.member_set(version=2, from_epoch=8)
    return {
        "set": members.to_value(),
        "digest": members.digest,
        "possessions": [
            {
                "id": member.id,
                "scheme": scheme,
                "message": hexed(possession(world.VENUE_ID, world.DIGEST[world.EVM], member.id, scheme, key)),
            }
            for member in members.members
            for scheme, (key, _) in member.keys.items()
        ],
        "operator": world.OPERATOR.public,
        "next": world.signed_set(following, world.QUORUM).to_value(),
        "approval": hexed(following.approval),
    }


def _rejects(accepts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One change each: what stands ``at`` a path of the accepted document becomes ``value``."""

    def reject(name: str, mutates: str, code: str, at: list[Any], value: Any) -> dict[str, Any]:
        found: Any = accepts[mutates]
        for step in at:
            found = found[step]
        if found == value:
            raise ValueError(f"{name} changes nothing")
        return {"name": name, "mutates": mutates, "code": code, "at": at, "value": value}

    def of(mutates: str, *at: Any) -> Any:
        found = accepts[mutates]
        for step in at:
            found = found[step]
        return copy.deepcopy(found)

    word, order = "0x" + "01" * 32, 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    for document in ("checkpoint", "tag", "lock"):
        signatures = of(document, "signatures")
        bob = bytes.fromhex(signatures[1]["sig"][2:])
        high = bob[:32] + (order - int.from_bytes(bob[32:64], "big")).to_bytes(32, "big")
        twin, turned = high + bytes([55 - bob[64]]), bob[:64] + bytes([55 - bob[64]])
        yield reject("two signatures", document, "too_few_signatures", ["signatures"], signatures[:2])
        yield reject("a key signs twice", document, "duplicate_signature", ["signatures"], [*signatures, signatures[0]])
        yield reject("a stranger signs", document, "unknown_member", ["signatures", 0, "signer"], "zoe")
        yield reject("a member of another name", document, "unknown_member", ["signatures", 0, "signer"], "dan")
        yield reject("s in the upper half", document, "high_s", ["signatures", 1, "sig"], hexed(twin))
        yield reject("v of the other parity", document, "bad_signature", ["signatures", 1, "sig"], hexed(turned))
        yield reject("another block", document, "bad_signature", ["checkpoint", "block_hash"], word)
        yield reject("another set", document, "wrong_set", ["checkpoint", "set_version"], 2)
        yield reject("a height off the grid", document, "bad_height", ["checkpoint", "height"], 71)
        yield reject("a longer life", document, "bad_expiry", ["checkpoint", "expiry"], world.BLOCK_TIME + 3601)
        yield reject("an expiry that has come", document, "expired_checkpoint", ["checkpoint", "expiry"], world.NOW)
        to_come = world.NOW + 61
        yield reject("a block to come", document, "future_checkpoint", ["checkpoint", "block_time"], to_come)

    leaves = of("checkpoint", "leaves")
    yield reject("one leaf fewer", "checkpoint", "bad_count", ["leaves"], leaves[:-1])
    yield reject("two leaves swapped", "checkpoint", "unsorted_leaves", ["leaves"], [leaves[1], leaves[0], *leaves[2:]])
    yield reject("a leaf twice", "checkpoint", "unsorted_leaves", ["leaves"], [*leaves[:4], leaves[3]])
    yield reject("no revocations", "checkpoint", "bad_root", ["revocations"], [])
    yield reject("another reason", "checkpoint", "bad_root", ["revocations", 0, "reason"], "seized")
    unsorted = of("checkpoint", "revocations")[::-1]
    yield reject("revocations unsorted", "checkpoint", "unsorted_revocations", ["revocations"], unsorted)
    yield reject("another chain", "checkpoint", "unknown_chain", ["checkpoint", "chain"], word)

    path = of("tag", "path")
    yield reject("a chain not in the registry", "tag", "unknown_chain", ["chain"], "eip155:1")
    yield reject("another chain of the registry", "tag", "wrong_chain", ["chain"], world.SOL)
    yield reject("a path too long", "tag", "bad_path", ["path"], [*path, "0x" + "00" * 32])
    yield reject("a path too short", "tag", "bad_path", ["path"], path[:-1])
    yield reject("another index", "tag", "bad_path", ["index"], 3)
    yield reject("an index out of range", "tag", "bad_path", ["index"], 2 + 8)
    yield reject("another account", "tag", "bad_path", ["leaf", "account"], word)
    yield reject("another tag", "tag", "bad_path", ["leaf", "tag"], word)
    yield reject("another venue", "tag", "wrong_venue", ["leaf", "venue"], word)
    yield reject("another vault", "tag", "wrong_vault", ["leaf", "vault"], word)
    yield reject("another asset", "tag", "wrong_asset", ["leaf", "asset"], word)
    yield reject("another lot", "tag", "bad_lot", ["leaf", "lot"], "7")
    yield reject("another range", "tag", "bad_bits", ["leaf", "bits"], 7)
    yield reject("another expiry", "tag", "bad_expiry", ["leaf", "expiry"], world.BLOCK_TIME + 3599)

    first, second = of("lock", "storage", "storage_proof")
    account = of("lock", "storage", "account_proof")
    junk = hexed(bad_points.NEVER_VALID["off the curve"])
    yield reject("a note of another venue", "lock", "wrong_venue", ["storage", "note", "venue"], word)
    yield reject("a note of another vault", "lock", "wrong_vault", ["storage", "note", "vault"], word)
    yield reject("a note of another account", "lock", "bad_pledge", ["storage", "note", "account"], word)
    yield reject("a note of another amount", "lock", "bad_pledge", ["storage", "note", "amount"], "5")
    yield reject("a note out of range", "lock", "out_of_range", ["storage", "note", "amount"], str(10**14 << 40))
    yield reject("a junk point", "lock", "bad_commitment", ["storage", "note", "commitment"], junk)
    yield reject("another header", "lock", "wrong_block", ["storage", "header"], "0x00")
    yield reject("a node is missing", "lock", "bad_storage_proof", ["storage", "account_proof"], account[:-1])
    yield reject("nodes in another order", "lock", "bad_storage_proof", ["storage", "account_proof"], account[::-1])
    yield reject("a node more", "lock", "bad_storage_proof", ["storage", "account_proof"], [*account, second[0]])
    yield reject("words swapped", "lock", "bad_storage_proof", ["storage", "storage_proof"], [second, first])
