"""Moving an account to its next state: commit, have the venue attest, countersign, post, and only then move the wallet.

    1  next state: cash0 and the size of every market under fresh blindings; stored in the wallet as pending
    2  request: the state, and its openings sealed to the venue, signed by the owner   -> venue
    3  attestation: checked to be of exactly that state, by the venue's pinned key; countersigned; stored
    4  the attested state                                                              -> verifier
    5  the pending state becomes the wallet's current one

Every step may crash. The wallet then holds the pending state, and the steps that remain are repeated with the same
bytes; both services answer a repetition with their first answer.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from circuits.markets import holdings
from zkmargin import canonical
from zkmargin.documents import (
    NO_STATE,
    Account,
    AttestationRequest,
    LabelledCommitment,
    LabelledOpening,
    Openings,
    Signed,
    State,
    account_id,
)
from zkmargin.envelope import Envelope, PrivateKey
from zkmargin.errors import InputError
from zkmargin.group import encode
from zkmargin.pedersen import Opening, commit
from zkmargin.sealing import SealingKey

from .answers import VenueAnswer
from .client import Verifier
from .errors import Refused, WalletError
from .public import Public
from .wallet import Pending, VenueKeys, Wallet


def keys_for(wallet: Wallet, answer: VenueAnswer) -> VenueKeys:
    """The venue's keys, if it is the wallet's venue. Raises: WalletError."""
    if answer.venue != wallet.content.venue:
        raise WalletError(f"this wallet is for the venue {wallet.content.venue}", code="other_venue")
    return VenueKeys(attestation_key=answer.attestation_key, sealing_key=answer.sealing_key)


@dataclass(frozen=True)
class Identity:
    """Who a state belongs to."""

    venue: str
    owner: PrivateKey
    sealing_key: str
    salt: str
    epoch: int = 1

    @classmethod
    def of(cls, wallet: Wallet) -> Identity:
        """The identity that a wallet holds."""
        content = wallet.content
        return cls(content.venue, wallet.identity, wallet.sealing_key.public, content.salt, content.epoch)

    @classmethod
    def throw_away(cls, venue: str) -> Identity:
        """An identity that nobody keeps: its private keys are forgotten."""
        salt = canonical.to_hex(secrets.token_bytes(32))
        return cls(venue, PrivateKey.generate(), SealingKey.generate().public, salt)

    @property
    def account(self) -> str:
        """The identifier of the account."""
        return account_id(self.venue, self.owner.public, self.sealing_key, self.salt)


def next_state(identity: Identity, account: Account, public: Public, previous: State | None) -> tuple[State, Openings]:
    """The state that commits to ``account``, and its openings: one label for every market, zeros included.

    Raises: InputError: the account does not fit the venue's markets.
    """
    values = holdings(account, public.risk, public.prices).values(public.risk)
    openings = {label: Opening.random(value) for label, value in values.items()}
    state = State(
        venue=identity.venue,
        account=identity.account,
        owner=identity.owner.public,
        sealing_key=identity.sealing_key,
        salt=identity.salt,
        epoch=identity.epoch,
        seq=previous.seq + 1 if previous else 1,
        previous=previous.state_digest if previous else NO_STATE,
        commitments=tuple(
            LabelledCommitment(label=label, unit=unit, commitment=canonical.to_hex(encode(commit(openings[label]))))
            for label, unit in public.risk.units.items()
        ),
    )
    return state, Openings(openings=tuple(LabelledOpening.of(label, opening) for label, opening in openings.items()))


def begin(wallet: Wallet, account: Account, public: Public) -> Pending:
    """Step 1 and 2: make the next state and its signed request, and store both before anyone hears of them.

    Raises: InputError, WalletError.
    """
    content = wallet.content
    if content.venue_keys is None:
        raise WalletError("the venue's keys are not known yet", code="no_venue_keys")
    if public.params.document.venue != content.venue:
        raise WalletError(f"this wallet is for the venue {content.venue}", code="other_venue")
    identity = Identity.of(wallet)
    previous = content.current.signed.document if content.current else None
    state, openings = next_state(identity, account, public, previous)
    request = AttestationRequest(
        state=state,
        params=public.params.digest,
        round=public.round.to_value(),
        sealed=AttestationRequest.seal(openings, state, content.venue_keys.sealing_key),
    )
    pending = Pending(request=request.sign(identity.owner).to_value(), openings=openings)
    wallet.begin(pending)
    return pending


def accept_attestation(wallet: Wallet, answer: Any) -> None:
    """Step 3: ``answer`` is the pending state itself, signed by the venue's pinned key; countersign and store it.

    Raises: VerificationError: it is about another state, or not signed by the venue.   WalletError.
    """
    pending, keys = wallet.require_pending(), wallet.content.venue_keys
    if keys is None:
        raise WalletError("the venue's keys are not known yet", code="no_venue_keys")
    try:
        attestation = Signed.from_value(answer, State)
    except InputError as error:
        raise Refused(f"the venue's answer is not an attestation: {error}", code="bad_attestation") from None
    if attestation.envelope is None or attestation.document != pending.state:
        raise Refused("the venue attested something else than was asked", code="bad_attestation")
    attestation.verify([keys.attestation_key])
    # Only the venue's signature and the owner's go on: whatever else the answer carried is dropped.
    signatures = tuple(s for s in attestation.envelope.signatures if s[0] == keys.attestation_key)
    envelope = Envelope(attestation.envelope.payload_type, attestation.envelope.payload, signatures)
    wallet.attested(envelope.with_signature(wallet.identity))


def attested_state(wallet: Wallet) -> bytes:
    """The attested pending state, as the verifier wants it. Raises: WalletError."""
    attestation = wallet.require_pending().attestation
    if attestation is None:
        raise WalletError("the unfinished commit has no attestation yet", code="no_attestation")
    return canonical.to_bytes(attestation)


def post(wallet: Wallet, verifier: Verifier) -> None:
    """Steps 4 and 5.

    Raises: Refused, Unavailable: the wallet keeps the pending state.
    """
    try:
        verifier.post_state(wallet.account_id, attested_state(wallet))
    except Refused as error:
        raise Refused(f"{error}. The commit stays pending in the wallet", code=error.code) from None
    wallet.finish()


def abandon(wallet: Wallet, verifier: Verifier | None) -> None:
    """Give the pending state up, unless the verifier holds it already.

    Raises: WalletError: it does, so the commit only has to be finished.
    """
    pending = wallet.require_pending()
    if verifier is not None:
        try:
            held_seq = verifier.account(wallet.account_id).seq
        except Refused:  # it does not know the account at all
            held_seq = 0
        if held_seq >= pending.state.seq:
            raise WalletError("the verifier already holds the pending state: finish the commit instead", code="pending")
    wallet.abandon()


def same_account(wallet: Wallet, account: Account, public: Public) -> bool:
    """Whether the current state commits to ``account``."""
    values = holdings(account, public.risk, public.prices).values(public.risk)
    openings = wallet.require_current().openings.by_label
    return {label: opening.value for label, opening in openings.items()} == values
