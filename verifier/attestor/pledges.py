"""Pledges: what a holder tells this member in private, accepted only if the lock is there and is what the note says.

A stranger can send anything: it is checked from the cheapest on, the node is asked last, and by few at a time. Nothing
is stored of what is refused, and nothing but its code is ever logged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Semaphore
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from verifier.errors import Unavailable
from zkmargin import canonical
from zkmargin.collateral import Note
from zkmargin.collateral.pledge import Pledge, check_note, check_pledge
from zkmargin.errors import ContextError

from .desk import Desk
from .reader import LockStatus, LockView
from .survey import State, backs, name_of
from .tables import PledgeRow, is_open

MAX_BODY_BYTES = 4096
"""A pledge takes 1,200."""
MAX_LIVE = 7000
"""Open pledges of a chain: a proposal of 4 MiB has room for as many leaves, and two full lists of revocations."""
_MAX_WAIT_S = 1.0


@dataclass(frozen=True)
class Pledged:
    """What is told of a pledge: nothing that was not public."""

    tag: str
    chain: str
    state: State
    created: bool

    def to_value(self) -> dict[str, Any]:
        """What an answer says."""
        return {"tag": self.tag, "chain": self.chain, "state": self.state.value}


def accept(desk: Desk, data: bytes) -> Pledged:
    """Know the pledge in ``data`` from now on. The same one again gets the same answer.

    Raises: InputError: malformed.   EncodingError "bad_commitment".   ProofError "bad_pledge".
            ContextError "no_registry", "wrong_venue", "unknown_chain", "wrong_vault", "wrong_asset", "not_followed",
            "out_of_range", "double_pledge" (its secret is of another note here), "no_lock", "not_active",
            "wrong_lock" (another owner, asset or amount than the note says).
            Unavailable: the node or the database fails, "busy", "full".
    """
    pledge = Pledge.from_bytes(data)
    registry = desk.registry()
    note = pledge.note.note
    check_note(note, registry)
    watched = desk.watched(registry.chain_of_digest(note.chain))
    chain = watched.entry.chain
    with desk.store.reading() as session:
        known = _known(session, note)
        if known is not None:
            return known
    _, asset = check_pledge(pledge, registry)
    if note.amount < asset.lot_units:
        raise ContextError("a lock of less than a lot of its class is not attested", code="out_of_range")
    with _asked_by_few(desk.asking[chain]):
        views = watched.newest(name_of(note))
    _check_lock(note, views)
    with desk.store.writing() as session:
        known = _known(session, note)  # two requests at once: the first one counts
        if known is not None:
            return known
        live = select(func.count()).where(PledgeRow.chain == chain, is_open())
        if (session.scalar(live) or 0) >= MAX_LIVE:
            raise Unavailable("this attestor knows as many pledges of this chain as it can", code="full")
        row = PledgeRow(
            tag=canonical.to_hex(note.tag), note=canonical.to_hex(note.digest), chain=chain, opening=pledge.to_bytes(),
            state=State.PENDING, offered=0, told=0,
        )  # fmt: skip
        session.add(row)
        return _pledged(row, created=True)


def status(desk: Desk, tag: str) -> Pledged:
    """What this member knows of a tag.

    Raises: ContextError "unknown_pledge".
    """
    with desk.store.reading() as session:
        return _pledged(_row(session, tag), created=False)


def opening(desk: Desk, tag: str) -> Pledge:
    """The pledge of a tag, with the opening of its note: what the venue needs to seize the lock. Secret.

    Raises: ContextError "unknown_pledge".
    """
    with desk.store.reading() as session:
        return Pledge.from_bytes(_row(session, tag).opening)


def _row(session: Session, tag: str) -> PledgeRow:
    row = session.get(PledgeRow, tag)
    if row is None:
        raise ContextError("this attestor knows no pledge with this tag", code="unknown_pledge")
    return row


def _known(session: Session, note: Note) -> Pledged | None:
    """The pledge of ``note`` if it is known. Raises: ContextError "double_pledge"."""
    row = session.get(PledgeRow, canonical.to_hex(note.tag))
    if row is None:
        return None
    if row.note != canonical.to_hex(note.digest):
        raise ContextError("the secret of this note belongs to another note already", code="double_pledge")
    return _pledged(row, created=False)


def _pledged(row: PledgeRow, *, created: bool) -> Pledged:
    return Pledged(row.tag, row.chain, State(row.state), created)


def _check_lock(note: Note, views: Sequence[LockView | None]) -> None:
    """Raises: ContextError "no_lock", "not_active", "wrong_lock"."""
    for view in views:
        if view is None:
            raise ContextError("the vault has no lock of this owner under this note", code="no_lock")
        if view.status is not LockStatus.ACTIVE:
            raise ContextError("the lock is not Active: its release was asked for, or it has ended", code="not_active")
        if not backs(view, note):
            raise ContextError("the lock has another owner, asset or amount than its note says", code="wrong_lock")


@contextmanager
def _asked_by_few(asking: Semaphore) -> Iterator[None]:
    if not asking.acquire(timeout=_MAX_WAIT_S):
        raise Unavailable("too many pledges at once: try again later", code="busy")
    try:
        yield
    finally:
        asking.release()
