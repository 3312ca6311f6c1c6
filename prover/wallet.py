"""The holder's secrets: identity, sealing key, salt, and the openings of the current and of the pending state.

The wallet moves in one direction. ``begin`` stores a next state before anyone hears of it, ``finish`` makes it the
current one after the verifier has accepted it. A crash in between leaves the pending state in the file, and the next
commit sends the very same request bytes again: openings of a state that somebody may hold are never lost. The openings
of a pending state that is given up are kept too, among ``abandoned``, until another state has its number.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from zkmargin import canonical
from zkmargin.documents import AttestationRequest, Document, Openings, Part, Round, Signed, State, account_id
from zkmargin.documents.base import Counter, Hex32, Name, PublicKey
from zkmargin.envelope import Envelope, PrivateKey
from zkmargin.sealing import SealingKey

from .collateral.locks import Lock
from .errors import WalletError
from .keystore import Keystore


class VenueKeys(Part):
    """The venue's public keys, as first seen; another answer later is refused."""

    attestation_key: PublicKey
    sealing_key: Hex32


class Committed(Part):
    """A state as the venue and the owner signed it, with its openings."""

    attestation: dict[str, Any]
    openings: Openings = Field(repr=False)

    @property
    def signed(self) -> Signed[State]:
        """The state in its envelope; its signatures were checked when it was stored."""
        return Signed.from_value(self.attestation, State)


class Pending(Part):
    """A next state on its way: the signed request, its openings, and the attestation once it has come."""

    request: dict[str, Any]
    openings: Openings = Field(repr=False)
    attestation: dict[str, Any] | None = None

    @property
    def request_envelope(self) -> Envelope:
        """The request, the same bytes every time."""
        return Envelope.from_value(self.request)

    @property
    def state(self) -> State:
        """The state that the venue is asked to attest."""
        return self._asked.state

    @property
    def round(self) -> Round:
        """The round that the state was made at."""
        return self._asked.oracle_round

    @property
    def _asked(self) -> AttestationRequest:
        return AttestationRequest.from_bytes(self.request_envelope.payload)

    def attested_by(self, key: str) -> bool:
        """Whether the attestation has come, and is by this key of the venue."""
        return self.attestation is not None and key in Envelope.from_value(self.attestation).keys


class WalletContent(Document):
    """What the keystore encrypts, zkmargin/wallet/v1. Secret."""

    SCHEMA: ClassVar[str] = "zkmargin/wallet/v1"
    schema_: Literal["zkmargin/wallet/v1"] = Field(default="zkmargin/wallet/v1", alias="schema")
    venue: Name
    identity: Hex32 = Field(repr=False)
    sealing: Hex32 = Field(repr=False)
    salt: Hex32
    epoch: Counter = 1
    venue_keys: VenueKeys | None = None
    current: Committed | None = None
    pending: Pending | None = None
    abandoned: tuple[Openings, ...] = Field(default=(), repr=False)
    collateral: tuple[Lock, ...] = Field(default=(), repr=False)


