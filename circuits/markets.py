"""Markets, risk parameters, prices and holdings: typed, exact, with units. Documents in, integers out.

What both sides must agree on to the last atto is computed here and in boxes.py, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from math import ceil, floor

from zkmargin.bundle import BoxEntry, Request
from zkmargin.canonical import format_decimal, parse_decimal, parse_time
from zkmargin.documents import (
    CASH_LABEL,
    CASH_UNIT,
    Account,
    Commodity,
    MarketParams,
    OptionRequirements,
    Params,
    Portfolio,
    Round,
    collateral_label,
    debt_label,
    margin_label,
    position_label,
)
from zkmargin.errors import ContextError, InputError

from .boxes import ATTO, PPM, Band, MarketBox, PriceBox, box_around
from .program import Hidden

__all__ = [
    "Band",
    "Holdings",
    "Market",
    "PriceBox",
    "RiskParameters",
    "box_around",
    "box_entries",
    "box_from_request",
    "holdings",
    "price_of",
    "prices_of",
]


@dataclass(frozen=True, slots=True)
class Tier:
    """Marginal rates of what is worth more than ``above`` quote units, as fractions."""

    above: Fraction
    initial: Fraction
    maintenance: Fraction


@dataclass(frozen=True, slots=True)
class Contract:
    """An option: a call or a put at a strike in quote units, until a time, valued at the price of ``forward``."""

    is_call: bool
    underlying: str
    forward: str
    strike: Fraction
    expiry_unix_s: int

    @classmethod
    def of(cls, entry: MarketParams) -> Contract | None:
        """The terms of an entry of the document, if it is an option."""
        if entry.underlying is None or entry.strike is None or entry.expiry is None:
            return None
        forward = entry.forward or entry.underlying
        return cls(
            entry.option == "call", entry.underlying, forward, parse_decimal(entry.strike), parse_time(entry.expiry)
        )


@dataclass(frozen=True, slots=True)
class Market:
    """One market of a venue. ``lot`` and ``max_size`` in units of the market, at most 18 decimals.

    ``tiers`` begins with the one above 0. ``short`` has the rates of shorts, if they have their own, or what a debt of
    an asset counts more. ``options`` is what options on it require. The price of an option is its volatility.
    """

    name: str
    kind: str  # "perpetual", "asset", "option", "index" or "contract"
    lot: Fraction
    tiers: tuple[Tier, ...]
    short: Tier | None
    max_size: Fraction
    isolated: bool = False
    open_interest: tuple[Fraction, Fraction] | None = None
    calm_volatility: Fraction | None = None
    fraction_of_initial: tuple[int, int] | None = None
    """Initial rate, and the maintenance requirement as a fraction of that requirement, both in ppm."""
    size_factor: Fraction | None = None
    grows_linearly: bool = False
    short_floor: Fraction = Fraction(0)
    tiers_by_size: bool = False
    contract: Contract | None = None
    options: OptionRequirements | None = None

    @classmethod
    def of(cls, entry: MarketParams) -> Market:
        """The numbers of an entry of the document."""
        fee_ppm = entry.liquidation_fee_ppm or 0

        def rates(above: str, initial_ppm: int, maintenance_ppm: int) -> Tier:
            return Tier(
                parse_decimal(above), Fraction(initial_ppm + fee_ppm, PPM), Fraction(maintenance_ppm + fee_ppm, PPM)
            )

        base = rates("0", entry.initial_ppm or 0, entry.maintenance_ppm or 0)
        kind = entry.kind or "perpetual"
        short = Tier(Fraction(0), Fraction(0), Fraction(0)) if kind == "asset" else None
        if entry.short_initial_ppm is not None and entry.short_maintenance_ppm is not None:
            short = rates("0", entry.short_initial_ppm, entry.short_maintenance_ppm)
        above = (rates(tier.above, tier.initial_ppm, tier.maintenance_ppm) for tier in entry.tiers or ())
        scale, fraction_ppm = entry.open_interest, entry.maintenance_fraction_ppm
        return cls(
            entry.market,
            kind,
            parse_decimal(entry.lot),
            (base, *above),
            short,
            parse_decimal(entry.max_size),
            bool(entry.isolated),
            None if scale is None else (parse_decimal(scale.lower), parse_decimal(scale.upper)),
            None if entry.calm_volatility is None else parse_decimal(entry.calm_volatility),
            None if fraction_ppm is None else (entry.initial_ppm or 0, fraction_ppm),
            None if entry.size_factor is None else parse_decimal(entry.size_factor),
            entry.size_law == "linear",
            parse_decimal(entry.short_floor or "0"),
            entry.tiers_by == "size",
            Contract.of(entry),
            entry.options,
        )

    @property
    def has_more_than_rates(self) -> bool:
        """Whether a position can require more than a rate times its notional, at whatever tier."""
        return bool(self.fraction_of_initial or self.size_factor or self.short_floor)

    @property
    def atto_per_lot(self) -> int:
        """What turns quote units per unit into atto per lot; an integer, because a lot has at most 18 decimals."""
        return int(self.lot * ATTO)

    def at(self, ends: MarketBox) -> Market:
        """This market with the rates that are in force up to the open interest and volatility of ``ends``.

        All rates are multiplied by volatility / calm_volatility where that is above 1, up to 1. An initial rate i then
        becomes i + (1 - i) x, where x rises from 0 to 1 while the open interest, at the highest price, rises from the
        lower to the upper cap. Rates of 1 and more, with a liquidation fee, stay what they are. None of them falls when
        open interest or volatility rise: what is proved at their upper ends holds below. Rounded up at 18 decimals,
        so that what a position requires is a decimal.
        """
        if self.open_interest is None and self.calm_volatility is None:
            return self
        volatility = Fraction(ends.volatility_ppm, PPM)
        factor = max(Fraction(1), volatility / self.calm_volatility) if self.calm_volatility else Fraction(1)
        share = Fraction(0)
        if self.open_interest is not None:
            lower, upper = self.open_interest
            open_notional = Fraction(ends.open_interest * ends.high, ATTO)
            share = max(Fraction(0), min(Fraction(1), (open_notional - lower) / (upper - lower)))

        def up(rate: Fraction) -> Fraction:
            return Fraction(ceil(rate * ATTO), ATTO)

        def raised(rate: Fraction) -> Fraction:
            return max(rate, min(Fraction(1), up(rate * factor)))

        def scaled(tier: Tier) -> Tier:
            initial = raised(tier.initial)
            return Tier(tier.above, up(initial + max(Fraction(0), 1 - initial) * share), raised(tier.maintenance))

        return replace(
            self, tiers=tuple(map(scaled, self.tiers)), short=None if self.short is None else scaled(self.short)
        )

    def around(self, band: Band) -> MarketBox:
        """The smallest integer box, atto per lot, that contains ``band``.

        Raises: ContextError "bad_box".
        """
        ends = MarketBox.around(band, self.atto_per_lot)
        if self.kind == "asset" and ends.funding_low < 0:
            raise ContextError("the interest index of an asset is not below 0", code="bad_box")
        return ends

    @property
    def hidden(self) -> tuple[Hidden, ...]:
        """What an account hides about this market: a signed size, with cash of its own if it is isolated, or collateral
        and debt of an asset. Nobody holds an index."""
        if self.kind == "index":
            return ()
        most = int(self.max_size / self.lot)
        if self.kind == "asset":
            return Hidden(collateral_label(self.name), "amount", most), Hidden(debt_label(self.name), "amount", most)
        position = Hidden(position_label(self.name), "size", most)
        return (position, Hidden(margin_label(self.name), "cash")) if self.isolated else (position,)


@dataclass(frozen=True)
class RiskParameters:
    """The markets of one published version, in its order."""

    venue: str
    version: int
    digest: str
    model: str
    markets: tuple[Market, ...]
    cash: str = CASH_LABEL
    commodities: tuple[Commodity, ...] = ()
    """With their risk arrays, for span."""
    portfolios: tuple[Portfolio, ...] = ()
    """With their scenarios, for portfolio-scenarios."""

    @classmethod
    def from_document(cls, params: Params) -> RiskParameters:
        """The numbers of a document that has validated them."""
        markets = tuple(map(Market.of, params.markets))
        return cls(
            params.venue,
            params.version,
            params.digest,
            params.model,
            markets,
            commodities=params.commodities or (),
            portfolios=params.portfolios or (),
        )

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def hidden(self) -> tuple[Hidden, ...]:
        """The hidden numbers of an account, in the order of the commitments: cash0, then those of every market."""
        return (Hidden(CASH_LABEL, "cash"), *(hidden for market in self.markets for hidden in market.hidden))

    @cached_property
    def units(self) -> dict[str, str]:
        """The unit of every label, in the order of the commitments: an atto of cash, a lot of everything else."""
        return {CASH_LABEL: CASH_UNIT} | {
            hidden.label: CASH_UNIT if hidden.kind == "cash" else format_decimal(market.lot)
            for market in self.markets
            for hidden in market.hidden
        }

    @property
    def has_options(self) -> bool:
        """Whether what is required depends on time."""
        return any(market.contract is not None for market in self.markets)

    @property
    def values_of_options(self) -> int:
        """About how many values of options one claim takes: at fifty prices or volatilities, or in every scenario."""
        moves = max((len(portfolio.scenarios) for portfolio in self.portfolios), default=0)
        return sum(market.contract is not None for market in self.markets) * max(50, moves)

    def hidden_at(self, time_unix_s: int) -> tuple[Hidden, ...]:
        """``hidden``, but that nobody holds an option that has expired at this time: it is cash, or nothing. Nor does
        anybody owe an asset that hedges options: what it gains would count, and what is owed would lose nothing."""
        nothing = {debt_label(asset) for portfolio in self.portfolios for asset in portfolio.collateral or ()}
        nothing |= {
            position_label(market.name)
            for market in self.markets
            if market.contract is not None and market.contract.expiry_unix_s <= time_unix_s
        }
        return tuple(replace(hidden, kind="none") if hidden.label in nothing else hidden for hidden in self.hidden)

    def at(self, box: PriceBox) -> RiskParameters:
        """These parameters with the rates that are in force over ``box``."""
        markets = tuple(market.at(ends) for market, ends in zip(self.markets, box, strict=True))
        return self if markets == self.markets else replace(self, markets=markets)

    def parts(self, box: PriceBox) -> list[tuple[RiskParameters, PriceBox]]:
        """What stands on its own: everything that shares the account's cash, then every isolated position. Each has
        to satisfy a claim by itself."""
        pairs = list(zip(self.markets, box, strict=True))
        shared = [pair for pair in pairs if not pair[0].isolated]
        alone = [(margin_label(pair[0].name), [pair]) for pair in pairs if pair[0].isolated]
        return [
            (replace(self, markets=tuple(market for market, _ in part), cash=cash), tuple(ends for _, ends in part))
            for cash, part in [(CASH_LABEL, shared), *alone]
        ]

    def box(self, bands: Sequence[Band]) -> PriceBox:
        """The smallest integer box, atto per lot, that contains ``bands``.

        Raises: ContextError "bad_box".
        """
        return tuple(market.around(band) for market, band in zip(self.markets, bands, strict=True))


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


@dataclass(frozen=True)
class Holdings:
    """What an account commits to: cash at funding index zero, then every other label in its unit. Secret."""

    cash0_atto: int = field(repr=False)
    size_lots: tuple[int, ...] = field(repr=False)

    def values(self, params: RiskParameters) -> dict[str, int]:
        """Label -> hidden value, for every label, zeros included."""
        return dict(zip(params.units, (self.cash0_atto, *self.size_lots), strict=True))


def holdings(account: Account, params: RiskParameters, prices: Sequence[Band]) -> Holdings:
    """The hidden values of an account, every rounding against the holder.

        cash0 = floor(cash) - sum ceil(size * entry price) + sum F q       in atto; F q: F lots' worth of funding index

    F is the cumulative index of the round, in whole atto per lot. A long gains from a higher F at the start, a short
    from a lower one: so F is the lower median, rounded down, for a long, and the upper, rounded up, for a short.

    Raises: InputError "unknown_market", "off_grid" (names the nearest sizes), "above_maximum": the message tells of a
            position, so it is for the holder's own screen only; the code is not.
    """
    positions = {position.name: position for position in account.positions}
    collateral = {holding.asset: holding.amount for holding in account.collateral or ()}
    debts = {holding.asset: holding.amount for holding in account.debts or ()}
    _check_known([p.market for p in account.positions if p.market], params, ("perpetual", "contract"), "market")
    _check_known([p.option for p in account.positions if p.option], params, ("option",), "option")
    _check_known([*collateral, *debts], params, ("asset",), "asset")
    cash0_atto = floor(parse_decimal(account.cash) * ATTO)
    size_lots: list[int] = []
    for market, index in zip(params.markets, params.box(prices), strict=True):
        if market.kind == "index":
            continue
        if market.kind == "asset":
            size_lots += [_lots(held.get(market.name, "0"), market) for held in (collateral, debts)]
            continue
        position = positions.get(market.name)
        lots = _lots(position.size, market) if position else 0
        size_lots.append(lots)
        change_atto = lots * (index.funding_low if lots > 0 else index.funding_high)
        if position and position.entry_price is not None:
            change_atto -= ceil(lots * market.atto_per_lot * parse_decimal(position.entry_price))
        if position and (position.margin is None) is market.isolated:
            raise InputError(
                f"a position in {market.name} {'needs' if market.isolated else 'has no'} margin of its own",
                code="isolated",
            )
        if market.isolated:
            margin = position.margin if position and position.margin is not None else "0"
            size_lots.append(floor(parse_decimal(margin) * ATTO) + change_atto)
        else:
            cash0_atto += change_atto
    return Holdings(cash0_atto, tuple(size_lots))


def _check_known(names: Iterable[str], params: RiskParameters, kinds: Sequence[str], what: str) -> None:
    unknown = sorted(set(names) - {market.name for market in params.markets if market.kind in kinds})
    if unknown:
        raise InputError(f"the risk parameters have no {what} {unknown[0]}", code="unknown_market")


def _lots(text: str, market: Market) -> int:
    size = parse_decimal(text)
    lots = size / market.lot
    if lots.denominator != 1:
        low, high = (format_decimal(n * market.lot) for n in (floor(lots), ceil(lots)))
        raise InputError(
            f"the size in {market.name} is not a multiple of its lot {format_decimal(market.lot)}: "
            f"the nearest sizes are {low} and {high}",
            code="off_grid",
        )
    if abs(size) > market.max_size:
        raise InputError(f"the size in {market.name} is above the maximum of the risk parameters", code="above_maximum")
    return int(lots)
