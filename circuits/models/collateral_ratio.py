"""The claim ``collateral>=c``: what an account has, before haircuts, is at least c times what it has borrowed.

    slack = cash0 + sum over markets of  q (p - F)  + sum over assets of  p a - c g p d

q, p, F     as in perpetuals_cross.py; p is the value of an option, as far as it is known
a, d, p, g  as in collateral.py;   c   public fraction

Positions count with what they have gained or lost: the committed cash is net of what they cost, so that a short alone
makes it rise. An isolated position and its cash are left out: they pay for no debt. Cash with gains must not be below
zero, a debt that would not be multiplied (cash_only.py): owe the quote currency as an asset.
Exact, but for an asset that is both deposited and owed, and for options over a box: each counts at its own worst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import cash_only, collateral

if TYPE_CHECKING:
    from ..boxes import Lifetime, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import RiskParameters
    from ..rule import Scope

NAME = "collateral"


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import Total, amount, family, interval, public
    from ..lowering import Rule

    a, d, p, g, c = amount("a"), amount("d"), interval("p"), interval("g"), public("c")
    return Rule(NAME, cash_only.value() + Total(family("asset"), p * a - c * g * p * d))


def check(params: RiskParameters) -> None:
    """Any risk parameters will do."""


def scope(params: RiskParameters, box: PriceBox, claim: Claim, lifetime: Lifetime) -> Scope:
    """The public numbers.

    Raises: ContextError "expired_option".
    """
    assets = collateral.entries(params, box, claim)
    return {**cash_only.scope(params, box, claim, lifetime), "c": claim.bound, "asset": assets}
