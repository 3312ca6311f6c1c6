"""Strict JSON, its one canonical encoding, exact decimals, 0x-hex and times.

Source: docs/formats.md. Reading is strict so that bytes and meaning are one to one: no duplicate keys, no floats (an
amount is a decimal string), no integers beyond 2^53, no byte order mark, no lone surrogates, bounded depth and size.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from .errors import InputError

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 16
MAX_COMMAS = 100_000
MAX_INTEGER = 2**53 - 1
MAX_DECIMAL_CHARACTERS = 60
DECIMAL_PATTERN = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
TIME_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"

_DECIMAL = re.compile(DECIMAL_PATTERN, re.ASCII)
_TIME = re.compile(TIME_PATTERN, re.ASCII)
_HEX = re.compile(r"0x([0-9a-f]{2})*", re.ASCII)
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# A whole string, or one bracket outside strings. Possessive: linear in the input, whatever it is.
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
# A key is something that was submitted: an error repeats it only if it could be the name of a field.
_FIELD_NAME = re.compile(r"[A-Za-z_]{1,32}", re.ASCII)


class _Refused(str):
    """Stands where a refused number was, until the walk that knows the path to it. The text says what is wrong."""


_FLOAT = _Refused('a number with a point or exponent is refused: write amounts as decimal strings, such as "0.25"')
_HUGE = _Refused("an integer beyond 2^53 is refused: write amounts as decimal strings")


def parse(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES) -> Any:
    """The JSON value that ``data`` holds.

    Raises: InputError: too large, not UTF-8, not JSON, or anything that the module's first lines refuse.
    """
    if len(data) > limit:
        raise InputError(f"the document is above {limit} bytes")
    if data.count(b",") > MAX_COMMAS:
        # Each comma may cost a hundred bytes of objects: this bounds memory and time before either is spent.
        raise InputError(f"the document has more than {MAX_COMMAS} entries")
    if data.startswith(b"\xef\xbb\xbf"):
        raise InputError("the document starts with a byte order mark: save it as UTF-8 without one")
    check_depth(data)
    refused: list[_Refused] = []

    def refuse(why: _Refused) -> _Refused:
        refused.append(why)
        return why

    def integer(text: str) -> int | _Refused:
        # The length is looked at first: int() of a long text is slow, and refused by Python beyond 4300 digits.
        return int(text) if len(text) <= 17 and abs(int(text)) <= MAX_INTEGER else refuse(_HUGE)

    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=lambda _: refuse(_FLOAT),
            parse_constant=lambda _: refuse(_FLOAT),
            parse_int=integer,
        )
    except UnicodeDecodeError:
        raise InputError("the document is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise InputError(f"the document is not JSON: line {error.lineno}, column {error.colno}") from None
    if refused or b"\\u" in data:  # UTF-8 itself has no surrogates: only an escape can make half of a pair
        _check(value, ())
    return value


def check_depth(data: bytes) -> None:
    """Refuse deep nesting before the parser sees it: how deep the parser may go is the interpreter's, not ours, and a
    library that raises its recursion limit would turn deep nesting into a crash of the process. Raises: InputError."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return  # no deeper than it has brackets, even if all of them were outside strings
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(data):
        token = match[0]
        if token in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise InputError(f"the document is nested more than {MAX_DEPTH} deep")
        elif token in b"]}":
            depth -= 1


def to_bytes(value: Any) -> bytes:
    """The canonical encoding: keys sorted by code point, no spaces, UTF-8, nothing escaped that need not be.

    Raises: InputError if ``value`` is not JSON in Unicode: another type, NaN, half of a surrogate pair, endless depth.
    """
    _check_levels(value)
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8")
    except (TypeError, ValueError):
        raise InputError("the value cannot be written as JSON") from None


def _check_levels(value: Any) -> None:
    # The encoder recurses too: what a looser parser handed over is measured first, level by level.
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        containers = [item for item in level if isinstance(item, (dict, list, tuple))]
        if not containers:
            return
        level = [item for box in containers for item in (box.values() if isinstance(box, dict) else box)]
    raise InputError(f"the value is nested more than {MAX_DEPTH} deep")


def digest(data: bytes) -> str:
    """0x-hex of SHA-256: the digest of a document is that of its canonical bytes."""
    return to_hex(hashlib.sha256(data).digest())


def to_hex(data: bytes) -> str:
    """0x and lower-case hex."""
    return "0x" + data.hex()


def from_hex(text: str, length: int | None = None) -> bytes:
    """The bytes of a lower-case 0x-hex string, ``length`` of them if given.

    Raises: InputError.
    """
    if _HEX.fullmatch(text) is None:
        raise InputError("hex needs 0x and an even number of lower-case digits")
    data = bytes.fromhex(text[2:])
    if length is not None and len(data) != length:
        raise InputError(f"hex of {length} bytes is needed")
    return data


def parse_decimal(text: str) -> Fraction:
    """The exact value of a decimal string: optional minus, digits, optional fraction; no exponent, no leading zeros.

    Raises: InputError.
    """
    if len(text) > MAX_DECIMAL_CHARACTERS or _DECIMAL.fullmatch(text) is None:
        raise InputError('an amount is a decimal string such as "-0.75": digits, at most one point, no exponent')
    whole, _, decimals = text.partition(".")
    return Fraction(int(whole + decimals), 10 ** len(decimals))


def format_decimal(value: Fraction | int) -> str:
    """The shortest decimal string of ``value``.

    Raises: ValueError if ``value`` has no finite decimal expansion: round first, in the direction that is safe.
    """
    value = Fraction(value)
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
        if places > value.denominator.bit_length():  # 2^a 5^b needs max(a, b) places
            raise ValueError("no finite decimal expansion")
    units = abs(value.numerator * 10**places // value.denominator)
    digits = str(units).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def parse_time(text: str) -> int:
    """Unix seconds of an RFC 3339 time in UTC, in the one form YYYY-MM-DDTHH:MM:SSZ.

    Raises: InputError.
    """
    if _TIME.fullmatch(text) is None:
        raise InputError('a time is written in UTC, such as "2026-11-22T06:00:00Z"')
    try:
        return int(datetime.strptime(text, _TIME_FORMAT).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise InputError("this time does not exist in the calendar") from None


def format_time(unix_s: int) -> str:
    """The RFC 3339 form of Unix seconds.

    Raises: InputError beyond the year 9999.
    """
    try:
        moment = datetime.fromtimestamp(unix_s, UTC)
    except (ValueError, OverflowError, OSError):
        raise InputError("this time is outside the years 1 to 9999") from None
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%SZ}"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise InputError("a key occurs twice in one object")
    return value


def _check(value: Any, path: tuple[str | int, ...]) -> None:
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key, path)
            _check(item, (*path, key))


def _check_text(text: str, path: tuple[str | int, ...]) -> None:
    if isinstance(text, _Refused):
        raise InputError(f"{describe(path)}: {text}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{describe(path)}: a string holds half of a surrogate pair") from None


def describe(path: Sequence[str | int]) -> str:
    """A path to a field, such as ``markets[3].lot``, in words that repeat nothing but names of fields and positions."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{_field_name(step)}" for step in path)
    return "".join(steps).lstrip(".") or "the document"


def _field_name(key: str) -> str:
    return key if _FIELD_NAME.fullmatch(key) else "?"
