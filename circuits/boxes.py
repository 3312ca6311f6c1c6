"""Price boxes: the public prices and funding indices that one proof covers.

Outside, a ``Band`` is exact and per unit of the market, as reporters, requests and people write it. Inside, a
``MarketBox`` is four integers, atto of the quote currency per lot, rounded outwards: the integer box contains the band,
so that what is proved about the box holds in the band.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor

from zkmargin.errors import ContextError, InputError

ATTO = 10**18
PPM = 1_000_000
MAX_BITS = 91
"""Prices and funding indices stay below 2^91 atto (2.4 * 10^9 quote units) per lot."""

FUNDING_SHARE = 10
"""``box_around`` widens the funding interval by one tenth of what it widens the price by."""


@dataclass(frozen=True, slots=True)
class Band:
    """An interval of the price and of the cumulative funding index of one market, in quote units per unit of it.

    ``open_interest`` in units of the market and ``volatility`` a year are upper ends, 0 where no rate depends on them.
    The index of an asset is the interest that a debt of one unit has grown by, in units of the asset (``interest``).
    """

    low: Fraction
    high: Fraction
    funding_low: Fraction
    funding_high: Fraction
    interest: bool = False
    open_interest: Fraction = Fraction(0)
    volatility: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class MarketBox:
    """An interval of the price and of the funding index of one market, in atto per lot; and the greatest open interest
    in lots and volatility in ppm, 0 where no rate depends on them.

    Raises: ContextError "bad_box" unless 0 <= low <= high < 2^91, -2^91 < funding_low <= funding_high < 2^91 and
            0 <= open_interest, volatility_ppm < 2^91.
    """

    low: int
    high: int
    funding_low: int
    funding_high: int
    open_interest: int = 0
    volatility_ppm: int = 0

    def __post_init__(self) -> None:
        limit = 1 << MAX_BITS
        if not 0 <= self.low <= self.high:
            raise ContextError("a box needs prices with 0 <= low <= high", code="bad_box")
        if self.funding_low > self.funding_high:
            raise ContextError("a box needs funding indices with low <= high", code="bad_box")
        if self.high >= limit or self.funding_low <= -limit or self.funding_high >= limit:
            raise ContextError("a price or funding index of the box is 2^91 atto per lot or more", code="bad_box")
        if not (0 <= self.open_interest < limit and 0 <= self.volatility_ppm < limit):
            raise ContextError("the open interest or volatility of a box is out of range", code="bad_box")

    @classmethod
    def around(cls, band: Band, atto_per_lot: int) -> MarketBox:
        """The smallest integer box that contains ``band``: low ends down, high ends up."""
        return cls(
            floor(band.low * atto_per_lot),
            ceil(band.high * atto_per_lot),
            floor(band.funding_low * atto_per_lot),
            ceil(band.funding_high * atto_per_lot),
            ceil(band.open_interest * ATTO / atto_per_lot),
            ceil(band.volatility * PPM),
        )

    def moved(self, down_percent: Fraction, up_percent: Fraction) -> MarketBox:
        """This box after its low price moved by ``down_percent`` and its high one by ``up_percent``, outwards.

        Raises: ContextError "bad_box".
        """
        low, high = floor(self.low * (1 + down_percent / 100)), ceil(self.high * (1 + up_percent / 100))
        return replace(self, low=low, high=high)

    def __le__(self, other: MarketBox) -> bool:
        """Whether this box lies within ``other``."""
        return (
            other.low <= self.low
            and self.high <= other.high
            and other.funding_low <= self.funding_low
            and self.funding_high <= other.funding_high
            and self.open_interest <= other.open_interest
            and self.volatility_ppm <= other.volatility_ppm
        )


PriceBox = tuple[MarketBox, ...]
"""One box per market, in the order of the risk parameters."""

Lifetime = tuple[int, int]
"""From the time of the oracle round to the expiry, in Unix seconds: how long a proof is about."""

NO_TIME: Lifetime = (0, 0)
"""Of statements in which nothing depends on time."""


def within(inner: PriceBox, outer: PriceBox) -> bool:
    """Whether every market's box of ``inner`` lies within that of ``outer``."""
    return all(a <= b for a, b in zip(inner, outer, strict=True))


def box_around(bands: Sequence[Band], percent: Fraction) -> tuple[Band, ...]:
    """The bands that survive a move of ``percent`` of every price, either way; ends rounded outwards to 18 decimals.

    Funding moves too while a proof lives, and much less than prices do: the index may move by a tenth of ``percent``
    of the high price. Open interest and volatility may grow by ``percent``; interest by a tenth of it, and it never
    falls. Zero percent is the bands themselves: a point, where the reporters agree.

    Raises: InputError unless 0 <= percent <= 100.
    """
    if not 0 <= percent <= 100:
        raise InputError("the width of a box is 0 to 100 percent")
    share = Fraction(percent) / 100

    def moved(band: Band) -> Band:
        drift = share / FUNDING_SHARE * (1 if band.interest else band.high)
        return Band(
            _down(band.low * (1 - share)),
            _up(band.high * (1 + share)),
            _down(band.funding_low - (0 if band.interest else drift)),
            _up(band.funding_high + drift),
            band.interest,
            _up(band.open_interest * (1 + share)),
            _up(band.volatility * (1 + share)),
        )

    return tuple(map(moved, bands))


def _down(amount: Fraction) -> Fraction:
    return Fraction(floor(amount * ATTO), ATTO)


def _up(amount: Fraction) -> Fraction:
    return Fraction(ceil(amount * ATTO), ATTO)