@dataclass
class Wallet:
    """An opened wallet. Its repr shows the path only."""

    keystore: Keystore
    content: WalletContent = field(repr=False)

    @classmethod
    def new(cls, path: Path, venue: str, password: str) -> Wallet:
        """Make a wallet with fresh keys in a new file.

        Raises: InputError: the file exists, or the name of the venue cannot be one.
        """
        content = WalletContent.from_value(
            {
                "schema": WalletContent.SCHEMA,
                "venue": venue,
                "identity": canonical.to_hex(PrivateKey.generate().to_bytes()),
                "sealing": canonical.to_hex(SealingKey.generate().to_bytes()),
                "salt": canonical.to_hex(secrets.token_bytes(32)),
            }
        )
        return cls(Keystore.create(path, content.to_bytes(), password), content)

    @classmethod
    def open(cls, path: Path, password: str) -> Wallet:
        """Open the wallet at ``path``.

        Raises: InputError: not a wallet.   PasswordError.
        """
        keystore = Keystore.open(path, password)
        return cls(keystore, WalletContent.from_bytes(keystore.content))

    @property
    def identity(self) -> PrivateKey:
        """The owner's signing key."""
        return PrivateKey(canonical.from_hex(self.content.identity, 32))

    @property
    def sealing_key(self) -> SealingKey:
        """The key that others seal to."""
        return SealingKey(canonical.from_hex(self.content.sealing, 32))

    @property
    def account_id(self) -> str:
        """The account's identifier; fixed when the wallet is made."""
        return account_id(self.content.venue, self.identity.public, self.sealing_key.public, self.content.salt)

    @property
    def next_seq(self) -> int:
        """The sequence number of the state after the current one."""
        return self.content.current.signed.document.seq + 1 if self.content.current else 1

    def require_current(self) -> Committed:
        """The current state. Raises: WalletError: there is none yet."""
        if self.content.current is None:
            raise WalletError("the wallet has no committed state yet: run zkmargin commit first", code="no_state")
        return self.content.current

    def require_pending(self) -> Pending:
        """The pending state. Raises: WalletError: there is none."""
        if self.content.pending is None:
            raise WalletError("the wallet has no unfinished commit", code="no_pending")
        return self.content.pending

    def require_abandoned(self) -> Openings:
        """The openings of the state that was given up last. Raises: WalletError: none was."""
        if not self.content.abandoned:
            raise WalletError("no commit of the next number was given up", code="no_abandoned")
        return self.content.abandoned[-1]

    def require_lock(self, number: int) -> Lock:
        """The lock of collateral with this number. Raises: WalletError: there is none."""
        if not 1 <= number <= len(self.content.collateral):
            raise WalletError("the wallet has no lock of this number: zkmargin collateral list", code="no_lock")
        return self.content.collateral[number - 1]

    def remember(self, lock: Lock) -> None:
        """Store the next lock, before its transaction leaves this machine. Records are never removed: the number of a
        lock is what its secrets are derived from."""
        if lock.number != len(self.content.collateral) + 1:
            raise WalletError("the wallet has another lock of this number already", code="lock_number")
        self._save(collateral=(*self.content.collateral, lock))

    def pledged(self, number: int) -> None:
        """Store that the note of a lock was shown to those who attest it. Raises: WalletError "no_lock"."""
        lock = self.require_lock(number)
        if not lock.pledged:
            known = self.content.collateral
            shown = lock.model_copy(update={"pledged": True})
            self._save(collateral=(*known[: number - 1], shown, *known[number:]))

    def pin(self, keys: VenueKeys, *, replace: bool = False) -> None:
        """Remember the venue's keys at first sight; refuse others later, unless the holder says ``replace``.

        Raises: WalletError.
        """
        known = self.content.venue_keys
        if known == keys:
            return
        if known is not None and not replace:
            raise WalletError(
                "the venue now shows other keys than before; openings are not sealed to them."
                " If the venue has announced new keys, pass --accept-new-venue-keys",
                code="venue_keys_changed",
            )
        self._save(venue_keys=keys)

    def begin(self, pending: Pending) -> None:
        """Store a next state, before its request leaves this machine."""
        if self.content.pending is not None:
            raise WalletError("the wallet has a pending commit already", code="pending")
        self._save(pending=pending)

    def attested(self, attestation: Envelope) -> None:
        """Store the checked and countersigned attestation of the pending state."""
        self._save(pending=self.require_pending().model_copy(update={"attestation": attestation.to_value()}))

    def finish(self) -> None:
        """The pending state has been accepted: it becomes the current one."""
        pending = self.require_pending()
        if pending.attestation is None:
            raise WalletError("the unfinished commit has no attestation yet", code="no_attestation")
        # What was given up for this number can be no state of the account any more.
        current = Committed(attestation=pending.attestation, openings=pending.openings)
        self._save(current=current, pending=None, abandoned=())

    def abandon(self) -> None:
        """Give the pending state up; its openings are kept, because the venue may have attested it unheard.

        Raises: WalletError: its attestation is here, so the venue will attest no other state with this number.
        """
        self._save(pending=None, abandoned=(*self.content.abandoned, self._unattested().openings))

    def restore(self, pending: Pending) -> None:
        """Put ``pending``, made of the openings that were given up last, in the place of the pending state if there is
        one.

        Raises: WalletError: as ``abandon``.
        """
        kept = () if self.content.pending is None else (self._unattested().openings,)
        self._save(pending=pending, abandoned=(*kept, *self.content.abandoned[:-1]))

    def _unattested(self) -> Pending:
        pending = self.require_pending()
        if pending.attestation is not None:
            raise WalletError(
                "the venue has attested the pending state, and attests no other one with its number: finish the commit",
                code="pending",
            )
        return pending

    def _save(self, **changes: Any) -> None:
        content = self.content.model_copy(update=changes)
        encoded = content.to_bytes()
        if len(encoded) > canonical.MAX_DOCUMENT_BYTES:  # it could not be opened again
            raise WalletError(
                "the wallet has no room for another commit that is given up: take those up again, one after the other,"
                " with --restore-pending",
                code="wallet_full",
            )
        self.keystore.save(encoded)
        self.content = content
