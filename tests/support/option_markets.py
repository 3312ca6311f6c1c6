"""Options and what they are on, in tests: risk parameters of the standard margin, and prices at a point."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from least_cash import START

from circuits.boxes import Band
from circuits.markets import RiskParameters
from zkmargin.canonical import format_time
from zkmargin.documents import Params

Q = Fraction
DAY = 24 * 3600
REQUIRES = {
    "initial_most_ppm": 150_000,
    "initial_least_ppm": 100_000,
    "call_maintenance_ppm": 75_000,
    "put_maintenance_ppm": 75_000,
    "put_mark_ppm": 75_000,
    "put_initial_scale_ppm": 1_050_000,
    "unpaired_initial_ppm": 1_200_000,
    "unpaired_maintenance_ppm": 1_100_000,
}


def option(name: str, on: str, kind: str, strike: object, days: Fraction | int, **other: Any) -> dict[str, Any]:
    """An option on ``on`` that expires so many days after START."""
    return {
        "market": name,
        "kind": "option",
        "lot": "0.01",
        "underlying": on,
        "option": kind,
        "strike": str(strike),
        "expiry": format_time(START + int(days * DAY)),
        "max_size": "100000",
    } | other


def index(name: str, **other: Any) -> dict[str, Any]:
    """A price."""
    return {"market": name, "kind": "index", "lot": "1", "max_size": "1"} | other


def perpetual(name: str, **other: Any) -> dict[str, Any]:
    """A perpetual."""
    rates = {"initial_ppm": 65_000, "maintenance_ppm": 50_000}
    return {"market": name, "lot": "0.001", "max_size": "100000"} | rates | other


def document(*markets: dict[str, Any], **other: Any) -> Params:
    """Risk parameters of the standard margin."""
    fields = {"schema": "zkmargin/params/v1", "venue": "demo", "version": 1, "model": "options-standard"}
    return Params.from_value(fields | {"quote": "USD", "markets": list(markets)} | other)


def risk(*markets: dict[str, Any]) -> RiskParameters:
    """The same, read."""
    return RiskParameters.from_document(document(*markets))


def points(*prices: object) -> tuple[Band, ...]:
    """Bands of no width, without funding."""
    return tuple(Band(Q(str(price)), Q(str(price)), Q(0), Q(0)) for price in prices)
