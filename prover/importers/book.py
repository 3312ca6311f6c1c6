"""An account on its way in: cash, and at most one net position a market."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from zkmargin import canonical
from zkmargin.documents import Account, Holding
from zkmargin.errors import InputError


@dataclass(frozen=True)
class Entry:
    """A net position. Without an entry price, its cost has been taken out of the cash. An isolated one has a margin."""

    size: Fraction
    entry_price: Fraction | None
    margin: Fraction | None = None


@dataclass
class Book:
    """Exact amounts in units of the quote currency and of the base assets."""

    cash: Fraction = Fraction(0)
    entries: dict[str, Entry] = field(default_factory=dict)
    name: str | None = None
    owner: str | None = None
    collateral: tuple[Holding, ...] | None = None
    debts: tuple[Holding, ...] | None = None

    def add(self, market: str, size: Fraction, entry_price: Fraction | None, margin: Fraction | None = None) -> None:
        """Add a position. A second one in the same market (hedge mode) is netted: both costs move into the cash.

        Equity is cash + sum size * (price - entry), so moving size * entry into the cash changes no equity at any
        price.

        Raises: InputError "isolated": one of the two is isolated.
        """
        if size == 0 and margin is None:
            return
        known = self.entries.pop(market, None)
        if known is None:
            self.entries[market] = Entry(size, entry_price, margin)
            return
        if known.margin is not None or margin is not None:
            raise InputError(f"there are two positions in {market}, with margin of their own", code="isolated")
        self.cash -= known.size * (known.entry_price or 0) + size * (entry_price or 0)
        if known.size + size:
            self.entries[market] = Entry(known.size + size, None)

    def to_account(self, name: str, *, order: Iterable[str], options: Collection[str]) -> Account:
        """The account document, its positions in the venue's order of markets, some of which are ``options``.

        Raises: InputError: an amount that no document holds, or a bad ``name``.
        """
        positions = []
        for market in order:
            entry = self.entries.get(market)
            if entry is None:
                continue
            position = {
                "option" if market in options else "market": market,
                "size": _text(entry.size, f"the size in {market}"),
            }
            if entry.entry_price is not None:
                position["entry_price"] = canonical.format_decimal(entry.entry_price)
            if entry.margin is not None:
                position["margin"] = canonical.format_decimal(entry.margin)
            positions.append(position)
        cash = _text(self.cash, "the cash")
        account = Account.from_value({"schema": Account.SCHEMA, "account": name, "cash": cash, "positions": positions})
        return account.model_copy(update={"owner": self.owner, "collateral": self.collateral, "debts": self.debts})


def _text(amount: Fraction, what: str) -> str:
    """A product or sum of amounts that each fit into a document may not."""
    text = canonical.format_decimal(amount)
    if len(text) > canonical.MAX_DECIMAL_CHARACTERS:
        raise InputError(f"{what} needs more than {canonical.MAX_DECIMAL_CHARACTERS} digits", code="too_many_digits")
    return text
