"""Risk parameters: the markets of a venue, their lots and rates. Public, signed, versioned."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .. import canonical
from .base import Counter, Document, MarketName, Name, NonNegativeDecimal, Part, PositiveDecimal, Ppm, Time, unique
from .portfolios import Portfolio
from .risk_arrays import Commodity

MAX_LOT_DECIMALS = 18
MAX_SIZE_LOTS = 2**48 - 1
MAX_MARKETS = 500
MAX_TIERS = 15
MAX_TIER = 10**24
PPM = 1_000_000


Model = Literal[
    "perpetuals-cross",
    "perpetuals-brackets",
    "perpetuals-dydx",
    "perpetuals-steps",
    "perpetuals-size-weighted",
    "equity-reg-t",
    "lending",
    "options-standard",
    "portfolio-scenarios",
    "span",
]


class Tier(Part):
    """Marginal rates for what a position is worth ``above`` so many quote units."""

    above: PositiveDecimal
    initial_ppm: Ppm
    maintenance_ppm: Ppm

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if canonical.parse_decimal(self.above) > MAX_TIER:
            raise ValueError("a tier begins at 10^24 at most: nothing that can be proved is worth more")
        return self


ONLY_OF = {
    "maintenance_fraction_ppm": "perpetuals-dydx",
    "size_factor": "perpetuals-size-weighted",
    "size_law": "perpetuals-size-weighted",
    "short_floor": "equity-reg-t",
    "options": "options-standard",
    "tiers_by": "perpetuals-steps",
}
"""What one model reads and the others would pass over."""

OPTION_MODELS = ("options-standard", "portfolio-scenarios")
"""The models that know options and indices; any other would pass over them."""


class OpenInterestScale(Part):
    """The initial rate rises to 1 while the market's open interest rises from ``lower`` to ``upper`` quote units."""

    lower: NonNegativeDecimal
    upper: PositiveDecimal

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if canonical.parse_decimal(self.lower) >= canonical.parse_decimal(self.upper):
            raise ValueError("the lower cap must be below the upper one")
        return self


_TERMS = frozenset(
    {"market", "kind", "lot", "max_size", "underlying", "forward", "option", "strike", "expiry", "options"}
)
"""What options and indices may have."""

Scale = Annotated[int, Field(ge=1_000_000, le=3_000_000)]
Penalty = Annotated[int, Field(ge=0, le=3_000_000)]


class OptionRequirements(Part):
    """What short options on a market require beside their mark value, in parts per million of its price.

    Initial: ``initial_most_ppm`` less how far out of the money, but ``initial_least_ppm``; of a put, at least its
    maintenance requirement, mark value included, times ``put_initial_scale_ppm``. Maintenance: the rate of calls or of
    puts; of a put, at least ``put_mark_ppm`` of its mark value. The other method pays for calls that no long call
    covers, each at the forward price times an ``unpaired`` scale. Initially a short requires the penalty besides, by
    either method: while the venue's cash is below its peg, or a feed is not trusted.
    """

    initial_most_ppm: Ppm
    initial_least_ppm: Ppm
    call_maintenance_ppm: Ppm
    put_maintenance_ppm: Ppm
    put_mark_ppm: Ppm
    put_initial_scale_ppm: Scale
    unpaired_initial_ppm: Scale
    unpaired_maintenance_ppm: Scale
    initial_penalty_ppm: Penalty | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.call_maintenance_ppm <= self.initial_least_ppm <= self.initial_most_ppm:
            raise ValueError("the initial rates must not be below the maintenance rate of calls, nor out of order")
        if self.unpaired_maintenance_ppm > self.unpaired_initial_ppm:
            raise ValueError("the maintenance scale must not be above the initial one")
        return self


