"""The vault as compiled, and what a deployment of it looks like on a chain.

Source: CollateralVault.sol and README.md beside this file; docs/collateral.md. All of it is made from ``vault.json``, a
file of the package: no chain, no compiler, no web3.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ..collateral.keccak import keccak256
from ..errors import InputError

WORD_BYTES = 32
ADDRESS_BYTES = 20
MAX_DELAY_S = 366 * 24 * 3600
"""What the constructor accepts."""


@dataclass(frozen=True)
class VaultTerms:
    """What is fixed when a vault is deployed: its constructor's arguments, and the immutables in its code.

    ``venue``: the address that may seize, 20 bytes. ``venue_id``, ``chain``: digests, 32 bytes.
    ``delay_s``: seconds between the last moment a lock was Active and the first that its coins can move.
    Raises: InputError (bad_vault_terms), as the constructor would revert.
    """

    venue: bytes
    venue_id: bytes
    delay_s: int
    chain: bytes

    def __post_init__(self) -> None:
        if len(self.venue) != ADDRESS_BYTES or not any(self.venue):
            raise InputError("the venue's address must be 20 bytes, and not all zero", code="bad_vault_terms")
        if len(self.venue_id) != WORD_BYTES or len(self.chain) != WORD_BYTES:
            raise InputError("venue id and chain must be digests of 32 bytes", code="bad_vault_terms")
        if not 0 < self.delay_s <= MAX_DELAY_S:
            raise InputError("the delay must be between one second and 366 days", code="bad_vault_terms")

    def words(self) -> dict[str, bytes]:
        """Each argument as the EVM holds it, by its name in the contract, in the constructor's order."""
        return {
            "venue": self.venue.rjust(WORD_BYTES, b"\0"),
            "venueId": self.venue_id,
            "delay": self.delay_s.to_bytes(WORD_BYTES, "big"),
            "chain": self.chain,
        }


@cache
def _vault() -> dict[str, Any]:
    compiled = json.loads(files(__name__).joinpath("vault.json").read_text("utf-8"))
    vault: dict[str, Any] = compiled["contracts"]["CollateralVault"]
    return vault


def abi() -> list[dict[str, Any]]:
    """The vault's ABI, as ``web3.eth.contract(abi=...)`` takes it. A fresh copy."""
    entries: list[dict[str, Any]] = json.loads(json.dumps(_vault()["abi"]))
    return entries


def creation_code(terms: VaultTerms) -> bytes:
    """The data of the transaction, to nobody, that deploys a vault: code and constructor arguments."""
    code = bytes.fromhex(_vault()["bytecode"].removeprefix("0x"))
    return code + b"".join(terms.words().values())


def runtime_code(terms: VaultTerms) -> bytes:
    """What ``eth_getCode`` answers for a vault with these terms."""
    code = bytearray.fromhex(_vault()["deployedBytecode"].removeprefix("0x"))
    places: dict[str, list[dict[str, int]]] = _vault()["immutableReferences"]
    for name, word in terms.words().items():
        for place in places[name]:
            code[place["start"] : place["start"] + place["length"]] = word
    return bytes(code)


def terms_of(code: bytes) -> VaultTerms:
    """The terms of the vault whose runtime code is ``code``: this contract, with whatever is fixed at its deployment.

    Raises: InputError "not_the_vault": another contract, or none.
    """
    words = {}
    for name, places in _vault()["immutableReferences"].items():
        start, length = places[0]["start"], places[0]["length"]
        words[name] = code[start : start + length]
    try:
        found = VaultTerms(
            words["venue"][-ADDRESS_BYTES:], words["venueId"], int.from_bytes(words["delay"], "big"), words["chain"]
        )
    except InputError:
        found = None
    if found is None or runtime_code(found) != code:
        raise InputError("what stands at the vault's address is not the vault", code="not_the_vault")
    return found


def code_hash(terms: VaultTerms) -> bytes:
    """keccak256 of the runtime code: what an account proof shows, and the registry of chains pins."""
    return keccak256(runtime_code(terms))


def lock_id(owner: bytes, note: bytes) -> bytes:
    """keccak256(abi.encode(owner, note)), the key of a lock. ``owner``: 20 bytes. ``note``: 32 bytes."""
    if len(owner) != ADDRESS_BYTES or len(note) != WORD_BYTES:
        raise InputError("a lock is named by an address of 20 bytes and a note of 32", code="bad_lock_id")
    return keccak256(owner.rjust(WORD_BYTES, b"\0") + note)
