"""What happens to locks, and what becomes of the accounts that count them: each event is made to happen."""

from __future__ import annotations

import collateral_world as fixed
import pytest
from collateral_service import (
    DOLLAR_PRICES,
    ETH_ALLOWED,
    LATE_AGE_S,
    LOW_ETH,
    MAX_AGE_S,
    SOFT_AGE_S,
    Scene,
    digest,
    revoke,
    tag,
)
from collateral_world import EVM, KEYS, QUORUM, SOL

from verifier.collateral import checkpoints, classes
from zkmargin import canonical
from zkmargin.collateral import Ed25519Key, SignedCheckpoint
from zkmargin.errors import ContextError


@pytest.fixture
def old(scene: Scene) -> Scene:
    """Just before the evidence of the beginning expires."""
    scene.now += MAX_AGE_S - 120 - 1
    assert scene.everyone == [None, None, None]
    return scene


# Renewal, and what ends without it


def test_a_renewal_extends_a_proof(old: Scene) -> None:
    assert old.checkpoint(EVM, [old.ann_eth, old.ben_eth]).json()["renewed"] == 2
    assert old.checkpoint(SOL, [old.ann_dollars]).status_code == 201
    old.now += 3000
    assert old.everyone == [None, None, None]
    old.now += 600 - 120 + 1
    assert old.everyone == ["collateral_expired", "collateral_expired", None]


def test_without_a_quorum_the_evidence_expires_by_the_clock_alone(old: Scene) -> None:
    for signers in (QUORUM[:2], ("ada",), ()):
        assert old.checkpoint(EVM, [old.ann_eth], signers=signers).json()["code"] == "too_few_signatures"
    old.now += 1
    assert old.everyone == ["collateral_expired", "collateral_expired", None]
    assert old.state_of(old.ann_eth) == "expired"
    assert old.service.count_statuses() == {"unproven": 0, "live": 1, "stale": 2, "liquidatable": 0}
    status = old.status(old.ann.id)
    assert canonical.parse_time(status["deadline"]) == old.now - 1 + old.settings.grace_s  # it counted a second ago
    old.now += old.settings.grace_s
    assert old.told(old.ann) == ("liquidatable", "collateral_expired")


def test_of_a_chain_that_stops_only_the_accounts_that_count_it_go(old: Scene) -> None:
    assert old.checkpoint(EVM, [old.ann_eth, old.ben_eth]).status_code == 201
    old.now += 1
    assert old.everyone == ["collateral_expired", None, None]  # ann counts dollars on the other chain too


def test_a_renewal_makes_a_stale_account_live_again_without_a_proof(old: Scene) -> None:
    old.now += 1
    assert old.told(old.ben) == ("stale", "collateral_expired")
    assert old.checkpoint(EVM, [old.ann_eth, old.ben_eth]).status_code == 201
    assert old.everyone == ["collateral_expired", None, None]
    assert old.checkpoint(SOL, [old.ann_dollars]).status_code == 201
    assert old.everyone == [None, None, None]


def test_a_release_request_shows_as_a_leaf_that_is_missing_and_gives_no_cause(old: Scene) -> None:
    assert old.checkpoint(EVM, [old.ann_eth]).status_code == 201  # ben has asked for a release
    assert old.everyone == [None, None, None]  # his coins cannot move before his evidence ends
    old.now += 1
    assert old.told(old.ben) == ("stale", "collateral_expired")
    old.now += 200  # he cancels the request
    assert old.checkpoint(EVM, [old.ann_eth, old.ben_eth]).status_code == 201
    assert old.told(old.ben) == ("live", None)


# Revocations


@pytest.mark.parametrize("reason", ["reorged", "released", "seized"])
def test_a_revocation_drops_at_once_exactly_the_accounts_that_count_the_lock(scene: Scene, reason: str) -> None:
    taken = scene.checkpoint(EVM, [scene.ann_eth], revoke((scene.ben_eth, reason)))
    assert (taken.json()["renewed"], taken.json()["revoked"]) == (1, 1)
    assert scene.everyone == [None, f"collateral_{reason}", None]
    assert scene.state_of(scene.ben_eth) == reason
    again = scene.count(scene.ben, {scene.ben_eth: LOW_ETH}, percent="4")
    assert again.json()["code"] == f"collateral_{reason}"


