"""What an account may claim, in words that a request, a policy and a person share.

    maintenance          rate m              equity covers the maintenance requirement
    initial              rate i              equity covers the initial requirement
    health>=h            rate h*m            equity is at least h times the maintenance requirement; health<=h: at most
    leverage<=L          rate 1/L            gross notional is at most L times equity; leverage>=L: at least
    survives>=d          rate m              maintenance still holds after every price moved by d percent, either way,
    survives[M]>=d                           or that of market M alone
    gross<=X             -                   gross notional is at most X quote units; gross>=X: at least
    collateral>=c        -                   cash and collateral, before haircuts, are at least c times the debts
    equity>=X            -                   equity before requirements and haircuts is at least X quote units

An *effective rate* f is the share of its notional that a position requires in equity; it may exceed 1 (h = 3, m = 0.5):
docs/margin.md, "Claims". Bounds have at most 6 decimals. Several claims are joined by commas, in alphabetical order,
and one proof shows them all. "At most" is as sound as "at least" because |q| is exact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, NamedTuple

from zkmargin.errors import InputError

if TYPE_CHECKING:
    from .boxes import PriceBox
    from .markets import Market, RiskParameters, Tier

PPM = 1_000_000
MAX_CLAIMS = 8


class _Kind(NamedTuple):
    """How a kind is written, and the greatest bound that it takes."""

    word: str
    sign: str
    limit: int
    targeted: bool = False


_KINDS = {
    "maintenance": _Kind("maintenance", "", 0),
    "initial": _Kind("initial", "", 0),
    "health": _Kind("health", ">=", 1000),
    "health-at-most": _Kind("health", "<=", 1000),
    "leverage": _Kind("leverage", "<=", 1_000_000),
    "leverage-at-least": _Kind("leverage", ">=", 1_000_000),
    "survives": _Kind("survives", ">=", 100, targeted=True),
    "gross": _Kind("gross", "<=", 10**13),
    "gross-at-least": _Kind("gross", ">=", 10**13),
    "collateral": _Kind("collateral", ">=", 1000),
    "equity": _Kind("equity", ">=", 10**13),
}
_BY_TEXT = {(kind.word, kind.sign): name for name, kind in _KINDS.items()}
_REVERSED = {"health-at-most": "health", "leverage-at-least": "leverage", "gross-at-least": "gross"}
_RULES = ("gross", "collateral", "equity")
_TEXT = re.compile(
    r"([a-z]+)(?:\[([A-Za-z0-9][A-Za-z0-9._:/-]*)\])?(?: *(>=|<=) *([0-9]{1,14}(?:\.[0-9]{1,6})?))?", re.ASCII
)
_WANTED = (
    "a claim is maintenance, initial, health>=H, leverage<=L, survives>=PERCENT, survives[MARKET]>=PERCENT,"
    " gross<=AMOUNT, collateral>=C or equity>=AMOUNT; health<=H, leverage>=L and gross>=AMOUNT say the opposite"
)


class Rates(NamedTuple):
    """Effective rates of longs and shorts, of what is worth more than ``above`` quote units."""

    above: Fraction
    long: Fraction
    short: Fraction


@dataclass(frozen=True)
class Claim:
    """One claim: its kind, the bound where the kind has one, and the market where it is about one."""

    kind: str
    bound: Fraction | None = None
    market: str | None = None

    def __post_init__(self) -> None:
        kind = _KINDS.get(self.kind)
        if kind is None or (self.market is not None and not kind.targeted):
            raise InputError(_WANTED, code="bad_claim")
        if (self.bound is None) != (not kind.limit):
            raise InputError(f"{kind.word} {'needs a' if kind.limit else 'has no'} bound", code="bad_claim")
        if self.bound is not None:
            if not 0 < self.bound <= kind.limit:
                raise InputError(f"the bound of {kind.word} must be above 0 and at most {kind.limit}", code="bad_claim")
            if (self.bound * PPM).denominator != 1:
                raise InputError(f"the bound of {kind.word} has at most 6 decimals", code="bad_claim")

    @classmethod
    def parse(cls, text: str) -> Claim:
        """The claim that ``text`` says; spaces around it and around its sign are tolerated.

        Raises: InputError.
        """
        match = _TEXT.fullmatch(text.strip(" "))
        kind = _BY_TEXT.get((match[1], match[3] or "")) if match else None
        if match is None or kind is None:
            raise InputError(_WANTED, code="bad_claim")
        return cls(kind, None if match[4] is None else Fraction(match[4]), match[2])

    def __str__(self) -> str:
        kind = _KINDS[self.kind]
        if self.bound is None:
            return kind.word
        whole, rest = divmod(int(self.bound * PPM), PPM)
        target = "" if self.market is None else f"[{self.market}]"
        return f"{kind.word}{target}{kind.sign}{whole}" + (f".{rest:06d}".rstrip("0") if rest else "")

    @property
    def rule(self) -> str | None:
        """The rule that the claim has of its own; None: that of the margin model."""
        kind = _REVERSED.get(self.kind, self.kind)
        return kind if kind in _RULES else None

    @property
    def reversed(self) -> Claim | None:
        """The claim that this one says the opposite of, if it does: its slack is at most 0."""
        kind = _REVERSED.get(self.kind)
        return None if kind is None else Claim(kind, self.bound)

    def over(self, box: PriceBox, params: RiskParameters) -> PriceBox:
        """The box that the margin rule has to hold over: wider than ``box`` if the claim is about a move.

        Raises: InputError "unknown_market".
        """
        if self.kind != "survives" or self.bound is None:
            return box
        if self.market is not None and self.market not in {market.name for market in params.markets}:
            raise InputError("the claim names a market that the risk parameters do not have", code="unknown_market")
        share = self.bound / 100
        return tuple(
            ends.wider(floor(ends.low * (1 - share)), ceil(ends.high * (1 + share)))
            if self.market in (None, market.name)
            else ends
            for market, ends in zip(params.markets, box, strict=True)
        )

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

    @property
    def times(self) -> Fraction:
        """What the requirement of a margin model is multiplied by."""
        return self.bound if self.kind == "health" and self.bound is not None else Fraction(1)

    def haircut(self, tier: Tier) -> Fraction:
        """What collateral counts less, or a debt more; health and leverage are of equity after maintenance haircuts."""
        return tier.initial if self.kind == "initial" else tier.maintenance

    def implies_maintenance(self, params: RiskParameters) -> bool:
        """True if every account that satisfies this claim satisfies ``maintenance``: it asks for as much everywhere."""
        if self.kind == "health" and self.bound is not None:
            return self.bound >= 1
        if self.kind != "leverage":
            return self.reversed is None and self.rule is None
        ((_, cap, _),) = self.rates(params.markets[0])
        return all(
            cap >= max(rates.long, rates.short) and not market.has_more_than_rates
            for market in params.markets
            if market.kind == "perpetual"
            for rates in MAINTENANCE.rates(market)
        )

    def _of(self, tier: Tier) -> Fraction:
        if self.kind == "initial":
            return tier.initial
        return tier.maintenance * self.times


MAINTENANCE = Claim("maintenance")
INITIAL = Claim("initial")


@dataclass(frozen=True)
class Claims:
    """What one proof shows: one claim or several, in the order of their texts."""

    claims: tuple[Claim, ...]

    def __post_init__(self) -> None:
        texts = [str(claim) for claim in self.claims]
        if not 1 <= len(texts) <= MAX_CLAIMS or len(set(texts)) != len(texts):
            raise InputError(f"a proof shows 1 to {MAX_CLAIMS} different claims", code="bad_claim")
        object.__setattr__(self, "claims", tuple(sorted(self.claims, key=str)))

    @classmethod
    def parse(cls, text: str) -> Claims:
        """The claims that ``text`` joins with commas, in any order.

        Raises: InputError.
        """
        return cls(tuple(map(Claim.parse, text.split(",", MAX_CLAIMS))))

    @classmethod
    def from_canonical(cls, text: str) -> Claims:
        """``parse``, for bytes of a stranger: one claim has one spelling.

        Raises: InputError.
        """
        claims = cls.parse(text)
        if str(claims) != text:
            raise InputError(f"the claim is not in canonical form: write {claims}", code="bad_claim")
        return claims

    def __str__(self) -> str:
        return ",".join(map(str, self.claims))

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that a policy has to allow."""
        return frozenset(claim.kind for claim in self.claims)

    def implies_maintenance(self, params: RiskParameters) -> bool:
        """True if one of the claims does."""
        return any(claim.implies_maintenance(params) for claim in self.claims)
