"""The context of a proof: everything the statement means that its relation does not say. One encoding, no packing.

    field(name, x) = len(name) || name || len(x) || x           lengths of 4 bytes, big-endian

    context = field("tag", "zkmargin/v1/" and the name of the margin model)
              field("audience") field("venue") field("account") field("seq") field("state") field("params")
              field("round") field("round-number") field("claim") field("expiry")
              field("request", SHA-256 of the canonical bytes of the request: one proof, one spelling, one bundle)
              field("labels", SHA-256 of: count, then per label field("label") field("unit"))
              field("box",    SHA-256 of: count, then per market field("market") field("low") field("high")
                                          field("funding-low") field("funding-high"), and for a market whose rates
                                          depend on them field("open-interest") field("volatility"))

Texts are UTF-8; digests and the account id are their 32 bytes; seq, round-number and expiry (Unix seconds) are 8
bytes; counts are 4; prices and indices are atto per lot in 16 bytes; expiry, prices and indices in two's complement.
Labels are in the order of the commitments, the box in that of the risk parameters. The two lists enter as digests, so
that a context stays small for 500 markets. Source: docs/margin.md, "Context".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from zkmargin.bundle import Collateral
from zkmargin.canonical import from_hex
from zkmargin.framing import framed

from .boxes import PriceBox

TAG = "zkmargin/v1/"


@dataclass(frozen=True)
class Context:
    """Every field of a context, in canonical form."""

    model: str
    audience: str
    venue: str
    account: bytes
    seq: int
    state: bytes
    params: bytes
    round: bytes
    round_number: int
    claim: str
    expiry_unix_s: int
    request: bytes
    units: Mapping[str, str]
    markets: tuple[str, ...]
    box: PriceBox
    dynamic: frozenset[str] = frozenset()
    collateral: Collateral | None = None

    def to_bytes(self) -> bytes:
        """The bytes that the proof binds."""
        return b"".join(
            (
                _field("tag", (TAG + self.model).encode()),
                _field("audience", self.audience.encode()),
                _field("venue", self.venue.encode()),
                _field("account", self.account),
                _field("seq", self.seq.to_bytes(8, "big")),
                _field("state", self.state),
                _field("params", self.params),
                _field("round", self.round),
                _field("round-number", self.round_number.to_bytes(8, "big")),
                _field("claim", self.claim.encode()),
                _field("expiry", self.expiry_unix_s.to_bytes(8, "big", signed=True)),
                _field("request", self.request),
                _field("labels", _digest(len(self.units), self._labels())),
                _field("box", _digest(len(self.box), self._box())),
                b"" if self.collateral is None else _field("collateral", _collateral(self.collateral)),
            )
        )

    def _labels(self) -> Iterable[bytes]:
        for label, unit in self.units.items():
            yield _field("label", label.encode())
            yield _field("unit", unit.encode())

    def _box(self) -> Iterable[bytes]:
        for market, box in zip(self.markets, self.box, strict=True):
            yield _field("market", market.encode())
            yield _field("low", _signed(box.low))
            yield _field("high", _signed(box.high))
            yield _field("funding-low", _signed(box.funding_low))
            yield _field("funding-high", _signed(box.funding_high))
            if market in self.dynamic:
                yield _field("open-interest", _signed(box.open_interest))
                yield _field("volatility", _signed(box.volatility_ppm))


def _field(name: str, content: bytes) -> bytes:
    return framed(name.encode("ascii"), content)


def _digest(count: int, parts: Iterable[bytes]) -> bytes:
    return hashlib.sha256(count.to_bytes(4, "big") + b"".join(parts)).digest()


def _collateral(collateral: Collateral) -> bytes:
    parts = [from_hex(collateral.registry), len(collateral.locks).to_bytes(4, "big")]
    for lock in collateral.locks:
        parts += [
            _field("tag", from_hex(lock.tag)),
            _field("commitment", from_hex(lock.commitment)),
            _field("class", lock.class_.encode()),
            _field("coefficient", _signed(int(lock.coefficient))),
        ]
    return hashlib.sha256(b"".join(parts)).digest()


def _signed(amount: int) -> bytes:
    return amount.to_bytes(16, "big", signed=True)
