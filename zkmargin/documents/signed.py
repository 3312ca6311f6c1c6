"""A document as it arrives: bare, or in an envelope with signatures that are still to be verified."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .. import canonical
from ..envelope import Envelope, is_envelope
from ..errors import ContextError, InputError
from .base import Document

D = TypeVar("D", bound=Document)
T = TypeVar("T")


@dataclass(frozen=True)
class Signed(Generic[D]):
    """A document and the envelope that it came in, if there was one. Nothing is verified yet.

    Raises: InputError unless the envelope holds exactly the canonical bytes of ``document``: so what ``verify``
            returns is what was signed, and a digest stands for one sequence of bytes.
    """

    document: D
    envelope: Envelope | None = None

    def __post_init__(self) -> None:
        if self.envelope is None:
            return
        if self.envelope.payload_type != self.document.media_type():
            raise InputError(f"the envelope does not hold a {self.document.SCHEMA} document")
        if self.envelope.payload != self.document.to_bytes():
            raise InputError("the document inside the envelope is not in canonical form")

    @classmethod
    def from_value(cls, value: Any, kind: type[D]) -> Signed[D]:
        """The document that a parsed JSON value holds. Raises: InputError."""
        if not is_envelope(value):
            return Signed(kind.from_value(value))
        envelope = Envelope.from_value(value)
        if envelope.payload_type != kind.media_type():
            raise InputError(f"the envelope does not hold a {kind.SCHEMA} document")
        return Signed(kind.from_bytes(envelope.payload), envelope)

    def verify(self, keys: Collection[str], *, threshold: int = 1) -> D:
        """The document, once ``threshold`` distinct keys of ``keys`` have signed it.

        Raises: ContextError "unsigned", "bad_signature".
        """
        if self.envelope is None:
            raise ContextError("the document is not signed", code="unsigned")
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


def all_signed(*checks: Callable[[], T]) -> list[T]:
    """What every check of signatures returns; a wrong signature is told before a missing one.

    Raises: ContextError "bad_signature", else the first error.
    """
    results, errors = [], []
    for check in checks:
        try:
            results.append(check())
        except ContextError as error:
            errors.append(error)
    if errors:
        raise min(errors, key=lambda wrong: wrong.code != "bad_signature")
    return results
