"""What a checker accepts: whose keys, for which audience, which claims, how old, how wide, how long."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .base import Document, Name, NonNegativeDecimal
from .trust import Trust

Seconds = Annotated[int, Field(ge=0, le=10 * 366 * 86400)]
ClaimKind = Literal[
    "maintenance",
    "initial",
    "health",
    "leverage",
    "survives",
    "stress",
    "gross",
    "delta",
    "gamma",
    "vega",
    "collateral",
    "equity",
    "health-at-most",
    "leverage-at-least",
    "gross-at-least",
]


class Policy(Document):
    """zkmargin/policy/v1. A box lies within ``box_around(medians, max_box_percent)``."""

    SCHEMA: ClassVar[str] = "zkmargin/policy/v1"
    schema_: Literal["zkmargin/policy/v1"] = Field(default="zkmargin/policy/v1", alias="schema")
    trust: Trust
    audience: Name
    claims: tuple[ClaimKind, ...] = ("maintenance", "initial", "health", "leverage")
    max_expiry_s: Seconds
    max_round_age_s: Seconds
    max_box_percent: NonNegativeDecimal