def test_a_reorganised_lock_counts_again_by_a_later_checkpoint(scene: Scene) -> None:
    scene.checkpoint(EVM, [scene.ann_eth], revoke((scene.ben_eth, "reorged")))
    assert scene.told(scene.ben) == ("stale", "collateral_reorged")
    assert scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth]).status_code == 201
    assert scene.told(scene.ben) == ("live", None)


@pytest.mark.parametrize("reason", ["released", "seized"])
def test_a_lock_that_is_over_never_counts_again(scene: Scene, reason: str) -> None:
    scene.checkpoint(EVM, [scene.ann_eth], revoke((scene.ben_eth, reason)))
    taken = scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth]).json()
    assert (taken["renewed"], taken["over"]) == (1, 1)
    assert scene.told(scene.ben) == ("stale", f"collateral_{reason}")
    reorged = scene.checkpoint(EVM, [scene.ann_eth], revoke((scene.ben_eth, "reorged"))).json()
    assert reorged["revoked"] == 0
    assert scene.state_of(scene.ben_eth) == reason


def test_attestors_of_one_chain_cannot_revoke_locks_of_another(scene: Scene) -> None:
    taken = scene.checkpoint(SOL, [scene.ann_dollars], revoke((scene.ben_eth, "seized")))
    assert (taken.status_code, taken.json()["revoked"]) == (201, 0)
    assert scene.everyone == [None, None, None]


def test_a_stale_account_comes_back_with_other_collateral(scene: Scene) -> None:
    scene.checkpoint(EVM, [scene.ann_eth], revoke((scene.ben_eth, "released")))
    more = scene.lock(scene.ben, 8 * 10**18)  # a relock has a new tag
    assert scene.checkpoint(EVM, [scene.ann_eth, more]).json()["registered"] == 1
    assert scene.count(scene.ben, {more: LOW_ETH}).status_code == 201
    assert scene.told(scene.ben) == ("live", None)


def test_a_lock_that_the_venue_is_about_to_seize_counts_no_more_from_that_second_on(scene: Scene) -> None:
    """Before any attestor sees it: a credit for what is seized never stands beside the lock."""
    both, ben = [scene.ann_eth, scene.ben_eth], tag(scene.ben_eth)
    meanwhile = scene.file(EVM, both)
    told = scene.service.collateral.seizing(ben)
    assert (told["tag"], told["state"], told["epoch"]) == (ben, "seized", 1)
    assert scene.everyone == [None, "collateral_seized", None]
    assert scene.class_("ETH")["locks"] == 1
    assert scene.count(scene.ben, {scene.ben_eth: LOW_ETH}, percent="4").json()["code"] == "collateral_seized"
    taken = scene.take(meanwhile).json()  # members have not seen it yet
    assert (taken["renewed"], taken["over"]) == (1, 1)
    assert scene.checkpoint(EVM, both[:1], revoke((scene.ben_eth, "reorged"))).json()["revoked"] == 0
    assert scene.checkpoint(EVM, both).json()["over"] == 1
    assert scene.service.collateral.seizing(ben)["state"] == "seized"
    assert (scene.told(scene.ben), scene.state_of(scene.ben_eth)) == (("stale", "collateral_seized"), "seized")


def test_what_is_not_there_to_be_seized(scene: Scene) -> None:
    reorged, released = revoke((scene.ann_eth, "reorged")), revoke((scene.ben_eth, "released"))
    scene.checkpoint(EVM, [], sorted(reorged + released, key=lambda revocation: revocation.tag))
    before = scene.dump()
    for wrong, code in (
        (tag(scene.ben_eth), "collateral_released"),
        ("0x" + "07" * 32, "unknown_lock"),
        ("", "unknown_lock"),
    ):
        with pytest.raises(ContextError) as refused:
            scene.service.collateral.seizing(wrong)
        assert refused.value.code == code
    assert scene.dump() == before
    assert scene.service.collateral.seizing(tag(scene.ann_eth))["state"] == "seized"  # it may come again


