"""A chain of Solana's kind in this process: the real runtime and its stake program (LiteSVM), behind JSON-RPC.

Transactions act at once, in the newest slot, which is all that "processed" shows; ``advance`` makes it a block and goes
on. A block is final ``LAG`` slots later, and a state once it is final is asked for as a node does it: the newest alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from solders.account import Account
from solders.clock import Clock
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import (
    CreateAccountParams,
    CreateAccountWithSeedParams,
    TransferParams,
    create_account,
    create_account_with_seed,
    transfer,
)
from solders.sysvar import CLOCK, RENT, STAKE_HISTORY
from solders.transaction import Transaction
from solders.transaction_metadata import FailedTransactionMetadata

from zkmargin.collateral import base58
from zkmargin.collateral.stake import STAKE_BYTES, STAKE_PROGRAM, lock_address, lock_seed

STAKE = Pubkey.from_bytes(STAKE_PROGRAM)
_STAKE_CONFIG = Pubkey.from_string("StakeConfig11111111111111111111111111111111")
_VOTE = Pubkey.from_string("Vote111111111111111111111111111111111111111")
_VOTE_BYTES = 3762
LAG = 3
SOL = 10**9
GENESIS = hashlib.sha256(b"a devnet of Solana's kind").digest()
NAME = f"solana:{base58.encode(GENESIS)[:32]}"
_MIN_CONTEXT_NOT_REACHED, _NO_METHOD, _NO_BLOCK = -32016, -32601, -32009


class Failed(Exception):
    """The program refused: the error's number, if it is one of the program's own."""


@dataclass(frozen=True)
class Frame:
    """A slot when it was over."""

    slot: int
    time_unix_s: int
    blockhash: str
    accounts: dict[str, Account]


class RpcError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class SolanaDevnet:
    def __init__(self, now_unix_s: int, slot: int = 1000) -> None:
        self.svm = LiteSVM()
        self.payer = Keypair.from_seed(bytes(32))
        self.svm.set_account(self.payer.pubkey(), Account(10**7 * SOL, b"", Pubkey.default()))
        self.slot, self.now_unix_s = slot, now_unix_s
        self.reserve = self.svm.minimum_balance_for_rent_exemption(STAKE_BYTES)
        self.frames: list[Frame] = []
        self._set_clock()
        self.advance(LAG + 1)

    def _set_clock(self) -> None:
        self.svm.set_clock(Clock(self.slot, self.now_unix_s, 0, 1, self.now_unix_s))

    def advance(self, slots: int = 1, seconds: int = 0) -> None:
        """End the newest slot and begin the next, ``slots`` times; then ``seconds`` pass."""
        for _ in range(slots):
            self.frames.append(self._frame())
            self.slot += 1
            self.svm.expire_blockhash()
            self._set_clock()
        self.now_unix_s += seconds
        self._set_clock()

    def skip(self, slots: int) -> None:
        """Slots without a block."""
        self.slot += slots
        self._set_clock()

    def finalize(self, seconds: int = 0) -> int:
        """Let time pass, and what has happened become final; the newest final slot."""
        self.advance(1, seconds)
        self.advance(LAG)
        return self.final.slot

    @property
    def final(self) -> Frame:
        return self.frames[-LAG]

    def _frame(self) -> Frame:
        accounts = {str(CLOCK): self.svm.get_account(CLOCK)}
        accounts |= {str(key): account for key, account in self.svm.get_program_accounts(STAKE)}
        return Frame(self.slot, self.now_unix_s, str(self.svm.latest_blockhash()), accounts)

    def send(self, *instructions: Instruction, signers: Sequence[Keypair] = ()) -> None:
        """Raises: Failed."""
        message = Message(list(instructions), self.payer.pubkey())
        self.svm.expire_blockhash()
        done = self.svm.send_transaction(Transaction([self.payer, *signers], message, self.svm.latest_blockhash()))
        if isinstance(done, FailedTransactionMetadata):
            raise Failed(str(done.err()))

    # What a node answers.

    def answer(self, method: str, params: list[Any]) -> Any:
        """Raises: RpcError."""
        methods: dict[str, Callable[..., Any]] = {
            "getGenesisHash": lambda: base58.encode(GENESIS),
            "getSlot": lambda config: self._at(config).slot,
            "getBlocks": self._blocks,
            "getBlock": self._block,
            "getMultipleAccounts": self._accounts,
        }
        if method not in methods:
            raise RpcError(_NO_METHOD, "Method not found")
        return methods[method](*params)

    def _at(self, config: dict[str, Any]) -> Frame:
        return {"finalized": self.final, "processed": self._frame()}[config["commitment"]]

    def _blocks(self, first: int, last: int, config: dict[str, Any]) -> list[int]:
        return [frame.slot for frame in self.frames if first <= frame.slot <= min(last, self._at(config).slot)]

    def _block(self, slot: int, config: dict[str, Any]) -> dict[str, Any]:
        for frame in self.frames:
            if frame.slot == slot <= self._at(config).slot:
                return {"blockhash": frame.blockhash, "blockTime": frame.time_unix_s, "parentSlot": slot - 1}
        raise RpcError(_NO_BLOCK, f"Slot {slot} was skipped, or missing in long-term storage")

    def _accounts(self, addresses: list[str], config: dict[str, Any]) -> dict[str, Any]:
        frame = self._at(config)
        if frame.slot < config.get("minContextSlot", 0):
            raise RpcError(_MIN_CONTEXT_NOT_REACHED, "Minimum context slot has not been reached")
        if len(addresses) > 100:
            raise RpcError(-32602, "Too many inputs provided; max 100")
        value = [_encoded(frame.accounts.get(address), config["dataSlice"]) for address in addresses]
        return {"context": {"apiVersion": "2.0.0", "slot": frame.slot}, "value": value}


def _encoded(account: Account | None, part: dict[str, int]) -> dict[str, Any] | None:
    if account is None or not account.lamports:
        return None
    data = bytes(account.data)
    return {
        "data": [base64.b64encode(data[part["offset"] :][: part["length"]]).decode(), "base64"],
        "executable": account.executable,
        "lamports": account.lamports,
        "owner": str(account.owner),
        "rentEpoch": 2**64 - 1,
        "space": len(data),
    }


@contextmanager
def served(chain: SolanaDevnet) -> Iterable[str]:
    """The chain's node on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            call = json.loads(self.rfile.read(int(self.headers["content-length"])))
            answer: dict[str, Any] = {"jsonrpc": "2.0", "id": call["id"]}
            try:
                answer["result"] = chain.answer(call["method"], call["params"])
            except RpcError as error:
                answer["error"] = {"code": error.code, "message": str(error)}
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# What an owner signs. Numbers and layouts are the stake program's.


