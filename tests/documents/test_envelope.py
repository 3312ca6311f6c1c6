"""DSSE with Ed25519: what is signed, who counts as a signer, which keys are keys."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from document_examples import key

from zkmargin.canonical import to_hex
from zkmargin.envelope import Envelope, PrivateKey, check_public_key, pre_authentication_encoding, sign
from zkmargin.errors import ContextError, InputError

KIND = "http://example.com/HelloWorld"
BODY = b"hello world"
ALICE, BOB, EVE = key(1), key(2), key(3)
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493  # the order of the base point, RFC 8032


def test_the_published_vector_of_the_pre_authentication_encoding() -> None:
    """dsse/protocol.md, "Test Vectors"."""
    assert pre_authentication_encoding(KIND, BODY) == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_lengths_are_of_bytes() -> None:
    assert pre_authentication_encoding("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


@pytest.mark.parametrize(
    ("seed", "public", "message", "signature"),
    [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ],
)
def test_keys_and_signatures_of_rfc_8032(seed: str, public: str, message: str, signature: str) -> None:
    private = PrivateKey(bytes.fromhex(seed))
    assert private.public == "0x" + public == check_public_key(private.public)
    assert private.sign(bytes.fromhex(message)).hex() == signature
    assert private.to_bytes().hex() == seed
    assert seed not in repr(private)


def test_a_seed_of_another_length_is_refused() -> None:
    for seed in (b"", b"\x01" * 31, b"\x01" * 64):
        with pytest.raises(InputError, match="32 bytes"):
            PrivateKey(seed)


def test_generated_keys_differ_and_sign() -> None:
    one, other = PrivateKey.generate(), PrivateKey.generate()
    assert one.public != other.public
    assert sign(KIND, BODY, one).verify([one.public], payload_type=KIND) == BODY
    assert PrivateKey(one.to_bytes()).public == one.public


def test_a_signed_payload_comes_back() -> None:
    envelope = Envelope.from_bytes(sign(KIND, BODY, ALICE, BOB).to_bytes())
    assert envelope.verify([ALICE.public], payload_type=KIND) == BODY
    assert envelope.verify([ALICE.public, BOB.public], payload_type=KIND, threshold=2) == BODY
    assert envelope.keys == (ALICE.public, BOB.public)


def _code(envelope: Envelope, keys: Any, **more: Any) -> str:
    with pytest.raises(ContextError) as caught:
        envelope.verify(keys, payload_type=more.pop("payload_type", KIND), **more)
    return caught.value.code


def test_signatures_by_unknown_keys_count_for_nothing_and_do_no_harm() -> None:
    forged = (EVE.public, b"\x00" * 64)
    envelope = Envelope(KIND, BODY, (forged, *sign(KIND, BODY, ALICE).signatures))
    assert envelope.verify([ALICE.public], payload_type=KIND) == BODY
    assert _code(envelope, [BOB.public]) == "unsigned"
    assert _code(envelope, []) == "unsigned"


def test_a_key_counts_once() -> None:
    ((name, signature),) = sign(KIND, BODY, ALICE).signatures
    twice = Envelope(KIND, BODY, ((name, signature), (name, signature)))
    assert _code(twice, [ALICE.public, BOB.public], threshold=2) == "unsigned"
    assert _code(twice, [ALICE.public, ALICE.public], threshold=2) == "unsigned"
    with pytest.raises(InputError, match="at most once"):
        Envelope.from_value(twice.to_value())


def test_a_string_is_not_a_collection_of_keys() -> None:
    assert _code(sign(KIND, BODY, ALICE), ALICE.public) == "unsigned"


def test_a_threshold_below_one_is_a_programming_error() -> None:
    for threshold in (0, -1):
        with pytest.raises(ValueError, match="threshold"):
            Envelope(KIND, BODY, ()).verify([], payload_type=KIND, threshold=threshold)


def test_a_wrong_signature_under_a_trusted_name_is_refused_even_beside_a_good_one() -> None:
    good, other = sign(KIND, BODY, ALICE), sign(KIND, b"another", BOB)
    envelope = Envelope(KIND, BODY, (*good.signatures, *other.signatures))
    assert _code(envelope, [ALICE.public, BOB.public]) == "bad_signature"


def test_payload_and_type_are_signed() -> None:
    signatures = sign(KIND, BODY, ALICE).signatures
    assert _code(Envelope(KIND, b"hello World", signatures), [ALICE.public]) == "bad_signature"
    assert _code(Envelope(KIND + "2", BODY, signatures), [ALICE.public]) == "bad_signature"
    assert _code(Envelope(KIND + "2", BODY, signatures), [ALICE.public], payload_type=KIND + "2") == "bad_signature"


def test_a_good_signature_over_another_type_of_document_is_refused() -> None:
    assert _code(sign(KIND, BODY, ALICE), [ALICE.public], payload_type=KIND + "2") == "bad_signature"


def test_every_bit_of_a_signature_counts() -> None:
    ((name, signature),) = sign(KIND, BODY, ALICE).signatures
    for bit in range(512):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        assert _code(Envelope(KIND, BODY, ((name, bytes(flipped)),)), [ALICE.public]) == "bad_signature"


def test_a_signature_has_one_form() -> None:
    """S + L satisfies the same equation; RFC 8032 refuses it."""
    ((name, signature),) = sign(KIND, BODY, ALICE).signatures
    s = int.from_bytes(signature[32:], "little") + L
    malleated = signature[:32] + s.to_bytes(32, "little")
    assert _code(Envelope(KIND, BODY, ((name, malleated),)), [ALICE.public]) == "bad_signature"


SMALL_ORDER = [
    "00" * 32,
    "01" + "00" * 31,
    "ec" + "ff" * 30 + "7f",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
]
NOT_CANONICAL = [(P + y).to_bytes(32, "little").hex() for y in (0, 1, 3)]


def _with_sign(text: str) -> str:
    return text[:-2] + f"{int(text[-2:], 16) | 0x80:02x}"


@pytest.mark.parametrize("text", [form for text in SMALL_ORDER + NOT_CANONICAL for form in (text, _with_sign(text))])
def test_keys_of_small_order_and_other_encodings_are_no_keys(text: str) -> None:
    with pytest.raises(InputError, match="not a valid Ed25519 public key"):
        check_public_key("0x" + text)


def test_a_number_that_is_not_on_the_curve_is_no_key() -> None:
    # y = 2 and y = 7 have no x; y = 3 has one.
    for y, valid in ((2, False), (7, False), (3, True)):
        text = to_hex(y.to_bytes(32, "little"))
        if valid:
            assert check_public_key(text) == text
        else:
            with pytest.raises(InputError):
                check_public_key(text)


def test_a_key_has_32_bytes() -> None:
    for text in (ALICE.public[:-2], ALICE.public + "00", "0x"):
        with pytest.raises(InputError, match="32 bytes"):
            check_public_key(text)


def test_a_key_of_small_order_signs_nothing() -> None:
    """R = identity and S = 0 satisfy the equation for the key "identity" and every message."""
    identity = "01" + "00" * 31
    envelope = Envelope(KIND, BODY, (("0x" + identity, bytes.fromhex(identity) + b"\x00" * 32),))
    assert _code(envelope, ["0x" + identity]) == "bad_signature"


def test_signing_again_puts_the_signature_in_the_place_of_what_stood_under_the_name() -> None:
    planted = Envelope(KIND, BODY, ((ALICE.public, b"\x00" * 64), *sign(KIND, BODY, BOB).signatures))
    signed = planted.with_signature(ALICE)
    assert signed.verify([ALICE.public, BOB.public], payload_type=KIND, threshold=2) == BODY
    assert signed.keys == (ALICE.public, BOB.public)
    assert signed.with_signature(BOB) == signed


def _value(**changes: Any) -> dict[str, Any]:
    return sign(KIND, BODY, ALICE).to_value() | changes


SIGNATURE: dict[str, Any] = _value()["signatures"][0]
URL_SAFE = base64.urlsafe_b64encode(b"\xfb\xff\xbf").decode()


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        _value(extra=1),
        {k: v for k, v in _value().items() if k != "payload"},
        _value(payloadType=7),
        _value(payloadType="x" * 129),
        _value(payloadType="é"),
        _value(payload=None),
        _value(payload=7),
        _value(payload="aGk"),
        _value(payload="aGk=\n"),
        _value(payload=" aGk="),
        _value(payload="aGl="),  # bits beyond the last byte
        _value(payload=URL_SAFE),
        _value(payload="é"),
        _value(signatures=None),
        _value(signatures={}),
        _value(signatures=[SIGNATURE, SIGNATURE]),
        _value(signatures=[1]),
        _value(signatures=[{"sig": SIGNATURE["sig"]}]),
        _value(signatures=[SIGNATURE | {"cert": ""}]),
        _value(signatures=[SIGNATURE | {"keyid": 1}]),
        _value(signatures=[SIGNATURE | {"keyid": "0xab"}]),
        _value(signatures=[SIGNATURE | {"sig": ""}]),
        _value(signatures=[SIGNATURE | {"sig": "AAAA" + SIGNATURE["sig"]}]),
        _value(signatures=[SIGNATURE | {"keyid": key(n).public} for n in range(1, 66)]),
    ],
)
def test_what_is_not_an_envelope_is_refused(value: Any) -> None:
    with pytest.raises(InputError):
        Envelope.from_value(value)


def test_the_longest_payload_type_is_read() -> None:
    assert Envelope.from_value(_value(payloadType="x" * 128)).payload_type == "x" * 128


def test_sixty_four_signatures_are_read() -> None:
    keys = [key(n) for n in range(1, 65)]
    envelope = Envelope.from_value(sign(KIND, BODY, *keys).to_value())
    assert envelope.verify([k.public for k in keys], payload_type=KIND, threshold=64) == BODY
