"""A lock of the vault, proved against a block hash: the header, the vault's account, the two words of the lock.

    keccak(header) = block hash        field 3 = state root, field 8 = height, field 11 = time
    state root   --[keccak(vault)]-->  (nonce, balance, storage root, code hash)
    storage root --[keccak(slot)]-->   word,   slot = keccak(lockId | 0^32) and slot + 1

    word 0 = owner | status << 160 | unlockAt << 168 | releaseAt << 208        word 1 = asset | amount << 160

Source: docs/collateral.md, "Storage proof". The code hash pins the vault's venue, delay and rules: without it any
contract could stand at the address of another chain. What is believed is the block hash alone; all else follows.

The library that walks the trie accepts nodes that no path uses. So the path is walked again on the nodes that were
given and must be exactly these nodes in this order: a proof has one encoding, and no room for anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from ..errors import ContextError, EncodingError, InputError, ProofError
from .keccak import keccak256 as keccak

ACTIVE = 1
# Sixteen hashes, an empty value and the prefixes. A key is a hash, so no branch holds a value.
MAX_NODE_BYTES = 16 * 33 + 1 + 3
# A path of honest keys has about log16(entries) nodes, 8 to 10 today; each further one costs 16 times more to grind.
MAX_NODES = 32
# Some chains keep the names of their block producers in a header.
MAX_HEADER_BYTES = 8192
_MIN_FIELDS, _MAX_FIELDS = 15, 32
_PARENT, _STATE_ROOT, _HEIGHT, _TIME = 0, 3, 8, 11


@dataclass(frozen=True)
class StorageProof:
    """The untrusted bytes: ``header`` and every node in RLP, root first, as ``eth_getProof`` gives them."""

    header: bytes
    account_nodes: Sequence[bytes]
    word_nodes: tuple[Sequence[bytes], Sequence[bytes]]


@dataclass(frozen=True)
class Header:
    """What a block's header says; times in Unix seconds."""

    block_hash: bytes
    parent_hash: bytes
    state_root: bytes
    height: int
    time_unix_s: int


@dataclass(frozen=True)
class VaultLock:
    """A lock as the vault stores it: addresses padded to 32 bytes, the amount in base units, times in Unix seconds."""

    owner: bytes
    asset: bytes
    amount: int
    status: int
    unlock_at_unix_s: int
    release_at_unix_s: int


def check_storage_proof(
    proof: StorageProof, *, block_hash: bytes, vault: bytes, code_hash: bytes, lock_id: bytes
) -> tuple[Header, VaultLock]:
    """The header and the lock, once the proof holds and the lock is Active. The caller compares them with the note.

    Args:     block_hash: believed.   vault: 32 bytes, padded.   code_hash: the registry's.
    Raises:   EncodingError (bad_header, bad_node); ContextError (wrong_block, wrong_vault, wrong_code, no_lock,
              not_active); ProofError (bad_storage_proof); InputError (missing_extra).
    Trust:    proof untrusted; nothing secret.   Cost: about 30 hashes of 0.5 kB.
    """
    header = read_header(proof.header, block_hash)
    storage_root = _storage_root(header.state_root, proof.account_nodes, vault, code_hash)
    if len(proof.word_nodes) != 2:
        raise EncodingError("a storage proof proves exactly two words of a lock", code="bad_node")
    slots = lock_slots(lock_id)
    words = [_word(storage_root, slot, nodes) for slot, nodes in zip(slots, proof.word_nodes, strict=True)]
    lock = unpack_lock(words[0], words[1])
    if lock.status != ACTIVE:
        raise ContextError("the lock is not Active at this block", code="not_active")
    return header, lock


def read_header(header: bytes, block_hash: bytes) -> Header:
    """The header that hashes to ``block_hash``. Raises: EncodingError (bad_header); ContextError (wrong_block)."""
    if not 0 < len(header) <= MAX_HEADER_BYTES:
        raise EncodingError(f"a block header has 1 to {MAX_HEADER_BYTES} bytes", code="bad_header")
    if keccak(header) != block_hash:
        raise ContextError("the header does not hash to the block of the checkpoint", code="wrong_block")
    fields = _decode(header)
    if (
        fields is None
        or not _MIN_FIELDS <= len(fields) <= _MAX_FIELDS
        or not all(isinstance(field, bytes) for field in fields)
        or len(fields[_PARENT]) != 32
        or len(fields[_STATE_ROOT]) != 32
    ):
        raise EncodingError("this is not the header of a block", code="bad_header")
    height, time_unix_s = (_integer(fields[place], 8) for place in (_HEIGHT, _TIME))
    if height is None or time_unix_s is None:
        raise EncodingError("the header's height or time is not a canonical integer", code="bad_header")
    return Header(block_hash, bytes(fields[_PARENT]), bytes(fields[_STATE_ROOT]), height, time_unix_s)


