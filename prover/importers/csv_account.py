"""CSV: the header ``market,size,entry_price``, one row a position, and one row ``cash,AMOUNT,``."""

from __future__ import annotations

import csv
import io
from fractions import Fraction

from zkmargin import canonical
from zkmargin.errors import InputError

from .book import Book
from .symbols import Markets

_HEADER = ["market", "size", "entry_price"]


def read(content: bytes, markets: Markets) -> Book:
    """The book in ``content``.

    Raises: InputError: names the line, never its amounts.
    """
    book = Book()
    cash: Fraction | None = None
    seen: set[str] = set()
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except (UnicodeDecodeError, csv.Error):
        raise InputError("the file is not CSV in UTF-8", code="bad_csv") from None
    if not rows or rows[0][1] != _HEADER:
        raise InputError(f"the first line of the CSV must be {','.join(_HEADER)}", code="bad_csv")
    for line, row in rows[1:]:
        if len(row) not in (2, 3):
            raise InputError(f"line {line}: three columns are needed, {','.join(_HEADER)}", code="bad_csv")
        market, size, entry_price = (*row, "")[:3]
        if market in seen:
            raise InputError(f"line {line}: a second row of this name", code="bad_csv")
        seen.add(market)
        if market == "cash":
            if entry_price:
                raise InputError(f"line {line}: the row of the cash is cash,AMOUNT,", code="bad_csv")
            cash = _amount(size, line)
        else:
            book.add(markets.find(market), _amount(size, line), _amount(entry_price, line) if entry_price else None)
    if cash is None:
        raise InputError("the CSV needs a row cash,AMOUNT,", code="bad_csv")
    book.cash += cash
    return book


def _amount(text: str, line: int) -> Fraction:
    try:
        return canonical.parse_decimal(text)
    except InputError as error:
        raise InputError(f"line {line}: {error}", code=error.code) from None
