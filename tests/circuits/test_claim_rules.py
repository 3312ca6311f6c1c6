"""Claims with a rule of their own, and claims of the other direction: true ones prove, false ones do not."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product

import pytest
from model_cases import LIFETIME, point, risk

from circuits import statement
from circuits.boxes import ATTO, Band, MarketBox, PriceBox
from circuits.claims import Claims
from circuits.layout import Layout
from circuits.markets import RiskParameters
from circuits.program import Program, evaluate
from zkmargin.errors import ContextError, WitnessError
from zkmargin.pedersen import Opening, commit
from zkmargin.range_argument import Assignment, _check_witness, prove, verify

RATES = {"initial_ppm": 50_000, "maintenance_ppm": 30_000}
ASSET = {"kind": "asset", "initial_ppm": 150_000, "maintenance_ppm": 100_000}
VENUE = risk("perpetuals-brackets", RATES, RATES, ASSET)
"""M0 and M1 perpetuals, M2 an asset; lots of 0.001."""
LOT = Fraction(1, 1000)
STEP = Fraction(1, 10**6)
AMPLE = 10**30


def made(text: str, box: PriceBox, parameters: RiskParameters = VENUE) -> Layout:
    return statement.layout(parameters, box, Claims.parse(text), LIFETIME)


def holds(text: str, values: Sequence[int], box: PriceBox, parameters: RiskParameters = VENUE) -> bool:
    """Whether the honest prover can prove it; whatever it can prove is checked against every row and gate."""
    layout = made(text, box, parameters)
    try:
        assignment = layout.assign(values)
    except WitnessError as error:
        if error.code != "not_provable":
            raise
        return False
    _check_witness(layout.relation, [Opening(value, 0) for value in values], assignment)
    return True


def boxes(seed: int, count: int, wide: bool = True) -> Iterator[tuple[random.Random, PriceBox]]:
    rng = random.Random(seed)
    for _ in range(count):
        bands = []
        for i in range(3):
            low = Fraction(rng.randrange(1, 10**6), 1000)
            high = low + (Fraction(rng.randrange(10**5), 1000) if wide else 0)
            index = Fraction(rng.randrange(1000), 10**4)
            bands.append(Band(low, high, index, index + (Fraction(rng.randrange(5), 100) if wide else 0), i == 2))
        yield rng, VENUE.box(bands)


def sizes(rng: random.Random) -> tuple[int, int, int, int]:
    return (
        *(rng.choice([-1, 0, 1]) * rng.randrange(10**6) for _ in range(2)),
        *(rng.randrange(10**5) for _ in range(2)),
    )


def decimal(bound: Fraction) -> str:
    whole, rest = divmod(int(bound / STEP), 10**6)
    return f"{whole}.{rest:06d}"


def test_gross_notional_is_sharp_both_ways() -> None:
    for rng, box in boxes(1, 40):
        q = sizes(rng)
        most, least = (
            sum(Fraction(abs(lots) * getattr(ends, side), ATTO) for lots, ends in zip(q, box[:2], strict=False))
            for side in ("high", "low")
        )
        if least < STEP:
            continue
        values = [AMPLE, *q]
        assert holds(f"gross<={decimal(most)},initial", values, box)
        assert not holds(f"gross<={decimal(most - STEP)},initial", values, box)
        assert holds(f"gross>={decimal(least)},initial", values, box)
        assert not holds(f"gross>={decimal(least + STEP)},initial", values, box)


def test_gross_notional_counts_isolated_positions() -> None:
    parameters = risk("perpetuals-cross", RATES, RATES | {"isolated": True})
    box = parameters.box(point(10, 20))
    values = [AMPLE, 1000, -500, AMPLE]  # 1 unit long at 10, half a unit short at 20
    assert holds("gross<=20,initial", values, box, parameters)
    assert not holds("gross<=19.999999,initial", values, box, parameters)


def test_net_delta_is_sharp_both_ways() -> None:
    for rng, box in boxes(2, 20):
        q = sizes(rng)
        for lots, market in ((q[0], "M0"), (q[1], "M1")):
            net = max(abs(lots), 1) * LOT
            values = [AMPLE, *q]
            assert holds(f"delta[{market}]<={decimal(net)},initial", values, box)
            if lots:
                assert not holds(f"delta[{market}]<={decimal(net - STEP)},initial", values, box)


def test_net_delta_of_an_asset_is_what_is_deposited_less_what_is_owed_with_interest() -> None:
    box = VENUE.box([*point(1, 1), Band(Fraction(1), Fraction(2), Fraction(1, 10), Fraction(2, 10), True)])
    # 5 deposited, 2 owed that have grown to between 2.2 and 2.4: net between 2.6 and 2.8
    assert holds("delta[M2]<=2.8,initial", [AMPLE, 0, 0, 5000, 2000], box)
    assert not holds("delta[M2]<=2.799999,initial", [AMPLE, 0, 0, 5000, 2000], box)
    # 1 deposited: between -1.4 and -1.2
    assert holds("delta[M2]<=1.4,initial", [AMPLE, 0, 0, 1000, 2000], box)
    assert not holds("delta[M2]<=1.399999,initial", [AMPLE, 0, 0, 1000, 2000], box)


def test_collateral_over_debts_is_sharp_in_cash() -> None:
    """Equity before haircuts and requirements, at the worst corner, against c times the debts."""
    for rng, box in boxes(3, 40):
        q = sizes(rng)
        c = Fraction(rng.randrange(1, 5 * 10**6), 10**6)
        worst = 0
        for lots, ends in zip(q, box[:2], strict=False):
            corners = product((ends.low, ends.high), (ends.funding_low, ends.funding_high))
            worst += min(lots * (price - index) for price, index in corners)
        growth = 1 + Fraction(box[2].funding_high, 10**15)
        owed = -q[3] * (-(c * growth * box[2].high) // 1)  # a lot of debt is rounded up
        least = max(owed - q[2] * box[2].low, 0) - worst  # cash with gains is no debt
        text = f"collateral>={decimal(c)}"
        assert holds(text, [least, *q], box)
        assert not holds(text, [least - 1, *q], box)


def test_the_sale_of_a_short_is_no_collateral() -> None:
    """cash0 of a short holds what it was sold for: 10 units sold at 100, without a cent of cash of one's own."""
    box = VENUE.box(point(100, 1, 1))
    debt = 100 * 1000  # 100 units of an asset at 1
    values = [1000 * ATTO, -10_000, 0, 0, debt]
    assert not holds("collateral>=0.000001", values, box)
    assert holds("collateral>=1", [1100 * ATTO, *values[1:]], box)