class MarketParams(Part):
    """A market: size grid (``lot``), initial and maintenance rate in parts per million, largest position.

    A position in an ``isolated`` market has cash of its own, and no other. A liquidation fee is required beside every
    rate. Rates are as stated up to the
    ``calm_volatility`` that an oracle reports, and rise in proportion above it. A ``maintenance_fraction_ppm`` is of
    the initial rate, rounded twice; tiers are told by value or ``tiers_by`` size; a ``size_factor`` makes rates grow
    with the square root of a size, or as the ``size_law`` says; a short requires ``short_floor`` a unit at least.
    Of a ``kind`` "asset", the rates are the haircuts of collateral and the ``short`` rates what a debt counts more.
    An "option" is a call or a put at a ``strike``, that lives until ``expiry``, on the price of another market of the
    list, the ``underlying``; its own quote is its implied volatility. It is valued at the price of ``forward``, or else
    of the underlying. An "index" is a price that nobody holds. A "contract" is
    a position whose risk stands with its commodity or portfolio. None of these has rates.
    """

    market: MarketName
    kind: Literal["asset", "option", "index", "contract"] | None = None
    lot: PositiveDecimal
    underlying: MarketName | None = None
    forward: MarketName | None = None
    option: Literal["call", "put"] | None = None
    strike: PositiveDecimal | None = None
    expiry: Time | None = None
    initial_ppm: Ppm | None = None
    maintenance_ppm: Ppm | None = None
    options: OptionRequirements | None = None
    short_initial_ppm: Ppm | None = None
    short_maintenance_ppm: Ppm | None = None
    isolated: Literal[True] | None = None
    liquidation_fee_ppm: Ppm | None = None
    open_interest: OpenInterestScale | None = None
    calm_volatility: PositiveDecimal | None = None
    maintenance_fraction_ppm: Ppm | None = None
    size_factor: PositiveDecimal | None = None
    size_law: Literal["linear"] | None = None
    short_floor: PositiveDecimal | None = None
    tiers_by: Literal["size"] | None = None
    tiers: tuple[Tier, ...] | None = Field(default=None, min_length=1, max_length=MAX_TIERS)
    max_size: PositiveDecimal

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        lot = canonical.parse_decimal(self.lot)
        lots = canonical.parse_decimal(self.max_size) / lot
        if 10**MAX_LOT_DECIMALS % lot.denominator:
            raise ValueError("a lot has at most 18 decimals")
        if lots > MAX_SIZE_LOTS:
            raise ValueError("max_size must be at most 2^48 - 1 lots")
        terms = (self.underlying, self.option, self.strike, self.expiry)
        if (self.kind == "option") != all(terms) or (self.kind != "option" and (any(terms) or self.forward)):
            raise ValueError("an option, and nothing else, has an underlying, a strike, an expiry and option")
        if self.strike is not None and 10**MAX_LOT_DECIMALS % canonical.parse_decimal(self.strike).denominator:
            raise ValueError("a strike has at most 18 decimals")
        if self.kind in ("option", "index", "contract"):
            if any(getattr(self, name) is not None for name in self.model_fields_set - _TERMS):
                raise ValueError("an option, an index or a contract has no rates")
            return self
        if self.initial_ppm is None or self.maintenance_ppm is None:
            raise ValueError("a market has an initial and a maintenance rate")
        if (self.short_initial_ppm is None) != (self.short_maintenance_ppm is None):
            raise ValueError("the initial and the maintenance rate of shorts come together")
        if self.kind is not None and self.isolated:
            raise ValueError("only the positions of a perpetual can be isolated")
        if self.kind is not None and self.liquidation_fee_ppm:
            raise ValueError("only the positions of a perpetual have a liquidation fee")
        if self.kind is None and not (self.initial_ppm and self.maintenance_ppm):
            raise ValueError("the rates of a market are above zero")
        if self.kind is None and self.short_initial_ppm is not None and self.tiers:
            raise ValueError("a market has tiers or rates of shorts, not both")
        steps = [(self.initial_ppm, self.maintenance_ppm)]
        steps += [(tier.initial_ppm, tier.maintenance_ppm) for tier in self.tiers or ()]
        if any(m > i for i, m in (*steps, (self.short_initial_ppm or 0, self.short_maintenance_ppm or 0))):
            raise ValueError("the maintenance rate must not be above the initial rate")
        if any(a > b for low, high in pairwise(steps) for a, b in zip(low, high, strict=True)):
            raise ValueError("the rates of tiers must not fall")
        edges = [canonical.parse_decimal(tier.above) for tier in self.tiers or ()]
        if any(a >= b for a, b in pairwise(edges)):
            raise ValueError("tiers come in the order of their values")
        fraction_ppm = self.maintenance_fraction_ppm
        if fraction_ppm is not None and self.maintenance_ppm != self.initial_ppm * fraction_ppm // PPM:
            raise ValueError("the maintenance rate is the maintenance fraction of the initial rate, rounded down")
        if self.size_law is not None and self.size_factor is None:
            raise ValueError("a size law needs a size factor")
        if self.tiers_by is not None and not self.tiers:
            raise ValueError("there are no tiers to be told by size")
        return self


