"""Documents into exact numbers: prices, boxes, holdings; every rounding against the holder."""

from __future__ import annotations

from fractions import Fraction

import pytest
from margin_accounts import MARKETS, account, oracle, params, round_of

from circuits.boxes import Band, MarketBox, box_around, within
from circuits.holdings import holdings
from circuits.markets import RiskParameters
from circuits.prices import box_entries, box_from_request, prices_of
from zkmargin.errors import ContextError, InputError

PARAMS = RiskParameters.from_document(params())
BTC = "BTC-USD"


def _prices(btc: str = "61873.5", *, index: str = "0", eth: str = "2410.25") -> tuple[Band, ...]:
    return prices_of(round_of(oracle({"BTC-USD": btc, "ETH-USD": eth}, {"BTC-USD": index})), PARAMS)


def test_parameters_keep_order_and_units() -> None:
    assert [market.name for market in PARAMS.markets] == [name for name, *_ in MARKETS]
    assert PARAMS.units == {"cash0": "0.000000000000000001", "q/BTC-USD": "0.00001", "q/ETH-USD": "0.0001"}
    assert PARAMS.markets[0].atto_per_lot == 10**13
    assert PARAMS.digest == params().digest


def test_two_reports_make_a_band_of_their_medians() -> None:
    reports = [
        oracle({"BTC-USD": btc, "ETH-USD": "1", "SOL-USD": "1"}, {"BTC-USD": index})
        for btc, index in (("100", "-0.5"), ("102.5", "0.25"))
    ]
    bands = prices_of(round_of(*reports), PARAMS)
    assert bands[0] == Band(Fraction(100), Fraction("102.5"), Fraction("-0.5"), Fraction("0.25"))
    assert bands[1] == Band(Fraction(1), Fraction(1), Fraction(0), Fraction(0))


def test_a_market_without_price_is_named() -> None:
    with pytest.raises(InputError, match="ETH-USD") as error:
        prices_of(round_of(oracle({"BTC-USD": "1"})), PARAMS)
    assert error.value.code == "missing_price"


def test_the_account_of_the_formats_document() -> None:
    """Cash 152340.25, short 0.75 BTC at 61250: 152340.25 + 45937.5, in atto; -75000 lots."""
    held = holdings(account("152340.25", (BTC, "-0.75", "61250.0")), PARAMS, _prices())
    assert held.cash0_atto == 198277_750000000000000000
    assert held.size_lots == (-75000, 0)
    assert held.values(PARAMS) == {"cash0": held.cash0_atto, "q/BTC-USD": -75000, "q/ETH-USD": 0}
    assert "198277" not in repr(held)
    assert "75000" not in repr(held)


def test_without_entry_price_cash_is_net_of_cost() -> None:
    assert holdings(account("10", (BTC, "0.5")), PARAMS, _prices()).cash0_atto == 10 * 10**18


@pytest.mark.parametrize(
    ("cash", "expected"), [("0.0000000000000000019", 1), ("-0.0000000000000000011", -2), ("-0.000000000000000001", -1)]
)
def test_cash_rounds_down(cash: str, expected: int) -> None:
    assert holdings(account(cash), PARAMS, _prices()).cash0_atto == expected


@pytest.mark.parametrize(("size", "cost"), [("0.00001", 1), ("-0.00001", 0)])
def test_cost_rounds_up(size: str, cost: int) -> None:
    """One lot at 0.00000000000005 costs half an atto: a buyer pays one, a seller gets none."""
    held = holdings(account("0", (BTC, size, "0.00000000000005")), PARAMS, _prices())
    assert held.cash0_atto == -cost


@pytest.mark.parametrize(
    ("size", "cash0_lots"),
    # Indices -0.5 and 0.25: a long starts from the lower one, a short from the upper one.
    [("0.00002", 2 * -50), ("-0.00002", -2 * 25)],
)
def test_funding_starts_from_the_worse_median(size: str, cash0_lots: int) -> None:
    reports = [oracle({"BTC-USD": "1", "ETH-USD": "1"}, {"BTC-USD": index}) for index in ("-0.5", "0.25")]
    held = holdings(account("0", (BTC, size)), PARAMS, prices_of(round_of(*reports), PARAMS))
    assert held.cash0_atto == cash0_lots * 10**11


@pytest.mark.parametrize(("size", "expected"), [("0.00001", 2), ("-0.00001", -3)])
def test_an_index_between_two_atto_rounds_against_the_holder(size: str, expected: int) -> None:
    """2.5 atto a lot: a long is credited 2, a short is charged 3."""
    held = holdings(account("0", (BTC, size)), PARAMS, _prices(index="0.00000000000025"))
    assert held.cash0_atto == expected


