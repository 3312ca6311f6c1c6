"""What an offline checker asks of locks that a bundle counts: one bundle that passes, and each way to fail."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from collateral_world import (
    BLOCK_TIME,
    CHAINS,
    EVM,
    MEMBERS,
    NOW,
    SOL,
    SPL,
    Lock,
    checkpoint_file,
    hexed,
    leaves,
    lock,
    member_set,
    tag_evidence,
)
from margin_accounts import AUDIENCE, OWNER, PRICES, VENUE, Case, account, oracle, params

from circuits.evidence import Evidence, allowed_atto
from circuits.policy import Verified, verify_bundle
from circuits.statement import build
from zkmargin.bundle import Bundle, Collateral
from zkmargin.canonical import from_hex
from zkmargin.collateral import Chains, Leaf, MemberSet
from zkmargin.documents import Policy, Round, Signed, Trust
from zkmargin.envelope import PrivateKey
from zkmargin.errors import ContextError, InputError, VerificationError

KEY, ATTESTOR, STRANGER = (PrivateKey(bytes([n]) * 32) for n in (3, 4, 9))
ORACLES = [PrivateKey(bytes([n]) * 32) for n in (5, 6, 7, 8)]


def _round(**prices: str) -> Round:
    """Four reports: ETH between 2400 and 2410.25, USDX between 0.99 and 1."""
    low, high = PRICES | {"ETH-USD": "2400", "USDX-USD": "0.99"}, PRICES | {"USDX-USD": "1"}
    views = [oracle(view | prices) for view in (low, low, high, high)]
    return Round(tuple(Signed(view, view.sign(key)) for view, key in zip(views, ORACLES, strict=True)))


ROUND = _round()
CASE = Case.of(account("10", ("BTC-USD", "-0.05", "61873.5")), params(), ROUND)
PARAMS = Signed(CASE.params, CASE.params.sign(KEY))
STATE = Signed(CASE.state, CASE.state.sign(ATTESTOR, OWNER))
POLICY = Policy(
    trust=Trust(
        venue=VENUE,
        version=1,
        root=(KEY.public,),
        params=(KEY.public,),
        attestation=(ATTESTOR.public,),
        oracle=tuple(key.public for key in ORACLES),
        oracle_threshold=3,
    ),
    audience=AUDIENCE,
    max_expiry_s=86400,
    max_round_age_s=86400,
    max_box_percent="5",
)
CLASSES = [each | {"price": {"USDX.sol": "ETH-USD"}.get(each["class"], each["price"])} for each in CHAINS["classes"]]
REGISTRY = Chains.from_value(CHAINS | {"classes": CLASSES})
SIGNED = Signed(REGISTRY, REGISTRY.sign(KEY))
MINE = from_hex(CASE.state.account, 32)
LOCKS = (lock(0, 10**18, account=MINE), lock(1, 5 * 10**17, account=MINE))
ALLOWED = 2400 * 10**14 * 85 // 100  # a lot is 0.0001 ETH; 15 percent are taken off


def counted(*locks: Lock, coefficient: int = ALLOWED, class_: str = "ETH") -> Collateral:
    entries = [
        {
            "tag": hexed(one.note.tag),
            "class": class_,
            "commitment": hexed(one.note.commitment),
            "coefficient": str(coefficient),
        }
        for one in locks
    ]
    return Collateral.from_value(
        {"registry": REGISTRY.digest, "locks": sorted(entries, key=lambda entry: entry["tag"])}
    )


def made(collateral: Collateral | None = None, **other: Any) -> Bundle:
    asked = CASE.request(percent=1, collateral=collateral or counted(*LOCKS), **other)
    openings = CASE.openings | {f"lock/{hexed(one.note.tag)}": one.opening for one in LOCKS}
    proof = build(asked, CASE.state, CASE.params, ROUND, REGISTRY).prove(openings)
    return Bundle(asked, proof, STATE, PARAMS, ROUND)


BY_TAG = {hexed(leaf.tag): leaf for leaf in leaves(LOCKS)}
EVIDENCE = Evidence(SIGNED, BY_TAG)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return made()


def _verify(bundle: Bundle, evidence: Evidence | None = EVIDENCE, **changed: Any) -> Verified:
    arguments: dict[str, Any] = {"policy": POLICY, "params": PARAMS, "round": ROUND, "now_unix_s": NOW}
    return verify_bundle(bundle, collateral=evidence, **(arguments | changed))


def _refused(code: str, bundle: Bundle, evidence: Evidence | None = EVIDENCE, **changed: Any) -> None:
    with pytest.raises(VerificationError) as error:
        _verify(bundle, evidence, **changed)
    assert error.value.code == code


def test_accepted_after_a_trip_through_bytes(bundle: Bundle) -> None:
    verified = _verify(Bundle.from_bytes(bundle.to_bytes()))
    assert (verified.account, verified.unattested) == (CASE.state.account, False)


def test_evidence_of_a_checkpoint(bundle: Bundle) -> None:
    file = checkpoint_file(leaves([*LOCKS, lock(7, 10**18)]))
    shown = [tag_evidence(file, index) for index in range(3)]
    _verify(bundle, Evidence.of(SIGNED, MEMBERS, shown, now_unix_s=NOW))
    for missing in range(3):
        part = Evidence.of(SIGNED, MEMBERS, shown[:missing] + shown[missing + 1 :], now_unix_s=NOW)
        needed = hexed(Leaf.from_bytes(from_hex(file.leaves[missing])).tag) in BY_TAG
        _refused("collateral_unattested", bundle, part) if needed else _verify(bundle, part)
    with pytest.raises(ContextError) as error:
        Evidence.of(SIGNED, {SOL: MEMBERS[SOL]}, shown, now_unix_s=NOW)
    assert error.value.code == "no_members"
    with pytest.raises(ContextError) as error:
        Evidence.of(SIGNED, MEMBERS, shown, now_unix_s=NOW + 7200)
    assert error.value.code == "expired_checkpoint"


def _signed(members: MemberSet, key: PrivateKey = KEY) -> Signed[MemberSet]:
    return Signed(members, members.sign(key))


def _shown(*sets: Signed[MemberSet], registry: Signed[Chains] = SIGNED) -> Evidence:
    """Both locks in a checkpoint of the first members, and what is known of members."""
    file = checkpoint_file(leaves(LOCKS))
    return Evidence.of_signed(registry, sets, [tag_evidence(file, index) for index in range(2)], now_unix_s=NOW)


FIRST = _signed(MEMBERS[EVM])


def test_evidence_by_sets_that_a_trusted_key_signed(bundle: Bundle) -> None:
    """Members of other chains, and those that begin later, are not asked."""
    later = _signed(member_set(version=2, from_epoch=8), STRANGER)
    evidence = _shown(_signed(MEMBERS[SOL], STRANGER), later, FIRST)
    assert evidence.sets == (FIRST,)
    assert not _verify(bundle, evidence).unattested


@pytest.mark.parametrize("set_", [Signed(MEMBERS[EVM]), _signed(MEMBERS[EVM], STRANGER)], ids=["bare", "stranger"])
def test_members_whom_no_trusted_key_vouches_for(bundle: Bundle, set_: Signed[MemberSet]) -> None:
    _refused("unsigned", bundle, _shown(set_))
    assert _verify(bundle, _shown(set_), allow_unattested=True).unattested
    assert _verify(bundle, _shown(set_), policy=None, allow_unattested=True).unattested


def test_members_under_a_wrong_signature_are_refused_even_where_none_is_needed(bundle: Bundle) -> None:
    other = _signed(MEMBERS[SOL]).envelope
    assert other is not None
    forged = Signed(MEMBERS[EVM], replace(other, payload=MEMBERS[EVM].to_bytes()))
    for registry in (SIGNED, Signed(REGISTRY)):
        _refused("bad_signature", bundle, _shown(forged, registry=registry), allow_unattested=True)


def test_members_with_a_key_that_they_never_showed_to_hold(bundle: Bundle) -> None:
    first, *rest = MEMBERS[EVM].members
    proof = {"ed25519_proof": "0x" + "00" * 64}
    taken = MEMBERS[EVM].model_copy(update={"members": (first.model_copy(update=proof), *rest)})
    _refused("bad_possession", bundle, _shown(_signed(taken)))


def test_members_who_were_replaced_attest_nothing_more(bundle: Bundle) -> None:
    second = _signed(member_set(version=2, from_epoch=7))
    for sets in ((FIRST, second), (second, FIRST)):
        with pytest.raises(ContextError) as error:
            _shown(*sets)
        assert error.value.code == "wrong_set"
    for sets in ((), (_signed(member_set(from_epoch=8)),), (_signed(MEMBERS[SOL]),)):
        with pytest.raises(ContextError) as error:
            _shown(*sets)
        assert error.value.code == "no_members"


def test_without_evidence_it_is_refused_or_said_to_be_unattested(bundle: Bundle) -> None:
    _refused("collateral_unattested", bundle, None)
    _refused("collateral_unattested", bundle, None, allow_unattested=True)  # without a registry nothing can be built
    _refused("collateral_unattested", bundle, Evidence(SIGNED))
    _refused("collateral_unattested", bundle, Evidence(SIGNED, dict(list(BY_TAG.items())[:1])))
    for evidence in (Evidence(SIGNED), Evidence(Signed(REGISTRY), BY_TAG)):
        assert _verify(bundle, evidence, allow_unattested=True).unattested
    assert not _verify(bundle, allow_unattested=True).unattested
    assert _verify(bundle, Evidence(Signed(REGISTRY)), policy=None, allow_unattested=True).unattested


def test_the_registry_is_signed_by_a_key_of_parameters(bundle: Bundle) -> None:
    _refused("unsigned", bundle, Evidence(Signed(REGISTRY), BY_TAG))
    _refused("unsigned", bundle, Evidence(Signed(REGISTRY, REGISTRY.sign(STRANGER)), BY_TAG))
    elsewhere = Chains.from_value(CHAINS | {"venue": "elsewhere"})
    _refused("unknown_registry", bundle, Evidence(Signed(elsewhere, elsewhere.sign(KEY)), BY_TAG))
    newer = Chains.from_value(CHAINS | {"version": 2})
    _refused("unknown_registry", bundle, Evidence(Signed(newer, newer.sign(KEY)), BY_TAG))


WRONG: dict[str, Any] = {
    "account": b"\xad" * 32,
    "tag": b"\x01" * 32,
    "venue": b"\x01" * 32,
    "chain": b"\x01" * 32,
    "vault": b"\x01" * 32,
    "asset": SPL,
    "lot": 10**14 + 1,
    "bits": 41,
    "commitment": LOCKS[1].note.commitment,
}


@pytest.mark.parametrize("name", WRONG)
def test_evidence_of_another_lock_is_refused_also_where_none_is_needed(bundle: Bundle, name: str) -> None:
    tag = hexed(LOCKS[0].note.tag)
    other = BY_TAG | {tag: replace(BY_TAG[tag], **{name: WRONG[name]})}
    _refused("collateral_mismatch", bundle, Evidence(SIGNED, other))
    _refused("collateral_mismatch", bundle, Evidence(SIGNED, other), allow_unattested=True)


def test_another_accounts_lock_does_not_count(bundle: Bundle) -> None:
    foreign = (lock(0, 10**18, account=b"\xad" * 32), LOCKS[1])
    asked = replace(bundle, request=bundle.request.model_copy(update={"collateral": counted(*foreign)}))
    shown = {hexed(leaf.tag): leaf for leaf in leaves(list(foreign))}
    _refused("collateral_mismatch", asked, Evidence(SIGNED, shown))


def test_evidence_ends_with_its_expiry(bundle: Bundle) -> None:
    end = BLOCK_TIME + 3600
    rich = made(counted(*LOCKS, coefficient=ALLOWED // 2))
    _verify(rich, now_unix_s=end - 1)
    _refused("collateral_expired", rich, now_unix_s=end)


def test_a_lot_counts_for_what_the_round_and_the_age_allow(bundle: Bundle) -> None:
    """15 percent of ETH, 10 more after 900 seconds, 25 more after 1800; at the lower median."""
    _verify(bundle, now_unix_s=BLOCK_TIME + 900)
    _refused("collateral_coefficient", bundle, now_unix_s=BLOCK_TIME + 901)
    _refused("collateral_coefficient", made(counted(*LOCKS, coefficient=ALLOWED + 1)))
    _refused(
        "collateral_coefficient",
        made(counted(*LOCKS, coefficient=ALLOWED + 1)),
        Evidence(SIGNED),
        allow_unattested=True,
    )
    late = made(counted(*LOCKS, coefficient=2400 * 10**14 * 50 // 100))
    _verify(late, now_unix_s=BLOCK_TIME + 3599)
    soft = made(counted(*LOCKS, coefficient=2400 * 10**14 * 75 // 100))
    _verify(soft, now_unix_s=BLOCK_TIME + 1800)
    _refused("collateral_coefficient", soft, now_unix_s=BLOCK_TIME + 1801)


@pytest.mark.parametrize(
    ("price", "haircut_ppm"), [("1", 20_000), ("0.98", 20_000), ("0.979999", 320_000), ("0.5", 320_000)]
)
def test_a_price_below_its_peg(price: str, haircut_ppm: int) -> None:
    class_, chain = REGISTRY.class_of("USDX.evm"), REGISTRY.chain_of(EVM)
    round_ = _round(**{"USDX-USD": price})
    per_lot = int(Fraction(price) * 10**16)
    assert allowed_atto(class_, chain, round_, 0) == per_lot * (10**6 - haircut_ppm) // 10**6
    aged = min(10**6, haircut_ppm + 350_000)
    assert allowed_atto(class_, chain, round_, 1801) == per_lot * (10**6 - aged) // 10**6


def test_a_class_without_a_price(bundle: Bundle) -> None:
    silent = Chains.from_value(CHAINS | {"classes": [CLASSES[0] | {"price": "SOL-USD"}, *CLASSES[1:]]})
    with pytest.raises(InputError) as error:
        allowed_atto(silent.class_of("ETH"), silent.chain_of(EVM), ROUND, 0)
    assert error.value.code == "missing_price"


def test_a_bundle_without_locks_needs_none_and_takes_any() -> None:
    rich = Case.of(account("20000", ("BTC-USD", "-0.05", "61873.5")), params(), ROUND)
    asked = rich.request(percent=1)
    proof = build(asked, rich.state, rich.params, ROUND).prove(rich.openings)
    state = Signed(rich.state, rich.state.sign(ATTESTOR, OWNER))
    plain = Bundle(asked, proof, state, PARAMS, ROUND)
    assert _verify(plain, None) == _verify(plain, EVIDENCE)


def test_a_proof_without_locks_is_none_with_them(bundle: Bundle) -> None:
    for changed in ({"collateral": None}, {"collateral": counted(LOCKS[0])}):
        asked = replace(bundle, request=bundle.request.model_copy(update=changed))
        with pytest.raises(VerificationError):
            _verify(asked)
