"""Base58 of 32 bytes: known texts, and no second text for any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from zkmargin.collateral import base58
from zkmargin.errors import InputError


def test_known_texts() -> None:
    assert base58.encode(bytes(32)) == "1" * 32
    assert base58.encode(b"\xff" * 32) == "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG"


@given(st.binary(min_size=32, max_size=32))
def test_as_another_library_writes_it(word: bytes) -> None:
    assert base58.encode(word) == str(Pubkey.from_bytes(word))
    assert base58.decode(base58.encode(word)) == word


@pytest.mark.parametrize(
    "text",
    ["", "1" * 31, "1" * 33, "0" * 32, "I" * 43, "é" * 43, " " + "1" * 32, "z" * 44, "z" * 10**6,
     "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFH"],
)  # fmt: skip
def test_what_is_not_32_bytes_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="base58"):
        base58.decode(text)


def test_what_is_encoded_is_32_bytes() -> None:
    with pytest.raises(InputError):
        base58.encode(bytes(31))
