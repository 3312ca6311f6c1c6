"""Whatever arrives as bytes ends in a document or in one typed error; nothing else escapes."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from document_examples import BUNDLE, EXAMPLES, OWNER, ROUND, VENUE_SEALING
from hypothesis import given, settings
from hypothesis import strategies as st

from zkmargin import canonical
from zkmargin.bundle import Bundle
from zkmargin.documents import AttestationRequest, Document, Round, read
from zkmargin.envelope import Envelope
from zkmargin.errors import EncodingError, InputError

KINDS = pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)

# Also what a looser parser than ours could hand over: floats, NaN, lone surrogates, integers of any size.
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=12)
    | st.sampled_from(["", "-0", "1e9", "NaN", "0x", "\ud800", "0x" + "00" * 32, "9" * 61, "2026-13-01T00:00:00Z"])
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5) | st.sampled_from(["schema", "payload", "payloadType"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@st.composite
def _mutants(draw: st.DrawFn, value: Any) -> Any:
    """``value`` with one place replaced, dropped, or doubled."""
    mutant = copy.deepcopy(value)
    place = mutant
    while True:
        steps = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not steps:
            return mutant
        step = draw(st.sampled_from(steps))
        if isinstance(place[step], (dict, list)) and draw(st.booleans()):
            place = place[step]
            continue
        match draw(st.sampled_from(("replace", "drop", "double"))):
            case "replace":
                place[step] = draw(_VALUES)
            case "drop":
                del place[step]
            case "double" if isinstance(place, list):
                place.append(copy.deepcopy(place[step]))
            case _:
                place[draw(st.text(max_size=5))] = copy.deepcopy(place[step])
        return mutant


def _stays(parse: Callable[[Any], Any], argument: Any, *allowed: type[Exception]) -> None:
    with contextlib.suppress(*allowed):
        parse(argument)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes(data: bytes) -> None:
    for kind in EXAMPLES:
        _stays(lambda d, kind=kind: read(d, kind), data, InputError)
    for parse in (Round.from_bytes, Envelope.from_bytes, canonical.parse):
        _stays(parse, data, InputError)
    _stays(Bundle.from_bytes, data, EncodingError)
    _stays(lambda d: VENUE_SEALING.open(d, info=d), data, InputError)


@given(_VALUES)
@settings(deadline=None)
def test_any_value(value: Any) -> None:
    for kind in EXAMPLES:
        _stays(kind.from_value, value, InputError)
    _stays(Round.from_value, value, InputError)
    _stays(Envelope.from_value, value, InputError)
    _stays(canonical.to_bytes, value, InputError)
    data = json.dumps(value).encode()
    _stays(canonical.parse, data, InputError)
    _stays(Bundle.from_bytes, data, EncodingError)


@KINDS
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_documents_that_are_nearly_right(kind: type[Document], data: st.DataObject) -> None:
    mutant = data.draw(_mutants(EXAMPLES[kind]))
    _stays(kind.from_value, mutant, InputError)
    with contextlib.suppress(InputError):
        document = read(json.dumps(mutant).encode(), kind).document
        assert kind.from_bytes(document.to_bytes()) == document


@given(_mutants(BUNDLE.params.to_value()))
@settings(deadline=None)
def test_envelopes_that_are_nearly_right(mutant: Any) -> None:
    _stays(Envelope.from_value, mutant, InputError)
    _stays(lambda m: read(json.dumps(m).encode(), type(BUNDLE.params.document)), mutant, InputError)


@given(_mutants(ROUND.to_value()))
@settings(deadline=None)
def test_rounds_that_are_nearly_right(mutant: Any) -> None:
    with contextlib.suppress(InputError):
        round_ = Round.from_value(mutant)
        assert Round.from_bytes(round_.to_bytes()) == round_
        assert round_.prices
        assert round_.funding
        assert round_.time


@given(_mutants(BUNDLE.to_value()))
@settings(deadline=None)
def test_bundles_that_are_nearly_right(mutant: Any) -> None:
    with contextlib.suppress(InputError):
        data = canonical.to_bytes(mutant)
        with contextlib.suppress(EncodingError):
            assert Bundle.from_bytes(data).to_bytes() == data


@given(st.integers(0, len(BUNDLE.to_bytes()) - 1), st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_bundles_with_one_other_byte(position: int, byte: int) -> None:
    data = bytearray(BUNDLE.to_bytes())
    data[position] = byte
    with contextlib.suppress(EncodingError):
        assert Bundle.from_bytes(bytes(data)).to_bytes() == bytes(data)


def test_bundles_that_end_early() -> None:
    data = BUNDLE.to_bytes()
    for length in range(0, len(data), 37):
        with pytest.raises(EncodingError):
            Bundle.from_bytes(data[:length])


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"schema":"zkmargin/params/v1","markets":['])
def test_documents_that_go_deep(opening: bytes) -> None:
    for depth in (17, 100, 990, 5000, 200_000):
        _stays(lambda d: read(d, AttestationRequest), opening * depth, InputError)
        _stays(lambda d: Round.from_bytes(d), opening * depth, InputError)
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for kind in EXAMPLES:
        _stays(kind.from_value, EXAMPLES[kind] | {"extra": deep}, InputError)
    _stays(Envelope.from_value, {"payloadType": "x", "payload": "", "signatures": deep}, InputError)
    while deep:  # let go of it level by level: freeing it at once would recurse
        deep = deep.pop()


@KINDS
def test_signed_documents_that_are_nearly_right(kind: type[Document]) -> None:
    """The envelope around every document, with each byte of its payload changed."""
    value = kind.from_value(EXAMPLES[kind]).sign(OWNER)
    for position in range(0, len(value.payload), 7):
        payload = bytearray(value.payload)
        payload[position] ^= 0x15
        envelope = Envelope(value.payload_type, bytes(payload), value.signatures)
        _stays(lambda e: read(e.to_bytes(), kind), envelope, InputError)