# Members


def test_a_rotation_changes_nothing_and_the_new_members_go_on(scene: Scene) -> None:
    newcomer = KEYS | {"eve": (Ed25519Key(b"\x77" * 32),)}
    assert scene.rotate(EVM, newcomer).status_code == 201
    assert scene.everyone == [None, None, None]
    assert scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth], set_version=1).json()["code"] == "wrong_set"
    assert scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth]).json()["renewed"] == 2
    assert scene.chain(EVM)["members_version"] == 2


def test_members_that_follow_later_leave_their_epochs_to_those_before(scene: Scene) -> None:
    assert scene.rotate(EVM, from_epoch=3).status_code == 201
    assert scene.checkpoint(EVM, [scene.ann_eth]).json()["code"] == "wrong_set"  # epoch 2 is not theirs
    assert scene.checkpoint(EVM, [scene.ann_eth], set_version=1).status_code == 201
    assert scene.checkpoint(EVM, [scene.ann_eth]).status_code == 201


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"approvals": QUORUM[:2]}, "too_few_signatures"),
        ({"approvals": ()}, "too_few_signatures"),
        ({"version": 3}, "wrong_version"),
        ({"from_epoch": 1}, "wrong_epoch"),
    ],
)
def test_members_that_cannot_follow(scene: Scene, changes: dict[str, object], code: str) -> None:
    before = scene.dump()
    assert scene.rotate(EVM, **changes).json()["code"] == code
    assert scene.dump() == before


def test_members_begin_after_the_last_checkpoint(scene: Scene) -> None:
    scene.checkpoint(EVM, [scene.ann_eth])
    assert scene.rotate(EVM, from_epoch=2).json()["code"] == "wrong_epoch"


def test_a_lost_quorum_is_replaced_by_the_operator_alone_after_a_week_of_nothing(scene: Scene) -> None:
    week_s = 7 * 86400
    scene.now += MAX_AGE_S - 120 + week_s
    assert scene.rotate(EVM, approvals=()).json()["code"] == "too_few_signatures"
    scene.now += 1
    assert scene.rotate(EVM, approvals=()).status_code == 201
    assert scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth]).status_code == 201


# Two checkpoints of one epoch


def equivocate(scene: Scene) -> None:
    """The EVM chain's members sign a second checkpoint of the last epoch."""
    last = scene.last[EVM]
    assert last is not None
    other = scene.file(EVM, [scene.ann_eth], epoch=last.checkpoint.epoch, previous=last.checkpoint.previous)
    taken = scene.post("/v1/collateral/checkpoints", other.to_bytes())
    assert (taken.status_code, taken.json()["frozen"]) == (201, True)
    assert scene.post("/v1/collateral/checkpoints", other.to_bytes()).status_code == 200


def test_two_checkpoints_of_one_epoch_freeze_the_chain_and_are_kept(scene: Scene) -> None:
    equivocate(scene)
    assert scene.everyone == ["chain_frozen", "chain_frozen", None]
    assert scene.chain(EVM)["frozen"]
    assert not scene.chain(SOL)["frozen"]
    assert scene.class_("ETH")["allowed_atto_per_lot"] == "0"
    kept = scene.client.get(f"/v1/collateral/chains/{EVM}/checkpoints/1").json()["items"]
    assert [item["accepted"] for item in kept] == [True, False]
    for item in kept:  # anyone can see that a quorum signed both
        file = SignedCheckpoint.from_value(item["file"])
        assert scene.members[EVM].quorum(file.checkpoint, file.signatures) == QUORUM
    assert scene.checkpoint(EVM, [scene.ann_eth]).json()["code"] == "chain_frozen"
    assert scene.count(scene.ben, {scene.ben_eth: LOW_ETH}, percent="4").json()["code"] == "chain_frozen"


