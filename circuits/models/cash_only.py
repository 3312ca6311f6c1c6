"""The claim ``cash``: the cash of the account, with what its positions have gained or lost, is not negative.

    slack = cash0 + sum over markets of  q (p - F)

q, p, F     as in perpetuals_cross.py; p is the value of an option, as far as it is known

It stands beside claims that would otherwise be true of an account that owes cash: the health of a borrower and the
collateral ratio count debts of assets, and cash below zero would be a debt that they do not multiply. Isolated
positions and their cash are left out: they pay for no debt.
Exact, but for options over a box, each of which counts at its own worst; one row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..options import options
from .positions import entry, of_kind

if TYPE_CHECKING:
    from ..boxes import Lifetime, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import RiskParameters
    from ..rule import Scope

NAME = "cash"


def rule() -> Rule:
    """The rule, symbolically."""
    from ..lowering import Rule

    return Rule(NAME, value())


def value() -> Any:
    """Cash and gains, symbolically: the committed cash is net of what positions cost, so it means nothing alone."""
    from ..language import Total, cash, family, interval, size

    q, p, F = size("q"), interval("p"), interval("F", signed=True)
    return cash("cash0") + Total(family("market"), q * (p - F))


def check(params: RiskParameters) -> None:
    """Any risk parameters will do."""


def scope(params: RiskParameters, box: PriceBox, _: Claim, lifetime: Lifetime) -> Scope:
    """The public numbers.

    Raises: ContextError "expired_option".
    """
    markets = [
        entry(market, ends) for market, ends in of_kind(params, box, "perpetual", "contract") if not market.isolated
    ]
    for option in options(params, box, lifetime):
        per_lot = option.market.atto_per_lot
        worth = {"p_low": option.least() * per_lot, "p_high": option.most() * per_lot}
        markets.append({"q": option.label, **worth, "F_low": 0, "F_high": 0})
    return {"cash0": params.cash, "market": markets}
