"""A lock on Solana: an account of the stake program, which the chain has built in, under a lockup.

    address = SHA-256(owner | seed | stake program),  seed = the first 16 bytes of the note in hex    found by the note
    lockup  = (unix_timestamp = unlockAt, epoch = 0, custodian = note)                                binds the note
    amount  = lamports - the rent reserve that the account states

There is no contract of ours, so none to trust, to audit or to upgrade: `solana create-stake-account --seed
--lockup-date --custodian` makes such a lock. Only the owner can create the account of that address, for it signs.

Why the coins stay. While the chain's clock is before unlockAt the program lets nobody withdraw, change the withdraw
authority or change the lockup, but the custodian. The custodian is the note, a hash, and nobody signs for a hash: a key
for it is a collision of SHA-256 with the multiplication of the curve. A program can sign for a hash too, if what was
hashed ends in (the program's address | "ProgramDerivedAddress"). Where that address would be, the note has C's last 5
bytes, 16 zeros and 11 bytes of s. Of all programs only the chain's own at address zero has these zeros, and it signs
for nobody; to make another takes 2^128 keys.

What the program still allows, to the stake authority (anyone whom the owner names), and what it does to a lock:

split    The new account has the same lockup and custodian, and holds what the old one gives up. It stands at another
         address than the note's, so it is no lock; what is left must hold the amount, or the lock backs nothing.
merge,   Only between accounts of one owner and one lockup: coins come from, or go to, an account that is locked as
move     long for the same note. If the lock's own account ends so, the lock is gone, and nothing counts.
delegate Coins stay in the account, rewards are added to it. Solana takes nothing from delegated stake today; should it
         learn to, a lock holds less, and the class's haircut must cover that.
gifts    Anybody can add lamports. A lock that holds more than its note says backs what the note says.

There is no release request: the term is fixed when the lock is made. Nearer to its end than the registry's delay the
lock is as one whose release is requested, from unlockAt on as one that is released; so a lock is of use for its term
less the delay. After its term the owner can lock the account anew under the same note: it has one tag still, and an
attestor that saw the end counts it no more.

There is no seizure: such a lock shows coins that cannot go elsewhere for a while, and nobody can take them from the
owner. Caps and haircuts of the chain must be what the venue would lend against that.

unlockAt is compared with the chain's clock, the validators' median, which may run a quarter fast within an epoch of two
days: margin_s of such a chain covers 12 hours on top of what else it covers.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from ..errors import InputError
from . import base58

STAKE_PROGRAM = base58.decode("Stake11111111111111111111111111111111111111")
STAKE_BYTES = 200
NATIVE = bytes(32)
"""The asset of a lock: SOL itself, in lamports."""

_SEED_BYTES = 16  # the chain limits a seed to 32 characters; that it is the right note is seen by the custodian
_INITIALIZED, _DELEGATED = 1, 2
_META = struct.Struct("<IQ32s32sqQ32s")  # kind, rent reserve, staker, withdrawer, lockup: time, epoch, custodian


@dataclass(frozen=True)
class StakeAccount:
    """What counts of an account of the stake program. Amounts in lamports, times in Unix seconds."""

    rent_reserve: int
    withdrawer: bytes
    unlock_at_unix_s: int
    lockup_epoch: int
    custodian: bytes


def lock_seed(note: bytes) -> str:
    """The seed of the lock's address. Raises: InputError: a note is 32 bytes."""
    if len(note) != 32:
        raise InputError("a note is 32 bytes", code="bad_note")
    return note[:_SEED_BYTES].hex()


def lock_address(owner: bytes, note: bytes) -> bytes:
    """The address of the owner's lock under ``note``. Raises: InputError: a word is not 32 bytes."""
    if len(owner) != 32:
        raise InputError("an address of Solana is 32 bytes")
    return hashlib.sha256(owner + lock_seed(note).encode() + STAKE_PROGRAM).digest()


def read_stake(data: bytes) -> StakeAccount | None:
    """The account; None if it holds no stake: another length, or not initialized."""
    if len(data) != STAKE_BYTES:
        return None
    kind, reserve, _staker, withdrawer, unlock_at, epoch, custodian = _META.unpack_from(data)
    if kind not in (_INITIALIZED, _DELEGATED):
        return None
    return StakeAccount(reserve, withdrawer, unlock_at, epoch, custodian)