def test_evidence_against_members_is_taken_however_old(scene: Scene) -> None:
    first = scene.last[EVM]
    assert first is not None
    for _ in range(2):
        assert scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth]).status_code == 201
    other = scene.file(EVM, epoch=1, previous=first.checkpoint.previous, block_time=first.checkpoint.block_time - 60)
    scene.now += 10 * MAX_AGE_S
    assert scene.post("/v1/collateral/checkpoints", other.to_bytes()).json()["frozen"]


def test_what_too_few_members_sign_twice_is_nothing(scene: Scene) -> None:
    before = scene.dump()
    other = scene.file(EVM, epoch=1, previous="0x" + "00" * 32, signers=QUORUM[:2])
    assert scene.take(other).json()["code"] == "too_few_signatures"
    assert scene.dump() == before


def test_a_thaw_needs_new_members_and_their_first_checkpoint(scene: Scene) -> None:
    equivocate(scene)
    with pytest.raises(Exception, match="still those of the chain"):
        scene.service.collateral.thaw(EVM)
    assert scene.rotate(EVM).status_code == 201
    assert scene.everyone == ["chain_frozen", "chain_frozen", None]
    assert scene.service.collateral.thaw(EVM)
    # What the others signed is void, whichever of their stories came first.
    assert scene.everyone[:2] == ["chain_frozen"] * 2
    assert scene.state_of(scene.ann_eth) == "expired"
    assert scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth]).status_code == 201
    assert scene.everyone == [None, None, None]
    assert not scene.service.collateral.thaw(EVM)


def test_after_a_thaw_either_story_may_be_the_one_before(scene: Scene) -> None:
    last = scene.last[EVM]
    assert last is not None
    other = scene.file(EVM, [scene.ann_eth], epoch=1, previous=last.checkpoint.previous)
    scene.post("/v1/collateral/checkpoints", other.to_bytes())
    scene.rotate(EVM)
    scene.service.collateral.thaw(EVM)
    taken = scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth], previous=digest(other))
    assert taken.status_code == 201, taken.text


def test_after_a_thaw_the_members_before_sign_nothing_more(scene: Scene) -> None:
    """Not even an epoch before those after them begin."""
    equivocate(scene)
    assert scene.rotate(EVM, from_epoch=5).status_code == 201
    assert scene.service.collateral.thaw(EVM)
    both = [scene.ann_eth, scene.ben_eth]
    assert scene.checkpoint(EVM, both, set_version=1).json()["code"] == "wrong_set"
    assert scene.checkpoint(EVM, both, epoch=5).status_code == 201
    assert scene.everyone == [None, None, None]


def test_members_that_were_replaced_freeze_nothing_any_more(scene: Scene) -> None:
    first = scene.last[EVM]
    assert first is not None
    scene.rotate(EVM)
    scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth])
    other = scene.file(EVM, epoch=1, previous=first.checkpoint.previous, set_version=1)
    taken = scene.post("/v1/collateral/checkpoints", other.to_bytes())
    assert (taken.status_code, taken.json()["frozen"]) == (201, False)  # kept, as evidence
    assert scene.everyone == [None, None, None]


