"""Portfolio margin by scenarios: options on one thing and what hedges them, revalued together; Derive's PMRM.

    slack = cash0 + collateral + sum over portfolios of  V + C + k min(0, basis, min over scenarios of  L)  - shorts

    V       = sum over options of  m o                                the mark value
    C       = sum over contracts of  q (p - F) - c |q|
    L       = d (C' + A' + sum over expiries of  f(V') - V)           what a scenario gains, mostly below 0
    f(x)    = g x for x >= 0, l x for x < 0                           gains are discounted, losses are not, or grow
    basis   = sum over expiries of  b min(up - V, down - V, 0)
    shorts  = n sum over strikes of  max(0, - calls - puts)

o, q, a     hidden: sizes of options and contracts, amounts of collateral, in lots
m, V', C', A'   public money: the mark value of a lot; the value V of an expiry, and the changes of C and of collateral
            after the move of the scenario;   up, down: V after the two moves of the basis
k, d, g, l, b   public fractions: the factor of the claim, the dampening of the scenario, the multiples and the share
c, n        public money, of a lot of a contract and of a naked short

What a lot of an option or contract adds to the slack in a scenario is one number: k d w V' + (1 - k d) m, with w one of
g and l. It is bounded by itself, at the worse end of everything that it depends on, and rounded to 10^-12 quote units
against the holder. As g <= l, f is the lesser of two linear functions, and so is -|x|, which the ``linear`` and ``abs``
skews count, but for f inside of it: there both multiples are taken, against the holder.

Exact at a point, up to the width of Black-76's bounds, 2^-80, and that rounding; with the skews it is conservative by
at most k d (l - g) |V'| for each expiry, and so it is everywhere if g > l. Over a box every option and contract has its
own worst price: what hedges at a point does not within the box. Corners of the whole book are not looked at.
For each scenario a block, and one for the basis or 0; with two more for each expiry if g < l, four in a skew; three for
each expiry in the basis; two for each strike with a call and a put.
Source: Derive v2-core, src/risk-managers/PMRMLib.sol and PMRMLib_2.sol, without the penalties for low confidence and
depeg; grids of other venues are parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Any

from zkmargin.canonical import parse_decimal
from zkmargin.errors import ContextError

from ..boxes import ATTO
from ..options import Option, options
from ..scenarios import MARK, VALUE_BITS, ExpiryShocks, Move, outwards, unit_values
from . import collateral

if TYPE_CHECKING:
    from zkmargin.documents import Portfolio

    from ..boxes import Lifetime, MarketBox, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import Market, RiskParameters
    from ..rule import Scope

NAME = "portfolio-scenarios"
GRAIN = 10**6
"""In atto: what a lot adds is a multiple of it, so that a block of digits counts in it."""

PPM = 1_000_000
Piece = tuple[Fraction, int, Fraction]
"""A multiple of the value after a move, by its index, and one of the mark value."""


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import Least, Max, Total, amount, cash, family, public, size
    from ..lowering import Rule

    option, strike = family("option"), family("strike")
    q, o, a = size("q"), size("o"), amount("a")
    long, short, gain = (public(name, signed=True) for name in ("long", "short", "gain"))
    n = public("n")
    contracts = Total(family("contract"), long * Max(q, 0) - short * Max(-q, 0))
    hedges = Total(family("hedge"), gain * a)
    expiry = Least(family("piece"), Total(option, long * Max(o, 0) - short * Max(-o, 0)))
    worst = Least(family("scenario"), contracts + hedges + Total(family("expiry"), expiry))
    shorts = Total(strike, Max(0, -Total(option, n * o))) + Total(family("alone"), n * Max(-o, 0))
    portfolio = Total(family("portfolio"), worst - shorts)
    return Rule(NAME, cash("cash0") + collateral.value() + portfolio, from_below=True)


def check(_: RiskParameters) -> None:
    """The document has checked that every option and contract is in one portfolio."""


def scope(params: RiskParameters, box: PriceBox, claim: Claim, lifetime: Lifetime) -> Scope:
    """The public numbers.

    Raises: ContextError "claim_not_allowed": leverage. ContextError "expired_option". InputError "bad_params".
    """
    if claim.kind == "leverage":
        raise ContextError("portfolio-scenarios has no leverage: claim health, or gross", code="claim_not_allowed")
    listed = list(options(params, box, lifetime))
    by_name = {market.name: (market, ends) for market, ends in zip(params.markets, box, strict=True)}
    return {
        "cash0": params.cash,
        "asset": collateral.entries(params, box, claim),
        "portfolio": [_Portfolio(of, by_name, listed, claim).scope(lifetime) for of in params.portfolios],
    }


class _Portfolio:
    def __init__(
        self,
        portfolio: Portfolio,
        markets: dict[str, tuple[Market, MarketBox]],
        listed: Sequence[Option],
        claim: Claim,
    ) -> None:
        self.portfolio = portfolio
        self.contracts = [markets[name] for name in portfolio.contracts or ()]
        self.hedges = [markets[name] for name in portfolio.collateral or ()]
        self.options = [option for option in listed if option.contract.underlying == portfolio.underlying]
        initial = claim.kind == "initial"
        self.k = claim.times * parse_decimal(portfolio.initial_factor if initial else portfolio.maintenance_factor)
        market, ends = markets[portfolio.underlying]
        spot = claim.times * Fraction(ends.high, market.atto_per_lot)
        contracts_ppm = portfolio.contract_initial_ppm if initial else portfolio.contract_maintenance_ppm
        shorts_ppm = portfolio.short_option_initial_ppm if initial else portfolio.short_option_maintenance_ppm
        self.beside_contracts, self.beside_shorts = (spot * Fraction(ppm, PPM) for ppm in (contracts_ppm, shorts_ppm))

    def scope(self, lifetime: Lifetime) -> Scope:
        expiries: dict[int, list[Option]] = {}
        for option in self.options:
            expiries.setdefault(option.contract.expiry_unix_s, []).append(option)
        scenarios = [(parse_decimal(s.spot), s.vol, parse_decimal(s.dampening)) for s in self.portfolio.scenarios]
        entries = [self._prices(self.k * d * (spot - 1)) for spot, _, d in scenarios]
        entries.append(self._prices(Fraction(0)))  # nothing moves but the basis
        for expiry, together in expiries.items():
            left = expiry - lifetime[1], expiry - lifetime[0]
            valued = _Expiry(self.portfolio, together, ExpiryShocks.of(self.portfolio, expiry, left))
            pieces = [valued.of_scenario((spot, vol), self.k * d) for spot, vol, d in scenarios]
            pieces.append(valued.of_basis(self.k))
            for entry, of in zip(entries, pieces, strict=True):
                entry["expiry"].append({"piece": of})
        strikes = self._strikes()
        return {
            "scenario": entries,
            "alone": [entry for together in strikes if len(together) == 1 for entry in together],
            "strike": [{"option": together} for together in strikes if len(together) > 1],
        }

    def _prices(self, change: Fraction) -> dict[str, Any]:
        """Contracts, and what of collateral is gained, when their prices change by this share of them."""
        contracts, share = [], 1 + change
        for market, ends in self.contracts:
            low, high = sorted((share * ends.low, share * ends.high))
            beside = self.beside_contracts * market.atto_per_lot
            contracts.append(
                {
                    "q": market.hidden[0].label,
                    "long": floor((low - ends.funding_high - beside) / GRAIN) * GRAIN,
                    "short": ceil((high - ends.funding_low + beside) / GRAIN) * GRAIN,
                }
            )
        hedges = [
            {
                "a": market.hidden[0].label,
                "gain": floor(min(change * ends.low, change * ends.high) / GRAIN) * GRAIN,
            }
            for market, ends in self.hedges
        ]
        return {"contract": contracts, "hedge": hedges, "expiry": []}

    def _strikes(self) -> list[list[dict[str, Any]]]:
        strikes: dict[tuple[int, Fraction], list[dict[str, Any]]] = {}
        for option in self.options:
            n = self.beside_shorts * option.market.atto_per_lot
            if n:
                key = option.contract.expiry_unix_s, option.contract.strike
                strikes.setdefault(key, []).append({"o": option.label, "n": n})
        return list(strikes.values())


class _Expiry:
    """The options of one expiry, and their values after every move of the portfolio."""

    def __init__(self, portfolio: Portfolio, together: Sequence[Option], shocks: ExpiryShocks) -> None:
        self.shocks = shocks
        self.multiples = sorted(set(shocks.multiple))
        moves: dict[Move, int] = {MARK: 0}
        for scenario in portfolio.scenarios:
            moves.setdefault((parse_decimal(scenario.spot), scenario.vol), len(moves))
        basis = portfolio.basis
        ends = () if basis is None else (basis.up, basis.down)
        self.basis: list[Move] = [(parse_decimal(end), None) for end in ends]
        for move in self.basis:
            moves.setdefault(move, len(moves))
        self.moves = moves
        self.options = [
            (option.label, option.market.atto_per_lot, unit_values(option, portfolio, shocks, tuple(moves)))
            for option in together
        ]

    def of_scenario(self, move: Move, kd: Fraction) -> list[dict[str, Any]]:
        """What the expiry adds to the slack: kd (f(V') - V) + V, the least of these."""
        at = self.moves[move]
        pieces: list[Piece] = [(kd * w, at, 1 - kd) for w in self.multiples]
        if move[1] in ("linear", "abs"):
            pieces += [(-kd * w, at, 1 + kd) for w in self.multiples]
        return [self._piece(*piece) for piece in pieces]

    def of_basis(self, k: Fraction) -> list[dict[str, Any]]:
        """k b min(up - V, down - V, 0) + V, the least of these."""
        share = k * self.shocks.basis
        pieces: list[Piece] = [(share, self.moves[move], 1 - share) for move in self.basis]
        return [self._piece(*piece) for piece in (*pieces, (Fraction(0), 0, Fraction(1)))]

    def _piece(self, times: Fraction, at: int, of_mark: Fraction) -> dict[str, Any]:
        # A factor is rounded to 10^-18; below 0, it makes the least of the greatest value.
        (low, high), (mark_low, mark_high) = outwards(times, times), outwards(of_mark, of_mark)
        for_low, for_high, mark_for_low, mark_for_high = low < 0, high >= 0, mark_low < 0, mark_high >= 0
        entries = []
        for label, lot, values in self.options:
            value, mark = values[at], values[0]
            least = low * value[for_low] + mark_low * mark[mark_for_low]
            most = high * value[for_high] + mark_high * mark[mark_for_high]
            long, short = least * lot // _PER_GRAIN * GRAIN, -(-most * lot // _PER_GRAIN) * GRAIN
            entries.append({"o": label, "long": long, "short": short})
        return {"option": entries}


_PER_GRAIN = ATTO * ATTO * GRAIN << VALUE_BITS
