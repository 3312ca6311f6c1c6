"""Venues and accounts that are made up for ``zkmargin bench``, by margin model.

What is held changes neither the statement nor the size of the proof, and the time to prove by very little: so every
market is held, with sizes of either sign, and there is cash enough.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zkmargin.documents import Account, Oracle, Params

VENUE = "bench"
TIME = "2026-01-01T00:00:00Z"

Entry = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """A venue with its prices, and a maker of accounts at it."""

    model: str
    name: str
    params: Mapping[str, Any]
    oracle: Mapping[str, Any]
    account: Callable[[], Mapping[str, Any]]


def perpetuals(markets: int, model: str = "perpetuals-cross", *, tiers: int = 1, **terms: Any) -> Sample:
    """Perpetual futures, with the same ``terms``: at one rate, or at rates that rise ``tiers`` - 1 times."""
    rates: Entry = {"initial_ppm": 50_000, "maintenance_ppm": 30_000} | terms
    if tiers > 1:
        rates["tiers"] = [
            {"above": str(50_000 * 3**k), "initial_ppm": 60_000 + 40_000 * k, "maintenance_ppm": 35_000 + 20_000 * k}
            for k in range(tiers - 1)
        ]
    name = f"{markets} markets" + (f" of {tiers} tiers" if tiers > 1 else "")
    entries = [{"market": f"M{i:03d}-USD", "lot": "0.0001", "max_size": "100000"} | rates for i in range(markets)]
    return _sample(model, name, entries, prices=[_digits(60_000, decimals=8) for _ in entries])


def _sample(model: str, name: str, markets: Sequence[Entry], *, prices: Sequence[str], **sections: Any) -> Sample:
    params = {
        "schema": Params.SCHEMA, "venue": VENUE, "version": 1, "model": model, "quote": "USD", "markets": markets,
    } | sections  # fmt: skip
    oracle = {
        "schema": Oracle.SCHEMA, "venue": VENUE, "round": 1, "time": TIME,
        "prices": [{"market": m["market"], "price": price} for m, price in zip(markets, prices, strict=True)],
    }  # fmt: skip

    def account() -> Mapping[str, Any]:
        sizes = {m["market"]: ("-" if secrets.randbelow(2) else "") + _digits(10, decimals=4) for m in markets}
        return {
            "schema": Account.SCHEMA, "account": "bench",
            "cash": "1" + _digits(10**9, decimals=2).rjust(12, "0"),  # enough for every market short at its high
            "positions": [{"market": market, "size": size} for market, size in sizes.items()],
        }  # fmt: skip

    return Sample(model, name, params, oracle, account)


SAMPLES: Mapping[str, Callable[[], Sequence[Sample]]] = {
    "perpetuals-cross": lambda: (perpetuals(20), perpetuals(100)),
    "perpetuals-brackets": lambda: (perpetuals(20, "perpetuals-brackets", tiers=10),),
}
"""What ``zkmargin bench --model`` measures."""


def _digits(below: int, *, decimals: int) -> str:
    """A decimal from 1 to ``below``, with ``decimals`` decimals."""
    return f"{1 + secrets.randbelow(below - 1)}.{secrets.randbelow(10**decimals):0{decimals}d}"
