"""Portfolio margin: price and volatility scenarios, and what is required beside the worst of them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from .. import canonical
from .base import DecimalText, MarketName, NonNegativeDecimal, Part, PositiveDecimal, Ppm, Time, unique

MAX_SCENARIOS = 64
MAX_MEMBERS = 500
MAX_DECIMALS = 18
MAX_NUMBER = 100


def _small(text: str) -> str:
    """At most 18 decimals and 100 in size: whatever is computed from it stays short."""
    number = canonical.parse_decimal(text)
    if abs(number) > MAX_NUMBER or 10**MAX_DECIMALS % number.denominator:
        raise ValueError(f"a number of a portfolio is at most {MAX_NUMBER}, with at most {MAX_DECIMALS} decimals")
    return text


Share = Annotated[NonNegativeDecimal, AfterValidator(_small)]
Factor = Annotated[PositiveDecimal, AfterValidator(_small)]
Signed = Annotated[DecimalText, AfterValidator(_small)]


class Scenario(Part):
    """All prices are multiplied by ``spot``, volatilities move ``up`` or ``down`` or as a ``linear`` or ``abs`` skew,
    and ``dampening`` of what is lost counts."""

    spot: Share
    vol: Literal["up", "down", "linear", "abs"] | None = None
    dampening: Factor = "1"

    @model_validator(mode="after")
    def _skew_at_spot(self) -> Self:
        if self.vol in ("linear", "abs") and canonical.parse_decimal(self.spot) != 1:
            raise ValueError("a skew does not move the price")
        return self


class VolatilityShock(Part):
    """A volatility is multiplied by 1 + ``up`` s or 1 - ``down`` s, where s = (30 / days to expiry)^power; the power is
    the short one up to 30 days, and there are at least ``least_days``. Up, it is at least ``least_up``."""

    up: Share
    down: Share
    short_power: Share = "0"
    long_power: Share = "0"
    least_days: Factor = "1"
    least_up: Share = "0"

    @model_validator(mode="after")
    def _falls_with_time(self) -> Self:
        if canonical.parse_decimal(self.least_days) > 30:
            raise ValueError("the least number of days is at most 30")
        return self


class Discount(Part):
    """base * exp(-t (rate_share * r + rate)) of gains, and with the other sign of losses; t years, r the rate of the
    expiry."""

    base: Factor
    rate_share: Share = "0"
    rate: Share = "0"


class Basis(Part):
    """Every expiry loses the most at ``up`` or ``down`` of its price, times ``add`` + ``per_year`` t, and together."""

    up: Factor
    down: Factor
    add: Share
    per_year: Share


class Skew(Part):
    """A volatility is multiplied by 1 + c clip(x / w, -1, 1) with x = ln(strike / forward), or |x| for ``abs``.

    c = cap + slope s and w = max(least_width, s width (vol + vol_slope s)), s the square root of the years to expiry.
    """

    linear_cap: Share
    linear_slope: Signed = "0"
    abs_cap: Share
    abs_slope: Signed = "0"
    least_width: Factor
    width: Share
    vol: Share
    vol_slope: Signed = "0"


class ExpiryRate(Part):
    """The interest rate a year that options of one expiry are discounted at."""

    expiry: Time
    rate: Share


class Portfolio(Part):
    """Options on one ``underlying``, ``contracts`` and assets that hedge them, margined together."""

    underlying: MarketName
    contracts: tuple[MarketName, ...] | None = Field(default=None, max_length=MAX_MEMBERS)
    collateral: tuple[MarketName, ...] | None = Field(default=None, max_length=MAX_MEMBERS)
    scenarios: tuple[Scenario, ...] = Field(min_length=1, max_length=MAX_SCENARIOS)
    initial_factor: Factor
    maintenance_factor: Factor
    volatility: VolatilityShock
    gains: Discount | None = None
    losses: Discount | None = None
    basis: Basis | None = None
    skew: Skew | None = None
    rates: tuple[ExpiryRate, ...] | None = Field(default=None, max_length=MAX_MEMBERS)
    contract_initial_ppm: Ppm = 0
    contract_maintenance_ppm: Ppm = 0
    short_option_initial_ppm: Ppm = 0
    short_option_maintenance_ppm: Ppm = 0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unique([rate.expiry for rate in self.rates or ()], "an expiry")
        if any(scenario.vol in ("linear", "abs") for scenario in self.scenarios) and self.skew is None:
            raise ValueError("skew scenarios need a skew")
        if canonical.parse_decimal(self.maintenance_factor) > canonical.parse_decimal(self.initial_factor):
            raise ValueError("the maintenance factor must not be above the initial one")
        pairs = (
            (self.contract_maintenance_ppm, self.contract_initial_ppm),
            (self.short_option_maintenance_ppm, self.short_option_initial_ppm),
        )
        if any(maintenance > initial for maintenance, initial in pairs):
            raise ValueError("a maintenance rate must not be above the initial one")
        return self
