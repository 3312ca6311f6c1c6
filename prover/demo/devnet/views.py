"""How a node words blocks, transactions, receipts and logs: JSON of 0x-hex, quantities without leading zeros."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import rlp  # type: ignore[import-untyped]
from eth._utils.address import generate_contract_address
from eth.abc import BlockHeaderAPI, SignedTransactionAPI

from .chain import Mined

Json = Any
_DYNAMIC_FEE_TYPE = 2


def data(value: bytes) -> str:
    """Bytes as they are."""
    return "0x" + value.hex()


def word(value: int) -> str:
    """An integer in 32 bytes."""
    return data(value.to_bytes(32, "big"))


def header_rlp(header: BlockHeaderAPI) -> bytes:
    """What hashes to the block's hash."""
    encoded: bytes = rlp.encode(header)
    return encoded


def block(mined: Mined, *, full: bool, pending: bool = False) -> Json:
    """A block, with whole transactions or their hashes."""
    header: Any = mined.header
    places = range(len(mined.transactions))
    return {
        "number": hex(header.block_number),
        "hash": None if pending else data(header.hash),
        "parentHash": data(header.parent_hash),
        "sha3Uncles": data(header.uncles_hash),
        "miner": data(header.coinbase),
        "stateRoot": data(header.state_root),
        "transactionsRoot": data(header.transaction_root),
        "receiptsRoot": data(header.receipt_root),
        "logsBloom": data(header.bloom.to_bytes(256, "big")),
        "difficulty": hex(header.difficulty),
        "totalDifficulty": "0x0",
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "timestamp": hex(header.timestamp),
        "extraData": data(header.extra_data),
        "mixHash": data(header.mix_hash),
        "nonce": data(header.nonce),
        "baseFeePerGas": hex(header.base_fee_per_gas),
        "withdrawalsRoot": data(header.withdrawals_root),
        "withdrawals": [],
        "blobGasUsed": hex(header.blob_gas_used),
        "excessBlobGas": hex(header.excess_blob_gas),
        "parentBeaconBlockRoot": data(header.parent_beacon_block_root),
        "requestsHash": data(header.requests_hash),
        "size": hex(len(header_rlp(header)) + sum(len(each.encode()) for each in mined.transactions)),
        "uncles": [],
        "transactions": [transaction(mined, at, pending=pending) if full else data(mined.hashes[at]) for at in places],
    }


def transaction(mined: Mined, at: int, *, pending: bool = False) -> Json:
    """A transaction and where it stands."""
    return unmined(mined.transactions[at]) | (_place(mined, at) if not pending else {})


def unmined(sent: SignedTransactionAPI) -> Json:
    """A transaction that no block has."""
    kind = _kind(sent)
    fees = {"gasPrice": hex(_offered(sent))}
    if kind >= _DYNAMIC_FEE_TYPE:
        fees |= {
            "maxFeePerGas": hex(sent.max_fee_per_gas),
            "maxPriorityFeePerGas": hex(sent.max_priority_fee_per_gas),
        }
    return {
        "type": hex(kind),
        "hash": data(sent.hash),
        "nonce": hex(sent.nonce),
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
        "from": data(sent.sender),
        "to": data(sent.to) if sent.to else None,
        "value": hex(sent.value),
        "gas": hex(sent.gas),
        "input": data(sent.data),
        "chainId": None if sent.chain_id is None else hex(sent.chain_id),
        "r": hex(sent.r),
        "s": hex(sent.s),
        "v": hex(sent.y_parity if kind else sent.v),  # type: ignore[attr-defined]
        **fees,
    }


def receipt(mined: Mined, at: int) -> Json:
    """What came of a transaction."""
    sent, got = mined.transactions[at], mined.receipts[at]
    before = mined.receipts[at - 1].gas_used if at else 0
    return {
        **{name: value for name, value in _place(mined, at).items() if name.startswith("block")},
        "transactionHash": data(mined.hashes[at]),
        "transactionIndex": hex(at),
        "from": data(sent.sender),
        "to": data(sent.to) if sent.to else None,
        "contractAddress": None if sent.to else data(generate_contract_address(sent.sender, sent.nonce)),
        "status": hex(int.from_bytes(got.state_root, "big")),
        "gasUsed": hex(got.gas_used - before),
        "cumulativeGasUsed": hex(got.gas_used),
        "effectiveGasPrice": hex(_paid(sent, mined.header)),
        "logsBloom": data(got.bloom.to_bytes(256, "big")),
        "type": hex(_kind(sent)),
        "logs": [log for log in logs(mined) if log["transactionIndex"] == hex(at)],
    }


def logs(mined: Mined) -> Iterator[Json]:
    """The events of a block, in order."""
    index = 0
    for at, got in enumerate(mined.receipts):
        for log in got.logs:
            yield {
                **_place(mined, at),
                "transactionHash": data(mined.hashes[at]),
                "address": data(log.address),
                "topics": [word(topic) for topic in log.topics],
                "data": data(log.data),
                "logIndex": hex(index),
                "removed": False,
            }
            index += 1


def matches(log: Json, addresses: set[str] | None, topics: list[Json]) -> bool:
    """Whether a filter asks for a log: a topic is one value, some values, or None for any."""
    if addresses is not None and log["address"] not in addresses:
        return False
    if len(topics) > len(log["topics"]):
        return False
    for wanted, found in zip(topics, log["topics"], strict=False):
        values = [wanted] if isinstance(wanted, str) else wanted
        if values and found not in [value.lower() for value in values]:
            return False
    return True


def _place(mined: Mined, at: int) -> Json:
    header = mined.header
    return {
        "blockHash": data(header.hash),
        "blockNumber": hex(header.block_number),
        "blockTimestamp": hex(header.timestamp),
        "transactionIndex": hex(at),
    }


def _kind(sent: SignedTransactionAPI) -> int:
    return getattr(sent, "type_id", None) or 0


def _offered(sent: SignedTransactionAPI) -> int:
    return sent.max_fee_per_gas if _kind(sent) >= _DYNAMIC_FEE_TYPE else sent.gas_price


def _paid(sent: SignedTransactionAPI, header: Any) -> int:
    if _kind(sent) >= _DYNAMIC_FEE_TYPE:
        return int(min(sent.max_fee_per_gas, sent.max_priority_fee_per_gas + header.base_fee_per_gas))
    return sent.gas_price
