"""Lending: collateral against debts, with a health factor.

    slack = cash0 + sum over assets of  min over tiers of (w p a + k)  -  h b g p d

a, d, p, g, w, k, b   as in collateral.py: amounts deposited and owed, price, growth of debts, weights
h                     public fraction: the health factor that is claimed, 1 for maintenance and initial

The health factor is collateral after its haircut over debts: ``health>=h`` multiplies the debts. A maintenance haircut
is 1 less the liquidation threshold, an initial one 1 less the loan-to-value at which more may be borrowed. ``cash0`` is
a balance of the quote currency; for ``health`` it must not be a debt, which would not be multiplied (cash_only.py): owe
the quote currency as an asset. There are no positions.

Exact, to the rounding of public coefficients: the digits of two amounts an asset, one row each and one for all.
Source: Aave v3, contracts/protocol/libraries/logic/GenericLogic.sol, calculateUserAccountData.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zkmargin.errors import ContextError, InputError

from . import collateral

if TYPE_CHECKING:
    from ..boxes import Lifetime, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import RiskParameters
    from ..rule import Scope

NAME = "lending"


def rule() -> Rule:
    """The rule, symbolically: health is in the public ``b`` of every asset."""
    from ..language import cash
    from ..lowering import Rule

    return Rule(NAME, cash("cash0") + collateral.value())


def check(params: RiskParameters) -> None:
    """Raises: InputError "bad_params"."""
    if any(market.kind != "asset" for market in params.markets):
        raise InputError("lending has assets only", code="bad_params")


def scope(params: RiskParameters, box: PriceBox, claim: Claim, _: Lifetime) -> Scope:
    """The public numbers.

    Raises: ContextError "claim_not_allowed": leverage is about positions.
    """
    if claim.kind == "leverage":
        raise ContextError("lending has no positions to be leveraged", code="claim_not_allowed")
    assets = [entry | {"b": claim.times * entry["b"]} for entry in collateral.entries(params, box, claim)]
    return {"cash0": params.cash, "asset": assets}
