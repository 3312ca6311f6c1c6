"""Perpetuals and options under Derive's standard margin, as the venue's contract computes it.

    net margin   cash + perpetuals and collateral as everywhere + sum over expiries of max(isolated, max loss)
                 - penalty
    isolated     sum over short options of what each requires, its mark value included; a long counts nothing
    max loss     the least that the expiry settles at, at 0 or at a strike, at most 0; less what unpaired calls require
    penalty      initially, of every short option, whichever of the two is better

A long is marked at the lower end of what it can be worth, a short at the higher one. In the report the mark value of
all options is equity, and required is what equity is more than the net margin.
Shares no code with the lowering, and must not: it is what the lowering is tested against.
Source: Derive v2-core, src/risk-managers/StandardManager.sol, _calcNetBasicMarginSingleExpiry and below.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor
from typing import TypeVar

from zkmargin.canonical import format_decimal, parse_decimal
from zkmargin.documents import Account
from zkmargin.errors import InputError

from ..boxes import ATTO, Band, Lifetime, MarketBox, PriceBox
from ..claims import INITIAL, MAINTENANCE, Claim
from ..holdings import Holdings, holdings
from ..markets import RiskParameters
from ..options import Option, options
from . import cross
from .reports import PositionReport, Report
from .widest import widest_box_percent

PPM = 1_000_000
End = TypeVar("End", Band, MarketBox)


def report(account: Account, params: RiskParameters, prices: Sequence[Band], time_unix_s: int) -> Report:
    """The account at these prices and this time.

    The row of an option tells what it requires by itself; together they may require less. Liquidation prices of
    perpetuals hold the margin of the options.

    Raises: InputError: a position that no statement could hold; "expired_option".
    """
    held = holdings(account, params, prices)
    now = (time_unix_s, time_unix_s)
    listed = list(options(params, params.box(prices), now))
    lots = lots_of_options(held, params, listed)
    entries = {position.option: parse_decimal(position.entry_price or "0") for position in account.positions}
    rows = [
        _row(option, lots[option.market.name] * option.market.lot, entries[option.market.name])
        for option in listed
        if lots[option.market.name]
    ]
    value = sum((row.size * row.price for row in rows), Fraction(0))
    maintenance, initial = (value - Fraction(_margin(listed, lots, claim), ATTO) for claim in (MAINTENANCE, INITIAL))
    # The rest of the account has what options add to its slack in cash, so that its liquidation prices are right.
    cash = parse_decimal(account.cash) + sum(row.equity for row in rows) - maintenance
    others = tuple(position for position in account.positions if position.option is None)
    rest = account.model_copy(update={"positions": others, "cash": format_decimal(cash)})
    whole = cross.CALCULATOR.report(rest, *_without_options(params, prices), time_unix_s)
    return replace(
        whole,
        equity=whole.equity + maintenance,
        initial_requirement=whole.initial_requirement + initial,
        maintenance_requirement=whole.maintenance_requirement + maintenance,
        gross_notional=whole.gross_notional + sum((row.notional for row in rows), Fraction(0)),
        positions=(*whole.positions, *rows),
        widest_box_percent=widest_box_percent(shortfall, held, params, prices, now),
    )


def shortfall(held: Holdings, params: RiskParameters, box: PriceBox, claim: Claim, lifetime: Lifetime) -> int:
    """How many atto of cash are missing until ``claim`` holds everywhere in ``box`` and all of ``lifetime``; 0 if it is
    provable. What a lot of an option counts is rounded to an atto, against the holder.

    Raises: InputError "expired_option".
    """
    listed = list(options(params, box, lifetime))
    margin = _margin(listed, lots_of_options(held, params, listed), claim)
    dropped = {hidden.label for market in params.markets if market.contract for hidden in market.hidden}
    cash0, *rest = (value for label, value in held.values(params).items() if label not in dropped)
    others = Holdings(cash0 + margin, tuple(rest))
    return cross.CALCULATOR.shortfall(others, *_without_options(params, box), claim, lifetime)


def _without_options(params: RiskParameters, ends: Sequence[End]) -> tuple[RiskParameters, tuple[End, ...]]:
    kept = [pair for pair in zip(params.markets, ends, strict=True) if pair[0].kind not in ("option", "index")]
    return replace(params, markets=tuple(market for market, _ in kept)), tuple(end for _, end in kept)


def lots_of_options(held: Holdings, params: RiskParameters, listed: Iterable[Option]) -> dict[str, int]:
    """The sizes of all options that live; any other has to be none."""
    values, alive = held.values(params), {option.market.name for option in listed}
    lots = {market.name: values[market.hidden[0].label] for market in params.markets if market.contract is not None}
    expired = [name for name, size in lots.items() if size and name not in alive]
    if expired:
        raise InputError(f"{expired[0]} has expired", code="expired_option")
    return lots


def _row(option: Option, size: Fraction, entry_price: Fraction) -> PositionReport:
    mark = Fraction(floor(option.least() * ATTO) if size > 0 else ceil(option.most() * ATTO), ATTO)
    maintenance, initial = (
        size * mark if size > 0 else -size * (Fraction(ceil(_requires(option, claim) * ATTO), ATTO) - mark)
        for claim in (MAINTENANCE, INITIAL)
    )
    return PositionReport(
        market=option.market.name,
        size=size,
        price=mark,
        notional=abs(size) * option.spot[1],
        equity=size * (mark - entry_price),
        initial=initial,
        maintenance=maintenance,
        liquidation_price=None,
        slack=None,
    )


def _margin(listed: Collection[Option], lots: Mapping[str, int], claim: Claim) -> int:
    """What the options add to the slack, in atto."""
    expiries: dict[tuple[str, str, int], list[tuple[Option, int]]] = {}
    for option in listed:
        contract = option.contract
        held = (option, lots[option.market.name])
        expiries.setdefault((contract.underlying, contract.forward, contract.expiry_unix_s), []).append(held)
    better = (max(_isolated(together, claim), _max_loss(together, claim)) for together in expiries.values())
    return sum(better) + sum(_penalty(option, lots[option.market.name], claim) for option in listed)


def _isolated(together: Collection[tuple[Option, int]], claim: Claim) -> int:
    return sum(
        lots * ceil(_requires(option, claim) * option.market.atto_per_lot) for option, lots in together if lots < 0
    )


def _penalty(option: Option, lots: int, claim: Claim) -> int:
    """Of every short, initially and by either method."""
    rate = Fraction(option.requirements.initial_penalty_ppm or 0, PPM)
    return _worth(option, min(lots, 0), rate * option.spot[1]) if claim == INITIAL else 0


def _max_loss(together: Collection[tuple[Option, int]], claim: Claim) -> int:
    worst = min(
        sum(_worth(option, lots, _payoff(option, price)) for option, lots in together)
        for price in (Fraction(0), *(option.contract.strike for option, _ in together))
    )
    unpaired = sum(
        _worth(option, lots, option.forward[1] * _scale(option, claim))
        for option, lots in together
        if option.contract.is_call
    )
    return min(worst, 0) + min(unpaired, 0)


def _worth(option: Option, lots: int, unit: Fraction) -> int:
    """So many lots at this price of a unit; the price of a lot is rounded to an atto against the holder."""
    lot = unit * option.market.atto_per_lot
    return lots * (floor(lot) if lots > 0 else ceil(lot))


def _payoff(option: Option, price: Fraction) -> Fraction:
    strike = option.contract.strike
    if option.contract.is_call:
        return price - strike if price > strike else Fraction(0)
    return strike - price if price < strike else Fraction(0)


def _scale(option: Option, claim: Claim) -> Fraction:
    requires = option.requirements
    return Fraction(requires.unpaired_initial_ppm if claim == INITIAL else requires.unpaired_maintenance_ppm, PPM)


def _requires(option: Option, claim: Claim) -> Fraction:
    """What a short unit requires by itself, its mark value included, at the worst of all prices of the underlying."""
    requires, strike = option.requirements, option.contract.strike
    most, least, call, put, of_mark, scale = (
        Fraction(ppm, PPM)
        for ppm in (
            requires.initial_most_ppm,
            requires.initial_least_ppm,
            requires.call_maintenance_ppm,
            requires.put_maintenance_ppm,
            requires.put_mark_ppm,
            requires.put_initial_scale_ppm,
        )
    )

    def at(spot: Fraction) -> Fraction:
        mark = option.most(spot) if option.follows_spot else option.most()
        if option.contract.is_call:
            if claim != INITIAL:
                return mark + call * spot
            otm_ratio = (strike - spot) / spot if strike > spot > 0 else Fraction(0)
            return mark + max(most - otm_ratio, least) * spot
        maintenance = mark + max(put * spot, of_mark * mark)
        if claim != INITIAL:
            return maintenance
        otm_ratio = (spot - strike) / spot if spot > strike else Fraction(0)
        return max(mark + max(most - otm_ratio, least) * spot, maintenance * scale)

    low, high = option.spot
    return max(map(at, (low, high, min(max(low, strike), high))))
