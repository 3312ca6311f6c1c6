"""Strict JSON, decimals, hex and times."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkmargin import canonical
from zkmargin.errors import InputError

REFUSED = {
    "float": (b'{"a":[0,1.5]}', "a[1]: a number with a point"),
    "exponent": (b'{"a":1e3}', "a: a number with a point"),
    "NaN": (b'{"a":NaN}', "a: a number with a point"),
    "infinity": (b'{"a":-Infinity}', "a: a number with a point"),
    "huge integer": (b'{"a":{"b":9007199254740992}}', "a.b: an integer beyond 2^53"),
    "integer of many digits": (b'{"a":' + b"1" * 5000 + b"}", "a: an integer beyond 2^53"),
    "key twice": (b'{"a":1,"a":1}', "a key occurs twice"),
    "key twice, inside": (b'{"a":[{"b":1,"c":2,"b":1}]}', "a key occurs twice"),
    "key twice, one escaped": (b'{"a":1,"\\u0061":1}', "a key occurs twice"),
    "byte order mark": (b'\xef\xbb\xbf{"a":1}', "byte order mark"),
    "UTF-16": ('{"a":1}'.encode("utf-16"), "not UTF-8"),
    "Latin-1": ('{"a":"é"}'.encode("latin-1"), "not UTF-8"),
    "encoded surrogate": (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
    "lone surrogate": (b'{"a":"\\ud800"}', "a: a string holds half of a surrogate pair"),
    "lone surrogate in a key": (b'{"a":{"\\udfff":1}}', "a: a string holds half of a surrogate pair"),
    "comment": (b'{"a":1} // x', "not JSON: line 1, column 9"),
    "two values": (b"{}{}", "not JSON"),
    "nothing": (b"", "not JSON"),
    "trailing comma": (b'{"a":1,}', "not JSON"),
    "control character": (b'{"a":"\x00"}', "not JSON"),
    "leading zero": (b'{"a":01}', "not JSON"),
    "seventeen deep": (b"[" * 17 + b"]" * 17, "nested more than 16 deep"),
    "a hundred thousand deep": (b"[" * 100_000, "nested more than 16 deep"),
    "too many entries": (b"[" + b"0," * 100_001 + b"0]", "more than 100000 entries"),
}


@pytest.mark.parametrize(("data", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_strict_json_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        canonical.parse(data)
    assert sentence in str(caught.value)


def test_what_is_strict_json_is_read() -> None:
    assert canonical.parse(b"[" * 16 + b"]" * 16) is not None
    assert canonical.parse(b'{"a":-9007199254740991,"b":true,"c":null}') == {"a": -(2**53 - 1), "b": True, "c": None}
    assert canonical.parse('{"a":"\\ud83d\\ude00é"}'.encode()) == {"a": "😀é"}


def test_the_limit_is_on_bytes() -> None:
    assert canonical.parse(b'"abc"', limit=5) == "abc"
    with pytest.raises(InputError, match="above 4 bytes"):
        canonical.parse(b'"abc"', limit=4)


def test_depth_is_that_of_the_brackets_that_are_open() -> None:
    assert canonical.parse(b"[" + b"[]," * 20 + b"{}]") == [[]] * 20 + [{}]
    assert canonical.parse(b'["' + b"[{" * 20 + b'"]') == ["[{" * 20]
    assert canonical.parse(b"[" * 15 + b"[],[]" + b"]" * 15) is not None
    for deep in (b"[],[[]]", b"{},[{}]", b'"]",[[]]', b'"a","b",[[]]', b'"\\"]",[[]]'):
        with pytest.raises(InputError, match="nested more than 16 deep"):
            canonical.parse(b"[" * 15 + deep + b"]" * 15)


def test_the_limit_on_entries_is_on_commas() -> None:
    assert canonical.parse(b"[" + b"0," * 100_000 + b"0]") == [0] * 100_001
    with pytest.raises(InputError, match="more than 100000 entries"):
        canonical.parse(b"[" + b"0," * 100_001 + b"0]")


def test_an_error_repeats_no_value_and_no_strange_key() -> None:
    for data in (b'{"4711 x":{"cash":4711.25}}', b'{"cash":4711471147114711471147}', b'{"a":"4711\\ud800"}'):
        with pytest.raises(InputError) as caught:
            canonical.parse(data)
        assert "4711" not in str(caught.value)


def test_canonical_bytes_are_sorted_tight_utf8() -> None:
    value = {"b": [1, {"z": "é\n", "a": None}], "a": "/"}
    assert canonical.to_bytes(value) == '{"a":"/","b":[1,{"a":null,"z":"é\\n"}]}'.encode()


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(blacklist_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON)
@settings(deadline=None)
def test_canonical_bytes_and_values_are_one_to_one(value: Any) -> None:
    try:
        data = canonical.to_bytes(value)
    except InputError:
        return  # a surrogate in a key
    assert canonical.parse(data) == value
    assert canonical.to_bytes(canonical.parse(data)) == data
    assert canonical.to_bytes(canonical.parse(json.dumps(value, indent=3).encode())) == data


@pytest.mark.parametrize("value", [float("nan"), b"bytes", {1, 2}, "\ud800", {("a",): 1}])
def test_what_is_not_json_has_no_canonical_bytes(value: Any) -> None:
    with pytest.raises(InputError):
        canonical.to_bytes(value)


def test_depth_is_refused_whatever_the_interpreter_would_bear() -> None:
    """A library may raise the recursion limit; then parser and encoder would overflow the stack of the process."""
    code = """
