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


def lending(assets: int) -> Sample:
    """Assets that are deposited and borrowed."""
    terms: Entry = {"kind": "asset", "lot": "0.0001", "initial_ppm": 250_000, "maintenance_ppm": 170_000}
    entries = [{"market": f"A{i:03d}", "max_size": "100000"} | terms for i in range(assets)]
    return _sample("lending", f"{assets} assets", entries, prices=[_digits(60_000, decimals=8) for _ in entries])


def span(contracts: int) -> Sample:
    """Contracts of one commodity in sixteen scenarios, every fourth of them an option."""
    markets = [
        {"market": f"C{i:02d}", "kind": "contract", "lot": "0.01", "max_size": "100000"} for i in range(contracts)
    ]
    arrays = [
        {
            "market": market["market"],
            "losses": [f"-{_digits(50, decimals=2)}" if s % 2 else _digits(50, decimals=2) for s in range(16)],
            "delta": "0.5",
        }
        | ({"option": True} if i % 4 == 0 else {})
        for i, market in enumerate(markets)
    ]
    commodity = {"commodity": "C", "initial_factor": "1.1", "spread_charge": "6", "short_option_minimum": "2.5"}
    prices = [_digits(5000, decimals=2) for _ in markets]
    sections = {"commodities": [commodity | {"contracts": arrays}]}
    return _sample("span", f"{contracts} contracts in 16 scenarios", markets, prices=prices, **sections)


def options_standard(options: int, expiries: int) -> Sample:
    """Options on one index, beside a perpetual."""
    index = {"market": "U", "kind": "index", "lot": "1", "max_size": "1"}
    required = {
        "initial_most_ppm": 150_000, "initial_least_ppm": 130_000, "call_maintenance_ppm": 90_000,
        "put_maintenance_ppm": 90_000, "put_mark_ppm": 90_000, "put_initial_scale_ppm": 1_050_000,
        "unpaired_initial_ppm": 1_200_000, "unpaired_maintenance_ppm": 1_100_000,
    }  # fmt: skip
    perpetual = {
        "market": "U-PERP", "lot": "0.001", "initial_ppm": 100_000, "maintenance_ppm": 65_000, "max_size": "100000",
    }  # fmt: skip
    markets: list[Entry] = [{**index, "options": required}, perpetual, *_options(options, expiries)]
    prices = ["2784.75", "2786.4", *["0.65"] * options]
    return _sample("options-standard", f"{options} options in {expiries} expiries", markets, prices=prices)


def portfolio(options: int, expiries: int, name: str, scenarios: Sequence[Entry], **terms: Any) -> Sample:
    """Options on one index in a grid of scenarios, with a perpetual."""
    index = {"market": "U", "kind": "index", "lot": "1", "max_size": "1"}
    perpetual = {"market": "U-PERP", "kind": "contract", "lot": "0.001", "max_size": "50000"}
    grid = {
        "underlying": "U", "contracts": ["U-PERP"], "scenarios": scenarios, "initial_factor": "1",
        "maintenance_factor": "0.8", "volatility": {"up": "0.5", "down": "0.3", "least_up": "0.4"},
    } | terms  # fmt: skip
    markets = [index, perpetual, *_options(options, expiries)]
    prices = ["2784.75", "2786.4", *["0.65"] * options]
    return _sample("portfolio-scenarios", name, markets, prices=prices, portfolios=[grid])


