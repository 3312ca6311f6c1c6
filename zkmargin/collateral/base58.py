"""Base58 of 32 bytes, as Solana writes addresses and hashes: one text a value."""

from __future__ import annotations

from ..errors import InputError

_DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_BYTES = 32
_MAX_DIGITS = 44


def encode(word: bytes) -> str:
    """The text of 32 bytes. Raises: InputError: another length."""
    if len(word) != _BYTES:
        raise InputError("an address or a hash of Solana is 32 bytes")
    zeros, rest, text = _BYTES - len(word.lstrip(b"\0")), int.from_bytes(word, "big"), ""
    while rest:
        rest, digit = divmod(rest, 58)
        text = _DIGITS[digit] + text
    return _DIGITS[0] * zeros + text


def decode(text: str) -> bytes:
    """The 32 bytes of a text. Raises: InputError: not what ``encode`` gives for any."""
    number = 0
    for digit in text if len(text) <= _MAX_DIGITS else "0":  # a zero is no digit
        if digit not in _VALUES:
            number = 2 ** (8 * _BYTES)
            break
        number = number * 58 + _VALUES[digit]
    word = number.to_bytes(_BYTES, "big") if number < 2 ** (8 * _BYTES) else b""
    if not word or encode(word) != text:
        raise InputError("this is not 32 bytes in base58")
    return word
