"""Evidence that the service gives of a lock: what a checker without trust in the service can check by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import collateral_world as fixed
import pytest
from collateral_service import LOW_ETH, MAX_AGE_S, Scene, digest, revoke, tag
from collateral_world import EVM, SOL, Lock

from circuits.evidence import Evidence
from circuits.policy import verify_bundle
from verifier.collateral.tables import TreeRow
from zkmargin import canonical
from zkmargin.bundle import Bundle
from zkmargin.collateral import Chains, CollateralLock, MemberSet, SignedMemberSet, check_lock
from zkmargin.documents import Policy, Signed, read
from zkmargin.errors import ContextError


def asked(scene: Scene, lock: Lock) -> Any:
    return scene.client.get(f"/v1/collateral/locks/{tag(lock)}/evidence")


def given(scene: Scene, lock: Lock) -> CollateralLock:
    answer = asked(scene, lock)
    assert answer.status_code == 200, answer.text
    return CollateralLock.from_bytes(answer.content)


def refused(scene: Scene, lock: Lock) -> tuple[int, str]:
    answer = asked(scene, lock)
    return answer.status_code, answer.json()["code"]


def test_evidence_of_every_lock_of_the_last_checkpoint(scene: Scene) -> None:
    more = [scene.lock(scene.cat, 10**18) for _ in range(5)]
    assert scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth, *more]).status_code == 201
    for lock in (scene.ann_eth, scene.ben_eth, *more):
        evidence = given(scene, lock)
        leaf = check_lock(evidence, scene.registry, scene.members[EVM], now_unix_s=scene.now)
        assert (leaf.tag, leaf.account, leaf.commitment) == (lock.note.tag, lock.note.account, lock.note.commitment)
        assert evidence == fixed.tag_evidence(scene.last[EVM], evidence.index or 0)
    only = given(scene, scene.ann_dollars)
    assert (only.chain, only.index, only.path) == (SOL, 0, ())
    # What it gives, it takes: nothing in it is new.
    assert scene.show(only).status_code == 200


def test_a_checker_needs_nothing_but_what_the_service_tells_and_its_own_trust(scene: Scene) -> None:
    registry = read(scene.client.get("/v1/collateral/registry").content, Chains)
    items = scene.client.get(f"/v1/collateral/chains/{EVM}/sets").json()["items"]
    sets: list[Signed[MemberSet]] = [SignedMemberSet.from_value(item).signed for item in items]
    evidence = Evidence.of_signed(registry, sets, [given(scene, scene.ben_eth)], now_unix_s=scene.now)
    bundle = Bundle.from_bytes(scene.bundle(scene.ben, {scene.ben_eth: LOW_ETH}))
    policy = Policy.from_value(scene.client.get("/v1/verifier").json()["policy"])
    given_by_the_world: dict[str, Any] = {"params": scene.params, "round": scene.round, "now_unix_s": scene.now}
    assert not verify_bundle(bundle, policy=policy, collateral=evidence, **given_by_the_world).unattested
    with pytest.raises(ContextError) as error:
        verify_bundle(bundle, policy=policy, collateral=Evidence(registry), **given_by_the_world)
    assert error.value.code == "collateral_unattested"


def test_nothing_is_told_of_a_lock_that_does_not_count(scene: Scene) -> None:
    assert refused(scene, scene.lock(scene.ann, 10**18)) == (404, "unknown_lock")
    assert scene.client.get("/v1/collateral/locks/0xAB/evidence").status_code == 422
    scene.checkpoint(EVM, [scene.ben_eth])
    assert refused(scene, scene.ann_eth) == (404, "no_leaf")
    assert scene.state_of(scene.ann_eth) == "final"  # by what was seen before
    for reason in ("reorged", "released"):
        scene.checkpoint(EVM, [scene.ben_eth], revoke((scene.ann_eth, reason)))
        assert refused(scene, scene.ann_eth) == (409, f"collateral_{reason}")
    scene.service.collateral.seizing(tag(scene.ben_eth))
    assert refused(scene, scene.ben_eth) == (409, "collateral_seized")


def test_evidence_ends_when_the_lock_does(scene: Scene) -> None:
    begun = scene.now
    scene.now = begun - 120 + MAX_AGE_S - 1
    given(scene, scene.ann_eth)
    scene.now += 1
    assert refused(scene, scene.ann_eth) == (409, "collateral_expired")
    scene.now = begun
    shorter = scene.next_registry(chain__max_age_s=1800, chain__late_age_s=1800)
    assert scene.publish_registry(shorter).status_code == 201
    scene.now = begun - 120 + 1800
    assert refused(scene, scene.ann_eth) == (409, "collateral_expired")


def test_of_a_frozen_chain_there_is_none_and_after_a_thaw_only_by_the_members_after(scene: Scene) -> None:
    first = scene.last[EVM]
    assert first is not None
    twice = scene.file(EVM, [scene.ann_eth], epoch=1, previous=first.checkpoint.previous, block_hash="0x" + "07" * 32)
    assert scene.take(twice).json()["frozen"]
    assert refused(scene, scene.ann_eth) == (409, "chain_frozen")
    assert scene.rotate(EVM).status_code == 201
    scene.service.collateral.thaw(EVM)
    # Its signatures would still pass: what those members signed is void.
    assert refused(scene, scene.ann_eth) == (409, "collateral_expired")
    assert scene.checkpoint(EVM, [scene.ann_eth], previous=digest(first)).status_code == 201
    assert given(scene, scene.ann_eth).checkpoint.set_version == 2


def test_a_lock_that_its_holder_showed_has_no_leaf(scene: Scene) -> None:
    at = fixed.state([scene.ben_eth], height=20, time=scene.now - 120)
    scene.checkpoint(EVM, [scene.ann_eth], block_hash=fixed.hexed(at.block_hash))
    last = scene.last[EVM]
    assert last is not None
    members = {name: value for name, value in dict(last.checkpoint).items() if name != "schema_"}
    assert scene.show(fixed.lock_evidence(at, scene.ben_eth, **members)).status_code == 201
    assert refused(scene, scene.ben_eth) == (404, "no_leaf")
    given(scene, scene.ann_eth)


def test_a_leaf_that_is_passed_over_spoils_no_path(scene: Scene) -> None:
    """Anyone can make two locks of one secret: the second stands in the tree, and not among the locks."""
    other = fixed.leaves([scene.ann_eth], scene.now - 120 + MAX_AGE_S)[0]
    taken = replace(other, account=canonical.from_hex(scene.ben.id))
    good = fixed.leaves([scene.ben_eth], scene.now - 120 + MAX_AGE_S)[0]
    answer = scene.checkpoint(EVM, leaves=sorted((taken, good), key=lambda leaf: leaf.hash))
    assert answer.json()["double_pledges"] == 1
    assert check_lock(given(scene, scene.ben_eth), scene.registry, scene.members[EVM], now_unix_s=scene.now) == good
    assert refused(scene, scene.ann_eth) == (404, "no_leaf")


def test_only_the_last_tree_of_a_chain_is_kept(scene: Scene) -> None:
    for locks in ([scene.ann_eth, scene.ben_eth], [scene.ann_eth], []):
        scene.checkpoint(EVM, locks)
        last = scene.last[EVM]
        assert last is not None
        with scene.store.reading() as session:
            kept = {row.chain: row.hashes for row in session.query(TreeRow)}
        assert kept.keys() == {EVM, SOL}
        assert kept[EVM] == b"".join(leaf.hash for leaf in fixed.leaves(locks, scene.now - 120 + MAX_AGE_S))
