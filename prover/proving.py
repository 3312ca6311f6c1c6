"""From a state with its openings to a bundle: the request, the statement, the proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from circuits import calculators, locked, statement
from circuits.boxes import ATTO, Band, box_around
from circuits.claims import Claim, Claims
from circuits.holdings import Holdings
from circuits.markets import RiskParameters
from circuits.prices import box_entries
from zkmargin import canonical
from zkmargin.bundle import Bundle, Request
from zkmargin.documents import Account, Openings, Signed, State
from zkmargin.pedersen import ZERO

from .collateral.counting import Counted
from .commit import Identity, next_state
from .errors import NotProvable
from .public import Public

DEFAULT_EXPIRY_S = 86400
OFFLINE_AUDIENCE = "anyone"


@dataclass(frozen=True)
class Wish:
    """What the holder wants to prove, and to whom. From ``expiry_unix_s`` on the bundle is refused."""

    claims: Claims
    box_percent: Fraction
    audience: str
    expiry_unix_s: int


def prove(
    state: Signed[State],
    openings: Openings,
    public: Public,
    wish: Wish,
    *,
    around: Sequence[Band] | None = None,
    counted: Counted | None = None,
) -> Bundle:
    """Prove ``wish`` about ``state`` at the prices of ``public``.

    Args:   around: prices to make the box around, if not those of the round.   counted: locks on other chains.
    Raises: NotProvable: the claim does not hold over the whole box; tells the shortfall, for the holder's own screen.
            WitnessError "above_range".   InputError, ContextError: state, parameters and round do not fit each other.
    """
    document = state.document
    request = Request(
        audience=wish.audience,
        account=document.account,
        seq=document.seq,
        state_digest=document.state_digest,
        params=public.params.digest,
        round=public.round.digest,
        round_number=public.round.number,
        claim=str(wish.claims),
        box=box_entries(box_around(around or public.prices, wish.box_percent), public.risk),
        expiry=canonical.format_time(wish.expiry_unix_s),
        collateral=None if counted is None else counted.collateral,
    )
    registry = None if counted is None else counted.registry.document
    built = statement.build(request, document, public.params.document, public.round, registry)
    values = [openings.by_label.get(label, ZERO).value for label in public.risk.units]
    opened = openings.by_label if counted is None else {**openings.by_label, **counted.openings}
    lots = [opened[label].value for label in built.labels[len(values) :]]
    _check_provable(Holdings(values[0], tuple(values[1:])), lots, public, built)
    return Bundle(request, built.prove(opened), state, public.params, public.round)


def prove_offline(account: Account, public: Public, wish: Wish) -> Bundle:
    """Prove about an account file, under keys and blindings made for this one bundle: nobody attests the state.

    Raises: as ``prove``.
    """
    identity = Identity.throw_away(public.params.document.venue)
    state, openings = next_state(identity, account, public, None)
    return prove(Signed(state), openings, public, wish)


def _check_provable(held: Holdings, lots: Sequence[int], public: Public, built: statement.Statement) -> None:
    """Ask the calculator first: the proof system only knows that a witness does not fit, not by how much.

    It knows of margin claims; of any other the proof system itself says whether it holds. ``lots``: of the locks.
    """
    missing_atto = max(
        (
            _missing_atto(claim, held, lots, public.risk, built)
            for claim in built.claims.claims
            if claim.rule is None and claim.reversed is None
        ),
        default=0,
    )
    if missing_atto > 0:
        amount = canonical.format_decimal(Fraction(missing_atto, ATTO))
        quote = public.params.document.quote
        raise NotProvable(f"not provable: short by {amount} {quote} at the worst prices of the box")


def _missing_atto(
    claim: Claim, held: Holdings, lots: Sequence[int], risk: RiskParameters, built: statement.Statement
) -> int:
    """By how much the account falls short of ``claim``; locks add to what it has."""
    box = claim.over(built.box, risk)
    short_atto = calculators.of(risk.model).shortfall(held, risk, box, claim.after_move, built.lifetime)
    counted = locked.coefficients(built.locks, claim, risk, box)
    return short_atto - sum(coefficient * v for coefficient, v in zip(counted, lots, strict=True))
