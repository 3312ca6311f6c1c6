"""What attestors answer, and what the verifier answers about collateral. Untrusted, as all answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import Field

from zkmargin import canonical
from zkmargin.collateral import (
    Chains,
    CollateralLock,
    MemberSet,
    Pledge,
    SignedCheckpoint,
    SignedMemberSet,
    verify_registry,
)
from zkmargin.documents import Signed, Trust
from zkmargin.documents.base import Digest, Hex32, Name, Text
from zkmargin.errors import InputError

from ..answers import Answer
from ..client import Service, Verifier
from ..errors import Refused

T = TypeVar("T")
Digits = Annotated[str, Text(r"^(0|[1-9][0-9]*)$", 'must be a number in a string, such as "75"', 80)]


class PledgeAnswer(Answer):
    """``POST /v1/pledges`` and ``GET /v1/pledges/{tag}`` of an attestor."""

    tag: Hex32
    chain: Name
    state: Name


class LockAnswer(Answer):
    """``GET /v1/collateral/locks/{tag}`` of a verifier."""

    tag: Hex32
    class_: Name = Field(alias="class")
    state: Name
    expiry: Name
    frozen: bool


class ChainAnswer(Answer):
    """An entry of ``GET /v1/collateral/chains`` of a verifier: the newest checkpoint of a chain."""

    chain: Name
    epoch: int | None = None
    checkpoint: Digest | None = None


class EpochAnswer(Answer):
    """An entry of ``GET /v1/collateral/chains/{chain}/checkpoints/{epoch}``: a checkpoint without its leaves."""

    digest: Digest
    file: SignedCheckpoint


class ClassAnswer(Answer):
    """An entry of ``GET /v1/collateral/classes`` of a verifier: what a lot may count, and how many locks do."""

    class_: Name = Field(alias="class")
    allowed_atto_per_lot: Digits
    locks: int


class Attestor(Service):
    """A member of those who watch a vault: it alone is told which account a lock backs."""

    role = "attestor"

    def __enter__(self) -> Attestor:
        return self

    def pledge(self, pledge: Pledge) -> PledgeAnswer:
        """Show the pledge. The same one again gets the same answer. Raises: Refused, Unavailable."""
        return self.understood(
            lambda: PledgeAnswer.from_value(self.post("/v1/pledges", pledge.to_bytes(), Pledge.media_type())[1])
        )


def registry(verifier: Verifier, trust: Trust | None = None) -> Signed[Chains]:
    """The registry of chains and classes, as signed; with ``trust``, by a key of it.

    Raises: Refused, Unavailable.   ContextError "unsigned", "bad_signature".
    """
    signed = verifier.understood(lambda: Signed.from_value(verifier.get("/v1/collateral/registry"), Chains))
    if trust is not None:
        verify_registry(signed, trust)
    return signed


def lock(verifier: Verifier, tag: bytes) -> LockAnswer | None:
    """What the verifier knows of a tag; None: nothing. Raises: Unavailable."""
    try:
        value = verifier.get(f"/v1/collateral/locks/{canonical.to_hex(tag)}")
    except Refused as refusal:
        if refusal.code == "unknown_lock":
            return None
        raise
    return verifier.understood(lambda: LockAnswer.from_value(value))


def evidence(verifier: Verifier, tag: bytes) -> CollateralLock | None:
    """Evidence of the lock of a tag, unchecked; None: the verifier has none.

    Raises: Refused: the lock counts no more.   Unavailable.
    """
    try:
        value = verifier.get(f"/v1/collateral/locks/{canonical.to_hex(tag)}/evidence")
    except Refused as refusal:
        if refusal.code in ("unknown_lock", "no_leaf"):
            return None
        raise
    return verifier.understood(lambda: CollateralLock.from_value(value))


def sets(verifier: Verifier, chain: str) -> list[Signed[MemberSet]]:
    """The attestors of a chain, every version, as signed. Raises: Unavailable."""
    path = f"/v1/collateral/chains/{chain}/sets"
    return _items(verifier, path, lambda item: SignedMemberSet.from_value(item).signed)


def newest_checkpoint(verifier: Verifier, chain: str) -> SignedCheckpoint | None:
    """The checkpoint that the verifier goes by, without its leaves; None: it has none of the chain.

    Raises: Refused, Unavailable.
    """
    entries = _items(verifier, "/v1/collateral/chains", ChainAnswer.from_value)
    newest = next((entry for entry in entries if entry.chain == chain), None)
    if newest is None or newest.epoch is None or newest.checkpoint is None:
        return None
    path = f"/v1/collateral/chains/{chain}/checkpoints/{newest.epoch}"
    found = _items(verifier, path, EpochAnswer.from_value)
    return next((entry.file for entry in found if entry.digest == newest.checkpoint), None)


def show(verifier: Verifier, lock: CollateralLock) -> LockAnswer:
    """Show evidence of one lock, which then counts by it; the answer is of that lock. Raises: Refused, Unavailable."""
    return verifier.understood(
        lambda: LockAnswer.from_value(
            verifier.post("/v1/collateral/locks", lock.to_bytes(), CollateralLock.media_type())[1]
        )
    )


def classes(verifier: Verifier) -> dict[str, ClassAnswer]:
    """Every class by its name. Raises: Refused, Unavailable."""
    found = _items(verifier, "/v1/collateral/classes", ClassAnswer.from_value)
    return {entry.class_: entry for entry in found}


def _items(verifier: Verifier, path: str, parse: Callable[[Any], T]) -> list[T]:
    return verifier.understood(lambda: [parse(item) for item in _listed(verifier.get(path))])


def _listed(value: Any) -> list[Any]:
    items = value.get("items") if isinstance(value, dict) else None
    if not isinstance(items, list):
        raise InputError("items must be a list")
    return items
