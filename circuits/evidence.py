"""What an offline checker knows of locks on other chains, and what it asks of those that a bundle counts.

A proof does not show that a lock exists, whose it is, or that it is worth what a lot counts: attestors and the round
do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from zkmargin.bundle import CountedLock, Request
from zkmargin.canonical import from_hex, parse_decimal, to_hex
from zkmargin.collateral import (
    AssetClass,
    ChainEntry,
    Chains,
    CollateralLock,
    Leaf,
    MemberSet,
    after_haircut,
    check_lock,
    verify_members,
    verify_registry,
)
from zkmargin.documents import Round, Signed, Trust
from zkmargin.documents.signed import all_signed
from zkmargin.errors import ContextError, InputError


@dataclass(frozen=True)
class Evidence:
    """The checker's own registry, and by their tags, in hex, the leaves of locks that it has checked.

    ``sets``: the members that attested those leaves, as far as it is still to be verified who signed the sets.
    """

    registry: Signed[Chains]
    leaves: Mapping[str, Leaf] = field(default_factory=dict, repr=False)
    sets: tuple[Signed[MemberSet], ...] = ()

    @classmethod
    def of(
        cls,
        registry: Signed[Chains],
        members: Mapping[str, MemberSet],
        locks: Iterable[CollateralLock],
        *,
        now_unix_s: int,
    ) -> Evidence:
        """The leaves of ``locks``; ``members`` of each chain, by its CAIP-2 id, are the checker's own.

        Raises: ContextError "no_members", and whatever ``check_lock`` raises.
        """
        leaves = {}
        for lock in locks:
            if lock.chain not in members:
                raise _no_members()
            leaf = check_lock(lock, registry.document, members[lock.chain], now_unix_s=now_unix_s)
            leaves[to_hex(leaf.tag)] = leaf
        return cls(registry, leaves)

    @classmethod
    def of_signed(
        cls,
        registry: Signed[Chains],
        sets: Iterable[Signed[MemberSet]],
        locks: Iterable[CollateralLock],
        *,
        now_unix_s: int,
    ) -> Evidence:
        """As ``of``, with ``sets`` in the operator's envelopes: each lock by that of them which is in force at its
        epoch. Sets before them are not needed: a parameter key vouches for each. ``check_signatures`` asks for it.

        Raises: as ``of``.
        """
        known, leaves, used = tuple(sets), dict[str, Leaf](), dict[str, Signed[MemberSet]]()
        for lock in locks:
            chain = to_hex(registry.document.chain_of(lock.chain).chain_digest)
            signed = _in_force(known, chain, lock.checkpoint.epoch)
            used[signed.digest] = signed
            leaves |= cls.of(registry, {lock.chain: signed.document}, [lock], now_unix_s=now_unix_s).leaves
        return cls(registry, leaves, tuple(used.values()))

    def check_signatures(self, trust: Trust | None) -> None:
        """The registry, and every set that was used, is signed. Without keys to trust nothing is asked.

        Raises: ContextError "unsigned", "bad_signature", "bad_possession".
        """
        if trust is not None:
            sets = (partial(verify_members, signed, trust) for signed in self.sets)
            all_signed(partial(verify_registry, self.registry, trust), *sets)


def check_evidence(
    request: Request, evidence: Evidence, round: Round, now_unix_s: int, *, allow_missing: bool = False
) -> bool:
    """Whether evidence of a lock is missing, which has to be allowed. All of it that is there must hold now.

    Raises: ContextError "collateral_unattested", "collateral_mismatch" (the lock of this tag is another account's, or
            has another commitment or class), "collateral_expired", "collateral_coefficient" (a lot counts for more
            than it may at this round). InputError "missing_price": the round does not price a class.
    """
    registry = evidence.registry.document
    missing = False
    for lock in () if request.collateral is None else request.collateral.locks:
        class_ = registry.class_of(lock.class_)
        chain, leaf = registry.chain_of(class_.chain), evidence.leaves.get(lock.tag)
        if leaf is None:
            if not allow_missing:
                raise ContextError("a lock that the bundle counts has no evidence", code="collateral_unattested")
            missing, age_s = True, 0
        else:
            _check_leaf(leaf, lock, request.account, registry, class_, chain)
            if now_unix_s >= leaf.expiry:
                raise ContextError("the evidence of a lock has expired", code="collateral_expired")
            age_s = now_unix_s - (leaf.expiry - chain.max_age_s)
        if int(lock.coefficient) > allowed_atto(class_, chain, round, age_s):
            raise ContextError(
                "a lot of a lock counts for more than its price after haircuts", code="collateral_coefficient"
            )
    return missing


def allowed_atto(class_: AssetClass, chain: ChainEntry, round: Round, age_s: int) -> int:
    """The greatest coefficient at this round, of a lock that was seen so many seconds ago: the lower median, less the
    haircuts of the class, of its age, and of a price that is off its peg in this round.

    Raises: InputError "missing_price".
    """
    if class_.price not in round.prices:
        raise InputError(f"the round has no price of {class_.price}", code="missing_price")
    price, _ = round.prices[class_.price]
    haircut_ppm = class_.haircut_ppm + chain.age_haircut_ppm(age_s)
    if class_.peg is not None and price * 10**6 < parse_decimal(class_.peg.price) * (10**6 - class_.peg.below_ppm):
        haircut_ppm += class_.peg.haircut_ppm
    return after_haircut(class_.price_per_lot_atto(price), haircut_ppm)


def _check_leaf(
    leaf: Leaf, lock: CountedLock, account: str, registry: Chains, class_: AssetClass, chain: ChainEntry
) -> None:
    counted = (registry.venue_id, from_hex(account, 32), from_hex(lock.tag, 32), from_hex(lock.commitment))
    of_class = (chain.chain_digest, from_hex(chain.vault), from_hex(class_.asset), class_.lot_units, class_.bits)
    attested = (leaf.venue, leaf.account, leaf.tag, leaf.commitment)
    if attested != counted or (leaf.chain, leaf.vault, leaf.asset, leaf.lot, leaf.bits) != of_class:
        raise ContextError(
            "the evidence of a lock is of another account, commitment or class than the bundle's",
            code="collateral_mismatch",
        )


def _in_force(sets: Iterable[Signed[MemberSet]], chain: str, epoch: int) -> Signed[MemberSet]:
    """The latest of ``sets`` that has begun at ``epoch``: those before it sign nothing from there on."""
    begun = [signed for signed in sets if signed.document.chain == chain and signed.document.from_epoch <= epoch]
    if not begun:
        raise _no_members()
    return max(begun, key=lambda signed: signed.document.version)


def _no_members() -> ContextError:
    return ContextError("the members that attest on this chain are not known", code="no_members")
