"""Moving an account to its next state: commit, have the venue attest, countersign, post, and only then move the wallet.

    1  next state: cash0 and the size of every market under fresh blindings; stored in the wallet as pending
    2  request: the state, and its openings sealed to the venue, signed by the owner   -> venue
    3  attestation: checked to be of exactly that state, by the venue's pinned key; countersigned; stored
    4  the attested state                                                              -> verifier
    5  the pending state becomes the wallet's current one

Every step may crash. The wallet then holds the pending state, and the steps that remain are repeated with the same
bytes; both services answer a repetition with their first answer.

A venue attests one state a number. So a pending state can be given up only until its attestation is here, and it is
never forgotten before another one has its number: if the venue turns out to have attested it after all, it is made
pending again (``restore``). There is no order of crashes and of giving up in which the openings of an attested state
are gone.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from circuits.holdings import holdings
from circuits.markets import RiskParameters
from circuits.prices import prices_of
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
from .client import Venue, Verifier
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
    entries = (LabelledOpening.of(label, Opening.random(value)) for label, value in values.items())
    openings = Openings(openings=tuple(entries))
    return state_of(identity, openings, public.risk.units, previous), openings


def state_of(identity: Identity, openings: Openings, units: Mapping[str, str], previous: State | None) -> State:
    """The state after ``previous`` that commits to ``openings``: the same ones make the same state."""
    return State(
        venue=identity.venue,
        account=identity.account,
        owner=identity.owner.public,
        sealing_key=identity.sealing_key,
        salt=identity.salt,
        epoch=identity.epoch,
        seq=previous.seq + 1 if previous else 1,
        previous=previous.state_digest if previous else NO_STATE,
        commitments=tuple(
            LabelledCommitment(label=label, unit=units[label], commitment=canonical.to_hex(encode(commit(opening))))
            for label, opening in openings.by_label.items()
        ),
    )


def begin(wallet: Wallet, account: Account, public: Public) -> Pending:
    """Step 1 and 2: make the next state and its signed request, and store both before anyone hears of them.

    Raises: InputError, WalletError.
    """
    state, openings = next_state(Identity.of(wallet), account, public, _previous(wallet))
    pending = _pending(wallet, state, openings, public)
    wallet.begin(pending)
    return pending


def restore(wallet: Wallet, public: Public) -> None:
    """Make the state that was given up last the pending one again, with a request of today. What was pending instead
    is kept like the others, and is the last to come back: repeated, this tries every one of them.

    Raises: InputError, WalletError: none was given up, or the pending one has its attestation.
    """
    openings = wallet.require_abandoned()
    if openings.by_label.keys() - public.risk.units.keys():
        raise InputError("the risk parameters have not all markets of the commit", code="unknown_label")
    state = state_of(Identity.of(wallet), openings, public.risk.units, _previous(wallet))
    wallet.restore(_pending(wallet, state, openings, public))


def _previous(wallet: Wallet) -> State | None:
    current = wallet.content.current
    return None if current is None else current.signed.document


def _pending(wallet: Wallet, state: State, openings: Openings, public: Public) -> Pending:
    content = wallet.content
    if content.venue_keys is None:
        raise WalletError("the venue's keys are not known yet", code="no_venue_keys")
    if public.params.document.venue != content.venue:
        raise WalletError(f"this wallet is for the venue {content.venue}", code="other_venue")
    request = AttestationRequest(
        state=state,
        params=public.params.digest,
        round=public.round.to_value(),
        sealed=AttestationRequest.seal(openings, state, content.venue_keys.sealing_key),
    )
    return Pending(request=request.sign(wallet.identity).to_value(), openings=openings)


def is_attested(wallet: Wallet) -> bool:
    """Whether the pending state has an attestation, by the key that the wallet has for the venue now."""
    pending, keys = wallet.content.pending, wallet.content.venue_keys
    return pending is not None and keys is not None and pending.attested_by(keys.attestation_key)


_HINTS = {
    "old_round": "If its round has passed it never will be: give it up with --abandon-pending, and commit anew",
    "bad_seal": "If the venue has new keys: --accept-new-venue-keys --abandon-pending",
    "positions_differ": "If the account file was wrong: give the pending commit up with --abandon-pending",
}


def ask(wallet: Wallet, venue: Venue) -> None:
    """Steps 2 and 3.

    Raises: Refused, Unavailable: the wallet keeps the pending state.   As ``accept_attestation``.
    """
    try:
        answer = venue.attest(wallet.require_pending().request_envelope.to_bytes())
    except Refused as error:
        hint = _HINTS.get(error.code, "The commit stays pending in the wallet")
        if error.code == "earlier_sequence" and wallet.content.abandoned:
            hint = "It is one that was given up: go on with that one, --restore-pending"
        raise Refused(f"{error}. {hint}", code=error.code) from None
    accept_attestation(wallet, answer)


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
    """Steps 4 and 5. A verifier that holds the pending state already, under an attestation by an older key of the
    venue, has all it needs.

    Raises: Refused, Unavailable: the wallet keeps the pending state.
    """
    pending = wallet.require_pending()
    try:
        verifier.post_state(wallet.account_id, attested_state(wallet))
    except Refused as error:
        if error.code != "earlier_sequence" or verifier.state(wallet.account_id).document != pending.state:
            hint = "If the venue has a new key: --accept-new-venue-keys. " if error.code == "unsigned" else ""
            raise Refused(f"{error}. {hint}The commit stays pending in the wallet", code=error.code) from None
    wallet.finish()


def same_account(pending: Pending, account: Account, risk: RiskParameters) -> bool:
    """Whether ``pending`` commits to ``account``, at the round and to the markets that it was made for.

    Raises: InputError: the account does not fit the venue's markets.
    """
    opened = {label: opening.value for label, opening in pending.openings.by_label.items()}
    known = tuple(market for market in risk.markets if all(hidden.label in opened for hidden in market.hidden))
    held = {position.market or position.option for position in account.positions}
    held |= {holding.asset for holding in (*(account.collateral or ()), *(account.debts or ()))}
    if held - {market.name for market in known}:
        return False
    then = replace(risk, markets=known)
    return holdings(account, then, prices_of(pending.round, then)).values(then) == opened
