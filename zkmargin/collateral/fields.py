"""Kinds of fields that the documents about collateral share. The errors name the field, never the value."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from .. import canonical
from ..documents.base import Text
from ..errors import InputError

EVM_NAMESPACE = "eip155"
MAX_AMOUNT_DIGITS = 39
_EVM_REFERENCE = re.compile(r"[1-9][0-9]*", re.ASCII)


def check_chain_id(text: str) -> None:
    """One text for a chain: the number of an EVM chain has no leading zeros. Raises: InputError."""
    namespace, _, reference = text.partition(":")
    if namespace == EVM_NAMESPACE and _EVM_REFERENCE.fullmatch(reference) is None:
        raise InputError('an EVM chain is named by its number without leading zeros, such as "eip155:1"')


def _hex(length: int) -> Text:
    return Text(rf"^0x[0-9a-f]{{{2 * length}}}$", f"must be 0x and {2 * length} lower-case hex digits", 2 + 2 * length)


ChainId = Annotated[
    str,
    Text(r"^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$", 'must be a CAIP-2 chain id, such as "eip155:1"', 41, check_chain_id),
]
MemberId = Annotated[
    str, Text(r"^[a-z0-9][a-z0-9._-]*$", "must be 1 to 64 lower-case letters, digits and . _ -, no sign first", 64)
]
ClassName = Annotated[
    str, Text(r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", "must be 1 to 64 letters, digits and . _ : -, no sign first", 64)
]
BaseUnits = Annotated[
    str, Text(r"^[1-9][0-9]*$", 'must be a whole number above zero in a string, such as "1000"', MAX_AMOUNT_DIGITS)
]
Hex64 = Annotated[str, _hex(64)]
Hex65 = Annotated[str, _hex(65)]
CompressedKey = Annotated[str, Text(r"^0x0[23][0-9a-f]{64}$", "must be 0x02 or 0x03 and 64 lower-case hex digits", 68)]
Number = Annotated[int, Field(ge=0, le=canonical.MAX_INTEGER)]
"""A count, a height or a time in Unix seconds."""
