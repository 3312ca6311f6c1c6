"""Risk arrays: what a unit of each contract loses in every scenario, published by a clearing house."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from .. import canonical
from .base import DecimalText, MarketName, NonNegativeDecimal, Part, PositiveDecimal, unique

MAX_SCENARIOS = 64
MAX_CONTRACTS = 500


class RiskArray(Part):
    """Of one unit held long: the loss in every scenario, and its delta. Shorts lose the opposite."""

    market: MarketName
    losses: tuple[DecimalText, ...] = Field(min_length=1, max_length=MAX_SCENARIOS)
    delta: DecimalText
    option: Literal[True] | None = None


class Commodity(Part):
    """Contracts on one thing, margined together.

    The initial requirement is ``initial_factor`` times the maintenance one. ``spread_charge``: for a delta that is long
    in one contract and short in another; ``short_option_minimum``: for every unit of a short option.
    """

    commodity: MarketName
    initial_factor: PositiveDecimal
    spread_charge: NonNegativeDecimal = "0"
    short_option_minimum: NonNegativeDecimal = "0"
    contracts: tuple[RiskArray, ...] = Field(min_length=1, max_length=MAX_CONTRACTS)

    @model_validator(mode="after")
    def _same_scenarios(self) -> Self:
        unique([contract.market for contract in self.contracts], "a contract")
        if canonical.parse_decimal(self.initial_factor) < 1:
            raise ValueError("the initial factor is 1 at least")
        if len({len(contract.losses) for contract in self.contracts}) != 1:
            raise ValueError("the contracts of a commodity have losses in the same scenarios")
        return self
