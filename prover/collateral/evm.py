"""The vault of an EVM chain, through a node of the holder's choice: transactions of the owner, and what anyone can see.

web3 comes with the ``onchain`` extra and is imported when a chain is first spoken to. A node can lie about what is
there; nothing is believed of it that moves money: the verifier counts what its attestors saw themselves.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from zkmargin import canonical, contracts
from zkmargin.collateral import chain_digest, keccak256, venue_id
from zkmargin.errors import InputError, ZkMarginError

from ..errors import Refused, Unavailable

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3 import Web3
    from web3.contract import Contract
    from web3.contract.contract import ContractFunction
    from web3.types import RPCEndpoint

MINED_WITHIN_S = 180
MAX_FEE_WEI = 5 * 10**16
"""0.05 coins: what one transaction may cost, whatever a node says that it must."""
_NATIVE = "0x" + "00" * 20
_ERC20 = [
    {"type": "function", "name": name, "stateMutability": kind, "inputs": inputs, "outputs": outputs}
    for name, kind, inputs, outputs in (
        ("approve", "nonpayable", [{"type": "address"}, {"type": "uint256"}], [{"type": "bool"}]),
        ("allowance", "view", [{"type": "address"}, {"type": "address"}], [{"type": "uint256"}]),
    )
]
_REFUSALS = {
    "AlreadyUsed": "this owner has locked under this note before",
    "TransferFailed": "the owner has too little of the asset, or the recipient takes none",
    "TooEarly": "the coins cannot be released yet",
    "WrongStatus": "the lock is not in the state that this step needs",
    "NotLater": "the term stands at this time already",
    "InexactTransfer": "the token does not transfer exact amounts, and cannot be collateral",
}


class Status(IntEnum):
    """The status of a lock in the vault."""

    NONE = 0
    ACTIVE = 1
    RELEASE_REQUESTED = 2
    RELEASED = 3
    SEIZED = 4


@dataclass(frozen=True)
class OnChain:
    """A lock as the vault has it. Times in Unix seconds."""

    status: Status
    unlock_unix_s: int
    release_unix_s: int
    amount: int


class NotMinedYet(Unavailable):
    """A signed transaction has left, and no usable receipt of it has come."""

    def __init__(self, transaction: str) -> None:
        super().__init__(
            f"transaction {transaction} was sent and is not known to be mined; it may still be mined: look for it on"
            " the chain before anything is sent again",
            code="not_mined_yet",
        )


class VaultClient:
    """The vault at ``address``; ``key`` signs for the owner, where something is to be signed.

    Args:   genesis: hash of block 0, ``chain_id`` the number behind eip155: of the registry's chain. ``venue``: whose
            vault it is. All of it is checked, and that the contract there is the vault: whoever names another address
            gets no coins. ``max_fee_wei``: what one transaction may cost at most.
    Raises: InputError "no_web3", "wrong_chain", "not_the_vault", "wrong_vault".   Unavailable.
    """

    def __init__(
        self,
        url: str,
        address: bytes,
        *,
        chain_id: int,
        genesis: bytes,
        venue: str,
        key: LocalAccount | None = None,
        max_fee_wei: int = MAX_FEE_WEI,
    ) -> None:
        web3 = _import_web3()
        self._chain_id, self._max_fee_wei = chain_id, max_fee_wei
        with _node_errors():
            self._web3: Web3 = web3.Web3(web3.Web3.HTTPProvider(url, request_kwargs={"timeout": 30}))
        self._vault: Contract = self._web3.eth.contract(
            address=self._web3.to_checksum_address(address), abi=contracts.abi()
        )
        self._key = key
        with _node_errors():
            found = self._web3.eth.chain_id, bytes(self._block(0)["hash"])
            code = bytes(self._web3.eth.get_code(self._vault.address))
        if found != (chain_id, genesis):
            raise InputError("the node is of another chain than the registry names", code="wrong_chain")
        terms = contracts.terms_of(code)
        if (terms.venue_id, terms.chain) != (venue_id(venue), chain_digest(f"eip155:{chain_id}", genesis)):
            raise InputError("the vault is another venue's, or was made for another chain", code="wrong_vault")
        self.delay_s = terms.delay_s

    @property
    def owner(self) -> bytes:
        """The owner's address, 20 bytes."""
        return bytes.fromhex(self._owner.address[2:])

    @property
    def _owner(self) -> LocalAccount:
        if self._key is None:
            raise InputError("name the key of the lock's owner with --key-file", code="usage")
        return self._key

    def lock(self, asset: bytes, amount: int, note: bytes, unlock_unix_s: int) -> str:
        """Lock ``amount`` base units of ``asset`` (20 zero bytes: the chain's own coin); approves an ERC-20 first.

        Returns: the hash of the transaction, once it is mined.
        Raises:  as every step: InputError "fee_too_high"; Refused; Unavailable "node" (nothing was sent), NotMinedYet.
        """
        address = self._web3.to_checksum_address(asset)
        native = address == _NATIVE
        if not native:
            self._approve(address, amount)
        call = self._vault.functions.lock(address, amount, note, unlock_unix_s)
        return self._send(call, value=amount if native else 0)

    def request_release(self, note: bytes) -> str:
        """Ask for the coins. Raises: as ``lock``."""
        return self._send(self._vault.functions.requestRelease(note))

    def release(self, note: bytes) -> str:
        """Take them. Raises: as ``lock``."""
        return self._send(self._vault.functions.release(note))

    def find(self, owner: bytes, note: bytes) -> OnChain:
        """The lock of ``owner`` under ``note``, at the head of the chain. Raises: Unavailable."""
        with _node_errors():
            lock_id = contracts.lock_id(owner, note)
            _, status, unlock_at, release_at, _, amount = self._vault.functions.locks(lock_id).call()
            return OnChain(Status(status), unlock_at, release_at, amount)

    def now_unix_s(self) -> int:
        """The time of the head of the chain."""
        with _node_errors():
            return int(self._block("latest")["timestamp"])

    def ask(self, method: str, *parameters: Any) -> Any:
        """The result of a JSON-RPC call, as the node gives it. Raises: Unavailable, also where the node refuses."""
        with _node_errors():
            answer = self._web3.provider.make_request(cast("RPCEndpoint", method), parameters)
            return answer["result"]

    def active(self, asset: bytes) -> list[int]:
        """The amounts of all locks of ``asset`` that are Active at the head: what one of them hides among."""
        wanted = self._web3.to_checksum_address(asset)
        with _node_errors():
            events = self._vault.events.Locked.get_logs(from_block=0)
            found = [event["args"] for event in events if event["args"]["asset"] == wanted]
            states = [self._vault.functions.locks(entry["lockId"]).call() for entry in found]
        return [state[5] for state in states if state[1] == Status.ACTIVE]

    def _block(self, which: Any) -> Any:
        return self._web3.eth.get_block(which)

    def _approve(self, token: Any, amount: int) -> None:
        contract = self._web3.eth.contract(address=token, abi=_ERC20)
        with _node_errors():
            allowed = contract.functions.allowance(self._owner.address, self._vault.address).call()
        if 0 < allowed < amount:
            # Some tokens take no new allowance in the place of one that is left over.
            self._send(contract.functions.approve(self._vault.address, 0))
        if allowed < amount:
            self._send(contract.functions.approve(self._vault.address, amount))

    def _send(self, call: ContractFunction, *, value: int = 0) -> str:
        owner = self._owner
        with _node_errors():
            transaction = call.build_transaction(
                {
                    # The registry's, whatever the node says now: else the coins of another chain could be signed away.
                    "chainId": self._chain_id,
                    "from": owner.address,
                    "value": self._web3.to_wei(value, "wei"),
                    "nonce": self._web3.eth.get_transaction_count(owner.address, "pending"),
                }
            )
            fee_wei = transaction["gas"] * int(transaction.get("maxFeePerGas") or transaction["gasPrice"])
            if fee_wei > self._max_fee_wei:
                told, most = (canonical.format_decimal(Fraction(fee, 10**18)) for fee in (fee_wei, self._max_fee_wei))
                raise InputError(
                    f"the node wants a fee of up to {told} coins, above the {most} of --max-fee: nothing was sent",
                    code="fee_too_high",
                )
            signed = owner.sign_transaction(cast(dict[str, Any], transaction))
        sent = canonical.to_hex(bytes(signed.hash))
        # From here on the transaction is in other hands: nothing that goes wrong says that it will not be mined.
        try:
            self._web3.eth.send_raw_transaction(signed.raw_transaction)
            receipt = self._web3.eth.wait_for_transaction_receipt(signed.hash, timeout=MINED_WITHIN_S)
            if bytes(receipt["transactionHash"]) != bytes(signed.hash) or receipt["status"] not in (0, 1):
                raise NotMinedYet(sent)
        except Exception:  # of several libraries, and of whatever a node answers
            raise NotMinedYet(sent) from None
        if receipt["status"] != 1:
            raise Refused(f"the vault or the token has refused transaction {sent}", code="reverted")
        return sent


