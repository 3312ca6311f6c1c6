"""The devnet as a client meets it, over HTTP: py-evm always, anvil too where it is installed."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import rlp
from devnets import (
    ENGINES,
    NATIVE,
    Devnet,
    deploy_vault,
    devnet,
    in_process,
    mine,
    pass_time,
    reorganise,
    rpc,
    terms,
    transact,
)
from eth_account import Account
from web3 import Web3
from web3.exceptions import BlockNotFound, ContractLogicError, TransactionNotFound, Web3RPCError

from prover.demo.devnet.chain import DevChain
from prover.demo.devnet.rpc import Rpc
from prover.demo.devnet.server import Server
from zkmargin.collateral.storage_proof import StorageProof, check_storage_proof, lock_slots
from zkmargin.contracts import code_hash, lock_id

NOTE = bytes([9]) * 32
AMOUNT = 10**15
OTHER = "0x" + 40 * "7"
BYTES, QUANTITY = "bytes", "quantity"
# Of Prague, which both engines run.
HEADER = {
    "parentHash": BYTES,
    "sha3Uncles": BYTES,
    "miner": BYTES,
    "stateRoot": BYTES,
    "transactionsRoot": BYTES,
    "receiptsRoot": BYTES,
    "logsBloom": BYTES,
    "difficulty": QUANTITY,
    "number": QUANTITY,
    "gasLimit": QUANTITY,
    "gasUsed": QUANTITY,
    "timestamp": QUANTITY,
    "extraData": BYTES,
    "mixHash": BYTES,
    "nonce": BYTES,
    "baseFeePerGas": QUANTITY,
    "withdrawalsRoot": BYTES,
    "blobGasUsed": QUANTITY,
    "excessBlobGas": QUANTITY,
    "parentBeaconBlockRoot": BYTES,
    "requestsHash": BYTES,
}


@pytest.fixture(scope="module", params=ENGINES)
def chain(request: pytest.FixtureRequest) -> Iterator[Devnet]:
    with devnet(4242, engine=request.param) as running:
        yield running
    assert running.process.returncode == 0


@pytest.fixture(scope="module")
def web3(chain: Devnet) -> Web3:
    return chain.web3


def header_rlp(block: dict[str, str]) -> bytes:
    """The header that a block's JSON tells."""
    values = [int(block[name], 16) if kind == QUANTITY else unhex(block[name]) for name, kind in HEADER.items()]
    encoded: bytes = rlp.encode(values)
    return encoded


def unhex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def pay(web3: Web3, wei: int = 1) -> bytes:
    return bytes(web3.eth.send_transaction({"from": web3.eth.accounts[0], "to": OTHER, "value": wei, "gas": 21_000}))


def test_the_first_line_tells_who_is_there(chain: Devnet, web3: Web3) -> None:
    assert chain.chain_id == web3.eth.chain_id == 4242
    assert bytes(web3.eth.get_block(0)["hash"]) == unhex(chain.genesis)
    assert [account.lower() for account in web3.eth.accounts] == [account.lower() for account in chain.accounts]
    assert web3.eth.get_balance(web3.eth.accounts[0]) >= 10**21


def test_a_header_hashes_to_its_block(web3: Web3) -> None:
    pay(web3)
    mine(web3)
    for height in range(web3.eth.block_number + 1):
        block = rpc(web3, "eth_getBlockByNumber", hex(height), False)
        assert "0x" + bytes(Web3.keccak(header_rlp(block))).hex() == block["hash"]


def test_blocks_are_of_now_and_in_order(web3: Web3) -> None:
    mine(web3, 3)
    times = [web3.eth.get_block(height)["timestamp"] for height in range(web3.eth.block_number + 1)]
    assert times == sorted(times)
    assert abs(times[-1] - time.time()) < 60


