"""Positions and balances in ccxt's unified form, without ccxt itself.

A file is ``{"positions": [..], "balance": {..}}``, or the list that ``fetch_positions`` returned with the balance in
a file of its own. Read are ``symbol``, ``side``, ``contracts``, ``contractSize`` and ``entryPrice`` of a position,
and the ``total`` of one currency of the balance: the wallet's balance, before unrealised profit.

ccxt makes floats unless told otherwise, and a float has lost the exchange's digits: set ``exchange.number = str``.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from zkmargin import canonical
from zkmargin.errors import InputError

from . import lenient_json
from .book import Book
from .lenient_json import FloatText
from .symbols import Markets

_DIGITS = canonical.MAX_DECIMAL_CHARACTERS
_NOT_CURRENCIES = {"info", "free", "used", "total", "debt", "timestamp", "datetime"}


def read(content: bytes, markets: Markets, *, cash_currency: str | None, balance: bytes | None) -> Book:
    """The book in ``content``.

    Raises: InputError: names the symbol or currency, never an amount.
    """
    value = lenient_json.parse(content)
    if isinstance(value, dict) and "positions" in value:
        positions, balance_value = value["positions"], value.get("balance")
    else:
        positions, balance_value = value, None
    if balance is not None:
        balance_value = lenient_json.parse(balance)
    if not isinstance(positions, list) or not all(isinstance(position, dict) for position in positions):
        raise InputError("a ccxt file is a list of positions, or an object with positions and balance", code="bad_ccxt")
    if not isinstance(balance_value, dict):
        raise InputError("the cash is missing: add the ccxt balance, or name its file with --balance", code="bad_ccxt")
    book = Book()
    settlements: set[str] = set()
    for position in positions:
        _add(book, position, markets, settlements)
    book.cash += _cash(balance_value, markets.quote, settlements, cash_currency)
    return book


def _add(book: Book, position: Mapping[str, Any], markets: Markets, settlements: set[str]) -> None:
    symbol = position.get("symbol")
    if not isinstance(symbol, str) or not symbol:
        raise InputError("a position has no symbol", code="bad_ccxt")
    base_quote, _, settlement = symbol.partition(":")
    if settlement:
        if settlement != base_quote.partition("/")[2]:
            raise InputError(f"{symbol}: only contracts that settle in their quote currency are read", code="bad_ccxt")
        settlements.add(settlement)
    contracts = _amount(position, "contracts", symbol)
    if contracts is None:
        raise InputError(f"{symbol}: the position has no contracts", code="bad_ccxt")
    if contracts == 0:
        return
    contract_size = _amount(position, "contractSize", symbol)
    size = contracts * (1 if contract_size is None else contract_size)
    side = position.get("side")
    if side not in ("long", "short") or size < 0:
        raise InputError(f"{symbol}: side must be long or short, with a positive number of contracts", code="bad_ccxt")
    entry_price = _amount(position, "entryPrice", symbol)
    if entry_price is None:
        # A ccxt balance is not net of cost, so a position without a price would be counted at its whole value.
        raise InputError(f"{symbol}: the position has no entryPrice", code="bad_ccxt")
    book.add(markets.find(symbol), size if side == "long" else -size, entry_price)


def _cash(balance: Mapping[str, Any], quote: str, settlements: set[str], chosen: str | None) -> Fraction:
    """The total of one currency: the chosen one, else the one that all positions settle in, else the venue's quote."""
    totals = _totals(balance)
    if chosen is None:
        candidates = settlements or {quote}
        chosen = min(candidates)
        if len(candidates) > 1 or chosen not in totals:
            raise InputError("say with --cash-currency which currency of the balance is the cash", code="bad_ccxt")
    elif chosen not in totals:
        raise InputError(f"the balance has no total of {chosen}", code="bad_ccxt")
    for currency, total in totals.items():
        if total < 0 and currency != chosen:
            raise InputError(
                f"the balance has a debt in {currency}, which this margin rule cannot count", code="bad_ccxt"
            )
    return totals[chosen]


def _totals(balance: Mapping[str, Any]) -> dict[str, Fraction]:
    """``{'USDC': {'total': ..}}`` and ``{'total': {'USDC': ..}}`` say the same; either is read, both must agree."""
    totals: dict[str, Fraction] = {}
    by_kind = balance.get("total")
    if isinstance(by_kind, dict):
        for currency in by_kind:
            amount = _amount(by_kind, currency, currency)
            if amount is not None:
                totals[currency] = amount
    for currency, amounts in balance.items():
        if currency in _NOT_CURRENCIES or not isinstance(amounts, dict):
            continue
        if _amount(amounts, "debt", currency):
            raise InputError(
                f"the balance has a debt in {currency}, which this margin rule cannot count", code="bad_ccxt"
            )
        amount = _amount(amounts, "total", currency)
        if amount is None:
            continue
        if totals.setdefault(currency, amount) != amount:
            raise InputError(f"the balance gives two totals of {currency}", code="bad_ccxt")
    return totals


def _amount(holder: Mapping[str, Any], key: str, where: str) -> Fraction | None:
    value = holder.get(key)
    if value is None:
        return None
    if isinstance(value, FloatText):
        raise InputError(
            f"{where}: {key} is a float, which has lost the exchange's digits;"
            " write amounts as strings (in ccxt: exchange.number = str)",
            code="float",
        )
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # an integer has as many digits as a string may: products of amounts stay small
    if isinstance(value, str):
        try:
            return canonical.parse_decimal(value)
        except InputError:
            pass
    raise InputError(
        f"{where}: {key} must be a decimal string or an integer, of at most {_DIGITS} characters", code="bad_ccxt"
    )
