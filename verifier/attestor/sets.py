"""A member and the sets of attestors: its entry, the key that counts, its approval of the set after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from verifier.publication import check_venue
from zkmargin import canonical
from zkmargin.collateral import SigningKey, chain_digest
from zkmargin.collateral.members import MemberSet, SignedMemberSet, check_member_set
from zkmargin.envelope import is_envelope
from zkmargin.errors import ContextError, InputError

from . import papers
from .tables import ApprovedRow


def read_set(data: bytes) -> SignedMemberSet:
    """The set in ``data``: in the operator's envelope, or that with approvals.

    Raises: InputError.
    """
    value = canonical.parse(data)
    return SignedMemberSet(members=value) if is_envelope(value) else SignedMemberSet.from_value(value)


def key_of(members: MemberSet, member: str, keys: Iterable[SigningKey]) -> SigningKey:
    """The first of ``keys`` that the set has for ``member``.

    Raises: ContextError "not_a_member".
    """
    registered = {
        scheme: key for entry in members.members if entry.id == member for scheme, (key, _) in entry.keys.items()
    }
    for key in keys:
        if registered.get(key.scheme) == key.public:
            return key
    raise ContextError("the set of attestors does not have a key of this member", code="not_a_member")


def approve(session: Session, data: bytes, *, venue: str, member: str, keys: Sequence[SigningKey]) -> SignedMemberSet:
    """The set in ``data``, which the operator has signed, with this member's approval. Only one of a version.

    Raises: ContextError "unsigned", "bad_signature", "unknown_set", "not_a_member", "already_approved" (another set of
            this version), "wrong_venue", "wrong_chain", "wrong_version", "wrong_epoch", "bad_possession"; InputError.
    """
    candidate = read_set(data)
    following = candidate.document
    check_venue(following.venue, venue)
    before = papers.member_set(session, following.chain)
    # All that can be checked before the others have approved as well.
    check_member_set(candidate, before, papers.trust(session).params, quorum_lost=True)
    key = key_of(before, member, keys)
    row = session.get(ApprovedRow, (following.chain, following.version))
    if row is not None and row.digest != following.digest:
        raise ContextError("this member has approved another set of this version", code="already_approved")
    if row is None:
        session.add(ApprovedRow(chain=following.chain, version=following.version, digest=following.digest))
    mine = following.approve(member, key)
    others = tuple(approval for approval in candidate.approvals if approval.signer != member)
    return SignedMemberSet(members=candidate.members, approvals=(*others, mine))


def chain_digest_of(session: Session, chain: str, genesis: str | None) -> bytes:
    """The digest of a chain: by the registry, or before there is one by the hash of its genesis block.

    Raises: ContextError "no_registry", "unknown_chain"; InputError.
    """
    if genesis is None:
        return papers.registry(session).chain_of(chain).chain_digest
    try:
        return chain_digest(chain, canonical.from_hex(genesis, 32))
    except InputError:
        raise InputError("--genesis is 0x and the 64 hex digits of a block's hash", code="bad_genesis") from None
