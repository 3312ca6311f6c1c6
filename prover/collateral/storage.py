"""A lock shown by its holder: the note is opened, and the chain's own state shows the lock, as a node proves it.

Of the attestors nothing is needed but the block hash of a checkpoint. A node can lie about all of it: the evidence is
checked before it leaves, as the verifier will.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zkmargin import canonical
from zkmargin.collateral import CollateralLock, Note, Pledge, SignedCheckpoint, StorageEvidence, keccak256
from zkmargin.collateral.storage_proof import lock_slots
from zkmargin.errors import InputError

from ..errors import Refused, Unavailable

Ask = Callable[..., Any]
"""Method and parameters of a JSON-RPC call -> its answer. Raises: Unavailable."""

# The fields of a header in their order: what a block came with at first, and what forks have added at the end since.
# Words and addresses are taken as they are; a number has no leading zeros.
_FIELDS = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom",
    "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce",
)  # fmt: skip
_ADDED = (
    "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash",
)  # fmt: skip
_NUMBERS = {
    "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas",
}  # fmt: skip


def evidence(ask: Ask, chain: str, note: Note, pledge: Pledge, newest: SignedCheckpoint) -> CollateralLock:
    """Evidence of kind ``lock`` of the lock under ``note``, at the block of the ``newest`` checkpoint of its chain.

    Args:   pledge: of this note. Secret, and so is what is returned.
    Raises: Refused "wrong_block" (the node has another block at this height), Unavailable "no_header", "node".
    """
    checkpoint = newest.checkpoint
    found = header(ask, checkpoint.height, canonical.from_hex(checkpoint.block_hash))
    account, words = proof(ask, note, checkpoint.height)
    try:
        storage = StorageEvidence.from_value(
            {
                "note": pledge.note.to_value(), "pledge": pledge.proof, "header": canonical.to_hex(found),
                "account_proof": account, "storage_proof": words,
            }
        )  # fmt: skip
    except InputError:
        raise _unusable() from None
    return CollateralLock(
        kind="lock", chain=chain, storage=storage, checkpoint=checkpoint, signatures=newest.signatures
    )


def header(ask: Ask, height: int, block_hash: bytes) -> bytes:
    """The RLP of the header of that block: as the node has it, else put together from the fields of its answer.

    Raises: Refused "wrong_block"; Unavailable "no_header": neither gives the hash, as on a chain with other headers.
    """
    block = ask("eth_getBlockByNumber", hex(height), False)
    if not isinstance(block, dict):
        raise Unavailable("the node does not have the block of the newest checkpoint yet", code="no_header")
    if block.get("hash") != canonical.to_hex(block_hash):
        raise Refused("the node has another block there than the attestors saw", code="wrong_block")
    for encoded in (_raw(ask, height), _rebuilt(block)):
        if encoded is not None and keccak256(encoded) == block_hash:
            return encoded
    raise Unavailable(
        "the node gives no header that hashes to its block: use one that offers debug_getRawHeader", code="no_header"
    )


def proof(ask: Ask, note: Note, height: int) -> tuple[Any, list[Any]]:
    """The nodes from the state root to the vault, and from there to each word of the lock, as the node lists them.

    Raises: Unavailable "node".
    """
    slots = [canonical.to_hex(slot) for slot in lock_slots(keccak256(note.owner + note.digest))]
    found = ask("eth_getProof", canonical.to_hex(note.vault[12:]), slots, hex(height))
    try:
        return found["accountProof"], [word["proof"] for word in found["storageProof"]]
    except (TypeError, KeyError):
        raise _unusable() from None


def _raw(ask: Ask, height: int) -> bytes | None:
    try:
        return canonical.from_hex(ask("debug_getRawHeader", hex(height)))
    except (Unavailable, InputError, TypeError, AttributeError):
        return None  # few nodes offer it to everybody


def _rebuilt(block: dict[str, Any]) -> bytes | None:
    import rlp  # type: ignore[import-untyped]  # of the onchain extra, as web3 is

    names = [*_FIELDS]
    for name in _ADDED:
        if block.get(name) is None:
            break
        names.append(name)
    try:
        encoded: bytes = rlp.encode([_field(name, block[name]) for name in names])
    except (InputError, TypeError, KeyError, ValueError, OverflowError, AttributeError):
        return None
    return encoded


def _field(name: str, text: str) -> bytes:
    if name not in _NUMBERS:
        return bytes.fromhex(text.removeprefix("0x"))
    value = int(text, 16)
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _unusable() -> Unavailable:
    return Unavailable(
        "the node gives no proof of the vault's state at the newest checkpoint: most keep the last 128 blocks",
        code="node",
    )
