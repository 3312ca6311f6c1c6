"""One chain as a member watches it: that it is the right one, that it moves, and what stands in it at final heights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from verifier.errors import Unavailable
from zkmargin import canonical
from zkmargin.collateral.registry import ChainEntry
from zkmargin.errors import ContextError

from .reader import Block, LockName, LockView, Reader, Tip


@dataclass(frozen=True)
class Seen:
    """A lock at a final height, and in every newer state that the node offers."""

    final: LockView | None
    newer: tuple[LockView | None, ...]


class Watched:
    """A chain of the registry, through this member's node.

    A node that cannot be reached, is behind, stands still or is of another chain makes every method raise Unavailable:
    then nothing is signed.
    """

    def __init__(self, entry: ChainEntry, reader: Reader) -> None:
        self.entry = entry
        self._reader = reader

    def check_identity(self) -> None:
        """The node is of the registry's chain, and the registry's vault is there.

        Raises: Unavailable "wrong_chain", "wrong_genesis", "wrong_code".
        """
        found = self._reader.identity()
        if found.chain != self.entry.chain:
            raise Unavailable("the node is of another chain than the registry says", code="wrong_chain")
        if found.genesis != canonical.from_hex(self.entry.genesis):
            raise Unavailable("the node's chain has another genesis block than the registry says", code="wrong_genesis")
        if self.entry.code_hash is not None and found.code_hash != canonical.from_hex(self.entry.code_hash):
            raise Unavailable("the vault's code is not the one of the registry", code="wrong_code")

    def newest_epoch(self) -> int:
        """The newest epoch whose height is final; 0 if none is."""
        return max(0, self._reader.head().height - self.entry.depth) // self.entry.epoch_blocks

    def block_of(self, epoch: int, now_unix_s: int) -> Block:
        """The final block of ``epoch``, while it is young enough to be attested.

        Raises: ContextError "not_final".   Unavailable "chain_stalled", "future_block": the node stands still or is
                behind, or one of the two clocks is wrong.
        """
        height = epoch * self.entry.epoch_blocks
        if height + self.entry.depth > self._reader.head().height:
            raise ContextError("the height of this epoch is not final yet", code="not_final")
        block = self.block_at(height)
        age_s = now_unix_s - block.time_unix_s
        if age_s > self.entry.max_age_s:
            raise Unavailable("the block of this epoch is too old: does the node stand still?", code="chain_stalled")
        if age_s < -self.entry.skew_s:
            raise Unavailable("the block of this epoch is of a time that has not come", code="future_block")
        return block

    def block_at(self, height: int) -> Block:
        """The block at a height that the node has passed. Raises: Unavailable "chain_moved"."""
        block = self._reader.block(height)
        if block is None or block.height != height:
            raise _moved()
        return block

    def stands(self, height: int, block_hash: bytes) -> bool:
        """Whether the node still has this block: if not, a reorganisation went deeper than was thought final."""
        block = self._reader.block(height)
        return block is not None and block.hash == block_hash

    def see(self, names: Sequence[LockName], block: Block) -> list[Seen]:
        """Every lock at ``block`` and later.

        Raises: Unavailable "chain_moved": the chain was reorganised in between; ask again.
        """
        final = self._reader.locks(names, block.height)
        newer = [views for tip in Tip if (views := self._reader.locks(names, tip)) is not None]
        # What was read by height is of this block only if it still stands there afterwards.
        if final is None or not newer or not self.stands(block.height, block.hash):
            raise _moved()
        return [Seen(view, tuple(tips)) for view, *tips in zip(final, *newer, strict=True)]

    def newest(self, name: LockName) -> tuple[LockView | None, ...]:
        """A lock in every state that is not final: after the head, and with the block to come where the node has it."""
        views = [views for tip in Tip if (views := self._reader.locks([name], tip)) is not None]
        return tuple(view for (view,) in views)


def _moved() -> Unavailable:
    return Unavailable("the chain was reorganised while it was read: ask again", code="chain_moved")
