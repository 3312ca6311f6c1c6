"""The shapes of answers, for the OpenAPI description. What is sent is built as plain values and canonical JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from zkmargin.collateral import SignedCheckpoint, SignedMemberSet
from zkmargin.documents import Policy
from zkmargin.documents.base import Digest, Name, PublicKey, Time


class Answer(BaseModel):
    """Base of all answers: no other members."""

    model_config = ConfigDict(extra="forbid")


class Signature(Answer):
    """One signature of an envelope; ``keyid`` is the public key."""

    keyid: PublicKey
    sig: str


class SignedDocument(Answer):
    """A DSSE v1 envelope around a document of docs/formats.md."""

    payloadType: str
    payload: str
    signatures: list[Signature]


class OracleRound(Answer):
    """A completed round: the reports that made it."""

    schema_: Literal["zkmargin/round/v1"] = Field(alias="schema")
    reports: list[SignedDocument]


class Health(Answer):
    """The service and its database work."""

    status: Literal["ok"]


class Identity(Answer):
    """Who this verifier is, and what it accepts."""

    audience: Name
    receipt_key: PublicKey
    policy: Policy


class Publication(Answer):
    """A document is published."""

    version: int
    digest: Digest


class Report(Answer):
    """How far the round of a report is."""

    round: int
    status: Literal["pending", "complete"]
    reports: int
    needed: int
    digest: Digest | None


class StatePut(Answer):
    """A state is the account's current one, or was."""

    account: Digest
    seq: int
    state_digest: Digest


class AccountStatus(Answer):
    """zkmargin/status/v1."""

    schema_: Literal["zkmargin/status/v1"] = Field(alias="schema")
    account: Digest
    seq: int
    status: Literal["unproven", "live", "stale", "liquidatable"]
    reason: str | None
    since_round: int | None
    deadline: Time | None
    round: int | None
    claim: str | None


class AccountPage(Answer):
    """Accounts in the order of their identifiers."""

    items: list[AccountStatus]
    next: str | None


class Verdict(Answer):
    """The decision on a submission."""

    bundle: Digest
    verdict: Literal["accepted"]
    reason: Literal["ok"]
    receipt: SignedDocument


class SubmissionSummary(Answer):
    """An accepted submission."""

    bundle: Digest
    account: Digest
    seq: int
    round: int
    claim: str
    expiry: Time
    decided: Time


class SubmissionPage(Answer):
    """Accepted submissions, the oldest first."""

    items: list[SubmissionSummary]
    next: str | None


class CheckpointTaken(Answer):
    """What became of a checkpoint: how many locks are new, renewed and revoked by it. Passed over are leaves of a tag
    that is another account's, commitment's or class's, and of locks that are over. Not accepted: the chain does not go
    by it, and it is kept as evidence."""

    chain: str
    epoch: int
    digest: Digest
    accepted: bool
    frozen: bool
    registered: int
    renewed: int
    revoked: int
    double_pledges: int
    over: int


class ChainState(Answer):
    """A chain of the registry. Frozen: its attestors signed two checkpoints of one epoch, and nothing on it counts."""

    chain: str
    members_version: int | None
    epoch: int | None
    checkpoint: Digest | None
    height: int | None
    block_time: Time | None
    expiry: Time | None
    frozen: bool


class ChainList(Answer):
    """Every chain of the registry."""

    items: list[ChainState]


class MemberSetList(Answer):
    """The attestors of a chain, the newest version first."""

    items: list[SignedMemberSet]


class EpochCheckpoint(Answer):
    """A checkpoint with its signatures and revocations, without leaves; not accepted: it contradicts the one that
    was."""

    digest: Digest
    accepted: bool
    file: SignedCheckpoint


class CheckpointList(Answer):
    """The checkpoints of an epoch, the accepted one first."""

    items: list[EpochCheckpoint]


class ClassState(Answer):
    """A class of collateral: the greatest coefficient at which a lock of the newest checkpoint may count, in 10^-18
    quote units a lot, and how many locks count: what one of them hides among."""

    class_: str = Field(alias="class")
    chain: str
    allowed_atto_per_lot: str
    off_peg: bool
    locks: int


class ClassList(Answer):
    """Every class of the registry."""

    items: list[ClassState]


class CollateralLockState(Answer):
    """A lock, by its tag."""

    tag: Digest
    class_: str = Field(alias="class")
    chain: str
    state: Literal["final", "expired", "reorged", "released", "seized"]
    frozen: bool
    first_epoch: int
    epoch: int
    expiry: Time


class FieldProblem(Answer):
    """Where a parameter is wrong, and why."""

    loc: list[str]
    msg: str


class Problem(Answer):
    """RFC 9457. ``verdict`` and ``receipt`` on refused submissions, ``errors`` on bad parameters."""

    type: Literal["about:blank"]
    title: str
    status: int
    code: str
    detail: str
    verdict: Literal["refused"] | None = None
    receipt: SignedDocument | None = None
    errors: list[FieldProblem] | None = None