def test_what_replaced_members_attested_ends_with_the_evidence_against_them(scene: Scene) -> None:
    """And nothing else: what the members after them renewed counts on."""
    invented = scene.lock(scene.ben, 50 * 10**18)
    assert scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth, invented]).status_code == 201
    second = scene.last[EVM]
    assert second is not None
    assert scene.count(scene.ben, {invented: LOW_ETH}).status_code == 201
    scene.rotate(EVM)
    assert scene.checkpoint(EVM, [scene.ann_eth]).status_code == 201  # by the next members, who do not see it
    assert scene.everyone == [None, None, None]
    told = second.checkpoint
    other = scene.file(EVM, epoch=2, previous=told.previous, set_version=1, block_time=told.block_time)
    answer = scene.post("/v1/collateral/checkpoints", other.to_bytes()).json()
    assert (answer["accepted"], answer["frozen"]) == (False, False)
    assert scene.everyone == [None, "collateral_expired", None]
    assert [scene.state_of(lock) for lock in (invented, scene.ben_eth, scene.ann_eth)] == [
        "expired",
        "expired",
        "final",
    ]
    assert scene.count(scene.ben, {invented: LOW_ETH}, percent="4").json()["code"] == "collateral_expired"
    assert scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth]).status_code == 201
    assert scene.state_of(scene.ben_eth) == "final"


def passed_over(scene: Scene, epoch: int = 3) -> SignedCheckpoint:
    """A checkpoint of epoch 2, by the members of the chain, which goes to another epoch without it."""
    made = scene.file(EVM, [scene.ann_eth])
    assert scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth], epoch=epoch).status_code == 201
    return made


def test_a_checkpoint_of_an_epoch_that_was_passed_over_is_kept_and_counts_for_nothing(scene: Scene) -> None:
    late = passed_over(scene)
    scene.now += 10 * MAX_AGE_S
    before = scene.chain(EVM)
    answer = scene.post("/v1/collateral/checkpoints", late.to_bytes())
    told = answer.json()
    assert (answer.status_code, told["accepted"], told["frozen"], told["renewed"]) == (201, False, False, 0)
    assert scene.post("/v1/collateral/checkpoints", late.to_bytes()).status_code == 200
    assert scene.chain(EVM) == before
    kept = scene.client.get(f"/v1/collateral/chains/{EVM}/checkpoints/2").json()["items"]
    assert [(item["accepted"], item["digest"]) for item in kept] == [(False, digest(late))]


def test_two_checkpoints_of_an_epoch_that_was_passed_over_freeze_the_chain(scene: Scene) -> None:
    one = passed_over(scene)
    other = scene.file(EVM, epoch=2, previous=one.checkpoint.previous)
    third = scene.file(EVM, epoch=2, previous=one.checkpoint.previous, block_hash="0x" + "78" * 32)
    frozen = [scene.post("/v1/collateral/checkpoints", file.to_bytes()).json()["frozen"] for file in (one, other)]
    assert frozen == [False, True]
    assert scene.everyone == ["chain_frozen", "chain_frozen", None]
    assert scene.post("/v1/collateral/checkpoints", third.to_bytes()).status_code == 200  # two are enough
    assert len(scene.client.get(f"/v1/collateral/chains/{EVM}/checkpoints/2").json()["items"]) == 2


def test_what_is_kept_of_epochs_that_were_passed_over_is_bounded(scene: Scene) -> None:
    far = passed_over(scene, 3 + checkpoints.WITNESSED_EPOCHS)
    near = scene.file(EVM, epoch=3)
    few = scene.file(EVM, epoch=4, signers=QUORUM[:2])
    before = scene.dump()
    assert scene.take(far).json()["code"] == "old_checkpoint"
    assert scene.take(few).json()["code"] == "too_few_signatures"
    assert scene.dump() == before
    assert scene.post("/v1/collateral/checkpoints", near.to_bytes()).status_code == 201


# Prices, pegs, ages, registries


def test_a_price_that_falls_ends_what_counts_a_lot_too_high(scene: Scene) -> None:
    assert scene.count(scene.ben, {scene.ben_eth: ETH_ALLOWED[0]}).status_code == 201
    scene.now += 60
    scene.publish_round(2, DOLLAR_PRICES | {"ETH-USD": "2999.99"})
    assert scene.told(scene.ben) == ("live", None)  # by his other verdict, at a lower coefficient
    scene.publish_round(3, DOLLAR_PRICES | {"ETH-USD": "2850"})
    assert (
        scene.count(scene.ben, {scene.ben_eth: ETH_ALLOWED[0]}, percent="6").json()["code"] == "collateral_coefficient"
    )


