"""What the vault does with locks, and what it refuses. docs/collateral.md, "Vault"."""

from __future__ import annotations

import random

import pytest
from devnets import NATIVE
from vault_world import BEHAVIOURS, DELAY_S, World
from web3.exceptions import ContractCustomError, ContractLogicError
from web3.logs import DISCARD

from zkmargin.contracts import lock_id

NONE, ACTIVE, REQUESTED, RELEASED, SEIZED = range(5)
NOTE = bytes([7]) * 32
AMOUNT = 10**18


@pytest.fixture(params=["native", "token"])
def asset(request: pytest.FixtureRequest, world: World) -> str:
    return NATIVE if request.param == "native" else world.token.address


def balance(world: World, holder: str, asset: str) -> int:
    if asset == NATIVE:
        return world.web3.eth.get_balance(holder)
    return world.token.functions.balanceOf(holder).call()


# -- lock -------------------------------------------------------------------------------------------------------------


def test_a_lock_holds_the_coins_and_says_so(world: World, asset: str) -> None:
    call, value = world.lock(AMOUNT, NOTE, asset=asset, unlock_at=1_900_000_000)
    receipt = world.send(call, value=value)
    key = lock_id(bytes.fromhex(world.holder[2:]), NOTE)
    assert world.stored(key) == {
        "owner": world.holder,
        "status": ACTIVE,
        "unlock_at": 1_900_000_000,
        "release_at": 0,
        "asset": asset,
        "amount": AMOUNT,
    }
    (event,) = world.vault.events.Locked().process_receipt(receipt, errors=DISCARD)
    assert dict(event["args"]) == {
        "lockId": key,
        "owner": world.holder,
        "note": NOTE,
        "asset": asset,
        "amount": AMOUNT,
        "unlockAt": 1_900_000_000,
    }
    assert balance(world, world.vault.address, asset) == AMOUNT
    assert world.vault.functions.lockIdOf(world.holder, NOTE).call() == key


def test_a_token_that_answers_nothing_is_locked_and_paid(world: World) -> None:
    world.send(world.token.functions.become(BEHAVIOURS["Silent"], b""))
    before = balance(world, world.holder, world.token.address)
    key = world.locked(AMOUNT, NOTE, asset=world.token.address)
    assert world.stored(key)["amount"] == AMOUNT
    world.send(world.vault.functions.requestRelease(NOTE))
    world.wait()
    world.send(world.vault.functions.release(NOTE))
    assert balance(world, world.holder, world.token.address) == before


@pytest.mark.parametrize("sent", [0, AMOUNT - 1, AMOUNT + 1])
def test_coins_are_sent_to_the_unit(world: World, sent: int) -> None:
    call, _ = world.lock(AMOUNT, NOTE)
    assert world.refusal(call, value=sent) == ("WrongValue",)


def test_coins_do_not_come_with_a_token(world: World) -> None:
    call, _ = world.lock(AMOUNT, NOTE, asset=world.token.address)
    assert world.refusal(call, value=1) == ("WrongValue",)


def test_nothing_is_no_lock(world: World, asset: str) -> None:
    assert world.refusal(world.lock(0, NOTE, asset=asset)[0]) == ("ZeroAmount",)


def test_the_greatest_amount_is_kept_whole(world: World) -> None:
    greatest = 2**96 - 1
    key = world.locked(greatest, NOTE, asset=world.token.address, unlock_at=2**40 - 1)
    assert (world.stored(key)["amount"], world.stored(key)["unlock_at"]) == (greatest, 2**40 - 1)


@pytest.mark.parametrize(("amount", "unlock_at"), [(2**96, 0), (1, 2**40)])
def test_what_does_not_fit_is_not_cut(world: World, amount: int, unlock_at: int) -> None:
    types = ["address", "uint256", "bytes32", "uint256"]
    arguments = world.web3.codec.encode(types, [world.token.address, amount, NOTE, unlock_at])
    selector = world.vault.encode_abi("lock", [NATIVE, 1, NOTE, 0])[:10]
    with pytest.raises(ContractLogicError):
        world.web3.eth.call({"from": world.holder, "to": world.vault.address, "data": selector + arguments.hex()})


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ("Fee", "InexactTransfer"),
        ("Generous", "InexactTransfer"),
        ("Shrinking", "InexactTransfer"),
        ("False", "TransferFailed"),
    ],
)
def test_a_token_that_does_not_deliver_is_refused(world: World, behaviour: str, error: str) -> None:
    world.send(world.token.functions.mint(world.vault.address, 10 * AMOUNT))
    world.send(world.token.functions.become(BEHAVIOURS[behaviour], b""))
    assert world.refusal(world.lock(AMOUNT, NOTE, asset=world.token.address)[0]) == (error,)


