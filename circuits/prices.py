"""Prices of markets: what a round says of them, and the boxes that requests ask for. Documents in, integers out."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from zkmargin.bundle import BoxEntry, Request
from zkmargin.canonical import format_decimal, parse_decimal
from zkmargin.documents import Round
from zkmargin.errors import ContextError, InputError

from .boxes import Band, PriceBox
from .markets import Market, RiskParameters


def prices_of(round: Round, params: RiskParameters) -> tuple[Band, ...]:
    """What the reporters of a round say of each market of the parameters. Others are ignored.

    Raises: InputError "missing_price".
    """
    return tuple(price_of(round, market) for market in params.markets)


def price_of(round: Round, market: Market) -> Band:
    """What the reporters of a round say of ``market``: from the lower to the upper median.

    Nobody needs to quote an option that has expired, and an option has no funding.

    Raises: InputError "missing_price": it has no price, or not all that its rates depend on.
    """
    nothing = (Fraction(0), Fraction(0))
    contract = market.contract
    if contract is not None and contract.expiry_unix_s <= round.time_unix_s:
        return Band(*nothing, *nothing)
    if market.name not in round.prices:
        raise InputError(f"the round has no price of {market.name}", code="missing_price")
    # Silence is not calm: a report that leaves out what a rate depends on would make the rate its lowest.
    if market.open_interest and market.name not in round.open_interest:
        raise InputError(f"the round has no open interest of {market.name}", code="missing_price")
    if market.calm_volatility and market.name not in round.volatility:
        raise InputError(f"the round has no volatility of {market.name}", code="missing_price")
    return Band(
        *round.prices[market.name],
        *(round.funding[market.name] if contract is None else nothing),
        market.kind == "asset",
        round.open_interest[market.name] if market.open_interest else Fraction(0),
        round.volatility[market.name] if market.calm_volatility else Fraction(0),
    )


def box_entries(bands: Sequence[Band], params: RiskParameters) -> tuple[BoxEntry, ...]:
    """``bands`` as a request writes them; for bands with finite decimals, as those of ``box_around``."""
    return tuple(
        BoxEntry(
            market=market.name,
            low=format_decimal(band.low),
            high=format_decimal(band.high),
            funding_low=format_decimal(band.funding_low),
            funding_high=format_decimal(band.funding_high),
            open_interest=format_decimal(band.open_interest) if market.open_interest else None,
            volatility=format_decimal(band.volatility) if market.calm_volatility else None,
        )
        for market, band in zip(params.markets, bands, strict=True)
    )


def box_from_request(request: Request, params: RiskParameters) -> PriceBox:
    """The integer box that a request asks for.

    Raises: ContextError "bad_box": not exactly the markets of the parameters in their order, or not a box.
    """
    if [entry.market for entry in request.box] != [market.name for market in params.markets]:
        raise ContextError("the box must name every market of the risk parameters, in their order", code="bad_box")
    bands = [
        Band(
            parse_decimal(entry.low),
            parse_decimal(entry.high),
            parse_decimal(entry.funding_low),
            parse_decimal(entry.funding_high),
            market.kind == "asset",
            parse_decimal(entry.open_interest or "0"),
            parse_decimal(entry.volatility or "0"),
        )
        for market, entry in zip(params.markets, request.box, strict=True)
    ]
    if any(
        (entry.open_interest is None) != (market.open_interest is None)
        or (entry.volatility is None) != (market.calm_volatility is None)
        for market, entry in zip(params.markets, request.box, strict=True)
    ):
        raise ContextError(
            "a box has an open interest or volatility exactly where rates depend on them", code="bad_box"
        )
    if any(band.low > band.high or band.funding_low > band.funding_high for band in bands):
        # Asked before rounding: outwards, two ends in the wrong order can become two in the right one.
        raise ContextError("a box needs prices and funding indices with low <= high", code="bad_box")
    return params.box(bands)
