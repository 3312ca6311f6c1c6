"""Trust, parameters and oracle rounds: who may publish what, in which order, and that nothing published ever
changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from service_world import MARKETS, PRICES, SOL, World, make_params, make_report

from verifier.tables import ReportRow
from zkmargin.documents import Round, Signed, Trust
from zkmargin.envelope import PrivateKey


@pytest.fixture
def bare(make_world: Callable[..., World]) -> World:
    """A world where only the trust document is published."""
    world = make_world()
    world.service.publish_trust(world.keys.trust().sign(world.keys.root).to_bytes(), first=True)
    return world


def code_of(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


# Trust


def test_nothing_works_before_the_operator_set_trust_up(make_world: Callable[..., World]) -> None:
    world = make_world()
    first = world.keys.trust().sign(world.keys.root).to_bytes()
    assert code_of(world.client.get("/v1/trust")) == (404, "no_trust")
    assert code_of(world.client.get("/v1/verifier")) == (404, "no_trust")
    assert code_of(world.post("/v1/trust", first)) == (404, "no_trust")
    assert code_of(world.post("/v1/params", make_params().sign(world.keys.params).to_bytes())) == (404, "no_trust")
    assert world.service.publish_trust(first, first=True).created
    assert not world.service.publish_trust(first, first=True).created
    assert world.client.get("/v1/trust").content == first


def test_the_first_trust_document_is_signed_by_its_own_root(make_world: Callable[..., World]) -> None:
    world = make_world()
    for key in (world.keys.params, PrivateKey.generate()):
        with pytest.raises(Exception, match="not signed"):
            world.service.publish_trust(world.keys.trust().sign(key).to_bytes(), first=True)
    with pytest.raises(Exception, match="another venue"):
        world.service.publish_trust(world.keys.trust(venue="other").sign(world.keys.root).to_bytes(), first=True)


def test_trust_is_handed_on_by_the_root_before(bare: World) -> None:
    root, heir = bare.keys.root, PrivateKey.generate()
    second = bare.keys.trust(2, root=(heir.public,))

    def publish(document: Trust, *keys: PrivateKey) -> tuple[int, str | None]:
        return code_of(bare.post("/v1/trust", document.sign(*keys).to_bytes()))

    before = bare.dump()
    assert publish(second, heir) == (403, "unsigned")
    assert publish(second, root) == (403, "unsigned")  # it does not prove that the heir has its key
    assert publish(second, bare.keys.params) == (403, "unsigned")
    assert publish(bare.keys.trust(3), root) == (409, "version_gap")
    assert publish(bare.keys.trust(1, oracle_threshold=3, params=(heir.public,)), root) == (409, "version_conflict")
    assert publish(bare.keys.trust(2, venue="other"), root) == (400, "wrong_venue")
    assert code_of(bare.post("/v1/trust", second.to_bytes())) == (403, "unsigned")
    assert bare.dump() == before
    assert publish(second, root, heir) == (201, None)
    assert publish(second, root, heir) == (200, None)
    assert publish(bare.keys.trust(1), root) == (200, None)
    assert publish(bare.keys.trust(3), root) == (403, "unsigned")  # the old root is out
    assert publish(bare.keys.trust(3), root, heir) == (201, None)
    assert publish(bare.keys.trust(2), root, heir) == (409, "old_version")


# Parameters


def test_parameters_are_signed_and_come_one_after_the_other(bare: World) -> None:
    def publish(version: int, key: PrivateKey | None = None, **changes: Any) -> tuple[int, str | None]:
        envelope = make_params(version, **changes).sign(key or bare.keys.params)
        return code_of(bare.post("/v1/params", envelope.to_bytes()))

    assert code_of(bare.client.get("/v1/params/current")) == (404, "no_params")
    assert publish(3, bare.keys.root) == (403, "unsigned")
    assert publish(3) == (201, None)
    assert publish(3) == (200, None)
    assert publish(3, quote="EUR") == (409, "version_conflict")
    assert publish(2) == (409, "old_version")
    assert publish(5) == (409, "version_gap")
    assert publish(4, venue="other") == (400, "wrong_venue")
    assert code_of(bare.post("/v1/params", make_params(4).to_bytes())) == (403, "unsigned")
    assert publish(4) == (201, None)
    assert publish(3) == (200, None)  # still known, and still not current
    assert bare.client.get("/v1/params/current").headers["etag"] == f'"{make_params(4).digest}"'


CONTINUATIONS: dict[str, tuple[str | None, dict[str, Any]]] = {
    "other rates": (None, {"markets": [dict(MARKETS[0], initial_ppm=60000, maintenance_ppm=59999), MARKETS[1]]}),
    "another largest size": (None, {"markets": [dict(MARKETS[0], max_size="1"), MARKETS[1]]}),
    "a market more": (None, {"markets": [*MARKETS, SOL]}),
    "another lot": ("lot_changed", {"markets": [dict(MARKETS[0], lot="0.01"), MARKETS[1]]}),
    "another quote": ("lot_changed", {"quote": "EUR"}),
    "a market less": ("market_removed", {"markets": MARKETS[:1]}),
    "markets in another order": ("market_removed", {"markets": MARKETS[::-1]}),
    "a market more, in front": ("market_removed", {"markets": [SOL, *MARKETS]}),
    "a market under another name": ("market_removed", {"markets": [dict(MARKETS[0], market="XBT-USD"), MARKETS[1]]}),
}


@pytest.mark.parametrize("what", CONTINUATIONS)
def test_what_a_commitment_means_never_changes(bare: World, what: str) -> None:
    code, changes = CONTINUATIONS[what]
    bare.publish_params(make_params(1))
    before = bare.dump()
    answer = bare.post("/v1/params", make_params(2, **changes).sign(bare.keys.params).to_bytes())
    assert code_of(answer) == ((201, None) if code is None else (409, code))
    assert (bare.dump() == before) == (code is not None)


def test_parameters_that_nobody_could_prove_under_are_refused(bare: World) -> None:
    tier = {"above": "1000", "initial_ppm": 900_000, "maintenance_ppm": 800_000}
    before = bare.dump()
    changed = make_params(1, markets=[dict(MARKETS[0], tiers=[tier]), MARKETS[1]])
    assert code_of(bare.post("/v1/params", changed.sign(bare.keys.params).to_bytes())) == (400, "bad_params")
    assert bare.dump() == before


OPTION = {
    "market": "ETH-C", "kind": "option", "lot": "0.01", "max_size": "9", "underlying": "ETH-USD", "forward": "BTC-USD",
    "option": "call", "strike": "3000", "expiry": "2026-12-25T08:00:00Z",
}  # fmt: skip
SHORT_OPTIONS = {
    "initial_most_ppm": 150_000, "initial_least_ppm": 130_000, "call_maintenance_ppm": 90_000,
    "put_maintenance_ppm": 90_000, "put_mark_ppm": 90_000, "put_initial_scale_ppm": 1_050_000,
    "unpaired_initial_ppm": 1_200_000, "unpaired_maintenance_ppm": 1_100_000,
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("underlying", "BTC-USD"),
        ("forward", None),
        ("option", "put"),
        ("strike", "2999"),
        ("expiry", "2026-12-25T08:00:01Z"),
    ],
)
def test_the_terms_of_an_option_never_change(bare: World, key: str, other: str | None) -> None:
    underlyings = [market | {"options": SHORT_OPTIONS} for market in MARKETS]
    bare.publish_params(make_params(1, model="options-standard", markets=[*underlyings, OPTION]))
    changed = make_params(2, model="options-standard", markets=[*underlyings, OPTION | {key: other}])
    assert code_of(bare.post("/v1/params", changed.sign(bare.keys.params).to_bytes())) == (409, "lot_changed")


def test_a_published_document_has_its_digest_as_tag(bare: World) -> None:
    bare.publish_params(make_params(1))
    bare.publish_params(make_params(2))
    for digest in (make_params(1).digest, make_params(2).digest):
        answer = bare.client.get(f"/v1/params/{digest}")
        assert answer.headers["etag"] == f'"{digest}"'
        assert "immutable" in answer.headers["cache-control"]
        assert Signed.from_value(answer.json(), type(bare.params.document)).digest == digest
        for held in (f'"{digest}"', f'W/"{digest}"', f'"other", "{digest}"', "*"):
            assert bare.client.get(f"/v1/params/{digest}", headers={"if-none-match": held}).status_code == 304
    assert bare.client.get("/v1/params/current").headers["cache-control"] == "no-cache"
    assert bare.client.get(f"/v1/params/0x{'00' * 32}").status_code == 404


# Oracle


@pytest.fixture
def listed(bare: World) -> World:
    """A world with trust and parameters, and no round yet."""
    bare.publish_params(make_params())
    return bare


def send(world: World, key: int, number: int = 1, prices: dict[str, str] | None = None, at: int = 0) -> Any:
    report = make_report(number, prices or PRICES, world.now + at)
    return world.report(report.sign(world.keys.oracles[key]))


def test_a_round_is_complete_at_three_of_four_and_never_changes(listed: World) -> None:
    first = send(listed, 0)
    assert (first.status_code, first.json()) == (
        202,
        {"round": 1, "status": "pending", "reports": 1, "needed": 3, "digest": None},
    )
    assert code_of(listed.client.get("/v1/oracle/current")) == (404, "no_round")
    assert send(listed, 0).status_code == 202  # the same again
    assert send(listed, 2, prices=PRICES | {"BTC-USD": "60010"}).status_code == 202
    third = send(listed, 3, prices=PRICES | {"BTC-USD": "60020"})
    assert (third.status_code, third.json()["status"], third.json()["reports"]) == (201, "complete", 3)
    current = listed.client.get("/v1/oracle/current")
    round_ = Round.from_value(current.json())
    assert round_.digest == third.json()["digest"]
    assert current.headers["etag"] == f'"{round_.digest}"'
    assert [float(price) for price in round_.prices["BTC-USD"]] == [60010, 60010]
    assert code_of(send(listed, 1)) == (409, "round_closed")
    assert send(listed, 0).status_code == 200
    assert listed.client.get("/v1/oracle/rounds/1").content == current.content
    assert "immutable" in listed.client.get("/v1/oracle/rounds/1").headers["cache-control"]
    assert listed.client.get("/v1/oracle/rounds/2").status_code == 404


def test_a_key_says_one_thing_a_round(listed: World) -> None:
    send(listed, 0)
    before = listed.dump()
    assert code_of(send(listed, 0, prices=PRICES | {"BTC-USD": "1"})) == (409, "equivocation")
    assert listed.dump() == before
    send(listed, 1)
    send(listed, 2)
    assert code_of(send(listed, 0, prices=PRICES | {"BTC-USD": "1"})) == (409, "equivocation")


def test_only_one_oracle_key_signs_a_report(listed: World) -> None:
    report = make_report(1, PRICES, listed.now)
    keys = listed.keys
    assert code_of(listed.post("/v1/oracle/reports", report.to_bytes())) == (403, "unsigned")
    for key in (keys.root, keys.params, keys.attestation, PrivateKey.generate()):
        assert code_of(listed.report(report.sign(key))) == (403, "unsigned")
    assert code_of(listed.report(report.sign(*keys.oracles[:2]))) == (403, "bad_signature")
    forged = report.sign(keys.oracles[0])
    other = make_report(1, PRICES | {"BTC-USD": "1"}, listed.now).sign(keys.oracles[0])
    mixed = type(forged)(forged.payload_type, other.payload, forged.signatures)
    assert code_of(listed.report(mixed)) == (403, "bad_signature")


def test_rounds_only_go_forward(listed: World) -> None:
    listed.publish_round(5, PRICES)
    assert code_of(send(listed, 3, number=5)) == (409, "round_closed")
    assert code_of(send(listed, 0, number=4)) == (409, "round_closed")
    assert code_of(send(listed, 0, number=6, at=-1)) == (422, "earlier_time")
    assert code_of(send(listed, 0, number=6, at=61)) == (422, "future_time")
    assert send(listed, 0, number=6, at=60).status_code == 202
    assert [send(listed, key, number=9).status_code for key in (1, 2, 3)] == [202, 202, 201]
    assert code_of(send(listed, 1, number=6)) == (409, "round_closed")


def test_the_number_of_a_round_rises_by_a_bounded_step(listed: World) -> None:
    listed.publish_round(2**40, PRICES)  # any number can be the first
    before = listed.dump()
    for number in (2**40 + 1_000_001, 2**53 - 1):
        assert code_of(send(listed, 0, number=number)) == (409, "round_gap")
    assert listed.dump() == before
    assert send(listed, 0, number=2**40 + 1_000_000).status_code == 202


def test_a_report_is_not_older_than_a_bundle_could_refer_to(listed: World) -> None:
    before = listed.dump()
    assert code_of(send(listed, 0, at=-601)) == (409, "old_round")
    assert listed.dump() == before
    assert send(listed, 0, at=-600).status_code == 202
    listed.now += 1
    # It waited for too long: left out, and the round needs another one.
    assert [send(listed, key).status_code for key in (1, 2, 3)] == [202, 202, 201]
    assert Round.from_value(listed.client.get("/v1/oracle/current").json()).time_unix_s == listed.now


def waiting(world: World, key: int) -> list[int]:
    with world.store.reading() as session:
        rows = session.query(ReportRow.round).where(ReportRow.keyid == world.keys.oracles[key].public)
        return sorted(number for (number,) in rows)


def test_few_reports_of_a_key_wait(listed: World) -> None:
    for number in [20, *range(2, 13)]:  # in one second, and not in order
        assert send(listed, 0, number=number).status_code == 202
        assert send(listed, 1, number=20).status_code == 202
    assert len(waiting(listed, 0)) == 8
    assert 12 in waiting(listed, 0)
    listed.now += 1
    for number in (900, 1):
        assert send(listed, 0, number=number).status_code == 202
        assert number in waiting(listed, 0)
    assert len(waiting(listed, 0)) == 8
    assert waiting(listed, 1) == [20]  # of each key apart


def test_what_waits_for_an_earlier_round_goes_when_a_later_one_completes(listed: World) -> None:
    listed.publish_round(1, PRICES)
    for number in (2, 3, 9):
        assert send(listed, 3, number=number).status_code == 202
    listed.publish_round(5, PRICES)
    assert waiting(listed, 3) == [9]
    assert waiting(listed, 0) == [1, 5]


def test_a_report_that_fell_behind_holds_nobody_up(listed: World) -> None:
    """One key reports far ahead, before a later round moves the time on: its report is left out, not waited for."""
    send(listed, 0, number=7)
    listed.now += 30
    listed.publish_round(2, PRICES)
    assert [send(listed, key, number=7).status_code for key in (1, 2, 3)] == [202, 202, 201]
    assert Round.from_value(listed.client.get("/v1/oracle/current").json()).time_unix_s == listed.now


def test_a_report_of_other_markets_holds_nobody_up(listed: World) -> None:
    send(listed, 0, prices=PRICES | {"DOGE-USD": "1"})
    assert [send(listed, key).status_code for key in (1, 2, 3)] == [202, 202, 201]


def test_a_report_prices_every_market_within_what_a_box_can_hold(listed: World) -> None:
    assert code_of(send(listed, 0, prices={"BTC-USD": "1"})) == (422, "missing_price")
    assert code_of(send(listed, 0, prices=PRICES | {"ETH-USD": "9" * 40})) == (422, "missing_price")


def test_reports_need_parameters(bare: World) -> None:
    assert code_of(send(bare, 0)) == (404, "no_params")


def test_the_keys_that_count_are_those_of_now(listed: World) -> None:
    send(listed, 0)
    oracles = tuple(key.public for key in listed.keys.oracles)
    envelope = listed.keys.trust(2, oracle=oracles[1:]).sign(listed.keys.root)
    assert listed.post("/v1/trust", envelope.to_bytes()).status_code == 201
    assert send(listed, 1).status_code == 202
    assert code_of(send(listed, 0)) == (403, "unsigned")
    assert send(listed, 2).status_code == 202
    assert send(listed, 3).status_code == 201
    assert len(listed.client.get("/v1/oracle/current").json()["reports"]) == 3


def test_a_price_that_the_lot_of_a_new_market_makes_too_large_is_no_price(world: World) -> None:
    """The current round knows the market already, at a price that its lot takes beyond every box: nothing breaks."""
    world.publish_round(2, PRICES | {"SOL-USD": "9" * 18})
    answer = world.post(
        "/v1/params", make_params(2, [*MARKETS, SOL | {"lot": "1000"}]).sign(world.keys.params).to_bytes()
    )
    assert answer.status_code == 201
    world.publish_round(3, PRICES | {"SOL-USD": "100"})
