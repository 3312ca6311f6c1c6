"""What all documents share: typed fields, strict reading, one schema each, canonical bytes, a digest.

Source: docs/formats.md. Errors name the field and what is wanted there, never the value that was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from .. import canonical
from ..envelope import Envelope, PrivateKey, check_public_key, sign
from ..errors import InputError


@dataclass(frozen=True)
class Text:
    """A kind of string: its pattern (anchored at both ends), its greatest length, and the sentence of the error.

    ``check`` is for what no pattern can say; it raises InputError, whose sentence reaches the reader.
    """

    pattern: str
    wanted: str
    max_length: int
    check: Callable[[str], object] | None = None

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(strict=True, pattern=self.pattern, max_length=self.max_length)
        explained = core_schema.custom_error_schema(text, "text", custom_error_message=self.wanted)
        return core_schema.no_info_after_validator_function(self._checked, explained) if self.check else explained

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": self.pattern, "maxLength": self.max_length}

    def _checked(self, text: str) -> str:
        try:
            if self.check is not None:
                self.check(text)
        except InputError as error:
            # pydantic adds the path to a ValueError, and lets anything else through.
            raise ValueError(str(error)) from None
        return text


_DIGITS = canonical.MAX_DECIMAL_CHARACTERS
_NO_NUMBER = "a decimal string, never a JSON number, such as"
_HEX32 = r"^0x[0-9a-f]{64}$"
_HEX32_WANTED = "must be 0x and 64 lower-case hex digits"

DecimalText = Annotated[str, Text(canonical.DECIMAL_PATTERN, f'must be {_NO_NUMBER} "-0.75"', _DIGITS)]
NonNegativeDecimal = Annotated[
    str, Text(r"^(0|[1-9][0-9]*)(\.[0-9]+)?$", f'must be {_NO_NUMBER} "0.25", not below zero', _DIGITS)
]
PositiveDecimal = Annotated[
    str,
    Text(r"^([1-9][0-9]*(\.[0-9]+)?|0\.[0-9]*[1-9][0-9]*)$", f'must be {_NO_NUMBER} "0.25", and above zero', _DIGITS),
]
MAX_INTEGER_CHARACTERS = 80
IntegerText = Annotated[
    str, Text(r"^(0|-?[1-9][0-9]*)$", 'must be an integer in a string, such as "-75"', MAX_INTEGER_CHARACTERS)
]
Time = Annotated[
    str, Text(canonical.TIME_PATTERN, 'must be a time in UTC, such as "2026-11-22T06:00:00Z"', 20, canonical.parse_time)
]
Name = Annotated[str, Text(r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$", "must be 1 to 200 letters, digits and . _ : / @ -", 200)]
MarketName = Annotated[
    str, Text(r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$", "must be 1 to 64 letters, digits and . _ : / -", 64)
]
Digest = Annotated[str, Text(_HEX32, _HEX32_WANTED, 66)]
Hex32 = Digest
PointHex = Annotated[str, Text(r"^0x[0-9a-f]{96}$", "must be 0x and 96 lower-case hex digits", 98)]
PublicKey = Annotated[str, Text(_HEX32, _HEX32_WANTED, 66, check_public_key)]
Ppm = Annotated[int, Field(ge=0, le=1_000_000)]
Counter = Annotated[int, Field(ge=1, le=canonical.MAX_INTEGER)]


class Part(BaseModel):
    """A strict, immutable piece of a document.

    Raises: InputError, however it is made: from a value that was read, or by calling the class.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise InputError(_explain(type(self), error)) from None

    # Nested parts are made without ``__init__``, as in any model: it adds no check, only the type of its error.
    __init__.__dict__["__pydantic_base_init__"] = True

    @classmethod
    def from_value(cls, value: Any) -> Self:
        """The object that a parsed JSON value describes.

        Raises: InputError with the path of the first bad field and what is wanted there.
        """
        data = canonical.to_bytes(value)
        try:
            # JSON mode: arrays become tuples, and nothing else is converted.
            return cls.model_validate_json(data, strict=True)
        except ValidationError as error:
            raise InputError(_explain(cls, error)) from None

    def to_value(self) -> dict[str, Any]:
        """The JSON value; absent options are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def __copy__(self) -> Self:
        # ``model_copy(update=...)`` starts here: what was computed from the old fields must not survive.
        copy = super().__copy__()
        for name in copy.__dict__.keys() - type(self).model_fields.keys():
            del copy.__dict__[name]
        return copy


class Document(Part):
    """A document with a schema of its own. ``digest`` is SHA-256 of the canonical bytes."""

    SCHEMA: ClassVar[str]

    @model_validator(mode="after")
    def _named(self, info: ValidationInfo) -> Self:
        # In Python a class says which schema it is; in JSON only the key does, also inside another document.
        if info.mode == "json" and "schema_" not in self.model_fields_set:
            raise ValueError(f'"schema" must be "{self.SCHEMA}"')
        return self

    @classmethod
    def media_type(cls) -> str:
        """``application/vnd.zkmargin.NAME.v1+json``, the payload type of an envelope around it."""
        _, name, version = cls.SCHEMA.split("/")
        return f"application/vnd.zkmargin.{name}.{version}+json"

    @classmethod
    def from_value(cls, value: Any) -> Self:
        """As ``Part.from_value``; the value must name this schema."""
        if not isinstance(value, dict) or value.get("schema") != cls.SCHEMA:
            raise InputError(f'this is not a {cls.SCHEMA} document: "schema" must be "{cls.SCHEMA}"')
        return super().from_value(value)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The bare document in ``data``. Raises: InputError."""
        return cls.from_value(canonical.parse(data))

    def to_bytes(self) -> bytes:
        """The canonical bytes."""
        return canonical.to_bytes(self.to_value())

    @cached_property
    def digest(self) -> str:
        """0x-hex of SHA-256 of the canonical bytes."""
        return canonical.digest(self.to_bytes())

    def sign(self, *keys: PrivateKey) -> Envelope:
        """An envelope around this document."""
        return sign(self.media_type(), self.to_bytes(), *keys)


def unique(names: Collection[str], what: str) -> None:
    """Raises: ValueError (for validators) if a name occurs twice."""
    if len(set(names)) != len(names):
        raise ValueError(f"{what} must not occur twice")


@contextmanager
def located(where: str) -> Iterator[None]:
    """Put ``where`` before the sentence of an InputError."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}", code=error.code) from None


def _explain(kind: type[Part], error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path, message = first["loc"], first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        # The unknown key is something that was submitted: only the place is told.
        path, message = path[:-1], "holds an unknown key"
    message = _MESSAGES.get(first["type"], message)
    return f"{getattr(kind, 'SCHEMA', kind.__name__.lower())}: {canonical.describe(path)}: {message}"


_MESSAGES = {
    "tuple_type": "must be a list",
    "int_type": "must be an integer without quotes, point or exponent",
    "missing": "is missing",
}