def test_stale_by_a_price_and_back_with_a_smaller_coefficient(scene: Scene) -> None:
    scene.ben.put()  # a new state: the verdict of the beginning is gone
    assert scene.count(scene.ben, {scene.ben_eth: ETH_ALLOWED[0]}).status_code == 201
    scene.now += 60
    scene.publish_round(2, DOLLAR_PRICES | {"ETH-USD": "2999.99"})
    assert scene.everyone == [None, "collateral_coefficient", None]
    assert scene.count(scene.ben, {scene.ben_eth: ETH_ALLOWED[0] - 10**15}).status_code == 201
    assert scene.told(scene.ben) == ("live", None)


@pytest.mark.parametrize(("step", "age_s"), [(1, SOFT_AGE_S), (2, LATE_AGE_S)])
def test_age_takes_off_more_by_the_clock_alone(scene: Scene, step: int, age_s: int) -> None:
    scene.ben.put()
    assert scene.count(scene.ben, {scene.ben_eth: ETH_ALLOWED[step] + 1}).status_code == 201
    scene.now += age_s - 120
    assert scene.told(scene.ben) == ("live", None)
    scene.now += 1
    assert scene.told(scene.ben) == ("stale", "collateral_coefficient")
    assert scene.class_("ETH")["allowed_atto_per_lot"] == str(ETH_ALLOWED[step])
    assert scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth]).status_code == 201
    assert scene.told(scene.ben) == ("live", None)


def test_a_lock_without_a_newer_leaf_ages_however_young_its_chain_is(scene: Scene) -> None:
    scene.ben.put()
    assert scene.count(scene.ben, {scene.ben_eth: ETH_ALLOWED[1] + 1}).status_code == 201
    scene.now += SOFT_AGE_S - 120
    assert scene.checkpoint(EVM, [scene.ann_eth]).status_code == 201
    assert scene.told(scene.ben) == ("live", None)
    scene.now += 1
    assert scene.told(scene.ben) == ("stale", "collateral_coefficient")


