"""What a checker accepts, apart from whether the proof verifies: keys, audience, round, claims, box, times.

``verify_bundle`` is all that an offline checker does. Its parts are small functions of plain values, so that a service
can ask the same questions of its own state. Reason codes: docs/margin.md, "Policy".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from zkmargin.bundle import Bundle
from zkmargin.canonical import parse_decimal, parse_time
from zkmargin.documents import Params, Policy, Round, Signed, State, verify_attestation
from zkmargin.errors import ContextError

from .boxes import Band, PriceBox, box_around, within
from .claims import Claims
from .evidence import Evidence, check_evidence
from .markets import RiskParameters
from .prices import prices_of
from .statement import build

CLOCK_SKEW_S = 60
"""How far in the future a round may lie: clocks differ."""


@dataclass(frozen=True)
class Verified:
    """What a bundle proved. ``unattested``: at least one document was taken on the word of whoever sent it.

    ``covers_maintenance``: whether the claim implies the maintenance requirement; health>=0.1 is a claim too.
    """

    account: str
    seq: int
    claims: Claims
    box: PriceBox = field(repr=False)
    round_number: int
    expiry: str
    params_digest: str
    unattested: bool
    covers_maintenance: bool


def verify_bundle(
    bundle: Bundle,
    *,
    policy: Policy | None,
    params: Signed[Params],
    round: Round,
    now_unix_s: int,
    allow_unattested: bool = False,
    collateral: Evidence | None = None,
) -> Verified:
    """Accept only if the bundle proves its claim under the checker's own parameters, round and policy.

    Args:   bundle: untrusted. params, round: the checker's own; the bundle's copies are not used.
            policy: whose signatures count, and the limits. Without one no signature counts, so that
            ``allow_unattested`` is needed, and neither audience, age nor width is limited.
            allow_unattested: take documents that lack a trusted signature, and say so in the result. A wrong signature
            by a trusted key is refused all the same. Locks without evidence are such documents too.
            collateral: the checker's own registry, and what it knows of locks; needed by a bundle that counts some.
    Raises: VerificationError with a reason code. InputError if the checker's own round lacks a price.
    Cost:   one verification; everything cheap comes first.
    """
    request, now = bundle.request, now_unix_s
    parameters = RiskParameters.from_document(params.document)
    unattested = _check_signatures(bundle.state, params, round, policy, allow_unattested)
    if request.collateral is not None and collateral is None:
        raise ContextError(
            "the bundle counts collateral on other chains: give the registry, and evidence of the locks",
            code="collateral_unattested",
        )
    if (request.round, request.round_number) != (round.digest, round.number) or round.venue != parameters.venue:
        raise ContextError("the bundle refers to another oracle round than yours", code="unknown_round")
    check_expiry(parse_time(request.expiry), now, None if policy is None else policy.max_expiry_s)
    registry = None if collateral is None else collateral.registry.document
    statement = build(request, bundle.state.document, params.document, round, registry)
    if request.collateral is not None and collateral is not None:
        trust = None if policy is None else policy.trust
        missing = _missing(lambda: collateral.check_signatures(trust), "unsigned", allow_unattested)
        unattested |= check_evidence(request, collateral, round, now, allow_missing=allow_unattested) or missing
    prices = prices_of(round, parameters)
    check_prices(parameters.box(prices), statement.box)
    if policy is not None:
        check_audience(request.audience, policy.audience)
        check_claims(statement.claims, policy.claims)
        check_round_age(round.time_unix_s, now, policy.max_round_age_s)
        check_width(statement.box, widest_box(prices, parameters, policy.max_box_percent))
    statement.verify(bundle.proof)
    return Verified(
        account=request.account,
        seq=request.seq,
        claims=statement.claims,
        box=statement.box,
        round_number=round.number,
        expiry=request.expiry,
        params_digest=params.digest,
        unattested=unattested,
        covers_maintenance=statement.claims.implies_maintenance(parameters.at(statement.box)),
    )


def check_audience(asked: str, audience: str) -> None:
    """Raises: ContextError "wrong_audience": made for someone else."""
    if asked != audience:
        raise ContextError("the bundle was made for another audience", code="wrong_audience")


def check_claims(claims: Claims, allowed: Collection[str]) -> None:
    """Raises: ContextError "claim_not_allowed"."""
    refused = sorted(claims.kinds - set(allowed))
    if refused:
        raise ContextError(f"the policy does not accept the claim {refused[0]}", code="claim_not_allowed")


def check_expiry(expiry_unix_s: int, now_unix_s: int, max_expiry_s: int | None) -> None:
    """A proof is good before its expiry, not at it.

    Raises: ContextError "expired", "expiry_too_far".
    """
    if now_unix_s >= expiry_unix_s:
        raise ContextError("the bundle has expired", code="expired")
    if max_expiry_s is not None and expiry_unix_s > now_unix_s + max_expiry_s:
        raise ContextError(f"the expiry is more than {max_expiry_s} seconds away", code="expiry_too_far")


def check_round_age(round_unix_s: int, now_unix_s: int, max_age_s: int) -> None:
    """Raises: ContextError "old_round": older than allowed, or so far in the future that it would never be old."""
    if now_unix_s > round_unix_s + max_age_s:
        raise ContextError(f"the oracle round is more than {max_age_s} seconds old", code="old_round")
    if round_unix_s > now_unix_s + CLOCK_SKEW_S:
        raise ContextError("the oracle round lies in the future", code="old_round")


def check_prices(prices: PriceBox, box: PriceBox) -> None:
    """Lower and upper median of every price and funding index lie in the box.

    Raises: ContextError "price_outside_box".
    """
    if not within(prices, box):
        raise ContextError("a price or funding index of the round is outside the box", code="price_outside_box")


def widest_box(prices: Sequence[Band], parameters: RiskParameters, max_percent: str) -> PriceBox:
    """The widest box that a policy of ``max_percent`` allows around ``prices``; more than 100 percent counts as 100."""
    return parameters.box(box_around(prices, min(parse_decimal(max_percent), Fraction(100))))


def check_width(box: PriceBox, widest: PriceBox) -> None:
    """The box lies within ``box_around(prices, max_box_percent)``.

    Raises: ContextError "box_too_wide".
    """
    if not within(box, widest):
        raise ContextError("the box is wider around the prices than the policy allows", code="box_too_wide")


def _check_signatures(
    state: Signed[State], params: Signed[Params], round: Round, policy: Policy | None, allow_unattested: bool
) -> bool:
    """Whether a document had to be taken without a trusted signature."""
    if policy is None:
        if not allow_unattested:
            raise ContextError(
                "without a policy no key is trusted: give one, or allow unattested documents", code="unattested"
            )
        return True
    # The round is of the trusted venue (round.verify), the parameters of the round's and the state of the parameters'.
    trust = policy.trust
    missing = [
        _missing(lambda: params.verify(trust.params), "unsigned", allow_unattested),
        _missing(lambda: round.verify(trust), "unsigned", allow_unattested),
        _missing(lambda: verify_attestation(state, trust), "unattested", allow_unattested),
    ]
    return any(missing)


def _missing(check: Callable[[], object], code: str, allowed: bool) -> bool:
    """Whether signatures are missing; if that is not ``allowed``, ``code`` says of what."""
    try:
        check()
    except ContextError as error:
        if error.code != "unsigned":
            raise
        if not allowed:
            raise ContextError(str(error), code=code) from None
        return True
    return False
