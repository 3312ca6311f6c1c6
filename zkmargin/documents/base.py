"""What all documents share: one schema each, strict reading, canonical bytes, a digest, an optional signed envelope.

Source: docs/formats.md. Errors name the field and what is wanted, never the value that was sent.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from .. import canonical
from ..envelope import Envelope, PrivateKey, check_public_key, is_envelope, sign
from ..errors import InputError, ZkMarginError

_STRING_WANTED = "must be a string in quotes (amounts are decimal strings, never JSON numbers)"


def _decimal(text: str) -> str:
    canonical.parse_decimal(text)
    return text


def _positive(text: str) -> str:
    if canonical.parse_decimal(text) <= 0:
        raise ValueError("must be above zero")
    return text


def _not_negative(text: str) -> str:
    if canonical.parse_decimal(text) < 0:
        raise ValueError("must not be negative")
    return text


def _time(text: str) -> str:
    canonical.parse_time(text)
    return text


def _typed(check: Any) -> AfterValidator:
    """A validator of ours as one of pydantic's, which knows ValueError only."""

    def validate(text: str) -> str:
        try:
            return str(check(text))
        except ZkMarginError as error:
            raise ValueError(str(error)) from None

    return AfterValidator(validate)


_DECIMAL_FIELD = Field(pattern=canonical.DECIMAL_PATTERN, max_length=canonical.MAX_DECIMAL_CHARACTERS)
DecimalText = Annotated[str, _DECIMAL_FIELD, _typed(_decimal)]
PositiveDecimal = Annotated[str, _DECIMAL_FIELD, _typed(_positive)]
NonNegativeDecimal = Annotated[str, _DECIMAL_FIELD, _typed(_not_negative)]
IntegerText = Annotated[str, Field(pattern=r"^-?(0|[1-9][0-9]*)$", max_length=80)]
Time = Annotated[str, Field(pattern=canonical.TIME_PATTERN), _typed(_time)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$", max_length=200)]
MarketName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$", max_length=64)]
Digest = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]
Hex32 = Digest
PointHex = Annotated[str, Field(pattern=r"^0x[0-9a-f]{96}$")]
PublicKey = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$"), _typed(check_public_key)]
Ppm = Annotated[int, Field(ge=1, le=1_000_000)]
Counter = Annotated[int, Field(ge=1, le=canonical.MAX_INTEGER)]


class Part(BaseModel):
    """A strict, immutable piece of a document."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    @classmethod
    def from_value(cls, value: Any) -> Self:
        """The object that a parsed JSON value describes.

        Raises: InputError with the path of the first bad field and what is wanted there.
        """
        try:
            # JSON mode: arrays become tuples, and nothing else is converted.
            return cls.model_validate_json(canonical.to_bytes(value), strict=True)
        except ValidationError as error:
            raise InputError(f"{_where(cls)}: {_explain(error)}") from None

    def to_value(self) -> dict[str, Any]:
        """The JSON value; absent options are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Document(Part):
    """A document with a schema of its own. ``digest`` is SHA-256 of the canonical bytes."""

    SCHEMA: ClassVar[str]

    @classmethod
    def media_type(cls) -> str:
        """``application/vnd.zkmargin.NAME.v1+json``."""
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


D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Signed(Generic[D]):
    """A document as it was read: bare (``envelope`` is None) or inside an envelope. Nothing is verified yet."""

    document: D
    envelope: Envelope | None = None

    @classmethod
    def from_value(cls, value: Any, kind: type[D]) -> Signed[D]:
        """Raises: InputError, also if an envelope's payload is not the canonical encoding of its document."""
        if not is_envelope(value):
            return Signed(kind.from_value(value))
        envelope = Envelope.from_value(value)
        if envelope.payload_type != kind.media_type():
            raise InputError(f"the envelope does not hold a {kind.SCHEMA} document")
        document = kind.from_bytes(envelope.payload)
        if document.to_bytes() != envelope.payload:
            raise InputError("the document inside the envelope is not in canonical form")
        return Signed(document, envelope)

    def verify(self, keys: Collection[str], *, threshold: int = 1) -> D:
        """The document, once ``threshold`` of ``keys`` have signed it. Raises: ContextError."""
        if self.envelope is None:
            return Signed(self.document, self.document.sign()).verify(keys, threshold=threshold)
        self.envelope.verify(keys, payload_type=self.document.media_type(), threshold=threshold)
        return self.document

    def to_value(self) -> dict[str, Any]:
        """The envelope if there is one, else the bare document."""
        return self.document.to_value() if self.envelope is None else self.envelope.to_value()

    @property
    def digest(self) -> str:
        """The document's digest: the same with and without an envelope."""
        return self.document.digest


def read(data: bytes, kind: type[D]) -> Signed[D]:
    """The document in ``data``, bare or in an envelope.

    Raises: InputError.
    """
    return Signed.from_value(canonical.parse(data), kind)


def unique(names: Collection[str], what: str) -> None:
    """Raises: ValueError (for validators) if a name occurs twice."""
    if len(set(names)) != len(names):
        raise ValueError(f"{what} must not occur twice")


def _where(cls: type[Part]) -> str:
    return getattr(cls, "SCHEMA", cls.__name__.lower())


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path, message = list(first["loc"]), first["msg"]
    if first["type"] == "extra_forbidden":
        # The unknown key is something that was submitted: only the place is told.
        path, message = path[:-1], "holds an unknown key"
    elif first["type"] == "string_type":
        message = _STRING_WANTED
    elif first["type"] == "string_pattern_mismatch":
        message = "is not written as docs/formats.md says"
    elif first["type"] == "value_error":
        message = message.removeprefix("Value error, ")
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return f"{name or 'the document'}: {message}"