def test_a_class_that_leaves_its_peg_counts_less_until_enough_calm_rounds(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert classes.CALM_ROUNDS == 10
    monkeypatch.setattr(classes, "CALM_ROUNDS", 3)
    pegged = scene.next_registry()
    value = pegged.to_value()
    value["classes"][2]["peg"] = {"price": "1", "below_ppm": 20_000, "haircut_ppm": 400_000}
    assert scene.publish_registry(type(pegged).from_value(value)).status_code == 201
    number = 1

    def dollar_at(price: str) -> str | None:
        nonlocal number
        number += 1
        scene.now += 10
        scene.publish_round(number, DOLLAR_PRICES | {"USDX-USD": price})
        return scene.everyone[0]

    assert dollar_at("0.98") is None  # not under 1 - d
    assert dollar_at("0.979") == "collateral_coefficient"
    assert scene.class_("USDX.sol")["off_peg"]
    for _ in range(2):
        assert dollar_at("1") == "collateral_coefficient"
    assert dollar_at("0.99") == "collateral_coefficient"  # not above 1 - d/2: counted from the start again
    for _ in range(2):
        assert dollar_at("0.991") == "collateral_coefficient"
    assert dollar_at("0.991") is None
    assert not scene.class_("USDX.sol")["off_peg"]


def test_a_round_without_a_price_counts_nothing_of_the_class(scene: Scene) -> None:
    scene.now += 10
    scene.publish_round(2, {market: price for market, price in DOLLAR_PRICES.items() if market != "USDX-USD"})
    assert scene.everyone == ["collateral_coefficient", None, None]
    assert scene.class_("USDX.sol")["allowed_atto_per_lot"] == "0"


def test_a_haircut_that_rises_counts_at_once_and_an_older_registry_ends_with_its_grace(scene: Scene) -> None:
    assert scene.publish_registry(scene.next_registry(class__haircut_ppm=150_001)).status_code == 201
    assert scene.everyone == [None, None, None]
    scene.now += scene.settings.params_grace_s
    for chain, locks in ((EVM, [scene.ann_eth, scene.ben_eth]), (SOL, [scene.ann_dollars])):
        assert scene.checkpoint(chain, locks).status_code == 201
    assert scene.everyone == [None, None, None]
    scene.now += 1
    assert scene.everyone == ["old_registry", "old_registry", None]
    scene.publish_round(2, DOLLAR_PRICES)
    old, scene.registry = scene.registry, fixed.REGISTRY
    assert scene.count(scene.ben, {scene.ben_eth: LOW_ETH}).json()["code"] == "old_registry"
    scene.registry = old
    assert scene.count(scene.ben, {scene.ben_eth: LOW_ETH}).status_code == 201
    assert scene.everyone == ["old_registry", None, None]


def test_a_registry_that_shortens_the_age_ends_the_evidence_that_is_known(scene: Scene) -> None:
    shorter = {"max_age_s": 1800, "late_age_s": 1800}
    following = scene.next_registry(**{f"chain__{name}": value for name, value in shorter.items()})
    assert scene.publish_registry(following).status_code == 201
    assert scene.count(scene.ben, {scene.ben_eth: LOW_ETH}).status_code == 201
    assert scene.checkpoint(SOL, [scene.ann_dollars]).status_code == 201
    scene.now += 1800 - 120 - 1
    assert (scene.everyone, scene.state_of(scene.ben_eth)) == ([None, None, None], "final")
    assert (scene.class_("ETH")["locks"], scene.class_("ETH")["allowed_atto_per_lot"]) == (2, str(ETH_ALLOWED[1]))
    scene.now += 1
    assert (scene.everyone, scene.state_of(scene.ben_eth)) == (["collateral_expired"] * 2 + [None], "expired")
    assert (scene.class_("ETH")["locks"], scene.class_("ETH")["allowed_atto_per_lot"]) == (0, "0")
    assert scene.chain(EVM)["expiry"] == canonical.format_time(scene.now)
    scene.publish_round(2, DOLLAR_PRICES)
    assert scene.count(scene.ben, {scene.ben_eth: LOW_ETH}, percent="4").json()["code"] == "collateral_expired"


def test_a_haircut_above_everything_leaves_nothing(scene: Scene) -> None:
    assert scene.publish_registry(scene.next_registry(class__haircut_ppm=1_000_000)).status_code == 201
    assert scene.everyone == ["collateral_coefficient", "collateral_coefficient", None]
    assert scene.class_("ETH")["allowed_atto_per_lot"] == "0"


# Verdicts beside each other


def test_any_verdict_whose_locks_count_is_enough(scene: Scene) -> None:
    other = scene.lock(scene.ben, 8 * 10**18)
    scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth, other])
    assert scene.count(scene.ben, {other: LOW_ETH}).status_code == 201
    scene.checkpoint(EVM, [scene.ann_eth, other], revoke((scene.ben_eth, "seized")))
    assert scene.told(scene.ben) == ("live", None)
    scene.checkpoint(EVM, [scene.ann_eth], revoke((other, "released")))
    assert scene.told(scene.ben)[1] in ("collateral_released", "collateral_seized")


def test_a_verdict_by_other_locks_stands_in_for_none(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from verifier import statuses

    monkeypatch.setattr(statuses, "MAX_STANDING", 2)
    other = scene.lock(scene.ben, 8 * 10**18)
    scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth, other])
    for percent in ("4", "3"):  # narrower, of the same locks: the one of the beginning stands in for the first
        assert scene.count(scene.ben, {scene.ben_eth: LOW_ETH}, percent=percent).status_code == 201
    assert scene.count(scene.ben, {other: LOW_ETH}, percent="5").status_code == 201
    scene.checkpoint(EVM, [scene.ann_eth, scene.ben_eth], revoke((other, "released")))
    assert scene.told(scene.ben) == ("live", None)