def test_a_token_that_the_vault_may_not_take_is_refused(world: World) -> None:
    world.send(world.token.functions.approve(world.vault.address, AMOUNT - 1))
    assert world.refusal(world.lock(AMOUNT, NOTE, asset=world.token.address)[0]) == ("TransferFailed",)


def test_an_address_without_code_is_no_token(world: World) -> None:
    assert world.refusal(world.lock(AMOUNT, NOTE, asset=world.other)[0]) == ("NotAToken",)


def test_coins_come_by_lock_only(world: World) -> None:
    with pytest.raises(ContractLogicError):
        world.web3.eth.call({"from": world.holder, "to": world.vault.address, "value": 1})


# -- ids --------------------------------------------------------------------------------------------------------------


def test_an_id_is_used_once_whatever_became_of_it(world: World) -> None:
    again, value = world.lock(AMOUNT, NOTE)
    world.locked(AMOUNT, NOTE)
    assert world.refusal(again, value=value) == ("AlreadyUsed",)
    world.send(world.vault.functions.requestRelease(NOTE))
    assert world.refusal(again, value=value) == ("AlreadyUsed",)
    world.wait()
    world.send(world.vault.functions.release(NOTE))
    assert world.refusal(again, value=value) == ("AlreadyUsed",)


def test_a_seized_id_is_not_used_again(world: World) -> None:
    note = world.note(AMOUNT).digest
    key = world.locked(AMOUNT, note)
    world.send(world.seize(key, AMOUNT), world.venue)
    call, value = world.lock(AMOUNT, note)
    assert world.refusal(call, value=value) == ("AlreadyUsed",)


def test_who_copies_a_note_gets_another_id(world: World) -> None:
    copied = world.locked(AMOUNT, NOTE, owner=world.other)
    own = world.locked(2 * AMOUNT, NOTE)
    assert own != copied
    assert world.stored(own)["owner"] == world.holder
    assert world.stored(copied)["owner"] == world.other


# -- extend, requestRelease, release ----------------------------------------------------------------------------------


def test_a_term_only_gets_later(world: World) -> None:
    term = world.now() + 100
    key = world.locked(AMOUNT, NOTE, unlock_at=term)
    for same_or_earlier in (term, term - 1, 0):
        assert world.refusal(world.vault.functions.extend(NOTE, same_or_earlier)) == ("NotLater", term)
    receipt = world.send(world.vault.functions.extend(NOTE, term + 1))
    assert world.stored(key)["unlock_at"] == term + 1
    (event,) = world.vault.events.Extended().process_receipt(receipt)
    assert dict(event["args"]) == {"lockId": key, "unlockAt": term + 1}


def test_a_request_waits_for_the_delay(world: World) -> None:
    key = world.locked(AMOUNT, NOTE, unlock_at=1)
    receipt = world.send(world.vault.functions.requestRelease(NOTE))
    release_at = world.now() + DELAY_S
    assert (world.stored(key)["status"], world.stored(key)["release_at"]) == (REQUESTED, release_at)
    (event,) = world.vault.events.ReleaseRequested().process_receipt(receipt)
    assert dict(event["args"]) == {"lockId": key, "releaseAt": release_at}


def test_a_request_waits_for_the_term(world: World) -> None:
    term = world.now() + 10 * DELAY_S
    key = world.locked(AMOUNT, NOTE, unlock_at=term)
    world.send(world.vault.functions.requestRelease(NOTE))
    assert world.stored(key)["release_at"] == term
    world.until(term - 1)
    assert world.refusal(world.vault.functions.release(NOTE)) == ("TooEarly", term)


