"""RFC 9380 hash-to-curve: the published vectors, against both groups that the project uses."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.optimized_bls12_381 import normalize

from zkmargin.generators import DST, G
from zkmargin.group import encode, hash_to_curve

DOCUMENT = json.loads((Path(__file__).parent / "vectors/external/rfc9380_bls12381g1.json").read_text())
HALF_P = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB // 2


def compressed(x: int, y: int) -> bytes:
    """The 48-byte form of an affine point, written apart from the library."""
    return (x | 1 << 383 | (1 << 381 if y > HALF_P else 0)).to_bytes(48, "big")


def message(vector: dict[str, Any]) -> bytes:
    return (vector["prefix"] + vector["fill"] * vector["repeat"]).encode()


@pytest.mark.parametrize("vector", DOCUMENT["vectors"], ids=lambda vector: vector["prefix"] or "empty")
def test_group_agrees_with_the_rfc(vector: dict[str, Any]) -> None:
    point = hash_to_curve(message(vector), DOCUMENT["dst"].encode())
    assert encode(point) == compressed(int(vector["x"], 16), int(vector["y"], 16))


@pytest.mark.parametrize("vector", DOCUMENT["vectors"], ids=lambda vector: vector["prefix"] or "empty")
def test_py_ecc_agrees_with_the_rfc(vector: dict[str, Any]) -> None:
    x, y = normalize(hash_to_G1(message(vector), DOCUMENT["dst"].encode(), hashlib.sha256))
    assert (int(x), int(y)) == (int(vector["x"], 16), int(vector["y"], 16))


def test_the_arguments_are_not_swapped() -> None:
    """Swapped, everything still verifies: only a pinned point tells."""
    assert encode(G).hex() == (
        "aeb00bc7b5df8ef568d1cb6019b0417b303b6a527579c2bca92a8277b38406702f4f89802fac0f1adf56d0c2bf33256e"
    )
    assert hash_to_curve(b"value" + bytes(4), DST) == G
    assert hash_to_curve(DST, b"value" + bytes(4)) != G
