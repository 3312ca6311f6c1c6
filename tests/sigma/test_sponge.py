"""The duplex sponge of the sigma proofs against the published traces."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from zkmargin.field import R
from zkmargin.sigma_sponge import DuplexSponge, decode_scalar, derive_session_id

DOCUMENT = json.loads((Path(__file__).parents[1] / "vectors/external/duplex_sponge_shake128.json").read_text())


@pytest.mark.parametrize("vector", DOCUMENT["vectors"], ids=lambda vector: vector["name"])
def test_published_traces(vector: dict[str, Any]) -> None:
    sponge = DuplexSponge(bytes.fromhex(DOCUMENT["session_id"]))
    output = b""
    for operation in vector["operations"]:
        if isinstance(operation, int):
            output += sponge.squeeze(operation)
        else:
            sponge.absorb(bytes.fromhex(operation))
    assert output.hex() == vector["output"]


def test_published_session_id() -> None:
    vector = DOCUMENT["derive_session_id"]
    assert derive_session_id(bytes.fromhex(vector["tag"])).hex() == vector["output"]


def test_it_is_plain_shake128_over_the_padded_session() -> None:
    sponge = DuplexSponge(bytes(32))
    sponge.absorb(b"statement")
    sponge.absorb(b"commitment")
    assert sponge.squeeze(48) == hashlib.shake_128(bytes(168) + b"statementcommitment").digest(48)


def test_lengths_are_checked() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        DuplexSponge(bytes(31))
    with pytest.raises(ValueError, match="48 bytes"):
        decode_scalar(bytes(32))


def test_scalars_are_little_endian_and_reduced() -> None:
    assert decode_scalar(b"\x01" + bytes(47)) == 1
    assert decode_scalar(R.to_bytes(48, "little")) == 0
