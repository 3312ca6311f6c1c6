"""The claim ``equity>=X``: everything at its price, options at what they are worth, is at least X quote units.

    slack = cash0 - X + sum over markets of  q (p - F)  + sum over assets of  p a - g p d
          + sum over forward prices of  min over nodes s of
                sum over options of  v(s) long(o) - w(s) short(o)  + perpetuals and assets of that price, at s

cash0, q, p, F, a, d, g   as in perpetuals_cross.py and collateral.py
X           public money
s           public: the nodes of a forward price, which divide its interval into segments
v           public: what a long lot is worth at least at s, less the most that its value lies below a chord of the
            segments beside s;   w   what a short lot is worth at most at s

Corners prove nothing about options: a long straddle is worth least between them. But a value V is convex in the
forward, so that on a segment [a, b] a short is worth more than its values at a and b between them say, and a long at
most its gap less:

    V(s) >= chord(s) - (b - a) (V'(b) - V'(a)) / 4

because V lies above its tangents at a and b, and the chord is furthest above both where they cross. So what is not
below zero at both ends of a segment is not below zero on it. Volatilities and times are taken at their worse ends,
option by option. Perpetuals and assets whose price is the forward of an option are in the same sums, and hedge it.

Exact at a point. Conservative over a box, by the gaps of the longs and, where longs and shorts are held, by
volatilities and times that cannot all be at their worst at once. Isolated positions and their cash are left out.
Slots: for each forward a block of digits for each node: 7 nodes for a box of 5 percent either way, 13 for 10.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..boxes import ATTO
from ..options import Option, gap, nodes, options
from . import collateral
from .positions import entry

if TYPE_CHECKING:
    from ..boxes import Lifetime, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import RiskParameters
    from ..rule import Scope

NAME = "equity"


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import Least, Max, Total, amount, at, cash, family, interval, public, size
    from ..lowering import Rule

    q, p, F, o = size("q"), interval("p"), interval("F", signed=True), size("o")
    a, d, g, X = amount("a"), amount("d"), interval("g"), public("X")
    node = family("node")
    v, w, s = at(public("v", signed=True), node), at(public("w"), node), at(public("s"), node)
    book = Total(family("option"), v * Max(o, 0) - w * Max(-o, 0))
    book += Total(family("hedge"), s * q - F * q) + Total(family("deposit"), s * a - g * s * d)
    alone = Total(family("market"), q * (p - F)) + Total(family("asset"), p * a - g * p * d)
    return Rule(NAME, cash("cash0") - X + alone + Total(family("forward"), Least(node, book)))


def check(params: RiskParameters) -> None:
    """Any risk parameters will do."""


def scope(params: RiskParameters, box: PriceBox, claim: Claim, lifetime: Lifetime) -> Scope:
    """The public numbers.

    Raises: ContextError "expired_option".
    """
    books: dict[str, list[Option]] = {}
    for option in options(params, box, lifetime):
        books.setdefault(option.contract.forward, []).append(option)
    held = [pair for pair in zip(params.markets, box, strict=True) if not pair[0].isolated]
    assets = dict(
        zip([m.name for m in params.markets if m.kind == "asset"], collateral.entries(params, box, claim), strict=True)
    )
    perpetuals = {market.name: entry(market, ends) for market, ends in held if market.kind in ("perpetual", "contract")}
    forwards = []
    for name, book in books.items():
        at = nodes(*book[0].forward)
        market = next(market for market, _ in held if market.name == name)
        prices = {"s": [price * market.atto_per_lot for price in at]}
        forwards.append(
            {
                "node": [{}] * len(at),
                "option": [_option(option, at) for option in book],
                "hedge": [entry | prices for entry in _taken(perpetuals, name)],
                "deposit": [entry | prices for entry in _taken(assets, name)],
            }
        )
    return {
        "cash0": params.cash,
        "X": (claim.bound or 0) * ATTO,
        "market": list(perpetuals.values()),
        "asset": list(assets.values()),
        "forward": forwards,
    }


def _taken(entries: dict[str, dict[str, Any]], name: str) -> Iterator[dict[str, Any]]:
    if name in entries:
        yield entries.pop(name)


def _option(option: Option, at: Sequence[Fraction]) -> dict[str, Any]:
    gaps = [Fraction(0), *(gap(option, a, b) for a, b in pairwise(at)), Fraction(0)]
    beside = [max(pair) for pair in pairwise(gaps)]
    lot = option.market.atto_per_lot
    return {
        "o": option.label,
        "v": [(option.least(price) - below) * lot for price, below in zip(at, beside, strict=True)],
        "w": [option.most(price) * lot for price in at],
    }
