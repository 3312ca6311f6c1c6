"""Accounts that hold positions and collateral, whatever a position requires: what the calculators of such models share.

    equity       cash + sum of size * (price - entry price) + collateral after its haircut - debts
    requirement  sum over positions of what each of them requires
    solvent      equity >= requirement   (dYdX v4, protocol/lib/margin/risk.go)

Prices are the worse end of what the reporters say: the lower median for a long, the upper for a short.
Haircuts of equity are those of maintenance; what an initial haircut takes more is part of the initial requirement.
Shares no code with the lowering, and must not: it is what the lowering is tested against.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor

from zkmargin.canonical import parse_decimal
from zkmargin.documents import Account, Position

from ..boxes import ATTO, Band, Lifetime, MarketBox, PriceBox
from ..claims import INITIAL, MAINTENANCE, Claim
from ..holdings import Holdings, holdings
from ..markets import Market, RiskParameters
from .reports import AssetReport, PositionReport, Report
from .widest import widest_box_percent

MAX_PRICE = 2**100
"""In atto: where the search for a liquidation price ends."""

Required = Callable[[Market, Fraction, Fraction, Claim], Fraction]
"""What a size of a market requires at a price, in quote units."""

Worst = Callable[[Market, int, MarketBox, Claim], int]
"""The least that so many lots add to the slack of a claim anywhere in a box, in atto, to the rounding of a proof."""

Liquidation = Callable[[Market, Fraction, Fraction, Fraction], Fraction | None]
"""The liquidation price of a size that is at a price now, in an account with this slack."""


def _deposit(market: Market, amount: Fraction, price: Fraction, claim: Claim) -> Fraction:
    value = amount * price
    return value - by_tiers([(tier.above, claim.haircut(tier)) for tier in market.tiers], value)


def _debt(market: Market, amount: Fraction, price: Fraction, claim: Claim) -> Fraction:
    return amount * price * (1 + (claim.haircut(market.short) if market.short else 0))


def worst_asset(
    market: Market, box: MarketBox, claim: Claim, deposited: int, owed: int, times: Fraction = Fraction(1)
) -> int:
    """The least that an asset adds to the slack of a claim in a box, in atto, to the rounding of a proof; debts
    count so many ``times``."""
    interest = 1 + Fraction(box.funding_high, market.atto_per_lot)
    more = 1 + (claim.haircut(market.short) if market.short else 0)
    values, constant, before = [], Fraction(0), Fraction(0)
    for tier in market.tiers:
        haircut = claim.haircut(tier)
        constant += tier.above * (haircut - before)
        before = haircut
        values.append(deposited * floor(box.low * (1 - haircut)) + floor(constant * ATTO))
    return min(values) + owed * floor(-times * more * interest * box.high)


@dataclass(frozen=True)
class Weights:
    """What an amount counts at a price: as a deposit, and with its interest as a debt. And the least that a deposit and
    a debt, in lots, add to the slack anywhere in a box."""

    deposit: Callable[[Market, Fraction, Fraction, Claim], Fraction] = _deposit
    debt: Callable[[Market, Fraction, Fraction, Claim], Fraction] = _debt
    worst: Callable[[Market, MarketBox, Claim, int, int], int] = worst_asset


BY_TIERS = Weights()
"""Haircuts of tiers, and one weight of debts."""


@dataclass(frozen=True)
class Positions:
    """A calculator, from what a model says about one position.

    ``value``: what a size is worth at a price, if a venue rounds it.
    ``at``: the market with the rates that are in force over a box, if a venue rounds them.
    """

    required: Required
    worst: Worst
    liquidation_price: Liquidation | None = None
    value: Callable[[Fraction, Fraction], Fraction] = lambda size, price: size * price
    at: Callable[[Market, MarketBox], Market] = Market.at
    weights: Weights = BY_TIERS

    def report(self, account: Account, params: RiskParameters, prices: Sequence[Band], time_unix_s: int) -> Report:
        """The account at these prices, at any time. Isolated positions are listed, and count nowhere else.

        Raises: InputError: a position that no statement could hold (off the grid, unknown market, above the maximum).
        """
        held = holdings(account, params, prices)
        widest = widest_box_percent(self.shortfall, held, params, prices, (time_unix_s, time_unix_s))
        params = replace(params, markets=self._in_force(params, params.box(prices)))
        entries = {position.market: position for position in account.positions}
        positions = [
            _Position.at(self, market, entries[market.name], band)
            for market, band in zip(params.markets, prices, strict=True)
            if market.name in entries and parse_decimal(entries[market.name].size)
        ]
        shared = [position for position in positions if not position.market.isolated]
        (collateral_m, debts_m), (collateral_i, debts_i) = (
            assets(account, params, prices, claim, self.weights) for claim in (MAINTENANCE, INITIAL)
        )
        after_haircuts = counted(collateral_m) - counted(debts_m)
        equity = parse_decimal(account.cash) + sum(position.equity for position in shared) + after_haircuts
        initial, maintenance = (
            sum((position.required(claim) for position in shared), Fraction(0)) for claim in (INITIAL, MAINTENANCE)
        )
        return Report(
            equity=equity,
            collateral=collateral_m,
            debts=debts_m,
            initial_requirement=initial + after_haircuts - counted(collateral_i) + counted(debts_i),
            maintenance_requirement=maintenance,
            gross_notional=sum((position.notional for position in shared), Fraction(0)),
            positions=tuple(position.report(equity - maintenance) for position in positions),
            widest_box_percent=widest,
        )

    def shortfall(self, held: Holdings, params: RiskParameters, box: PriceBox, claim: Claim, _: Lifetime) -> int:
        """How many atto of cash are missing until ``claim`` holds everywhere in ``box``; 0 if it is provable. With
        isolated positions: the most that is missing in one place.

        To the stated rounding of a proof (docs/margin.md, "Rounding").
        """
        shared = held.cash0_atto
        alone: list[int] = []
        sizes = iter(held.size_lots)
        for market, ends in zip(self._in_force(params, box), box, strict=True):
            if market.kind == "asset":
                shared += self.weights.worst(market, ends, claim, next(sizes), next(sizes))
                continue
            worst = self.worst(market, next(sizes), ends, claim)
            if market.isolated:
                alone.append(next(sizes) + worst)
            else:
                shared += worst
        return max(0, *(-slack for slack in (shared, *alone)))

    def _in_force(self, params: RiskParameters, box: PriceBox) -> tuple[Market, ...]:
        return tuple(self.at(market, ends) for market, ends in zip(params.markets, box, strict=True))


@dataclass(frozen=True)
class _Position:
    rule: Positions
    market: Market
    size: Fraction
    price: Fraction
    cost: Fraction
    margin: Fraction

    @classmethod
    def at(cls, rule: Positions, market: Market, position: Position, band: Band) -> _Position:
        size = parse_decimal(position.size)
        price = band.low if size > 0 else band.high
        cost = size * parse_decimal(position.entry_price or "0")
        return cls(rule, market, size, price, cost, parse_decimal(position.margin or "0"))

    @property
    def notional(self) -> Fraction:
        return abs(self.rule.value(self.size, self.price))

    @property
    def equity(self) -> Fraction:
        return self.rule.value(self.size, self.price) - self.cost

    def required(self, claim: Claim) -> Fraction:
        return self.rule.required(self.market, self.size, self.price, claim)

    def report(self, shared_slack: Fraction) -> PositionReport:
        alone = self.margin + self.equity - self.required(MAINTENANCE) if self.market.isolated else None
        slack = shared_slack if alone is None else alone
        find = self.rule.liquidation_price
        last = self._searched(slack) if find is None else find(self.market, self.size, self.price, slack)
        return PositionReport(
            market=self.market.name,
            size=self.size,
            price=self.price,
            notional=self.notional,
            equity=self.equity,
            initial=self.required(INITIAL),
            maintenance=self.required(MAINTENANCE),
            liquidation_price=last,
            slack=alone,
        )

    def _searched(self, slack: Fraction) -> Fraction | None:
        """The lowest price (of a long; the highest of a short) at which the slack is not negative, all others held, by
        bisection: a long only gains from a higher price, for a maintenance rate of at most 1."""
        others = slack - self._counts(self.price)

        def holds(price_atto: int) -> bool:
            return others + self._counts(Fraction(price_atto, ATTO)) >= 0

        bad, good = (0, MAX_PRICE) if self.size > 0 else (MAX_PRICE, 0)
        if holds(bad) or not holds(good):
            return None
        while abs(good - bad) > 1:
            middle = (good + bad) // 2
            bad, good = (bad, middle) if holds(middle) else (middle, good)
        return Fraction(good, ATTO) if good else None

    def _counts(self, price: Fraction) -> Fraction:
        return self.rule.value(self.size, price) - self.rule.required(self.market, self.size, price, MAINTENANCE)


def by_tiers(tiers: Sequence[tuple[Fraction, Fraction]], value: Fraction) -> Fraction:
    """Every slice of ``value`` at the rate of the tier that it lies in."""
    tops = [above for above, _ in tiers[1:]]
    total = Fraction(0)
    for (above, rate), top in zip(tiers, [*tops, value], strict=True):
        total += rate * max(Fraction(0), min(value, top) - above)
    return total


def worst_funding(lots: int, ends: MarketBox) -> int:
    """What funding adds to the slack at least: a long pays a rise of the index."""
    return -lots * (ends.funding_high if lots > 0 else ends.funding_low)


def assets(
    account: Account,
    params: RiskParameters,
    prices: Sequence[Band],
    claim: Claim,
    weights: Weights = BY_TIERS,
) -> tuple[tuple[AssetReport, ...], tuple[AssetReport, ...]]:
    """Collateral at the lower price after its haircut, and debts at the upper one with their interest."""
    deposited = {holding.asset: parse_decimal(holding.amount) for holding in account.collateral or ()}
    owed = {holding.asset: parse_decimal(holding.amount) for holding in account.debts or ()}
    collateral, debts = [], []
    for market, band in zip(params.markets, prices, strict=True):
        if amount := deposited.get(market.name):
            counted = weights.deposit(market, amount, band.low, claim)
            collateral.append(AssetReport(market.name, amount, band.low, amount * band.low, counted))
        if amount := owed.get(market.name):
            grown = amount * (1 + band.funding_high)
            counted = weights.debt(market, grown, band.high, claim)
            debts.append(AssetReport(market.name, amount, band.high, grown * band.high, counted))
    return tuple(collateral), tuple(debts)


def counted(assets: Iterable[AssetReport]) -> Fraction:
    """What they count together."""
    return sum((asset.counted for asset in assets), Fraction(0))


def _worst_value(_: Market, lots: int, ends: MarketBox, __: Claim) -> int:
    """What a contract is worth at the worse ends of its box."""
    return lots * (ends.low - ends.funding_high if lots > 0 else ends.high - ends.funding_low)


VALUES = Positions(lambda *_: Fraction(0), _worst_value, lambda *_: None)
"""Of positions that require nothing by themselves."""
