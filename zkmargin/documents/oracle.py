"""Oracle reports, and the round that several of them make. Public, signed.

A round is at least M reports by distinct keys. Its price of a market is the interval from the lower to the upper median
of the reports (one point when their number is odd); likewise the cumulative funding index. Both medians must lie in a
box.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from itertools import pairwise
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .. import canonical
from ..envelope import is_envelope
from ..errors import ContextError, InputError
from ..framing import framed
from .base import Counter, DecimalText, Document, MarketName, Name, NonNegativeDecimal, Part, Time, located, unique
from .params import MAX_MARKETS
from .signed import Signed, all_signed
from .trust import Trust

MAX_REPORTS = 64


class Price(Part):
    """Quote units for one unit of the market."""

    market: MarketName
    price: NonNegativeDecimal


class Funding(Part):
    """Cumulative funding index, quote units for one unit of the market; a long has paid what it rose by."""

    market: MarketName
    index: DecimalText


class Risk(Part):
    """What the risk of a market looks like: open interest in units of it, and realised volatility a year."""

    market: MarketName
    open_interest: NonNegativeDecimal | None = None
    volatility: NonNegativeDecimal | None = None


class Oracle(Document):
    """zkmargin/oracle/v1: one reporter's view of one round. A market without funding entry has index 0."""

    SCHEMA: ClassVar[str] = "zkmargin/oracle/v1"
    schema_: Literal["zkmargin/oracle/v1"] = Field(default="zkmargin/oracle/v1", alias="schema")
    venue: Name
    round: Counter
    time: Time
    prices: tuple[Price, ...] = Field(min_length=1, max_length=MAX_MARKETS)
    funding: tuple[Funding, ...] = Field(default=(), max_length=MAX_MARKETS)
    risk: tuple[Risk, ...] | None = Field(default=None, max_length=MAX_MARKETS)

    @model_validator(mode="after")
    def _markets_once(self) -> Self:
        priced = [entry.market for entry in self.prices]
        funded = [entry.market for entry in self.funding]
        unique(priced, "a market's price")
        unique(funded, "a market's funding index")
        unique([entry.market for entry in self.risk or ()], "a market's risk")
        if not set(funded) <= set(priced):
            raise ValueError("a funding index needs a price of the same market")
        return self

    @cached_property
    def price_of(self) -> dict[str, Fraction]:
        """Exact price of every market."""
        return {entry.market: canonical.parse_decimal(entry.price) for entry in self.prices}

    @cached_property
    def index_of(self) -> dict[str, Fraction]:
        """Exact cumulative funding index of every market."""
        indices = dict.fromkeys(self.price_of, Fraction(0))
        return indices | {entry.market: canonical.parse_decimal(entry.index) for entry in self.funding}

    @cached_property
    def open_interest_of(self) -> dict[str, Fraction]:
        """Exact open interest of the markets of which the report says it."""
        said = ((entry.market, entry.open_interest) for entry in self.risk or ())
        return {market: canonical.parse_decimal(amount) for market, amount in said if amount is not None}

    @cached_property
    def volatility_of(self) -> dict[str, Fraction]:
        """Exact volatility of the markets of which the report says it."""
        said = ((entry.market, entry.volatility) for entry in self.risk or ())
        return {market: canonical.parse_decimal(rate) for market, rate in said if rate is not None}