def owner_key(content: bytes, password: str | None) -> LocalAccount:
    """The key of a lock's owner: 32 bytes in hexadecimal, or an Ethereum keystore that ``password`` opens.

    Raises: InputError "bad_key". Neither key nor password is in it.
    """
    _import_web3()
    from eth_account import Account

    text = content.decode("utf-8", "replace").strip()
    try:
        if text.startswith("{"):
            secret = bytes(Account.decrypt(text, password or ""))
        else:
            secret = canonical.from_hex(text if text.startswith("0x") else "0x" + text, 32)
        key: LocalAccount = Account.from_key(secret)
        return key
    except Exception:  # of several libraries, and their words may quote the file
        raise InputError(
            "the key file holds neither 64 hex digits nor an Ethereum keystore that the password opens", code="bad_key"
        ) from None


def term_ends(seconds: int) -> int:
    """Unix seconds, ``seconds`` from now."""
    return int(time.time()) + seconds


@cache
def _refusals() -> dict[str, str]:
    """Selector of a custom error of the vault -> what it means to a holder."""
    selectors = {}
    for entry in contracts.abi():
        if entry["type"] == "error" and entry["name"] in _REFUSALS:
            signature = f"{entry['name']}({','.join(argument['type'] for argument in entry['inputs'])})"
            selectors[canonical.to_hex(keccak256(signature.encode())[:4])] = _REFUSALS[entry["name"]]
    return selectors


def _import_web3() -> Any:
    try:
        import web3
    except ImportError:
        raise InputError("speaking to a chain needs web3: pip install 'zkmargin[onchain]'", code="no_web3") from None
    return web3


@contextmanager
def _node_errors() -> Iterator[None]:
    """Whatever web3 and the node throw, as a refusal of the vault or an absence of the node."""
    from web3.exceptions import ContractCustomError, ContractLogicError

    try:
        yield
    except ZkMarginError:
        raise
    except ContractCustomError as error:
        selector = str(error.data or "")[:10]
        raise Refused(f"the vault refused: {_refusals().get(selector, 'no such step')}", code="reverted") from None
    except ContractLogicError:
        raise Refused("the vault or the token refused the transaction", code="reverted") from None
    except Exception:  # of several libraries, and of whatever a node answers
        raise Unavailable("the node of the chain did not give a usable answer", code="node") from None
