"""Collateral against debts, in exact arithmetic.

    equity       cash + collateral after its maintenance haircut
    requirement  debts with their interest, each times what it counts
    health       equity over requirement; solvent from 1 (Aave v3: below it an account can be liquidated)

Prices are the worse end of what the reporters say: the lower median for collateral, the upper for a debt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from zkmargin.canonical import format_decimal, parse_decimal
from zkmargin.documents import Account

from ..boxes import ATTO, Band, Lifetime, PriceBox
from ..claims import INITIAL, MAINTENANCE, Claim
from ..markets import Holdings, Market, RiskParameters, holdings
from .widest import widest_box_percent


@dataclass(frozen=True)
class AssetReport:
    """What is deposited and owed of an asset, and what of each counts."""

    asset: str
    deposited: Fraction = field(repr=False)
    owed: Fraction = field(repr=False)
    counted: Fraction = field(repr=False)
    debt: Fraction = field(repr=False)


@dataclass(frozen=True)
class Report:
    """The account. Secret: reprs show no amount."""

    equity: Fraction = field(repr=False)
    initial_equity: Fraction = field(repr=False)
    debts: Fraction = field(repr=False)
    assets: tuple[AssetReport, ...] = field(repr=False)
    widest_box_percent: Fraction | None = field(repr=False)

    def to_value(self) -> dict[str, object]:
        """Plain JSON: decimal strings, exact; health is rounded down at 18 decimals."""
        health = Fraction(floor(self.equity * ATTO / self.debts), ATTO) if self.debts else None
        return {
            "equity": format_decimal(self.equity),
            "initial_requirement": format_decimal(self.debts + self.equity - self.initial_equity),
            "maintenance_requirement": format_decimal(self.debts),
            "slack": format_decimal(self.equity - self.debts),
            "health": None if health is None else format_decimal(health),
            "leverage": None,
            "solvent": self.equity >= self.debts,
            "widest_box_percent": None if self.widest_box_percent is None else format_decimal(self.widest_box_percent),
            "markets": [],
            "assets": [
                {
                    "asset": asset.asset,
                    "deposited": format_decimal(asset.deposited),
                    "owed": format_decimal(asset.owed),
                    "counted": format_decimal(asset.counted),
                    "debt": format_decimal(asset.debt),
                }
                for asset in self.assets
            ],
        }


def report(account: Account, params: RiskParameters, prices: Sequence[Band], time_unix_s: int) -> Report:
    """The account at these prices; the time is not looked at.

    Raises: InputError: an amount that no statement could hold.
    """
    held = holdings(account, params, prices)
    deposited = {holding.asset: parse_decimal(holding.amount) for holding in account.collateral or ()}
    owed = {holding.asset: parse_decimal(holding.amount) for holding in account.debts or ()}
    assets = tuple(
        AssetReport(
            market.name,
            deposited.get(market.name, Fraction(0)),
            owed.get(market.name, Fraction(0)),
            _after_haircut(market, deposited.get(market.name, Fraction(0)) * band.low, MAINTENANCE),
            owed.get(market.name, Fraction(0)) * band.high * (1 + band.funding_high) * _counts(market, MAINTENANCE),
        )
        for market, band in zip(params.markets, prices, strict=True)
        if market.name in deposited or market.name in owed
    )
    cash = parse_decimal(account.cash)
    initial = cash + sum(
        _after_haircut(market, deposited.get(market.name, Fraction(0)) * band.low, INITIAL)
        - owed.get(market.name, Fraction(0))
        * band.high
        * (1 + band.funding_high)
        * (_counts(market, INITIAL) - _counts(market, MAINTENANCE))
        for market, band in zip(params.markets, prices, strict=True)
    )
    return Report(
        equity=cash + sum((asset.counted for asset in assets), Fraction(0)),
        initial_equity=initial,
        debts=sum((asset.debt for asset in assets), Fraction(0)),
        assets=assets,
        widest_box_percent=widest_box_percent(shortfall, held, params, prices, (time_unix_s, time_unix_s)),
    )


def shortfall(held: Holdings, params: RiskParameters, box: PriceBox, claim: Claim, _: Lifetime) -> int:
    """How many atto of cash are missing until ``claim`` holds everywhere in ``box``; 0 if it is provable.

    To the rounding of a proof: a lot of collateral, and the constant of each tier, are rounded down to an atto, a lot
    of debt up.
    """
    health = claim.bound if claim.kind == "health" and claim.bound is not None else Fraction(1)
    slack = held.cash0_atto
    amounts = iter(held.size_lots)
    for market, ends in zip(params.markets, box, strict=True):
        deposited, owed = next(amounts), next(amounts)
        slack += min(
            deposited * floor(ends.low * weight) + floor(constant * ATTO) for weight, constant in _lines(market, claim)
        )
        growth = 1 + Fraction(ends.funding_high, market.atto_per_lot)
        slack -= owed * ceil(health * _counts(market, claim) * growth * ends.high)
    return max(0, -slack)


def _counts(market: Market, claim: Claim) -> Fraction:
    """What a debt counts, as a multiple of its worth."""
    return 1 + (claim.haircut(market.short) if market.short else Fraction(0))


def _lines(market: Market, claim: Claim) -> list[tuple[Fraction, Fraction]]:
    """(weight, constant in quote units) of every tier: what a value v counts is the least of weight * v + constant."""
    lines, constant, before = [], Fraction(0), Fraction(1)
    for tier in market.tiers:
        weight = 1 - claim.haircut(tier)
        constant += tier.above * (before - weight)
        before = weight
        lines.append((weight, constant))
    return lines


def _after_haircut(market: Market, value: Fraction, claim: Claim) -> Fraction:
    """Every slice of ``value`` at the weight of its tier."""
    counted = Fraction(0)
    for tier, upper in zip(market.tiers, [*(t.above for t in market.tiers[1:]), None], strict=True):
        slice_ = min(value, upper) - tier.above if upper is not None else value - tier.above
        counted += max(Fraction(0), slice_) * (1 - claim.haircut(tier))
    return counted
