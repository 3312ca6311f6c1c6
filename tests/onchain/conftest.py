"""One chain a module, with a vault and a token; every test starts from the same block."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from devnets import deploy_test_contract, deploy_vault, in_process, rpc, terms, transact
from vault_world import DELAY_S, World


@pytest.fixture(scope="module")
def built_world() -> World:
    # The clock stands still but for what the tests do: times are told to the second.
    web3 = in_process(clock=lambda: 1_800_000_000.0)
    deployer, holder, other, venue = web3.eth.accounts[:4]
    fixed = terms(web3, venue=venue, delay_s=DELAY_S)
    vault = deploy_vault(web3, fixed, deployer)
    token = deploy_test_contract(web3, "TestToken", deployer, 0)
    for owner in (holder, other):
        transact(web3, token.functions.mint(owner, 10**30), deployer)
        transact(web3, token.functions.approve(vault.address, 2**256 - 1), owner)
    return World(web3, fixed, vault, token, holder, other, venue)


@pytest.fixture
def world(built_world: World) -> Iterator[World]:
    snapshot = rpc(built_world.web3, "evm_snapshot")
    yield built_world
    rpc(built_world.web3, "evm_revert", snapshot)
