"""Price boxes as bytes, such that one subtraction tells whether a box covers prices in all of its markets.

A round is held against the boxes of every account at once, so this is the one hot path of the service. An integer box
is six integers a market, below 2^91 in absolute value. Each becomes a lane of 16 bytes, plus 2^91 so that it is not
negative; the low ends come first, then the high ends, each in the order of the markets. Open interest, of which there
is a high end only, is negated and so becomes a low one:

    low_1 funding_low_1 -open_interest_1 low_2 ..  |  high_1 funding_high_1 volatility_1 high_2 ..

To compare a >= b in all lanes: set the top bit of every lane of a, subtract b, and look whether all top bits are still
there. No lane borrows from the next one: its value before is at least 2^127, and what is subtracted is below 2^93.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from circuits.boxes import MAX_BITS, PriceBox

LANE_BYTES = 16
_OFFSET = 1 << MAX_BITS


def pack(box: PriceBox) -> bytes:
    """The bytes of a box, or of prices as a box."""
    lows = (end for market in box for end in (market.low, market.funding_low, -market.open_interest))
    highs = (end for market in box for end in (market.high, market.funding_high, market.volatility_ppm))
    return _lanes(lows) + _lanes(highs)


def covers(box: bytes, prices: bytes) -> bool:
    """Whether the prices of the first markets, as many as ``box`` has, lie in it; false if there are fewer prices."""
    if len(prices) < len(box):
        return False
    half = len(box) // 2
    top_bits, raised_lows, highs = _prices(prices, half)
    if (raised_lows - int.from_bytes(box[:half], "big")) & top_bits != top_bits:
        return False
    return ((int.from_bytes(box[half:], "big") | top_bits) - highs) & top_bits == top_bits


def _lanes(ends: Iterable[int]) -> bytes:
    return b"".join((end + _OFFSET).to_bytes(LANE_BYTES, "big") for end in ends)


@lru_cache(maxsize=8)
def _prices(prices: bytes, half: int) -> tuple[int, int, int]:
    """Of the first ``half`` bytes of lanes: their top bits, the low ends with those set, and the high ends. Kept: a
    round is the same for every box."""
    top_bits = int.from_bytes((b"\x80" + bytes(LANE_BYTES - 1)) * (half // LANE_BYTES), "big")
    lows, highs = prices[:half], prices[len(prices) // 2 :][:half]
    return top_bits, int.from_bytes(lows, "big") | top_bits, int.from_bytes(highs, "big")
