"""What an offline checker accepts: one bundle that passes everything, and every way to fail, each with its code."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from margin_accounts import AUDIENCE, EXPIRY, OWNER, PRICES, VENUE, Case, account, oracle, params, request, round_of

from circuits.policy import Verified, check_round_age, verify_bundle
from circuits.statement import build
from zkmargin.bundle import Bundle
from zkmargin.canonical import parse_time
from zkmargin.documents import Oracle, Params, Policy, Round, Signed, State, Trust
from zkmargin.envelope import PrivateKey
from zkmargin.errors import ContextError, ProofError, VerificationError

ROOT, PARAMS_KEY, VENUE_KEY, STRANGER = (PrivateKey(bytes([n]) * 32) for n in (2, 3, 4, 9))
ORACLES = [PrivateKey(bytes([n]) * 32) for n in (5, 6, 7, 8)]
NOW = parse_time("2026-11-22T06:01:00Z")


def _signed(document: Params | Oracle | State, *keys: PrivateKey) -> Signed[Any]:
    return Signed(document, document.sign(*keys))


def _policy(**changed: object) -> Policy:
    trust = Trust(
        venue=VENUE,
        version=1,
        root=(ROOT.public,),
        params=(PARAMS_KEY.public,),
        attestation=(VENUE_KEY.public,),
        oracle=tuple(key.public for key in ORACLES),
        oracle_threshold=3,
    )
    fields: dict[str, Any] = {
        "trust": trust,
        "audience": AUDIENCE,
        "max_expiry_s": 86400,
        "max_round_age_s": 600,
        "max_box_percent": "5",
    }
    return Policy(**(fields | changed))


REPORTS = (oracle(PRICES), oracle(PRICES | {"BTC-USD": "61900"}, {"BTC-USD": "-12.5"})) * 2
ROUND = Round(tuple(_signed(report, key) for report, key in zip(REPORTS, ORACLES, strict=True)))
CASE = Case.of(account("20000", ("BTC-USD", "-0.75", "61250.0")), params(), ROUND)
PARAMS = _signed(CASE.params, PARAMS_KEY)
STATE = _signed(CASE.state, VENUE_KEY, OWNER)


def _bundle(case: Case = CASE, *, state: Signed[State] = STATE, **changed: Any) -> Bundle:
    asked = case.request(**({"percent": 2} | changed))
    proof = build(asked, case.state, case.params, case.round).prove(case.openings)
    return Bundle(request=asked, proof=proof, state=state, params=PARAMS, round=case.round)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return _bundle()


def _verify(bundle: Bundle, **changed: Any) -> Verified:
    arguments: dict[str, Any] = {"policy": _policy(), "params": PARAMS, "round": ROUND, "now_unix_s": NOW}
    return verify_bundle(bundle, **(arguments | changed))


def test_accepted(bundle: Bundle) -> None:
    verified = _verify(bundle)
    assert (verified.account, verified.seq, str(verified.claims)) == (CASE.state.account, 1, "maintenance")
    assert (verified.round_number, verified.expiry) == (17, EXPIRY)
    assert verified.params_digest == CASE.params.digest
    assert verified.unattested is False
    assert len(verified.box) == 2


def test_after_a_trip_through_bytes(bundle: Bundle) -> None:
    assert _verify(Bundle.from_bytes(bundle.to_bytes())) == _verify(bundle)


def _refused(code: str, bundle: Bundle, **changed: Any) -> None:
    with pytest.raises(VerificationError) as error:
        _verify(bundle, **changed)
    assert error.value.code == code


def test_limits_of_the_policy(bundle: Bundle) -> None:
    _refused("wrong_audience", bundle, policy=_policy(audience="another"))
    _refused("claim_not_allowed", bundle, policy=_policy(claims=("initial", "health")))
    _refused("box_too_wide", bundle, policy=_policy(max_box_percent="1.99"))
    _refused("expiry_too_far", bundle, policy=_policy(max_expiry_s=3600))
    _refused("old_round", bundle, policy=_policy(max_round_age_s=30))
    exactly = parse_time(EXPIRY) - NOW
    _verify(bundle, policy=_policy(max_expiry_s=exactly, max_round_age_s=60, max_box_percent="2"))
    _refused("expiry_too_far", bundle, policy=_policy(max_expiry_s=exactly - 1))
    _refused("old_round", bundle, policy=_policy(max_round_age_s=59))


def test_a_policy_may_allow_any_width(bundle: Bundle) -> None:
    _verify(bundle, policy=_policy(max_box_percent="100000"))


def test_expired(bundle: Bundle) -> None:
    end = parse_time(EXPIRY)
    patient = _policy(max_round_age_s=10**6)
    _verify(bundle, now_unix_s=end - 1, policy=patient)
    _refused("expired", bundle, now_unix_s=end, policy=patient)
    _refused("expired", bundle, now_unix_s=end, policy=None, allow_unattested=True)


def test_a_round_from_the_future() -> None:
    check_round_age(1060, 1000, 0)
    with pytest.raises(ContextError, match="future"):
        check_round_age(1061, 1000, 0)


def test_other_parameters_or_another_round(bundle: Bundle) -> None:
    newer = _signed(params(version=2), PARAMS_KEY)
    _refused("unknown_params", bundle, params=newer)
    one = Round(ROUND.reports[:1])
    _refused("unknown_round", bundle, round=one, policy=None, allow_unattested=True)
    for changed in ({"round_number": 18}, {"round": "0x" + "88" * 32}):
        _refused("unknown_round", _asking(bundle, **changed))


def _asking(bundle: Bundle, **changed: Any) -> Bundle:
    return replace(bundle, request=bundle.request.model_copy(update=changed))


def test_a_round_of_another_venue(bundle: Bundle) -> None:
    foreign = round_of(oracle(PRICES, venue="elsewhere"))
    asked = _asking(bundle, round=foreign.digest)
    _refused("unknown_round", asked, round=foreign, policy=None, allow_unattested=True)


def test_a_price_outside_the_box() -> None:
    """Both medians must lie inside: a box around the upper report alone leaves the lower one out."""
    upper = round_of(REPORTS[1])
    asked = Case(CASE.params, upper, CASE.held).prices
    _refused("price_outside_box", _bundle(bands=asked))


def test_a_funding_index_outside_the_box() -> None:
    narrow = [replace(band, funding_low=Fraction(0)) for band in CASE.prices]
    assert CASE.prices[0].funding_low < 0
    _refused("price_outside_box", _bundle(bands=narrow))


def test_another_account_state_or_sequence(bundle: Bundle) -> None:
    other = Case.of(account("30000"), params(), ROUND)
    signed = _signed(other.state, VENUE_KEY, OWNER)
    _refused("state_mismatch", replace(bundle, state=signed))
    _refused("wrong_account", _asking(bundle, account="0x" + "77" * 32))


def test_a_changed_request_or_proof(bundle: Bundle) -> None:
    with pytest.raises(ProofError):
        _verify(_asking(bundle, claim="health>=0.5"))
    _refused("proof_failed", replace(bundle, proof=bytes([*bundle.proof[:-1], bundle.proof[-1] ^ 1])))
    _refused("bad_encoding", replace(bundle, proof=bundle.proof[:-1]))
    _refused("bad_encoding", replace(bundle, proof=b""))


def test_the_documents_inside_the_bundle_are_not_used(bundle: Bundle) -> None:
    poisoned = replace(bundle, params=_signed(params(version=9), STRANGER), round=round_of(oracle({"X-USD": "1"})))
    assert _verify(poisoned).unattested is False


# Signatures


def test_the_state_needs_venue_and_owner(bundle: Bundle) -> None:
    for keys in [(), (VENUE_KEY,), (OWNER,), (STRANGER, OWNER)]:
        missing = replace(bundle, state=_signed(CASE.state, *keys))
        _refused("unattested", missing)
        assert _verify(missing, allow_unattested=True).unattested is True
    bare = replace(bundle, state=Signed(CASE.state))
    _refused("unattested", bare)
    assert _verify(bare, allow_unattested=True).unattested is True


def test_parameters_and_round_need_trusted_keys(bundle: Bundle) -> None:
    for changed in (
        {"params": Signed(CASE.params)},
        {"params": _signed(CASE.params, STRANGER)},
        {"params": _signed(CASE.params, ROOT)},
        {
            "policy": _policy(
                trust=_policy().trust.model_copy(
                    update={"oracle": (STRANGER.public, *(key.public for key in ORACLES[1:]))}
                )
            )
        },
    ):
        _refused("unsigned", bundle, **changed)
        assert _verify(bundle, allow_unattested=True, **changed).unattested is True


def test_a_wrong_signature_is_refused_even_if_none_is_needed(bundle: Bundle) -> None:
    envelope = CASE.state.sign(VENUE_KEY, OWNER)
    (venue, signature), owner = envelope.signatures
    forged = replace(envelope, signatures=((venue, signature[:-1] + bytes([signature[-1] ^ 1])), owner))
    _refused("bad_signature", replace(bundle, state=Signed(CASE.state, forged)), allow_unattested=True)


def test_keys_of_another_venue(bundle: Bundle) -> None:
    elsewhere = _policy(trust=_policy().trust.model_copy(update={"venue": "elsewhere"}))
    _refused("bad_signature", bundle, policy=elsewhere)
    _refused("bad_signature", bundle, policy=elsewhere, allow_unattested=True)


def test_without_a_policy_nothing_is_trusted(bundle: Bundle) -> None:
    _refused("unattested", bundle, policy=None)
    assert _verify(bundle, policy=None, allow_unattested=True).unattested is True


def test_an_account_without_openings_for_the_claim_is_not_proved_by_a_request() -> None:
    """The request of an insolvent account with the proof of a solvent one."""
    poor = Case.of(account("100", ("BTC-USD", "-0.75")), params(), ROUND)
    asked = request(poor.state, poor.parameters, ROUND, percent=2)
    stolen = Bundle(asked, _bundle().proof, _signed(poor.state, VENUE_KEY, OWNER), PARAMS, ROUND)
    _refused("proof_failed", stolen)
