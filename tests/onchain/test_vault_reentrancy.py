"""Tokens and owners that call back. In a draft one transfer made two locks: the guard covers every function."""

from __future__ import annotations

from typing import Any

import pytest
from devnets import NATIVE, deploy_test_contract
from vault_world import ACCOUNT, BEHAVIOURS, COMMITMENT, SECRET, World

AMOUNT = 10**18
FIRST, SECOND = bytes([1]) * 32, bytes([2]) * 32


def entrances(world: World, asset: str) -> dict[str, str]:
    """A call of every function that changes something."""
    arguments: dict[str, list[Any]] = {
        "lock": [asset, AMOUNT, SECOND, 0],
        "extend": [FIRST, 2**39],
        "requestRelease": [FIRST],
        "release": [FIRST],
        "seize": [bytes(32), ACCOUNT, COMMITMENT, SECRET, 1],
    }
    return {name: world.vault.encode_abi(name, given) for name, given in arguments.items()}


def test_every_function_that_changes_something_is_tried(world: World) -> None:
    changing = {
        each["name"]
        for each in world.vault.abi
        if each["type"] == "function" and each["stateMutability"] in ("nonpayable", "payable")
    }
    assert changing == set(entrances(world, NATIVE))


def test_one_transfer_does_not_make_two_locks(world: World) -> None:
    """The token locks again inside the transfer, and lets that call's transfer be the only one."""
    token = world.token
    world.send(token.functions.mint(token.address, 10 * AMOUNT))
    again = world.vault.encode_abi("lock", [token.address, AMOUNT, SECOND, 0])
    world.send(token.functions.become(BEHAVIOURS["Reentrant"], bytes.fromhex(again[2:])))
    assert world.refusal(world.lock(AMOUNT, FIRST, asset=token.address)[0]) == ("InexactTransfer",)


@pytest.mark.parametrize("entrance", ["lock", "extend", "requestRelease", "release", "seize"])
def test_a_token_does_not_get_in_during_a_payment(world: World, entrance: str) -> None:
    token = world.token
    world.locked(AMOUNT, FIRST, asset=token.address)
    world.send(world.vault.functions.requestRelease(FIRST))
    world.wait()
    call = entrances(world, token.address)[entrance]
    world.send(token.functions.become(BEHAVIOURS["Reentrant"], bytes.fromhex(call[2:])))
    world.send(world.vault.functions.release(FIRST))
    assert world.named(token.functions.answer().call()) == ("Reentered",)


@pytest.mark.parametrize("entrance", ["lock", "extend", "requestRelease", "release", "seize"])
def test_an_owner_does_not_get_in_when_it_is_paid(world: World, entrance: str) -> None:
    owner = deploy_test_contract(world.web3, "TestOwner", world.holder)

    def run(name: str, arguments: list[Any], value: int = 0) -> Any:
        data = world.vault.encode_abi(name, arguments)
        return world.send(owner.functions.run(world.vault.address, value, data), value=value)

    run("lock", [NATIVE, AMOUNT, FIRST, 0], AMOUNT)
    world.locked(AMOUNT, FIRST)  # somebody else's coins are there to be taken
    run("requestRelease", [FIRST])
    world.wait()
    call = entrances(world, NATIVE)[entrance]
    world.send(owner.functions.become(False, bytes.fromhex(call[2:])))
    run("release", [FIRST])
    assert owner.functions.answered().call() is False
    assert world.named(owner.functions.answer().call()) == ("Reentered",)
    assert world.web3.eth.get_balance(world.vault.address) == AMOUNT


def test_the_guard_is_open_again_afterwards(world: World) -> None:
    """One call after the other, in one transaction, is no re-entrance."""
    owner = deploy_test_contract(world.web3, "TestOwner", world.holder)
    for note in (FIRST, SECOND):
        data = world.vault.encode_abi("lock", [NATIVE, AMOUNT, note, 0])
        world.send(owner.functions.run(world.vault.address, AMOUNT, data), value=AMOUNT)
    both = [bytes.fromhex(world.vault.encode_abi("requestRelease", [note])[2:]) for note in (FIRST, SECOND)]
    world.send(owner.functions.runAll(world.vault.address, both))