def test_a_lock_is_proved_at_every_height_that_has_it(web3: Web3) -> None:
    """The node's proof, the header and the code hash, by the check that a verifier makes; and the state of before."""
    deployer, holder, venue = web3.eth.accounts[:3]
    fixed = terms(web3, venue=venue)
    vault = deploy_vault(web3, fixed, deployer)
    before = web3.eth.block_number
    locked = transact(web3, vault.functions.lock(NATIVE, AMOUNT, NOTE, 0), holder, AMOUNT)["blockNumber"]
    transact(web3, vault.functions.requestRelease(NOTE), holder)
    key = lock_id(unhex(holder), NOTE)
    slots = [int.from_bytes(slot) for slot in lock_slots(key)]
    proof = web3.eth.get_proof(vault.address, slots, locked)
    block = rpc(web3, "eth_getBlockByNumber", hex(locked), False)
    header, lock = check_storage_proof(
        StorageProof(header_rlp(block), proof["accountProof"], tuple(word["proof"] for word in proof["storageProof"])),
        block_hash=unhex(block["hash"]),
        vault=unhex(vault.address).rjust(32, b"\0"),
        code_hash=code_hash(fixed),
        lock_id=key,
    )
    assert (header.height, lock.owner, lock.amount) == (locked, unhex(holder).rjust(32, b"\0"), AMOUNT)
    assert [vault.functions.locks(key).call(block_identifier=height)[1] for height in (before, locked, "latest")] == [
        0,
        1,
        2,
    ]
    with pytest.raises(ContractLogicError):
        vault.functions.release(NOTE).call({"from": holder})


def test_an_account_that_is_not_there_is_proved_absent(web3: Web3) -> None:
    found = rpc(web3, "eth_getProof", "0x" + 40 * "3", ["0x" + 64 * "0"], "latest")
    assert (found["nonce"], found["balance"], found["storageProof"][0]["value"]) == ("0x0", "0x0", "0x0")
    assert found["accountProof"]


def test_events_are_found_again(web3: Web3) -> None:
    holder = web3.eth.accounts[1]
    vault = deploy_vault(web3, terms(web3, venue=web3.eth.accounts[2]), holder)
    first = transact(web3, vault.functions.lock(NATIVE, AMOUNT, NOTE, 0), holder, AMOUNT)["blockNumber"]
    transact(web3, vault.functions.extend(NOTE, 5), holder)
    (locked,) = vault.events.Locked().get_logs(from_block=0)
    assert (locked["args"]["note"], locked["args"]["owner"], locked["blockNumber"]) == (NOTE, holder, first)
    assert not vault.events.Locked().get_logs(from_block=first + 1)
    assert vault.events.Locked().get_logs(from_block=0, argument_filters={"owner": holder})
    assert not vault.events.Locked().get_logs(from_block=0, argument_filters={"owner": OTHER})
    assert len(web3.eth.get_logs({"address": vault.address, "fromBlock": 0})) == 2
    assert not web3.eth.get_logs({"address": OTHER, "fromBlock": 0})


def test_a_reorganisation_drops_blocks_and_what_was_in_them(web3: Web3) -> None:
    sent = pay(web3)
    mine(web3, 2)
    height = web3.eth.block_number
    kept, dropped = (web3.eth.get_block(height - back)["hash"] for back in (3, 2))
    reorganise(web3, 3)
    assert web3.eth.block_number == height
    assert web3.eth.get_block(height - 3)["hash"] == kept
    assert web3.eth.get_block(height - 2)["hash"] != dropped
    with pytest.raises(BlockNotFound):
        web3.eth.get_block(dropped)
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction_receipt(sent)
    assert [web3.eth.get_block(at)["parentHash"] for at in (height - 1, height)] == [
        web3.eth.get_block(at)["hash"] for at in (height - 2, height - 1)
    ]


def test_a_transaction_waits_where_all_can_see_it(web3: Web3) -> None:
    before = web3.eth.get_balance(OTHER)
    rpc(web3, "evm_setAutomine", False)
    try:
        sent = pay(web3, 5)
        assert web3.eth.get_transaction(sent)["blockNumber"] is None
        with pytest.raises(TransactionNotFound):
            web3.eth.get_transaction_receipt(sent)
        assert web3.eth.get_balance(OTHER, "latest") == before
        assert web3.eth.get_balance(OTHER, "pending") == before + 5
        rpc(web3, "evm_mine")
        assert web3.eth.get_transaction_receipt(sent)["status"] == 1
        assert web3.eth.get_balance(OTHER, "latest") == before + 5
    finally:
        rpc(web3, "evm_setAutomine", True)


