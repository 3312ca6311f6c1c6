"""A venue with brackets, collateral, an isolated market and rates that follow its oracle, through the whole service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from service_world import START_UNIX_S, Holder, World, make_params, make_report
from service_worlds import Beginning, begun, worlds

from zkmargin import canonical
from zkmargin.documents import Account, Oracle, Params, Round
from zkmargin.errors import ContextError

PRICES = {"BTC-USD": "60000", "ETH-USD": "3000", "USDC": "1"}
MARKETS: list[dict[str, Any]] = [
    {
        "market": "BTC-USD", "lot": "0.001", "initial_ppm": 50000, "maintenance_ppm": 30000, "max_size": "1000",
        "tiers": [{"above": "100000", "initial_ppm": 100000, "maintenance_ppm": 60000}],
        "open_interest": {"lower": "100000000", "upper": "500000000"}, "calm_volatility": "0.6",
        "liquidation_fee_ppm": 5000,
    },
    {
        "market": "ETH-USD", "lot": "0.01", "initial_ppm": 100000, "maintenance_ppm": 50000, "max_size": "10000",
        "isolated": True,
    },
    {"market": "USDC", "kind": "asset", "lot": "0.01", "initial_ppm": 20000, "maintenance_ppm": 10000,
     "max_size": "10000000"},
]  # fmt: skip
CALM = ("1200", "0.5")
"""Open interest and volatility of BTC-USD."""
CLAIMS = "health>=1.25,initial,survives[BTC-USD]>=10"
KINDS = ("maintenance", "initial", "health", "survives", "stress", "delta", "gross", "collateral", "health-at-most")


def model_params(version: int = 1, markets: list[dict[str, Any]] = MARKETS) -> Params:
    return make_params(version, markets, model="perpetuals-brackets")


def report(number: int, unix_s: int, risk: tuple[str, str] | None = CALM, **prices: str) -> Oracle:
    moved = PRICES | {f"{name}-USD": price for name, price in prices.items()}
    value = make_report(number, moved, unix_s).to_value()
    entries = [] if risk is None else [{"market": "BTC-USD", "open_interest": risk[0], "volatility": risk[1]}]
    return Oracle.from_value(value | {"risk": entries})


def publish(world: World, number: int, risk: tuple[str, str] = CALM, **prices: str) -> None:
    """Three reporters agree; a minute passed since the round before."""
    world.now = START_UNIX_S + 60 * (number - 1)
    for key, status in zip(world.keys.quorum, (202, 202, 201), strict=True):
        assert world.report(report(number, world.now, risk, **prices).sign(key)).status_code == status
    world.round = Round.from_value(world.client.get("/v1/oracle/current").json())


class Trader(Holder):
    """Long BTC, short ETH with margin of its own, and stablecoins deposited."""

    @property
    def account(self) -> Account:
        value = {
            "schema": Account.SCHEMA, "account": "holder", "cash": self.cash, "owner": self.owner.public,
            "positions": [
                {"market": "BTC-USD", "size": self.sizes["BTC-USD"], "entry_price": "58000"},
                {"market": "ETH-USD", "size": "-10", "entry_price": "3100", "margin": "9000"},
            ],
            "collateral": [{"asset": "USDC", "amount": "50000"}],
        }  # fmt: skip
        return Account.from_value(value)


def begin(world: World, markets: list[dict[str, Any]] = MARKETS) -> None:
    world.service.publish_trust(world.keys.trust().sign(world.keys.root).to_bytes(), first=True)
    world.publish_params(model_params(1, markets))
    publish(world, 1)


@pytest.fixture(scope="module")
def _begun(tmp_path_factory: pytest.TempPathFactory, blank: Beginning) -> Beginning:
    return begun(tmp_path_factory.mktemp("models"), blank, begin, claims=KINDS)


@pytest.fixture
def venue(tmp_path: Path, _begun: Beginning) -> Iterator[World]:
    with worlds(tmp_path, _begun) as make:
        yield make(claims=KINDS)


@pytest.fixture
def trader(venue: World) -> Trader:
    return Trader(venue, "10000", {"BTC-USD": "2.5"}).put()  # type: ignore[return-value]


def code(response: Any) -> str:
    return str(response.json()["code"])


def test_several_claims_make_an_account_live_while_the_market_stays_calm(venue: World, trader: Trader) -> None:
    answer = venue.submit(trader.bundle(CLAIMS, "5"))
    assert answer.status_code == 201, answer.text
    assert answer.json()["verdict"] == "accepted"
    status = venue.status(trader.id)
    assert (status["status"], status["claim"]) == ("live", CLAIMS)
    publish(venue, 2, ("1250", "0.52"), BTC="61000")
    assert venue.status(trader.id)["status"] == "live"
    publish(venue, 3, ("800", "0.1"), BTC="58000")
    assert venue.status(trader.id)["status"] == "live"


@pytest.mark.parametrize("risk", [("1300", "0.5"), ("1200", "0.53")], ids=["open-interest", "volatility"])
def test_a_rougher_round_turns_it_stale_though_no_price_moved(
    venue: World, trader: Trader, risk: tuple[str, str]
) -> None:
    """Rates are higher than those that were proved."""
    assert venue.submit(trader.bundle(CLAIMS, "5")).status_code == 201
    publish(venue, 2, risk)
    status = venue.status(trader.id)
    assert (status["status"], status["reason"]) == ("stale", "price_outside_box")
    assert venue.submit(trader.bundle(CLAIMS, "5")).status_code == 201
    assert venue.status(trader.id)["status"] == "live"


@pytest.mark.parametrize(
    "entry",
    [None, {"market": "BTC-USD"}, {"market": "BTC-USD", "volatility": "0.5"}, {"market": "USDC", "volatility": "1"}],
)
def test_a_report_says_all_that_rates_depend_on(venue: World, entry: dict[str, str] | None) -> None:
    before = venue.dump()
    value = report(2, venue.now, None).to_value() | {"risk": [] if entry is None else [entry]}
    response = venue.report(Oracle.from_value(value).sign(venue.keys.oracles[0]))
    assert (response.status_code, code(response)) == (422, "missing_price")
    assert "open interest" in response.json()["detail"]
    assert venue.dump() == before


def test_nor_does_a_report_have_an_interest_index_below_zero(venue: World) -> None:
    value = report(2, venue.now).to_value() | {"funding": [{"market": "USDC", "index": "-0.01"}]}
    response = venue.report(Oracle.from_value(value).sign(venue.keys.oracles[0]))
    assert code(response) == "missing_price"


@pytest.mark.parametrize(
    "claim",
    [
        "maintenance,stress[BTC-USD=-20;ETH-USD=15]",
        "delta[BTC-USD]<=2.5,gross<=200000,maintenance",
        "collateral>=3,health<=40,health>=2",
    ],
)
def test_other_claims_that_the_policy_lists(venue: World, trader: Trader, claim: str) -> None:
    answer = venue.submit(trader.bundle(claim, "5"))
    assert answer.json()["verdict"] == "accepted", answer.text
    assert venue.status(trader.id)["claim"] == claim


def test_a_claim_whose_kind_one_of_several_is_not_listed_is_refused(venue: World, trader: Trader) -> None:
    answer = venue.submit(trader.bundle("gross>=1000,maintenance", "5"))
    assert code(answer) == "claim_not_allowed"


def test_claims_that_cover_no_maintenance_make_nobody_live(venue: World, trader: Trader) -> None:
    answer = venue.submit(trader.bundle("collateral>=1,health>=0.5", "5"))
    assert answer.json()["verdict"] == "accepted"
    assert venue.status(trader.id)["status"] == "unproven"


# What may change from one version of the parameters to the next


def changed(market: int, **members: Any) -> list[dict[str, Any]]:
    new = [dict(entry) for entry in MARKETS]
    new[market] = {key: value for key, value in (new[market] | members).items() if value is not None}
    return new


def test_rates_may_change(venue: World, trader: Trader) -> None:
    assert venue.submit(trader.bundle("maintenance", "5")).status_code == 201
    for version, markets in (
        (2, changed(0, maintenance_ppm=40000, calm_volatility="0.7", liquidation_fee_ppm=None)),
        (3, changed(0, tiers=None, open_interest={"lower": "1", "upper": "2"})),
        (4, changed(1, calm_volatility=None, initial_ppm=200000)),
        (5, changed(0, open_interest=None, calm_volatility=None)),
    ):
        venue.publish_params(model_params(version, markets))
        assert venue.status(trader.id)["status"] == "live"


def test_a_verdict_from_before_rates_followed_volatility_covers_no_later_round(
    make_world: Callable[..., World],
) -> None:
    """Its box says nothing of it. The next proof does."""
    world = make_world(claims=KINDS)
    begin(world, changed(0, calm_volatility=None))
    trader = Trader(world, "10000", {"BTC-USD": "2.5"}).put()
    assert world.submit(trader.bundle("maintenance", "5")).status_code == 201
    world.publish_params(model_params(2))
    assert world.status(trader.id)["status"] == "stale"
    assert world.submit(trader.bundle("maintenance", "5")).status_code == 201
    assert world.status(trader.id)["status"] == "live"


@pytest.mark.parametrize(
    "markets",
    [
        changed(0, isolated=True),
        changed(1, isolated=None),
        changed(2, kind=None),
        changed(0, lot="0.01"),
        changed(
            0, kind="asset", liquidation_fee_ppm=None
        ),
    ],
    ids=["isolated", "shared", "no-asset", "lot", "asset"],
)  # fmt: skip
def test_what_a_market_is_may_not(venue: World, markets: list[dict[str, Any]]) -> None:
    before = venue.dump()
    response = venue.post("/v1/params", model_params(2, markets).sign(venue.keys.params).to_bytes())
    assert code(response) == "lot_changed"
    assert venue.dump() == before


def test_the_model_may_not_either(venue: World) -> None:
    other = make_params(2, MARKETS, model="perpetuals-steps")
    assert code(venue.post("/v1/params", other.sign(venue.keys.params).to_bytes())) == "lot_changed"


def test_a_request_that_leaves_the_envelope_out_is_refused(venue: World, trader: Trader) -> None:
    request = trader.request("maintenance", "5")
    first, *rest = request.box
    bare = request.model_copy(update={"box": (first.model_copy(update={"volatility": None}), *rest)})
    with pytest.raises(ContextError):
        trader.prove(bare)
    answer = venue.submit(trader.wrap(bare, trader.prove(request)))
    assert code(answer) == "bad_box"


def test_an_envelope_wider_than_the_policy_allows_is_refused(venue: World, trader: Trader) -> None:
    request = trader.request("maintenance", "5")
    first, *rest = request.box
    rough = request.model_copy(update={"box": (first.model_copy(update={"volatility": "0.8"}), *rest)})
    answer = venue.submit(trader.wrap(rough, trader.prove(rough)))
    assert code(answer) == "box_too_wide"
    assert canonical.parse_decimal(first.volatility or "") == canonical.parse_decimal("0.525")
