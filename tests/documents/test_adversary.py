"""What an adversary found in documents and bundles: each fails without its fix."""

import copy
from functools import partial

import bundle_world as world
import margin_accounts as accounts
import pytest

from circuits.policy import verify_bundle
from zkmargin import canonical
from zkmargin.bundle import Bundle
from zkmargin.documents import AttestationRequest, LabelledOpening, Openings, Signed
from zkmargin.envelope import Envelope
from zkmargin.errors import ContextError, VerificationError
from zkmargin.pedersen import Opening
from zkmargin.sealing import SealingKey


@pytest.fixture(scope="module")
def bundle():
    return world.prove("adversary", world.HEDGED, signers=world.ATTESTED, percent=5)


@pytest.mark.parametrize("tail", ["0", "0000000000000000000000007"])
def test_one_proof_makes_one_bundle(bundle, tail):
    """Another spelling of a price, with the same meaning in atto per lot, is not another accepted bundle."""
    world.check(bundle.to_bytes())
    value = copy.deepcopy(bundle.to_value())
    entry = value["request"]["box"][0]
    entry["high"] += ("" if "." in entry["high"] else ".") + tail
    with pytest.raises(VerificationError):
        world.check(canonical.to_bytes(value))


def test_ends_are_compared_before_they_are_rounded(bundle):
    value = copy.deepcopy(bundle.to_value())
    value["request"]["box"][0] |= {"low": "61873.50000000000000000009", "high": "61873.5"}
    with pytest.raises(ContextError) as caught:
        world.check(canonical.to_bytes(value))
    assert caught.value.code == "bad_box"


def check_unattested(bundle, **documents):
    verify_bundle(
        bundle,
        policy=world.POLICY,
        params=world.SIGNED_PARAMS,
        now_unix_s=world.NOW_UNIX_S,
        allow_unattested=True,
        round=documents.get("round", world.ROUND),
    )


def test_a_wrong_signature_is_refused_even_where_none_is_needed(bundle):
    state = bundle.state.document
    wrong = Envelope(state.media_type(), state.to_bytes(), ((accounts.OWNER.public, bytes(64)),))
    forged = Bundle(bundle.request, bundle.proof, Signed(state, wrong), bundle.params, bundle.round)
    with pytest.raises(ContextError) as caught:
        check_unattested(forged)
    assert caught.value.code == "bad_signature"


def test_a_weak_claim_says_that_it_is_weak():
    weak = world.prove("weak", world.HEDGED, signers=world.ATTESTED, claim="health>=0.5")
    check = partial(
        verify_bundle, policy=world.POLICY, params=world.SIGNED_PARAMS, round=world.ROUND, now_unix_s=world.NOW_UNIX_S
    )
    assert not check(weak).covers_maintenance
    strong = world.prove("strong", world.HEDGED, signers=world.ATTESTED, claim="health>=1")
    assert check(strong).covers_maintenance


def test_the_sealed_length_tells_no_digits():
    key = SealingKey.generate()
    state = accounts.state({"cash0": Opening(1, 2)}, {"cash0": "0.000000000000000001"})

    def sealed(value):
        openings = Openings(openings=(LabelledOpening.of("cash0", Opening(value, 5)),))
        request = AttestationRequest(
            state=state,
            params="0x" + "11" * 32,
            round=world.ROUND.to_value(),
            sealed=AttestationRequest.seal(openings, state, key.public),
        )
        assert request.open(key).by_label["cash0"].value == value
        return request.sealed

    assert len({len(sealed(value)) for value in (0, -7, 10**30, 2**104)}) == 1
