"""The registry: what it may say, who signs it, what a next version may change, and its prices."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import pytest
from collateral_world import CHAINS, DIGEST, DOLLAR, EVM, NATIVE, OPERATOR, REGISTRY, SOL, SPL, VENUE_ID
from document_examples import TRUST

from zkmargin.collateral import Chains, after_haircut, check_continues, verify_registry
from zkmargin.documents import Signed, Trust
from zkmargin.envelope import PrivateKey
from zkmargin.errors import InputError, ZkMarginError

HEX = "0x" + "00" * 12 + "cd" * 20


def code_of(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(ZkMarginError) as caught:
        call(*arguments, **named)
    return caught.value.code


def _changed(part: str, place: int, **changes: Any) -> dict[str, Any]:
    value = copy.deepcopy(CHAINS)
    value[part][place] = {key: item for key, item in (value[part][place] | changes).items() if item is not None}
    return value


def _chain(**changes: Any) -> dict[str, Any]:
    return _changed("chains", 0, **changes)


def _asset(**changes: Any) -> dict[str, Any]:
    return _changed("classes", 0, **changes)


def _second_evm(**changes: Any) -> dict[str, Any]:
    value = copy.deepcopy(CHAINS)
    value["chains"].append(value["chains"][0] | {"chain": "eip155:1338"} | changes)
    return value


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (_chain(max_age_s=7141), "must not be above the vault's delay_s"),
        (_chain(skew_s=3601), "must not be above the vault's delay_s"),
        (_chain(margin_s=10741), "must not be above the vault's delay_s"),
        (_chain(delay_s=10859), "must not be above the vault's delay_s"),
        (_chain(soft_age_s=1801), "not above late_age_s"),
        (_chain(late_age_s=3601), "nor that above max_age_s"),
        (_chain(code_hash=None), "without it any contract"),
        (_chain(kind="solana"), "exactly if its id begins with eip155:"),
        (_changed("chains", 1, kind="evm"), "exactly if its id begins with eip155:"),
        (_chain(vault="0x" + "aa" * 32), "the vault is an address"),
        (_chain(vault="0x" + "00" * 32), "the vault is an address"),
        (_changed("chains", 1, vault="0x" + "00" * 32), "the vault is an address"),
        (_chain(chain="eip155:01337"), "without leading zeros"),
        (_chain(chain="eip155"), "CAIP-2"),
        (_chain(genesis="0x00"), "genesis"),
        (_chain(epoch_blocks=0), "epoch_blocks"),
        (_chain(max_age_s=0), "max_age_s"),
        (_chain(cap="0"), "cap"),
        (_chain(cap=5), "cap"),
        (_chain(soft_haircut_ppm=1_000_001), "soft_haircut_ppm"),
        (_second_evm(chain=EVM, vault=HEX), "a chain must not occur twice"),
        (_asset(**{"class": "USDX.evm"}), "a class must not occur twice"),
        (_asset(asset="0x" + DOLLAR.hex()), "an asset of a chain must not occur twice"),
        (_asset(asset="0x" + "aa" * 32), "an asset of an EVM chain is an address"),
        (_asset(chain="eip155:1"), "a class is of a chain of the list"),
        (_asset(bits=0), "bits"),
        (_asset(bits=49), "bits"),
        (_asset(lot="0"), "lot"),
        (_asset(lot=10), "lot"),
        (_asset(lot=str(2**128)), "a lot is below 2\\^128"),
        (_asset(cap_lots=0), "cap_lots"),
        (_asset(decimals=37), "decimals"),
        (_asset(haircut_ppm=-1), "haircut_ppm"),
        (_asset(peg={"price": "0", "below_ppm": 1, "haircut_ppm": 1}), "peg"),
        (CHAINS | {"chains": []}, "chains"),
        (CHAINS | {"classes": []}, "classes"),
        (CHAINS | {"version": 0}, "version"),
    ],
)
def test_a_registry_is_consistent(value: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Chains.from_value(value)


def test_the_delay_at_its_least() -> None:
    assert Chains.from_value(_chain(delay_s=10860, late_age_s=3600, soft_age_s=3600)).chains[0].delay_s == 10860


def test_one_chain_under_two_names() -> None:
    with pytest.raises(InputError, match="a vault of one genesis must not occur twice"):
        Chains.from_value(_second_evm())
    # A deployer has the same address on every chain, and a fork has the same genesis.
    Chains.from_value(_second_evm(genesis="0x" + "e2" * 32))
    Chains.from_value(_second_evm(vault=HEX))


def test_an_asset_may_be_of_several_chains() -> None:
    value = _second_evm(vault=HEX)
    value["classes"].append(value["classes"][0] | {"class": "ETH.2", "chain": "eip155:1338"})
    assert Chains.from_value(value).class_of_asset("eip155:1338", NATIVE).name == "ETH.2"


def test_what_is_looked_up() -> None:
    assert REGISTRY.venue_id == VENUE_ID
    assert REGISTRY.chain_of(SOL) is REGISTRY.chain_of_digest(DIGEST[SOL])
    assert REGISTRY.class_of("ETH") is REGISTRY.class_of_asset(EVM, NATIVE)
    assert code_of(REGISTRY.chain_of, "eip155:1") == "unknown_chain"
    assert code_of(REGISTRY.chain_of_digest, bytes(32)) == "unknown_chain"
    assert code_of(REGISTRY.class_of, "BTC") == "unknown_class"
    assert code_of(REGISTRY.class_of_asset, EVM, SPL) == "wrong_asset"
    assert code_of(REGISTRY.class_of_asset, SOL, NATIVE) == "wrong_asset"


# Who signs it


def test_a_registry_is_signed_by_a_params_key_of_its_venue() -> None:
    trust = Trust.from_value(TRUST | {"params": [OPERATOR.public]})
    assert verify_registry(Signed(REGISTRY, REGISTRY.sign(OPERATOR)), trust) == REGISTRY
    assert code_of(verify_registry, Signed(REGISTRY), trust) == "unsigned"
    assert code_of(verify_registry, Signed(REGISTRY, REGISTRY.sign(PrivateKey(b"\x66" * 32))), trust) == "unsigned"
    other = Trust.from_value(TRUST | {"params": [OPERATOR.public], "venue": "other"})
    assert code_of(verify_registry, Signed(REGISTRY, REGISTRY.sign(OPERATOR)), other) == "bad_signature"


# The next version


def _next(part: str, place: int, **changes: Any) -> Chains:
    return Chains.from_value(_changed(part, place, **changes) | {"version": 2})


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("chains", {"depth": 99}),
        ("chains", {"max_age_s": 3000}),
        ("chains", {"skew_s": 1}),
        ("chains", {"margin_s": 1}),
        ("chains", {"soft_age_s": 1, "soft_haircut_ppm": 7}),
        ("chains", {"late_age_s": 1000, "late_haircut_ppm": 7}),
        ("chains", {"cap": "1"}),
        ("classes", {"haircut_ppm": 1_000_000}),
        ("classes", {"cap_lots": 1}),
        ("classes", {"peg": {"price": "1", "below_ppm": 1, "haircut_ppm": 1}}),
    ],
)
def test_what_things_count_for_may_change(part: str, changes: dict[str, Any]) -> None:
    check_continues(REGISTRY, _next(part, 0, **changes))


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("chains", {"genesis": "0x" + "e2" * 32}),
        ("chains", {"vault": HEX}),
        ("chains", {"code_hash": HEX}),
        ("chains", {"epoch_blocks": 11}),
        ("chains", {"delay_s": 14401}),
        ("classes", {"class": "ETH2"}),
        ("classes", {"asset": HEX}),
        ("classes", {"decimals": 17}),
        ("classes", {"lot": "1"}),
        ("classes", {"bits": 41}),
        ("classes", {"price": "BTC-USD"}),
    ],
)
def test_what_things_are_never_changes(part: str, changes: dict[str, Any]) -> None:
    assert code_of(check_continues, REGISTRY, _next(part, 0, **changes)) == "registry_changed"


def test_lists_grow_at_their_end() -> None:
    longer = copy.deepcopy(CHAINS) | {"version": 2}
    longer["chains"].append(longer["chains"][0] | {"chain": "eip155:1338", "vault": HEX})
    longer["classes"].append(longer["classes"][0] | {"class": "ETH.2", "chain": "eip155:1338"})
    grown = Chains.from_value(longer)
    check_continues(REGISTRY, grown)
    assert code_of(
        check_continues, Chains.from_value(longer | {"version": 1}), Chains.from_value(CHAINS | {"version": 2})
    ) == ("registry_changed")
    for part in ("chains", "classes"):
        swapped = Chains.from_value(longer | {part: longer[part][::-1]})
        assert code_of(check_continues, REGISTRY, swapped) == "registry_changed"


def test_versions_follow_each_other() -> None:
    for version in (1, 3):
        later = Chains.from_value(CHAINS | {"version": version})
        assert code_of(check_continues, REGISTRY, later) == "wrong_version"
    for changes in ({"venue": "other"}, {"quote": "EUR"}):
        other = Chains.from_value(CHAINS | {"version": 2} | changes)
        assert code_of(check_continues, REGISTRY, other) == "wrong_venue"


# Prices


@pytest.mark.parametrize(
    ("name", "price", "atto"),
    [
        ("ETH", "2710.55", 271_055 * 10**12),  # 10^14 wei are 0.0001 ETH
        ("USDX.evm", "0.9987", 9_987 * 10**12),  # 10^4 base units are 0.01
        ("ETH", "0", 0),
        ("ETH", "0.000000000000019", 1),
        ("ETH", "0.00000000000001", 1),
        ("ETH", "0.000000000000009", 0),
    ],
)
def test_a_price_per_lot_is_rounded_down(name: str, price: str, atto: int) -> None:
    assert REGISTRY.class_of(name).price_per_lot_atto(Fraction(price)) == atto


def test_thirds_are_rounded_down() -> None:
    assert REGISTRY.class_of("ETH").price_per_lot_atto(Fraction(1, 3)) == 33_333_333_333_333


@pytest.mark.parametrize(
    ("price", "haircut", "left"),
    [(1000, 0, 1000), (1000, 150_000, 850), (1001, 150_000, 850), (9, 999_999, 0), (9, 10**6, 0), (9, 10**7, 0)],
)
def test_haircuts_round_down_and_stop_at_all(price: int, haircut: int, left: int) -> None:
    assert after_haircut(price, haircut) == left


@pytest.mark.parametrize(
    ("age_s", "haircut"),
    [(-60, 0), (0, 0), (900, 0), (901, 100_000), (1800, 100_000), (1801, 350_000), (9999, 350_000)],
)
def test_age_costs(age_s: int, haircut: int) -> None:
    assert REGISTRY.chains[0].age_haircut_ppm(age_s) == haircut
