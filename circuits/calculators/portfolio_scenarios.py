"""Portfolio margin by scenarios, in exact arithmetic: Derive's PMRM, and grids like it.

    margin       cash + collateral + mark value + factor * min(0, basis, worst scenario) - contingencies
    scenario     dampening * (what contracts and collateral gain + sum over expiries of discounted value - mark value)
    basis        sum over expiries of share * (what is lost at most at two forwards), at most 0
    contingency  a share of the underlying's price for each contract, and for each short option that no other one of its
                 strike and expiry covers

An option is worth what scenarios.py says, a long the low end and a short the high one. Nothing else is shared with the
lowering, and must not: this is what the lowering is tested against.
Source: Derive v2-core, src/risk-managers/PMRMLib.sol and PMRMLib_2.sol.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from typing import TypeVar

from zkmargin.canonical import format_decimal, parse_decimal
from zkmargin.documents import Account, Portfolio

from ..boxes import ATTO, Band, Lifetime, MarketBox, PriceBox
from ..claims import INITIAL, MAINTENANCE, Claim
from ..holdings import Holdings, holdings
from ..markets import RiskParameters
from ..options import Option, options
from ..scenarios import MARK, VALUE_BITS, ExpiryShocks, Move, unit_values
from .options_standard import lots_of_options
from .positions import VALUES
from .reports import PositionReport, Report
from .widest import widest_box_percent

PPM = 1_000_000
GRAIN = 10**6
End = TypeVar("End", Band, MarketBox)

Share = tuple[Fraction, Move]
"""So many times the value after a move."""


def report(account: Account, params: RiskParameters, prices: Sequence[Band], time_unix_s: int) -> Report:
    """The account at these prices and this time. Requirements are of the whole: no position has one of its own.

    Raises: InputError: a position that no statement could hold; "expired_option".
    """
    held = holdings(account, params, prices)
    now = (time_unix_s, time_unix_s)
    box = params.box(prices)
    listed = list(options(params, box, now))
    lots = lots_of_options(held, params, listed)
    entries = {position.option: parse_decimal(position.entry_price or "0") for position in account.positions}
    books = [_Book(portfolio, params, box, now, held) for portfolio in params.portfolios]
    marks = {name: mark for book in books for name, mark in book.marks()}
    rows = [
        _row(option, lots[name] * option.market.lot, marks[name], entries[name])
        for option in listed
        if lots[name := option.market.name]
    ]
    others = tuple(position for position in account.positions if position.option is None)
    cash = parse_decimal(account.cash) - sum(row.size * entries[row.market] for row in rows)
    rest = account.model_copy(update={"positions": others, "cash": format_decimal(cash)})
    whole = VALUES.report(rest, *_of_kinds(("contract", "asset"), params, prices), time_unix_s)
    initial, maintenance = (
        sum((book.required(claim) for book in books), Fraction(0)) for claim in (INITIAL, MAINTENANCE)
    )
    return replace(
        whole,
        equity=whole.equity + sum(row.size * row.price for row in rows),
        initial_requirement=whole.initial_requirement + initial,
        maintenance_requirement=maintenance,
        gross_notional=whole.gross_notional + sum((row.notional for row in rows), Fraction(0)),
        positions=(*whole.positions, *rows),
        widest_box_percent=widest_box_percent(shortfall, held, params, prices, now),
    )


def _row(option: Option, size: Fraction, mark: Fraction, entry_price: Fraction) -> PositionReport:
    return PositionReport(
        market=option.market.name,
        size=size,
        price=mark,
        notional=abs(size) * option.spot[1],
        equity=size * (mark - entry_price),
        initial=Fraction(0),
        maintenance=Fraction(0),
        liquidation_price=None,
        slack=None,
    )


def shortfall(held: Holdings, params: RiskParameters, box: PriceBox, claim: Claim, lifetime: Lifetime) -> int:
    """How many atto of cash are missing until ``claim`` holds everywhere in ``box`` and all of ``lifetime``; 0 if it is
    provable. What a lot adds is rounded to 10^-12 quote units, against the holder.

    Raises: InputError "expired_option".
    """
    lots_of_options(held, params, options(params, box, lifetime))
    added = sum(_Book(portfolio, params, box, lifetime, held).added(claim) for portfolio in params.portfolios)
    assets, ends = _of_kinds(("asset",), params, box)
    values = held.values(params)
    amounts = tuple(values[hidden.label] for market in assets.markets for hidden in market.hidden)
    return VALUES.shortfall(Holdings(held.cash0_atto + added, amounts), assets, ends, claim, lifetime)


def _of_kinds(
    kinds: Collection[str], params: RiskParameters, ends: Sequence[End]
) -> tuple[RiskParameters, tuple[End, ...]]:
    kept = [pair for pair in zip(params.markets, ends, strict=True) if pair[0].kind in kinds]
    return replace(params, markets=tuple(market for market, _ in kept)), tuple(end for _, end in kept)


@dataclass(frozen=True)
class _Held:
    """An option with its lots and its values after every move."""

    option: Option
    lots: int
    values: Mapping[Move, tuple[int, int]]

    def counts(self, *shares: Share) -> int:
        """The least, in atto, that the lots add for ``shares`` of values."""
        lot = self.option.market.atto_per_lot
        unit = sum(self._least(times, self.values[move]) for times, move in shares)
        return abs(self.lots) * floor(Fraction(unit * lot, ATTO * ATTO << VALUE_BITS) / GRAIN) * GRAIN

    def _least(self, times: Fraction, value: tuple[int, int]) -> int:
        signed = floor((times if self.lots > 0 else -times) * ATTO)
        return signed * (value[0] if signed >= 0 else value[1])

    @property
    def mark(self) -> Fraction:
        """In quote units a unit, with 18 decimals."""
        low, high = self.values[MARK]
        return Fraction(low >> VALUE_BITS if self.lots > 0 else -(-high >> VALUE_BITS), ATTO)


class _Book:
    """What an account holds of one portfolio."""

    def __init__(
        self, portfolio: Portfolio, params: RiskParameters, box: PriceBox, lifetime: Lifetime, held: Holdings
    ) -> None:
        by_name = {market.name: (market, ends) for market, ends in zip(params.markets, box, strict=True)}
        values = held.values(params)
        self.portfolio = portfolio
        self.spot = Fraction(by_name[portfolio.underlying][1].high, by_name[portfolio.underlying][0].atto_per_lot)
        self.contracts = [(*by_name[n], values[by_name[n][0].hidden[0].label]) for n in portfolio.contracts or ()]
        self.hedges = [(by_name[n][1], values[by_name[n][0].hidden[0].label]) for n in portfolio.collateral or ()]
        moves = [(parse_decimal(scenario.spot), scenario.vol) for scenario in portfolio.scenarios]
        self.basis: list[Move] = []
        if portfolio.basis is not None:
            self.basis = [(parse_decimal(portfolio.basis.up), None), (parse_decimal(portfolio.basis.down), None)]
        # In one order, so that the values of whatever is asked twice are kept.
        wanted = list(dict.fromkeys([MARK, *moves, *self.basis]))
        self.expiries: list[tuple[ExpiryShocks, list[_Held]]] = []
        together: dict[int, list[Option]] = {}
        for option in options(params, box, lifetime):
            if option.contract.underlying == portfolio.underlying:
                together.setdefault(option.contract.expiry_unix_s, []).append(option)
        for expiry, listed in together.items():
            shocks = ExpiryShocks.of(portfolio, expiry, (expiry - lifetime[1], expiry - lifetime[0]))
            owned = [option for option in listed if values[option.label]]
            worth = [dict(zip(wanted, unit_values(o, portfolio, shocks, wanted), strict=True)) for o in owned]
            self.expiries.append((shocks, [_Held(o, values[o.label], of) for o, of in zip(owned, worth, strict=True)]))

    def marks(self) -> Iterator[tuple[str, Fraction]]:
        """The mark value of a unit of every option that is held."""
        for _, listed in self.expiries:
            for held in listed:
                yield held.option.market.name, held.mark

    def required(self, claim: Claim) -> Fraction:
        """What is required in all, in quote units: the mark value less what the book adds to the slack."""
        marks = sum(held.lots * held.option.market.lot * held.mark for _, listed in self.expiries for held in listed)
        prices = sum(_value(lots, ends) for _, ends, lots in self.contracts)
        return marks + Fraction(prices - self.added(claim), ATTO)

    def added(self, claim: Claim) -> int:
        """What the book adds to the slack, in atto: at the worst of all scenarios and the basis."""
        initial, portfolio = claim.kind == "initial", self.portfolio
        factor = claim.times * parse_decimal(portfolio.initial_factor if initial else portfolio.maintenance_factor)
        each_ppm = portfolio.contract_initial_ppm if initial else portfolio.contract_maintenance_ppm
        short_ppm = portfolio.short_option_initial_ppm if initial else portfolio.short_option_maintenance_ppm
        beside = claim.times * self.spot * each_ppm / PPM
        worst = [
            self._contracts(factor * dampening, spot, beside)
            + sum(_scenario(shocks, held, factor * dampening, (spot, vol)) for shocks, held in self.expiries)
            for spot, vol, dampening in (
                (parse_decimal(s.spot), s.vol, parse_decimal(s.dampening)) for s in portfolio.scenarios
            )
        ]
        expiries = sum(_basis(self.basis, shocks, held, factor) for shocks, held in self.expiries)
        worst.append(self._contracts(Fraction(0), Fraction(1), beside) + expiries)
        return min(worst) - self._naked(claim.times * self.spot * short_ppm / PPM)

    def _contracts(self, weight: Fraction, spot: Fraction, beside: Fraction) -> int:
        change = weight * (spot - 1)
        total = 0
        for market, ends, lots in self.contracts:
            side = 1 if lots > 0 else -1
            price = min(side * (1 + change) * end for end in (ends.low, ends.high))
            index = ends.funding_high if lots > 0 else ends.funding_low
            total += abs(lots) * _grains(price - side * index - beside * market.atto_per_lot)
        for ends, amount in self.hedges:
            total += amount * _grains(min(change * ends.low, change * ends.high))
        return total

    def _naked(self, each: Fraction) -> int:
        """For short options that no other of their strike covers."""
        strikes: dict[tuple[int, Fraction], int] = {}
        for _, listed in self.expiries:
            for held in listed:
                contract = held.option.contract
                key = contract.expiry_unix_s, contract.strike
                exact = each * held.option.market.atto_per_lot
                strikes[key] = strikes.get(key, 0) - held.lots * (floor(exact) if held.lots > 0 else ceil(exact))
        return sum(max(0, short) for short in strikes.values())


def _scenario(shocks: ExpiryShocks, held: Sequence[_Held], weight: Fraction, move: Move) -> int:
    """The options of an expiry: mark value and, ``weight`` times, what they gain."""
    low, high = shocks.multiple
    totals = [sum(h.counts((weight * w, move), (1 - weight, MARK)) for h in held) for w in (low, high)]
    if move[1] in ("linear", "abs"):
        # A gain counts as a loss.
        totals += [sum(h.counts((-weight * w, move), (1 + weight, MARK)) for h in held) for w in (low, high)]
    return min(totals)


def _basis(moves: Iterable[Move], shocks: ExpiryShocks, held: Sequence[_Held], factor: Fraction) -> int:
    """The options of an expiry: mark value and, a share of ``factor`` times, what they lose at most."""
    share = factor * shocks.basis
    moved = [sum(h.counts((share, move), (1 - share, MARK)) for h in held) for move in moves]
    return min([*moved, sum(h.counts((Fraction(1), MARK)) for h in held)])


def _grains(atto: Fraction) -> int:
    return floor(atto / GRAIN) * GRAIN


def _value(lots: int, ends: MarketBox) -> int:
    return lots * (ends.low - ends.funding_high if lots > 0 else ends.high - ends.funding_low)
