"""Sets of attestors: who may be in one, what a quorum is, how one set follows another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from collateral_world import (
    DIGEST,
    EVM,
    KEYS,
    LOCKS,
    MEMBERS,
    OPERATOR,
    SOL,
    VENUE,
    VENUE_ID,
    checkpoint,
    leaves,
    member_set,
    signatures,
    signed_set,
)

from zkmargin.collateral import (
    Ed25519Key,
    Member,
    MemberSet,
    MemberSignature,
    Secp256k1Key,
    SignedMemberSet,
    check_member_set,
    possession,
)
from zkmargin.envelope import PrivateKey
from zkmargin.errors import InputError, ZkMarginError

SET = MEMBERS[EVM]
CHECKPOINT = checkpoint(leaves(LOCKS))
PARAMS_KEYS = [OPERATOR.public]


def code_of(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(ZkMarginError) as caught:
        call(*arguments, **named)
    return caught.value.code


def sign(*signers: tuple[str, int]) -> tuple[MemberSignature, ...]:
    """By the named key of each signer: 0 its first, -1 its last."""
    return tuple(CHECKPOINT.sign_as(name, KEYS[name][place], VENUE_ID) for name, place in signers)


# Who may be in a set


def _refused(sentence: str, keys: dict[str, Any] | None = None, **changes: Any) -> None:
    with pytest.raises(InputError, match=sentence):
        member_set(keys=keys or KEYS, **changes)


@pytest.mark.parametrize("threshold", [0, 1, 2, 6])
def test_two_quorums_share_a_member(threshold: int) -> None:
    _refused("threshold", threshold=threshold)


@pytest.mark.parametrize(("count", "threshold"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (5, 5)])
def test_thresholds_that_hold(count: int, threshold: int) -> None:
    member_set(keys=dict(list(KEYS.items())[:count]), threshold=threshold)


@pytest.mark.parametrize(("count", "threshold"), [(2, 1), (4, 2), (5, 2)])
def test_thresholds_that_do_not(count: int, threshold: int) -> None:
    _refused("more than half", dict(list(KEYS.items())[:count]), threshold=threshold)


def test_an_id_occurs_once() -> None:
    value = SET.to_value()
    value["members"][4]["id"] = value["members"][0]["id"]
    with pytest.raises(InputError, match="a member's id must not occur twice"):
        MemberSet.from_value(value)


def test_a_key_occurs_once() -> None:
    for key in (KEYS["bob"][0], KEYS["cyd"][0]):
        _refused("a key must not occur twice", KEYS | {"eve": (key,)})


def test_a_key_and_its_negative_are_one_signer() -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    negative = Secp256k1Key((order - int.from_bytes(b"\x02" * 32, "big")).to_bytes(32, "big"))
    assert negative.public[4:] == KEYS["bob"][0].public[4:]
    _refused("a key must not occur twice", KEYS | {"eve": (negative,)})


def _member(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (SET.members[0].to_value() | changes).items() if value is not None}


@pytest.mark.parametrize(
    "changes",
    [
        {"ed25519": None},
        {"ed25519_proof": None},
        {"secp256k1": None},
        {"ed25519": None, "ed25519_proof": None, "secp256k1": None, "secp256k1_proof": None},
        {"secp256k1": "0x02" + "ff" * 32},
        {"secp256k1": "0x02" + "00" * 32},
        {"secp256k1": "0x04" + "11" * 32},
        {"ed25519": "0x" + "00" * 32},
        {"id": "Ada"},
        {"id": ""},
        {"id": "a b"},
    ],
)
def test_a_member_has_usable_keys(changes: dict[str, Any]) -> None:
    Member.from_value(_member())
    with pytest.raises(InputError):
        Member.from_value(_member(**changes))


def test_members_show_that_they_hold_their_keys() -> None:
    SET.verify_possession()
    for elsewhere in (
        SET.model_copy(update={"venue": "other"}),
        SET.model_copy(update={"chain": MEMBERS[SOL].chain}),
        SET.model_copy(update={"members": (SET.members[0].model_copy(update={"id": "zoe"}), *SET.members[1:])}),
    ):
        assert code_of(elsewhere.verify_possession) == "bad_possession"


@pytest.mark.parametrize("name", ["ed25519", "secp256k1"])
def test_nobody_enters_anothers_key(name: str) -> None:
    """Mallory knows Ada's public keys and the proofs that she once gave, and enters them as an own member's."""
    ada = SET.members[0].to_value()
    entered = {"id": "mallory", name: ada[name], f"{name}_proof": ada[f"{name}_proof"]}
    members = (Member.from_value(entered), *SET.members[1:])
    assert code_of(SET.model_copy(update={"members": members}).verify_possession) == "bad_possession"


def test_possession_is_of_all_that_it_names() -> None:
    base = (VENUE_ID, DIGEST[EVM], "ada", "ed25519", KEYS["ada"][0].public)
    others = [(*base[:place], value, *base[place + 1 :]) for place, value in enumerate((b"\1" * 32, b"\1" * 32, "ad"))]
    others += [(*base[:3], "secp256k1", base[4]), (*base[:4], "0x" + "01" * 32), (*base[:2], "adae", *base[3:])]
    assert len({possession(*fields) for fields in [base, *others]}) == 7


# What a quorum is


@pytest.mark.parametrize(
    "signers",
    [("ada", "bob", "cyd"), ("cyd", "dan", "eve"), ("eve", "bob", "ada"), ("ada", "bob", "cyd", "dan", "eve")],
)
def test_enough_members_are_a_quorum(signers: tuple[str, ...]) -> None:
    assert SET.quorum(CHECKPOINT, signatures(CHECKPOINT, signers)) == tuple(sorted(signers))


def test_a_member_counts_once_however_many_keys_sign() -> None:
    both = sign(("ada", 0), ("ada", 1))
    assert SET.quorum(CHECKPOINT, both + sign(("bob", 0), ("cyd", 0))) == ("ada", "bob", "cyd")
    assert code_of(SET.quorum, CHECKPOINT, both + sign(("bob", 0))) == "too_few_signatures"


def test_a_key_does_not_sign_twice() -> None:
    signed = sign(("ada", 0), ("bob", 0), ("cyd", 0))
    assert code_of(SET.quorum, CHECKPOINT, signed + signed[:1]) == "duplicate_signature"
    assert code_of(SET.quorum, CHECKPOINT, (signed[0],) * 3) == "duplicate_signature"


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_are_no_quorum(count: int) -> None:
    assert code_of(SET.quorum, CHECKPOINT, signatures(CHECKPOINT)[:count]) == "too_few_signatures"


def test_strangers_are_not_skipped() -> None:
    signed = signatures(CHECKPOINT, ("ada", "bob", "cyd"))
    stranger = CHECKPOINT.sign_as("zoe", Ed25519Key(b"\x21" * 32), VENUE_ID)
    assert code_of(SET.quorum, CHECKPOINT, (*signed, stranger)) == "unknown_member"
    keyless = CHECKPOINT.sign_as("dan", Secp256k1Key(b"\x04" * 32), VENUE_ID)
    assert code_of(SET.quorum, CHECKPOINT, (*signed, keyless)) == "unknown_member"


def test_a_wrong_signature_refuses_the_quorum() -> None:
    signed = signatures(CHECKPOINT, ("ada", "bob", "cyd"))
    for key in (Ed25519Key(b"\x21" * 32), KEYS["cyd"][0]):
        wrong = CHECKPOINT.sign_as("dan", key, VENUE_ID)
        assert code_of(SET.quorum, CHECKPOINT, (*signed, wrong)) == "bad_signature"


def test_a_signature_of_another_checkpoint_is_wrong() -> None:
    for other in (checkpoint(), checkpoint(leaves(LOCKS), epoch=8, height=80)):
        assert code_of(SET.quorum, CHECKPOINT, signatures(other)) == "bad_signature"
    other_venue = SET.model_copy(update={"venue": "other"})
    assert code_of(other_venue.quorum, CHECKPOINT, signatures(CHECKPOINT)) == "bad_signature"


def test_high_s_is_refused_by_its_name() -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    *signed, bob = sign(("ada", 0), ("cyd", 0), ("bob", 0))
    data = bytes.fromhex(bob.sig[2:])
    twin = data[:32] + (order - int.from_bytes(data[32:64], "big")).to_bytes(32, "big") + bytes([55 - data[64]])
    high = bob.model_copy(update={"sig": "0x" + twin.hex()})
    assert code_of(SET.quorum, CHECKPOINT, (*signed, high)) == "high_s"


def test_a_quorum_is_of_its_chain_and_set() -> None:
    assert code_of(MEMBERS[SOL].quorum, CHECKPOINT, signatures(CHECKPOINT)) == "wrong_chain"
    for other in (member_set(version=2), member_set(from_epoch=8)):
        assert code_of(other.quorum, CHECKPOINT, signatures(CHECKPOINT)) == "wrong_set"
    assert member_set(from_epoch=7).quorum(CHECKPOINT, signatures(CHECKPOINT))


# How one set follows another

NEXT = member_set(version=2, from_epoch=8, keys={name: KEYS[name] for name in ("ada", "bob", "cyd")}, threshold=2)


def test_the_first_set_is_signed_by_the_operator() -> None:
    assert check_member_set(signed_set(SET), None, PARAMS_KEYS) == SET
    assert (
        code_of(check_member_set, signed_set(SET, operator=PrivateKey(b"\x66" * 32)), None, PARAMS_KEYS) == "unsigned"
    )
    assert code_of(check_member_set, signed_set(NEXT), None, PARAMS_KEYS) == "wrong_version"


def test_the_next_set_is_signed_by_the_operator_and_the_members_before() -> None:
    assert check_member_set(signed_set(NEXT, ("ada", "dan", "eve")), SET, PARAMS_KEYS) == NEXT
    alone = signed_set(NEXT, ("ada", "dan", "eve"), operator=PrivateKey(b"\x66" * 32))
    assert code_of(check_member_set, alone, SET, PARAMS_KEYS) == "unsigned"
    bare = SignedMemberSet(members=NEXT.to_value(), approvals=alone.approvals)
    assert code_of(check_member_set, bare, SET, PARAMS_KEYS) == "unsigned"
    for approvals in ((), ("ada",), ("ada", "bob")):
        assert code_of(check_member_set, signed_set(NEXT, approvals), SET, PARAMS_KEYS) == "too_few_signatures"


def test_an_approval_is_of_one_set() -> None:
    other = member_set(version=2, from_epoch=9)
    approvals = signed_set(other, ("ada", "dan", "eve")).approvals
    moved = SignedMemberSet(members=signed_set(NEXT).members, approvals=approvals)
    assert code_of(check_member_set, moved, SET, PARAMS_KEYS) == "bad_signature"


def test_only_members_before_approve() -> None:
    """The new set's own members do not count, unless they were members before."""
    before = member_set(keys={name: KEYS[name] for name in ("cyd", "dan", "eve")}, threshold=2)
    assert code_of(check_member_set, signed_set(NEXT, ("ada", "bob")), before, PARAMS_KEYS) == "unknown_member"


