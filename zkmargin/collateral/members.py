"""The attestors of one chain: who they are, how many must agree, and how one set follows another.

What counts is members, never keys: a member may have a key of each scheme and sign with both, and counts once. No key
is in two members, and every key has signed that it is this member's: nobody enters another's key as an own one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .. import canonical
from ..documents.base import Counter, Document, Hex32, Name, Part, PublicKey, unique
from ..documents.signed import Signed
from ..documents.trust import Trust
from ..errors import ContextError, InputError
from . import secp256k1
from .checkpoint import Checkpoint
from .fields import CompressedKey, Hex64, Hex65, MemberId
from .signatures import MemberSignature, Scheme, SigningKey, signed_by, signed_message, verify
from .venue import venue_id

MAX_MEMBERS = 64
MAX_MEMBER_SIGNATURES = 2 * MAX_MEMBERS
Signatures = Annotated[tuple[MemberSignature, ...], Field(max_length=MAX_MEMBER_SIGNATURES)]

_POSSESSION = "zkmargin/member-key/v1"
_APPROVAL = "zkmargin/member-set/v1"


class Member(Part):
    """One attestor. It has a key of at least one scheme; ``..._proof`` is that key's signature of ``possession``."""

    id: MemberId
    ed25519: PublicKey | None = None
    ed25519_proof: Hex64 | None = None
    secp256k1: CompressedKey | None = None
    secp256k1_proof: Hex65 | None = None

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        pairs = ((self.ed25519, self.ed25519_proof), (self.secp256k1, self.secp256k1_proof))
        if all(key is None for key, _ in pairs) or any((key is None) != (proof is None) for key, proof in pairs):
            raise ValueError("a member has a key of at least one scheme, each with its proof of possession")
        if self.secp256k1 is not None:
            try:
                secp256k1.check_public_key(canonical.from_hex(self.secp256k1))
            except InputError as error:
                raise ValueError(str(error)) from None
        return self

    @classmethod
    def of(cls, id: str, keys: Iterable[SigningKey], *, venue: str, chain: bytes) -> Member:
        """The entry of member ``id`` with its keys, each with its proof of possession. ``chain``: the digest."""
        fields = {"id": id}
        for key in keys:
            proof = key.sign(possession(venue_id(venue), chain, id, key.scheme, key.public))
            fields |= {key.scheme: key.public, f"{key.scheme}_proof": canonical.to_hex(proof)}
        return cls(**fields)

    @property
    def keys(self) -> dict[Scheme, tuple[str, str]]:
        """Key and proof of possession of every scheme that the member has."""
        found: dict[Scheme, tuple[str, str]] = {}
        if self.ed25519 and self.ed25519_proof:
            found["ed25519"] = (self.ed25519, self.ed25519_proof)
        if self.secp256k1 and self.secp256k1_proof:
            found["secp256k1"] = (self.secp256k1, self.secp256k1_proof)
        return found


def possession(venue: bytes, chain: bytes, id: str, scheme: Scheme, key: str) -> bytes:
    """What a key signs to enter a set, 32 bytes: venue id, digest of the chain, member, scheme, key."""
    return signed_message(_POSSESSION, venue, chain, id.encode(), scheme.encode(), canonical.from_hex(key))


