"""SPAN: the worst of sixteen published scenarios of each commodity, a charge for spreads, a minimum for short options.

    slack = cash0 + sum over contracts of  q (p - F)  -  sum over commodities of  k max(scan + c spread, minimum)
            + collateral

    scan    = max over scenarios of  sum over contracts of  q loss[scenario]    with one more, where nothing is lost
    spread  = min(long deltas, short deltas)    of the contracts: sum of max(0, q delta), and of max(0, -q delta)
    minimum = m * sum over options of  max(0, -q)

k           public fraction: 1 for maintenance, the initial factor, or the health that is claimed
loss, delta public, of a lot held long (DOWN and UP: its negative and its positive part);   c, m   public money
q, p, F     as in perpetuals_cross.py; p is the mark of an option too, so that equity counts the net option value

Credits between commodities are not given: against the holder. Exact otherwise, to the rounding of public coefficients.
Prices of a box enter by the value of each contract alone; the arrays are the clearing house's and hold for as long as
the parameters do. Initial and maintenance requirements differ by a factor of the whole, after the minimum.
The scan is convex: one block for each scenario, and one for the nothing lost. The spread is the lesser of two sums that
are charged for, not concave: a hidden bit and two blocks for each commodity. The minimum: two blocks.
Source: CME Group, "SPAN methodology"; the sixteen scenarios of its risk arrays.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from zkmargin.canonical import parse_decimal
from zkmargin.errors import ContextError

from ..boxes import ATTO
from . import collateral
from .positions import entry, of_kind

if TYPE_CHECKING:
    from zkmargin.documents import Commodity

    from ..boxes import Lifetime, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import Market, RiskParameters
    from ..rule import Scope

NAME = "span"


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import Largest, Max, Min, Total, at, cash, family, interval, public, size
    from ..lowering import Rule

    q, p, F = size("q"), interval("p"), interval("F", signed=True)
    k, c, m, loss = public("k"), public("c"), public("m"), public("loss", signed=True)
    up, down, option = public("up"), public("down"), public("option")
    contract, scenario = family("contract"), family("scenario")
    long, short = Max(q, 0), Max(-q, 0)
    scan = Largest(scenario, Total(contract, q * at(loss, scenario)))
    spread = Min(Total(contract, up * long + down * short), Total(contract, down * long + up * short))
    minimum = m * Total(contract, option * short)
    requirement = Total(family("commodity"), k * Max(scan + c * spread, minimum))
    value = Total(family("market"), q * (p - F))
    return Rule(NAME, cash("cash0") + value - requirement + collateral.value())


def check(_: RiskParameters) -> None:
    """The document has checked that every contract is in one commodity."""


def scope(params: RiskParameters, box: PriceBox, claim: Claim, _: Lifetime) -> Scope:
    """The public numbers.

    Raises: ContextError "claim_not_allowed": leverage.
    """
    if claim.kind == "leverage":
        raise ContextError("span has no leverage: claim health, or gross", code="claim_not_allowed")
    contracts = {market.name: market for market in params.markets if market.kind == "contract"}
    markets = [entry(market, ends) for market, ends in of_kind(params, box, "contract")]
    return {
        "cash0": params.cash,
        "market": markets,
        "commodity": [_commodity(commodity, contracts, claim) for commodity in params.commodities],
        "asset": collateral.entries(params, box, claim),
    }


def _commodity(commodity: Commodity, markets: dict[str, Market], claim: Claim) -> dict[str, Any]:
    contracts = []
    for contract in commodity.contracts:
        market = markets[contract.market]
        delta = parse_decimal(contract.delta) * market.lot
        contracts.append(
            {
                "q": market.hidden[0].label,
                "loss": [0, *(parse_decimal(loss) * market.atto_per_lot for loss in contract.losses)],
                "up": max(delta, Fraction(0)),
                "down": max(-delta, Fraction(0)),
                "option": market.lot if contract.option else 0,
            }
        )
    return {
        "k": _factor(commodity, claim),
        "c": parse_decimal(commodity.spread_charge) * ATTO,
        "m": parse_decimal(commodity.short_option_minimum) * ATTO,
        "contract": contracts,
        "scenario": [{}] * (1 + len(commodity.contracts[0].losses)),
    }


def _factor(commodity: Commodity, claim: Claim) -> Fraction:
    """How many times the maintenance requirement ``claim`` asks for."""
    if claim.kind == "initial":
        return parse_decimal(commodity.initial_factor)
    return claim.times