class Params(Document):
    """zkmargin/params/v1."""

    SCHEMA: ClassVar[str] = "zkmargin/params/v1"
    schema_: Literal["zkmargin/params/v1"] = Field(default="zkmargin/params/v1", alias="schema")
    venue: Name
    version: Counter
    model: Model
    quote: Name
    markets: tuple[MarketParams, ...] = Field(min_length=1, max_length=MAX_MARKETS)
    commodities: tuple[Commodity, ...] | None = Field(default=None, min_length=1, max_length=MAX_MARKETS)
    portfolios: tuple[Portfolio, ...] | None = Field(default=None, min_length=1, max_length=MAX_MARKETS)

    @model_validator(mode="after")
    def _markets_once(self) -> Self:
        unique([market.market for market in self.markets], "a market")
        if self.model not in OPTION_MODELS and any(market.kind in ("option", "index") for market in self.markets):
            raise ValueError("the margin model knows no options")
        priced = {market.market for market in self.markets if market.kind != "option" and not market.isolated}
        for market in self.markets:
            if not {market.underlying, market.forward} - {None} <= priced:
                raise ValueError("an option is on a market of the list that is no option and not isolated")
        for key, model in ONLY_OF.items():
            if self.model != model and any(getattr(market, key) is not None for market in self.markets):
                raise ValueError(f"{key} is for {model} only")
        return self

    @model_validator(mode="after")
    def _contracts_once(self) -> Self:
        if (self.model == "span") != (self.commodities is not None):
            raise ValueError("commodities with their risk arrays are for span, which needs them")
        unique([commodity.commodity for commodity in self.commodities or ()], "a commodity")
        named = [contract.market for commodity in self.commodities or () for contract in commodity.contracts]
        named += [market for portfolio in self.portfolios or () for market in portfolio.contracts or ()]
        if sorted(named) != sorted(self._of_kind("contract")):
            raise ValueError("every market of kind contract, and no other, is in exactly one commodity or portfolio")
        if self.model == "span" and any(market.kind not in ("contract", "asset") for market in self.markets):
            raise ValueError("the markets of span are contracts and assets")
        return self

    @model_validator(mode="after")
    def _portfolios_once(self) -> Self:
        if (self.model == "portfolio-scenarios") != (self.portfolios is not None):
            raise ValueError("portfolios are for portfolio-scenarios, which needs them")
        if self.portfolios is None:
            return self
        if any(market.kind is None for market in self.markets):
            raise ValueError("the markets of portfolio-scenarios are contracts, options, indices and assets")
        underlyings = [portfolio.underlying for portfolio in self.portfolios]
        unique(underlyings, "an underlying of portfolios")
        if not {market.underlying for market in self.markets if market.underlying} <= set(underlyings):
            raise ValueError("the underlying of every option has a portfolio")
        if not set(underlyings) <= {*self._of_kind("contract"), *self._of_kind("index"), *self._of_kind("asset")}:
            raise ValueError("the underlying of a portfolio is a market of the list that is no option")
        for portfolio in self.portfolios:
            expiries = {market.expiry for market in self.markets if market.underlying == portfolio.underlying}
            if not {rate.expiry for rate in portfolio.rates or ()} <= expiries:
                raise ValueError("a rate is of an expiry of the portfolio's options")
        collateral = [asset for portfolio in self.portfolios for asset in portfolio.collateral or ()]
        unique(collateral, "a collateral asset of portfolios")
        if not set(collateral) <= set(self._of_kind("asset")):
            raise ValueError("the collateral of a portfolio is assets of the list")
        return self

    def _of_kind(self, kind: str) -> list[str]:
        return [market.market for market in self.markets if market.kind == kind]
