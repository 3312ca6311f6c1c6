"""Perpetual futures with cross margin, flat or in tiers, and collateral: exact, on the holder's own screen.

    equity       cash + sum of size * (price - entry price) + collateral after its haircut - debts
    requirement  sum over positions of what each slice of the notional asks for: its tier's rate times the slice
    solvent      equity >= requirement   (dYdX v4, protocol/lib/margin/risk.go)

Prices are the worse end of what the reporters say: the lower median for a long, the upper for a short.
Haircuts of equity are those of maintenance; what an initial haircut takes more is part of the initial requirement.
Shares no code with the lowering, and must not: it is what the lowering is tested against.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from zkmargin.canonical import format_decimal, parse_decimal
from zkmargin.documents import Account, Position

from ..boxes import ATTO, Band, Lifetime, MarketBox, PriceBox
from ..claims import INITIAL, MAINTENANCE, Claim
from ..markets import Holdings, Market, RiskParameters, holdings
from .widest import widest_box_percent


def is_solvent(equity: Fraction, requirement: Fraction) -> bool:
    """Equity covers the requirement; exactly is enough."""
    return equity >= requirement


def is_liquidatable(equity: Fraction, maintenance_requirement: Fraction) -> bool:
    """Below a maintenance requirement. An account without positions is not liquidatable, even in debt."""
    return maintenance_requirement > 0 and equity < maintenance_requirement


@dataclass(frozen=True)
class PositionReport:
    """One position. ``equity`` is its share: size * (price - entry price), or size * price if cash is net of the cost.

    ``liquidation_price``: the last price, all others held, at which the account still meets maintenance, rounded to
    the safe side (up for a long, down for a short) at 18 decimals; None if no price above 0 is.
    ``slack``: of an isolated position, which stands on its own; None of any other.
    """

    market: str
    size: Fraction = field(repr=False)
    price: Fraction
    notional: Fraction = field(repr=False)
    equity: Fraction = field(repr=False)
    initial: Fraction = field(repr=False)
    maintenance: Fraction = field(repr=False)
    liquidation_price: Fraction | None = field(repr=False)
    slack: Fraction | None = field(repr=False)

    def to_value(self) -> dict[str, str | None]:
        """Plain JSON."""
        names = ("size", "price", "notional", "equity", "initial", "maintenance")
        value: dict[str, str | None] = {"market": self.market}
        value |= {name: format_decimal(getattr(self, name)) for name in names}
        value["liquidation_price"] = _optional(self.liquidation_price)
        return value if self.slack is None else value | {"isolated_slack": format_decimal(self.slack)}


@dataclass(frozen=True)
class AssetReport:
    """Collateral, or a debt with its interest: what it is worth, and what of that counts as equity."""

    asset: str
    amount: Fraction = field(repr=False)
    price: Fraction
    value: Fraction = field(repr=False)
    counted: Fraction = field(repr=False)

    def to_value(self) -> dict[str, str]:
        """Plain JSON."""
        amounts = (self.amount, self.price, self.value, self.counted)
        names = ("amount", "price", "value", "counted")
        return {"asset": self.asset} | dict(zip(names, map(format_decimal, amounts), strict=True))


@dataclass(frozen=True)
class Report:
    """What a holder wants to know. Secret as the account is: reprs show no amount."""

    equity: Fraction = field(repr=False)
    collateral: tuple[AssetReport, ...] = field(repr=False)
    debts: tuple[AssetReport, ...] = field(repr=False)
    initial_requirement: Fraction = field(repr=False)
    maintenance_requirement: Fraction = field(repr=False)
    gross_notional: Fraction = field(repr=False)
    positions: tuple[PositionReport, ...] = field(repr=False)
    widest_box_percent: Fraction | None = field(repr=False)

    @property
    def slack(self) -> Fraction:
        """Equity less the maintenance requirement."""
        return self.equity - self.maintenance_requirement

    @property
    def solvent(self) -> bool:
        """Equity covers maintenance, and so does that of every isolated position."""
        alone = [position.slack for position in self.positions if position.slack is not None]
        return is_solvent(self.equity, self.maintenance_requirement) and all(slack >= 0 for slack in alone)

    @property
    def health(self) -> Fraction | None:
        """Equity over maintenance, rounded down at 18 decimals; None without a requirement."""
        requirement = self.maintenance_requirement
        return Fraction(self.equity * ATTO // requirement, ATTO) if requirement else None

    @property
    def leverage(self) -> Fraction | None:
        """Gross notional over equity, rounded up at 18 decimals; None without equity."""
        return -Fraction(-self.gross_notional * ATTO // self.equity, ATTO) if self.equity > 0 else None

    def to_value(self) -> dict[str, object]:
        """Plain JSON: decimal strings, exact."""
        return {
            "equity": format_decimal(self.equity),
            "initial_requirement": format_decimal(self.initial_requirement),
            "maintenance_requirement": format_decimal(self.maintenance_requirement),
            "slack": format_decimal(self.slack),
            "health": _optional(self.health),
            "leverage": _optional(self.leverage),
            "solvent": self.solvent,
            "widest_box_percent": _optional(self.widest_box_percent),
            "markets": [position.to_value() for position in self.positions],
            "collateral": [asset.to_value() for asset in self.collateral],
            "debts": [asset.to_value() for asset in self.debts],
        }


def report(account: Account, params: RiskParameters, prices: Sequence[Band], time_unix_s: int) -> Report:
    """The account at these prices; the time is not looked at. Isolated positions are listed, and count nowhere else.

    Raises: InputError: a position that no statement could hold (off the grid, unknown market, above the maximum).
    """
    held = holdings(account, params, prices)
    widest = widest_box_percent(shortfall, held, params, prices, (time_unix_s, time_unix_s))
    params = params.at(params.box(prices))
    entries = {position.market: position for position in account.positions}
    positions = [
        _Position.at(market, entries[market.name], band)
        for market, band in zip(params.markets, prices, strict=True)
        if market.name in entries and parse_decimal(entries[market.name].size)
    ]
    shared = [position for position in positions if not position.market.isolated]
    (collateral_m, debts_m), (collateral_i, debts_i) = (
        _assets(account, params, prices, claim) for claim in (MAINTENANCE, INITIAL)
    )
    after_haircuts = _counted(collateral_m) - _counted(debts_m)
    equity = parse_decimal(account.cash) + sum(position.equity for position in shared) + after_haircuts
    initial, maintenance = (
        sum((position.required(claim) for position in shared), Fraction(0)) for claim in (INITIAL, MAINTENANCE)
    )
    return Report(
        equity=equity,
        collateral=collateral_m,
        debts=debts_m,
        initial_requirement=initial + after_haircuts - _counted(collateral_i) + _counted(debts_i),
        maintenance_requirement=maintenance,
        gross_notional=sum((position.notional for position in shared), Fraction(0)),
        positions=tuple(position.report(equity - maintenance) for position in positions),
        widest_box_percent=widest,
    )


@dataclass(frozen=True)
class _Position:
    market: Market
    size: Fraction
    price: Fraction
    entry: Fraction
    margin: Fraction

    @classmethod
    def at(cls, market: Market, position: Position, band: Band) -> _Position:
        size = parse_decimal(position.size)
        price = band.low if size > 0 else band.high
        return cls(
            market, size, price, parse_decimal(position.entry_price or "0"), parse_decimal(position.margin or "0")
        )

    @property
    def notional(self) -> Fraction:
        return abs(self.size) * self.price

    @property
    def equity(self) -> Fraction:
        return self.size * (self.price - self.entry)

    def required(self, claim: Claim) -> Fraction:
        return _required(self.market, self.size, self.price, claim)

    def report(self, shared_slack: Fraction) -> PositionReport:
        alone = self.margin + self.equity - self.required(MAINTENANCE) if self.market.isolated else None
        return PositionReport(
            market=self.market.name,
            size=self.size,
            price=self.price,
            notional=self.notional,
            equity=self.equity,
            initial=self.required(INITIAL),
            maintenance=self.required(MAINTENANCE),
            liquidation_price=_liquidation_price(
                self.market, self.size, self.price, shared_slack if alone is None else alone
            ),
            slack=alone,
        )


def _assets(
    account: Account, params: RiskParameters, prices: Sequence[Band], claim: Claim
) -> tuple[tuple[AssetReport, ...], tuple[AssetReport, ...]]:
    """Collateral at the lower price after its haircut, and debts at the upper one with their interest."""
    deposited = {holding.asset: parse_decimal(holding.amount) for holding in account.collateral or ()}
    owed = {holding.asset: parse_decimal(holding.amount) for holding in account.debts or ()}
    collateral, debts = [], []
    for market, band in zip(params.markets, prices, strict=True):
        if amount := deposited.get(market.name):
            value = amount * band.low
            counted = value - _by_tiers([(t.above, claim.haircut(t)) for t in market.tiers], value)
            collateral.append(AssetReport(market.name, amount, band.low, value, counted))
        if amount := owed.get(market.name):
            value = amount * (1 + band.funding_high) * band.high
            counted = value * (1 + (claim.haircut(market.short) if market.short else 0))
            debts.append(AssetReport(market.name, amount, band.high, value, counted))
    return tuple(collateral), tuple(debts)


def _counted(assets: Iterable[AssetReport]) -> Fraction:
    return sum((asset.counted for asset in assets), Fraction(0))


def _required(market: Market, size: Fraction, price: Fraction, claim: Claim) -> Fraction:
    rates = claim.rates(market)
    return _by_tiers([(tier.above, tier.long if size > 0 else tier.short) for tier in rates], abs(size) * price)


def _by_tiers(tiers: Sequence[tuple[Fraction, Fraction]], value: Fraction) -> Fraction:
    """Every slice of ``value`` at the rate of the tier that it lies in."""
    tops = [above for above, _ in tiers[1:]]
    total = Fraction(0)
    for (above, rate), top in zip(tiers, [*tops, value], strict=True):
        total += rate * max(Fraction(0), min(value, top) - above)
    return total


def _pieces(market: Market, side: int, claim: Claim) -> list[tuple[Fraction, Fraction]]:
    """(rate, deduction in quote units) of every tier: the requirement of v is the greatest of rate * v - deduction."""
    pieces, deduction, before = [], Fraction(0), None
    for above, long, short in claim.rates(market):
        rate = long if side > 0 else short
        deduction += above * (rate - (rate if before is None else before))
        pieces.append((rate, deduction))
        before = rate
    return pieces


def _liquidation_price(market: Market, size: Fraction, price: Fraction, slack: Fraction) -> Fraction | None:
    """The last price x at which slack - q price + required(price) + q x - required(x) is not negative.

    For every tier that is linear in x; the slack is the least of them, so the first of their zeros counts.
    """
    side = 1 if size > 0 else -1
    without = slack - size * price + _required(market, size, price, MAINTENANCE)
    zeros = []
    for rate, deduction in _pieces(market, side, MAINTENANCE):
        slope = size - rate * abs(size)
        if slope == 0 and without + deduction < 0:
            return None
        if slope:
            zeros.append(-(without + deduction) / slope)
    if not zeros:
        return None
    exact = max(zeros) if side > 0 else min(zeros)
    rounded = -Fraction(-exact * ATTO // 1, ATTO) if side > 0 else Fraction(exact * ATTO // 1, ATTO)
    return rounded if rounded > 0 else None


def shortfall(held: Holdings, params: RiskParameters, box: PriceBox, claim: Claim, _: Lifetime) -> int:
    """How many atto of cash are missing until ``claim`` holds everywhere in ``box``; 0 if it is provable. With isolated
    positions: the most that is missing in one place.

    To the stated rounding of a proof (docs/margin.md, "Rounding"): the worst value of a lot is rounded down to an atto,
    and so is the deduction of a tier.
    """
    shared = held.cash0_atto
    alone: list[int] = []
    sizes = iter(held.size_lots)
    for market, market_box in zip(params.at(box).markets, box, strict=True):
        if market.kind == "asset":
            shared += _worst_asset(market, market_box, claim, deposited=next(sizes), owed=next(sizes))
            continue
        size = next(sizes)
        side = 1 if size > 0 else -1
        worst = min(
            abs(size) * floor(min(_lot_values(side, market_box, rate))) + floor(deduction * ATTO)
            for rate, deduction in _pieces(market, side, claim)
        )
        if market.isolated:
            alone.append(next(sizes) + worst)
        else:
            shared += worst
    return max(0, *(-slack for slack in (shared, *alone)))


def _lot_values(side: int, box: MarketBox, rate: Fraction) -> Iterator[Fraction]:
    """What one lot, long (1) or short (-1), adds to the slack at each corner of its box."""
    for price in (box.low, box.high):
        for index in (box.funding_low, box.funding_high):
            yield side * (price - index) - rate * price


def _worst_asset(market: Market, box: MarketBox, claim: Claim, *, deposited: int, owed: int) -> int:
    interest = 1 + Fraction(box.funding_high, market.atto_per_lot)
    more = 1 + (claim.haircut(market.short) if market.short else 0)
    values, constant, before = [], Fraction(0), Fraction(0)
    for tier in market.tiers:
        haircut = claim.haircut(tier)
        constant += tier.above * (haircut - before)
        before = haircut
        values.append(deposited * floor(box.low * (1 - haircut)) + floor(constant * ATTO))
    return min(values) + owed * floor(-more * interest * box.high)


def _optional(amount: Fraction | None) -> str | None:
    return None if amount is None else format_decimal(amount)