def test_a_foreign_key_pays_on_this_chain_only(web3: Web3) -> None:
    """As wallets do: signed outside, sent raw."""
    key = Account.create()
    web3.eth.send_transaction({"from": web3.eth.accounts[0], "to": key.address, "value": 10**18, "gas": 21_000})
    fields: dict[str, Any] = {"to": OTHER, "value": 1, "gas": 21_000, "nonce": 0}
    fields |= {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9}
    elsewhere = key.sign_transaction({**fields, "chainId": 4243})
    with pytest.raises(Web3RPCError):
        web3.eth.send_raw_transaction(elsewhere.raw_transaction)
    here = key.sign_transaction({**fields, "chainId": 4242})
    sent = web3.eth.send_raw_transaction(here.raw_transaction)
    assert web3.eth.get_transaction_receipt(sent)["from"] == key.address
    with pytest.raises(Web3RPCError):
        web3.eth.send_raw_transaction(here.raw_transaction)
    with pytest.raises(Web3RPCError):  # the nonce is used
        web3.eth.send_raw_transaction(key.sign_transaction({**fields, "chainId": 4242, "value": 2}).raw_transaction)


def test_gas_is_estimated_for_the_time_that_comes(web3: Web3) -> None:
    holder = web3.eth.accounts[1]
    vault = deploy_vault(web3, terms(web3, venue=holder, delay_s=60), holder)
    transact(web3, vault.functions.lock(NATIVE, AMOUNT, NOTE, 0), holder, AMOUNT)
    transact(web3, vault.functions.requestRelease(NOTE), holder)
    release = vault.functions.release(NOTE)
    with pytest.raises(ContractLogicError):
        release.estimate_gas({"from": holder})
    snapshot = rpc(web3, "evm_snapshot")
    pass_time(web3, 61)
    mine(web3)
    sent = release.transact({"from": holder})  # with an estimate
    assert web3.eth.get_transaction_receipt(sent)["status"] == 1
    assert rpc(web3, "evm_revert", snapshot) is True
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction_receipt(sent)


def test_a_list_of_requests_has_a_list_of_answers(chain: Devnet) -> None:
    asked = [{"jsonrpc": "2.0", "id": number, "method": "eth_chainId", "params": []} for number in range(3)]
    answers = _post(chain.url, json.dumps(asked).encode())
    assert [(answer["id"], answer["result"]) for answer in answers] == [(number, hex(4242)) for number in range(3)]


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("eth_noSuchMethod", [], -32601),
        ("eth_getBalance", ["0x12", "latest"], -32602),
        ("eth_getBalance", [], -32602),
        ("eth_getBlockByNumber", ["x", False], -32602),
    ],
)
def test_what_makes_no_sense_is_an_error_of_json_rpc(chain: Devnet, method: str, params: list[Any], code: int) -> None:
    asked = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    answer = _post(chain.url, json.dumps(asked).encode())
    assert (answer["id"], answer["error"]["code"]) == (7, code)


@pytest.mark.parametrize("body", [b"no JSON", b"7", b'{"jsonrpc": "2.0", "id": 1}'])
def test_what_is_no_request_is_answered_as_such(body: bytes) -> None:
    with served() as url:
        assert _post(url, body)["error"]["code"] in (-32700, -32600)


def test_final_is_what_is_deep_enough() -> None:
    web3 = in_process(finality_depth=3)
    mine(web3, 5)
    assert [web3.eth.get_block(tag)["number"] for tag in ("latest", "safe", "finalized", "earliest")] == [5, 2, 2, 0]


def test_blocks_come_by_themselves() -> None:
    with served(block_time_s=0.1) as url:
        web3 = Web3(Web3.HTTPProvider(url))
        assert web3.eth.wait_for_transaction_receipt(pay(web3), timeout=10, poll_latency=0.02)["status"] == 1
        height, deadline = web3.eth.block_number, time.monotonic() + 10
        while web3.eth.block_number < height + 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@contextmanager
def served(**options: float) -> Iterator[str]:
    """The server, in this process."""
    server = Server(Rpc(DevChain(1)), **options)
    server.start()
    try:
        yield server.url
    finally:
        server.close()


def _post(url: str, body: bytes) -> Any:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)
