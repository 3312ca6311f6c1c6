"""One lock, one account: a tag is of one account, commitment and class for ever, and what is booked is booked whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import collateral_world as fixed
import pytest
from collateral_service import DOLLAR_PRICES, ETH_ALLOWED, LOW_DOLLAR, LOW_ETH, MAX_AGE_S, Scene, revoke, tag
from collateral_world import EVM, SOL, Lock

from verifier import statuses, submissions
from verifier.collateral import checkpoints, counting, locks
from verifier.collateral.tables import LockRow, SubmissionLockRow
from zkmargin import canonical
from zkmargin.bundle import Bundle
from zkmargin.collateral import Leaf
from zkmargin.collateral.leaf import ACCOUNT


def leaf_of(scene: Scene, lock: Lock, **changes: Any) -> Leaf:
    leaf = fixed.leaves([lock], scene.now - 120 + MAX_AGE_S)[0]
    return dataclasses.replace(leaf, **changes)


def attest(scene: Scene, chain: str, *leaves: Leaf) -> dict[str, Any]:
    answer = scene.checkpoint(chain, leaves=sorted(leaves, key=lambda leaf: leaf.hash))
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


# A lock counts once


def test_a_lock_is_not_pledged_to_a_second_account(scene: Scene) -> None:
    """Two notes of one secret: the second account's leaf is passed over, and all others count."""
    other = leaf_of(scene, scene.ann_eth, account=canonical.from_hex(scene.ben.id))
    told = attest(scene, EVM, other, leaf_of(scene, scene.ben_eth))
    assert (told["renewed"], told["double_pledges"]) == (1, 1)
    stolen = scene.count(scene.ben, {scene.ann_eth: LOW_ETH, scene.ben_eth: LOW_ETH})
    assert stolen.json()["code"] == "collateral_mismatch"
    assert scene.everyone == [None, None, None]


def test_a_lock_is_not_pledged_under_a_second_commitment(scene: Scene) -> None:
    more = scene.lock(scene.ann, 80 * 10**18)
    told = attest(scene, EVM, leaf_of(scene, scene.ann_eth, commitment=more.note.commitment))
    assert told["double_pledges"] == 1
    forged = dataclasses.replace(
        scene.ann_eth,
        note=dataclasses.replace(scene.ann_eth.note, commitment=more.note.commitment),
        opening=more.opening,
    )
    assert tag(forged) == tag(scene.ann_eth)
    assert scene.count(scene.ann, {forged: LOW_ETH}).json()["code"] == "collateral_mismatch"


def test_a_lock_is_not_pledged_on_a_second_chain_or_in_a_second_class(scene: Scene) -> None:
    """A chain that is listed under two labels, or two chains that share a history: the tag names neither."""
    twin = leaf_of(
        scene, scene.lock(scene.ann, 10**6, chain=SOL), tag=scene.ann_eth.note.tag,
        commitment=scene.ann_eth.note.commitment,
    )  # fmt: skip
    assert attest(scene, SOL, twin, leaf_of(scene, scene.ann_dollars))["double_pledges"] == 1
    dollars = scene.lock(scene.ann, 10**6, asset=fixed.DOLLAR)
    same_chain = leaf_of(scene, dollars, tag=scene.ann_eth.note.tag, commitment=scene.ann_eth.note.commitment)
    assert attest(scene, EVM, same_chain)["double_pledges"] == 1
    with scene.store.reading() as session:
        rows = session.query(LockRow).filter(LockRow.tag == tag(scene.ann_eth)).all()
        assert [(row.class_, row.chain, canonical.to_hex(row.leaf[ACCOUNT])) for row in rows] == [
            ("ETH", EVM, scene.ann.id)
        ]


def test_a_pledge_holds_when_the_lock_is_gone(scene: Scene) -> None:
    for reason in ("reorged", "released"):
        scene.checkpoint(EVM, [scene.ann_eth], revoke((scene.ben_eth, reason)))
        told = attest(scene, EVM, leaf_of(scene, scene.ben_eth, account=canonical.from_hex(scene.ann.id)))
        assert told["double_pledges"] == 1


def test_evidence_of_one_lock_cannot_pledge_it_again_either(scene: Scene) -> None:
    taken = dataclasses.replace(scene.ann_eth.note, account=canonical.from_hex(scene.ben.id))
    second = dataclasses.replace(scene.ann_eth, note=taken)
    at = fixed.state([second], height=20, time=scene.now - 120)
    file = scene.file(EVM, [scene.ann_eth, scene.ben_eth], block_hash=fixed.hexed(at.block_hash))
    assert scene.take(file).status_code == 201
    members = {name: value for name, value in dict(file.checkpoint).items() if name != "schema_"}
    before = scene.dump()
    answer = scene.show(fixed.lock_evidence(at, second, **members))
    assert (answer.status_code, answer.json()["code"]) == (409, "double_pledge")
    assert scene.dump() == before


