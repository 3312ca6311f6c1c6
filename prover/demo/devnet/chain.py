"""The chain itself: blocks on py-evm, a mempool, and the state after any of them.

py-evm executes; which blocks are canonical is decided here, in a list, for a block of the proof-of-stake kind has no
weight by which a database could decide it. A fork is the list cut and grown again, with other hashes than before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI, StateAPI, VirtualMachineAPI
from eth.chains.base import MiningChain
from eth.constants import POST_MERGE_DIFFICULTY, POST_MERGE_MIX_HASH, POST_MERGE_NONCE
from eth.db import get_db_backend
from eth.vm.forks.prague import PragueVM
from eth_keys.datatypes import PrivateKey
from eth_typing import Address, BlockNumber
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

ACCOUNTS = 10
ACCOUNT_WEI = 10**24
GAS_LIMIT = 30_000_000
BASE_FEE_WEI = 10**9


class Refused(Exception):
    """What a request asks cannot be: the message says why."""


@dataclass(frozen=True)
class Mined:
    """A block, with what came of its transactions."""

    header: BlockHeaderAPI
    transactions: tuple[SignedTransactionAPI, ...] = ()
    receipts: tuple[ReceiptAPI, ...] = ()
    hashes: tuple[bytes, ...] = field(default=(), repr=False)
    """Of the transactions."""


@dataclass(frozen=True)
class _Assembled:
    """A block that is not mined, the machine after its transactions, and the transactions that cannot be in it."""

    vm: VirtualMachineAPI
    block: Mined
    dropped: dict[SignedTransactionAPI, ValidationError]


class _DevnetVM(PragueVM):
    """Prague, but blocks of one second may share its time, as on rollups: many blocks at once stay in the present."""

    @classmethod
    def validate_header(cls, header: BlockHeaderAPI, parent_header: BlockHeaderAPI) -> None:
        if header.timestamp == parent_header.timestamp:
            header = header.copy(timestamp=header.timestamp + 1)
        super().validate_header(header, parent_header)


class DevChain:
    """One chain. Not thread-safe: the server serves one request at a time.

    ``clock``: Unix time in seconds. ``finality_depth``: the blocks on top of one that make it final.
    """

    def __init__(
        self, chain_id: int, *, finality_depth: int = 2, automine: bool = True, clock: Callable[[], float] = time.time
    ) -> None:
        self.chain_id = chain_id
        self.finality_depth = finality_depth
        self.automine = automine
        self.offset_s = 0
        """How far the chain's clock is ahead of the real one."""
        self.pool: list[SignedTransactionAPI] = []
        # Worth nothing: everybody can derive them.
        keys = [PrivateKey(keccak(b"zkmargin devnet account %d" % index)) for index in range(ACCOUNTS)]
        self.accounts = {Address(key.public_key.to_canonical_address()): key for key in keys}
        self._clock = clock
        self._forks = 0
        self._chain = self._from_genesis()
        self.blocks = [Mined(self._chain.get_canonical_head())]

    def _from_genesis(self) -> MiningChain:
        genesis: dict[str, Any] = {
            "difficulty": POST_MERGE_DIFFICULTY,
            "nonce": POST_MERGE_NONCE,
            "mix_hash": POST_MERGE_MIX_HASH,
            "gas_limit": GAS_LIMIT,
            "base_fee_per_gas": BASE_FEE_WEI,
            "extra_data": self._extra_data(),
            "timestamp": self.now(),
        }
        account: Any = {"balance": ACCOUNT_WEI, "nonce": 0, "code": b"", "storage": {}}

        class Devnet(MiningChain):
            chain_id = self.chain_id
            vm_configuration = ((BlockNumber(0), _DevnetVM),)

        database = get_db_backend()
        Devnet.from_genesis(database, genesis, dict.fromkeys(self.accounts, account))
        return Devnet(database)

    @property
    def database(self) -> Any:
        """Every trie node of every state, by its hash."""
        return self._chain.chaindb.db

    @property
    def transactions(self) -> Any:
        """What makes and reads transactions."""
        return _DevnetVM.get_transaction_builder()

    @property
    def head(self) -> Mined:
        """The newest canonical block."""
        return self.blocks[-1]

    def now(self) -> int:
        """The chain's clock."""
        return int(self._clock()) + self.offset_s

    # -- reading ---------------------------------------------------------------------------------------------------

    def block(self, height: int) -> Mined | None:
        """The canonical block of a height, if there is one."""
        return self.blocks[height] if 0 <= height < len(self.blocks) else None

    def block_of_hash(self, block_hash: bytes) -> Mined | None:
        """The canonical block of a hash: one that a reorganisation dropped is as if it had never been."""
        return next((block for block in reversed(self.blocks) if block.header.hash == block_hash), None)

    def height_of(self, tag: str) -> int:
        """What a name of a height means now: latest, safe, finalized, earliest."""
        latest = self.head.header.block_number
        heights = {"latest": latest, "earliest": 0}
        return heights[tag] if tag in heights else max(0, latest - self.finality_depth)

    def pending(self) -> Mined:
        """The block that would be mined now."""
        return self._assemble(self._next_header(self.now())).block

    def state(self, header: BlockHeaderAPI) -> StateAPI:
        """The state after a block, in which calls are free."""
        return self._vm(header.copy(base_fee_per_gas=0)).state

    def find(self, transaction_hash: bytes) -> tuple[Mined, int] | None:
        """The canonical block of a transaction, and its place there."""
        for block in reversed(self.blocks):
            if transaction_hash in block.hashes:
                return block, block.hashes.index(transaction_hash)
        return None

    # -- writing ---------------------------------------------------------------------------------------------------

    def submit(self, transaction: SignedTransactionAPI) -> bytes:
        """Take a transaction, and mine it unless ``automine`` is off. Raises: Refused: it could not be mined now."""
        if transaction.chain_id not in (None, self.chain_id):
            raise Refused("the transaction is for another chain id")
        if transaction in self.pool or self.find(transaction.hash):
            raise Refused("already known")
        self.pool.append(transaction)
        assembled = self._assemble(self._next_header(self.now()))
        if transaction in assembled.dropped:
            self.pool.remove(transaction)
            raise Refused(str(assembled.dropped[transaction]))
        if self.automine:
            self._seal(assembled)
        return bytes(transaction.hash)

    def mine(self, timestamp: int | None = None) -> Mined:
        """Put the pool in a block; ``timestamp`` sets the clock too. Raises: Refused: before the last block's time."""
        if timestamp is not None:
            if timestamp < self.head.header.timestamp:
                raise Refused("a block is not older than the one before it")
            self.offset_s = timestamp - int(self._clock())
        return self._seal(self._assemble(self._next_header(self.now() if timestamp is None else timestamp)))

    def reorganise(self, depth: int, transactions: Sequence[SignedTransactionAPI] = ()) -> None:
        """Drop ``depth`` blocks and mine as many others, the first with ``transactions``; what was in them is lost.

        Raises: Refused: the genesis block stays.
        """
        self.rewind(self.head.header.block_number - depth)
        self.pool = [*transactions]
        for _ in range(depth):
            self.mine()

    def rewind(self, height: int) -> None:
        """Make the block at ``height`` the newest. Raises: Refused."""
        if not 0 <= height < len(self.blocks):
            raise Refused("there is no block to go back to")
        del self.blocks[height + 1 :]
        self.pool = []
        self._forks += 1

    # -- blocks ----------------------------------------------------------------------------------------------------

    def _extra_data(self) -> bytes:
        """Blocks of two forks never have one hash, even if they are empty and of one second."""
        return b"zkmargin devnet %d" % self._forks if self._forks else b"zkmargin devnet"

    def _next_header(self, timestamp: int) -> BlockHeaderAPI:
        parent = self.head.header
        header: BlockHeaderAPI = _DevnetVM.create_header_from_parent(
            parent,
            timestamp=max(timestamp, parent.timestamp),
            gas_limit=parent.gas_limit,
            extra_data=self._extra_data(),
        )
        return header

    def _vm(self, header: BlockHeaderAPI) -> VirtualMachineAPI:
        vm: VirtualMachineAPI = self._chain.get_vm(header)
        return vm

    def _assemble(self, header: BlockHeaderAPI) -> _Assembled:
        """The pool on top of the head, as far as it fits."""
        vm = self._vm(header)
        receipts: list[ReceiptAPI] = []
        included: list[SignedTransactionAPI] = []
        dropped: dict[SignedTransactionAPI, ValidationError] = {}
        for transaction in self.pool:
            try:
                receipt, _ = vm.apply_transaction(header, transaction)
            except ValidationError as error:
                dropped[transaction] = error
                continue
            header = vm.add_receipt_to_header(header, receipt)
            included.append(transaction)
            receipts.append(receipt)
        vm.state.persist()
        header = header.copy(state_root=vm.state.state_root)
        hashes = tuple(bytes(transaction.hash) for transaction in included)
        return _Assembled(vm, Mined(header, tuple(included), tuple(receipts), hashes), dropped)

    def _seal(self, assembled: _Assembled) -> Mined:
        """Make what was assembled the newest block."""
        vm, block = assembled.vm, assembled.block
        filled = vm.set_block_transactions_and_withdrawals(
            vm.get_block(), block.header, block.transactions, block.receipts
        )
        sealed = vm.mine_block(filled).block
        self._chain.chaindb.persist_block(sealed)
        mined = Mined(sealed.header, block.transactions, block.receipts, block.hashes)
        self.blocks.append(mined)
        self.pool = []
        return mined
