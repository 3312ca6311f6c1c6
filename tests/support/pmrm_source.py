"""Derive's PMRM from its source, in floating point: written apart from the calculator and the model."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import exp, log, sqrt
from statistics import NormalDist
from typing import Any

from least_cash import START
from portfolio_venues import DAY

from circuits.boxes import Band
from circuits.markets import Market, RiskParameters
from zkmargin.documents import Portfolio


def margin_of(venue: RiskParameters, sizes: Sequence[int], bands: Sequence[Band], claim: str) -> tuple[float, float]:
    """PMRM at a point, from its source, in floating point; and how much the skews may be overcharged."""
    prices = {market.name: float(band.low) for market, band in zip(venue.markets, bands, strict=True)}
    lots = dict(zip(list(venue.units)[1:], sizes, strict=True))
    initial = claim == "initial"
    total = over = 0.0
    for market in venue.markets:
        if market.kind == "asset":
            rate = float(market.tiers[0].initial if initial else market.tiers[0].maintenance)
            worth = float(market.lot) * prices[market.name]
            total += worth * (lots[f"c/{market.name}"] * (1 - rate) - lots[f"d/{market.name}"])
    for book in venue.portfolios:
        total += _book(book, venue, prices, lots, initial)
        over = max(over, _overcharge(book, venue, prices, lots, initial))
    return total, over


def _expiries(book: Portfolio, venue: RiskParameters, lots: dict[str, int]) -> dict[int, list[tuple[Market, float]]]:
    together: dict[int, list[tuple[Market, float]]] = {}
    for market in venue.markets:
        if market.contract is not None and market.contract.underlying == book.underlying:
            size = lots[f"q/{market.name}"] * float(market.lot)
            together.setdefault(market.contract.expiry_unix_s - START, []).append((market, size))
    return together


def _black(kind: bool, F: float, K: float, s: float) -> float:
    if F * s == 0:
        return max(0.0, F - K if kind else K - F)
    n = NormalDist().cdf
    d = log(F / K) / s + s / 2
    return F * n(d) - K * n(d - s) if kind else K * n(s - d) - F * n(-d)


def _mtm(book: Portfolio, options: list[tuple[Market, float]], prices: dict[str, float], t: int, move: Any) -> float:
    shock, years, total = book.volatility, t / 365 / DAY, 0.0
    scale = (30 / max(t / DAY, 1)) ** float(shock.short_power if t <= 30 * DAY else shock.long_power)
    for market, size in options:
        terms = market.contract
        assert terms is not None
        F, K, vol = prices[terms.forward] * float(move[0]), float(terms.strike), prices[market.name]
        if move[1] == "up":
            vol = max(float(shock.least_up), vol * (1 + float(shock.up) * scale))
        elif move[1] == "down":
            vol *= max(0, 1 - float(shock.down) * scale)
        elif move[1]:
            assert book.skew is not None
            cap = 0.15 - 0.05 * sqrt(years)
            k = log(K / F) if move[1] == "linear" else abs(log(K / F))
            vol *= 1 + cap * max(-1, min(1, k / max(0.01, 4 * sqrt(years) * (0.6 - 0.1 * sqrt(years)))))
        total += size * _black(terms.is_call, F, K, vol * sqrt(years))
    return total


def _multiples(book: Portfolio, t: int) -> tuple[float, float]:
    years = t / 365 / DAY
    gain = 1.0 if book.gains is None else float(book.gains.base) * exp(-float(book.gains.rate) * years)
    loss = 1.0 if book.losses is None else min(1.0, float(book.losses.base) * exp(float(book.losses.rate) * years))
    return gain, loss


def _book(
    book: Portfolio, venue: RiskParameters, prices: dict[str, float], lots: dict[str, int], initial: bool
) -> float:
    lot = {market.name: float(market.lot) for market in venue.markets}
    contracts = {name: lots[f"q/{name}"] * lot[name] for name in book.contracts or ()}
    hedges = sum(lots[f"c/{name}"] * lot[name] * prices[name] for name in book.collateral or ())
    expiries = _expiries(book, venue, lots)
    mark = {t: _mtm(book, options, prices, t, (1, None)) for t, options in expiries.items()}
    gains = [0.0]
    for s in book.scenarios:
        pnl = (sum(size * prices[name] for name, size in contracts.items()) + hedges) * (float(s.spot) - 1)
        for t, options in expiries.items():
            value = _mtm(book, options, prices, t, (s.spot, s.vol))
            gain, loss = _multiples(book, t)
            change = value * (gain if value >= 0 else loss) - mark[t]
            pnl += -abs(change) if s.vol in ("linear", "abs") else change
        gains.append(pnl * float(s.dampening))
    if book.basis is not None:
        basis = 0.0
        for t, options in expiries.items():
            ends = [_mtm(book, options, prices, t, (end, None)) - mark[t] for end in (book.basis.up, book.basis.down)]
            basis += min(*ends, 0.0) * (float(book.basis.add) + float(book.basis.per_year) * t / 365 / DAY)
        gains.append(basis)
    naked: dict[tuple[int, Fraction], float] = {}
    for t, options in expiries.items():
        for market, size in options:
            assert market.contract is not None
            naked[t, market.contract.strike] = naked.get((t, market.contract.strike), 0.0) - size
    spot = prices[book.underlying]
    beside = sum(map(abs, contracts.values())) * (
        book.contract_initial_ppm if initial else book.contract_maintenance_ppm
    ) + sum(max(0.0, n) for n in naked.values()) * (
        book.short_option_initial_ppm if initial else book.short_option_maintenance_ppm
    )
    factor = float(book.initial_factor if initial else book.maintenance_factor)
    value = sum(mark.values()) + sum(size * prices[name] for name, size in contracts.items())
    return value + factor * min(gains) - beside * spot / 1e6


def _overcharge(
    book: Portfolio, venue: RiskParameters, prices: dict[str, float], lots: dict[str, int], initial: bool
) -> float:
    """k d (l - g) |V'| of every expiry, in the dearest scenario that is not exact."""
    factor = float(book.initial_factor if initial else book.maintenance_factor)
    dearest = 0.0
    for s in book.scenarios:
        over = 0.0
        for t, options in _expiries(book, venue, lots).items():
            gain, loss = _multiples(book, t)
            if s.vol in ("linear", "abs") or gain > loss:
                over += abs(loss - gain) * abs(_mtm(book, options, prices, t, (s.spot, s.vol)))
        dearest = max(dearest, factor * float(s.dampening) * over)
    return dearest
