"""Trust: which keys speak for a venue. Each version is signed by a root of the one before."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ..errors import ContextError
from .base import Counter, Document, Name, PublicKey, unique
from .signed import Signed

Keys = tuple[PublicKey, ...]
MAX_KEYS = 64
MIN_REPORTS = 3
"""Of a round by several oracle keys: a median of three lies between two honest reports, whatever the third says. An
even number bears no more wrong reports than the odd one below it."""


class Trust(Document):
    """zkmargin/trust/v1."""

    SCHEMA: ClassVar[str] = "zkmargin/trust/v1"
    schema_: Literal["zkmargin/trust/v1"] = Field(default="zkmargin/trust/v1", alias="schema")
    venue: Name
    version: Counter
    root: Keys = Field(min_length=1, max_length=MAX_KEYS)
    params: Keys = Field(min_length=1, max_length=MAX_KEYS)
    attestation: Keys = Field(min_length=1, max_length=MAX_KEYS)
    oracle: Keys = Field(min_length=1, max_length=MAX_KEYS)
    oracle_threshold: Counter

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for keys in (self.root, self.params, self.attestation, self.oracle):
            unique(keys, "a key")
        if self.oracle_threshold > len(self.oracle):
            raise ValueError("the oracle threshold is above the number of oracle keys")
        if len(self.oracle) > 1 and (self.oracle_threshold < MIN_REPORTS or self.oracle_threshold % 2 == 0):
            raise ValueError(
                f"with several oracle keys the oracle threshold must be odd and at least {MIN_REPORTS}: "
                "else one wrong report moves a median"
            )
        return self

    def verify_successor(self, successor: Signed[Trust]) -> Trust:
        """The next version: same venue, version + 1, signed by a root of this version and by one of its own.

        The second signature shows that somebody holds a key of the new roots: a typing error cannot lock a venue out.

        Raises: ContextError "bad_signature", "unsigned", "bad_context".
        """
        successor.verify(self.root)
        following = successor.verify(successor.document.root)
        if following.venue != self.venue or following.version != self.version + 1:
            raise ContextError("the next trust document must be of the same venue and the next version")
        return following
