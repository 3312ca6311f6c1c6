"""A lock shown by its holder, as a node proves it: by a real chain in this process, and by nodes that do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import collateral_world as fixed
import pytest

from prover.collateral import storage
from prover.demo.devnet.chain import DevChain
from prover.demo.devnet.rpc import Rpc, RpcError
from prover.errors import Refused, Unavailable
from zkmargin import canonical, contracts
from zkmargin.collateral import (
    Chains,
    Checkpoint,
    CollateralLock,
    Note,
    Pledge,
    SignedCheckpoint,
    chain_digest,
    check_lock,
    keccak256,
    note_blinding,
)
from zkmargin.errors import VerificationError
from zkmargin.group import encode
from zkmargin.pedersen import Opening, commit

CHAIN, GENESIS = fixed.EVM, fixed.GENESIS[fixed.EVM]
Answer = Callable[..., Any]


@dataclass
class Scene:
    """A chain with the vault, a lock of 3 coins in it, and a checkpoint at its newest block."""

    rpc: Rpc
    registry: Chains
    note: Note
    pledge: Pledge
    newest: SignedCheckpoint

    def ask(self, method: str, *parameters: Any) -> Any:
        try:
            return self.rpc.answer(method, list(parameters))
        except RpcError as error:
            raise Unavailable(str(error), code="node") from None

    def asking(self, **answers: Answer) -> storage.Ask:
        """A node that answers some calls otherwise: by what the real one would have answered."""

        def ask(method: str, *parameters: Any) -> Any:
            changed = answers.get(method)
            return self.ask(method, *parameters) if changed is None else changed(self.ask(method, *parameters))

        return ask

    def evidence(self, ask: storage.Ask | None = None) -> CollateralLock:
        return storage.evidence(ask or self.ask, CHAIN, self.note, self.pledge, self.newest)

    @property
    def block_hash(self) -> bytes:
        return canonical.from_hex(self.newest.checkpoint.block_hash)


@pytest.fixture(scope="module")
def scene() -> Scene:
    rpc = Rpc(DevChain(1337))
    owner, venue = rpc.answer("eth_accounts", [])[:2]
    terms = contracts.VaultTerms(bytes.fromhex(venue[2:]), fixed.VENUE_ID, 14400, chain_digest(CHAIN, GENESIS))
    made = rpc.answer("eth_sendTransaction", [{"from": owner, "data": "0x" + contracts.creation_code(terms).hex()}])
    vault = rpc.answer("eth_getTransactionReceipt", [made])["contractAddress"]
    padded = bytes(12) + bytes.fromhex(vault[2:])
    entry = fixed.CHAINS["chains"][0] | {
        "vault": canonical.to_hex(padded), "code_hash": canonical.to_hex(contracts.code_hash(terms)), "epoch_blocks": 1
    }  # fmt: skip
    registry = Chains.from_value(fixed.CHAINS | {"chains": [entry, fixed.CHAINS["chains"][1]]})
    opening = Opening(30_000, note_blinding(fixed.SEED, 1))
    note = Note(
        fixed.DIGEST[CHAIN], padded, bytes(12) + bytes.fromhex(owner[2:]), fixed.NATIVE, 3 * 10**18, fixed.VENUE_ID,
        fixed.ACCOUNT, encode(commit(opening)), b"\x42" * 32,
    )  # fmt: skip
    words = [bytes(32), (3 * 10**18).to_bytes(32, "big"), note.digest, bytes(32)]
    abi = next(each for each in contracts.abi() if each.get("name") == "lock")
    signature = f"lock({','.join(each['type'] for each in abi['inputs'])})"
    call = "0x" + (keccak256(signature.encode())[:4] + b"".join(words)).hex()
    sent = rpc.answer("eth_sendTransaction", [{"from": owner, "to": vault, "data": call, "value": hex(3 * 10**18)}])
    assert rpc.answer("eth_getTransactionReceipt", [sent])["status"] == "0x1"
    block = rpc.answer("eth_getBlockByNumber", ["latest", False])
    height, time = int(block["number"], 16), int(block["timestamp"], 16)
    signed: Checkpoint = fixed.checkpoint(
        epoch=height, height=height, block_hash=block["hash"], block_time=time, expiry=time + 3600
    )
    newest = SignedCheckpoint(checkpoint=signed, signatures=fixed.signatures(signed), leaves=())
    rpc.answer("eth_sendTransaction", [{"from": owner, "to": vault[:-4] + "0000", "value": "0x1"}])  # life goes on
    return Scene(rpc, registry, note, Pledge.of(note, opening), newest)


def check(scene: Scene, lock: CollateralLock) -> None:
    now = scene.newest.checkpoint.block_time + 1
    leaf = check_lock(lock, scene.registry, fixed.MEMBERS[CHAIN], now_unix_s=now)
    assert (leaf.tag, leaf.account, leaf.commitment) == (scene.note.tag, scene.note.account, scene.note.commitment)


def test_a_lock_as_the_node_proves_it(scene: Scene) -> None:
    shown = scene.evidence()
    check(scene, shown)
    assert scene.note.secret.hex() not in repr(shown)


def none(_: Any) -> Any:
    raise Unavailable("no such method", code="node")


@pytest.mark.parametrize(
    "raw", [none, lambda _: None, lambda _: "0x", lambda _: "0xf8", lambda _: 7, lambda _: "header"]
)
def test_a_header_is_put_together_where_the_node_gives_none_that_is_right(scene: Scene, raw: Answer) -> None:
    shown = scene.evidence(scene.asking(debug_getRawHeader=raw))
    assert shown.storage is not None
    assert keccak256(canonical.from_hex(shown.storage.header)) == scene.block_hash
    check(scene, shown)


def test_the_node_s_own_header_needs_no_fields(scene: Scene) -> None:
    ask = scene.asking(eth_getBlockByNumber=lambda block: {"hash": block["hash"]})
    check(scene, scene.evidence(ask))


@pytest.mark.parametrize(
    "change",
    [{"stateRoot": "0x" + "00" * 32}, {"number": "0x"}, {"gasUsed": "many"}, {"miner": None}, {"nonce": "0x0"},
     {"timestamp": "-0x1"}, {"baseFeePerGas": None}, {"extraData": 5}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_header_that_cannot_be_put_together(scene: Scene, change: dict[str, Any]) -> None:
    """As of a chain with other headers: said as it is, and nothing is sent."""
    ask = scene.asking(debug_getRawHeader=none, eth_getBlockByNumber=lambda block: block | change)
    with pytest.raises(Unavailable) as error:
        scene.evidence(ask)
    assert error.value.code == "no_header"


@pytest.mark.parametrize("block", [None, "0x", []])
def test_a_node_that_is_behind(scene: Scene, block: Any) -> None:
    with pytest.raises(Unavailable) as error:
        scene.evidence(scene.asking(eth_getBlockByNumber=lambda _: block))
    assert error.value.code == "no_header"


def test_a_node_of_another_branch(scene: Scene) -> None:
    with pytest.raises(Refused) as error:
        scene.evidence(scene.asking(eth_getBlockByNumber=lambda block: block | {"hash": "0x" + "00" * 32}))
    assert error.value.code == "wrong_block"


@pytest.mark.parametrize(
    "found",
    [None, {}, {"accountProof": []}, {"accountProof": [], "storageProof": [{"proof": []}] * 2},
     {"accountProof": ["0x00"], "storageProof": [{"proof": ["0x00"]}]},
     {"accountProof": ["0xZZ"], "storageProof": [{"proof": ["0x00"]}] * 2}, {"accountProof": 1, "storageProof": [1]}],
    ids=str,
)  # fmt: skip
def test_a_node_without_the_state(scene: Scene, found: Any) -> None:
    with pytest.raises(Unavailable) as error:
        scene.evidence(scene.asking(eth_getProof=lambda _: found))
    assert error.value.code == "node"


def test_a_proof_of_something_else_does_not_pass(scene: Scene) -> None:
    """The evidence is checked before it leaves: here is what that check says of a lying node."""
    swapped = scene.evidence(
        scene.asking(eth_getProof=lambda found: found | {"storageProof": found["storageProof"][::-1]})
    )
    with pytest.raises(VerificationError):
        check(scene, swapped)