def test_a_lost_quorum_is_replaced_by_the_operator() -> None:
    assert check_member_set(signed_set(NEXT), SET, PARAMS_KEYS, quorum_lost=True) == NEXT
    stranger = signed_set(NEXT, operator=PrivateKey(b"\x66" * 32))
    assert code_of(check_member_set, stranger, SET, PARAMS_KEYS, quorum_lost=True) == "unsigned"


def _next(**changes: Any) -> MemberSet:
    return NEXT.model_copy(update=changes)


@pytest.mark.parametrize(
    ("following", "code"),
    [
        (_next(version=1), "wrong_version"),
        (_next(version=3), "wrong_version"),
        (_next(venue="other"), "wrong_venue"),
        (_next(chain=MEMBERS[SOL].chain), "wrong_chain"),
        (_next(from_epoch=1), "wrong_epoch"),
        (_next(members=(*SET.members[:2], NEXT.members[2].model_copy(update={"id": "zoe"}))), "bad_possession"),
    ],
)
def test_the_next_set_is_of_the_same_venue_and_chain(following: MemberSet, code: str) -> None:
    def attempt(approvals: Iterable[str]) -> str:
        return code_of(check_member_set, signed_set(following, approvals), SET, PARAMS_KEYS)

    assert attempt(("ada", "dan", "eve")) == code


def test_the_set_in_the_envelope_is_one() -> None:
    value = signed_set(NEXT).to_value()
    for members in ({}, CHECKPOINT.to_value(), CHECKPOINT.sign(OPERATOR).to_value(), value["members"] | {"x": 1}):
        with pytest.raises(InputError):
            SignedMemberSet.from_value(value | {"members": members})
    assert SignedMemberSet.from_bytes(signed_set(NEXT, ("ada",)).to_bytes()) == signed_set(NEXT, ("ada",))
    assert SignedMemberSet.from_value(value).document == NEXT


def test_a_set_of_another_venue_signs_other_bytes() -> None:
    assert SET.venue == VENUE
    assert SET.approval != SET.model_copy(update={"venue": "other"}).approval