def test_a_lock_that_nobody_attested_counts_for_nothing(scene: Scene) -> None:
    before = scene.dump()
    alone = scene.lock(scene.ben, 8 * 10**18)
    assert scene.count(scene.ben, {alone: LOW_ETH}).json()["code"] == "collateral_unattested"
    assert scene.dump() == before


def test_a_lock_cannot_pass_for_one_of_another_class(scene: Scene) -> None:
    request = scene.counted({scene.ben_eth: LOW_ETH})
    dearer = request.model_copy(update={"locks": (request.locks[0].model_copy(update={"class_": "USDX.evm"}),)})
    bundle = Bundle.from_bytes(scene.bundle(scene.ben, {scene.ben_eth: LOW_ETH}))
    other = bundle.request.model_copy(update={"collateral": dearer})
    assert scene.submit(scene.ben.wrap(other, bundle.proof)).json()["code"] == "collateral_mismatch"


def test_what_a_proof_counts_is_what_it_says(scene: Scene) -> None:
    """Tags, coefficients and the registry enter the proof: with others it does not verify."""
    bundle = Bundle.from_bytes(scene.bundle(scene.ann, {scene.ann_eth: LOW_ETH, scene.ann_dollars: LOW_DOLLAR}))
    counted = bundle.request.collateral
    assert counted is not None
    higher = counted.model_copy(
        update={"locks": (counted.locks[0].model_copy(update={"coefficient": "1"}), *counted.locks[1:])}
    )
    for collateral in (higher, None):
        request = bundle.request.model_copy(update={"collateral": collateral})
        assert scene.submit(scene.ann.wrap(request, bundle.proof)).json()["code"] in ("proof_failed", "bad_encoding")


@pytest.mark.parametrize("more", [1, 10**18])
def test_a_lot_that_counts_too_high_is_refused(scene: Scene, more: int) -> None:
    before = scene.dump()
    answer = scene.count(scene.ben, {scene.ben_eth: ETH_ALLOWED[0] + more})
    assert (answer.status_code, answer.json()["code"]) == (409, "collateral_coefficient")
    assert scene.dump() == before


def test_without_its_locks_the_account_proves_nothing(scene: Scene) -> None:
    with pytest.raises(Exception, match="claim"):
        scene.bundle(scene.ann, {scene.ann_dollars: LOW_DOLLAR})


# All or nothing


class Killed(BaseException):
    """The process is gone in the middle of a transaction."""


def killed(scene: Scene, send: Callable[[], Any], patch: pytest.MonkeyPatch, place: tuple[Any, str]) -> None:
    """``send`` dies behind the call at ``place``; nothing of it was booked."""
    owner, name = place
    original = getattr(owner, name)

    def then_die(*args: Any, **kwargs: Any) -> Any:
        original(*args, **kwargs)
        raise Killed

    before = scene.dump()
    with patch.context() as inner:
        inner.setattr(owner, name, then_die)
        with pytest.raises(Killed):
            send()
    assert scene.dump() == before


CHECKPOINT_STEPS = [
    (checkpoints, "_keep"), (locks, "_book"), (locks, "_revoke"), (locks, "apply"), (checkpoints, "take"),
    (statuses, "refresh"),
]  # fmt: skip


@pytest.mark.parametrize("place", CHECKPOINT_STEPS, ids=lambda place: place[1])
def test_a_checkpoint_is_booked_with_the_statuses_it_turns_or_not_at_all(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str]
) -> None:
    more = scene.lock(scene.ann, 10**18)
    data = scene.file(EVM, [scene.ann_eth, more], revoke((scene.ben_eth, "seized"))).to_bytes()
    killed(scene, lambda: scene.service.collateral.take_checkpoint(data), monkeypatch, place)
    assert scene.everyone == [None, None, None]
    assert scene.service.collateral.take_checkpoint(data).counts.revoked == 1
    assert scene.everyone == [None, "collateral_seized", None]


SUBMISSION_STEPS = [(counting, "keep"), (statuses, "retire"), (submissions, "accept"), (statuses, "refresh")]


@pytest.mark.parametrize("place", SUBMISSION_STEPS, ids=lambda place: place[1])
def test_a_submission_is_booked_with_its_locks_and_its_status_or_not_at_all(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str]
) -> None:
    data = scene.bundle(scene.ben, {scene.ben_eth: LOW_ETH})
    killed(scene, lambda: scene.service.submit(data), monkeypatch, place)
    with scene.store.reading() as session:
        booked = session.query(SubmissionLockRow).count()
    assert scene.service.submit(data).created
    with scene.store.reading() as session:
        assert session.query(SubmissionLockRow).count() == booked + 1


