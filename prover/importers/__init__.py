"""Account files of other programs, read into ``zkmargin/account/v1``.

Every importer ends in one ``Book``: exact amounts, one entry a market. Markets are the venue's; nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction

from circuits.boxes import Band
from circuits.holdings import holdings
from circuits.markets import RiskParameters
from zkmargin import canonical
from zkmargin.documents import Account, Params, read
from zkmargin.errors import InputError

from . import ccxt, csv_account, lenient_json
from .book import Book
from .symbols import Markets

__all__ = ["Kind", "import_account"]


class Kind(StrEnum):
    """A form of account file."""

    AUTO = "auto"
    ACCOUNT = "account"
    CSV = "csv"
    CCXT = "ccxt"


def import_account(
    content: bytes,
    params: Params,
    *,
    kind: Kind = Kind.AUTO,
    mapping: Mapping[str, str] | None = None,
    name: str | None = None,
    unnamed: str = "account",
    cash_currency: str | None = None,
    balance: bytes | None = None,
) -> Account:
    """The account in ``content``, with every size on the venue's grid.

    Args:   mapping: symbols of the file -> markets of the venue, before any rule.
            name: of the account, instead of the file's own; ``unnamed``: where neither says.
            cash_currency: which currency of a ccxt balance is the cash; ``balance``: the balance, if in a file of its
            own.
    Raises: InputError: a sentence that names the row or symbol, and for a size off the grid the two nearest sizes.
    """
    markets = Markets.of(params, mapping or {})
    if kind is Kind.AUTO:
        kind = guess(content)
    if kind is not Kind.CCXT and (cash_currency is not None or balance is not None):
        raise InputError("--balance and --cash-currency are for ccxt files", code="usage")
    if kind is Kind.CSV:
        book = csv_account.read(content, markets)
    elif kind is Kind.CCXT:
        book = ccxt.read(content, markets, cash_currency=cash_currency, balance=balance)
    else:
        book = _account(content, markets)
    account = book.to_account(name or book.name or unnamed, order=markets.names, options=markets.options)
    _check_grid(account, params)
    return account


def _check_grid(account: Account, params: Params) -> None:
    """Refuse a size that no statement could hold, now rather than at the first proof. Prices do not matter for that."""
    nothing = Band(Fraction(0), Fraction(0), Fraction(0), Fraction(0))
    holdings(account, RiskParameters.from_document(params), [nothing] * len(params.markets))


def guess(content: bytes) -> Kind:
    """The kind of a file from its first character and its ``schema``."""
    if not content.lstrip().startswith((b"{", b"[")):
        return Kind.CSV
    value = lenient_json.parse(content)
    return Kind.ACCOUNT if isinstance(value, dict) and "schema" in value else Kind.CCXT


def _account(content: bytes, markets: Markets) -> Book:
    account = read(content, Account).document
    book = Book(
        cash=canonical.parse_decimal(account.cash),
        name=account.account,
        owner=account.owner,
        collateral=account.collateral,
        debts=account.debts,
    )
    for position in account.positions:
        book.add(
            markets.find(position.name),
            canonical.parse_decimal(position.size),
            _optional(position.entry_price),
            _optional(position.margin),
        )
    return book


def _optional(text: str | None) -> Fraction | None:
    return None if text is None else canonical.parse_decimal(text)
