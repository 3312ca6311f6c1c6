"""The self-contained proof file, ``*.zkmargin.json``, media type application/vnd.zkmargin.bundle.v1+json.

A bundle *requests*: whom it is for, which account and state, which claim, box, round and expiry. The parameters, round
and state that it carries let anyone check it offline; a verifier with state of its own uses that, and compares digests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from . import canonical
from .collateral.fields import ClassName
from .documents import Params, Part, Round, Signed, State
from .documents.base import (
    Counter,
    DecimalText,
    Digest,
    Hex32,
    MarketName,
    Name,
    NonNegativeDecimal,
    PointHex,
    Text,
    Time,
    located,
    unique,
)
from .documents.params import MAX_MARKETS
from .documents.receipt import ClaimText
from .errors import EncodingError, InputError

MEDIA_TYPE = "application/vnd.zkmargin.bundle.v1+json"
MAX_BUNDLE_BYTES = 2 * 1024 * 1024
MAX_PROOF_BYTES = 65536
MAX_LOCKS = 64
MAX_COEFFICIENT_BITS = 91


def _check_coefficient(text: str) -> None:
    if int(text) >> MAX_COEFFICIENT_BITS:
        raise InputError(f"a coefficient is below 2^{MAX_COEFFICIENT_BITS} atto for one lot")


Coefficient = Annotated[
    str, Text(r"^[1-9][0-9]*$", 'must be a whole number above zero in a string, such as "75"', 28, _check_coefficient)
]


class BoxEntry(Part):
    """The interval of one market: price and funding index, quote units for one unit of the market; and the greatest
    open interest and volatility, where rates depend on them."""

    market: MarketName
    low: NonNegativeDecimal
    high: NonNegativeDecimal
    funding_low: DecimalText
    funding_high: DecimalText
    open_interest: NonNegativeDecimal | None = None
    volatility: NonNegativeDecimal | None = None


class CountedLock(Part):
    """A lock of the account on another chain: each of its hidden lots counts ``coefficient`` atto."""

    tag: Hex32
    class_: ClassName = Field(alias="class")
    commitment: PointHex
    coefficient: Coefficient

    @property
    def label(self) -> str:
        """What its opening is found by."""
        return f"lock/{self.tag}"


class Collateral(Part):
    """What counts besides the state: locks, in the order of their tags, of classes of this registry."""

    registry: Digest
    locks: tuple[CountedLock, ...] = Field(min_length=1, max_length=MAX_LOCKS)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        tags = [lock.tag for lock in self.locks]
        unique(tags, "a tag")
        unique([lock.commitment for lock in self.locks], "the commitment of a lock")
        if tags != sorted(tags):
            raise ValueError("locks must be in the order of their tags")
        return self


class Request(Part):
    """What the bundle asks to be verified. Every field enters the proof's context."""

    audience: Name
    account: Digest
    seq: Counter
    state_digest: Digest
    params: Digest
    round: Digest
    round_number: Counter
    claim: ClaimText
    box: tuple[BoxEntry, ...] = Field(min_length=1, max_length=MAX_MARKETS)
    expiry: Time
    collateral: Collateral | None = None

    @model_validator(mode="after")
    def _markets_once(self) -> Self:
        unique([entry.market for entry in self.box], "a market")
        return self


@dataclass(frozen=True)
class Bundle:
    """zkmargin/bundle/v1: request, proof, and the public documents that the request refers to."""

    SCHEMA: ClassVar[str] = "zkmargin/bundle/v1"
    request: Request
    proof: bytes
    state: Signed[State]
    params: Signed[Params]
    round: Round

    @property
    def id(self) -> str:
        """SHA-256 of the bytes: the same content is the same bundle."""
        return canonical.digest(self.to_bytes())

    def to_value(self) -> dict[str, Any]:
        """The JSON value."""
        return {
            "schema": self.SCHEMA,
            "media_type": MEDIA_TYPE,
            "request": self.request.to_value(),
            "proof": canonical.to_hex(self.proof),
            "state": self.state.to_value(),
            "params": self.params.to_value(),
            "round": self.round.to_value(),
        }

    def to_bytes(self) -> bytes:
        """The canonical bytes; a file holds exactly these."""
        return canonical.to_bytes(self.to_value())

    @classmethod
    def from_bytes(cls, data: bytes) -> Bundle:
        """Decode an untrusted bundle.

        Raises: EncodingError: anything but the canonical bytes of one bundle. Nothing is verified yet.
        """
        try:
            bundle = cls._from_value(canonical.parse(data, limit=MAX_BUNDLE_BYTES))
        except InputError as error:
            raise EncodingError(f"the bundle is malformed: {error}") from None
        if bundle.to_bytes() != data:
            raise EncodingError("the bundle is not in canonical form")
        return bundle

    @classmethod
    def _from_value(cls, value: Any) -> Bundle:
        keys = {"schema", "media_type", "request", "proof", "state", "params", "round"}
        if not isinstance(value, dict) or set(value) != keys:
            raise InputError("a bundle has exactly schema, media_type, request, proof, state, params and round")
        if value["schema"] != cls.SCHEMA or value["media_type"] != MEDIA_TYPE:
            raise InputError(f"this is not a {cls.SCHEMA} bundle")
        proof = value["proof"]
        if not isinstance(proof, str) or len(proof) > 2 + 2 * MAX_PROOF_BYTES:
            raise InputError(f"the proof is a hex string of at most {MAX_PROOF_BYTES} bytes")
        request = Request.from_value(value["request"])
        with located("proof"):
            proof_bytes = canonical.from_hex(proof)
        with located("state"):
            state = Signed.from_value(value["state"], State)
        with located("params"):
            params = Signed.from_value(value["params"], Params)
        with located("round"):
            round_ = Round.from_value(value["round"])
        return cls(request, proof_bytes, state, params, round_)
