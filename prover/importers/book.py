"""An account on its way in: cash, and at most one net position a market."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from zkmargin import canonical
from zkmargin.documents import Account
from zkmargin.errors import InputError


@dataclass(frozen=True)
class Entry:
    """A net position. Without an entry price, its cost has been taken out of the cash."""

    size: Fraction
    entry_price: Fraction | None


@dataclass
class Book:
    """Exact amounts in units of the quote currency and of the base assets."""

    cash: Fraction = Fraction(0)
    entries: dict[str, Entry] = field(default_factory=dict)
    name: str | None = None
    owner: str | None = None

    def add(self, market: str, size: Fraction, entry_price: Fraction | None) -> None:
        """Add a position. A second one in the same market (hedge mode) is netted: both costs move into the cash.

        Equity is cash + sum size * (price - entry), so moving size * entry into the cash changes no equity at any
        price.
        """
        if size == 0:
            return
        known = self.entries.pop(market, None)
        if known is None:
            self.entries[market] = Entry(size, entry_price)
            return
        self.cash -= known.size * (known.entry_price or 0) + size * (entry_price or 0)
        if known.size + size:
            self.entries[market] = Entry(known.size + size, None)

    def to_account(self, name: str, *, order: Iterable[str]) -> Account:
        """The account document, its positions in the venue's order of markets.

        Raises: InputError: an amount that no document holds, or a bad ``name``.
        """
        positions = []
        for market in order:
            entry = self.entries.get(market)
            if entry is None:
                continue
            position = {"market": market, "size": _text(entry.size, f"the size in {market}")}
            if entry.entry_price is not None:
                position["entry_price"] = canonical.format_decimal(entry.entry_price)
            positions.append(position)
        cash = _text(self.cash, "the cash")
        owner = {} if self.owner is None else {"owner": self.owner}
        return Account.from_value(
            {"schema": Account.SCHEMA, "account": name, "cash": cash, "positions": positions} | owner
        )


def _text(amount: Fraction, what: str) -> str:
    """A product or sum of amounts that each fit into a document may not."""
    text = canonical.format_decimal(amount)
    if len(text) > canonical.MAX_DECIMAL_CHARACTERS:
        raise InputError(f"{what} needs more than {canonical.MAX_DECIMAL_CHARACTERS} digits", code="too_many_digits")
    return text