def test_a_release_pays_at_its_time_and_once(world: World, asset: str) -> None:
    key = world.locked(AMOUNT, NOTE, asset=asset)
    world.send(world.vault.functions.requestRelease(NOTE))
    release_at = world.stored(key)["release_at"]
    world.until(release_at - 1)
    assert world.refusal(world.vault.functions.release(NOTE)) == ("TooEarly", release_at)
    world.until(release_at)
    before = balance(world, world.holder, asset)
    receipt = world.send(world.vault.functions.release(NOTE))
    paid = balance(world, world.holder, asset) - before
    assert paid == AMOUNT - (receipt["gasUsed"] * receipt["effectiveGasPrice"] if asset == NATIVE else 0)
    assert balance(world, world.vault.address, asset) == 0
    (event,) = world.vault.events.Released().process_receipt(receipt, errors=DISCARD)
    assert dict(event["args"]) == {"lockId": key, "amount": AMOUNT}
    assert (world.stored(key)["status"], world.stored(key)["amount"]) == (RELEASED, 0)
    for call in ("release", "requestRelease"):
        assert world.refusal(getattr(world.vault.functions, call)(NOTE)) == ("WrongStatus", RELEASED)
    assert world.refusal(world.vault.functions.extend(NOTE, 2**39)) == ("WrongStatus", RELEASED)


def test_no_release_without_a_request(world: World) -> None:
    world.locked(AMOUNT, NOTE)
    world.wait(10 * DELAY_S)
    assert world.refusal(world.vault.functions.release(NOTE)) == ("WrongStatus", ACTIVE)


def test_a_second_request_is_refused(world: World) -> None:
    world.locked(AMOUNT, NOTE)
    world.send(world.vault.functions.requestRelease(NOTE))
    assert world.refusal(world.vault.functions.requestRelease(NOTE)) == ("WrongStatus", REQUESTED)


def test_an_extension_takes_a_request_back_and_the_delay_begins_anew(world: World) -> None:
    key = world.locked(AMOUNT, NOTE)
    world.send(world.vault.functions.requestRelease(NOTE))
    world.wait(2 * DELAY_S)  # it could be released now, and is not
    world.send(world.vault.functions.extend(NOTE, 1))
    assert (world.stored(key)["status"], world.stored(key)["release_at"]) == (ACTIVE, 0)
    assert world.refusal(world.vault.functions.release(NOTE)) == ("WrongStatus", ACTIVE)
    world.send(world.vault.functions.requestRelease(NOTE))
    assert world.stored(key)["release_at"] == world.now() + DELAY_S
    assert world.refusal(world.vault.functions.release(NOTE))[0] == "TooEarly"


def test_only_the_owner_has_a_say(world: World) -> None:
    world.locked(AMOUNT, NOTE)
    functions = world.vault.functions
    for call in (functions.extend(NOTE, 5), functions.requestRelease(NOTE)):
        assert world.refusal(call, world.other) == ("WrongStatus", NONE)
    world.send(functions.requestRelease(NOTE))
    world.wait()
    for anybody in (world.other, world.venue):
        assert world.refusal(functions.release(NOTE), anybody) == ("WrongStatus", NONE)


# -- all of it --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_done_the_coins_are_there_and_leave_late(world: World, seed: int) -> None:
    """In any order: the vault holds the sums of its locks, and no owner is paid within the delay of an Active lock."""
    choose = random.Random(seed)
    functions = world.vault.functions
    opened: dict[bytes, tuple[bytes, bytes]] = {}
    last_active: dict[bytes, int] = {}
    paid = 0
    for step in range(30):
        if len(opened) < 4:
            asset, secret = choose.choice([NATIVE, world.token.address]), bytes([step]) * 32
            note = world.note(1000 + step, asset=asset, secret=secret).digest
            opened[world.locked(1000 + step, note, asset=asset)] = note, secret
        key = choose.choice(list(opened))
        note, secret = opened[key]
        before = world.stored(key)
        calls = {
            "extend": functions.extend(note, before["unlock_at"] + 1),
            "requestRelease": functions.requestRelease(note),
            "release": functions.release(note),
            "seize": world.seize(key, choose.randrange(900), secret=secret),
        }
        name = choose.choice([*calls, "release"])
        call = calls[name]
        sender = world.venue if name == "seize" else world.holder
        world.wait(choose.choice([1, DELAY_S // 2, DELAY_S]))
        try:
            call.call({"from": sender})
        except ContractCustomError:
            continue
        world.send(call, sender)
        if before["status"] == ACTIVE:
            last_active[key] = world.now()
        if name == "release":
            paid += 1
            assert world.now() >= last_active[key] + DELAY_S
        for held_asset in (NATIVE, world.token.address):
            held = [lock["amount"] for lock in map(world.stored, opened) if lock["asset"] == held_asset]
            assert balance(world, world.vault.address, held_asset) == sum(held)
    assert paid
