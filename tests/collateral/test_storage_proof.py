"""A lock proved against a block hash: what stands, and every way it may not. The chain is py-evm's own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import rlp
from eth_tester import EthereumTester, PyEVMBackend
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from zkmargin.collateral.keccak import keccak256 as keccak
from zkmargin.collateral.storage_proof import (
    MAX_HEADER_BYTES,
    MAX_NODES,
    StorageProof,
    VaultLock,
    check_storage_proof,
    lock_slots,
    unpack_lock,
)
from zkmargin.errors import ContextError, EncodingError, InputError, ProofError, VerificationError, ZkMarginError

# sstore(calldata[0:32], calldata[32:64]): any state of a vault, also those that no vault reaches.
STORE = bytes.fromhex("6020356000355500")
STORE_CODE_HASH = keccak(STORE)
OWNER, ASSET = bytes(12) + b"\x0a" * 20, bytes(12) + b"\xff" * 20
LOCK, OTHER, ASKED, HALF = (bytes([n]) * 32 for n in (1, 2, 3, 4))
AMOUNT, UNLOCK, RELEASE = 2**96 - 1, 2**40 - 2, 2**39 + 1


def words(status: int, release: int = 0) -> tuple[int, int]:
    owner, asset = (int.from_bytes(address, "big") for address in (OWNER, ASSET))
    return owner | status << 160 | UNLOCK << 168 | release << 208, asset | AMOUNT << 160


@dataclass
class Chain:
    """A chain in memory, its store of locks, and proofs from its tries."""

    tester: EthereumTester
    vault: bytes

    @property
    def head(self) -> Any:
        return self.tester.backend.chain.get_canonical_head()

    def send(self, **transaction: Any) -> Any:
        sent = self.tester.send_transaction({"from": self.tester.get_accounts()[0], "gas": 3_000_000, **transaction})
        return self.tester.get_transaction_receipt(sent)

    def path(self, root: bytes, key: bytes) -> list[Any]:
        return list(HexaryTrie(self.tester.backend.chain.chaindb.db, root).get_proof(keccak(key)))

    def prove(self, lock_id: bytes, vault: bytes | None = None) -> StorageProof:
        account = self.path(self.head.state_root, (vault or self.vault)[12:])
        root = rlp.decode(account[-1][1])[2]
        first, second = (encoded(self.path(root, slot)) for slot in lock_slots(lock_id))
        return StorageProof(rlp.encode(self.head), encoded(account), (first, second))


def encoded(path: list[Any]) -> list[bytes]:
    return [rlp.encode(node) for node in path]


@pytest.fixture(scope="module")
def chain() -> Chain:
    tester = EthereumTester(PyEVMBackend())
    chain = Chain(tester, b"")
    receipt = chain.send(data="0x67" + STORE.hex() + "60005260086018f3")
    chain.vault = bytes(12) + bytes.fromhex(receipt["contract_address"][2:])
    asked = words(2, RELEASE)
    for lock_id, pair in ((LOCK, words(1)), (OTHER, words(1)), (ASKED, asked), (HALF, words(1)[:1])):
        for slot, word in zip(lock_slots(lock_id), pair, strict=False):
            chain.send(to=receipt["contract_address"], data="0x" + slot.hex() + f"{word:064x}")
    for n in range(40):  # neighbours: the paths have several nodes
        chain.send(to=receipt["contract_address"], data="0x" + keccak(bytes([n])).hex() + f"{n + 1:064x}")
    return chain


@pytest.fixture(scope="module")
def proof(chain: Chain) -> StorageProof:
    return chain.prove(LOCK)


def check(chain: Chain, proof: StorageProof, **other: Any) -> VaultLock:
    block_hash, code_hash = chain.head.hash, STORE_CODE_HASH
    believed = {"block_hash": block_hash, "vault": chain.vault, "code_hash": code_hash, "lock_id": LOCK}
    header, lock = check_storage_proof(proof, **(believed | other))
    assert (header.height, header.time_unix_s) == (chain.head.block_number, chain.head.timestamp)
    assert (header.block_hash, header.parent_hash) == (block_hash, chain.head.parent_hash)
    return lock


def refused(code: str, kind: type[ZkMarginError], call: Callable[..., object], *given: Any, **named: Any) -> None:
    with pytest.raises(kind) as refusal:
        call(*given, **named)
    assert refusal.value.code == code


def test_a_lock_is_read(chain: Chain, proof: StorageProof) -> None:
    assert len(proof.account_nodes) > 1
    assert all(len(nodes) > 1 for nodes in proof.word_nodes)
    assert check(chain, proof) == VaultLock(OWNER, ASSET, AMOUNT, 1, UNLOCK, 0)


def test_every_bit_of_the_words_has_its_place() -> None:
    lock = unpack_lock(*words(2, RELEASE))
    assert lock == VaultLock(OWNER, ASSET, AMOUNT, 2, UNLOCK, RELEASE)
    refused("no_lock", ContextError, unpack_lock, words(1)[0] | 1 << 248, words(1)[1])


def parts(proof: StorageProof) -> list[tuple[str, list[bytes]]]:
    return [
        ("account", list(proof.account_nodes)),
        ("first", list(proof.word_nodes[0])),
        ("second", list(proof.word_nodes[1])),
    ]


def with_part(proof: StorageProof, name: str, nodes: list[bytes]) -> StorageProof:
    if name == "account":
        return replace(proof, account_nodes=nodes)
    first, second = proof.word_nodes
    return replace(proof, word_nodes=(nodes, second) if name == "first" else (first, nodes))


CHANGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "first missing": lambda nodes: nodes[1:],
    "last missing": lambda nodes: nodes[:-1],
    "extra behind": lambda nodes: [*nodes, rlp.encode([b"\x20" + bytes(32), b"\x01"])],
    "extra before": lambda nodes: [rlp.encode([b"\x20" + bytes(32), b"\x01"]), *nodes],
    "reordered": lambda nodes: nodes[::-1],
    "first twice": lambda nodes: [nodes[0], *nodes],
    "last twice": lambda nodes: [*nodes, nodes[-1]],
    "altered": lambda nodes: [*nodes[:-1], nodes[-1][:-1] + bytes([nodes[-1][-1] ^ 1])],
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("part", range(3))
def test_the_nodes_are_the_path_and_nothing_else(chain: Chain, proof: StorageProof, part: int, change: str) -> None:
    name, nodes = parts(proof)[part]
    changed = with_part(proof, name, CHANGES[change](nodes))
    refused("bad_storage_proof", ProofError, check, chain, changed)


def test_the_library_alone_takes_an_extra_node(chain: Chain, proof: StorageProof) -> None:
    """Why the path is walked again: if this fails, the library has changed."""
    extra = [*proof.account_nodes, rlp.encode([b"\x20" + bytes(32), b"\x01"])]
    nodes = [rlp.decode(node) for node in extra]
    assert HexaryTrie.get_from_proof(chain.head.state_root, keccak(chain.vault[12:]), nodes)


@pytest.mark.parametrize("part", range(3))
def test_a_node_has_one_encoding_and_a_bounded_size(chain: Chain, proof: StorageProof, part: int) -> None:
    name, nodes = parts(proof)[part]
    body = nodes[-1][2:] if nodes[-1][0] > 0xF7 else nodes[-1][1:]
    long_form = b"\xf9" + len(body).to_bytes(2, "big") + body
    whole = nodes[-1]
    for bad in (long_form, whole + b"\0", whole[:-1], b"", b"\x80", b"\xc0", rlp.encode([b""] * 3), b"\1" * 600):
        changed = with_part(proof, name, [*nodes[:-1], bad])
        refused("bad_node", EncodingError, check, chain, changed)
    for count in (0, MAX_NODES + 1, 100_000):
        changed = with_part(proof, name, nodes[:1] * count)
        refused("bad_node", EncodingError, check, chain, changed)


def test_two_words_are_proved(chain: Chain, proof: StorageProof) -> None:
    for count in (0, 1, 3):
        changed = replace(proof, word_nodes=(proof.word_nodes * 2)[:count])
        refused("bad_node", EncodingError, check, chain, changed)
    swapped = replace(proof, word_nodes=proof.word_nodes[::-1])
    refused("bad_storage_proof", ProofError, check, chain, swapped)


def test_the_header_is_the_blocks(chain: Chain, proof: StorageProof) -> None:
    parent = chain.tester.backend.chain.get_canonical_block_header_by_number(chain.head.block_number - 1)
    for header in (rlp.encode(parent), proof.header + b"\0", proof.header[:-1], b"\xc0"):
        changed = replace(proof, header=header)
        refused("wrong_block", ContextError, check, chain, changed)
    for header in (b"", bytes(MAX_HEADER_BYTES + 1)):
        changed = replace(proof, header=header)
        refused("bad_header", EncodingError, check, chain, changed)


def test_a_header_that_hashes_right_is_still_read_strictly(chain: Chain, proof: StorageProof) -> None:
    fields = rlp.decode(proof.header)
    body = rlp.encode(fields)[3:]
    wrong = [(0, bytes(31)), (3, bytes(33)), (3, [b""]), (8, b"\0\1"), (11, b"\1" * 9)]
    for header in (
        b"\xfa\0" + len(body).to_bytes(2, "big") + body,
        rlp.encode(fields[:14]),
        rlp.encode([*fields, *[b""] * 20]),
        rlp.encode(b"text"),
        *(rlp.encode([*fields[:place], value, *fields[place + 1 :]]) for place, value in wrong),
    ):
        changed = replace(proof, header=header)
        refused("bad_header", EncodingError, check, chain, changed, block_hash=keccak(header))


def test_another_root_than_the_header_s_is_refused(chain: Chain, proof: StorageProof) -> None:
    fields = rlp.decode(proof.header)
    fields[3] = bytes(32)
    header = rlp.encode(fields)
    changed = replace(proof, header=header)
    refused("bad_storage_proof", ProofError, check, chain, changed, block_hash=keccak(header))


def test_the_vault_is_the_registry_s(chain: Chain, proof: StorageProof) -> None:
    refused("wrong_code", ContextError, check, chain, proof, code_hash=keccak(b""))
    other = bytes(12) + bytes.fromhex(chain.tester.get_accounts()[1][2:])
    refused("bad_storage_proof", ProofError, check, chain, proof, vault=other)
    nowhere = b"\0" * 12 + b"\x11" * 20
    absent = replace(proof, account_nodes=encoded(chain.path(chain.head.state_root, nowhere[12:])))
    refused("wrong_vault", ContextError, check, chain, absent, vault=nowhere)
    plain = replace(proof, account_nodes=encoded(chain.path(chain.head.state_root, other[12:])))
    refused("wrong_code", ContextError, check, chain, plain, vault=other)
    for unpadded in (chain.vault[12:], b"\1" + chain.vault[1:]):
        refused("bad_input", InputError, check, chain, proof, vault=unpadded)


def test_another_lock_is_not_this_one(chain: Chain, proof: StorageProof) -> None:
    refused("bad_storage_proof", ProofError, check, chain, proof, lock_id=OTHER)
    assert check(chain, chain.prove(OTHER), lock_id=OTHER).amount == AMOUNT
    refused("bad_input", InputError, check, chain, proof, lock_id=LOCK[1:])


def test_absence_is_no_lock(chain: Chain) -> None:
    for lock_id in (b"\x09" * 32, HALF):
        refused("no_lock", ContextError, check, chain, chain.prove(lock_id), lock_id=lock_id)


def test_only_an_active_lock_counts(chain: Chain) -> None:
    refused("not_active", ContextError, check, chain, chain.prove(ASKED), lock_id=ASKED)


def in_a_trie_of_its_own(leaf_value: bytes, storage: dict[bytes, bytes]) -> tuple[StorageProof, bytes]:
    """A header over one account whose storage holds ``storage``, as no client would write it."""
    inner = HexaryTrie({})
    for slot, value in storage.items():
        inner[keccak(slot)] = value
    account = leaf_value or rlp.encode([b"\1", b"", inner.root_hash, STORE_CODE_HASH])
    outer = HexaryTrie({})
    outer[keccak(VAULT[12:])] = account
    header = rlp.encode([bytes(32), b"", b"", outer.root_hash, *[b""] * 12])
    first, second = (encoded(list(inner.get_proof(keccak(slot)))) for slot in lock_slots(LOCK))
    return StorageProof(header, encoded(list(outer.get_proof(keccak(VAULT[12:])))), (first, second)), keccak(header)


VAULT = bytes(12) + b"\x77" * 20


@pytest.mark.parametrize(
    "value", [b"\0", b"\x80", b"\x81\x01", b"\x00\x01", rlp.encode(b"\0\1"), b"\xa1" + b"\1" * 33, b"\xc0"]
)
def test_a_word_has_one_encoding(value: bytes) -> None:
    first, second = lock_slots(LOCK)
    proof, block_hash = in_a_trie_of_its_own(b"", {first: value, second: rlp.encode(b"\1")})
    believed = {"block_hash": block_hash, "vault": VAULT, "code_hash": STORE_CODE_HASH, "lock_id": LOCK}
    refused("bad_node", EncodingError, check_storage_proof, proof, **believed)


def test_a_small_node_is_inside_its_parent_and_not_listed() -> None:
    """As a node's own ``eth_getProof`` lists them; the walk of the library gives it on its own."""
    pair = dict(zip(lock_slots(LOCK), (1 << 160 | 5, 1 << 160), strict=True))
    inner = HexaryTrie({})
    for slot, word in pair.items():
        key, value = keccak(slot), rlp.encode(word)
        inner[key] = value
        inner[key[:-1] + bytes([key[-1] ^ 1])] = value
    whole = [encoded(list(inner.get_proof(keccak(slot)))) for slot in pair]
    assert all(len(path[-1]) < 32 for path in whole)
    proof, block_hash = in_a_trie_of_its_own(rlp.encode([b"", b"", inner.root_hash, STORE_CODE_HASH]), {b"": b"\1"})
    believed = {"block_hash": block_hash, "vault": VAULT, "code_hash": STORE_CODE_HASH, "lock_id": LOCK}
    listed = replace(proof, word_nodes=(whole[0][:-1], whole[1][:-1]))
    assert check_storage_proof(listed, **believed)[1].amount == 1
    more = replace(proof, word_nodes=(whole[0], whole[1][:-1]))
    refused("bad_storage_proof", ProofError, check_storage_proof, more, **believed)