def test_a_debt_in_cash_is_not_hidden_from_the_ratio() -> None:
    """100 borrowed in cash against collateral of 150: a ratio of 1.5, and not whatever one likes for want of debts."""
    box = VENUE.box(point(1, 1, 1))
    assert holds("maintenance", [-100 * ATTO, 0, 0, 150_000, 0], box)
    assert not holds("collateral>=2", [-100 * ATTO, 0, 0, 150_000, 0], box)
    assert not holds("collateral>=0.000001", [-1, 0, 0, 150_000, 0], box)
    assert holds("collateral>=1000", [0, 0, 0, 150_000, 0], box)


def test_isolated_positions_pay_for_no_debt() -> None:
    parameters = risk("perpetuals-cross", RATES | {"isolated": True}, ASSET)
    box = parameters.box([Band(Fraction(100), Fraction(100), Fraction(-50), Fraction(-50)), *point(1)])
    values = [19 * ATTO, 1000, 10**24, 0, 10_000]  # a rich long that is still to get 50 in funding; 10 owed
    assert holds("maintenance", values, box, parameters)
    assert not holds("collateral>=2,maintenance", values, box, parameters)
    assert not holds("collateral>=2,maintenance", [20 * ATTO - 1, *values[1:]], box, parameters)
    assert holds("collateral>=2,maintenance", [20 * ATTO, *values[1:]], box, parameters)