import sys
from zkmargin import canonical
from zkmargin.errors import InputError

sys.setrecursionlimit(1_000_000)
value = []
for _ in range(200_000):
    value = [value]
for attempt in (lambda: canonical.parse(b"[" * 200_000), lambda: canonical.parse(b'{"a":' * 200_000),
                lambda: canonical.to_bytes(value), lambda: canonical.to_bytes({"a": (value,)})):
    try:
        attempt()
    except InputError as error:
        print(error)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("is nested more than 16 deep") == 4


def test_sixteen_levels_are_written_and_read_and_no_more() -> None:
    value: Any = "x"
    for _ in range(16):
        value = [value]
    assert canonical.parse(canonical.to_bytes(value)) == value
    objects: Any = "x"
    for _ in range(17):
        objects = {"a": objects}
    for deep in ([value], (value,), {"a": value}, objects):
        with pytest.raises(InputError, match="nested more than 16"):
            canonical.to_bytes(deep)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "+1",
        ".5",
        "1.",
        "01",
        "1e3",
        "1_000",
        "1,5",
        " 1",
        "1 ",
        "1\n",
        "٣",
        "1٣",
        "0.٣",
        "0x1",
        "nan",
        "--1",
        "1" * 61,
    ],
)
def test_what_is_not_a_decimal_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="decimal string"):
        canonical.parse_decimal(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(-3, 4), "-0.75"),
        (Fraction(1, 10**18), "0.000000000000000001"),
        (Fraction(1500), "1500"),
        (Fraction(-1, 8), "-0.125"),
        (7, "7"),
    ],
)
def test_decimals_are_written_in_the_shortest_form(value: Fraction, text: str) -> None:
    assert canonical.format_decimal(value) == text
    assert canonical.parse_decimal(text) == value


def test_a_decimal_that_does_not_end_is_not_written() -> None:
    for value in (Fraction(1, 3), Fraction(1, 7 * 2**40)):
        with pytest.raises(ValueError, match="no finite decimal"):
            canonical.format_decimal(value)


@given(st.integers(-(10**40), 10**40), st.integers(0, 18))
@settings(deadline=None)
def test_decimals_are_exact(units: int, places: int) -> None:
    value = Fraction(units, 10**places)
    text = canonical.format_decimal(value)
    assert canonical.parse_decimal(text) == value
    assert text == "0" or not text.startswith("-0") or text.startswith("-0.")
    assert "." not in text or not text.endswith("0")


def test_the_longest_decimal_is_read() -> None:
    assert canonical.parse_decimal("1" * 60) == int("1" * 60)


def test_minus_zero_and_last_zeros_are_read() -> None:
    assert canonical.parse_decimal("-0.0") == 0
    assert canonical.parse_decimal("1.50") == Fraction(3, 2)


@pytest.mark.parametrize("text", ["", "0X00", "0x0", "0xAB", "00", "0x0g", "0x00\n", "0x 0"])
def test_what_is_not_lower_case_hex_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        canonical.from_hex(text)


def test_hex() -> None:
    assert canonical.from_hex("0x") == b""
    assert canonical.from_hex(canonical.to_hex(b"\x00\xff"), 2) == b"\x00\xff"
    with pytest.raises(InputError, match="3 bytes"):
        canonical.from_hex("0x00ff", 3)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22",
        "2026-11-22T06:00:00",
        "2026-11-22T06:00:00+00:00",
        "2026-11-22T06:00:00.0Z",
        "2026-11-22t06:00:00z",
        "2026-11-22 06:00:00Z",
        "2026-11-22T06:00:00Z\n",
        "2026-1-22T06:00:00ZZ",
        "2026-02-29T06:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T06:00:60Z",
        "0000-01-01T00:00:00Z",
        "٢٠٢٦-11-22T06:00:00Z",
    ],
)
def test_a_time_has_one_form_and_exists(text: str) -> None:
    with pytest.raises(InputError):
        canonical.parse_time(text)


@given(st.integers(-62135596800, 253402300799))
@settings(deadline=None)
def test_times_are_unix_seconds(unix_s: int) -> None:
    assert canonical.parse_time(canonical.format_time(unix_s)) == unix_s


def test_the_first_and_last_times() -> None:
    assert canonical.parse_time("1970-01-01T00:00:00Z") == 0
    assert canonical.format_time(253402300799) == "9999-12-31T23:59:59Z"
    for outside in (253402300800, -62135596801, 10**30):
        with pytest.raises(InputError):
            canonical.format_time(outside)
