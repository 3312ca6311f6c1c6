"""Bundles: one sequence of bytes for one content, and nothing but EncodingError for any other."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from document_examples import BUNDLE, ORACLE, PARAMS_DOCUMENT, REQUEST, ROUND, SIGNED_PARAMS, STATE_DOCUMENT

from zkmargin import canonical
from zkmargin.bundle import MAX_BUNDLE_BYTES, MEDIA_TYPE, Bundle, Request
from zkmargin.documents import Round, Signed
from zkmargin.errors import EncodingError, InputError

VALUE: dict[str, Any] = BUNDLE.to_value()
DATA = BUNDLE.to_bytes()


def test_a_bundle_is_read_again() -> None:
    bundle = Bundle.from_bytes(DATA)
    assert bundle == BUNDLE
    assert bundle.to_bytes() == DATA
    assert bundle.id == BUNDLE.id == "0x" + hashlib.sha256(DATA).hexdigest()
    assert VALUE["media_type"] == MEDIA_TYPE == "application/vnd.zkmargin.bundle.v1+json"


def test_a_bundle_of_bare_documents_is_read_again() -> None:
    bare = Bundle(
        BUNDLE.request, BUNDLE.proof, Signed(STATE_DOCUMENT), Signed(PARAMS_DOCUMENT), Round.from_value(ORACLE)
    )
    assert Bundle.from_bytes(bare.to_bytes()) == bare
    assert bare.to_value()["round"] == {"schema": "zkmargin/round/v1", "reports": [ORACLE]}
    assert bare.id != BUNDLE.id


def _refused(data: bytes) -> str:
    with pytest.raises(EncodingError) as caught:
        Bundle.from_bytes(data)
    assert caught.value.code == "bad_encoding"
    return str(caught.value)


def test_another_form_of_the_same_value_is_refused() -> None:
    shuffled = json.dumps(VALUE, separators=(",", ":")).encode()
    single_report = canonical.to_bytes(VALUE | {"round": ORACLE})
    unsorted = VALUE["round"] | {"reports": VALUE["round"]["reports"][::-1]}
    for data in (
        json.dumps(VALUE, indent=1, sort_keys=True).encode(),
        shuffled,
        DATA + b"\n",
        b" " + DATA,
        DATA.replace(b"health", b"\\u0068ealth"),
        single_report,
        canonical.to_bytes(VALUE | {"round": unsorted}),
    ):
        assert data != DATA
        assert "not in canonical form" in _refused(data)


@pytest.mark.parametrize("key", VALUE)
def test_every_part_is_needed(key: str) -> None:
    assert "exactly" in _refused(canonical.to_bytes({k: v for k, v in VALUE.items() if k != key}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"more": 1}, "exactly"),
        ({"schema": "zkmargin/bundle/v2"}, "not a zkmargin/bundle/v1 bundle"),
        ({"media_type": "application/json"}, "not a zkmargin/bundle/v1 bundle"),
        ({"proof": 5}, "hex string"),
        ({"proof": "0xAB"}, "proof: hex needs"),
        ({"proof": "0x" + "00" * 65537}, "at most 65536 bytes"),
        ({"state": VALUE["params"]}, "state: the envelope does not hold"),
        ({"params": {}}, "params: "),
        ({"round": []}, "round: "),
        ({"request": []}, "request: "),
        ({"request": REQUEST | {"seq": "1"}}, "request: seq: must be an integer"),
        ({"request": REQUEST | {"seq": 0}}, "request: seq"),
        ({"request": REQUEST | {"audience": "a b"}}, "request: audience"),
        ({"request": REQUEST | {"claim": "health >= 1"}}, "request: claim"),
        ({"request": REQUEST | {"expiry": "tomorrow"}}, "request: expiry: must be a time in UTC"),
        ({"request": REQUEST | {"box": []}}, "request: box"),
        ({"request": REQUEST | {"box": [REQUEST["box"][0] | {"low": "-1"}]}}, "request: box[0].low"),
        ({"request": REQUEST | {"box": [REQUEST["box"][0] | {"high": 4711}]}}, "request: box[0].high: must be a dec"),
        ({"request": REQUEST | {"box": [REQUEST["box"][0]] * 2}}, "a market must not occur twice"),
    ],
)
def test_what_is_not_a_bundle_is_refused(changes: dict[str, Any], sentence: str) -> None:
    message = _refused(canonical.to_bytes(VALUE | changes))
    assert sentence in message
    assert "4711" not in message


def test_bundles_are_bounded() -> None:
    assert f"above {MAX_BUNDLE_BYTES} bytes" in _refused(b" " * (MAX_BUNDLE_BYTES + 1))


def test_what_is_inside_an_envelope_is_held_to_the_same_rules() -> None:
    payload = json.dumps(PARAMS_DOCUMENT.to_value()).encode()
    envelope = SIGNED_PARAMS.to_value() | {"payload": base64.b64encode(payload).decode()}
    assert "params: the document inside the envelope is not in canonical form" in _refused(
        canonical.to_bytes(VALUE | {"params": envelope})
    )


def test_a_request_made_in_python_is_as_strict() -> None:
    with pytest.raises(InputError, match="audience"):
        Request(**{**BUNDLE.request.__dict__, "audience": "not a name"})
    assert Request(**BUNDLE.request.__dict__) == BUNDLE.request


def test_the_round_of_a_bundle_keeps_its_signatures() -> None:
    assert Bundle.from_bytes(DATA).round == ROUND
