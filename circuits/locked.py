"""Collateral on other chains, in a statement: locks whose hidden amounts attestors have checked.

    V_j = v_j G + gamma_j H,   0 <= v_j < 2^bits by attestation       a commitment each, no slot and no row of its own
    slack + sum_j min(A_j, L_j) v_j                                   where cash0 counts, and counts once
    sum of v_j of a class + u = cap,   sum of A_j v_j of a chain + u = cap       if the locks could be above the cap

A_j is public, in atto for one lot: the request names it, and the proof stands for as long as nobody has to count less.
L_j is what a lot is worth, after the haircut of its class, at the low end of the claim's own box: a claim about a move
of prices moves those of locks too.
Where a claim needs what the account has on the venue itself, locks count for nothing (models.BESIDE), nor do they in
isolated positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import attrgetter

from zkmargin.bundle import Collateral, Request
from zkmargin.canonical import from_hex, parse_decimal
from zkmargin.collateral import AssetClass, Chains, after_haircut, commitment_point
from zkmargin.documents import CASH_LABEL, Params
from zkmargin.errors import ContextError, WitnessError
from zkmargin.group import Point

from .boxes import ATTO, PriceBox
from .claims import Claim
from .markets import RiskParameters
from .program import ONE, Form, Hidden, Program


@dataclass(frozen=True, slots=True)
class Lock:
    """What a relation knows of a lock: its class, its range, what a lot counts, and the caps that it falls under."""

    class_: str
    chain: str
    bits: int
    coefficient_atto: int
    asset: AssetClass
    class_cap_lots: int
    chain_cap_atto: int


def locks_of(request: Request, params: Params, registry: Chains | None) -> tuple[Lock, ...]:
    """The locks of an untrusted request, in its order, which is that of their tags.

    Raises: ContextError "unknown_registry" (none, or another than the request's), "wrong_venue", "wrong_quote",
            "unknown_class".
    """
    if request.collateral is None:
        return ()
    if registry is None or request.collateral.registry != registry.digest:
        raise ContextError("the request refers to another registry of collateral", code="unknown_registry")
    if registry.venue != params.venue:
        raise ContextError("the registry of collateral is another venue's", code="wrong_venue")
    if registry.quote != params.quote:
        raise ContextError("the registry of collateral counts in another currency", code="wrong_quote")
    return tuple(_lock(counted.class_, int(counted.coefficient), registry) for counted in request.collateral.locks)


def _lock(name: str, coefficient_atto: int, registry: Chains) -> Lock:
    class_ = registry.class_of(name)
    chain = registry.chain_of(class_.chain)
    cap = parse_decimal(chain.cap) * ATTO
    cap_atto = cap.numerator // cap.denominator
    return Lock(name, chain.chain, class_.bits, coefficient_atto, class_, class_.cap_lots, cap_atto)


def labels_of(collateral: Collateral | None) -> tuple[str, ...]:
    """The labels of the locks: what their openings are found by."""
    return () if collateral is None else tuple(lock.label for lock in collateral.locks)


def points_of(collateral: Collateral | None) -> tuple[Point, ...]:
    """The commitments. Raises: EncodingError "bad_commitment": not a point, or the identity, which anybody opens."""
    return () if collateral is None else tuple(commitment_point(from_hex(lock.commitment)) for lock in collateral.locks)


def hidden(locks: Sequence[Lock]) -> tuple[Hidden, ...]:
    """The hidden amounts, in lots; they follow what the account has on the venue."""
    return tuple(Hidden(f"lock/{i}", "attested", (1 << lock.bits) - 1) for i, lock in enumerate(locks))


def coefficients(locks: Sequence[Lock], claim: Claim, params: RiskParameters, box: PriceBox) -> tuple[int, ...]:
    """What a lot of each lock counts in ``claim``, which has to hold over ``box``: min(A, L), in atto.

    L is of the price of the class where it is that of a market of the parameters; no box says anything of others.
    Raises: ContextError "claim_not_allowed": every price moves, and nothing says how low that of a class gets.
    """
    counted = []
    at = {market.name: i for i, market in enumerate(params.markets) if market.contract is None}
    for lock in locks:
        i = at.get(lock.asset.price)
        if i is None:
            if claim.kind == "survives" and claim.market is None:
                raise ContextError(
                    "a claim about a move of every price cannot count locks that are priced outside of the markets",
                    code="claim_not_allowed",
                )
            counted.append(lock.coefficient_atto)
            continue
        low = Fraction(box[i].low, params.markets[i].atto_per_lot)
        least_atto = after_haircut(lock.asset.price_per_lot_atto(low), lock.asset.haircut_ppm)
        counted.append(min(lock.coefficient_atto, least_atto))
    return tuple(counted)


def count(locks: Sequence[Lock], program: Program, forms: Sequence[tuple[Form, Sequence[int]]]) -> None:
    """Add the locks, the last hidden values of ``program``, to the forms that cash0 counts in, each at the coefficients
    that stand beside it; and add the caps."""
    first = program.J - len(locks)
    cash = next(j for j, value in enumerate(program.hidden) if value.label == CASH_LABEL)
    for form, counted in forms:
        # Not by what the rule is called: a form without cash0 bounds something else, and one with -cash0 bounds it
        # from above, where a lock may not count.
        if form.get(cash) == 1:
            form.update({first + i: coefficient for i, coefficient in enumerate(counted)})
    for cap in _caps(locks):
        left = {first + i: -weight for i, weight in cap.weights.items()}
        program.require(left | {ONE: cap.most}, cap.most.bit_length())


def check_caps(locks: Sequence[Lock], lots: Sequence[int]) -> None:
    """Raises: WitnessError "over_cap", without amounts: the account counts more of a class or chain than is allowed."""
    for cap in _caps(locks):
        if sum(weight * lots[i] for i, weight in cap.weights.items()) > cap.most:
            raise WitnessError(f"the locks are above the cap of {cap.of}: leave some out", code="over_cap")


@dataclass(frozen=True, slots=True)
class _Cap:
    """The sum of weight * lots over the locks of ``weights`` is at most ``most``."""

    of: str
    weights: dict[int, int]
    most: int


def _caps(locks: Sequence[Lock]) -> Iterator[_Cap]:
    """The caps that these locks could be above, classes before chains, in the order of their names."""
    yield from _by(locks, attrgetter("class_"), attrgetter("class_cap_lots"), lambda _: 1)
    yield from _by(locks, attrgetter("chain"), attrgetter("chain_cap_atto"), attrgetter("coefficient_atto"))


def _by(
    locks: Sequence[Lock], name: Callable[[Lock], str], most: Callable[[Lock], int], weight: Callable[[Lock], int]
) -> Iterator[_Cap]:
    for of in sorted(set(map(name, locks))):
        members = [i for i, lock in enumerate(locks) if name(lock) == of]
        cap = _Cap(of, {i: weight(locks[i]) for i in members}, most(locks[members[0]]))
        if sum(cap.weights[i] << locks[i].bits for i in members) > cap.most:
            yield cap
