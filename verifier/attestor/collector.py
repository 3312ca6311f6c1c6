"""The collector: asks the attestors of a chain what they see, proposes what enough of them see, gathers signatures.

It is believed in nothing: a checkpoint is what its signatures say. A collector can leave out what it likes, and need
not be the only one: whoever has the tokens can be another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from verifier import remote
from verifier.errors import Unavailable
from zkmargin import canonical
from zkmargin.collateral import FIRST_PREVIOUS, Checkpoint, MemberSignature
from zkmargin.collateral.evidence import SignedCheckpoint, check_checkpoint
from zkmargin.collateral.members import MemberSet
from zkmargin.collateral.merkle import leaf_hash, root
from zkmargin.collateral.registry import ChainEntry, Chains
from zkmargin.collateral.revocation import revoked_root
from zkmargin.collateral.signatures import verify
from zkmargin.errors import ContextError, ZkMarginError

from .choice import Offer, choose
from .messages import Candidates, ChainState, Passed, Proposal
from .survey import first_of, pressing

ANSWER_S = 90.0
"""A member that takes longer has not answered. More than a request may take."""

T = TypeVar("T")


class Attestor(Protocol):
    """What a collector asks of a member. Raises: ZkMarginError, whatever is wrong with it."""

    def state(self, chain: str) -> ChainState:
        """How far it is."""

    def candidates(self, chain: str, epoch: int) -> Candidates:
        """What it would sign."""

    def sign(self, chain: str, proposal: Proposal) -> MemberSignature:
        """Its signature."""


@dataclass(frozen=True)
class RemoteAttestor:
    """An attestor at its address. ``token``: the content of its collector.token, without 0x."""

    url: str
    token: str = field(repr=False)

    def state(self, chain: str) -> ChainState:
        """How far it is."""
        return ChainState.from_value(remote.get(self.url, f"/v1/chains/{chain}", token=self.token))

    def candidates(self, chain: str, epoch: int) -> Candidates:
        """What it would sign."""
        path = f"/v1/chains/{chain}/candidates?epoch={epoch}"
        return Candidates.from_value(remote.get(self.url, path, token=self.token))

    def sign(self, chain: str, proposal: Proposal) -> MemberSignature:
        """Its signature."""
        path = f"/v1/chains/{chain}/checkpoints"
        return MemberSignature.from_value(remote.post(self.url, path, proposal.to_bytes(), token=self.token))


@dataclass(frozen=True)
class Collected:
    """A checkpoint with the signatures of a quorum, and what was wrong with each member that did not sign it."""

    file: SignedCheckpoint
    troubles: Mapping[str, str]
    """Code by member."""


def collect(
    chain: str,
    attestors: Mapping[str, Attestor],
    registry: Chains,
    sets: Sequence[MemberSet],
    previous: SignedCheckpoint | None,
    *,
    now_unix_s: int,
) -> Collected:
    """The next checkpoint of ``chain`` (CAIP-2): at the newest epoch that enough members see as final.

    Args:   attestors: by member id.   sets: the sets of this chain.   previous: the newest checkpoint, None before the
            first; its leaves are not needed.
    Raises: ContextError "unknown_chain", "no_new_epoch" (ask again later), those of ``check_checkpoint``.
            Unavailable "no_quorum": too few members answer, agree or sign; the sentence has the code of each.
    """
    entry = registry.chain_of(chain)
    asked = _Asked(attestors)
    states = asked.every(attestors, lambda attestor: attestor.state(chain))
    last = 0 if previous is None else previous.checkpoint.epoch
    epoch, members = _next_epoch(states, sets, last, asked)
    able = [m for m, state in states.items() if state.signed_epoch < epoch <= state.newest_epoch]
    offers = _of_one_block(asked.every(able, lambda attestor: attestor.candidates(chain, epoch)), entry, members, epoch)
    chosen = choose(
        {member: Offer(set(offer.leaves), pressing(offer.revocations)) for member, offer in offers.items()},
        [member.id for member in members.members], members.threshold, epoch, last,
    )  # fmt: skip
    if not chosen:
        raise asked.no_quorum()
    proposal = _proposal([offers[member] for member in chosen], entry, members, previous)
    # Not only those who were chosen: one of them may fail now, and another one have seen the same.
    signers = [member for member, offer in offers.items() if _covers(offer, proposal)]
    given = asked.every(signers, lambda attestor: attestor.sign(chain, proposal))
    signatures = [given[member] for member in sorted(given) if asked.holds(member, given[member], proposal, members)]
    if len(signatures) < members.threshold:
        raise asked.no_quorum()
    file = SignedCheckpoint(
        checkpoint=proposal.checkpoint, signatures=tuple(signatures),
        leaves=proposal.leaves, revocations=proposal.revocations,
    )  # fmt: skip
    check_checkpoint(file, registry, members, now_unix_s=now_unix_s)
    return Collected(file, asked.troubles)


class _Asked:
    """Members, asked all at once, and what was wrong with those that gave no answer."""

    def __init__(self, attestors: Mapping[str, Attestor]) -> None:
        self._attestors = attestors
        self.troubles: dict[str, str] = {}

    def every(self, members: Iterable[str], ask: Callable[[Attestor], T]) -> dict[str, T]:
        """The answers of those that answer in time. What one of them does is never another's trouble."""
        names = sorted(members)
        pool = ThreadPoolExecutor(max_workers=max(1, len(names)))
        futures = {name: pool.submit(ask, self._attestors[name]) for name in names}
        wait(futures.values(), timeout=ANSWER_S)
        pool.shutdown(wait=False)  # nobody waits for one that hangs
        answers = {}
        for name, future in futures.items():
            try:
                answers[name] = future.result(timeout=0)
            except TimeoutError:
                self.troubles[name] = "no_answer"
            except ZkMarginError as error:
                self.troubles[name] = error.code
        return answers

    def holds(self, member: str, signature: MemberSignature, proposal: Proposal, members: MemberSet) -> bool:
        """Whether this is the member's own signature: a wrong one among others would refuse the whole checkpoint."""
        key = next((entry.keys.get(signature.scheme) for entry in members.members if entry.id == member), None)
        try:
            if key is None or signature.signer != member:
                raise ContextError("the signature is of no key of this member", code="unknown_member")
            message = proposal.checkpoint.preimage(members.venue_id)
            verify(signature.scheme, key[0], message, canonical.from_hex(signature.sig))
        except ContextError as error:
            self.troubles[member] = error.code
            return False
        return True

    def no_quorum(self) -> Unavailable:
        """The error for too few answers."""
        told = ", ".join(f"{member}: {code}" for member, code in sorted(self.troubles.items()))
        return Unavailable(
            f"too few attestors answer, see the same block, and sign ({told or 'none says why'})", code="no_quorum"
        )


