"""A vault with somebody to lock in it, for the tests of tests/onchain; and the errors that it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from devnets import NATIVE, pass_time, rpc, transact
from web3 import Web3
from web3.exceptions import ContractCustomError

from zkmargin.collateral import Note
from zkmargin.contracts import VaultTerms, lock_id

DELAY_S = 3600
BEHAVIOURS = {
    name: index for index, name in enumerate(["Plain", "Silent", "Fee", "Generous", "False", "Shrinking", "Reentrant"])
}
ACCOUNT = bytes([0xAC]) * 32
COMMITMENT = bytes(range(0x80, 0xB0))
"""Not a point: the vault hashes it, and no more."""
SECRET = bytes([0x5E]) * 32


@dataclass
class World:
    """A vault of ``venue``; ``holder`` and ``other`` have coins and tokens, and the vault may take the tokens."""

    web3: Web3
    terms: VaultTerms
    vault: Any
    token: Any
    holder: str
    other: str
    venue: str

    def send(self, call: Any, sender: str | None = None, value: int = 0) -> Any:
        """Carry out a call, by the holder unless told otherwise; the receipt."""
        return transact(self.web3, call, sender or self.holder, value)

    def refusal(self, call: Any, sender: str | None = None, value: int = 0) -> tuple[Any, ...]:
        """The custom error of the vault that a call ends in, and its arguments."""
        with pytest.raises(ContractCustomError) as caught:
            call.call({"from": sender or self.holder, "value": value})
        error = bytes.fromhex(str(caught.value.data)[2:])
        return self.named(error)

    def named(self, error: bytes) -> tuple[Any, ...]:
        """The name of an error of the vault, and its arguments."""
        for entry in self.vault.abi:
            types = [each["type"] for each in entry.get("inputs", [])]
            if entry["type"] == "error" and Web3.keccak(text=f"{entry['name']}({','.join(types)})")[:4] == error[:4]:
                return (entry["name"], *self.web3.codec.decode(types, error[4:]))
        raise AssertionError(f"no error of the vault: {error.hex()}")

    def lock(self, amount: int, note: bytes, *, asset: str = NATIVE, unlock_at: int = 0) -> tuple[Any, int]:
        """The call that locks, and the coins to send with it."""
        return self.vault.functions.lock(asset, amount, note, unlock_at), amount if asset == NATIVE else 0

    def locked(self, amount: int, note: bytes, *, asset: str = NATIVE, unlock_at: int = 0, owner: str = "") -> bytes:
        """Lock, and the id of the lock."""
        call, value = self.lock(amount, note, asset=asset, unlock_at=unlock_at)
        self.send(call, owner or self.holder, value)
        return lock_id(bytes.fromhex((owner or self.holder)[2:]), note)

    def stored(self, key: bytes) -> dict[str, Any]:
        """A lock as the vault holds it."""
        names = ("owner", "status", "unlock_at", "release_at", "asset", "amount")
        return dict(zip(names, self.vault.functions.locks(key).call(), strict=True))

    def note(self, amount: int, *, asset: str = NATIVE, owner: str = "", **changed: Any) -> Note:
        """A note of the holder for this vault; ``changed`` fields make it one of something else."""
        fields = {
            "chain": self.terms.chain,
            "vault": padded(self.vault.address),
            "owner": padded(owner or self.holder),
            "asset": padded(asset),
            "amount": amount,
            "venue": self.terms.venue_id,
            "account": ACCOUNT,
            "commitment": COMMITMENT,
            "secret": SECRET,
        }
        return Note(**{**fields, **changed})

    def seize(self, key: bytes, take: int, **opening: bytes) -> Any:
        """The call that seizes, by the opening of ``note`` unless told otherwise."""
        opened = {"account": ACCOUNT, "commitment": COMMITMENT, "secret": SECRET, **opening}
        return self.vault.functions.seize(key, opened["account"], opened["commitment"], opened["secret"], take)

    def now(self) -> int:
        """The time of the last block."""
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def wait(self, seconds: int = DELAY_S) -> None:
        """Let time pass, in a block of its own."""
        pass_time(self.web3, seconds)
        rpc(self.web3, "evm_mine")

    def until(self, time: int) -> None:
        """A block of exactly this time."""
        rpc(self.web3, "evm_mine", hex(time))


def padded(address: str) -> bytes:
    """An address in 32 bytes."""
    return bytes.fromhex(address[2:]).rjust(32, b"\0")
