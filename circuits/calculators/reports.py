"""What a holder wants to know of an account with positions: equity, requirements, and each position by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from zkmargin.canonical import format_decimal

from ..boxes import ATTO


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


def _optional(amount: Fraction | None) -> str | None:
    return None if amount is None else format_decimal(amount)
