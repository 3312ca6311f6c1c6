"""The context, byte for byte as docs/margin.md section 11 writes it, and every field of it counts."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace

import pytest

from circuits.boxes import MarketBox
from circuits.context import Context
from zkmargin.bundle import Collateral

CONTEXT = Context(
    model="perpetuals-cross",
    audience="checker",
    venue="demo",
    account=b"\x01" * 32,
    seq=3,
    state=b"\x02" * 32,
    params=b"\x03" * 32,
    round=b"\x04" * 32,
    round_number=17,
    claim="health>=1.25",
    expiry_unix_s=-5,
    request=b"\x05" * 32,
    units={"cash0": "0.000000000000000001", "q/BTC-USD": "0.00001"},
    markets=("BTC-USD",),
    box=(MarketBox(10, 2**90, -7, 9),),
)


def _field(name: bytes, content: bytes) -> bytes:
    return len(name).to_bytes(4, "big") + name + len(content).to_bytes(4, "big") + content


def test_bytes_are_those_of_the_document() -> None:
    """Written out by hand."""
    labels = b"\x00\x00\x00\x02" + b"".join(
        [
            _field(b"label", b"cash0"),
            _field(b"unit", b"0.000000000000000001"),
            _field(b"label", b"q/BTC-USD"),
            _field(b"unit", b"0.00001"),
        ]
    )
    box = b"\x00\x00\x00\x01" + b"".join(
        [
            _field(b"market", b"BTC-USD"),
            _field(b"low", bytes(15) + b"\x0a"),
            _field(b"high", b"\x00\x00\x00\x00\x04" + bytes(11)),
            _field(b"funding-low", b"\xff" * 15 + b"\xf9"),
            _field(b"funding-high", bytes(15) + b"\x09"),
        ]
    )
    assert CONTEXT.to_bytes() == b"".join(
        [
            _field(b"tag", b"zkmargin/v1/perpetuals-cross"),
            _field(b"audience", b"checker"),
            _field(b"venue", b"demo"),
            _field(b"account", b"\x01" * 32),
            _field(b"seq", bytes(7) + b"\x03"),
            _field(b"state", b"\x02" * 32),
            _field(b"params", b"\x03" * 32),
            _field(b"round", b"\x04" * 32),
            _field(b"round-number", bytes(7) + b"\x11"),
            _field(b"claim", b"health>=1.25"),
            _field(b"expiry", b"\xff" * 7 + b"\xfb"),
            _field(b"request", b"\x05" * 32),
            _field(b"labels", hashlib.sha256(labels).digest()),
            _field(b"box", hashlib.sha256(box).digest()),
        ]
    )


def _collateral(count: int = 3, registry: str = "0x" + "66" * 32, **changed: str) -> Collateral:
    locks = [
        {"tag": f"0x{i:064x}", "class": "ETH", "commitment": f"0x{i:096x}", "coefficient": "75"} | changed
        for i in range(count)
    ]
    return Collateral.from_value({"registry": registry, "locks": locks})


def test_the_field_of_locks_is_that_of_the_document() -> None:
    locks = b"\x66" * 32 + b"\x00\x00\x00\x02"
    for i in range(2):
        locks += _field(b"tag", bytes(31) + bytes([i])) + _field(b"commitment", bytes(47) + bytes([i]))
        locks += _field(b"class", b"ETH") + _field(b"coefficient", bytes(15) + b"\x4b")
    with_locks = replace(CONTEXT, collateral=_collateral(2))
    assert with_locks.to_bytes() == CONTEXT.to_bytes() + _field(b"collateral", hashlib.sha256(locks).digest())


CHANGED = {
    "model": ["perpetuals-brackets", ""],
    "audience": ["checkes", ""],
    "venue": ["demp"],
    "account": [b"\x01" * 31 + b"\x00"],
    "seq": [4],
    "state": [b"\x00" * 32],
    "params": [b"\x00" * 32],
    "round": [b"\x00" * 32],
    "round_number": [18],
    "claim": ["maintenance"],
    "expiry_unix_s": [5],
    "request": [b"\x05" * 31 + b"\x00"],
    "units": [
        {"cash0": "0.000000000000000001", "q/BTC-USD": "0.0001"},
        {"cash0": "0.000000000000000001", "q/BTC-EUR": "0.00001"},
        {"q/BTC-USD": "0.00001", "cash0": "0.000000000000000001"},
    ],
    "markets": [("BTC-EUR",)],
    "box": [
        (MarketBox(11, 2**90, -7, 9),),
        (MarketBox(10, 2**90 - 1, -7, 9),),
        (MarketBox(10, 2**90, -8, 9),),
        (MarketBox(10, 2**90, -7, 8),),
    ],
    "dynamic": [frozenset({"BTC-USD"})],
    "collateral": [
        _collateral(),
        _collateral(registry="0x" + "77" * 32),
        _collateral(1),
        _collateral(2),
        _collateral(1, coefficient="76"),
        _collateral(1, tag="0x" + "06" * 32),
        _collateral(1, commitment="0x" + "06" * 48),
        _collateral(1, **{"class": "ETI"}),
    ],
}


@pytest.mark.parametrize("name", [field.name for field in fields(Context)])
def test_every_field_counts(name: str) -> None:
    seen = {CONTEXT.to_bytes()} | {replace(CONTEXT, **{name: value}).to_bytes() for value in CHANGED[name]}
    assert len(seen) == 1 + len(CHANGED[name])


def test_open_interest_and_volatility_count_where_rates_depend_on_them() -> None:
    def box(open_interest: int, volatility_ppm: int) -> tuple[MarketBox]:
        return (MarketBox(10, 2**90, -7, 9, open_interest, volatility_ppm),)

    dynamic = replace(CONTEXT, dynamic=frozenset({"BTC-USD"}))
    boxes = [box(0, 0), box(1, 0), box(0, 1)]
    assert len({replace(dynamic, box=of).to_bytes() for of in boxes}) == 3
    written = replace(dynamic, box=box(3, 5)).to_bytes()
    digest = b"\x00\x00\x00\x01" + b"".join(
        [
            _field(b"market", b"BTC-USD"),
            _field(b"low", bytes(15) + b"\x0a"),
            _field(b"high", b"\x00\x00\x00\x00\x04" + bytes(11)),
            _field(b"funding-low", b"\xff" * 15 + b"\xf9"),
            _field(b"funding-high", bytes(15) + b"\x09"),
            _field(b"open-interest", bytes(15) + b"\x03"),
            _field(b"volatility", bytes(15) + b"\x05"),
        ]
    )
    assert written.endswith(_field(b"box", hashlib.sha256(digest).digest()))


def test_every_market_has_its_box() -> None:
    for markets in (("BTC-USD", "ETH-USD"), ()):
        with pytest.raises(ValueError, match="zip"):
            replace(CONTEXT, markets=markets).to_bytes()
