"""Locks on Solana, read from a node. What a lock is there, and why its coins stay: zkmargin/collateral/stake.py.

A height is a slot. Only finalized slots count, so the ``depth`` of such a chain can be 0; the block "at" a slot without
one is the last before it, as is the state after it.

A node keeps no states of the past: it answers for its newest finalized slot S. A lock is said to stand at height h <= S
if it stands at S, and S at least is what the node is asked for. That errs on one side only. What ended in between does
not count any more, and what was made in between is locked until the delay has passed from S on, so longer than from h:
evidence for h is void before its coins can move. Whether a lock stood at h itself nobody needs to know.

Accounts and the chain's clock come in one answer, of one state: the term is compared with the very clock that the stake
program compares it with.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from zkmargin.collateral import base58
from zkmargin.collateral.stake import NATIVE, STAKE_BYTES, STAKE_PROGRAM, lock_address, read_stake
from zkmargin.errors import InputError

from .reader import Block, Identity, LockName, LockStatus, LockView, Tip
from .solana_rpc import Node, bad_answer

_CLOCK = "SysvarC1ock11111111111111111111111111111111"
_SYSVARS = "Sysvar1111111111111111111111111111111111111"
_STAKE = base58.encode(STAKE_PROGRAM)
_CLOCK_STATE = struct.Struct("<QqQQq")  # slot, begin of the epoch, epoch, epoch of the next schedule, Unix time
_AT_ONCE = 100  # accounts that a node gives in one answer
_LONGEST_GAP = 1000  # slots without a block; a chain that stood still for longer is not followed through it
_CHAIN_CHARACTERS = 32  # of the genesis hash, by CAIP-2
_MAX_TIME = 2**40


class SolanaReader:
    """The locks of the stake program on one chain of Solana's kind. ``delay_s``: the registry's."""

    def __init__(self, node: Node, vault: bytes, delay_s: int) -> None:
        if vault != STAKE_PROGRAM:
            raise InputError(f"the vault of a Solana chain is its stake program, {_STAKE}", code="bad_vault")
        self._node = node
        self._delay_s = delay_s

    @classmethod
    def at(cls, url: str, vault: bytes, delay_s: int) -> SolanaReader:
        """Through the node at ``url``.

        Raises: InputError "bad_vault", "bad_url", "bad_environment".
        """
        return cls(Node.at(url), vault, delay_s)

    def identity(self) -> Identity:
        """The hash of the first block, which names the chain too. The program is the chain's own: no code hash."""
        text = self._node.ask("getGenesisHash")
        genesis = _word(text)
        return Identity(f"solana:{text[:_CHAIN_CHARACTERS]}", genesis, None)

    def head(self) -> Block:
        """The newest finalized slot."""
        return self._block(self._finalized())

    def block(self, height: int) -> Block | None:
        """The last block up to this slot; None above the newest finalized one."""
        return self._block(height) if 0 <= height <= self._finalized() else None

    def locks(self, names: Sequence[LockName], at: int | Tip) -> list[LockView | None] | None:
        """The locks after a finalized slot, as the module says, or after the newest slot of all; there is no pending
        state."""
        if at is Tip.PENDING:
            return None
        part = _AT_ONCE - 1  # and the clock
        return [
            view for start in range(0, len(names), part) for view in self._state(names[start : start + part], at)
        ]  # fmt: skip

    def _finalized(self) -> int:
        return _number(self._node.ask("getSlot", {"commitment": "finalized"}))

    def _block(self, slot: int) -> Block:
        finalized = {"commitment": "finalized"}
        produced = self._node.ask("getBlocks", max(0, slot - _LONGEST_GAP), slot, finalized)
        if not isinstance(produced, list) or not produced:
            raise bad_answer("no block near a slot")
        last = _number(produced[-1])
        if last > slot:
            raise bad_answer("a block beyond the slot that was asked for")
        wanted = finalized | {"transactionDetails": "none", "rewards": False, "maxSupportedTransactionVersion": 0}
        block = self._node.ask("getBlock", last, wanted)
        return Block(slot, _word(_field(block, "blockhash")), _number(_field(block, "blockTime"), _MAX_TIME))

    def _state(self, names: Sequence[LockName], at: int | Tip) -> list[LockView | None]:
        wanted: dict[str, Any] = {"encoding": "base64", "dataSlice": {"offset": 0, "length": STAKE_BYTES}}
        newest = isinstance(at, Tip)
        wanted |= {"commitment": "processed"} if newest else {"commitment": "finalized", "minContextSlot": at}
        addresses = [base58.encode(lock_address(name.owner, name.note)) for name in names]
        answer = self._node.ask("getMultipleAccounts", [_CLOCK, *addresses], wanted)
        slot, found = _number(_field(_field(answer, "context"), "slot")), _field(answer, "value")
        if isinstance(at, int) and slot < at:
            raise bad_answer("a state older than the height")
        if not isinstance(found, list) or len(found) != 1 + len(names):
            raise bad_answer("another number of accounts")
        clock, *accounts = (_account(account) for account in found)
        if clock is None or clock.program != _SYSVARS or len(clock.data) != _CLOCK_STATE.size:
            raise bad_answer("no clock")
        of_slot, _, _, _, now_unix_s = _CLOCK_STATE.unpack(clock.data)
        if of_slot != slot or not 0 <= now_unix_s <= _MAX_TIME:
            raise bad_answer("the clock of another slot")
        return [self._view(name, account, now_unix_s) for name, account in zip(names, accounts, strict=True)]

    def _view(self, name: LockName, account: _Account | None, now_unix_s: int) -> LockView | None:
        if account is None or account.program != _STAKE or account.space != STAKE_BYTES:
            return None
        stake = read_stake(account.data)
        # The custodian binds the whole note; the address had room for half of it.
        if stake is None or stake.custodian != name.note or stake.lockup_epoch != 0:
            return None
        amount, unlock_at = account.lamports - stake.rent_reserve, stake.unlock_at_unix_s
        if amount <= 0 or not 0 <= unlock_at <= _MAX_TIME:
            return None
        status = LockStatus.ACTIVE
        if unlock_at <= now_unix_s:
            status = LockStatus.RELEASED
        elif unlock_at < now_unix_s + self._delay_s:
            status = LockStatus.RELEASE_REQUESTED
        release_at = 0 if status is LockStatus.ACTIVE else unlock_at
        # Coins go to the withdraw authority: it is the owner, whoever made the account. Checked against the note's.
        return LockView(stake.withdrawer, NATIVE, amount, status, unlock_at, release_at, grows=True)


