"""What a checker of a bundle learns of the locks that it counts: from files, and from a verifier what they lack.

Of neither anything is believed: attestors signed the evidence, a parameter key of the venue the registry and the sets
of attestors. Who signed is asked by the policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from circuits.evidence import Evidence
from zkmargin import canonical
from zkmargin.bundle import Collateral
from zkmargin.collateral import Chains, CollateralLock, MemberSet, SignedMemberSet
from zkmargin.documents import Signed, read

from .. import public
from ..client import Verifier
from . import services


@dataclass(frozen=True)
class Given:
    """What stands in the checker's own files."""

    registry: Signed[Chains] | None = None
    sets: Sequence[Signed[MemberSet]] = ()
    locks: Sequence[CollateralLock] = field(default=(), repr=False)

    @classmethod
    def load(cls, registry: Path | None, sets: Sequence[Path], locks: Sequence[Path]) -> Given:
        """Read the files. Raises: InputError."""
        return cls(
            None if registry is None else public.load_file(registry, lambda data: read(data, Chains)),
            [public.load_file(path, _set) for path in sets],
            [public.load_file(path, CollateralLock.from_bytes) for path in locks],
        )


def evidence(
    counted: Collateral | None, given: Given, verifier: Verifier | None, *, now_unix_s: int
) -> Evidence | None:
    """What is known of the locks that a bundle counts; None: it counts none, or no registry is known.

    A lock of which the verifier has no evidence is left out: what that means is for the policy to say.
    Raises: ContextError and others as ``check_lock``; Refused: the verifier knows that a lock counts no more.
            Unavailable.
    """
    if counted is None:
        return None
    registry, locks, sets = given.registry, list(given.locks), list(given.sets)
    if verifier is not None:
        registry = registry or services.registry(verifier)
        known = {_tag(lock) for lock in locks}
        locks += _fetched(verifier, [entry.tag for entry in counted.locks if entry.tag not in known])
    if registry is None:
        return None
    if verifier is not None:
        digests = {registry.document.chain_of(lock.chain).chain_digest: lock.chain for lock in locks}
        named = {canonical.from_hex(signed.document.chain) for signed in sets}
        for digest, chain in digests.items():
            sets += () if digest in named else services.sets(verifier, chain)
    return Evidence.of_signed(registry, sets, locks, now_unix_s=now_unix_s)


def _fetched(verifier: Verifier, tags: Sequence[str]) -> Iterator[CollateralLock]:
    for tag in tags:
        lock = services.evidence(verifier, canonical.from_hex(tag))
        if lock is not None:
            yield lock


def _tag(lock: CollateralLock) -> str | None:
    """What a document says that it is evidence of; nothing of it is checked yet."""
    if lock.storage is not None:
        return canonical.to_hex(lock.storage.note.note.tag)
    return None if lock.leaf is None else lock.leaf.tag


def _set(data: bytes) -> Signed[MemberSet]:
    """A set with the approvals of the one before, or in its envelope alone."""
    value = canonical.parse(data)
    if isinstance(value, dict) and value.get("schema") == SignedMemberSet.SCHEMA:
        return SignedMemberSet.from_value(value).signed
    return Signed.from_value(value, MemberSet)
