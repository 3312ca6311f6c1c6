"""What an account may claim, in words that a request, a policy and a person share.

    maintenance          rate m              equity covers the maintenance requirement
    initial              rate i              equity covers the initial requirement
    health>=h            rate h*m            equity is at least h times the maintenance requirement; health<=h: at most
    leverage<=L          rate 1/L            gross notional is at most L times equity; leverage>=L: at least
    survives>=d          rate m              maintenance still holds after every price moved by d percent, either way,
    survives[M]>=d                           or that of market M alone
    stress[M=d;N=e]      rate m              maintenance holds after just this: M moves by d percent and N by e
    gross<=X             -                   gross notional is at most X quote units; gross>=X: at least
    delta[M]<=X          -                   what moves with the price of M is at most X units of it, long or short
    gamma[M]<=X          -                   by which it changes when M moves by one percent
    vega[M]<=X           -                   at most X quote units are won or lost with a point of volatility
    collateral>=c        -                   equity before requirements and haircuts, and before debts, is at least c
                                             times the debts
    equity>=X            -                   equity before requirements and haircuts is at least X quote units

An *effective rate* f is the share of its notional that a position requires in equity; it may exceed 1 (h = 3, m = 0.5):
docs/margin.md, "Claims". Bounds have at most 6 decimals. Several claims are joined by commas, in alphabetical order,
and one proof shows them all: several of the moves above make a stress table. "At most" is as sound as "at least"
because |q| is exact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, NamedTuple

from zkmargin.canonical import format_decimal
from zkmargin.errors import InputError

if TYPE_CHECKING:
    from .boxes import PriceBox
    from .markets import Market, RiskParameters, Tier

PPM = 1_000_000
MAX_CLAIMS = 8
MAX_MOVES = 16
MAX_CHARACTERS = 800


class _Kind(NamedTuple):
    """How a kind is written, the greatest bound that it takes, and what stands in its brackets."""

    word: str
    sign: str
    limit: int
    target: Literal["nothing", "a market or nothing", "a market", "moves"] = "nothing"


_KINDS = {
    "maintenance": _Kind("maintenance", "", 0),
    "initial": _Kind("initial", "", 0),
    "health": _Kind("health", ">=", 1000),
    "health-at-most": _Kind("health", "<=", 1000),
    "leverage": _Kind("leverage", "<=", 1_000_000),
    "leverage-at-least": _Kind("leverage", ">=", 1_000_000),
    "survives": _Kind("survives", ">=", 100, "a market or nothing"),
    "stress": _Kind("stress", "", 0, "moves"),
    "gross": _Kind("gross", "<=", 10**13),
    "gross-at-least": _Kind("gross", ">=", 10**13),
    "delta": _Kind("delta", "<=", 10**13, "a market"),
    "gamma": _Kind("gamma", "<=", 10**13, "a market"),
    "vega": _Kind("vega", "<=", 10**13, "a market"),
    "collateral": _Kind("collateral", ">=", 1000),
    "equity": _Kind("equity", ">=", 10**13),
}
_BY_TEXT = {(kind.word, kind.sign): name for name, kind in _KINDS.items()}
_REVERSED = {"health-at-most": "health", "leverage-at-least": "leverage", "gross-at-least": "gross"}
_RULES = {
    "gross": "gross",
    "delta": "delta",
    "gamma": "delta",
    "vega": "delta",
    "collateral": "collateral",
    "equity": "equity",
}
"""The rules that kinds have of their own, by their names in models/."""
_MARKET = r"[A-Za-z0-9][A-Za-z0-9._:/-]*"
_TEXT = re.compile(r"([a-z]+)(?:\[([^\[\]]+)\])?(?: *(>=|<=) *([0-9]{1,14}(?:\.[0-9]{1,6})?))?", re.ASCII)
_MOVE = re.compile(rf" *({_MARKET}) *= *(-?[0-9]{{1,4}}(?:\.[0-9]{{1,6}})?) *", re.ASCII)
_WANTED = (
    "a claim is maintenance, initial, health>=H, leverage<=L, survives>=PERCENT, survives[MARKET]>=PERCENT,"
    " stress[MARKET=PERCENT;MARKET=PERCENT], gross<=AMOUNT, delta[MARKET]<=UNITS, gamma[MARKET]<=UNITS,"
    " vega[MARKET]<=AMOUNT, collateral>=C or equity>=AMOUNT; health<=H, leverage>=L and gross>=AMOUNT say the opposite"
)


class Rates(NamedTuple):
    """Effective rates of longs and shorts, of what is worth more than ``above`` quote units."""

    above: Fraction
    long: Fraction
    short: Fraction


@dataclass(frozen=True)
class Claim:
    """One claim: its kind, the bound where the kind has one, the market where it is about one, the moves of a stress
    scenario, in percent and by market."""

    kind: str
    bound: Fraction | None = None
    market: str | None = None
    moves: tuple[tuple[str, Fraction], ...] = ()

    def __post_init__(self) -> None:
        kind = _KINDS.get(self.kind)
        if kind is None or bool(self.moves) != (kind.target == "moves"):
            raise InputError(_WANTED, code="bad_claim")
        if kind.target != "a market or nothing" and (self.market is not None) != (kind.target == "a market"):
            raise InputError(_WANTED, code="bad_claim")
        if self.market is not None and not re.fullmatch(_MARKET, self.market, re.ASCII):
            raise InputError(_WANTED, code="bad_claim")
        if (self.bound is None) != (not kind.limit):
            raise InputError(f"{kind.word} {'needs a' if kind.limit else 'has no'} bound", code="bad_claim")
        if self.bound is not None:
            if not 0 < self.bound <= kind.limit:
                raise InputError(f"the bound of {kind.word} must be above 0 and at most {kind.limit}", code="bad_claim")
            _check_decimals(self.bound, kind.word)
        if len({market for market, _ in self.moves}) != len(self.moves) or len(self.moves) > MAX_MOVES:
            raise InputError(f"a scenario moves 1 to {MAX_MOVES} different markets", code="bad_claim")
        for _, percent in self.moves:
            if not -100 <= percent <= 1000 or not percent:
                raise InputError("a scenario moves a price by -100 to 1000 percent, and not by 0", code="bad_claim")
            _check_decimals(percent, kind.word)
        object.__setattr__(self, "moves", tuple(sorted(self.moves)))

    @classmethod
    def parse(cls, text: str) -> Claim:
        """The claim that ``text`` says; spaces around it and around its signs are tolerated.

        Raises: InputError.
        """
        match = _TEXT.fullmatch(text.strip(" "))
        kind = _BY_TEXT.get((match[1], match[3] or "")) if match else None
        if match is None or kind is None:
            raise InputError(_WANTED, code="bad_claim")
        bound = None if match[4] is None else Fraction(match[4])
        if _KINDS[kind].target == "moves":
            return cls(kind, bound, moves=tuple(map(_move, (match[2] or "").split(";", MAX_MOVES))))
        return cls(kind, bound, match[2])

    def __str__(self) -> str:
        kind = _KINDS[self.kind]
        moves = ";".join(f"{market}={format_decimal(percent)}" for market, percent in self.moves)
        target = f"[{self.market or moves}]" if self.market or moves else ""
        return f"{kind.word}{target}{kind.sign}" + ("" if self.bound is None else format_decimal(self.bound))

    @property
    def rule(self) -> str | None:
        """The rule that the claim has of its own; None: that of the margin model."""
        return _RULES.get(_REVERSED.get(self.kind, self.kind))

    @property
    def reversed(self) -> Claim | None:
        """The claim that this one says the opposite of, if it does: its slack is at most 0."""
        kind = _REVERSED.get(self.kind)
        return None if kind is None else Claim(kind, self.bound)

    @property
    def after_move(self) -> Claim:
        """What is claimed of the margin rule over the box that ``over`` gives."""
        return MAINTENANCE if self.kind in ("survives", "stress") else self

    def over(self, box: PriceBox, params: RiskParameters) -> PriceBox:
        """The box that the margin rule has to hold over: another than ``box`` if the claim is about a move.

        Raises: InputError "unknown_market".   ContextError "bad_box".
        """
        moves = {market: (percent, percent) for market, percent in self.moves}
        if self.kind == "survives" and self.bound is not None:
            markets = [market.name for market in params.markets] if self.market is None else [self.market]
            moves = dict.fromkeys(markets, (-self.bound, self.bound))
        if not moves:
            return box
        if not moves.keys() <= {market.name for market in params.markets}:
            raise InputError("the claim names a market that the risk parameters do not have", code="unknown_market")
        still = (Fraction(0), Fraction(0))
        return tuple(
            ends.moved(*moves.get(market.name, still)) for market, ends in zip(params.markets, box, strict=True)
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
            # A scenario moves prices away from those that maintenance is about.
            return self.reversed is None and self.rule is None and self.kind != "stress"
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


def _check_decimals(number: Fraction, word: str) -> None:
    if (number * PPM).denominator != 1:
        raise InputError(f"the numbers of {word} have at most 6 decimals", code="bad_claim")


def _move(text: str) -> tuple[str, Fraction]:
    match = _MOVE.fullmatch(text)
    if match is None:
        raise InputError(_WANTED, code="bad_claim")
    return match[1], Fraction(match[2])


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
        if len(",".join(texts)) > MAX_CHARACTERS:
            raise InputError(f"the claims of a proof have at most {MAX_CHARACTERS} characters", code="bad_claim")
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
