"""What attestors answer, and what the verifier answers about collateral. Untrusted, as all answers."""

from __future__ import annotations

from pydantic import Field

from zkmargin import canonical
from zkmargin.collateral import Chains, CollateralLock, MemberSet, Pledge, SignedMemberSet
from zkmargin.documents import Signed
from zkmargin.documents.base import Hex32, Name

from ..answers import Answer
from ..client import Service, Verifier
from ..errors import Refused


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


class ClassAnswer(Answer):
    """An entry of ``GET /v1/collateral/classes`` of a verifier: what a lot may count, and how many locks do."""

    class_: Name = Field(alias="class")
    allowed_atto_per_lot: Name
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


def registry(verifier: Verifier) -> Signed[Chains]:
    """The registry of chains and classes, as signed. Raises: Refused, Unavailable."""
    return verifier.understood(lambda: Signed.from_value(verifier.get("/v1/collateral/registry"), Chains))


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
    value = verifier.get(f"/v1/collateral/chains/{chain}/sets")
    items = value.get("items", []) if isinstance(value, dict) else []
    return verifier.understood(lambda: [SignedMemberSet.from_value(item).signed for item in items])


def classes(verifier: Verifier) -> dict[str, ClassAnswer]:
    """Every class by its name. Raises: Refused, Unavailable."""
    value = verifier.get("/v1/collateral/classes")
    items = value.get("items", []) if isinstance(value, dict) else []
    found = verifier.understood(lambda: [ClassAnswer.from_value(item) for item in items])
    return {entry.class_: entry for entry in found}
