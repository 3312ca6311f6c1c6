"""Venues, accounts, rounds and states of tests: real documents with fixed keys and blindings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from circuits.boxes import Band, box_around
from circuits.holdings import Holdings, holdings
from circuits.markets import RiskParameters
from circuits.prices import box_entries, prices_of
from zkmargin.bundle import Request
from zkmargin.canonical import to_hex
from zkmargin.documents import (
    NO_STATE,
    Account,
    LabelledCommitment,
    Oracle,
    Params,
    Round,
    Signed,
    State,
    account_id,
)
from zkmargin.envelope import PrivateKey
from zkmargin.group import encode
from zkmargin.pedersen import Opening, commit

VENUE = "demo"
AUDIENCE = "checker"
TIME = "2026-11-22T06:00:00Z"
EXPIRY = "2026-11-22T18:00:00Z"
OWNER = PrivateKey(b"\x01" * 32)
MARKETS = (("BTC-USD", "0.00001", 50_000, 30_000), ("ETH-USD", "0.0001", 50_000, 30_000))
PRICES = {"BTC-USD": "61873.5", "ETH-USD": "2410.25"}


def params(
    markets: Sequence[tuple[str, str, int, int]] = MARKETS, *, max_lots: int = 2**48 - 1, version: int = 1
) -> Params:
    """(market, lot, initial ppm, maintenance ppm) each."""
    return Params.from_value(
        {
            "schema": "zkmargin/params/v1",
            "venue": VENUE,
            "version": version,
            "model": "perpetuals-cross",
            "quote": "USD",
            "markets": [
                {
                    "market": market,
                    "lot": lot,
                    "initial_ppm": initial,
                    "maintenance_ppm": maintenance,
                    "max_size": _decimal(Fraction(lot) * max_lots),
                }
                for market, lot, initial, maintenance in markets
            ],
        }
    )


def oracle(prices: Mapping[str, str], funding: Mapping[str, str] | None = None, **other: Any) -> Oracle:
    """One report."""
    value = {
        "schema": "zkmargin/oracle/v1",
        "venue": VENUE,
        "round": 17,
        "time": TIME,
        "prices": [{"market": market, "price": price} for market, price in prices.items()],
        "funding": [{"market": market, "index": index} for market, index in (funding or {}).items()],
    }
    return Oracle.from_value(value | other)


def round_of(*reports: Oracle) -> Round:
    """An unsigned round."""
    return Round(tuple(Signed(report) for report in reports))


def account(cash: str, *positions: tuple[str, str] | tuple[str, str, str]) -> Account:
    """(market, size) or (market, size, entry price) each."""
    return Account.from_value(
        {
            "schema": "zkmargin/account/v1",
            "account": "alice",
            "cash": cash,
            "positions": [dict(zip(("market", "size", "entry_price"), p, strict=False)) for p in positions],
        }
    )


def openings_of(values: Mapping[str, int]) -> dict[str, Opening]:
    """Blindings are hashes of the labels: not secret, and different."""
    return {
        label: Opening(value, int.from_bytes(hashlib.sha256(label.encode()).digest()[:31], "big"))
        for label, value in values.items()
    }


def state(openings: Mapping[str, Opening], units: Mapping[str, str], *, seq: int = 1, venue: str = VENUE) -> State:
    """The state that commits to ``openings``."""
    sealing, salt = "0x" + "22" * 32, "0x" + "33" * 32
    return State(
        venue=venue,
        account=account_id(venue, OWNER.public, sealing, salt),
        owner=OWNER.public,
        sealing_key=sealing,
        salt=salt,
        epoch=1,
        seq=seq,
        previous=NO_STATE if seq == 1 else "0x" + "44" * 32,
        commitments=tuple(
            LabelledCommitment(label=label, unit=units[label], commitment=to_hex(encode(commit(opening))))
            for label, opening in openings.items()
        ),
    )


def request(
    of_state: State,
    parameters: RiskParameters,
    of_round: Round,
    *,
    claim: str = "maintenance",
    bands: Sequence[Band] | None = None,
    percent: Fraction | int = 0,
    **other: Any,
) -> Request:
    """A request about ``of_state``; the box is ``bands``, or ``percent`` around the round."""
    if bands is None:
        bands = box_around(prices_of(of_round, parameters), Fraction(percent))
    fields = {
        "audience": AUDIENCE,
        "account": of_state.account,
        "seq": of_state.seq,
        "state_digest": of_state.state_digest,
        "params": parameters.digest,
        "round": of_round.digest,
        "round_number": of_round.number,
        "claim": claim,
        "box": box_entries(bands, parameters),
        "expiry": EXPIRY,
    }
    return Request(**(fields | other))


class Case:
    """An account at a round, committed: everything a test needs to build a statement."""

    def __init__(self, of_params: Params, of_round: Round, held: Holdings) -> None:
        self.params, self.round, self.held = of_params, of_round, held
        self.parameters = RiskParameters.from_document(of_params)
        self.prices = prices_of(of_round, self.parameters)
        self.openings = openings_of(held.values(self.parameters))
        self.state = state(self.openings, self.parameters.units)

    @classmethod
    def of(cls, of_account: Account, of_params: Params, of_round: Round) -> Case:
        """The case of an account file."""
        parameters = RiskParameters.from_document(of_params)
        return cls(of_params, of_round, holdings(of_account, parameters, prices_of(of_round, parameters)))

    def request(self, **other: Any) -> Request:
        """A request about this case."""
        return request(self.state, self.parameters, self.round, **other)


def _decimal(amount: Fraction) -> str:
    scaled = amount * 10**18
    whole, rest = divmod(int(scaled), 10**18)
    return f"{whole}.{rest:018d}".rstrip("0").rstrip(".")
