"""Options over a box and a lifetime: every number that a value depends on, between published ends.

The quoted price of an option is its implied volatility a year, as a decimal. Its value, in quote units a unit, is that
of Black-76 at the price of its forward and without interest: the discount factor is 1. It rises with the volatility
and with the time that is left; with the forward a call's rises and a put's falls. So each end of it is at a corner, and
is bounded there by ``black76`` with the rounding of that side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from zkmargin.documents import OptionRequirements
from zkmargin.errors import ContextError, InputError

from . import black76
from .boxes import Lifetime, MarketBox, PriceBox
from .markets import Contract, Market, RiskParameters

SECONDS_A_YEAR = 365 * 24 * 3600
SEGMENT = Fraction(1, 50)
MAX_SEGMENTS = 24

Ends = tuple[Fraction, Fraction]
"""The low and the high end of a public number, per unit of the market."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option that lives longer than a proof. ``spot`` is the price of the underlying."""

    market: Market
    contract: Contract
    on: Market
    spot: Ends
    forward: Ends
    volatility: Ends
    years: Ends

    @property
    def label(self) -> str:
        """The label of its size."""
        return self.market.hidden[0].label

    @property
    def requirements(self) -> OptionRequirements:
        """What options on the underlying require.

        Raises: InputError "bad_params": the underlying does not say.
        """
        if self.on.options is None:
            raise InputError(f"{self.on.name} does not say what options on it require", code="bad_params")
        return self.on.options

    @property
    def follows_spot(self) -> bool:
        """Whether it is valued at the price of the underlying itself."""
        return self.contract.forward == self.contract.underlying

    def least(self, forward: Fraction | None = None) -> Fraction:
        """What a unit is worth at least: at this price of the forward, or at any in the box."""
        F = self.forward[0 if self.contract.is_call else 1] if forward is None else forward
        return self._value(F, 0)

    def most(self, forward: Fraction | None = None) -> Fraction:
        """What a unit is worth at most: at this price of the forward, or at any in the box."""
        F = self.forward[1 if self.contract.is_call else 0] if forward is None else forward
        return self._value(F, 1)

    def slope(self, forward: Fraction) -> Ends:
        """How much ``least`` rises with the forward at this price of it, between two numbers."""
        contract = self.contract
        return black76.delta(contract.is_call, forward, contract.strike, self.volatility[0], self.years[0])

    def _value(self, forward: Fraction, end: int) -> Fraction:
        contract = self.contract
        return black76.value(contract.is_call, forward, contract.strike, self.volatility[end], self.years[end])[end]


def options(params: RiskParameters, box: PriceBox, lifetime: Lifetime) -> Iterator[Option]:
    """The options that can be held, in the order of the parameters. Those that expired before are not among them.

    Raises: ContextError "expired_option": one expires within the lifetime.
    """
    by_name = {market.name: (market, ends) for market, ends in zip(params.markets, box, strict=True)}
    start, end = lifetime
    for market, ends in by_name.values():
        contract = market.contract
        if contract is None or contract.expiry_unix_s <= start:
            continue
        if contract.expiry_unix_s <= end:
            raise ContextError(f"{market.name} expires before the proof does: ask for less time", code="expired_option")
        on, spot = by_name[contract.underlying]
        left = [Fraction(contract.expiry_unix_s - time, SECONDS_A_YEAR) for time in (end, start)]
        yield Option(
            market,
            contract,
            on,
            _per_unit(on, spot),
            _per_unit(*by_name[contract.forward]),
            _per_unit(market, ends),
            (left[0], left[1]),
        )


def _per_unit(market: Market, ends: MarketBox) -> Ends:
    return Fraction(ends.low, market.atto_per_lot), Fraction(ends.high, market.atto_per_lot)


def nodes(low: Fraction, high: Fraction) -> tuple[Fraction, ...]:
    """The ends of a price and what divides it into equal segments: of two percent, or ``MAX_SEGMENTS``."""
    if low == high:
        return (low,)
    count = min(MAX_SEGMENTS, ceil((high - low) / (low * SEGMENT))) if low else MAX_SEGMENTS
    return tuple(low + (high - low) * i / count for i in range(count + 1))


def gap(option: Option, a: Fraction, b: Fraction) -> Fraction:
    """How far the least value of a unit can lie below its chord between two prices of the forward, at most: a convex
    function with slopes p at a and q at b does not by more than (b - a) (q - p) / 4."""
    return (b - a) * (option.slope(b)[1] - option.slope(a)[0]) / 4
