"""Strict JSON, its one canonical encoding, exact decimals, 0x-hex and times.

Source: docs/formats.md. Reading is strict so that bytes and meaning are one to one: no duplicate keys, no floats (an
amount is a decimal string), no integers beyond 2^53, no byte order mark, no lone surrogates, bounded depth and size.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, NoReturn

from .errors import InputError

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 16
MAX_INTEGER = 2**53 - 1
MAX_DECIMAL_CHARACTERS = 60
DECIMAL_PATTERN = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
TIME_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"

_DECIMAL = re.compile(DECIMAL_PATTERN, re.ASCII)
_TIME = re.compile(TIME_PATTERN, re.ASCII)
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def parse(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES) -> Any:
    """The JSON value that ``data`` holds.

    Raises: InputError: too large, not UTF-8, not JSON, or anything that the module's first lines refuse.
    """
    if len(data) > limit:
        raise InputError(f"the document is above {limit} bytes")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_refuse_float,
            parse_constant=_refuse_float,
            parse_int=_small_integer,
        )
    except UnicodeDecodeError:
        raise InputError("the document is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise InputError(f"the document is not JSON: line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise InputError("the document is nested too deeply") from None
    _check(value, MAX_DEPTH)
    return value


def to_bytes(value: Any) -> bytes:
    """The canonical encoding: keys sorted by code point, no spaces, UTF-8, nothing escaped that need not be."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


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
    if re.fullmatch(r"0x([0-9a-f]{2})*", text, re.ASCII) is None:
        raise InputError("hex needs 0x and an even number of lower-case digits")
    data = bytes.fromhex(text[2:])
    if length is not None and len(data) != length:
        raise InputError(f"hex of {length} bytes is needed")
    return data


def parse_decimal(text: str) -> Fraction:
    """The exact value of a decimal string: optional minus, digits, optional fraction; no exponent, no leading zeros.

    Raises: InputError.
    """
    if len(text) > MAX_DECIMAL_CHARACTERS or _DECIMAL.match(text) is None or text.endswith("\n"):
        raise InputError('an amount is a decimal string such as "-0.75": digits, at most one point, no exponent')
    return Fraction(text)


def format_decimal(value: Fraction | int) -> str:
    """The shortest decimal string of ``value``.

    Raises: ValueError if ``value`` has no finite decimal expansion: round first, in the direction that is safe.
    """
    value = Fraction(value)
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
        if places > value.denominator.bit_length():
            raise ValueError("no finite decimal expansion")
    units = abs(value.numerator * 10**places // value.denominator)
    digits = str(units).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def parse_time(text: str) -> int:
    """Unix seconds of an RFC 3339 time in UTC, in the one form YYYY-MM-DDTHH:MM:SSZ.

    Raises: InputError.
    """
    if _TIME.match(text) is None or len(text) != 20:
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


def _refuse_float(_: str) -> NoReturn:
    raise InputError('a number with a point or exponent is refused: write amounts as decimal strings, such as "0.25"')


def _small_integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise InputError("an integer beyond 2^53 is refused: write amounts as decimal strings")
    return int(text)


def _check(value: Any, depth: int) -> None:
    if depth < 0:
        raise InputError("the document is nested too deeply")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth - 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check(item, depth - 1)


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError("a string holds half of a surrogate pair") from None