def _excess(text: str, q: Sequence[int], box: PriceBox) -> int:
    """How many atto of cash make the slack of ``health>=h`` or ``leverage<=L`` exactly 0, at these point prices."""
    word, bound = text.split("=")
    rate = Fraction(3, 100) * Fraction(bound) if word.startswith("health") else 1 / Fraction(bound)
    exact = Fraction(0)
    for lots, ends in zip(q, box[:2], strict=False):
        exact += lots * (ends.low - ends.funding_low) - rate * ends.low * abs(lots)
    growth = 1 + Fraction(box[2].funding_low, 10**15)
    exact += Fraction(9, 10) * q[2] * box[2].low - q[3] * growth * box[2].low
    assert exact == int(exact)
    return -int(exact)


@pytest.mark.parametrize("text", ["health<=2", "health<=0.5", "health<=40", "leverage>=4", "leverage>=0.5"])
def test_the_opposite_is_sharp_at_a_point(text: str) -> None:
    """At most and at least meet in one atto: with exactly nothing to spare both hold."""
    opposite = text.translate(str.maketrans("<>", "><"))
    for rng, box in boxes(4, 20, wide=False):
        q = sizes(rng)
        cash = _excess(opposite, q, box)
        assert holds(text, [cash, *q], box)
        assert holds(opposite, [cash, *q], box)
        assert not holds(text, [cash + 1, *q], box)
        assert not holds(opposite, [cash - 1, *q], box)


@pytest.mark.parametrize("text", ["health<=2", "leverage>=4"])
def test_the_opposite_holds_in_the_whole_box(text: str) -> None:
    """What is proved over a box is true at each of its corners, and at points between."""
    for rng, box in boxes(5, 15):
        q = sizes(rng)
        layout = made(text, box)
        low, high = -(10**32), 10**32  # the most cash with which it is provable, by bisection
        while high - low > 1:
            middle = (low + high) // 2
            try:
                layout.assign([middle, *q])
                low = middle
            except WitnessError as error:
                low, high = (middle, high) if error.code == "above_range" else (low, middle)
        shares = [(0, 0, 0), (1, 1, 1), (1, 0, 1), (0, 1, 0), tuple(Fraction(rng.randrange(10), 10) for _ in box)]
        for share in shares:
            inside = tuple(_at(ends, Fraction(part)) for ends, part in zip(box, share, strict=True))
            assert holds(text, [low, *q], inside)


def _at(ends: MarketBox, share: Fraction) -> MarketBox:
    """The point of a box that lies ``share`` of the way up."""
    price = ends.low + int((ends.high - ends.low) * share)
    index = ends.funding_low + int((ends.funding_high - ends.funding_low) * share)
    return MarketBox(price, price, index, index)


TIERED = risk(
    "perpetuals-brackets", RATES | {"tiers": [{"above": "1000", "initial_ppm": 100_000, "maintenance_ppm": 80_000}]}
)


def test_health_at_most_chooses_a_tier_by_a_bit() -> None:
    """Without it the prover could take the requirement of any tier: the highest for a small position."""
    box = TIERED.box(point(100))
    layout = made("health<=2", box, TIERED)
    assert sum(unknown.is_bit for unknown in layout.program.unknowns) == 1
    for lots, required in ((5000, 15), (100_000, Fraction(30) + 9000 * Fraction(8, 100))):  # worth 500, and 10000
        cash = int(2 * required * ATTO) - lots * 100 * 10**15
        assert holds("health<=2", [cash, lots], box, TIERED)
        assert not holds("health<=2", [cash + 1, lots], box, TIERED)