class MemberSet(Document):
    """zkmargin/collateral-members/v1. Of N members, ``threshold`` M must sign, 2 M > N: two quorums share a member.

    It signs the checkpoints of ``chain`` (a digest) from ``from_epoch`` on, until the next version does.
    """

    SCHEMA: ClassVar[str] = "zkmargin/collateral-members/v1"
    schema_: Literal["zkmargin/collateral-members/v1"] = Field(default="zkmargin/collateral-members/v1", alias="schema")
    venue: Name
    chain: Hex32
    version: Counter
    threshold: Counter
    from_epoch: Counter
    members: tuple[Member, ...] = Field(min_length=1, max_length=MAX_MEMBERS)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unique([member.id for member in self.members], "a member's id")
        # Without sign bits: whoever knows the secret of a key knows that of its negative, so the two are one signer.
        unique([_without_sign(*entry) for entry in self._keys()], "a key")
        if not len(self.members) < 2 * self.threshold <= 2 * len(self.members):
            raise ValueError("the threshold is more than half of the members, and not above their number")
        return self

    @cached_property
    def venue_id(self) -> bytes:
        """The 32 bytes of the venue."""
        return venue_id(self.venue)

    @cached_property
    def approval(self) -> bytes:
        """What members of the set before sign to approve of this one, 32 bytes: it covers the whole document."""
        return signed_message(_APPROVAL, self.to_bytes())

    def approve(self, signer: str, key: SigningKey) -> MemberSignature:
        """The approval of this set by a member of the one before."""
        return signed_by(signer, key, self.approval)

    def verify_possession(self) -> None:
        """Accept only if every key signed that it is this member's. Raises: ContextError "bad_possession"."""
        chain = canonical.from_hex(self.chain)
        for member in self.members:
            for scheme, (key, proof) in member.keys.items():
                wanted = possession(self.venue_id, chain, member.id, scheme, key)
                try:
                    verify(scheme, key, wanted, canonical.from_hex(proof))
                except ContextError:
                    wrong = f"the proof of possession of a {scheme} key is wrong"
                    raise ContextError(wrong, code="bad_possession") from None

    def quorum(self, checkpoint: Checkpoint, signatures: Sequence[MemberSignature]) -> tuple[str, ...]:
        """The members that signed, once they are enough, for a checkpoint of this chain and this set.

        Raises: ContextError "wrong_chain", "wrong_set", and those of ``signers``.
        """
        if checkpoint.chain != self.chain:
            raise ContextError("the checkpoint is of another chain than the members", code="wrong_chain")
        if checkpoint.set_version != self.version or checkpoint.epoch < self.from_epoch:
            raise ContextError("the checkpoint is of another set of members", code="wrong_set")
        return self.signers(checkpoint.preimage(self.venue_id), signatures)

    def signers(self, message: bytes, signatures: Sequence[MemberSignature]) -> tuple[str, ...]:
        """The ids of the members that signed ``message``, in the order of the set, once they are ``threshold`` many.

        A signature that does not hold refuses the whole: it is never skipped.
        Raises: ContextError "unknown_member" (not in the set, or without a key of this scheme), "duplicate_signature"
                (a key signed twice), "too_few_signatures", "bad_signature", "high_s".
        """
        keys = {(member.id, scheme): key for member in self.members for scheme, (key, _) in member.keys.items()}
        claims = [(signature.signer, signature.scheme) for signature in signatures]
        if any(claim not in keys for claim in claims):
            raise ContextError("a signature is of no member, or of a key that it does not have", code="unknown_member")
        if len(set(claims)) != len(claims):
            raise ContextError("a key signed twice", code="duplicate_signature")
        named = {signer for signer, _ in claims}
        # Counted before anything is computed: what cannot be enough costs nothing.
        if len(named) < self.threshold:
            raise ContextError(f"signatures by {self.threshold} members are needed", code="too_few_signatures")
        for claim, signature in zip(claims, signatures, strict=True):
            verify(claim[1], keys[claim], message, canonical.from_hex(signature.sig))
        return tuple(member.id for member in self.members if member.id in named)

    def _keys(self) -> Iterator[tuple[Scheme, str]]:
        for member in self.members:
            for scheme, (key, _) in member.keys.items():
                yield scheme, key


class SignedMemberSet(Document):
    """zkmargin/collateral-set/v1: a set of members in the operator's envelope, and approvals by the set before it."""

    SCHEMA: ClassVar[str] = "zkmargin/collateral-set/v1"
    schema_: Literal["zkmargin/collateral-set/v1"] = Field(default="zkmargin/collateral-set/v1", alias="schema")
    members: dict[str, Any]
    approvals: Signatures = ()

    @model_validator(mode="after")
    def _members_are_a_set(self) -> Self:
        try:
            self.signed  # noqa: B018
        except InputError as error:
            raise ValueError(str(error)) from None
        return self

    @cached_property
    def signed(self) -> Signed[MemberSet]:
        """The set and its envelope; the signatures are not verified yet."""
        return Signed.from_value(self.members, MemberSet)

    @property
    def document(self) -> MemberSet:
        """The set; its signatures are not verified yet."""
        return self.signed.document


def verify_members(signed: Signed[MemberSet], trust: Trust) -> MemberSet:
    """The set, once a ``params`` key of its venue has signed it and every key is shown to be held. What it follows is
    not looked at: ``check_member_set`` does.

    Raises: ContextError "unsigned", "bad_signature" (also: another venue's keys), "bad_possession".
    """
    if signed.document.venue != trust.venue:
        raise ContextError("the members are of another venue than the trusted keys", code="bad_signature")
    members = signed.verify(trust.params)
    members.verify_possession()
    return members


def check_member_set(
    candidate: SignedMemberSet, before: MemberSet | None, params_keys: Collection[str], *, quorum_lost: bool = False
) -> MemberSet:
    """The set, once it may follow ``before`` (None: the chain's first), signed by the operator and by M of ``before``.

    Args:   params_keys: the operator's, of the trust document.   quorum_lost: the members before need not approve; who
            passes it has waited, and counts nothing of the chain meanwhile.
    Raises: ContextError "unsigned", "bad_signature", "bad_possession", "wrong_venue", "wrong_chain", "wrong_version",
            "wrong_epoch", and those of ``MemberSet.signers``.
    """
    following = candidate.signed.verify(params_keys)
    if following.version != (1 if before is None else before.version + 1):
        raise ContextError("the next set of members has the next version", code="wrong_version")
    if before is not None:
        if following.venue != before.venue:
            raise ContextError("the next set of members is of another venue", code="wrong_venue")
        if following.chain != before.chain:
            raise ContextError("the next set of members is of another chain", code="wrong_chain")
        if following.from_epoch <= before.from_epoch:
            raise ContextError("the next set of members begins at a later epoch", code="wrong_epoch")
        if not quorum_lost:
            before.signers(following.approval, candidate.approvals)
    following.verify_possession()
    return following


def _without_sign(scheme: Scheme, key: str) -> str:
    encoded = bytearray(canonical.from_hex(key))
    encoded[0 if scheme == "secp256k1" else -1] &= 0x7E if scheme == "secp256k1" else 0x7F
    return encoded.hex()
