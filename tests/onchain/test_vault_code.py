"""The vault's bytes: immutables, code hash, storage layout, and that vault.json is what the source compiles to."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from devnets import NATIVE, deploy_vault
from vault_world import DELAY_S, World
from web3 import Web3
from web3.exceptions import ContractLogicError

from zkmargin.collateral.storage_proof import lock_slots, unpack_lock
from zkmargin.contracts import MAX_DELAY_S, VaultTerms, abi, code_hash, creation_code, lock_id, runtime_code, terms_of
from zkmargin.errors import InputError

HERE = Path(__file__).parent
CONTRACTS = HERE.parents[1] / "zkmargin" / "contracts"
NOTE = bytes(range(32))
compiled_files = pytest.mark.parametrize(
    ("source", "compiled"),
    [(CONTRACTS / "CollateralVault.sol", CONTRACTS / "vault.json"), (HERE / "TestTokens.sol", HERE / "tokens.json")],
    ids=["vault", "tokens"],
)


def test_the_code_on_the_chain_is_the_code_that_is_expected(world: World) -> None:
    code = bytes(world.web3.eth.get_code(world.vault.address))
    assert code == runtime_code(world.terms)
    assert bytes(Web3.keccak(code)) == code_hash(world.terms)


@pytest.mark.parametrize(
    "other",
    [{"venue": bytes([1]) * 20}, {"venue_id": bytes([1]) * 32}, {"delay_s": DELAY_S + 1}, {"chain": bytes([1]) * 32}],
    ids=lambda other: next(iter(other)),
)
def test_every_term_is_in_the_code_hash(world: World, other: dict) -> None:
    changed = VaultTerms(**{**vars(world.terms), **other})
    assert code_hash(changed) != code_hash(world.terms)
    vault = deploy_vault(world.web3, changed, world.holder)
    assert bytes(world.web3.eth.get_code(vault.address)) == runtime_code(changed)


def test_the_terms_can_be_read(world: World) -> None:
    functions, fixed = world.vault.functions, world.terms
    assert bytes.fromhex(functions.venue().call()[2:]) == fixed.venue
    assert functions.venueId().call() == fixed.venue_id
    assert functions.delay().call() == fixed.delay_s
    assert functions.chain().call() == fixed.chain


@pytest.mark.parametrize(
    "bad", [{"venue": bytes(20)}, {"delay_s": 0}, {"delay_s": MAX_DELAY_S + 1}], ids=["no venue", "no delay", "years"]
)
def test_bad_terms_are_refused_here_and_there(world: World, bad: dict) -> None:
    with pytest.raises(InputError) as caught:
        VaultTerms(**{**vars(world.terms), **bad})
    assert caught.value.code == "bad_vault_terms"
    unchecked = VaultTerms(**vars(world.terms))
    for name, value in bad.items():
        object.__setattr__(unchecked, name, value)
    with pytest.raises(ContractLogicError) as reverted:
        world.web3.eth.call({"from": world.holder, "data": creation_code(unchecked)})
    assert world.named(bytes.fromhex(str(reverted.value.data)[2:])) == ("BadConstruction",)


@pytest.mark.parametrize("bad", [{"venue": bytes(19)}, {"venue_id": bytes(31)}, {"chain": bytes(33)}])
def test_terms_of_another_length_are_refused(world: World, bad: dict) -> None:
    with pytest.raises(InputError, match=r"32 bytes|20 bytes"):
        VaultTerms(**{**vars(world.terms), **bad})


def test_the_longest_delay_is_good(world: World) -> None:
    fixed = VaultTerms(**{**vars(world.terms), "delay_s": MAX_DELAY_S})
    assert deploy_vault(world.web3, fixed, world.holder).functions.delay().call() == MAX_DELAY_S


def test_a_lock_is_two_words_where_the_documents_say(world: World) -> None:
    """Storage proofs read these bits."""
    token = world.token.address
    key = world.locked(2**95 + 1, NOTE, asset=token, unlock_at=0x1234567890)
    world.send(world.vault.functions.requestRelease(NOTE))
    slots = lock_slots(key)
    assert slots[0] == bytes(Web3.keccak(key + bytes(32)))
    first, second = (
        int.from_bytes(world.web3.eth.get_storage_at(world.vault.address, int.from_bytes(slot))) for slot in slots
    )
    assert first == int(world.holder, 16) | 2 << 160 | 0x1234567890 << 168 | 0x1234567890 << 208
    assert second == int(token, 16) | (2**95 + 1) << 160
    lock = unpack_lock(first, second)
    assert (lock.owner[12:], lock.asset[12:]) == (bytes.fromhex(world.holder[2:]), bytes.fromhex(token[2:]))
    assert (lock.status, lock.amount) == (2, 2**95 + 1)
    assert (lock.unlock_at_unix_s, lock.release_at_unix_s) == (0x1234567890, 0x1234567890)


def test_nothing_else_is_stored(world: World) -> None:
    world.locked(1, NOTE)
    for slot in range(4):
        assert not any(world.web3.eth.get_storage_at(world.vault.address, slot))


def test_the_id_of_a_lock_is_the_contracts(world: World) -> None:
    owner = bytes.fromhex(world.holder[2:])
    assert lock_id(owner, NOTE) == world.vault.functions.lockIdOf(world.holder, NOTE).call()
    for bad in ((owner[:-1], NOTE), (owner, NOTE[:-1])):
        with pytest.raises(InputError):
            lock_id(*bad)


def test_the_abi_is_a_copy() -> None:
    abi().clear()
    assert abi()


def test_what_gas_things_take(world: World) -> None:
    """Printed, not asserted: pytest -s."""
    token, note = world.token.address, world.note(10**18, asset=world.token.address).digest
    gas = {"deploy": world.web3.eth.estimate_gas({"from": world.holder, "data": creation_code(world.terms)})}
    call, value = world.lock(10**18, NOTE)
    gas["lock native"] = world.send(call, value=value)["gasUsed"]
    gas["lock ERC-20"] = world.send(world.lock(10**18, note, asset=token)[0])["gasUsed"]
    gas["extend"] = world.send(world.vault.functions.extend(note, 1))["gasUsed"]
    gas["request"] = world.send(world.vault.functions.requestRelease(NOTE))["gasUsed"]
    gas["seize ERC-20"] = world.send(world.seize(lock_id(bytes.fromhex(world.holder[2:]), note), 1), world.venue)[
        "gasUsed"
    ]
    world.wait()
    gas["release native"] = world.send(world.vault.functions.release(NOTE))["gasUsed"]
    gas["release ERC-20"] = world.send(world.vault.functions.release(note))["gasUsed"]
    print("\n" + "\n".join(f"{name:15} {used:9,}" for name, used in gas.items()))
    assert world.vault.functions.locks(bytes(32)).call()[4] == NATIVE


@compiled_files
def test_what_is_committed_is_of_this_source(source: Path, compiled: Path) -> None:
    """Without a compiler: whoever changes the source compiles it."""
    assert json.loads(compiled.read_text())["sha256"] == {source.name: hashlib.sha256(source.read_bytes()).hexdigest()}


@compiled_files
def test_the_compiler_gives_the_same_bytes(source: Path, compiled: Path) -> None:
    """With SOLC, as zkmargin/contracts/README.md has it."""
    node = shutil.which("node")
    if node is None or "SOLC" not in os.environ:
        pytest.skip("needs Node, and SOLC as zkmargin/contracts/README.md says")
    made = subprocess.run([node, CONTRACTS / "compile.cjs", source], capture_output=True, text=True, check=True)
    assert made.stdout == compiled.read_text()


def test_all_of_it_is_in_the_package() -> None:
    package = files("zkmargin.contracts")
    for name in ("CollateralVault.sol", "vault.json", "compile.cjs", "README.md"):
        assert package.joinpath(name).is_file()


def test_the_terms_are_read_back_from_the_code() -> None:
    fixed = VaultTerms(b"\x11" * 20, b"\x22" * 32, 3600, b"\x33" * 32)
    code = runtime_code(fixed)
    assert terms_of(code) == fixed
    for other in (b"", code[:-1], code + b"\0", bytes([code[0] ^ 1]) + code[1:], code[:-1] + bytes([code[-1] ^ 1])):
        with pytest.raises(InputError) as caught:
            terms_of(other)
        assert caught.value.code == "not_the_vault"
