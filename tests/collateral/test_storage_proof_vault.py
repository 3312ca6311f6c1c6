"""The proof of a lock in the vault as it is deployed, by what a node answers to ``eth_getProof``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from prover.demo.devnet.chain import DevChain
from prover.demo.devnet.rpc import Rpc
from zkmargin.collateral import chain_digest
from zkmargin.collateral.keccak import keccak256
from zkmargin.collateral.storage_proof import Header, StorageProof, VaultLock, check_storage_proof, lock_slots
from zkmargin.contracts import VaultTerms, code_hash, creation_code, lock_id
from zkmargin.errors import ContextError

NOTE = keccak256(b"a note")
UNLOCK_AT = 2_000_000_000
AMOUNT = 3 * 10**18


@dataclass
class Vault:
    """The vault on a chain in this process, and its owner."""

    rpc: Rpc
    owner: str
    address: str
    code_hash: bytes

    def ask(self, method: str, *params: Any) -> Any:
        return self.rpc.answer(method, list(params))

    def call(self, signature: str, *words: bytes, value: int = 0) -> None:
        data = "0x" + (keccak256(signature.encode())[:4] + b"".join(words)).hex()
        call = {"from": self.owner, "to": self.address, "data": data, "value": hex(value)}
        sent = self.ask("eth_sendTransaction", call)
        assert self.ask("eth_getTransactionReceipt", sent)["status"] == "0x1"

    def check(self, note: bytes = NOTE, code_hash: bytes | None = None) -> tuple[Header, VaultLock]:
        """As anybody does with a node's answers."""
        name = lock_id(bytes.fromhex(self.owner[2:]), note)
        slots = ["0x" + slot.hex() for slot in lock_slots(name)]
        found = self.ask("eth_getProof", self.address, slots, "latest")
        account, first, second = (
            [bytes.fromhex(node[2:]) for node in nodes]
            for nodes in (found["accountProof"], *(word["proof"] for word in found["storageProof"]))
        )
        header = bytes.fromhex(self.ask("debug_getRawHeader", "latest")[2:])
        return check_storage_proof(
            StorageProof(header, account, (first, second)),
            block_hash=bytes.fromhex(self.ask("eth_getBlockByNumber", "latest", False)["hash"][2:]),
            vault=bytes(12) + bytes.fromhex(self.address[2:]),
            code_hash=code_hash or self.code_hash,
            lock_id=name,
        )


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


@pytest.fixture(scope="module")
def vault() -> Vault:
    rpc = Rpc(DevChain(1337))
    owner = rpc.answer("eth_accounts", [])[0]
    terms = VaultTerms(b"\x11" * 20, b"\x22" * 32, 3600, chain_digest("eip155:1337", bytes(32)))
    sent = rpc.answer("eth_sendTransaction", [{"from": owner, "data": "0x" + creation_code(terms).hex()}])
    vault = Vault(rpc, owner, rpc.answer("eth_getTransactionReceipt", [sent])["contractAddress"], code_hash(terms))
    for number in range(9):  # neighbours
        lock(vault, keccak256(bytes([number])))
    return vault


def lock(vault: Vault, note: bytes) -> None:
    signature = "lock(address,uint96,bytes32,uint40)"
    vault.call(signature, word(0), word(AMOUNT), note, word(UNLOCK_AT), value=AMOUNT)


def refused(code: str, vault: Vault, **other: bytes) -> None:
    with pytest.raises(ContextError) as refusal:
        vault.check(**other)
    assert refusal.value.code == code


def test_a_lock_of_the_real_vault_from_its_beginning_to_its_end(vault: Vault) -> None:
    refused("no_lock", vault)
    lock(vault, NOTE)
    header, found = vault.check()
    owner = bytes(12) + bytes.fromhex(vault.owner[2:])
    assert found == VaultLock(owner, bytes(32), AMOUNT, 1, UNLOCK_AT, 0)
    assert header.height == int(vault.ask("eth_blockNumber"), 16)
    assert header.time_unix_s == int(vault.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    vault.call("requestRelease(bytes32)", NOTE)
    refused("not_active", vault)
    vault.call("extend(bytes32,uint40)", NOTE, word(UNLOCK_AT + 5))
    assert vault.check()[1].unlock_at_unix_s == UNLOCK_AT + 5


def test_a_vault_of_other_terms_has_other_code(vault: Vault) -> None:
    """Another delay, another venue: the registry's hash is of these terms alone."""
    lock(vault, keccak256(b"another note"))
    other = VaultTerms(b"\x11" * 20, b"\x22" * 32, 3599, chain_digest("eip155:1337", bytes(32)))
    refused("wrong_code", vault, note=keccak256(b"another note"), code_hash=code_hash(other))