def test_a_registry_is_booked_with_the_statuses_it_turns_or_not_at_all(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = scene.next_registry(class__haircut_ppm=1_000_000).sign(scene.keys.params).to_bytes()
    send = scene.service.collateral.publish_registry
    killed(scene, lambda: send(data), monkeypatch, (statuses, "refresh"))
    assert scene.everyone == [None, None, None]
    assert send(data).created
    assert scene.everyone == ["collateral_coefficient", "collateral_coefficient", None]


# Races


def test_a_lock_that_goes_while_its_proof_is_verified_is_not_counted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof is verified outside the transaction: what it counts is asked again inside."""
    from verifier import service

    build = service.build

    def meanwhile(*args: Any) -> Any:
        assert scene.checkpoint(EVM, [scene.ann_eth], revoke((scene.ben_eth, "seized"))).status_code == 201
        return build(*args)

    data = scene.bundle(scene.ben, {scene.ben_eth: LOW_ETH}, percent="4")
    monkeypatch.setattr(service, "build", meanwhile)
    assert scene.submit(data).json()["code"] == "collateral_seized"
    assert scene.told(scene.ben) == ("stale", "collateral_seized")


@pytest.mark.parametrize("change", ["registry", "members", "checkpoint"])
def test_what_changes_while_a_checkpoint_is_checked_is_asked_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    file, examine = scene.file(EVM, [scene.ann_eth, scene.ben_eth]), checkpoints.examine

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        found = examine(*args, **kwargs)
        monkeypatch.undo()
        monkeypatch.setattr("verifier.clock.now_unix_s", lambda: scene.now)
        if change == "registry":
            assert scene.publish_registry(scene.next_registry(chain__cap="1")).status_code == 201
        elif change == "members":
            assert scene.rotate(EVM, from_epoch=2).status_code == 201
        else:
            assert scene.checkpoint(EVM, [scene.ann_eth], block_hash="0x" + "07" * 32).status_code == 201
        return found

    monkeypatch.setattr(checkpoints, "examine", meanwhile)
    answer = scene.post("/v1/collateral/checkpoints", file.to_bytes())
    if change == "checkpoint":  # a quorum has signed both
        assert answer.json()["frozen"]
        assert scene.everyone == ["chain_frozen", "chain_frozen", None]
    else:
        assert answer.json()["code"] == "registry_moved"
        assert scene.chain(EVM)["epoch"] == 1


def between(scene: Scene, patch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """``act`` happens after the next checkpoint was checked, before it is booked."""
    examine = checkpoints.examine

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        found = examine(*args, **kwargs)
        act()
        return found

    patch.setattr(checkpoints, "examine", meanwhile)


def test_a_lock_that_is_shown_by_itself_meanwhile_is_there_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    more = scene.lock(scene.ann, 10**18)
    at, both = fixed.state([more], height=20, time=scene.now - 120), [scene.ann_eth, scene.ben_eth]
    second = scene.file(EVM, both, block_hash=fixed.hexed(at.block_hash))
    assert scene.take(second).status_code == 201
    members = {name: value for name, value in dict(second.checkpoint).items() if name != "schema_"}
    evidence = fixed.lock_evidence(at, more, **members)
    between(scene, monkeypatch, lambda: scene.show(evidence))
    told = scene.checkpoint(EVM, [*both, more]).json()
    assert (told["registered"], told["renewed"]) == (0, 3)
    assert scene.state_of(more) == "final"


def test_a_lock_that_leaves_the_last_checkpoint_meanwhile_is_not_lost(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaves() -> None:
        with scene.store.writing() as session:
            row = session.get_one(LockRow, tag(scene.ben_eth))
            row.epoch, row.seen_unix_s, row.expiry_unix_s = 1, scene.now, scene.now

    between(scene, monkeypatch, leaves)
    assert scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth]).json()["code"] == "registry_moved"


# What is told of a lock


def test_nobody_is_told_which_account_a_lock_backs(scene: Scene) -> None:
    scene.publish_round(2, DOLLAR_PRICES)
    paths = (f"locks/{tag(scene.ann_eth)}", "chains", "classes", f"chains/{EVM}/checkpoints/1", f"chains/{EVM}/sets")
    for path in paths:
        answer = scene.client.get(f"/v1/collateral/{path}")
        assert answer.status_code == 200
        for secret in (scene.ann.id, scene.ben.id, canonical.to_hex(scene.ann_eth.note.commitment)):
            assert secret not in answer.text
    assert scene.class_("ETH") == {
        "class": "ETH", "chain": EVM, "allowed_atto_per_lot": str(ETH_ALLOWED[0]), "off_peg": False, "locks": 2,
    }  # fmt: skip
