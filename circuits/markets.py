"""Markets and risk parameters: typed, exact, with units. Documents in, integers out.

What both sides must agree on to the last atto is computed here, in boxes.py and prices.py, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import ceil

from zkmargin.canonical import format_decimal, parse_decimal, parse_time
from zkmargin.documents import (
    CASH_LABEL,
    CASH_UNIT,
    Commodity,
    MarketParams,
    OptionRequirements,
    Params,
    Portfolio,
    collateral_label,
    debt_label,
    margin_label,
    position_label,
)
from zkmargin.errors import ContextError

from .boxes import ATTO, PPM, Band, MarketBox, PriceBox
from .program import Hidden


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
        return self.lot.numerator * ATTO // self.lot.denominator

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
