"""A vault on an EVM chain, read through web3.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from verifier.errors import Unavailable
from zkmargin.collateral.keccak import keccak256
from zkmargin.errors import InputError

from .reader import Block, Identity, LockName, LockStatus, LockView, Tip

TIMEOUT_S = 10
"""A node that takes longer does not follow its chain well enough to be believed."""
_BATCH = 100
_WORD = 32
_WORDS = 6
_LOCKS = keccak256(b"locks(bytes32)")[:4]
"""Solidity's getter of the mapping: (owner, status, unlockAt, releaseAt, asset, amount)."""

T = TypeVar("T")


class EvmReader:
    """One vault on one chain.

    Raises: InputError: web3.py is not installed, or the vault is no address.
    """

    def __init__(self, provider: Any, vault: bytes) -> None:
        web3 = _web3()
        if len(vault) != _WORD or any(vault[:12]):
            raise InputError("the vault of an EVM chain is an address: 20 bytes, padded to 32", code="bad_vault")
        self._provider = provider
        self._web3 = web3.Web3(provider)
        self._web3.middleware_onion.inject(web3.middleware.ExtraDataToPOAMiddleware, layer=0)
        self._vault = self._web3.to_checksum_address(vault[12:])

    @classmethod
    def at(cls, url: str, vault: bytes) -> EvmReader:
        """Through the node at ``url``, by HTTP.

        Raises: InputError: as above, or not an address of HTTP.
        """
        if not url.startswith(("http://", "https://")):
            raise InputError("the address of a node must look like http://127.0.0.1:8545", code="bad_url")
        provider = _web3().HTTPProvider(url, request_kwargs={"timeout": TIMEOUT_S}, exception_retry_configuration=None)
        return cls(provider, vault)

    def identity(self) -> Identity:
        """The chain's id, the hash of its first block, and the hash of the vault's code after its newest block."""
        eth = self._web3.eth
        chain_id = _told(lambda: eth.chain_id)
        genesis = _told(lambda: bytes(eth.get_block(0)["hash"]))
        code = _told(lambda: bytes(eth.get_code(self._vault)))
        return Identity(f"eip155:{chain_id}", genesis, keccak256(code))

    def head(self) -> Block:
        """The newest block."""
        return _told(lambda: _block(self._web3.eth.get_block("latest")))

    def block(self, height: int) -> Block | None:
        """The block at ``height``; None above the head."""
        not_found = _web3().exceptions.BlockNotFound
        try:
            return _told(lambda: _block(self._web3.eth.get_block(height)), passing=(not_found,))
        except not_found:
            return None

    def locks(self, names: Sequence[LockName], at: int | Tip) -> list[LockView | None] | None:
        """The locks at a height or a tip; None for the list if the node has no pending state."""
        where = hex(at) if isinstance(at, int) else {Tip.HEAD: "latest", Tip.PENDING: "pending"}[at]
        refused = _web3().exceptions.Web3RPCError
        views: list[LockView | None] = []
        for start in range(0, len(names), _BATCH):
            part = names[start : start + _BATCH]
            try:
                answers = _told(partial(self._calls, part, where), passing=(refused,))
            except refused:
                if at is Tip.PENDING:
                    return None
                message = "the node refuses to read the vault at this height: has it dropped the state?"
                raise Unavailable(message, code="chain_unavailable") from None
            if len(answers) != len(part):
                raise Unavailable("the node answered another number of questions", code="chain_unavailable")
            views += map(_lock, answers)
        return views

    def _calls(self, names: Sequence[LockName], where: str) -> list[bytes]:
        calls = [{"to": self._vault, "data": _hex(_LOCKS + keccak256(name.owner + name.note))} for name in names]
        if hasattr(self._provider, "make_batch_request"):
            # Below web3.py's formatters, which take twenty times as long as a node does.
            answers = self._provider.make_batch_request([("eth_call", [call, where]) for call in calls])
        else:
            answers = [self._provider.make_request("eth_call", [call, where]) for call in calls]
        return [_result(answer) for answer in answers]


def _web3() -> Any:
    # Imported when a chain is read: who runs no attestor needs none of it.
    try:
        import web3
        import web3.exceptions
        import web3.middleware
    except ImportError:
        raise InputError(
            "reading an EVM chain needs web3.py: pip install 'zkmargin[onchain]'", code="missing_extra"
        ) from None
    return web3


def _told(ask: Callable[[], T], passing: tuple[type[Exception], ...] = ()) -> T:
    """What ``ask`` returns. Raises: Unavailable, whatever goes wrong between web3.py and the node."""
    try:
        return ask()
    except passing:
        raise
    except Exception as error:
        # Libraries and transports raise whatever they like, with the address of the node in it: the class is told.
        kind = type(error).__name__
        raise Unavailable(f"the node of the chain cannot be read ({kind})", code="chain_unavailable") from None


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _result(answer: Any) -> bytes:
    """Raises: Web3RPCError: the node refuses.   ValueError, TypeError, KeyError: no answer of JSON-RPC."""
    if "error" in answer:
        raise _web3().exceptions.Web3RPCError("refused")
    return bytes.fromhex(answer["result"].removeprefix("0x"))


def _block(block: Any) -> Block:
    return Block(int(block["number"]), bytes(block["hash"]), int(block["timestamp"]))


def _lock(words: bytes) -> LockView | None:
    """Raises: Unavailable: not the answer of a vault."""
    if len(words) != _WORDS * _WORD:
        raise Unavailable("what the node found at the vault's address is not the vault", code="chain_unavailable")
    owner, status, unlock_at, release_at, asset, amount = (
        words[start : start + _WORD] for start in range(0, len(words), _WORD)
    )
    number = int.from_bytes(status)
    if number == 0:
        return None
    if number not in tuple(LockStatus):
        raise Unavailable("the node gave a lock of unknown status", code="chain_unavailable")
    return LockView(
        owner, asset, int.from_bytes(amount), LockStatus(number), int.from_bytes(unlock_at), int.from_bytes(release_at)
    )
