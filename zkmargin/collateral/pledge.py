"""A pledge: what a holder tells each attestor, and nobody else: the opening of a note, and that it can open C.

The attestor computes v = floor(amount / lot) itself, so what is left to show is gamma with C - v G = gamma H: a Schnorr
proof, bound to the note. No stray generator gets into C, and the attestor never learns gamma.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from .. import canonical, sigma
from ..documents.base import Digest, Document, Hex32, Part, PointHex
from ..errors import ContextError, EncodingError, ProofError
from ..generators import G
from ..group import Point, msm
from ..pedersen import Opening
from .fields import BaseUnits, Hex64
from .leaf import KIND_TAG, Leaf
from .note import MAX_AMOUNT, Note, units
from .registry import AssetClass, Chains

_CONTEXT = b"zkmargin/pledge/v1"


class NoteOpening(Part):
    """What a note opens to, in JSON. Secret: it ties a lock to an account."""

    chain: Hex32
    vault: Hex32
    owner: Hex32
    asset: Hex32
    amount: BaseUnits = Field(repr=False)
    venue: Hex32
    account: Digest = Field(repr=False)
    commitment: PointHex = Field(repr=False)
    secret: Hex32 = Field(repr=False)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if int(self.amount) > MAX_AMOUNT:
            raise ValueError("the amount of a lock is at most 2^96 - 1 base units")
        return self

    @classmethod
    def of(cls, note: Note) -> NoteOpening:
        """The JSON form of ``note``."""
        words = ("chain", "vault", "owner", "asset", "venue", "account", "commitment", "secret")
        return cls(amount=str(note.amount), **{name: canonical.to_hex(getattr(note, name)) for name in words})

    @property
    def note(self) -> Note:
        """The note itself. Secret."""
        words = ("chain", "vault", "owner", "asset", "venue", "account", "commitment", "secret")
        return Note(amount=int(self.amount), **{name: canonical.from_hex(getattr(self, name)) for name in words})


class Pledge(Document):
    """zkmargin/collateral-pledge/v1: a note's opening and the proof that the holder can open C. Secret."""

    SCHEMA: ClassVar[str] = "zkmargin/collateral-pledge/v1"
    schema_: Literal["zkmargin/collateral-pledge/v1"] = Field(default="zkmargin/collateral-pledge/v1", alias="schema")
    note: NoteOpening = Field(repr=False)
    proof: Hex64

    @classmethod
    def of(cls, note: Note, opening: Opening) -> Pledge:
        """The pledge of ``note``, whose commitment opens to ``opening``. Raises: WitnessError: it does not."""
        return cls(note=NoteOpening.of(note), proof=canonical.to_hex(prove_pledge(note, opening)))


def prove_pledge(note: Note, opening: Opening) -> bytes:
    """64 bytes that show knowledge of gamma in C = v G + gamma H, for v = ``opening.value``, meant for this note.

    Raises: WitnessError: the opening is not one of C, or gamma is zero.   EncodingError "bad_commitment".
    """
    blinded = _without_value(note.point, opening.value)
    return sigma.prove_zero(blinded, Opening(0, opening.blinding), context=_CONTEXT + note.digest)


def verify_pledge(note: Note, lots: int, proof: bytes) -> None:
    """Accept only if whoever made ``proof`` knows gamma with C = lots G + gamma H, and meant this note.

    Raises: EncodingError "bad_commitment"; ProofError "bad_pledge".
    Trust:  proof untrusted. What it shows together with the lock: C opens to floor(amount / lot), and to nothing else.
    """
    try:
        sigma.verify_zero(_without_value(note.point, lots), proof, context=_CONTEXT + note.digest)
    except EncodingError as error:
        if error.code == "bad_commitment":
            raise
        raise _unproved() from None
    except ProofError:
        raise _unproved() from None


def check_note(note: Note, registry: Chains) -> AssetClass:
    """The class of a note that is of this venue, of a chain of the registry and its vault, and of an asset that counts.

    Raises: ContextError "wrong_venue", "unknown_chain", "wrong_vault", "wrong_asset".
    """
    if note.venue != registry.venue_id:
        raise ContextError("the note is of another venue", code="wrong_venue")
    entry = registry.chain_of_digest(note.chain)
    if note.vault != canonical.from_hex(entry.vault):
        raise ContextError("the note is of another vault than the venue's on this chain", code="wrong_vault")
    return registry.class_of_asset(entry.chain, note.asset)


def check_pledge(pledge: Pledge, registry: Chains) -> tuple[Note, AssetClass]:
    """The note and its class, once all that can be said without looking at the chain holds.

    Raises: ContextError as ``check_note``, "out_of_range" (2^bits lots or more); EncodingError "bad_commitment";
            ProofError "bad_pledge".
    """
    note = pledge.note.note
    asset = check_note(note, registry)
    lots = units(note.amount, asset.lot_units)
    if lots >> asset.bits:
        raise ContextError("the lock holds more lots than a lock of its class may", code="out_of_range")
    verify_pledge(note, lots, canonical.from_hex(pledge.proof))
    return note, asset


def leaf_of(note: Note, asset: AssetClass, *, expiry: int, kind: int = KIND_TAG) -> Leaf:
    """What a checkpoint that expires at ``expiry`` says of the lock under ``note``."""
    return Leaf(
        kind=kind,
        bits=asset.bits,
        venue=note.venue,
        chain=note.chain,
        vault=note.vault,
        asset=note.asset,
        account=note.account,
        tag=note.tag,
        commitment=note.commitment,
        lot=asset.lot_units,
        expiry=expiry,
    )


def _without_value(commitment: Point, value: int) -> Point:
    return commitment - msm([G], [value])


def _unproved() -> ProofError:
    return ProofError("the proof does not show that the holder can open the commitment of the note", code="bad_pledge")
