"""Perpetuals and options, with the better of two margins for the options of each expiry: Derive's standard margin.

    slack = cash0 + sum over perpetuals of  q (p - F) - f p |q|  + collateral + sum over expiries of  max(A, B) - E

    A = - sum over options of  c short(q)                               each short by itself; a long counts nothing
    B = min over settlement prices x of  sum over options of  v(x) q    the least that all settle at, at most 0
        + min(0, sum over options of  z q)                              less calls that no long call covers
    E = sum over options of  e short(q)                                 a penalty, by either method

c           public money: mark value of a short lot and what it requires beside, at its worst in the box
v(x)        public money: what a lot settles at; x is 0 and every strike, between which all is linear
z           public money: the forward's high price of a lot times the unpaired scale, for calls; 0 for puts
e           public money, initially: the high price of a lot of the underlying times the penalty

An expiry here is of one underlying and one forward. With the mark value m, the price S of the underlying, the strike K,
and how far it is out of the money, o = max(0, K - S) for a call and max(0, S - K) for a put, a short unit requires

    maintenance   call  m + rate S                       put  M = m + max(rate S, mark rate m)
    initial       call  m + max(most S - o, least S)     put  max(m + max(most S - o, least S), scale M)

Over a box c is the greatest of these at the ends of S and, if it lies inside, at K: between them they are convex in S,
because m is, and m rises with S for a call and falls for a put. So c is exact for each option. Together they are
conservative, where the worst prices of two of them, or of one and of a perpetual, are not the same; at a point they are
exact. Short options and perpetuals hedge each other at the point, and not across a box.

Slots: each option has a gate and the digits of a size. Each expiry has one bit, two blocks for A or B, a block for each
strike, 0 and "at most 0", and two for unpaired calls; less where rows are equal.
Source: Derive v2-core, src/risk-managers/StandardManager.sol. Its penalties, for a depeg of the cash and for feeds of
low confidence, are one number here; that of perpetuals is part of their initial rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from zkmargin.errors import ContextError, InputError

from ..options import Option, options
from . import collateral, perpetuals_cross

if TYPE_CHECKING:
    from ..boxes import Lifetime, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import RiskParameters
    from ..rule import Scope

NAME = "options-standard"
PPM = 1_000_000


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import Least, Max, Min, Total, at, cash, family, public, size
    from ..lowering import Rule

    option, settlement = family("option"), family("settlement")
    o, c, v, z, e = size("o"), public("c"), public("v"), public("z"), public("e")
    alone = -Total(option, c * Max(-o, 0))
    settled = Least(settlement, Total(option, at(v, settlement) * o))
    unpaired = Min(0, Total(option, z * o))
    penalty = Total(option, e * Max(-o, 0))
    held = cash("cash0") + perpetuals_cross.value() + collateral.value()
    return Rule(NAME, held + Total(family("expiry"), Max(alone, settled + unpaired) - penalty))


def check(params: RiskParameters) -> None:
    """Raises: InputError "bad_params"."""
    perpetuals_cross.check(params)
    by_name = {market.name: market for market in params.markets}
    for market in params.markets:
        if market.contract is not None and by_name[market.contract.underlying].options is None:
            raise InputError(f"{market.contract.underlying} does not say what options on it require", code="bad_params")


def scope(params: RiskParameters, box: PriceBox, claim: Claim, lifetime: Lifetime) -> Scope:
    """The public numbers.

    Raises: ContextError "claim_not_allowed": health and leverage are of a requirement by itself, and here the better of
            two methods decides it. ContextError "expired_option".
    """
    if claim.kind not in ("maintenance", "initial", "survives", "stress"):
        raise ContextError(f"options-standard cannot state {claim}", code="claim_not_allowed")
    expiries: dict[tuple[str, str, int], list[Option]] = {}
    for option in options(params, box, lifetime):
        contract = option.contract
        expiries.setdefault((contract.underlying, contract.forward, contract.expiry_unix_s), []).append(option)
    initial = claim.kind == "initial"
    return {
        **perpetuals_cross.scope(params, box, claim, lifetime),
        "expiry": [_expiry(together, initial) for together in expiries.values()],
    }


def _expiry(together: Sequence[Option], initial: bool) -> dict[str, Any]:
    prices = [Fraction(0), *sorted({option.contract.strike for option in together})]
    # The first settlement is at no price: everything settles at 0, which is "at most 0".
    return {
        "settlement": [{}] * (1 + len(prices)),
        "option": [
            {
                "o": option.label,
                "c": _required(option, initial) * option.market.atto_per_lot,
                "v": [0, *(_settles(option, price) * option.market.atto_per_lot for price in prices)],
                "z": _unpaired(option, initial) * option.market.atto_per_lot,
                "e": _penalty(option, initial) * option.market.atto_per_lot,
            }
            for option in together
        ],
    }


def _required(option: Option, initial: bool) -> Fraction:
    """What a short unit requires, mark value included, at the worst price of the underlying."""
    return max(_at(option, spot, initial) for spot in _kinks(option))


def _kinks(option: Option) -> Iterator[Fraction]:
    low, high = option.spot
    yield low
    if low < option.contract.strike < high:
        yield option.contract.strike
    yield high


def _at(option: Option, spot: Fraction, initial: bool) -> Fraction:
    requires, contract = option.requirements, option.contract
    mark = option.most(spot if option.follows_spot else None)
    out = max(Fraction(0), contract.strike - spot if contract.is_call else spot - contract.strike)
    by_itself = mark + max(_ppm(requires.initial_most_ppm) * spot - out, _ppm(requires.initial_least_ppm) * spot)
    if contract.is_call:
        return by_itself if initial else mark + _ppm(requires.call_maintenance_ppm) * spot
    maintenance = mark + max(_ppm(requires.put_maintenance_ppm) * spot, _ppm(requires.put_mark_ppm) * mark)
    return max(by_itself, _ppm(requires.put_initial_scale_ppm) * maintenance) if initial else maintenance


def _settles(option: Option, price: Fraction) -> Fraction:
    """What a unit settles at."""
    above = price - option.contract.strike
    return max(Fraction(0), above if option.contract.is_call else -above)


def _unpaired(option: Option, initial: bool) -> Fraction:
    requires = option.requirements
    if not option.contract.is_call:
        return Fraction(0)
    return _ppm(requires.unpaired_initial_ppm if initial else requires.unpaired_maintenance_ppm) * option.forward[1]


def _penalty(option: Option, initial: bool) -> Fraction:
    return _ppm(option.requirements.initial_penalty_ppm or 0) * option.spot[1] if initial else Fraction(0)


def _ppm(ppm: int) -> Fraction:
    return Fraction(ppm, PPM)
