"""What an account may claim: one *effective rate* per market, so that equity >= sum of rate * notional.

    maintenance      rate m                          equity covers the maintenance requirement
    initial          rate i                          equity covers the initial requirement
    health>=h        rate h*m, 0 < h <= 1000         equity is at least h times the maintenance requirement
    leverage<=L      rate 1/L, 0 < L <= 1000000      gross notional is at most L times equity

h and L have at most 6 decimals. A rate may exceed 1 (h = 3, m = 0.5): docs/margin.md, "Claims".
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from zkmargin.errors import InputError

if TYPE_CHECKING:
    from .markets import Market, RiskParameters, Tier

PPM = 1_000_000
MAX_HEALTH = 1000
MAX_LEVERAGE = 1_000_000

_KINDS = {"maintenance": None, "initial": None, "health": (">=", MAX_HEALTH), "leverage": ("<=", MAX_LEVERAGE)}
_BOUNDED = re.compile(r"(health|leverage) *(>=|<=) *([0-9]{1,7}(?:\.[0-9]{1,6})?)", re.ASCII)


class Rates(NamedTuple):
    """Effective rates of longs and shorts, of what is worth more than ``above`` quote units."""

    above: Fraction
    long: Fraction
    short: Fraction


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

    def rates(self, market: Market) -> tuple[Rates, ...]:
        """The effective rates of every tier of ``market``: what one quote unit of notional requires in equity."""
        if self.kind == "leverage" and self.bound is not None:
            return (Rates(Fraction(0), 1 / self.bound, 1 / self.bound),)
        return tuple(
            Rates(tier.above, self._of(tier), self._of(tier if market.short is None else market.short))
            for tier in market.tiers
        )

    def rate(self, market: Market) -> Fraction:
        """The effective rate f of a market that has one."""
        return self.rates(market)[0].long

    def haircut(self, tier: Tier) -> Fraction:
        """What collateral counts less, or a debt more; health and leverage are of equity after maintenance haircuts."""
        return tier.initial if self.kind == "initial" else tier.maintenance

    def implies_maintenance(self, params: RiskParameters) -> bool:
        """True if every account that satisfies this claim satisfies ``maintenance``: no rate of any market is lower."""
        return all(
            rates.long >= least.long and rates.short >= least.short
            for market in params.markets
            if market.kind == "perpetual"
            for rates, least in self._pairs(market)
        )

    def _pairs(self, market: Market) -> Iterable[tuple[Rates, Rates]]:
        # A leverage cap has one tier, which every tier of maintenance is compared with.
        return zip(itertools.cycle(self.rates(market)), MAINTENANCE.rates(market), strict=False)

    def _of(self, tier: Tier) -> Fraction:
        if self.kind == "initial":
            return tier.initial
        return tier.maintenance * (1 if self.bound is None else self.bound)


MAINTENANCE = Claim("maintenance")
INITIAL = Claim("initial")
