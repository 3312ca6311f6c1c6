"""What an account holds, as the integers that it commits to: every rounding against the holder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor

from zkmargin.canonical import format_decimal, parse_decimal
from zkmargin.documents import Account
from zkmargin.errors import InputError

from .boxes import ATTO, Band
from .markets import Market, RiskParameters


@dataclass(frozen=True)
class Holdings:
    """What an account commits to: cash at funding index zero, then every other label in its unit. Secret."""

    cash0_atto: int = field(repr=False)
    size_lots: tuple[int, ...] = field(repr=False)

    def values(self, params: RiskParameters) -> dict[str, int]:
        """Label -> hidden value, for every label, zeros included."""
        return dict(zip(params.units, (self.cash0_atto, *self.size_lots), strict=True))


def holdings(account: Account, params: RiskParameters, prices: Sequence[Band]) -> Holdings:
    """The hidden values of an account, every rounding against the holder.

        cash0 = floor(cash) - sum ceil(size * entry price) + sum F q       in atto; F q: F lots' worth of funding index

    F is the cumulative index of the round, in whole atto per lot. A long gains from a higher F at the start, a short
    from a lower one: so F is the lower median, rounded down, for a long, and the upper, rounded up, for a short.

    Raises: InputError "unknown_market", "off_grid" (names the nearest sizes), "above_maximum": the message tells of a
            position, so it is for the holder's own screen only; the code is not.
    """
    positions = {position.name: position for position in account.positions}
    collateral = {holding.asset: holding.amount for holding in account.collateral or ()}
    debts = {holding.asset: holding.amount for holding in account.debts or ()}
    _check_known([p.market for p in account.positions if p.market], params, ("perpetual", "contract"), "market")
    _check_known([p.option for p in account.positions if p.option], params, ("option",), "option")
    _check_known([*collateral, *debts], params, ("asset",), "asset")
    cash0_atto = floor(parse_decimal(account.cash) * ATTO)
    size_lots: list[int] = []
    for market, index in zip(params.markets, params.box(prices), strict=True):
        if market.kind == "index":
            continue
        if market.kind == "asset":
            size_lots += [_lots(held.get(market.name, "0"), market) for held in (collateral, debts)]
            continue
        position = positions.get(market.name)
        lots = _lots(position.size, market) if position else 0
        size_lots.append(lots)
        change_atto = lots * (index.funding_low if lots > 0 else index.funding_high)
        if position and position.entry_price is not None:
            change_atto -= ceil(lots * market.atto_per_lot * parse_decimal(position.entry_price))
        if position and (position.margin is None) is market.isolated:
            raise InputError(
                f"a position in {market.name} {'needs' if market.isolated else 'has no'} margin of its own",
                code="isolated",
            )
        if market.isolated:
            margin = position.margin if position and position.margin is not None else "0"
            size_lots.append(floor(parse_decimal(margin) * ATTO) + change_atto)
        else:
            cash0_atto += change_atto
    return Holdings(cash0_atto, tuple(size_lots))


def _check_known(names: Iterable[str], params: RiskParameters, kinds: Sequence[str], what: str) -> None:
    unknown = sorted(set(names) - {market.name for market in params.markets if market.kind in kinds})
    if unknown:
        raise InputError(f"the risk parameters have no {what} {unknown[0]}", code="unknown_market")


def _lots(text: str, market: Market) -> int:
    size = parse_decimal(text)
    lots = size / market.lot
    if lots.denominator != 1:
        low, high = (format_decimal(n * market.lot) for n in (floor(lots), ceil(lots)))
        raise InputError(
            f"the size in {market.name} is not a multiple of its lot {format_decimal(market.lot)}: "
            f"the nearest sizes are {low} and {high}",
            code="off_grid",
        )
    if abs(size) > market.max_size:
        raise InputError(f"the size in {market.name} is above the maximum of the risk parameters", code="above_maximum")
    return int(lots)
