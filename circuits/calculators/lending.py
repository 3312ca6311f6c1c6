"""Collateral against debts, in exact arithmetic.

    equity       cash, if it is not owed, + collateral after its maintenance haircut
    requirement  debts with their interest, each times what it counts, + cash that is owed
    health       equity over requirement; solvent from 1 (Aave v3: below it an account can be liquidated)

Prices are the worse end of what the reporters say: the lower median for collateral, the upper for a debt.
Shares no code with the lowering, and must not: it is what the lowering is tested against.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from zkmargin.canonical import parse_decimal
from zkmargin.documents import Account

from ..boxes import Band, Lifetime, PriceBox
from ..claims import INITIAL, MAINTENANCE, Claim
from ..holdings import Holdings, holdings
from ..markets import RiskParameters
from .positions import assets, counted, worst_asset
from .reports import Report
from .widest import widest_box_percent


def report(account: Account, params: RiskParameters, prices: Sequence[Band], time_unix_s: int) -> Report:
    """The account at these prices, at any time.

    Raises: InputError: an amount that no statement could hold.
    """
    held = holdings(account, params, prices)
    widest = widest_box_percent(shortfall, held, params, prices, (time_unix_s, time_unix_s))
    params = params.at(params.box(prices))
    collateral, debts = assets(account, params, prices, MAINTENANCE)
    initial_collateral, initial_debts = assets(account, params, prices, INITIAL)
    cash = parse_decimal(account.cash)
    owed = max(Fraction(0), -cash)
    return Report(
        equity=cash + owed + counted(collateral),
        collateral=collateral,
        debts=debts,
        initial_requirement=counted(initial_debts) + owed + counted(collateral) - counted(initial_collateral),
        maintenance_requirement=counted(debts) + owed,
        gross_notional=Fraction(0),
        positions=(),
        widest_box_percent=widest,
    )


def shortfall(held: Holdings, params: RiskParameters, box: PriceBox, claim: Claim, _: Lifetime) -> int:
    """How many atto of cash are missing until ``claim`` holds everywhere in ``box``; 0 if it is provable.

    To the stated rounding of a proof (docs/margin.md, "Rounding").
    """
    slack, amounts = held.cash0_atto, iter(held.size_lots)
    for market, ends in zip(params.at(box).markets, box, strict=True):
        slack += worst_asset(market, ends, claim, deposited=next(amounts), owed=next(amounts), times=claim.times)
    # Health would not multiply a debt in cash: there must be none.
    return max(0, -slack, -held.cash0_atto if claim.kind == "health" else 0)