class _Account(NamedTuple):
    program: str
    lamports: int
    space: int
    data: bytes


def _account(value: Any) -> _Account | None:
    if value is None:
        return None
    encoded = _field(value, "data")
    if not isinstance(encoded, list) or len(encoded) != 2 or encoded[1] != "base64" or not isinstance(encoded[0], str):
        raise bad_answer("an account in another encoding")
    try:
        data = base64.b64decode(encoded[0], validate=True)
    except (binascii.Error, ValueError):
        raise bad_answer("an account that is not base64") from None
    space, program = _number(_field(value, "space")), _field(value, "owner")
    if len(data) != min(space, STAKE_BYTES) or not isinstance(program, str):
        raise bad_answer("an account of another size than it says")
    return _Account(program, _number(_field(value, "lamports"), 2**64), space, data)


def _field(value: Any, name: str) -> Any:
    if not isinstance(value, dict) or name not in value:
        raise bad_answer("an object without a field that it must have")
    return value[name]


def _number(value: Any, bound: int = 2**63) -> int:
    if type(value) is not int or not 0 <= value < bound:
        raise bad_answer("a number out of its range")
    return value


def _word(value: Any) -> bytes:
    try:
        return base58.decode(value if isinstance(value, str) else "")
    except InputError:
        raise bad_answer("a hash that is none") from None
