"""``eth_getProof`` (EIP-1186): the path of an account and of its storage words, from the tries that the EVM keeps."""

from __future__ import annotations

from typing import Any

import rlp  # type: ignore[import-untyped]
from eth_utils.crypto import keccak
from trie.hexary import HexaryTrie

from .views import data

_BLANK_ROOT = keccak(rlp.encode(b""))
_NO_CODE = keccak(b"")


def prove(database: Any, state_root: bytes, address: bytes, slots: list[int]) -> dict[str, Any]:
    """What a node answers for the state of that root."""
    state = HexaryTrie(database, root_hash=state_root)
    encoded = state[keccak(address)]
    nonce, balance, storage_root, code_hash = rlp.decode(encoded) if encoded else (b"", b"", _BLANK_ROOT, _NO_CODE)
    return {
        "address": data(address),
        "accountProof": _path(state, keccak(address)),
        "nonce": hex(int.from_bytes(nonce, "big")),
        "balance": hex(int.from_bytes(balance, "big")),
        "storageHash": data(storage_root),
        "codeHash": data(code_hash),
        "storageProof": [_word(HexaryTrie(database, root_hash=storage_root), slot) for slot in slots],
    }


def _word(storage: HexaryTrie, slot: int) -> dict[str, Any]:
    key = keccak(slot.to_bytes(32, "big"))
    encoded = storage[key]
    value = int.from_bytes(rlp.decode(encoded), "big") if encoded else 0
    return {"key": hex(slot), "value": hex(value), "proof": _path(storage, key)}


def _path(trie: HexaryTrie, key: bytes) -> list[str]:
    if trie.root_hash == _BLANK_ROOT:
        return []
    nodes = [rlp.encode(node) for node in trie.get_proof(key)]  # type: ignore[no-untyped-call]
    # A node of less than 32 bytes stands inside the one before it, and is not repeated.
    return [data(node) for index, node in enumerate(nodes) if index == 0 or len(node) >= 32]
