"""Chains for tests: py-evm in this process, or a process behind HTTP, py-evm or anvil; vaults and tokens on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from web3 import HTTPProvider, Web3
from web3.providers import BaseProvider

from prover.demo.devnet.anvil import program
from prover.demo.devnet.chain import DevChain
from prover.demo.devnet.rpc import Rpc, RpcError
from zkmargin.collateral import chain_digest, venue_id
from zkmargin.contracts import VaultTerms, abi, creation_code

NATIVE = "0x" + 40 * "0"
GAS = 2_000_000
"""Given, so that nothing is estimated, which would execute everything twice."""
ENGINES = ("py-evm", "anvil")


class InProcess(BaseProvider):
    """web3 on a chain of this process, without HTTP: the answers are the server's, to the byte."""

    def __init__(self, rpc: Rpc) -> None:
        super().__init__()
        self.rpc = rpc

    def make_request(self, method: Any, params: Any) -> Any:
        sent = json.loads(json.dumps(params, default=_hex))
        try:
            result = self.rpc.answer(method, sent)
        except RpcError as error:
            return {"jsonrpc": "2.0", "id": 0, "error": error.body}
        return {"jsonrpc": "2.0", "id": 0, "result": json.loads(json.dumps(result))}


def in_process(chain_id: int = 1337, **options: Any) -> Web3:
    """A chain of this process; ``options`` are those of DevChain."""
    return Web3(InProcess(Rpc(DevChain(chain_id, **options))))


@dataclass(frozen=True)
class Devnet:
    """A chain of another process, at ``url``. ``accounts`` are unlocked there."""

    url: str
    chain_id: int
    genesis: str
    accounts: list[str]
    process: subprocess.Popen[str]

    @property
    def web3(self) -> Web3:
        """A client of it."""
        return Web3(HTTPProvider(self.url))


@contextmanager
def devnet(chain_id: int = 1337, *, engine: str = "py-evm", **options: float) -> Iterator[Devnet]:
    """Run a devnet; ``options`` such as ``block_time=1``. Skips the test if anvil is wanted and not installed."""
    if engine == "anvil" and program() is None:
        pytest.skip("anvil is not installed")
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "prover.demo.devnet", f"--chain-id={chain_id}", f"--engine={engine}", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    try:
        assert process.stdout is not None
        yield Devnet(**json.loads(process.stdout.readline()), process=process)
    finally:
        process.terminate()
        process.communicate()


def rpc(web3: Web3, method: str, *params: Any) -> Any:
    """What a method of the node answers, as JSON."""
    answer: Any = web3.provider.make_request(method, list(params))  # type: ignore[arg-type]
    assert "error" not in answer, answer
    return answer["result"]


def pass_time(web3: Web3, seconds: int) -> None:
    """From the next block on, the chain's clock is ``seconds`` ahead of where it was."""
    rpc(web3, "evm_increaseTime", seconds)


def mine(web3: Web3, count: int = 1) -> None:
    """Blocks without transactions."""
    rpc(web3, "anvil_mine", hex(count))


def reorganise(web3: Web3, depth: int) -> None:
    """Replace the last ``depth`` blocks by empty ones."""
    rpc(web3, "anvil_reorg", depth, [])


def terms(web3: Web3, *, venue: str, name: str = "demo", delay_s: int = 3600) -> VaultTerms:
    """Of a vault of ``name`` on this chain, whose seizures ``venue`` makes."""
    chain = chain_digest(f"eip155:{web3.eth.chain_id}", bytes(web3.eth.get_block(0)["hash"]))
    return VaultTerms(bytes.fromhex(venue[2:]), venue_id(name), delay_s, chain)


def deploy_vault(web3: Web3, fixed: VaultTerms, sender: str) -> Any:
    """A vault, as a web3 contract."""
    return web3.eth.contract(_deploy(web3, creation_code(fixed), sender), abi=abi())


def deploy_test_contract(web3: Web3, name: str, sender: str, *arguments: Any) -> Any:
    """TestToken or TestOwner of tests/onchain/TestTokens.sol."""
    compiled = _test_contracts()[name]
    factory = web3.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
    creation = bytes.fromhex(factory.constructor(*arguments).data_in_transaction[2:])
    return web3.eth.contract(_deploy(web3, creation, sender), abi=compiled["abi"])


def transact(web3: Web3, call: Any, sender: str, value: int = 0) -> Any:
    """Send a call, and the receipt of its success."""
    sent = call.transact({"from": sender, "value": value, "gas": GAS})
    receipt = web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)
    assert receipt["status"] == 1
    return receipt


def _deploy(web3: Web3, creation: bytes, sender: str) -> Any:
    sent = web3.eth.send_transaction({"from": sender, "data": creation, "gas": 2 * GAS})
    receipt = web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)
    assert receipt["status"] == 1
    return receipt["contractAddress"]


@cache
def _test_contracts() -> Any:
    return json.loads((Path(__file__).parents[1] / "onchain" / "tokens.json").read_text())["contracts"]


def _hex(value: Any) -> str:
    return "0x" + bytes(value).hex()
