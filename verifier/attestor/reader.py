"""What an attestor reads of a chain: who the chain is, its blocks, and the locks of one vault. One reader a vault.

A reader believes its node: the node is the member's own. It asks, and answers in the terms below; what follows from the
answers is decided elsewhere (survey.py), the same for every kind of chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple, Protocol


class LockStatus(IntEnum):
    """The status of a lock. Numbers as in the vault; "none" is a lock that is not there."""

    ACTIVE = 1
    RELEASE_REQUESTED = 2
    RELEASED = 3
    SEIZED = 4


class LockName(NamedTuple):
    """What a vault finds a lock by: 32 bytes each. Addresses of EVM chains are padded on the left."""

    owner: bytes
    note: bytes


@dataclass(frozen=True)
class LockView:
    """A lock as it stands in one state of the chain. The amount is in base units of the asset.

    ``grows``: anybody can add to what the lock holds, so it may hold more than its note says. In a vault of ours it
    cannot: the amount is fixed, and part of what a seizure opens.
    """

    owner: bytes
    asset: bytes
    amount: int
    status: LockStatus
    unlock_at_unix_s: int
    release_at_unix_s: int
    grows: bool = False


@dataclass(frozen=True)
class Block:
    """A block of the chain that the node holds to be the right one."""

    height: int
    hash: bytes
    time_unix_s: int


@dataclass(frozen=True)
class Identity:
    """Which chain, and which program at the vault's address. ``code_hash`` is None where there is no such thing."""

    chain: str
    """CAIP-2."""
    genesis: bytes
    code_hash: bytes | None


class Tip(Enum):
    """States newer than any height that counts."""

    HEAD = "head"
    """After the newest block."""
    PENDING = "pending"
    """With the transactions that the node would put into the next block."""


class Reader(Protocol):
    """One vault on one chain, through one node. Safe to share between threads.

    Every method raises Unavailable if the node cannot be reached, does not answer in time, or answers what cannot be.
    """

    def identity(self) -> Identity:
        """Asked anew at every call: a node can be exchanged under its address."""

    def head(self) -> Block:
        """The newest block."""

    def block(self, height: int) -> Block | None:
        """The block at ``height``; None above the head."""

    def locks(self, names: Sequence[LockName], at: int | Tip) -> list[LockView | None] | None:
        """The lock of every name after the block at this height, or at this tip; None in the list: no such lock.

        None for the list: the node does not offer this state. That may be so of PENDING only.
        """
