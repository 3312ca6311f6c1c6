"""What follows from what a member saw of its pledges: who gets a leaf, whose leaf is taken back. Pure.

Three states of the chain are looked at: the one at the height of the checkpoint, which is deep enough to be final; the
head; and, where the node offers it, the block to come.

    at the height          newer               outcome
    Active, as pledged     Active everywhere   a leaf
    Active                 anything else       no leaf: a release is under way, and what was attested runs out before
                                               the coins can move
    release requested      -                   no leaf
    released, seized       -                   never a leaf again; a revocation if there was a leaf
    not there              -                   a revocation (reorged) if there was a leaf; else it is not final yet
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from zkmargin.collateral import Note
from zkmargin.collateral.evidence import MAX_REVOCATIONS
from zkmargin.collateral.revocation import Reason, Revocation

from .reader import LockName, LockStatus, LockView


class State(StrEnum):
    """How a member sees a pledge."""

    PENDING = "pending"
    FINAL = "final"
    REORGED = "reorged"
    RELEASED = "released"
    SEIZED = "seized"


ENDED = (State.RELEASED, State.SEIZED)
_REASONS: dict[State, Reason] = {State.REORGED: "reorged", State.RELEASED: "released", State.SEIZED: "seized"}


@dataclass(frozen=True)
class Finding:
    """``state`` from now on; ``leaf``: it may be attested at this height. ``stood``: at the height it was Active."""

    state: State
    leaf: bool = False
    stood: bool = False

    @property
    def reason(self) -> Reason | None:
        """Why what was attested must not count any more; None: it may."""
        return _REASONS.get(self.state)


def find(
    state: State, note: Note, *, offered: bool, final: LockView | None, newer: Iterable[LockView | None]
) -> Finding:
    """What becomes of a pledge in ``state`` whose leaf was ``offered`` before or not. Not asked of one that has ended.

    Args: final: the lock at the height.   newer: the lock in every state that is newer.
    """
    if final is None:
        return Finding(State.REORGED if offered else State.PENDING)
    if final.status is LockStatus.SEIZED:
        return Finding(State.SEIZED)
    if final.status is LockStatus.RELEASED:
        return Finding(State.RELEASED)
    stood = backs(final, note)
    if stood and all(backs(view, note) for view in newer):
        return Finding(State.FINAL, leaf=True, stood=True)
    return Finding(state, stood=stood)


def pressing(revocations: Iterable[Revocation]) -> set[Revocation]:
    """Those without which something counts that must not. Not of what was released: its evidence had ended before."""
    return {revocation for revocation in revocations if revocation.reason != "released"}


def first_of(revocations: Iterable[Revocation]) -> tuple[Revocation, ...]:
    """Those that one checkpoint has room for, by tag: the pressing ones first, the lowest tags first. The others wait,
    until the members know that these have passed."""
    ranked = sorted(revocations, key=lambda revocation: (revocation.reason == "released", revocation.tag))
    return tuple(sorted(ranked[:MAX_REVOCATIONS], key=lambda revocation: revocation.tag))


def backs(view: LockView | None, note: Note) -> bool:
    """The lock is Active, and is what the note says."""
    return (
        view is not None
        and view.status is LockStatus.ACTIVE
        and (view.owner, view.asset) == (note.owner, note.asset)
        and (view.amount == note.amount or (view.grows and view.amount > note.amount))
    )


def name_of(note: Note) -> LockName:
    """What the lock of ``note`` is found by."""
    return LockName(note.owner, note.digest)
