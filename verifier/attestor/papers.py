"""The documents that a member goes by: trust, the registry of chains, the sets of attestors. Each follows from the one
before."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from verifier.documents import stored_trust
from verifier.publication import Published, check_venue, check_version, envelope_of
from zkmargin.collateral.members import MemberSet, SignedMemberSet, check_member_set
from zkmargin.collateral.registry import Chains, check_continues, verify_registry
from zkmargin.documents import Signed, Trust, read
from zkmargin.errors import ContextError

from .tables import MemberSetRow, RegistryRow, TrustRow


def trust(session: Session) -> Trust:
    """The current trust document. Raises: ContextError "no_trust"."""
    row = session.scalars(select(TrustRow).order_by(TrustRow.version.desc()).limit(1)).first()
    if row is None:
        raise ContextError("the attestor has no trust document yet", code="no_trust")
    return stored_trust(row.envelope).document


def registry(session: Session) -> Chains:
    """The current registry. Raises: ContextError "no_registry"."""
    row = session.scalars(select(RegistryRow).order_by(RegistryRow.version.desc()).limit(1)).first()
    if row is None:
        raise ContextError("the attestor has no registry of chains yet", code="no_registry")
    return _registry(row.envelope).document


def member_set(session: Session, chain: str, *, version: int | None = None, epoch: int | None = None) -> MemberSet:
    """The set of a chain, by its digest: that of ``version``, or the one that signs ``epoch``, or the newest.

    Raises: ContextError "unknown_set".
    """
    sets = select(MemberSetRow).where(MemberSetRow.chain == chain).order_by(MemberSetRow.version.desc()).limit(1)
    if version is not None:
        sets = sets.where(MemberSetRow.version == version)
    if epoch is not None:
        sets = sets.where(MemberSetRow.from_epoch <= epoch)
    row = session.scalars(sets).first()
    if row is None:
        raise ContextError("the attestor has no such set of members of this chain", code="unknown_set")
    return _member_set(row.content)


def publish_trust(session: Session, data: bytes, venue: str) -> Published:
    """Go by this trust document from now on: the first one, signed by a root of its own, or the next.

    Raises: ContextError "unsigned", "bad_signature", "old_version", "version_conflict", "version_gap"; InputError.
    """
    signed = read(data, Trust)
    check_venue(signed.document.venue, venue)
    row = session.scalars(select(TrustRow).order_by(TrustRow.version.desc()).limit(1)).first()
    if row is not None and stored_trust(row.envelope).digest == signed.digest:
        return Published(row.version, signed.digest, created=False)
    if row is None:
        signed.verify(signed.document.root)
    else:
        check_version(signed.document.version, row.version)
        stored_trust(row.envelope).document.verify_successor(signed)
    session.add(TrustRow(version=signed.document.version, envelope=envelope_of(signed.envelope).to_bytes()))
    return Published(signed.document.version, signed.digest, created=True)


def publish_registry(session: Session, data: bytes, venue: str) -> Published:
    """Go by this registry from now on: signed by a parameter key, and the next version of the one that is there.

    Raises: ContextError "no_trust", "unsigned", "bad_signature", "old_version", "version_conflict", "version_gap",
            "registry_changed"; InputError.
    """
    signed = read(data, Chains)
    check_venue(signed.document.venue, venue)
    row = session.scalars(select(RegistryRow).order_by(RegistryRow.version.desc()).limit(1)).first()
    if row is not None and _registry(row.envelope).digest == signed.digest:
        return Published(row.version, signed.digest, created=False)
    following = verify_registry(signed, trust(session))
    if row is not None:
        check_version(following.version, row.version)
        check_continues(_registry(row.envelope).document, following)
    session.add(RegistryRow(version=following.version, envelope=envelope_of(signed.envelope).to_bytes()))
    return Published(following.version, signed.digest, created=True)


def publish_set(session: Session, candidate: SignedMemberSet, venue: str) -> Published:
    """Know this set of attestors: the first of its chain, or the next, approved by the one before.

    Raises: ContextError "no_trust", and those of ``check_member_set``; InputError.
    """
    document = candidate.document
    check_venue(document.venue, venue)
    row = session.get(MemberSetRow, (document.chain, document.version))
    if row is not None and _member_set(row.content).digest == document.digest:
        return Published(document.version, document.digest, created=False)
    try:
        before = member_set(session, document.chain)
    except ContextError:
        before = None
    check_member_set(candidate, before, trust(session).params)
    session.add(
        MemberSetRow(
            chain=document.chain, version=document.version, from_epoch=document.from_epoch, content=candidate.to_bytes()
        )
    )
    return Published(document.version, document.digest, created=True)


@lru_cache(maxsize=64)
def _registry(envelope: bytes) -> Signed[Chains]:
    return read(envelope, Chains)


@lru_cache(maxsize=64)
def _member_set(content: bytes) -> MemberSet:
    return SignedMemberSet.from_bytes(content).document