def _next_epoch(
    states: Mapping[str, ChainState], sets: Sequence[MemberSet], last: int, asked: _Asked
) -> tuple[int, MemberSet]:
    """The newest epoch that enough members of its set see as final and have not signed, and that set."""
    seen = sorted({state.newest_epoch for state in states.values()}, reverse=True)
    for epoch in (epoch for epoch in seen if epoch > last):
        members = max((s for s in sets if s.from_epoch <= epoch), key=lambda s: s.version, default=None)
        if members is None:
            continue
        ids = {member.id for member in members.members}
        able = [m for m, state in states.items() if m in ids and state.signed_epoch < epoch <= state.newest_epoch]
        if len(able) >= members.threshold:
            return epoch, members
    newest = max(sets, key=lambda s: s.version, default=None)
    if newest is None:
        raise ContextError("no set of attestors of this chain is known", code="unknown_set")
    if len(states) < newest.threshold:
        raise asked.no_quorum()
    raise ContextError("enough attestors have not seen a new epoch as final yet", code="no_new_epoch")


def _of_one_block(
    offers: Mapping[str, Candidates], entry: ChainEntry, members: MemberSet, epoch: int
) -> dict[str, Candidates]:
    """The offers of the members that see the same block: of the one that most of them see."""
    wanted = (members.chain, members.version, epoch, epoch * entry.epoch_blocks)
    ids = {member.id for member in members.members}
    blocks: dict[tuple[str, int], dict[str, Candidates]] = {}
    for member, offer in offers.items():
        if member in ids and (offer.chain, offer.set_version, offer.epoch, offer.height) == wanted:
            blocks.setdefault((offer.block_hash, offer.block_time), {})[member] = offer
    return max(blocks.values(), key=len, default={})


def _proposal(
    offers: Sequence[Candidates], entry: ChainEntry, members: MemberSet, previous: SignedCheckpoint | None
) -> Proposal:
    """What all of ``offers`` have: leaves by their hashes, and as many revocations as there is room for."""
    first = offers[0]
    common = set(first.leaves).intersection(*(offer.leaves for offer in offers))
    hashed = sorted((leaf_hash(canonical.from_hex(leaf)), leaf) for leaf in common)
    revoked = set(first.revocations).intersection(*(offer.revocations for offer in offers))
    revocations = first_of(revoked)
    before = FIRST_PREVIOUS
    passed = None
    if previous is not None:
        before = canonical.to_hex(previous.checkpoint.signing_digest(members.venue_id))
        passed = Passed(
            checkpoint=previous.checkpoint, signatures=previous.signatures, revocations=previous.revocations
        )
    checkpoint = Checkpoint(
        chain=members.chain, set_version=members.version, epoch=first.epoch, height=first.height,
        block_hash=first.block_hash, block_time=first.block_time, expiry=first.block_time + entry.max_age_s,
        leaf_count=len(hashed), leaf_root=canonical.to_hex(root([leaf for leaf, _ in hashed])),
        revoked_root=canonical.to_hex(revoked_root(revocations)), previous=before,
    )  # fmt: skip
    leaves = tuple(leaf for _, leaf in hashed)
    return Proposal(checkpoint=checkpoint, leaves=leaves, revocations=revocations, previous=passed)


def _covers(offer: Candidates, proposal: Proposal) -> bool:
    return set(proposal.leaves) <= set(offer.leaves) and set(proposal.revocations) <= set(offer.revocations)
