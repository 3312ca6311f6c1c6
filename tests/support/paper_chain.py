"""A chain on paper: a reader whose blocks, locks, forks and lies are written by the test."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from verifier.attestor.reader import Block, Identity, LockName, LockStatus, LockView, Tip
from verifier.errors import Unavailable
from zkmargin.collateral import Note

Locks = dict[LockName, LockView]


class PaperChain:
    """Blocks of ``spacing_s`` seconds. ``pending``: the locks as the node would leave them in the next block."""

    def __init__(self, name: str, start_unix_s: int, *, code_hash: bytes | None = None, spacing_s: int = 10) -> None:
        self.spacing_s = spacing_s
        self.fork = 0
        self.blocks = [Block(0, hashlib.sha256(name.encode()).digest(), start_unix_s)]
        self.states: list[Locks] = [{}]
        self.pending: Locks | None = None
        self.told = Identity(name, self.blocks[0].hash, code_hash)
        self.is_down = False
        self.reads = 0

    def mine(self, count: int = 1) -> Block:
        for _ in range(count):
            last = self.blocks[-1]
            seed = last.hash + self.fork.to_bytes(4, "big") + repr(sorted(self.states[-1].items())).encode()
            time_unix_s = last.time_unix_s + self.spacing_s
            self.blocks.append(Block(last.height + 1, hashlib.sha256(seed).digest(), time_unix_s))
            self.states.append(dict(self.states[-1]))
        return self.blocks[-1]

    def reorg(self, height: int, length: int) -> None:
        """Other blocks after ``height``, ``length`` of them, without what happened there."""
        del self.blocks[height + 1 :], self.states[height + 1 :]
        self.fork += 1
        self.mine(length)

    def put(self, note: Note, status: LockStatus = LockStatus.ACTIVE, **changes: object) -> None:
        """A transaction in a block of its own."""
        view = LockView(note.owner, note.asset, note.amount, status, 0, 0)
        self.mine()
        self.states[-1][LockName(note.owner, note.digest)] = replace(view, **changes)

    def put_pending(self, note: Note, status: LockStatus) -> None:
        view = LockView(note.owner, note.asset, note.amount, status, 0, 0)
        self.pending = self.states[-1] | {LockName(note.owner, note.digest): view}

    # The reader's side.

    def identity(self) -> Identity:
        self._answers()
        return self.told

    def head(self) -> Block:
        self._answers()
        return self.blocks[-1]

    def block(self, height: int) -> Block | None:
        self._answers()
        return self.blocks[height] if height < len(self.blocks) else None

    def locks(self, names: Sequence[LockName], at: int | Tip) -> list[LockView | None] | None:
        self._answers()
        if at is Tip.PENDING:
            return None if self.pending is None else [self.pending.get(name) for name in names]
        state = self.states[-1 if at is Tip.HEAD else at]
        return [state.get(name) for name in names]

    def _answers(self) -> None:
        self.reads += 1
        if self.is_down:
            raise Unavailable("the node of the chain cannot be read (Paper)", code="chain_unavailable")
