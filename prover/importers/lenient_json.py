"""JSON of other programs: floats are kept apart as text, and only one that stands for an amount is refused."""

from __future__ import annotations

import json
from typing import Any

from zkmargin.canonical import check_depth
from zkmargin.errors import InputError


class FloatText(str):
    """A JSON number with a point or an exponent: its digits may not be those that the exchange meant."""

    __slots__ = ()


def parse(content: bytes) -> Any:
    """The value in ``content``.

    Raises: InputError: not JSON, a key twice, or nested too deeply.
    """
    try:
        check_depth(content)
    except InputError as error:
        raise InputError(str(error), code="bad_json") from None
    try:
        return json.loads(
            content.decode("utf-8-sig"),
            parse_float=FloatText,
            parse_constant=FloatText,
            object_pairs_hook=_without_duplicates,
        )
    except ValueError:  # covers UnicodeDecodeError, JSONDecodeError and integers of absurd length
        raise InputError("the file is not valid JSON in UTF-8", code="bad_json") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise InputError("the file has the same key twice in one object", code="bad_json")
    return value