def address_of(owner: Keypair, note: bytes) -> Pubkey:
    return Pubkey.from_bytes(lock_address(bytes(owner.pubkey()), note))


def make(chain: SolanaDevnet, owner: Keypair, note: bytes, lamports: int, space: int = STAKE_BYTES) -> Instruction:
    """The account at the address of a note. The payer pays; the owner signs."""
    return create_account_with_seed(
        CreateAccountWithSeedParams(
            from_pubkey=chain.payer.pubkey(), to_pubkey=address_of(owner, note), base=owner.pubkey(),
            seed=lock_seed(note), lamports=lamports, space=space, owner=STAKE,
        )
    )  # fmt: skip


def initialize(account: Pubkey, withdrawer: Pubkey, unlock_at: int, custodian: bytes, epoch: int = 0) -> Instruction:
    authorities = bytes(withdrawer) * 2
    lockup = struct.pack("<qQ", unlock_at, epoch) + custodian
    return Instruction(STAKE, struct.pack("<I", 0) + authorities + lockup, [_writable(account), _readable(RENT)])


def lock(chain: SolanaDevnet, owner: Keypair, note: bytes, amount: int, unlock_at: int) -> Pubkey:
    """What a holder does."""
    account = address_of(owner, note)
    chain.send(
        make(chain, owner, note, chain.reserve + amount),
        initialize(account, owner.pubkey(), unlock_at, note),
        signers=[owner],
    )
    return account


def withdraw(account: Pubkey, owner: Pubkey, lamports: int, custodian: Pubkey | None = None) -> Instruction:
    accounts = [_writable(account), _writable(owner), _readable(CLOCK), _readable(STAKE_HISTORY), _signer(owner)]
    accounts += [_signer(custodian)] if custodian else []
    return Instruction(STAKE, struct.pack("<IQ", 4, lamports), accounts)


def authorize_withdrawer(account: Pubkey, owner: Pubkey, other: Pubkey) -> Instruction:
    data = struct.pack("<I", 1) + bytes(other) + struct.pack("<I", 1)
    return Instruction(STAKE, data, [_writable(account), _readable(CLOCK), _signer(owner)])


def set_lockup(account: Pubkey, owner: Pubkey, unlock_at: int | None, custodian: bytes | None = None) -> Instruction:
    time = b"\0" if unlock_at is None else b"\1" + struct.pack("<q", unlock_at)
    data = struct.pack("<I", 6) + time + b"\0" + (b"\0" if custodian is None else b"\1" + custodian)
    return Instruction(STAKE, data, [_writable(account), _signer(owner)])


def split(account: Pubkey, into: Pubkey, owner: Pubkey, lamports: int) -> Instruction:
    return Instruction(STAKE, struct.pack("<IQ", 3, lamports), [_writable(account), _writable(into), _signer(owner)])


def merge(into: Pubkey, account: Pubkey, owner: Pubkey) -> Instruction:
    accounts = [_writable(into), _writable(account), _readable(CLOCK), _readable(STAKE_HISTORY), _signer(owner)]
    return Instruction(STAKE, struct.pack("<I", 7), accounts)


def move_lamports(account: Pubkey, into: Pubkey, owner: Pubkey, lamports: int) -> Instruction:
    return Instruction(STAKE, struct.pack("<IQ", 17, lamports), [_writable(account), _writable(into), _signer(owner)])


def delegate(chain: SolanaDevnet, account: Pubkey, owner: Keypair) -> None:
    """To a validator that is made for it."""
    vote, node = Keypair.from_seed(b"\x76" * 32), Keypair.from_seed(b"\x77" * 32)
    made = create_account(
        CreateAccountParams(
            from_pubkey=chain.payer.pubkey(), to_pubkey=vote.pubkey(), lamports=SOL, space=_VOTE_BYTES, owner=_VOTE
        )
    )
    authorities = struct.pack("<I", 0) + bytes(node.pubkey()) * 3 + b"\0"
    accounts = [_writable(vote.pubkey()), _readable(RENT), _readable(CLOCK), _signer(node.pubkey())]
    chain.send(made, Instruction(_VOTE, authorities, accounts), signers=[vote, node])
    accounts = [_writable(account), _readable(vote.pubkey()), _readable(CLOCK), _readable(STAKE_HISTORY)]
    accounts += [_readable(_STAKE_CONFIG), _signer(owner.pubkey())]
    chain.send(Instruction(STAKE, struct.pack("<I", 2), accounts), signers=[owner])


def gift(chain: SolanaDevnet, account: Pubkey, lamports: int) -> Instruction:
    return transfer(TransferParams(from_pubkey=chain.payer.pubkey(), to_pubkey=account, lamports=lamports))


def _writable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def _readable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


def _signer(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=True, is_writable=False)