def _options(count: int, expiries: int) -> list[Entry]:
    return [
        {
            "market": f"U-{i:03d}", "kind": "option", "lot": "0.01", "max_size": "10000", "underlying": "U",
            "option": "put" if i % 2 else "call", "strike": str(2000 + 25 * (i // expiries)),
            "expiry": f"2026-{2 + 2 * (i % expiries):02d}-27T08:00:00Z",
        }
        for i in range(count)
    ]  # fmt: skip


_SIXTEEN: Sequence[Entry] = [
    {"spot": spot, "vol": vol}
    for spot in ("0.8", "0.85", "0.9", "0.95", "1.05", "1.1", "1.15", "1.2")
    for vol in ("up", "down")
]
_PMRM: Sequence[Entry] = [
    *(
        {"spot": spot} | ({"vol": vol} if vol else {})
        for spot in ("0.865", "0.91", "0.955", "1", "1.045", "1.09", "1.135")
        for vol in ("up", "", "down")
    ),
    {"spot": "0.82", "vol": "up"},
    {"spot": "1.18", "vol": "up"},
    *({"spot": spot, "vol": "up", "dampening": "0.2"} for spot in ("0.34", "0.67", "1.5", "2", "3", "4", "5", "6")),
]
"""The shape of Derive's second portfolio manager without its skews: seven prices by three, two more, eight far away."""

_PMRM_TERMS = {
    "gains": {"base": "0.95", "rate": "0.16"}, "losses": {"base": "1.05", "rate": "0.16"},
    "basis": {"up": "1.045", "down": "0.955", "add": "0.5", "per_year": "2"},
    "contract_initial_ppm": 40_000, "contract_maintenance_ppm": 30_000,
    "short_option_initial_ppm": 5000, "short_option_maintenance_ppm": 3000,
}  # fmt: skip


def _sample(model: str, name: str, markets: Sequence[Entry], *, prices: Sequence[str], **sections: Any) -> Sample:
    params = {
        "schema": Params.SCHEMA, "venue": VENUE, "version": 1, "model": model, "quote": "USD", "markets": markets,
    } | sections  # fmt: skip
    oracle = {
        "schema": Oracle.SCHEMA, "venue": VENUE, "round": 1, "time": TIME,
        "prices": [{"market": m["market"], "price": price} for m, price in zip(markets, prices, strict=True)],
    }  # fmt: skip

    def account() -> Mapping[str, Any]:
        positions, holdings = [], []
        for market in markets:
            kind, size = market.get("kind"), _digits(10, decimals=2)
            if kind == "asset":
                holdings.append({"asset": market["market"], "amount": size})
            elif kind != "index":
                key = "option" if kind == "option" else "market"
                positions.append({key: market["market"], "size": ("-" if secrets.randbelow(2) else "") + size})
        return {
            "schema": Account.SCHEMA, "account": "bench",
            "cash": "1" + _digits(10**9, decimals=2).rjust(12, "0"),  # enough for every market short at its high
            "positions": positions,
        } | ({"collateral": holdings, "debts": holdings[::2]} if holdings else {})  # fmt: skip

    return Sample(model, name, params, oracle, account)


SAMPLES: Mapping[str, Callable[[], Sequence[Sample]]] = {
    "perpetuals-cross": lambda: (perpetuals(20), perpetuals(100)),
    "perpetuals-brackets": lambda: (perpetuals(20, "perpetuals-brackets", tiers=10),),
    "perpetuals-dydx": lambda: (perpetuals(20, "perpetuals-dydx", maintenance_fraction_ppm=600_000),),
    "perpetuals-steps": lambda: (perpetuals(20, "perpetuals-steps", tiers=4),),
    "perpetuals-size-weighted": lambda: (perpetuals(20, "perpetuals-size-weighted", size_factor="0.0005"),),
    "equity-reg-t": lambda: (perpetuals(20, "equity-reg-t", short_floor="5"),),
    "lending": lambda: (lending(20),),
    "span": lambda: (span(20),),
    "options-standard": lambda: (options_standard(30, 3),),
    "portfolio-scenarios": lambda: (
        portfolio(30, 3, "30 options in 16 scenarios", _SIXTEEN),
        portfolio(32, 4, "32 options in 4 expiries as in PMRM", _PMRM, **_PMRM_TERMS),
    ),
}
"""What ``zkmargin bench --model`` measures."""


def _digits(below: int, *, decimals: int) -> str:
    """A decimal from 1 to ``below``, with ``decimals`` decimals."""
    return f"{1 + secrets.randbelow(below - 1)}.{secrets.randbelow(10**decimals):0{decimals}d}"
