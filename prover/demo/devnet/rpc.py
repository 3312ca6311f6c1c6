"""The JSON-RPC methods of the chain: those of a node that wallets and attestors use, and those by which tests hold it.

``evm_*`` and ``anvil_*`` methods mean what they mean at anvil, so a test is one for both engines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eth.abc import SignedTransactionAPI, StateAPI
from eth.exceptions import Revert
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException  # type: ignore[import-untyped]

from . import views
from .chain import BASE_FEE_WEI, GAS_LIMIT, DevChain, Mined, Refused
from .proof import prove
from .views import Json, data

_INVALID_PARAMS, _NO_METHOD, _SERVER_ERROR, _REVERTED = -32602, -32601, -32000, 3
_ZERO_ADDRESS = Address(bytes(20))
_NAMED = ("latest", "safe", "finalized", "earliest")


class RpcError(Exception):
    """An error answer of JSON-RPC."""

    def __init__(self, code: int, message: str, extra: str | None = None) -> None:
        super().__init__(message)
        self.body = {"code": code, "message": message} | ({} if extra is None else {"data": extra})


class Rpc:
    """Answers for one chain."""

    def __init__(self, chain: DevChain) -> None:
        self.chain = chain
        self._snapshots: list[tuple[int, int]] = []
        self._methods: dict[str, Callable[..., Json]] = {
            "web3_clientVersion": lambda: "zkmargin-devnet",
            "net_version": lambda: str(chain.chain_id),
            "eth_chainId": lambda: hex(chain.chain_id),
            "eth_syncing": lambda: False,
            "eth_accounts": lambda: [data(address) for address in chain.accounts],
            "eth_blockNumber": lambda: hex(chain.head.header.block_number),
            "eth_gasPrice": lambda: hex(2 * BASE_FEE_WEI),
            "eth_maxPriorityFeePerGas": lambda: hex(BASE_FEE_WEI),
            "eth_feeHistory": self._fee_history,
            "eth_getBalance": lambda address, at="latest": hex(self._state(at).get_balance(_address(address))),
            "eth_getTransactionCount": lambda address, at="latest": hex(self._state(at).get_nonce(_address(address))),
            "eth_getCode": lambda address, at="latest": data(self._state(at).get_code(_address(address))),
            "eth_getStorageAt": self._storage,
            "eth_getProof": self._proof,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "eth_sendTransaction": self._send,
            "eth_sendRawTransaction": lambda raw: data(chain.submit(self._decode(_bytes(raw)))),
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getBlockByNumber": self._block,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getLogs": self._logs,
            "debug_getRawHeader": lambda at: data(views.header_rlp(self._mined(at).header)),
            "evm_mine": self._mine_one,
            "anvil_mine": self._mine_many,
            "evm_increaseTime": self._increase_time,
            "evm_setAutomine": self._automine,
            "evm_snapshot": self._snapshot,
            "evm_revert": self._revert,
            "anvil_reorg": self._reorganise,
        }

    def answer(self, method: str, params: Any) -> Json:
        """The result of one call. Raises: RpcError."""
        found = self._methods.get(method)
        if found is None:
            raise RpcError(_NO_METHOD, f"the method {method} does not exist here")
        try:
            return found(*params) if isinstance(params, list) else found(**params)
        except (Refused, ValidationError) as error:
            raise RpcError(_SERVER_ERROR, str(error)) from None
        except (TypeError, ValueError, KeyError, AttributeError, RLPException) as error:
            raise RpcError(_INVALID_PARAMS, f"invalid parameters of {method}: {error}") from None

    # -- what a name of a block means ------------------------------------------------------------------------------

    def _find(self, at: Any) -> Mined | None:
        """A block by number, tag, hash or object of EIP-1898."""
        if isinstance(at, dict):
            at = at["blockHash"] if "blockHash" in at else at["blockNumber"]
        if at == "pending":
            return self.chain.pending()
        if at in _NAMED:
            return self.chain.block(self.chain.height_of(at))
        if len(at) == 66:
            return self.chain.block_of_hash(_bytes(at, 32))
        return self.chain.block(_integer(at))

    def _mined(self, at: Any) -> Mined:
        found = self._find(at)
        if found is None:
            raise Refused("unknown block")
        return found

    def _state(self, at: Any) -> StateAPI:
        return self.chain.state(self._mined(at).header)

    # -- reading ---------------------------------------------------------------------------------------------------

    def _storage(self, address: str, slot: str, at: Any = "latest") -> Json:
        return views.word(self._state(at).get_storage(_address(address), _integer(slot)))

    def _proof(self, address: str, slots: list[str], at: Any = "latest") -> Json:
        root = self._mined(at).header.state_root
        return prove(self.chain.database, root, _address(address), [_integer(slot) for slot in slots])

    def _block(self, at: Any, full: bool = False) -> Json:
        found = self._find(at)
        return None if found is None else views.block(found, full=full, pending=at == "pending")

    def _block_by_hash(self, block_hash: str, full: bool = False) -> Json:
        found = self.chain.block_of_hash(_bytes(block_hash, 32))
        return None if found is None else views.block(found, full=full)

    def _transaction(self, transaction_hash: str) -> Json:
        wanted = _bytes(transaction_hash, 32)
        found = self.chain.find(wanted)
        if found:
            return views.transaction(*found)
        return next((views.unmined(each) for each in self.chain.pool if each.hash == wanted), None)

    def _receipt(self, transaction_hash: str) -> Json:
        found = self.chain.find(_bytes(transaction_hash, 32))
        return views.receipt(*found) if found else None

    def _logs(self, wanted: dict[str, Any]) -> Json:
        addresses = wanted.get("address")
        if addresses is not None:
            addresses = {each.lower() for each in ([addresses] if isinstance(addresses, str) else addresses)}
        if "blockHash" in wanted:
            blocks = [self._mined(wanted["blockHash"])]
        else:
            first, last = (
                self._mined(at).header.block_number if at in ("pending", *_NAMED) else _integer(at)
                for at in (wanted.get("fromBlock", "latest"), wanted.get("toBlock", "latest"))
            )
            blocks = self.chain.blocks[first : last + 1]
        topics = wanted.get("topics") or []
        return [log for block in blocks for log in views.logs(block) if views.matches(log, addresses, topics)]

    def _fee_history(self, count: Any, newest: Any, percentiles: list[float] | None = None) -> Json:
        last = self._mined(newest).header.block_number
        headers = [block.header for block in self.chain.blocks[max(0, last + 1 - _integer(count)) : last + 1]]
        fees = [hex(header.base_fee_per_gas or 0) for header in headers]
        return {
            "oldestBlock": hex(headers[0].block_number),
            "baseFeePerGas": [*fees, fees[-1]],
            "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
            "reward": [[hex(BASE_FEE_WEI)] * len(percentiles or []) for _ in headers],
        }

    # -- executing -------------------------------------------------------------------------------------------------

    def _call(self, call: dict[str, Any], at: Any = "latest", _overrides: Any = None) -> Json:
        return data(self._run(call, at).output)

    def _estimate(self, call: dict[str, Any], at: Any = "pending", _overrides: Any = None) -> Json:
        computation = self._run(call, at)
        used = self._intrinsic_gas(call) + computation.get_gas_used()
        # A call passes on at most 63 of 64 parts, and refunds come after the end.
        return hex(min(GAS_LIMIT, used + used // 4))

    def _run(self, call: dict[str, Any], at: Any) -> Any:
        """Execute without a trace. Raises: RpcError with the data of a revert."""
        sender = _address(call["from"]) if call.get("from") else _ZERO_ADDRESS
        state = self._state(at)
        unsigned = self.chain.transactions.create_unsigned_transaction(
            nonce=state.get_nonce(sender),
            gas_price=0,
            gas=GAS_LIMIT,
            to=_recipient(call),
            value=_integer(call.get("value", "0x0")),
            data=_input(call),
        )
        computation = state.apply_transaction(SpoofTransaction(unsigned, from_=sender))  # type: ignore[arg-type]
        if computation.is_error:
            if isinstance(computation.error, Revert):
                raise RpcError(_REVERTED, "execution reverted", data(computation.output))
            raise RpcError(_SERVER_ERROR, f"execution failed: {computation.error}")
        return computation

    def _intrinsic_gas(self, call: dict[str, Any]) -> int:
        unsigned = self.chain.transactions.create_unsigned_transaction(
            nonce=0, gas_price=0, gas=GAS_LIMIT, to=_recipient(call), value=0, data=_input(call)
        )
        return int(unsigned.intrinsic_gas)

    # -- writing ---------------------------------------------------------------------------------------------------

    def _send(self, call: dict[str, Any]) -> Json:
        """Sign with one of the node's own accounts."""
        sender = _address(call["from"])
        key = self.chain.accounts.get(sender)
        if key is None:
            raise Refused("the account is not one of this node")
        price = call.get("maxFeePerGas") or call.get("gasPrice") or hex(3 * BASE_FEE_WEI)
        unsigned = self.chain.transactions.new_unsigned_dynamic_fee_transaction(
            chain_id=self.chain.chain_id,
            nonce=_integer(call["nonce"])
            if "nonce" in call
            else self._state("pending").get_nonce(_address(call["from"])),
            max_priority_fee_per_gas=_integer(call.get("maxPriorityFeePerGas", price)),
            max_fee_per_gas=_integer(price),
            gas=_integer(call["gas"] if "gas" in call else self._estimate(call)),
            to=_recipient(call),
            value=_integer(call.get("value", "0x0")),
            data=_input(call),
            access_list=(),
        )
        return data(self.chain.submit(unsigned.as_signed_transaction(key)))

    def _decode(self, raw: bytes) -> SignedTransactionAPI:
        decoded: SignedTransactionAPI = self.chain.transactions.decode(raw)
        decoded.check_signature_validity()
        return decoded

    # -- holding the chain -----------------------------------------------------------------------------------------

    def _mine_one(self, timestamp: Any = None) -> Json:
        if isinstance(timestamp, dict):
            timestamp = timestamp.get("timestamp")
        self.chain.mine(None if timestamp is None else _integer(timestamp))
        return "0x0"

    def _mine_many(self, count: Any = 1, interval_s: Any = 0) -> Json:
        """``count`` blocks; the clock goes on by ``interval_s`` from each to the next."""
        for index in range(_integer(count)):
            if index:
                self.chain.offset_s += _integer(interval_s)
            self.chain.mine()

    def _increase_time(self, seconds: Any) -> Json:
        self.chain.offset_s += _integer(seconds)
        return hex(self.chain.offset_s)

    def _automine(self, on: bool) -> Json:
        self.chain.automine = on
        return True

    def _snapshot(self) -> Json:
        self._snapshots.append((self.chain.head.header.block_number, self.chain.offset_s))
        return hex(len(self._snapshots))

    def _revert(self, snapshot: Any) -> Json:
        """Back to a snapshot, which is then used up, as are those after it."""
        number = _integer(snapshot)
        if not 0 < number <= len(self._snapshots):
            return False
        height, self.chain.offset_s = self._snapshots[number - 1]
        del self._snapshots[number - 1 :]
        self.chain.rewind(height)
        return True

    def _reorganise(self, depth: Any, transactions: list[Any]) -> Json:
        """Other blocks in place of the last ``depth``. ``transactions``: pairs, a raw one and its block's index, 0."""
        pairs = [(raw, _integer(index)) for raw, index in transactions]
        if any(index or not isinstance(raw, str) for raw, index in pairs):
            raise Refused("here a reorganisation takes raw transactions, and those in its first block")
        self.chain.reorganise(_integer(depth), [self._decode(_bytes(raw)) for raw, _ in pairs])


def _bytes(text: str, length: int | None = None) -> bytes:
    if not text.startswith("0x"):
        raise ValueError("bytes are written with 0x")
    value = bytes.fromhex(text[2:])
    if length is not None and len(value) != length:
        raise ValueError(f"{length} bytes are wanted")
    return value


def _address(text: str) -> Address:
    return Address(_bytes(text, 20))


def _integer(value: Any) -> int:
    return value if isinstance(value, int) else int(value, 16)


def _recipient(call: dict[str, Any]) -> bytes:
    return _address(call["to"]) if call.get("to") else b""


def _input(call: dict[str, Any]) -> bytes:
    return _bytes(call.get("input") or call.get("data") or "0x")
