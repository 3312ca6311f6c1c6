"""Attestors on an EVM chain with the real vault, over HTTP: of py-evm, and of anvil where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attestor_world import DEPTH, Society, tags_of
from devnets import InProcess, devnet, in_process, rpc
from vault_chain import VaultChain
from web3 import HTTPProvider, Web3

from prover.demo.devnet.server import Server
from verifier import clock
from verifier.attestor.evm import EvmReader
from verifier.attestor.reader import LockName, LockStatus, Tip
from verifier.attestor.readers import open_reader
from verifier.errors import Unavailable
from zkmargin import canonical
from zkmargin.contracts import code_hash
from zkmargin.errors import ContextError, InputError

NOBODY = LockName(bytes(12) + b"\x77" * 20, b"\x77" * 32)


@pytest.fixture(scope="module", params=["py-evm", "anvil"])
def chain(request: pytest.FixtureRequest) -> Iterator[VaultChain]:
    if request.param == "py-evm":
        provider = in_process(clock=lambda: 1_800_000_000.0).provider
        assert isinstance(provider, InProcess)
        server = Server(provider.rpc)
        server.start()
        yield VaultChain(Web3(HTTPProvider(server.url)))
        server.close()
        return
    with devnet(engine="anvil") as net:
        yield VaultChain(Web3(HTTPProvider(net.url)))


@pytest.fixture
def evm(chain: VaultChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Society]:
    """Two attestors on the chain as it was deployed."""
    snapshot = rpc(chain.web3, "evm_snapshot")
    terms = {"vault": canonical.to_hex(chain.address), "delay_s": 3600}
    society = Society(tmp_path, chain, names=("a", "b"), **terms)
    monkeypatch.setattr(clock, "now_unix_s", lambda: society.now)
    yield society
    society.end()
    rpc(chain.web3, "evm_setAutomine", True)
    rpc(chain.web3, "evm_revert", snapshot)


def test_the_chain_is_who_it_says(evm: Society) -> None:
    chain: VaultChain = evm.chain
    told = chain.reader.identity()
    assert told.chain == f"eip155:{chain.web3.eth.chain_id}"
    assert told.genesis == bytes(chain.web3.eth.get_block(0)["hash"])
    assert told.code_hash == code_hash(chain.terms)
    assert chain.terms.chain == evm.digest
    assert chain.reader.block(chain.reader.head().height) == chain.reader.head()
    assert chain.reader.block(10**6) is None


def test_nothing_at_the_vaults_address_is_no_vault(evm: Society) -> None:
    reader = EvmReader(evm.chain.web3.provider, bytes(12) + b"\x99" * 20)
    with pytest.raises(Unavailable) as caught:
        reader.locks([NOBODY], Tip.HEAD)
    assert caught.value.code == "chain_unavailable"
    assert reader.identity().code_hash != code_hash(evm.chain.terms)


def test_from_lock_to_release(evm: Society) -> None:
    chain: VaultChain = evm.chain
    locks = [evm.pledged(10**17 * n, to="ab", owner=chain.owner) for n in (1, 2, 3)]
    going, other, late = locks
    with pytest.raises(ContextError) as caught:
        evm.collect("ab")
    assert caught.value.code == "no_new_epoch"
    evm.to_final()
    assert tags_of(evm.collect("ab").file.leaves) == {lock.tag for lock in locks}
    seen = chain.reader.locks([going.name, NOBODY], Tip.HEAD)
    assert seen is not None
    assert seen[1] is None
    assert seen[0] is not None
    assert (seen[0].owner, seen[0].amount, seen[0].status) == (chain.owner, 10**17, LockStatus.ACTIVE)

    # Asked for, and in no block yet: no more leaf, while the coins are locked for another hour.
    epoch = evm.to_next_epoch()
    chain.put_pending(going.note, LockStatus.RELEASE_REQUESTED)
    assert evm.tags("a", epoch) == {other.tag, late.tag}
    chain.mine_again()
    assert evm.tags("a", epoch) == {other.tag, late.tag}
    evm.collect("ab")

    chain.put(other.note, LockStatus.SEIZED)
    chain.pass_time(3601)
    chain.put(going.note, LockStatus.RELEASED)
    evm.to_final()
    file = evm.collect("ab").file
    assert tags_of(file.leaves) == {late.tag}
    assert {r.tag: r.reason for r in file.revocations} == {going.tag: "released", other.tag: "seized"}


def test_a_reorganisation_below_what_was_signed(evm: Society) -> None:
    chain: VaultChain = evm.chain
    kept = evm.pledged(10**17, to="ab", owner=chain.owner)
    evm.to_final()
    evm.collect("ab")
    before = chain.blocks[-1].height
    lost = evm.pledged(2 * 10**17, to="ab", owner=chain.owner)
    evm.to_final()
    assert tags_of(evm.collect("ab").file.leaves) == {kept.tag, lost.tag}
    chain.reorg(chain.blocks[-1].height - before)
    chain.pass_time(60)  # the time of a checkpoint never falls: a shorter history has to catch up first
    chain.mine(DEPTH)
    evm.to_next_epoch()
    file = evm.collect("ab").file
    assert tags_of(file.leaves) == {kept.tag}
    assert [(r.tag, r.reason) for r in file.revocations] == [(lost.tag, "reorged")]
    chain.put(lost.note)
    evm.to_final()
    assert tags_of(evm.collect("ab").file.leaves) == {kept.tag, lost.tag}


def test_many_locks_are_few_requests(chain: VaultChain) -> None:
    assert isinstance(chain.web3.provider, HTTPProvider)
    reader = open_reader("evm", str(chain.web3.provider.endpoint_uri), chain.address, 3600)
    height = reader.head().height
    assert reader.locks([NOBODY] * 250, height) == [None] * 250
    assert reader.locks([NOBODY] * 2, Tip.PENDING) == [None] * 2
    assert reader.locks([], height) == []
    with pytest.raises(Unavailable):
        reader.locks([NOBODY] * 2, height + 1000)


def test_a_node_that_is_not_there() -> None:
    reader = open_reader("evm", "http://127.0.0.1:9", bytes(12) + b"\x01" * 20, 3600)
    for ask in (reader.head, reader.identity, lambda: reader.locks([NOBODY], 1)):
        with pytest.raises(Unavailable) as caught:
            ask()
        assert caught.value.code == "chain_unavailable"
        assert "127.0.0.1" not in str(caught.value)  # an address of a node can hold a key


def test_a_provider_without_batches() -> None:
    chain = VaultChain(in_process(clock=lambda: 1_800_000_000.0))
    assert chain.locks([NOBODY] * 2, Tip.HEAD) == [None, None]
    with pytest.raises(Unavailable):
        chain.locks([NOBODY], 1000)


@pytest.mark.parametrize("answer", [[], [{}], [{"result": 7}], [{"result": "0x"}], {"error": {}}, [{"result": "0xzz"}]])
def test_answers_that_cannot_be(chain: VaultChain, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    monkeypatch.setattr(HTTPProvider, "make_batch_request", lambda *_: answer)
    with pytest.raises(Unavailable) as caught:
        chain.locks([NOBODY], Tip.HEAD)
    assert caught.value.code == "chain_unavailable"


@pytest.mark.parametrize(
    ("kind", "url", "vault", "code"),
    [
        ("tea", "http://127.0.0.1:9", bytes(32), "unknown_kind"),
        ("evm", "ftp://127.0.0.1", bytes(32), "bad_url"),
        ("evm", "http://127.0.0.1:9", b"\x01" * 32, "bad_vault"),
    ],
)
def test_what_cannot_be_read(kind: str, url: str, vault: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        open_reader(kind, url, vault, 3600)
    assert caught.value.code == code


def test_without_web3_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name.split(".")[0] == "web3":
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError) as caught:
        open_reader("evm", "http://127.0.0.1:9", bytes(12) + b"\x01" * 20, 3600)
    assert caught.value.code == "missing_extra"
    assert "zkmargin[onchain]" in str(caught.value)
