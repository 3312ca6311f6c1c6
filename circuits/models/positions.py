"""What every rule about positions reads of a market: its hidden size, its price and its funding index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..boxes import MarketBox, PriceBox
    from ..markets import Market, RiskParameters


def of_kind(params: RiskParameters, box: PriceBox, *kinds: str) -> list[tuple[Market, MarketBox]]:
    """The markets of these kinds with their boxes; perpetuals if none is named."""
    wanted = kinds or ("perpetual",)
    return [(market, ends) for market, ends in zip(params.markets, box, strict=True) if market.kind in wanted]


def entry(market: Market, ends: MarketBox) -> dict[str, Any]:
    """q, p and F of a market."""
    return {
        "q": market.hidden[0].label,
        "p_low": ends.low,
        "p_high": ends.high,
        "F_low": ends.funding_low,
        "F_high": ends.funding_high,
    }
