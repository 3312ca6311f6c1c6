"""The claim ``cash``: the cash of the account is not negative.

    slack = cash0

It stands beside claims that would otherwise be true of an account that owes cash: the health of a borrower counts debts
of assets, and cash below zero would be a debt that health does not multiply. Exact; one row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..boxes import Lifetime, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import RiskParameters
    from ..rule import Scope

NAME = "cash"


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import cash
    from ..lowering import Rule

    return Rule(NAME, cash("cash0"))


def check(params: RiskParameters) -> None:
    """Any risk parameters will do."""


def scope(params: RiskParameters, _: PriceBox, __: Claim, ___: Lifetime) -> Scope:
    """The public numbers: none."""
    return {"cash0": params.cash}
