"""The account file: what a holder, or the venue's position file, says an account holds. Secret."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from .base import DecimalText, Document, MarketName, Name, NonNegativeDecimal, Part, PublicKey, unique

MAX_POSITIONS = 2048


class Position(Part):
    """A signed size in units of a market or of an option. Without ``entry_price``, what a unit was bought or sold for,
    cash is already net of its cost.

    ``margin``: the cash of an isolated position, apart from the account's.
    """

    market: MarketName | None = Field(default=None, repr=False)
    option: MarketName | None = Field(default=None, repr=False)
    size: DecimalText = Field(repr=False)
    entry_price: NonNegativeDecimal | None = Field(default=None, repr=False)
    margin: DecimalText | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.market is None) == (self.option is None):
            raise ValueError("a position is in a market or in an option")
        return self

    @property
    def name(self) -> str:
        """The name of the market or option."""
        return self.market or self.option or ""


class Holding(Part):
    """Collateral that an account has deposited, or a debt that it owes, in units of the asset."""

    asset: MarketName = Field(repr=False)
    amount: NonNegativeDecimal = Field(repr=False)


class Account(Document):
    """zkmargin/account/v1. Equity = cash + sum of size * (price - entry_price) + collateral - debts."""

    SCHEMA: ClassVar[str] = "zkmargin/account/v1"
    schema_: Literal["zkmargin/account/v1"] = Field(default="zkmargin/account/v1", alias="schema")
    account: Name
    cash: DecimalText = Field(repr=False)
    positions: tuple[Position, ...] = Field(default=(), max_length=MAX_POSITIONS, repr=False)
    collateral: tuple[Holding, ...] | None = Field(default=None, max_length=MAX_POSITIONS, repr=False)
    debts: tuple[Holding, ...] | None = Field(default=None, max_length=MAX_POSITIONS, repr=False)
    owner: PublicKey | None = None

    @model_validator(mode="after")
    def _markets_once(self) -> Self:
        unique([position.name for position in self.positions], "a market")
        unique([holding.asset for holding in self.collateral or ()], "a collateral asset")
        unique([holding.asset for holding in self.debts or ()], "a debt's asset")
        return self
