"""The claim ``gross<=X``: the gross notional of all positions is at most X quote units.

    slack = X - sum over markets of  p |q|

X           public money
q, p        as in perpetuals_cross.py; of an option, p is the price of its underlying

Isolated positions count too. Exact. No slot but those of the sizes and of the slack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..boxes import ATTO
from ..options import options
from .positions import entry, of_kind

if TYPE_CHECKING:
    from ..boxes import Lifetime, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import RiskParameters
    from ..rule import Scope

NAME = "gross"


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import Abs, Total, family, interval, public, size
    from ..lowering import Rule

    q, p = size("q"), interval("p")
    return Rule(NAME, public("X") - Total(family("market"), p * Abs(q)))


def check(params: RiskParameters) -> None:
    """Any risk parameters will do."""


def scope(params: RiskParameters, box: PriceBox, claim: Claim, lifetime: Lifetime) -> Scope:
    """The public numbers.

    Raises: ContextError "expired_option".
    """
    markets = [entry(market, ends) for market, ends in of_kind(params, box, "perpetual", "contract")]
    for option in options(params, box, lifetime):
        low, high = (end * option.market.atto_per_lot for end in option.spot)
        markets.append({"q": option.label, "p_low": low, "p_high": high})
    return {"X": (claim.bound or 0) * ATTO, "market": markets}
