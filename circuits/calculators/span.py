"""SPAN in exact arithmetic: the worst scenario of every commodity, what its spreads are charged, what short options
require at least.

    scan         the greatest loss of the commodity's contracts in one scenario, or 0
    spread       charge times the lesser of the deltas that are long and those that are short
    requirement  sum over commodities of the greater of scan + spread and the short option minimum

Shares no code with the lowering, and must not: it is what the lowering is tested against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

from zkmargin.canonical import parse_decimal
from zkmargin.documents import Account, Commodity, RiskArray

from ..boxes import Band, Lifetime, PriceBox
from ..claims import INITIAL, MAINTENANCE, Claim
from ..holdings import Holdings, holdings
from ..markets import Market, RiskParameters
from .positions import VALUES
from .reports import Report
from .widest import widest_box_percent


def report(account: Account, params: RiskParameters, prices: Sequence[Band], time_unix_s: int) -> Report:
    """The account at these prices, at any time. The requirement is of the whole: no position has one of its own.

    Raises: InputError: a position that no statement could hold.
    """
    sizes = {position.market: parse_decimal(position.size) for position in account.positions if position.market}
    initial, maintenance = (
        sum((_required(commodity, sizes, claim) for commodity in params.commodities), Fraction(0))
        for claim in (INITIAL, MAINTENANCE)
    )
    values = VALUES.report(account, params, prices, time_unix_s)
    held = holdings(account, params, prices)
    return replace(
        values,
        initial_requirement=values.initial_requirement + initial,
        maintenance_requirement=maintenance,
        widest_box_percent=widest_box_percent(shortfall, held, params, prices, (time_unix_s, time_unix_s)),
    )


def _required(commodity: Commodity, sizes: Mapping[str, Fraction], claim: Claim) -> Fraction:
    held = [(contract, sizes.get(contract.market, Fraction(0))) for contract in commodity.contracts]
    scenarios = range(len(commodity.contracts[0].losses))
    losses = [sum(size * parse_decimal(c.losses[s]) for c, size in held) for s in scenarios]
    deltas = [size * parse_decimal(contract.delta) for contract, size in held]
    spread = min(sum(d for d in deltas if d > 0), -sum(d for d in deltas if d < 0))
    shorts = sum(-size for contract, size in held if contract.option and size < 0)
    risk = max(Fraction(0), *losses) + spread * parse_decimal(commodity.spread_charge)
    return _times(commodity, claim) * max(risk, shorts * parse_decimal(commodity.short_option_minimum))


def shortfall(held: Holdings, params: RiskParameters, box: PriceBox, claim: Claim, lifetime: Lifetime) -> int:
    """How many atto of cash are missing until ``claim`` holds everywhere in ``box``; 0 if it is provable.

    To the rounding of a proof: what a lot loses in a scenario, what it is charged and what it requires at least are
    rounded up to an atto.
    """
    values = held.values(params)
    lots = {market.name: (market, values[market.hidden[0].label]) for market in params.markets}
    required = sum(_required_atto(commodity, lots, claim) for commodity in params.commodities)
    return VALUES.shortfall(replace(held, cash0_atto=held.cash0_atto - required), params, box, claim, lifetime)


def _required_atto(commodity: Commodity, lots: Mapping[str, tuple[Market, int]], claim: Claim) -> int:
    times = _times(commodity, claim)
    held = [(contract, *lots[contract.market]) for contract in commodity.contracts]

    def charged(contract: RiskArray, market: Market, size: int, direction: int) -> int:
        """For the deltas that point one way: long ones or short ones."""
        delta = parse_decimal(contract.delta) * (1 if size > 0 else -1) * direction
        charge = parse_decimal(commodity.spread_charge) * market.atto_per_lot
        return abs(size) * ceil(times * max(Fraction(0), delta) * charge)

    losses = [
        sum(
            size * ceil(times * loss) if size > 0 else size * floor(times * loss)
            for contract, market, size in held
            for loss in [parse_decimal(contract.losses[scenario]) * market.atto_per_lot]
        )
        for scenario in range(len(commodity.contracts[0].losses))
    ]
    spread = min(sum(charged(*entry, direction) for entry in held) for direction in (1, -1))
    least = parse_decimal(commodity.short_option_minimum)
    minimum = sum(
        -size * ceil(times * least * market.atto_per_lot)
        for contract, market, size in held
        if contract.option and size < 0
    )
    return max(max(0, *losses) + spread, minimum)


def _times(commodity: Commodity, claim: Claim) -> Fraction:
    """How many maintenance requirements ``claim`` asks for."""
    return parse_decimal(commodity.initial_factor) if claim.kind == "initial" else claim.times