@pytest.mark.parametrize(
    ("size", "low", "high"),
    [("0.000015", "0.00001", "0.00002"), ("-0.000011", "-0.00002", "-0.00001"), ("0.000001", "0", "0.00001")],
)
def test_a_size_off_the_grid_names_the_nearest(size: str, low: str, high: str) -> None:
    with pytest.raises(InputError) as error:
        holdings(account("0", (BTC, size)), PARAMS, _prices())
    assert error.value.code == "off_grid"
    assert f"the nearest sizes are {low} and {high}" in str(error.value)


def test_unknown_market_and_size_above_maximum() -> None:
    with pytest.raises(InputError, match="DOGE-USD") as error:
        holdings(account("0", ("DOGE-USD", "1")), PARAMS, _prices())
    assert error.value.code == "unknown_market"
    small = RiskParameters.from_document(params(max_lots=100))
    assert holdings(account("0", (BTC, "-0.001")), small, _prices()).size_lots == (-100, 0)
    for size in ("0.00101", "-0.00101"):
        with pytest.raises(InputError) as error:
            holdings(account("0", (BTC, size)), small, _prices())
        assert error.value.code == "above_maximum"


# Boxes


@pytest.mark.parametrize(
    "ends",
    [
        (-1, 5, 0, 0),
        (6, 5, 0, 0),
        (0, 2**91, 0, 0),
        (0, 0, 1, 0),
        (0, 0, -(2**91), 0),
        (0, 0, 0, 2**91),
    ],
)
def test_what_is_not_a_box(ends: tuple[int, int, int, int]) -> None:
    with pytest.raises(ContextError) as error:
        MarketBox(*ends)
    assert error.value.code == "bad_box"


def test_the_edges_are_boxes() -> None:
    edge = 2**91 - 1
    MarketBox(0, 0, 0, 0)
    MarketBox(edge, edge, -edge, edge)


def test_an_integer_box_contains_its_band() -> None:
    band = Band(Fraction("1.5"), Fraction("2.5"), Fraction("-1.5"), Fraction("-0.5"))
    assert MarketBox.around(band, 1) == MarketBox(1, 3, -2, 0)
    assert MarketBox.around(band, 10) == MarketBox(15, 25, -15, -5)
    odd = Band(Fraction("0.111"), Fraction("0.222"), Fraction("-0.111"), Fraction("0.222"))
    assert MarketBox.around(odd, 100) == MarketBox(11, 23, -12, 23)


def test_box_around_moves_both_ends_and_rounds_outwards() -> None:
    band = Band(Fraction(100), Fraction(110), Fraction(-1), Fraction(1))
    (wide,) = box_around([band], Fraction(10))
    assert wide == Band(Fraction(90), Fraction(121), Fraction("-2.1"), Fraction("2.1"))
    (point,) = box_around([band], Fraction(0))
    assert point == band
    thirds = Band(Fraction(1, 3), Fraction(1, 3), Fraction(-1, 3), Fraction(-1, 3))
    (rounded,) = box_around([thirds], Fraction(0))
    assert rounded.low < thirds.low < rounded.low + Fraction(1, 10**18)
    assert rounded.high > thirds.high > rounded.high - Fraction(1, 10**18)
    assert rounded.funding_low < thirds.funding_low < rounded.funding_high
    (everything,) = box_around([band], Fraction(100))
    assert everything.low == 0
    for percent in (Fraction(-1), Fraction(10001, 100)):
        with pytest.raises(InputError):
            box_around([band], percent)


def test_within_compares_every_end() -> None:
    box = MarketBox(10, 20, -5, 5)
    assert within((box, box), (box, box))
    assert within((MarketBox(11, 19, -4, 4),), (box,))
    for other in [(9, 20, -5, 5), (10, 21, -5, 5), (10, 20, -6, 5), (10, 20, -5, 6)]:
        assert not within((MarketBox(*other),), (box,))
        assert not within((box, MarketBox(*other)), (box, box))
    for inner, outer in (((box,), (box, box)), ((box, box), (box,))):  # never a market that nothing was held against
        with pytest.raises(ValueError, match="zip"):
            within(inner, outer)


class _Request:
    def __init__(self, box: object) -> None:
        self.box = box


def test_a_request_box_comes_back_as_it_was_written() -> None:
    bands = box_around(_prices(index="0.125"), Fraction("2.5"))
    entries = box_entries(bands, PARAMS)
    assert box_from_request(_Request(entries), PARAMS) == PARAMS.box(bands)
    btc, eth = entries
    for wrong in [(btc,), (btc, eth, eth), (eth, btc), (btc, btc), (btc, eth.model_copy(update={"market": "X"}))]:
        with pytest.raises(ContextError) as error:
            box_from_request(_Request(wrong), PARAMS)
        assert error.value.code == "bad_box"
