"""The note of a lock: a hash that fixes which account the lock backs without saying it; and its tag.

    note = SHA-256( SHA-256("zkmargin/pledge-note/v1") | chain | vault | owner | asset | amount (32) | venue | account
                    | C (48) | 0^16 | s )                      eleven words of 32 bytes: a contract hashes the same
    tag  = SHA-256( "zkmargin/pledge-tag/v1" | s )             names no chain: a lock that is seen twice has one tag
    C    = v G + gamma H,    v = floor(amount / lot)

A note opens to one owner, account and commitment: whoever finds another opening has found a collision of SHA-256.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..errors import EncodingError, InputError
from ..field import R
from ..group import Point, decode

MAX_AMOUNT = 2**96 - 1
"""What a vault stores of an amount."""

_NOTE = hashlib.sha256(b"zkmargin/pledge-note/v1").digest()
_TAG = b"zkmargin/pledge-tag/v1"
_SECRET = b"zkmargin/pledge-secret/v1"
_BLINDING = b"zkmargin/pledge-blinding/v1"
_WORDS = ("chain", "vault", "owner", "asset", "venue", "account", "secret")


@dataclass(frozen=True)
class Note:
    """What a note opens to. Secret while the lock is to stay apart from the account: its repr shows only the chain's
    side. ``amount`` is in base units of the asset, 1 to 2^96 - 1; ``commitment`` is C.

    Raises: InputError: a field of another length, an amount out of range.
    """

    chain: bytes
    vault: bytes
    owner: bytes
    asset: bytes
    amount: int = field(repr=False)
    venue: bytes
    account: bytes = field(repr=False)
    commitment: bytes = field(repr=False)
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        for name in _WORDS:
            if len(getattr(self, name)) != 32:
                raise InputError(f"the {name} of a note is 32 bytes", code="bad_note")
        if len(self.commitment) != 48:
            raise InputError("the commitment of a note is 48 bytes", code="bad_note")
        if not 1 <= self.amount <= MAX_AMOUNT:
            raise InputError("the amount of a lock is from 1 to 2^96 - 1 base units", code="bad_amount")

    @property
    def digest(self) -> bytes:
        """The note itself, 32 bytes: what stands on the chain."""
        amount = self.amount.to_bytes(32, "big")
        chain_side = self.chain + self.vault + self.owner + self.asset + amount
        account_side = self.venue + self.account + self.commitment + bytes(16) + self.secret
        return hashlib.sha256(_NOTE + chain_side + account_side).digest()

    @property
    def tag(self) -> bytes:
        """What stands for the lock wherever it is counted, 32 bytes."""
        return tag_of(self.secret)

    @property
    def point(self) -> Point:
        """C as a point. Raises: EncodingError "bad_commitment"."""
        return commitment_point(self.commitment)


def tag_of(secret: bytes) -> bytes:
    """SHA-256("zkmargin/pledge-tag/v1" | s). Raises: InputError unless ``secret`` is 32 bytes."""
    if len(secret) != 32:
        raise InputError("the secret of a note is 32 bytes", code="bad_note")
    return hashlib.sha256(_TAG + secret).digest()


def commitment_point(commitment: bytes) -> Point:
    """The point of a pledged commitment: of the subgroup, and not the identity, whose opening everybody knows.

    Raises: EncodingError "bad_commitment".   Cost: one square root and one subgroup check.
    """
    try:
        return decode(commitment)
    except EncodingError:
        message = "the commitment of a lock is a point of the subgroup of order r, and not the identity"
        raise EncodingError(message, code="bad_commitment") from None


def units(amount: int, lot: int) -> int:
    """v = floor(amount / lot): what is pledged, in lots. Rounded down, against the holder.

    Raises: InputError: the lot is below 1.
    """
    if lot < 1:
        raise InputError("a lot is at least one base unit", code="bad_lot")
    return amount // lot


def note_secret(seed: bytes, index: int) -> bytes:
    """The secret s of the holder's note number ``index``: 32 bytes by HKDF-SHA256. Secret.

    Every note takes an index of its own: two notes of one index have one tag, and only one of them can count.
    """
    return _derive(seed, _SECRET, index, 32)


def note_blinding(seed: bytes, index: int) -> int:
    """The blinding gamma of the same note: 64 bytes by HKDF-SHA256, modulo r. Secret.

    Two commitments with one blinding show the difference of their amounts: another reason for one index a note.
    """
    return int.from_bytes(_derive(seed, _BLINDING, index, 64), "big") % R


def _derive(seed: bytes, label: bytes, index: int, length: int) -> bytes:
    if len(seed) < 32:
        raise InputError("a seed of notes has at least 32 bytes")
    if not 0 <= index < 2**64:
        raise InputError("the index of a note is below 2^64")
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=label + index.to_bytes(8, "big")).derive(seed)