@dataclass(frozen=True)
class Round:
    """zkmargin/round/v1: the reports of one round. A single report, bare or signed, is a round of one.

    Reports are kept in the order of their digests (then of their keys), in whatever order they are given: the same
    reports are the same bytes.
    """

    SCHEMA: ClassVar[str] = "zkmargin/round/v1"
    reports: tuple[Signed[Oracle], ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.reports) <= MAX_REPORTS:
            raise InputError(f"a round has 1 to {MAX_REPORTS} reports")
        object.__setattr__(self, "reports", tuple(sorted(self.reports, key=_identity)))
        documents = [report.document for report in self.reports]
        if any(_identity(one) == _identity(next_one) for one, next_one in pairwise(self.reports)):
            raise InputError("the same report occurs twice in a round")
        if len({(document.venue, document.round) for document in documents}) != 1:
            raise InputError("the reports of a round must be of one venue and one round number")
        if len({frozenset(entry.market for entry in document.prices) for document in documents}) != 1:
            raise InputError("the reports of a round must price the same markets")

    @property
    def venue(self) -> str:
        """The venue that all reports are of."""
        return self.reports[0].document.venue

    @property
    def number(self) -> int:
        """The number of the round: the same in all reports."""
        return self.reports[0].document.round

    @cached_property
    def time(self) -> str:
        """The lower median of the reports' times."""
        return canonical.format_time(sorted(canonical.parse_time(r.document.time) for r in self.reports)[self._lower])

    @property
    def time_unix_s(self) -> int:
        """The same in Unix seconds."""
        return canonical.parse_time(self.time)

    @property
    def markets(self) -> tuple[str, ...]:
        """The markets that are priced, the same by every report, in alphabetical order."""
        return tuple(sorted(entry.market for entry in self.reports[0].document.prices))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over "zkmargin/round/v1", the number of reports and their sorted digests, each length-prefixed."""
        parts = [self.SCHEMA.encode(), len(self.reports).to_bytes(4, "big")]
        parts += [canonical.from_hex(report.digest) for report in self.reports]  # they are kept sorted
        return canonical.to_hex(hashlib.sha256(framed(*parts)).digest())

    @cached_property
    def prices(self) -> dict[str, tuple[Fraction, Fraction]]:
        """Lower and upper median price of every market."""
        return self._medians(lambda report: report.price_of)

    @cached_property
    def funding(self) -> dict[str, tuple[Fraction, Fraction]]:
        """Lower and upper median funding index of every market."""
        return self._medians(lambda report: report.index_of)

    @cached_property
    def open_interest(self) -> dict[str, Fraction]:
        """Upper median of the open interest of every market of which all reports say it."""
        medians = self._medians(lambda report: report.open_interest_of)
        return {market: upper for market, (_, upper) in medians.items()}

    @cached_property
    def volatility(self) -> dict[str, Fraction]:
        """Upper median of the volatility of every market of which all reports say it."""
        medians = self._medians(lambda report: report.volatility_of)
        return {market: upper for market, (_, upper) in medians.items()}

    def verify(self, trust: Trust) -> None:
        """Accept only if every report is signed by an oracle key of its own, and there are enough of them.

        A report that is not is refused, not ignored: the digest covers exactly what the medians are taken of.

        Raises: ContextError "unsigned", "bad_signature".
        """
        if self.venue != trust.venue:
            raise ContextError("the round is of another venue than the trusted keys", code="bad_signature")
        reporters = set(all_signed(*(partial(reporter, report, trust) for report in self.reports)))
        if len(reporters) != len(self.reports):
            raise ContextError("one oracle key signed two reports of a round", code="bad_signature")
        if len(reporters) < trust.oracle_threshold:
            raise ContextError(
                f"a round needs reports by {trust.oracle_threshold} distinct oracle keys", code="unsigned"
            )

    def to_value(self) -> dict[str, Any]:
        """{"schema", "reports": [...]}."""
        return {"schema": self.SCHEMA, "reports": [report.to_value() for report in self.reports]}

    def to_bytes(self) -> bytes:
        """The canonical bytes."""
        return canonical.to_bytes(self.to_value())

    @classmethod
    def from_value(cls, value: Any) -> Round:
        """A round, or one report (bare or in an envelope). Raises: InputError."""
        if is_envelope(value) or (isinstance(value, dict) and value.get("schema") == Oracle.SCHEMA):
            return cls((Signed.from_value(value, Oracle),))
        if not isinstance(value, dict) or value.get("schema") != cls.SCHEMA or set(value) != {"schema", "reports"}:
            raise InputError(f"this is neither a {cls.SCHEMA} document nor a {Oracle.SCHEMA} report")
        if not isinstance(value["reports"], list) or len(value["reports"]) > MAX_REPORTS:
            raise InputError(f"a round has a list of at most {MAX_REPORTS} reports")
        reports = []
        for index, report in enumerate(value["reports"]):
            with located(f"reports[{index}]"):
                reports.append(Signed.from_value(report, Oracle))
        return cls(tuple(reports))

    @classmethod
    def from_bytes(cls, data: bytes) -> Round:
        """Raises: InputError."""
        return cls.from_value(canonical.parse(data))

    @property
    def _lower(self) -> int:
        return (len(self.reports) - 1) // 2

    def _medians(self, of: Callable[[Oracle], dict[str, Fraction]]) -> dict[str, tuple[Fraction, Fraction]]:
        views = [of(report.document) for report in self.reports]
        told = [market for market in self.markets if all(market in view for view in views)]
        return {market: self._median(view[market] for view in views) for market in told}

    def _median(self, values: Iterable[Fraction]) -> tuple[Fraction, Fraction]:
        ordered = sorted(values)
        return ordered[self._lower], ordered[len(ordered) // 2]


def _identity(report: Signed[Oracle]) -> tuple[str, tuple[str, ...]]:
    return report.digest, () if report.envelope is None else report.envelope.keys


def reporter(report: Signed[Oracle], trust: Trust) -> str:
    """The one oracle key that signed ``report``.

    Raises: ContextError "unsigned" (none), "bad_signature" (a bad one, or more than one).
    """
    report.verify(trust.oracle)
    signers = [key for key in report.envelope.keys if key in trust.oracle] if report.envelope else []
    if len(signers) != 1:
        raise ContextError("a report is signed by exactly one oracle key", code="bad_signature")
    return signers[0]
