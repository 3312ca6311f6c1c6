"""What the wallet remembers of a lock, and what follows from it: the note, the tag, the commitment, the pledge.

The note's secret and the commitment's blinding are derived from the wallet's identity key and the lock's number, so
that they are never stored twice and never drawn twice. The record is in the wallet before the transaction leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from zkmargin import canonical, collateral
from zkmargin.collateral import Chains, Note
from zkmargin.documents import Part
from zkmargin.documents.base import Counter, Hex32, IntegerText, Name
from zkmargin.errors import InputError
from zkmargin.group import encode
from zkmargin.pedersen import Opening, commit

if TYPE_CHECKING:
    from ..wallet import Wallet


class Lock(Part):
    """A lock of this wallet. On its chain all of it but the link to this account is public; here it is secret.

    ``pledged``: an attestor, or the verifier itself, was shown the note. Before that nobody is asked about the tag: the
    question comes from this address, at a time near that of the lock's transaction, and would tell whose lock it is.
    """

    number: Counter
    class_: Name = Field(alias="class")
    chain: Name
    genesis: Hex32
    vault: Hex32
    owner: Hex32
    asset: Hex32
    amount: IntegerText = Field(repr=False)
    lot: IntegerText
    pledged: bool = False


def new(wallet: Wallet, registry: Chains, class_name: str, owner: bytes, amount: int) -> Lock:
    """The record of the next lock: ``amount`` base units of what the registry calls ``class_name``.

    Raises: InputError "unknown_class", "bad_amount" (less than a lot, or more than a lock of the class can hold).
    """
    entry = registry.class_of(class_name)
    chain = registry.chain_of(entry.chain)
    units = amount // entry.lot_units
    if not 0 < units < 1 << entry.bits:
        raise InputError(
            f"a lock of {class_name} is at least one lot and below 2^{entry.bits} lots of {entry.lot} base units",
            code="bad_amount",
        )
    return Lock(
        **{"class": class_name},
        number=len(wallet.content.collateral) + 1,
        chain=chain.chain,
        genesis=chain.genesis,
        vault=chain.vault,
        owner=canonical.to_hex(owner.rjust(32, b"\0")),
        asset=entry.asset,
        amount=str(amount),
        lot=entry.lot,
        pledged=False,
    )


def opening(wallet: Wallet, lock: Lock) -> Opening:
    """The opening of the lock's commitment: how many whole lots it holds. Secret."""
    blinding = collateral.note_blinding(_seed(wallet), lock.number)
    return Opening(collateral.units(int(lock.amount), int(lock.lot)), blinding)


def note(wallet: Wallet, lock: Lock) -> Note:
    """The opened note of a lock. Secret: it ties the lock to the account."""
    return Note(
        chain=collateral.chain_digest(lock.chain, canonical.from_hex(lock.genesis, 32)),
        vault=canonical.from_hex(lock.vault, 32),
        owner=canonical.from_hex(lock.owner, 32),
        asset=canonical.from_hex(lock.asset, 32),
        amount=int(lock.amount),
        venue=collateral.venue_id(wallet.content.venue),
        account=canonical.from_hex(wallet.account_id, 32),
        commitment=encode(commit(opening(wallet, lock))),
        secret=collateral.note_secret(_seed(wallet), lock.number),
    )


def _seed(wallet: Wallet) -> bytes:
    return wallet.identity.to_bytes()