@pytest.mark.parametrize("text", ["leverage>=3", "health<=2", "gross>=5,health<=2"])
def test_no_position_can_be_overstated(text: str) -> None:
    """The shortcut that breaks claims of this direction: 1000 long and 1000 short at once, a net position of nothing.

    Every row holds, and the claim with it. The gate refuses: one of the two parts is zero.
    """
    parameters = risk("perpetuals-cross", RATES)
    box = parameters.box(point(1))
    layout = made(text, box, parameters)
    cash, fake = 1, 10**6
    values = [cash, 0]
    with pytest.raises(WitnessError) as honest:
        layout.assign(values)
    assert honest.value.code == "not_provable"
    relation = layout.relation
    ((gate, _),) = relation.gates
    with pytest.MonkeyPatch.context() as patch:
        # A prover whose short part is ``fake``, and whose long part is too.
        patch.setattr(Program, "witness", lambda self, of: _witness(self, of, fake))
        assignment = layout.assign(values)
    a, w = list(assignment.a), dict(assignment.w)
    a[gate], w[gate] = fake, fake
    a[gate + 1 : gate + 1 + layout._count(48)] = layout._digits(2 * fake, 48)
    rows = [
        (
            sum(c * a[i] for i, c in row.W) + sum(c * w[i] for i, c in row.U)
            - sum(c * values[j] for j, c in row.P) - row.b
        )
        for row in relation.rows
    ]  # fmt: skip
    assert rows == [0] * len(rows)
    with pytest.raises(WitnessError, match="does not satisfy"):
        _check_witness(relation, [Opening(value, 0) for value in values], Assignment(a, w))


def _witness(program: Program, values: Sequence[int], fake: int) -> list[int]:
    known = [*values, 0, fake]
    for unknown in program.unknowns:
        known.append(unknown.find(known) if unknown.row is None else evaluate(unknown.row, known))
    assert min(known[4:]) >= 0
    return known[4:]


@pytest.mark.parametrize("text", ["gross<=5", "delta[M0]<=5", "delta[M0]<=5,gross>=1"])
def test_a_claim_about_no_cash_needs_another(text: str) -> None:
    with pytest.raises(ContextError, match="join one that is") as refused:
        made(text, VENUE.box(point(1, 1, 1)))
    assert refused.value.code == "claim_not_allowed"


def test_nor_is_one_about_part_of_the_cash_enough() -> None:
    """The cash of an isolated position is in no collateral ratio: it would be bound by nothing."""
    parameters = risk("perpetuals-cross", RATES, RATES | {"isolated": True}, ASSET)
    with pytest.raises(ContextError, match="join one that is") as refused:
        made("collateral>=1", parameters.box(point(1, 1, 1)), parameters)
    assert refused.value.code == "claim_not_allowed"
    made("collateral>=1,health>=0.1", parameters.box(point(1, 1, 1)), parameters)


@pytest.mark.parametrize("text", ["delta[M9]<=5,maintenance", "survives[M9]>=5", "stress[M0=5;M9=5]"])
def test_a_market_that_is_not_there_is_named(text: str) -> None:
    with pytest.raises(ContextError) as refused:
        made(text, VENUE.box(point(1, 1, 1)))
    assert refused.value.code == "claim_not_allowed"


def test_what_the_model_cannot_say_is_refused() -> None:
    steps = {"tiers": [{"above": "10", "initial_ppm": 100_000, "maintenance_ppm": 80_000}], "tiers_by": "size"}
    parameters = risk("perpetuals-steps", RATES | steps)
    with pytest.raises(ContextError, match="cannot state health<=2") as refused:
        made("health<=2", parameters.box(point(1)), parameters)
    assert refused.value.code == "claim_not_allowed"


def test_all_kinds_in_one_proof() -> None:
    """Eight claims about one account, proved and verified."""
    text = (
        "collateral>=1.5,delta[M0]<=2,gross<=1000,gross>=100,health<=1000,leverage<=5,stress[M0=-30;M1=20],survives>=10"
    )
    box = VENUE.box(point(100, 50, 10))
    values = [-50 * ATTO, 2000, -1000, 3000, 1000]  # 2 long at 100, 1 short at 50, 30 deposited, 10 owed
    layout = made(text, box)
    openings = [Opening(value, 7 + i) for i, value in enumerate(values)]
    proof = prove(layout.relation, openings, layout.assign(values), context=b"eight")
    verify(layout.relation, [commit(opening) for opening in openings], proof, context=b"eight")
