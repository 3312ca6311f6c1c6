"""Perpetual futures with cross margin, in exact arithmetic, on the holder's own screen.

    equity       cash + sum of size * (price - entry price)
    requirement  sum of rate * price * |size|
    solvent      equity >= requirement   (dYdX v4, protocol/lib/margin/risk.go)

Prices are the worse end of what the reporters say: the lower median for a long, the upper for a short.
Shares no code with the lowering, and must not: it is what the lowering is tested against.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from zkmargin.canonical import format_decimal, parse_decimal
from zkmargin.documents import Account

from ..boxes import ATTO, Band, MarketBox, PriceBox, box_around
from ..claims import INITIAL, MAINTENANCE, Claim
from ..markets import Holdings, Market, RiskParameters, holdings

STEPS_PER_PERCENT = 100
MAX_PERCENT = 100


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
    """

    market: str
    size: Fraction = field(repr=False)
    price: Fraction
    notional: Fraction = field(repr=False)
    equity: Fraction = field(repr=False)
    initial: Fraction = field(repr=False)
    maintenance: Fraction = field(repr=False)
    liquidation_price: Fraction | None = field(repr=False)


@dataclass(frozen=True)
class Report:
    """What a holder wants to know. Secret as the account is: reprs show no amount."""

    equity: Fraction = field(repr=False)
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
        """Equity covers maintenance."""
        return is_solvent(self.equity, self.maintenance_requirement)

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
            "markets": [
                {
                    "market": p.market,
                    "size": format_decimal(p.size),
                    "price": format_decimal(p.price),
                    "notional": format_decimal(p.notional),
                    "equity": format_decimal(p.equity),
                    "initial": format_decimal(p.initial),
                    "maintenance": format_decimal(p.maintenance),
                    "liquidation_price": _optional(p.liquidation_price),
                }
                for p in self.positions
            ],
        }


def report(account: Account, params: RiskParameters, prices: Sequence[Band]) -> Report:
    """The account at these prices.

    Raises: InputError: a position that no statement could hold (off the grid, unknown market, above the maximum).
    """
    held = holdings(account, params, prices)
    entries = {p.market: (parse_decimal(p.size), parse_decimal(p.entry_price or "0")) for p in account.positions}
    positions = [
        (market, size, band.low if size > 0 else band.high, entry)
        for market, band in zip(params.markets, prices, strict=True)
        for size, entry in [entries.get(market.name, (Fraction(0), Fraction(0)))]
        if size
    ]
    equity = parse_decimal(account.cash) + sum(size * (price - entry) for _, size, price, entry in positions)
    initial, maintenance = (
        sum((claim.rate(market) * abs(size) * price for market, size, price, _ in positions), Fraction(0))
        for claim in (INITIAL, MAINTENANCE)
    )
    slack = equity - maintenance
    return Report(
        equity=equity,
        initial_requirement=initial,
        maintenance_requirement=maintenance,
        gross_notional=sum((abs(size) * price for _, size, price, _ in positions), Fraction(0)),
        positions=tuple(
            PositionReport(
                market=market.name,
                size=size,
                price=price,
                notional=abs(size) * price,
                equity=size * (price - entry),
                initial=INITIAL.rate(market) * abs(size) * price,
                maintenance=MAINTENANCE.rate(market) * abs(size) * price,
                liquidation_price=_liquidation_price(market, size, price, slack),
            )
            for market, size, price, entry in positions
        ),
        widest_box_percent=widest_box_percent(held, params, prices),
    )


def _liquidation_price(market: Market, size: Fraction, price: Fraction, slack: Fraction) -> Fraction | None:
    """Where slack(x) = slack + (x - price) * (size - rate |size|) is 0."""
    slope = size - MAINTENANCE.rate(market) * abs(size)
    if slope == 0:
        return None
    exact = price - slack / slope
    rounded = -Fraction(-exact * ATTO // 1, ATTO) if size > 0 else Fraction(exact * ATTO // 1, ATTO)
    return rounded if rounded > 0 else None


def shortfall(held: Holdings, params: RiskParameters, box: PriceBox, claim: Claim) -> int:
    """How many atto of cash are missing until ``claim`` holds everywhere in ``box``; 0 if it is provable.

    To the stated rounding of a proof (docs/margin.md, "Rounding"): the worst value of a lot is rounded down to an atto.
    """
    slack = held.cash0_atto
    for market, size, market_box in zip(params.markets, held.size_lots, box, strict=True):
        if size:
            slack += abs(size) * floor(min(_lot_values(1 if size > 0 else -1, market_box, claim.rate(market))))
    return max(0, -slack)


def _lot_values(side: int, box: MarketBox, rate: Fraction) -> Iterator[Fraction]:
    """What one lot, long (1) or short (-1), adds to the slack at each corner of its box."""
    for price in (box.low, box.high):
        for index in (box.funding_low, box.funding_high):
            yield side * (price - index) - rate * price


def widest_box_percent(
    held: Holdings, params: RiskParameters, prices: Sequence[Band], claim: Claim = MAINTENANCE
) -> Fraction | None:
    """The widest ``box_around(prices, percent)`` that still proves, in steps of 0.01.

    100 means 100 or more; None means not even 0.
    A wider box contains a narrower one, so that the shortfall only grows with the width and a bisection finds the edge.
    """

    def provable(steps: int) -> bool:
        box = params.box(box_around(prices, Fraction(steps, STEPS_PER_PERCENT)))
        return shortfall(held, params, box, claim) == 0

    if not provable(0):
        return None
    low, high = 0, MAX_PERCENT * STEPS_PER_PERCENT + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if provable(middle) else (low, middle)
    return Fraction(low, STEPS_PER_PERCENT)


def _optional(amount: Fraction | None) -> str | None:
    return None if amount is None else format_decimal(amount)
