"""Seizure: the venue, and the opening of the note, and nothing sent to the owner. docs/collateral.md, "Vault"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from devnets import NATIVE, deploy_test_contract, deploy_vault, terms
from vault_world import ACCOUNT, COMMITMENT, DELAY_S, SECRET, World

from zkmargin.contracts import VaultTerms

ACTIVE, REQUESTED, RELEASED, SEIZED = 1, 2, 3, 4
AMOUNT = 10**18


@pytest.fixture(params=["native", "token"])
def asset(request: pytest.FixtureRequest, world: World) -> str:
    return NATIVE if request.param == "native" else world.token.address


def noted(world: World, *, asset: str = NATIVE, unlock_at: int = 0, **changed: Any) -> tuple[bytes, bytes]:
    """A lock under the holder's note, and the note's digest."""
    digest = world.note(AMOUNT, asset=asset, **changed).digest
    return world.locked(AMOUNT, digest, asset=asset, unlock_at=unlock_at), digest


def coins(world: World, holder: str, asset: str) -> int:
    return world.web3.eth.get_balance(holder) if asset == NATIVE else world.token.functions.balanceOf(holder).call()


@pytest.mark.parametrize("take", [0, 1, AMOUNT])
def test_the_venue_takes_what_it_says_and_the_rest_stays(world: World, asset: str, take: int) -> None:
    key, _ = noted(world, asset=asset, unlock_at=2**39)
    before = coins(world, world.venue, asset)
    receipt = world.send(world.seize(key, take), world.venue)
    fee = receipt["gasUsed"] * receipt["effectiveGasPrice"] if asset == NATIVE else 0
    assert coins(world, world.venue, asset) == before + take - fee
    assert coins(world, world.vault.address, asset) == AMOUNT - take
    stored = world.stored(key)
    assert (stored["status"], stored["amount"]) == (SEIZED, AMOUNT - take)
    assert stored["release_at"] == world.now() + DELAY_S  # the term was for the whole of it
    (event,) = [each for each in receipt["logs"] if each["address"] == world.vault.address]
    assert dict(world.vault.events.Seized().process_log(event)["args"]) == {"lockId": key, "take": take}


def test_the_rest_is_released_after_the_delay_and_once(world: World, asset: str) -> None:
    key, digest = noted(world, asset=asset)
    world.send(world.seize(key, AMOUNT - 5), world.venue)
    release_at = world.stored(key)["release_at"]
    world.until(release_at - 1)
    release = world.vault.functions.release(digest)
    assert world.refusal(release) == ("TooEarly", release_at)
    world.until(release_at)
    assert world.refusal(release, world.other) == ("WrongStatus", 0)
    before = coins(world, world.holder, world.token.address)
    world.send(release)
    if asset != NATIVE:
        assert coins(world, world.holder, asset) == before + 5
    assert coins(world, world.vault.address, asset) == 0
    assert (world.stored(key)["status"], world.stored(key)["amount"]) == (SEIZED, 0)
    assert world.refusal(release) == ("NothingHeld",)


def test_nothing_is_left_of_what_was_taken_whole(world: World) -> None:
    key, digest = noted(world)
    world.send(world.seize(key, AMOUNT), world.venue)
    world.wait()
    assert world.refusal(world.vault.functions.release(digest)) == ("NothingHeld",)


def test_a_request_that_waits_is_seized_and_keeps_its_time(world: World) -> None:
    key, digest = noted(world)
    world.send(world.vault.functions.requestRelease(digest))
    release_at = world.stored(key)["release_at"]
    world.wait(DELAY_S // 2)
    world.send(world.seize(key, 1), world.venue)
    assert (world.stored(key)["status"], world.stored(key)["release_at"]) == (SEIZED, release_at)


def test_what_is_not_collected_can_still_be_seized(world: World) -> None:
    key, digest = noted(world)
    world.send(world.vault.functions.requestRelease(digest))
    world.wait(2 * DELAY_S)
    world.send(world.seize(key, AMOUNT), world.venue)
    assert world.stored(key)["amount"] == 0


def test_only_the_venue_seizes(world: World) -> None:
    key, _ = noted(world)
    for anybody in (world.holder, world.other):
        assert world.refusal(world.seize(key, 1), anybody) == ("NotTheVenue",)


def test_no_more_is_taken_than_there_is(world: World) -> None:
    key, _ = noted(world)
    assert world.refusal(world.seize(key, AMOUNT + 1), world.venue) == ("TakesTooMuch", AMOUNT)


@pytest.mark.parametrize(
    "opening",
    [
        {"account": bytes(32)},
        {"secret": bytes(32)},
        {"commitment": COMMITMENT[:-1] + b"\0"},
        {"commitment": b"\0" + COMMITMENT[1:]},
        {"commitment": COMMITMENT[:-1]},
        {"commitment": COMMITMENT + b"\0"},
        {"commitment": b""},
    ],
    ids=["account", "secret", "end of C", "start of C", "short C", "long C", "no C"],
)
def test_another_opening_does_not_seize(world: World, opening: dict[str, bytes]) -> None:
    key, _ = noted(world)
    assert world.refusal(world.seize(key, 1, **opening), world.venue) == ("WrongOpening",)


@pytest.mark.parametrize("field", ["chain", "vault", "owner", "asset", "venue"])
def test_a_note_of_something_else_does_not_seize(world: World, field: str) -> None:
    key = world.locked(AMOUNT, replace(world.note(AMOUNT), **{field: bytes(31) + b"\1"}).digest)
    assert world.refusal(world.seize(key, 1), world.venue) == ("WrongOpening",)


def test_a_note_of_another_amount_does_not_seize(world: World) -> None:
    key = world.locked(AMOUNT - 1, world.note(AMOUNT).digest)
    assert world.refusal(world.seize(key, 1), world.venue) == ("WrongOpening",)


def test_a_lock_is_seized_once(world: World) -> None:
    key, digest = noted(world)
    world.send(world.seize(key, 1), world.venue)
    assert world.refusal(world.seize(key, 1), world.venue) == ("WrongStatus", SEIZED)
    functions = world.vault.functions
    assert world.refusal(functions.extend(digest, 2**39)) == ("WrongStatus", SEIZED)
    assert world.refusal(functions.requestRelease(digest)) == ("WrongStatus", SEIZED)


def test_what_is_released_or_never_was_is_not_seized(world: World) -> None:
    assert world.refusal(world.seize(bytes(32), 0), world.venue) == ("WrongStatus", 0)
    key, digest = noted(world)
    world.send(world.vault.functions.requestRelease(digest))
    world.wait()
    world.send(world.vault.functions.release(digest))
    assert world.refusal(world.seize(key, 0), world.venue) == ("WrongStatus", RELEASED)


def test_an_opening_is_good_for_one_vault(world: World) -> None:
    """The same terms, the same note, another vault of the venue: its lock is not what the note says."""
    second = deploy_vault(world.web3, world.terms, world.other)
    digest = world.note(AMOUNT).digest
    world.send(second.functions.lock(NATIVE, AMOUNT, digest, 0), value=AMOUNT)
    key = second.functions.lockIdOf(world.holder, digest).call()
    seize = second.functions.seize(key, ACCOUNT, COMMITMENT, SECRET, 1)
    assert world.refusal(seize, world.venue) == ("WrongOpening",)


@pytest.mark.parametrize("changed", ["venue_id", "chain"])
def test_an_opening_is_good_for_one_venue_and_chain(world: World, changed: str) -> None:
    fixed = terms(world.web3, venue=world.venue)
    other = VaultTerms(fixed.venue, fixed.venue_id, fixed.delay_s, fixed.chain)
    object.__setattr__(other, changed, bytes(32))
    second = deploy_vault(world.web3, other, world.other)
    note = world.note(AMOUNT, vault=bytes.fromhex(second.address[2:]).rjust(32, b"\0"))
    world.send(second.functions.lock(NATIVE, AMOUNT, note.digest, 0), value=AMOUNT)
    key = second.functions.lockIdOf(world.holder, note.digest).call()
    seize = second.functions.seize(key, ACCOUNT, COMMITMENT, SECRET, 1)
    assert world.refusal(seize, world.venue) == ("WrongOpening",)


def test_an_owner_that_refuses_coins_stops_no_seizure(world: World) -> None:
    owner = deploy_test_contract(world.web3, "TestOwner", world.holder)
    digest = world.note(AMOUNT, owner=owner.address).digest
    lock = world.vault.encode_abi("lock", [NATIVE, AMOUNT, digest, 0])
    world.send(owner.functions.run(world.vault.address, AMOUNT, lock), value=AMOUNT)
    world.send(owner.functions.become(True, b""))
    key = world.vault.functions.lockIdOf(owner.address, digest).call()
    world.send(world.seize(key, AMOUNT // 2), world.venue)
    assert world.stored(key)["amount"] == AMOUNT - AMOUNT // 2
    world.wait()
    release = owner.functions.run(world.vault.address, 0, world.vault.encode_abi("release", [digest]))
    assert world.refusal(release) == ("TransferFailed",)
    assert world.stored(key)["amount"] == AMOUNT - AMOUNT // 2  # it can still come for them
    world.send(owner.functions.become(False, b""))
    world.send(release)
    assert world.web3.eth.get_balance(owner.address) == AMOUNT - AMOUNT // 2


def test_a_token_that_freezes_the_owner_stops_no_seizure(world: World) -> None:
    key, digest = noted(world, asset=world.token.address)
    world.send(world.token.functions.freeze(world.holder))
    world.send(world.seize(key, 1), world.venue)
    world.wait()
    assert world.refusal(world.vault.functions.release(digest)) == ("TransferFailed",)
