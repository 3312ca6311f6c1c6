"""An EVM chain with the real vault, behind the real reader, in the place of a chain on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from devnets import NATIVE, deploy_vault, mine, pass_time, reorganise, rpc, terms, transact
from web3 import Web3

from verifier.attestor.evm import EvmReader
from verifier.attestor.reader import Block, Identity, LockName, LockStatus, LockView, Tip
from zkmargin.collateral import Note

DELAY_S = 3600


class VaultChain:
    """A society's chain: ``put`` sends the holder's or the venue's transaction."""

    def __init__(self, web3: Web3) -> None:
        self.web3 = web3
        deployer, self.holder, self.venue = web3.eth.accounts[:3]
        self.terms = terms(web3, venue=self.venue, delay_s=DELAY_S)
        self.vault = deploy_vault(web3, self.terms, deployer)
        self.address = padded(self.vault.address)
        self.reader = EvmReader(web3.provider, self.address)

    @property
    def owner(self) -> bytes:
        """Whose locks these are."""
        return padded(self.holder)

    @property
    def blocks(self) -> list[Block]:
        """The newest block, last."""
        return [self.reader.head()]

    def mine(self, count: int = 1) -> None:
        mine(self.web3, count)

    def reorg(self, depth: int) -> None:
        """Other blocks in the place of the last ``depth``, without their transactions."""
        reorganise(self.web3, depth)

    def put(self, note: Note, status: LockStatus = LockStatus.ACTIVE) -> None:
        call, sender, value = self._call(note, status)
        transact(self.web3, call, sender, value)

    def put_pending(self, note: Note, status: LockStatus) -> None:
        """Send it, and let it wait for a block."""
        rpc(self.web3, "evm_setAutomine", False)
        call, sender, value = self._call(note, status)
        call.transact({"from": sender, "value": value, "gas": 500_000})

    def mine_again(self) -> None:
        """Blocks by themselves again, and one for what waited."""
        rpc(self.web3, "evm_setAutomine", True)
        self.mine()

    def pass_time(self, seconds: int) -> None:
        pass_time(self.web3, seconds)

    def _call(self, note: Note, status: LockStatus) -> tuple[Any, str, int]:
        calls = self.vault.functions
        if status is LockStatus.ACTIVE:
            return calls.lock(NATIVE, note.amount, note.digest, 0), self.holder, note.amount
        if status is LockStatus.RELEASE_REQUESTED:
            return calls.requestRelease(note.digest), self.holder, 0
        if status is LockStatus.RELEASED:
            return calls.release(note.digest), self.holder, 0
        lock_id = calls.lockIdOf(self.holder, note.digest).call()
        return calls.seize(lock_id, note.account, note.commitment, note.secret, note.amount), self.venue, 0

    # The reader's side.

    def identity(self) -> Identity:
        return self.reader.identity()

    def head(self) -> Block:
        return self.reader.head()

    def block(self, height: int) -> Block | None:
        return self.reader.block(height)

    def locks(self, names: Sequence[LockName], at: int | Tip) -> list[LockView | None] | None:
        return self.reader.locks(names, at)


def padded(address: str) -> bytes:
    """An address as formats write it."""
    return bytes(12) + bytes.fromhex(address[2:])