@pytest.mark.parametrize(
    "account", [b"\1", rlp.encode([b"\1"] * 3), rlp.encode([b""] * 5), rlp.encode([b"", b"", b"", [b"\1"]])]
)
def test_an_account_has_four_fields(account: bytes) -> None:
    proof, block_hash = in_a_trie_of_its_own(account, dict.fromkeys(lock_slots(LOCK), b"\x01"))
    believed = {"block_hash": block_hash, "vault": VAULT, "code_hash": STORE_CODE_HASH, "lock_id": LOCK}
    refused("bad_node", EncodingError, check_storage_proof, proof, **believed)


def test_without_the_extra_the_error_names_it(
    chain: Chain, proof: StorageProof, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = chain.head.hash
    monkeypatch.setitem(sys.modules, "trie", None)
    believed = {"block_hash": head, "vault": chain.vault, "code_hash": STORE_CODE_HASH, "lock_id": LOCK}
    with pytest.raises(InputError, match=r"zkmargin\[onchain\]") as refusal:
        check_storage_proof(proof, **believed)
    assert refusal.value.code == "missing_extra"


def nested(depth: int) -> bytes:
    data = b"\xc0"
    for _ in range(depth):
        data = (bytes([0xC0 + len(data)]) if len(data) < 56 else b"\xf9" + len(data).to_bytes(2, "big")) + data
    return data


@pytest.mark.parametrize("depth", [3, 50, 170, 2000])
def test_deep_nesting_is_one_refusal(chain: Chain, proof: StorageProof, depth: int) -> None:
    deep = nested(depth)
    changed = replace(proof, account_nodes=[deep])
    refused("bad_node", EncodingError, check, chain, changed)
    header = replace(proof, header=deep)
    refused("bad_header", EncodingError, check, chain, header, block_hash=keccak(deep))


noise = st.one_of(
    st.binary(max_size=80),
    st.recursive(st.binary(max_size=33), lambda inner: st.lists(inner, max_size=17), max_leaves=18).map(rlp.encode),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(noise, max_size=4), st.lists(noise, max_size=3), st.booleans())
def test_whatever_the_bytes_the_error_is_typed(
    chain: Chain, proof: StorageProof, some: list[bytes], more: list[bytes], rooted: bool
) -> None:
    """Also when the first node is the root's own, so that the walk begins."""
    header = rlp.encode([bytes(32), b"", b"", keccak(some[0]) if some and rooted else bytes(32), *[b""] * 12])
    for changed in (
        StorageProof(header, some, (more, some)),
        replace(proof, word_nodes=(some, more)),
        replace(proof, account_nodes=[*proof.account_nodes[:1], *some]),
    ):
        with pytest.raises(VerificationError):
            check(chain, changed, block_hash=keccak(changed.header))
