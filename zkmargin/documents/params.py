"""Risk parameters: the markets of a venue, their lots and rates. Public, signed, versioned."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from .. import canonical
from .base import Counter, Document, MarketName, Name, Part, PositiveDecimal, Ppm, unique

MAX_LOT_DECIMALS = 18
MAX_SIZE_LOTS = 2**48 - 1
MAX_MARKETS = 500


class MarketParams(Part):
    """A market: size grid (``lot``), initial and maintenance rate in parts per million, largest position."""

    market: MarketName
    lot: PositiveDecimal
    initial_ppm: Ppm
    maintenance_ppm: Ppm
    max_size: PositiveDecimal

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        lot = canonical.parse_decimal(self.lot)
        lots = canonical.parse_decimal(self.max_size) / lot
        if 10**MAX_LOT_DECIMALS % lot.denominator:
            raise ValueError("a lot has at most 18 decimals")
        if self.maintenance_ppm > self.initial_ppm:
            raise ValueError("the maintenance rate must not be above the initial rate")
        if lots > MAX_SIZE_LOTS:
            raise ValueError("max_size must be at most 2^48 - 1 lots")
        return self


class Params(Document):
    """zkmargin/params/v1."""

    SCHEMA: ClassVar[str] = "zkmargin/params/v1"
    schema_: Literal["zkmargin/params/v1"] = Field(default="zkmargin/params/v1", alias="schema")
    venue: Name
    version: Counter
    model: Literal["perpetuals-cross"]
    quote: Name
    markets: tuple[MarketParams, ...] = Field(min_length=1, max_length=MAX_MARKETS)

    @model_validator(mode="after")
    def _markets_once(self) -> Self:
        unique([market.market for market in self.markets], "a market")
        return self
