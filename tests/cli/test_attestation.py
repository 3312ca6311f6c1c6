"""An attestation is of exactly the state that was asked, by exactly the pinned key; openings go to the venue only."""

from __future__ import annotations

import pytest
from cli_world import CliWorld, Owner, account

from prover import client, commit
from prover.errors import Refused, WalletError
from prover.public import Public, load
from prover.wallet import VenueKeys, Wallet
from zkmargin.documents import AttestationRequest, Signed, State
from zkmargin.envelope import Envelope, PrivateKey
from zkmargin.errors import ContextError
from zkmargin.sealing import SealingKey

KEY = PrivateKey.generate()
"""The venue's, in these tests."""


@pytest.fixture
def public(world: CliWorld) -> Public:
    with client.Verifier(world.verifier) as service:
        return load(None, (), service)


@pytest.fixture
def wallet(owner: Owner, public: Public) -> Wallet:
    wallet = owner.open()
    wallet.pin(VenueKeys(attestation_key=KEY.public, sealing_key=SealingKey.generate().public))
    commit.begin(wallet, account("holder"), public)
    return wallet


def test_the_state_signed_by_the_venue_is_accepted_and_countersigned(wallet: Wallet) -> None:
    extra = PrivateKey.generate()
    commit.accept_attestation(wallet, wallet.require_pending().state.sign(KEY, extra).to_value())
    stored = Signed.from_value(wallet.require_pending().attestation, State)
    assert stored.envelope is not None
    assert set(stored.envelope.keys) == {KEY.public, wallet.identity.public}


def test_another_key(wallet: Wallet) -> None:
    with pytest.raises(ContextError):
        commit.accept_attestation(wallet, wallet.require_pending().state.sign(PrivateKey.generate()).to_value())


def test_a_bad_signature(wallet: Wallet) -> None:
    envelope = wallet.require_pending().state.sign(KEY)
    forged = Envelope(envelope.payload_type, envelope.payload, ((KEY.public, bytes(64)),))
    with pytest.raises(ContextError):
        commit.accept_attestation(wallet, forged.to_value())


def test_another_state(wallet: Wallet) -> None:
    state = wallet.require_pending().state
    swapped = (state.commitments[1], state.commitments[0], *state.commitments[2:])
    for other in (state.model_copy(update={"seq": 2, "previous": "0x" + "11" * 32}),
                  state.model_copy(update={"commitments": swapped})):  # fmt: skip
        with pytest.raises(Refused, match="something else"):
            commit.accept_attestation(wallet, other.sign(KEY).to_value())


def test_no_signature_at_all_or_junk(wallet: Wallet) -> None:
    state = wallet.require_pending().state
    for answer in (state.to_value(), {}, None, [], "x", {"payloadType": 1}):
        with pytest.raises(Refused):
            commit.accept_attestation(wallet, answer)
    assert wallet.require_pending().attestation is None


def test_an_unattested_state_is_not_posted(wallet: Wallet) -> None:
    with client.Verifier("http://127.0.0.1:1") as service, pytest.raises(WalletError):
        commit.post(wallet, service)
    with pytest.raises(WalletError, match="no attestation"):
        wallet.finish()
    assert wallet.content.current is None


def test_the_openings_are_sealed_to_the_venue_and_bound_to_the_state(owner: Owner, public: Public) -> None:
    wallet, venue = owner.open(), SealingKey.generate()
    wallet.pin(VenueKeys(attestation_key=KEY.public, sealing_key=venue.public))
    pending = commit.begin(wallet, account("holder"), public)
    request = AttestationRequest.from_bytes(pending.request_envelope.payload)
    assert request.open(venue) == pending.openings
    pending.request_envelope.verify([wallet.identity.public], payload_type=AttestationRequest.media_type())
    with pytest.raises(WalletError, match="pending"):
        commit.begin(wallet, account("holder"), public)
