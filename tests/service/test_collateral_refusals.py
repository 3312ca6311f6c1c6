"""Bad input about collateral: each kind is refused with its own code, and nothing is changed by it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import collateral_world as fixed
import pytest
from bad_points import NEVER_VALID
from collateral_service import LOW_ETH, MAX_AGE_S, Scene, digest, revoke, tag
from collateral_world import EVM, KEYS, QUORUM, SOL, Lock

from zkmargin import canonical
from zkmargin.collateral import (
    Chains,
    Leaf,
    MemberSignature,
    SignedCheckpoint,
    chain_digest,
)
from zkmargin.collateral.revocation import Revocation
from zkmargin.envelope import PrivateKey
from zkmargin.errors import ContextError


def refused(scene: Scene, send: Callable[[], Any], code: str, status: int | None = None) -> None:
    """``send`` is refused with this code, and the database is what it was."""
    before = scene.dump()
    answer = send()
    assert answer.status_code >= 400, answer.text
    assert answer.json()["code"] == code, answer.text
    if status is not None:
        assert answer.status_code == status
    assert scene.dump() == before


def by(scene: Scene, leaves: Sequence[Leaf], **changes: Any) -> Callable[[], Any]:
    """The next checkpoint over these very leaves."""
    ordered = sorted(leaves, key=lambda leaf: leaf.hash)
    return lambda: scene.take(scene.file(EVM, leaves=ordered, **changes))


def leaf_of(scene: Scene, lock: Lock) -> Leaf:
    return fixed.leaves([lock], scene.now - 120 + MAX_AGE_S)[0]


# Checkpoints


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"chain": fixed.hexed(chain_digest("eip155:2", fixed.GENESIS[EVM]))}, "unknown_chain"),  # a wrong chain id
        ({"chain": fixed.hexed(chain_digest(EVM, b"\x66" * 32))}, "unknown_chain"),  # a wrong genesis
        ({"epoch": 1, "height": 10, "set_version": 2}, "wrong_set"),
        ({"set_version": 2}, "wrong_set"),
        ({"height": 21}, "bad_height"),
        ({"previous": "0x" + "11" * 32}, "skipped_checkpoint"),
        ({"leaf_count": 2}, "bad_count"),
        ({"leaf_root": "0x" + "11" * 32}, "bad_root"),
        ({"revoked_root": "0x" + "11" * 32}, "bad_root"),
    ],
)
def test_a_checkpoint_that_is_wrong_in_itself(scene: Scene, changes: dict[str, Any], code: str) -> None:
    refused(scene, lambda: scene.checkpoint(EVM, [scene.ann_eth], **changes), code)


def test_a_checkpoint_of_another_time(scene: Scene) -> None:
    now, locks = scene.now, [scene.ann_eth, scene.ben_eth]
    refused(scene, lambda: scene.checkpoint(EVM, locks, block_time=now + 61), "future_checkpoint")
    refused(scene, lambda: scene.checkpoint(EVM, locks, block_time=now - 121), "bad_time")  # before the one before
    refused(scene, lambda: scene.checkpoint(EVM, locks, expiry=now - 120 + MAX_AGE_S + 1), "bad_expiry")
    second = scene.file(EVM, locks)
    assert scene.take(second).status_code == 201
    third = scene.file(EVM, locks)
    assert scene.take(third).status_code == 201
    fourth, fifth = scene.file(EVM, locks), scene.file(EVM, locks, epoch=5)
    refused(scene, lambda: scene.take(scene.file(EVM, locks, epoch=5, previous=digest(second))), "skipped_checkpoint")
    scene.now += MAX_AGE_S - 120
    refused(scene, lambda: scene.take(fourth), "expired_checkpoint")
    scene.now -= 1
    assert scene.take(fifth).status_code == 201  # epochs may be left out
    assert scene.take(fourth).json()["accepted"] is False


def test_a_checkpoint_that_was_taken_is_left_alone(scene: Scene) -> None:
    file = scene.last[EVM]
    assert file is not None
    before = scene.dump()
    again = scene.post("/v1/collateral/checkpoints", file.to_bytes())
    assert (again.status_code, again.json()["renewed"]) == (200, 0)
    assert scene.dump() == before


def test_an_expired_checkpoint_still_links_if_the_operator_says_so(scene: Scene) -> None:
    second = scene.file(EVM, [scene.ann_eth, scene.ben_eth])
    scene.now += 2 * MAX_AGE_S
    third = scene.file(EVM, [scene.ann_eth, scene.ben_eth], epoch=3, previous=digest(second))
    refused(scene, lambda: scene.take(second), "expired_checkpoint")
    refused(scene, lambda: scene.take(third), "skipped_checkpoint")
    assert scene.service.collateral.take_checkpoint(second.to_bytes(), late=True).created
    assert scene.told(scene.ben) == ("liquidatable", "collateral_expired")
    assert scene.take(third).status_code == 201
    assert scene.told(scene.ben) == ("live", None)


def test_a_checkpoint_without_its_leaves_links_if_the_operator_says_so(scene: Scene) -> None:
    second = scene.file(EVM, [scene.ann_eth, scene.ben_eth])
    link = second.model_copy(update={"leaves": ()})
    third = scene.file(EVM, [scene.ann_eth, scene.ben_eth], epoch=3, previous=digest(second))
    refused(scene, lambda: scene.take(link), "bad_count")
    take = scene.service.collateral.take_checkpoint
    other = link.model_copy(update={"revocations": (Revocation(tag="0x" + "11" * 32, reason="seized"),)})
    refused(scene, lambda: scene.take(third), "skipped_checkpoint")
    for bad, code in [(other, "bad_root"), (signed(link, link.signatures[:1]), "too_few_signatures")]:
        with pytest.raises(ContextError) as caught:
            take(bad.to_bytes(), late=True)
        assert caught.value.code == code
    taken = take(link.to_bytes(), late=True)
    assert (taken.created, taken.counts.renewed, taken.counts.registered) == (True, 0, 0)
    assert scene.told(scene.ben) == ("live", None)  # by the checkpoint before
    assert scene.take(third).status_code == 201
    assert scene.told(scene.ben) == ("live", None)


def signed(file: SignedCheckpoint, signatures: Sequence[MemberSignature]) -> SignedCheckpoint:
    return file.model_copy(update={"signatures": tuple(signatures)})


def test_signatures_that_do_not_hold(scene: Scene) -> None:
    file = scene.file(EVM, [scene.ann_eth])
    ada, bob, cyd = file.signatures
    ada_too = file.checkpoint.sign_as("ada", KEYS["ada"][0], fixed.VENUE_ID)  # by her other key
    assert {ada.scheme, ada_too.scheme} == {"ed25519", "secp256k1"}
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    raw = canonical.from_hex(bob.sig)
    flipped = raw[:32] + (order - int.from_bytes(raw[32:64], "big")).to_bytes(32, "big") + bytes([55 - raw[64]])
    high_s = bob.model_copy(update={"sig": canonical.to_hex(flipped)})
    altered = cyd.model_copy(update={"sig": cyd.sig[:-2] + ("00" if cyd.sig[-2:] != "00" else "01")})
    stranger = cyd.model_copy(update={"signer": "fay"})
    swapped = cyd.model_copy(update={"signer": "dan"})
    elsewhere = scene.file(EVM, [scene.ann_eth], epoch=3).signatures[2]
    for signatures, code in (
        ([ada, bob], "too_few_signatures"),
        ([ada, ada_too, bob], "too_few_signatures"),  # one member under two keys
        ([ada, bob, bob], "duplicate_signature"),
        ([ada, bob, high_s], "duplicate_signature"),
        ([ada, high_s, cyd], "high_s"),
        ([ada, bob, altered], "bad_signature"),
        ([ada, bob, swapped], "bad_signature"),
        ([ada, bob, elsewhere], "bad_signature"),
        ([ada, bob, cyd, swapped], "bad_signature"),  # enough without it, and refused all the same
        ([ada, bob, stranger], "unknown_member"),
    ):
        refused(scene, lambda entry=signatures: scene.take(signed(file, entry)), code, 403)
    assert scene.take(signed(file, [ada, ada_too, bob, cyd])).status_code == 201


def test_a_checkpoint_for_another_venue_is_not_for_this_one(scene: Scene) -> None:
    file = scene.file(EVM, [scene.ann_eth])
    elsewhere = [file.checkpoint.sign_as(name, KEYS[name][-1], bytes(32)) for name in QUORUM]
    refused(scene, lambda: scene.take(signed(file, elsewhere)), "bad_signature")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"venue": bytes(32)}, "wrong_venue"),
        ({"chain": fixed.DIGEST[SOL]}, "wrong_chain"),
        ({"vault": fixed.VAULT[SOL]}, "wrong_vault"),
        ({"asset": bytes(12) + b"\xee" * 20}, "wrong_asset"),
        ({"lot": 1}, "bad_lot"),
        ({"bits": 48}, "bad_bits"),
        ({"expiry": 10**9}, "bad_expiry"),
        ({"kind": 2}, "wrong_kind"),
    ],
)
def test_a_leaf_of_something_else(scene: Scene, changes: dict[str, Any], code: str) -> None:
    leaf = dataclasses.replace(leaf_of(scene, scene.ann_eth), **changes)
    refused(scene, by(scene, [leaf, leaf_of(scene, scene.ben_eth)]), code)


IDENTITY = b"\xc0" + bytes(47)
"""Anybody opens it."""


@pytest.mark.parametrize("point", [IDENTITY, *(point for point in NEVER_VALID.values() if len(point) == 48)])
def test_a_leaf_with_a_junk_point(scene: Scene, point: bytes) -> None:
    lock = scene.lock(scene.ben, 10**18)
    leaf = dataclasses.replace(leaf_of(scene, lock), commitment=point)
    refused(scene, by(scene, [leaf, leaf_of(scene, scene.ann_eth)]), "bad_commitment", 400)


def test_leaves_that_contradict_each_other(scene: Scene) -> None:
    leaf = leaf_of(scene, scene.ann_eth)
    twice = dataclasses.replace(leaf, account=canonical.from_hex(scene.ben.id))
    refused(scene, by(scene, [leaf, twice]), "repeated_tag")
    both = revoke((scene.ann_eth, "seized"))
    refused(scene, lambda: scene.checkpoint(EVM, [scene.ann_eth], both), "revoked_leaf")
    made = fixed.leaves([scene.ann_eth, scene.ben_eth], scene.now - 120 + MAX_AGE_S)
    file = scene.file(EVM, leaves=made)
    unsorted = file.model_copy(update={"leaves": file.leaves[::-1]})
    refused(scene, lambda: scene.take(unsorted), "unsorted_leaves")
    fewer = file.model_copy(update={"leaves": file.leaves[:1]})
    refused(scene, lambda: scene.take(fewer), "bad_count")


def test_bytes_that_are_no_document(scene: Scene) -> None:
    for path in ("registry", "sets", "checkpoints", "locks"):
        for body in (b"", b"[]", b"{}", b'{"schema":"zkmargin/collateral-lock/v1"}', b"\xff", b"{" * 99):
            refused(scene, lambda p=path, b=body: scene.post(f"/v1/collateral/{p}", b), "bad_input", 400)


# Registries and members


def test_a_registry_that_cannot_follow(scene: Scene) -> None:
    value = scene.registry.to_value()
    stranger = PrivateKey.generate()
    following = scene.next_registry()

    def post(registry: Chains, *keys: PrivateKey) -> Callable[[], Any]:
        envelope = registry.sign(*(keys or (scene.keys.params,)))
        return lambda: scene.post("/v1/collateral/registry", envelope.to_bytes())

    refused(scene, lambda: scene.post("/v1/collateral/registry", following.to_bytes()), "unsigned")
    refused(scene, post(following, stranger), "unsigned", 403)
    refused(scene, post(following, scene.keys.root), "unsigned", 403)
    refused(scene, post(Chains.from_value(value | {"version": 3})), "version_gap", 409)
    refused(scene, post(Chains.from_value(value | {"quote": "EUR"})), "version_conflict", 409)
    refused(scene, post(Chains.from_value(value | {"version": 2, "quote": "EUR"})), "wrong_venue")
    refused(scene, post(Chains.from_value(value | {"version": 2, "venue": "other"})), "wrong_venue")
    for changes in ({"chain__genesis": "0x" + "01" * 32}, {"class__lot": "7"}, {"class__bits": 41}):
        refused(scene, post(scene.next_registry(**changes)), "registry_changed", 409)
    assert scene.publish_registry(scene.registry).status_code == 200
    assert post(following)().status_code == 201
    old = Chains.from_value(value)
    scene.registry = old
    refused(scene, post(scene.next_registry(chain__cap="7")), "version_conflict", 409)
    assert scene.publish_registry(old).status_code == 200  # known, and left alone


def test_a_registry_whose_evidence_would_outlive_the_coins_is_none(scene: Scene) -> None:
    value = scene.registry.to_value()
    value["chains"][0]["margin_s"] += value["chains"][0]["delay_s"]
    refused(scene, lambda: scene.post("/v1/collateral/registry", canonical.to_bytes(value)), "bad_input", 400)


def test_a_registry_by_which_coins_are_free_before_their_account_can_be_liquidated(scene: Scene) -> None:
    grace_s = scene.settings.grace_s
    short = scene.next_registry(chain__margin_s=grace_s - 1)
    refused(
        scene, lambda: scene.post("/v1/collateral/registry", short.sign(scene.keys.params).to_bytes()), "short_margin"
    )
    assert scene.publish_registry(scene.next_registry(chain__margin_s=grace_s)).status_code == 201


def test_members_of_a_chain_that_is_not_registered(scene: Scene) -> None:
    unknown = fixed.member_set(EVM, version=2, from_epoch=9).model_copy(update={"chain": "0x" + "09" * 32})
    refused(scene, lambda: scene.publish_set(fixed.signed_set(unknown, QUORUM, scene.keys.params)), "unknown_chain")
    stranger = fixed.member_set(EVM, version=2, from_epoch=9)
    refused(scene, lambda: scene.publish_set(fixed.signed_set(stranger, QUORUM, PrivateKey.generate())), "unsigned")
    other = fixed.member_set(EVM, version=2, from_epoch=9, venue="other")
    refused(scene, lambda: scene.publish_set(fixed.signed_set(other, QUORUM, scene.keys.params)), "wrong_venue")


# Evidence of one lock


def test_evidence_of_one_lock_registers_it(scene: Scene) -> None:
    lock = scene.lock(scene.ben, 3 * 10**18)
    at = fixed.state([lock], height=20, time=scene.now - 120)
    file = scene.file(EVM, [scene.ann_eth, scene.ben_eth], block_hash=fixed.hexed(at.block_hash))
    evidence = fixed.lock_evidence(at, lock, **vars_of(file))
    refused(scene, lambda: scene.show(evidence), "unknown_checkpoint", 409)
    assert scene.take(file).status_code == 201
    answer = scene.show(evidence)
    assert (answer.status_code, answer.json()["state"]) == (201, "final")
    assert scene.show(evidence).status_code == 200
    assert scene.count(scene.ben, {scene.ben_eth: LOW_ETH, lock: LOW_ETH}).status_code == 201
    assert scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth, lock]).json()["renewed"] == 3  # and attested too
    refused(scene, lambda: scene.show(evidence), "old_checkpoint", 409)


def vars_of(file: SignedCheckpoint) -> dict[str, Any]:
    fields = dict(file.checkpoint)
    return {name: value for name, value in fields.items() if name != "schema_"}


def test_evidence_by_a_path_is_of_the_last_checkpoint(scene: Scene) -> None:
    first = scene.last[EVM]
    assert first is not None
    evidence = fixed.tag_evidence(first, 0)
    assert scene.show(evidence).status_code == 200  # known
    too_long = evidence.model_copy(update={"path": (*(evidence.path or ()), "0x" + "00" * 32)})
    refused(scene, lambda: scene.show(too_long), "bad_path")
    refused(scene, lambda: scene.show(evidence.model_copy(update={"index": 1})), "bad_path")
    other = evidence.model_copy(update={"chain": "eip155:9"})
    refused(scene, lambda: scene.show(other), "unknown_chain")
    refused(scene, lambda: scene.show(evidence.model_copy(update={"signatures": ()})), "too_few_signatures")
    scene.checkpoint(EVM, [scene.ann_eth], revoke((scene.ben_eth, "reorged")))
    refused(scene, lambda: scene.show(evidence), "old_checkpoint")


def test_evidence_does_not_bring_back_what_the_same_checkpoint_revoked(scene: Scene) -> None:
    for reason in ("reorged", "released", "seized"):
        scene.rewind()
        at = fixed.state([scene.ben_eth], height=20, time=scene.now - 120)
        scene.checkpoint(EVM, [scene.ann_eth], revoke((scene.ben_eth, reason)), block_hash=fixed.hexed(at.block_hash))
        last = scene.last[EVM]
        assert last is not None
        evidence = fixed.lock_evidence(at, scene.ben_eth, **vars_of(last))
        refused(scene, lambda e=evidence: scene.show(e), f"collateral_{reason}", 409)


def test_a_storage_proof_with_other_nodes(scene: Scene) -> None:
    lock = scene.lock(scene.ben, 3 * 10**18)
    at = fixed.state([lock, scene.ann_eth], height=20, time=scene.now - 120)
    scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth], block_hash=fixed.hexed(at.block_hash))
    last = scene.last[EVM]
    assert last is not None
    evidence = fixed.lock_evidence(at, lock, **vars_of(last))
    storage = evidence.storage
    assert storage is not None
    account, first = storage.account_proof, storage.storage_proof[0]
    for changes in (
        {"account_proof": account[:-1]},
        {"account_proof": (*account, account[-1])},
        {"account_proof": account[::-1]},
        {"storage_proof": ((*first, first[0]), storage.storage_proof[1])},
        {"storage_proof": storage.storage_proof[::-1]},
    ):
        other = evidence.model_copy(update={"storage": storage.model_copy(update=changes)})
        refused(scene, lambda e=other: scene.show(e), "bad_storage_proof")


def test_evidence_of_a_frozen_chain_is_none(scene: Scene) -> None:
    first = scene.last[EVM]
    assert first is not None
    evidence = fixed.tag_evidence(first, 0)
    scene.take(scene.file(EVM, [scene.ann_eth], epoch=1, previous=first.checkpoint.previous))
    refused(scene, lambda: scene.show(evidence), "chain_frozen", 409)
    scene.rotate(EVM)
    scene.service.collateral.thaw(EVM)
    refused(scene, lambda: scene.show(evidence), "old_checkpoint", 409)  # what those members signed is void


# Before there is anything


def test_without_a_registry_or_members_there_is_nothing(make_world: Any) -> None:
    world = make_world().begin()
    file = fixed.checkpoint_file()
    checkpoints = "/v1/collateral/checkpoints"
    assert world.post(checkpoints, file.to_bytes()).json()["code"] == "no_registry"
    members = fixed.signed_set(fixed.MEMBERS[EVM], operator=world.keys.params)
    assert world.post("/v1/collateral/sets", members.to_bytes()).json()["code"] == "no_registry"
    for path in ("registry", "chains", "classes"):
        assert world.client.get(f"/v1/collateral/{path}").json()["code"] == "no_registry"
    registry = fixed.REGISTRY.sign(world.keys.params)
    assert world.post("/v1/collateral/registry", registry.to_bytes()).status_code == 201
    assert world.post(checkpoints, file.to_bytes()).json()["code"] == "no_members"
    assert world.client.get("/v1/collateral/chains").json()["items"][0]["epoch"] is None
    lock = world.client.get(f"/v1/collateral/locks/{tag(fixed.LOCKS[0])}")
    assert (lock.status_code, lock.json()["code"]) == (404, "unknown_lock")
