"""What an account may claim: one *effective rate* per market, so that equity >= sum of rate * notional.

    maintenance      rate m                          equity covers the maintenance requirement
    initial          rate i                          equity covers the initial requirement
    health>=h        rate h*m, 0 < h <= 1000         equity is at least h times the maintenance requirement
    leverage<=L      rate 1/L, 0 < L <= 1000000      gross notional is at most L times equity

h and L have at most 6 decimals. A rate may exceed 1 (h = 3, m = 0.5): docs/margin.md, "Claims".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from zkmargin.errors import InputError

if TYPE_CHECKING:
    from .markets import Market, RiskParameters

PPM = 1_000_000
MAX_HEALTH = 1000
MAX_LEVERAGE = 1_000_000

_KINDS = {"maintenance": None, "initial": None, "health": (">=", MAX_HEALTH), "leverage": ("<=", MAX_LEVERAGE)}
_BOUNDED = re.compile(r"(health|leverage) *(>=|<=) *([0-9]{1,7}(?:\.[0-9]{1,6})?)", re.ASCII)


@dataclass(frozen=True)
class Claim:
    """A claim: its kind, and its bound h or L where the kind has one."""

    kind: str
    bound: Fraction | None = None

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise InputError("a claim is maintenance, initial, health>=H or leverage<=L", code="bad_claim")
        limit = _KINDS[self.kind]
        if (limit is None) != (self.bound is None):
            raise InputError("health and leverage need a bound, maintenance and initial have none", code="bad_claim")
        if limit is not None and self.bound is not None:
            if not 0 < self.bound <= limit[1]:
                raise InputError(f"the bound of {self.kind} must be above 0 and at most {limit[1]}", code="bad_claim")
            if (self.bound * PPM).denominator != 1:
                raise InputError(f"the bound of {self.kind} has at most 6 decimals", code="bad_claim")

    @classmethod
    def parse(cls, text: str) -> Claim:
        """The claim that ``text`` says; spaces around it and around its sign are tolerated.

        Raises: InputError.
        """
        text = text.strip(" ")
        if text in ("maintenance", "initial"):
            return cls(text)
        match = _BOUNDED.fullmatch(text)
        if match is None or match[2] != (">=" if match[1] == "health" else "<="):
            raise InputError("a claim is maintenance, initial, health>=H or leverage<=L", code="bad_claim")
        return cls(match[1], Fraction(match[3]))

    @classmethod
    def from_canonical(cls, text: str) -> Claim:
        """``parse``, for bytes of a stranger: one claim has one spelling.

        Raises: InputError.
        """
        claim = cls.parse(text)
        if str(claim) != text:
            raise InputError(f"the claim is not in canonical form: write {claim}", code="bad_claim")
        return claim

    def __str__(self) -> str:
        limit = _KINDS[self.kind]
        if limit is None or self.bound is None:
            return self.kind
        whole, rest = divmod(int(self.bound * PPM), PPM)
        return f"{self.kind}{limit[0]}{whole}" + (f".{rest:06d}".rstrip("0") if rest else "")

    def rate(self, market: Market) -> Fraction:
        """The effective rate f of ``market``: what one unit of its notional requires in equity."""
        if self.kind == "initial":
            return Fraction(market.initial_ppm, PPM)
        if self.kind == "leverage" and self.bound is not None:
            return 1 / self.bound
        return Fraction(market.maintenance_ppm, PPM) * (1 if self.bound is None else self.bound)

    def implies_maintenance(self, params: RiskParameters) -> bool:
        """True if every account that satisfies this claim satisfies ``maintenance``: no market's rate is lower."""
        return all(self.rate(market) >= MAINTENANCE.rate(market) for market in params.markets)


MAINTENANCE = Claim("maintenance")
INITIAL = Claim("initial")