def lock_slots(lock_id: bytes) -> tuple[bytes, bytes]:
    """Where the vault keeps the two words of a lock: a mapping at slot 0. Raises: InputError: not 32 bytes."""
    if len(lock_id) != 32:
        raise InputError("the id of a lock is 32 bytes")
    first = keccak(lock_id + bytes(32))
    return first, ((int.from_bytes(first, "big") + 1) % 2**256).to_bytes(32, "big")


def unpack_lock(word0: int, word1: int) -> VaultLock:
    """The lock that two words hold. Raises: ContextError (no_lock): there is none; the vault never wrote these bits."""
    if word0 >> 248 or not word0 or not word1:
        raise ContextError("the vault has no such lock at this block", code="no_lock")
    return VaultLock(
        owner=_bits(word0, 0, 160).to_bytes(32, "big"),
        asset=_bits(word1, 0, 160).to_bytes(32, "big"),
        amount=_bits(word1, 160, 96),
        status=_bits(word0, 160, 8),
        unlock_at_unix_s=_bits(word0, 168, 40),
        release_at_unix_s=_bits(word0, 208, 40),
    )


def _storage_root(state_root: bytes, nodes: Sequence[bytes], vault: bytes, code_hash: bytes) -> bytes:
    if len(vault) != 32 or any(vault[:12]):
        raise InputError("the vault of an EVM chain is an address of 20 bytes, padded to 32")
    value = _value(state_root, keccak(vault[12:]), nodes)
    if not value:
        raise ContextError("there is no contract at the vault's address", code="wrong_vault")
    account = _decode(value)
    if account is None or len(account) != 4 or any(not isinstance(field, bytes) for field in account):
        raise EncodingError("an account is a nonce, a balance, a storage root and a code hash", code="bad_node")
    storage_root, found = bytes(account[2]), bytes(account[3])
    if found != code_hash:
        raise ContextError("the contract at the vault's address is not the vault of the registry", code="wrong_code")
    return storage_root


def _word(storage_root: bytes, slot: bytes, nodes: Sequence[bytes]) -> int:
    value = _value(storage_root, keccak(slot), nodes)
    if not value:
        raise ContextError("the vault has no such lock at this block", code="no_lock")
    decoded = _decode(value, kind=bytes)
    word = None if decoded is None else _integer(decoded, 32)
    if not word:
        raise EncodingError("a word of the vault is not a canonical integer above zero", code="bad_node")
    return word


def _value(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes:
    """What the trie of ``root`` holds at ``key``, empty if nothing. The nodes are its path, all of it, and no more."""
    rlp, trie = _libraries()
    if not 0 < len(nodes) <= MAX_NODES:
        raise EncodingError(f"a path has 1 to {MAX_NODES} nodes", code="bad_node")
    for node in nodes:
        items = _decode(node) if 0 < len(node) <= MAX_NODE_BYTES else None
        if items is None or len(items) not in (2, 17):
            raise EncodingError("a node of the path is not a canonical trie node", code="bad_node")
    try:
        walked = trie.HexaryTrie({keccak(node): node for node in nodes}, root)
        path = [rlp.encode(node) for node in walked.get_proof(key)]
        value = walked.get(key)
    except Exception:
        # Whatever the library makes of untrusted nodes, a missing one among them, is one refusal.
        path, value = [], b""
    # A node below 32 bytes lies inside its parent and is not listed on its own; the root always is.
    listed = [node for place, node in enumerate(path) if place == 0 or len(node) >= 32]
    if not path or listed != [bytes(node) for node in nodes]:
        raise ProofError("the nodes are not the path to the key, in order and complete", code="bad_storage_proof")
    return bytes(value)


def _decode(data: bytes, kind: type = list) -> Any:
    """The item of exactly this RLP, of type ``kind``; None if the bytes are not the one encoding of such an item."""
    rlp, _ = _libraries()
    try:
        item = rlp.decode(bytes(data))
        return item if isinstance(item, kind) and rlp.encode(item) == data else None
    except Exception:
        # The library raises its own errors, and Python's at the bounds of recursion: all mean the same here.
        return None


def _integer(data: bytes, limit: int) -> int | None:
    return None if len(data) > limit or data[:1] == b"\0" else int.from_bytes(data, "big")


def _bits(word: int, low: int, count: int) -> int:
    return word >> low & (1 << count) - 1


def _libraries() -> tuple[ModuleType, ModuleType]:
    try:
        return import_module("rlp"), import_module("trie")
    except ImportError:
        raise InputError(
            "storage proofs need the extra packages: pip install 'zkmargin[onchain]'", code="missing_extra"
        ) from None
