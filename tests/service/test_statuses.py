"""Statuses turn with rounds, parameters, trust, states and the clock, without a new proof."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from service_world import MARKETS, PRICES, SOL, START_UNIX_S, Holder, World, make_params, make_report

from verifier import statuses
from verifier.edges import Edge, Status
from zkmargin import canonical
from zkmargin.envelope import PrivateKey


def told(world: World, holder: Holder) -> tuple[str, str | None, int | None, int | None]:
    """(status, reason, since, seconds from the start to the deadline)."""
    status = world.status(holder.id)
    deadline = status["deadline"]
    seconds = None if deadline is None else canonical.parse_time(deadline) - START_UNIX_S
    return status["status"], status["reason"], status["since_round"], seconds


def live(world: World, percent: str = "5", claim: str = "maintenance") -> Holder:
    holder = world.holder().put()
    assert world.submit(holder.bundle(claim, percent)).status_code == 201
    assert told(world, holder) == ("live", None, None, None)
    return holder


def test_rounds_decide_and_a_deadline_does_not_move(world: World) -> None:
    holder = live(world)
    world.move_to(2, "63000")  # the edge of the box is inside
    assert told(world, holder) == ("live", None, None, None)
    world.move_to(3, "63000.000000000000000001")
    assert told(world, holder) == ("stale", "price_outside_box", 3, 120 + 300)
    world.move_to(4, "70000")
    assert told(world, holder) == ("stale", "price_outside_box", 3, 420)
    world.now = START_UNIX_S + 420
    assert told(world, holder)[0] == "stale"
    world.now += 1
    assert told(world, holder) == ("liquidatable", "price_outside_box", 3, 420)
    world.move_to(5, "70000")
    assert told(world, holder) == ("liquidatable", "price_outside_box", 3, 420)
    world.move_to(6, "57000")
    assert told(world, holder) == ("live", None, None, None)
    world.move_to(7, "56999")
    assert told(world, holder)[:3] == ("stale", "price_outside_box", 7)


def test_a_new_proof_makes_an_account_live_again(world: World) -> None:
    holder = live(world)
    world.move_to(2, "70000")
    assert world.submit(holder.bundle()).status_code == 201
    assert told(world, holder) == ("live", None, None, None)


def test_any_verdict_that_covers_is_enough(world: World) -> None:
    holder = live(world, "20", "initial")
    assert world.submit(holder.bundle(percent="1")).status_code == 201
    assert world.status(holder.id)["claim"] == "maintenance"  # of those that cover and last longest, the newest
    world.move_to(2, "65000")
    assert told(world, holder)[0] == "live"
    assert world.status(holder.id)["claim"] == "initial"


def test_funding_counts_as_prices_do(world: World) -> None:
    holder = live(world)
    world.publish_round(2, PRICES, {"BTC-USD": "300"})
    assert told(world, holder)[0] == "live"
    world.publish_round(3, PRICES, {"BTC-USD": "-331"})
    assert told(world, holder)[:2] == ("stale", "price_outside_box")


def report_each(world: World, *prices: str, number: int = 2) -> list[int]:
    """The next oracles report these prices; the statuses of the answers."""
    reports = [make_report(number, PRICES | {"BTC-USD": price}, world.now) for price in prices]
    return [world.report(r.sign(key)).status_code for r, key in zip(reports, world.keys.oracles, strict=False)]


def test_one_wrong_report_turns_nobody(world: World) -> None:
    """Whatever the lie, and whoever reports before and after it."""
    holder = live(world)
    prices = ["60000", "60010"]
    for number, (lie, place) in enumerate(itertools.product(("0", "64000", "900000"), range(3)), 2):
        assert report_each(world, *prices[:place], lie, *prices[place:], number=number) == [202, 202, 201]
        assert told(world, holder) == ("live", None, None, None), (lie, place)


def test_both_medians_must_lie_in_the_box(world: World) -> None:
    """A lower threshold makes a round of four reports out of those that wait."""
    holder = live(world)
    five = [*world.keys.trust().oracle, PrivateKey.generate().public]
    for trust in (world.keys.trust(2, oracle=tuple(five), oracle_threshold=5), world.keys.trust(3)):
        assert world.post("/v1/trust", trust.sign(world.keys.root).to_bytes()).status_code == 201
        answers = report_each(world, "60000", "64000", "60000", "64000")
    assert answers == [201, 200, 200, 200]
    assert len(world.client.get("/v1/oracle/current").json()["reports"]) == 4
    assert told(world, holder)[:2] == ("stale", "price_outside_box")


def expiring(world: World, holder: Holder, after_s: int, claim: str = "maintenance", percent: str = "5") -> None:
    bundle = holder.bundle(claim, percent, expiry=canonical.format_time(world.now + after_s))
    assert world.submit(bundle).status_code == 201


def test_a_verdict_expires_without_a_round(world: World) -> None:
    holder = world.holder().put()
    expiring(world, holder, 100)
    world.move_to(2, "60000")
    world.now = START_UNIX_S + 100
    assert told(world, holder) == ("live", None, None, None)
    world.now += 1
    assert told(world, holder) == ("stale", "expired", 2, 100 + 300)
    assert world.service.count_statuses()["stale"] == 1
    world.publish_round(3, PRICES)
    assert told(world, holder) == ("stale", "expired", 2, 400)
    world.now = START_UNIX_S + 401
    assert told(world, holder) == ("liquidatable", "expired", 2, 400)
    assert world.service.count_statuses()["liquidatable"] == 1
    assert world.submit(holder.bundle()).status_code == 201
    assert told(world, holder) == ("live", None, None, None)


def test_an_account_is_live_until_the_last_verdict_that_covers_ends(world: World) -> None:
    holder = world.holder().put()
    expiring(world, holder, 100, "maintenance", "20")
    expiring(world, holder, 200, "initial", "1")
    expiring(world, holder, 50)
    world.now = START_UNIX_S + 101
    assert told(world, holder)[0] == "live"
    assert world.status(holder.id)["claim"] == "initial"  # never one that has expired meanwhile
    world.now = START_UNIX_S + 201
    assert told(world, holder) == ("stale", "expired", 1, 200 + 300)


def test_a_verdict_that_lasts_does_not_count_where_it_does_not_cover(world: World) -> None:
    holder = world.holder().put()
    expiring(world, holder, 100, percent="20")
    expiring(world, holder, 3600, percent="1")
    world.move_to(2, "65000")
    world.now = START_UNIX_S + 101
    assert told(world, holder) == ("stale", "expired", 2, 400)


def test_what_ended_before_is_not_why_a_round_turns_an_account(world: World) -> None:
    holder = live(world)
    expiring(world, holder, 10)
    world.move_to(2, "70000")
    assert told(world, holder) == ("stale", "price_outside_box", 2, 60 + 300)


def test_grace_of_parameters_and_expiry_whichever_ends_first(make_begun_world: Callable[..., World]) -> None:
    world = make_begun_world(params_grace_s=100)
    early, late = world.holder().put(), world.holder().put()
    expiring(world, early, 50)
    expiring(world, late, 200)
    world.publish_params(make_params(2))
    world.now += 101
    assert told(world, early) == ("stale", "expired", 1, 50 + 300)
    assert told(world, late) == ("stale", "old_params", 1, 100 + 300)


def test_a_claim_below_maintenance_makes_nothing_live(world: World) -> None:
    holder = world.holder().put()
    for claim in ("health>=0.9", "leverage<=34"):
        assert world.submit(holder.bundle(claim)).status_code == 201
        assert told(world, holder) == ("unproven", "no_proof", None, None)
    assert world.submit(holder.bundle("leverage<=20")).status_code == 201
    assert told(world, holder)[0] == "live"


def test_a_new_state_is_unproven_with_a_deadline(world: World) -> None:
    holder = live(world)
    world.now += 10
    holder.put()
    assert told(world, holder) == ("unproven", "state_changed", 1, 310)
    holder.put()
    assert told(world, holder) == ("unproven", "state_changed", 1, 310)
    world.now += 301
    assert told(world, holder)[0] == "liquidatable"
    assert world.submit(holder.bundle()).status_code == 201
    assert told(world, holder) == ("live", None, None, None)


def test_a_new_state_is_no_way_round_a_deadline(world: World) -> None:
    holder = live(world)
    world.move_to(2, "70000")
    holder.put()
    assert told(world, holder) == ("stale", "price_outside_box", 2, 360)
    world.now += 301
    holder.put()
    assert told(world, holder)[0] == "liquidatable"


def test_a_proof_that_does_not_cover_is_no_way_round_a_deadline(world: World) -> None:
    holder = world.holder().put()
    narrow = [holder.bundle(percent="1"), holder.bundle(percent="2")]
    world.move_to(2, "70000")
    world.submit(narrow[0])
    assert told(world, holder) == ("stale", "price_outside_box", 2, 360)
    world.now += 100
    world.submit(narrow[1])
    assert told(world, holder) == ("stale", "price_outside_box", 2, 360)


def test_old_parameters_stand_for_their_grace(make_begun_world: Callable[..., World]) -> None:
    world = make_begun_world(params_grace_s=100)
    holder = live(world)
    world.now += 10
    world.publish_params(make_params(2))
    assert told(world, holder)[0] == "live"
    world.publish_round(2, PRICES)
    world.now = START_UNIX_S + 110
    assert told(world, holder)[0] == "live"
    world.now += 1
    assert told(world, holder) == ("stale", "old_params", 2, 110 + 300)
    world.publish_round(3, PRICES)
    assert told(world, holder) == ("stale", "old_params", 2, 410)
    world.now = START_UNIX_S + 411
    assert told(world, holder)[0] == "liquidatable"
    assert world.submit(holder.bundle()).status_code == 201
    assert told(world, holder) == ("live", None, None, None)


def test_publishing_parameters_twice_does_not_lengthen_an_older_grace(make_begun_world: Callable[..., World]) -> None:
    world = make_begun_world(params_grace_s=100)
    holder = live(world)
    world.publish_params(make_params(2))
    world.now += 60
    world.publish_params(make_params(3))
    world.now = START_UNIX_S + 101
    assert told(world, holder)[:2] == ("stale", "old_params")


def test_a_new_market_leaves_older_verdicts_alone(world: World) -> None:
    holder = live(world)
    world.publish_params(make_params(2, [*MARKETS, SOL]))
    assert told(world, holder)[0] == "live"
    world.publish_round(2, PRICES | {"SOL-USD": "100"})
    assert told(world, holder)[0] == "live"
    expiring(world, holder, 2 * world.settings.params_grace_s)  # the same state: an absent label is a zero
    world.now += world.settings.params_grace_s + 1
    assert told(world, holder)[0] == "live"


def test_a_distrusted_attestation_key_takes_its_states_with_it(world: World) -> None:
    holder = live(world)
    late = holder.bundle("initial")
    world.now += 10
    stronger = world.keys.trust(2, attestation=(PrivateKey.generate().public,)).sign(world.keys.root)
    assert world.post("/v1/trust", stronger.to_bytes()).status_code == 201
    assert told(world, holder) == ("stale", "unattested", 1, 310)
    assert world.submit(late).json()["code"] == "unattested"


def test_a_rotation_that_keeps_the_old_attestation_key_changes_nothing(world: World) -> None:
    holder = live(world)
    both = world.keys.trust(2, attestation=(PrivateKey.generate().public, world.keys.attestation.public))
    assert world.post("/v1/trust", both.sign(world.keys.root).to_bytes()).status_code == 201
    assert told(world, holder)[0] == "live"


def test_narrow_verdicts_do_not_crowd_a_wide_one_out(world: World, monkeypatch) -> None:
    monkeypatch.setattr(statuses, "MAX_STANDING", 2)
    holder = live(world, "20")
    for percent in ("1", "2", "3"):
        assert world.submit(holder.bundle(percent=percent)).status_code == 201
    world.move_to(2, "65000")
    assert told(world, holder)[0] == "live"
    assert world.submit(holder.bundle(percent="1")).status_code == 201
    world.move_to(3, "52000")  # held by the first and by neither of the last two
    assert told(world, holder)[0] == "live"


def test_the_newest_verdict_always_stands(world: World, monkeypatch) -> None:
    monkeypatch.setattr(statuses, "MAX_STANDING", 1)
    holder = live(world)
    world.move_to(2, "70000")
    expiring(world, holder, 60, percent="1")
    assert told(world, holder) == ("live", None, None, None)


def test_accounts_are_listed_in_pages(world: World, monkeypatch) -> None:
    from verifier.routes import accounts

    monkeypatch.setattr(accounts, "PAGE", 2)
    ids = sorted(world.holder().put().id for _ in range(3))
    first = world.client.get("/v1/accounts").json()
    second = world.client.get(f"/v1/accounts?cursor={first['next']}").json()
    assert [item["account"] for item in first["items"] + second["items"]] == ids
    assert second["next"] is None


def test_one_round_turns_every_account(world: World) -> None:
    wide, narrow, silent = live(world, "20"), live(world, "1"), world.holder().put()
    world.move_to(2, "65000")
    assert [told(world, holder)[0] for holder in (wide, narrow, silent)] == ["live", "stale", "unproven"]
    counted = world.service.count_statuses()
    assert counted == {"unproven": 1, "live": 1, "stale": 1, "liquidatable": 0}
    world.now += 301
    assert world.service.count_statuses() == {"unproven": 1, "live": 1, "stale": 0, "liquidatable": 1}


def test_a_deadline_can_pass_by_the_oracles_clock(make_begun_world: Callable[..., World]) -> None:
    world = make_begun_world(grace_s=30)
    holder = live(world)
    world.move_to(2, "70000")
    ahead = make_report(3, PRICES | {"BTC-USD": "70000"}, world.now + 31)
    assert [world.report(ahead.sign(key)).status_code for key in world.keys.quorum] == [202, 202, 201]
    assert told(world, holder)[0] == "liquidatable"
    assert world.service.count_statuses()["liquidatable"] == 1


_TIMES = st.integers(0, 40) | st.none()
_EDGES = st.builds(
    lambda status, deadline, until: (
        Edge(status, "r", 1, None, until) if status is Status.LIVE else Edge(status, "r", 1, deadline)
    ),
    st.sampled_from([Status.LIVE, Status.STALE, Status.UNPROVEN]), _TIMES, _TIMES,
)  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(st.lists(_EDGES, max_size=6), st.integers(0, 60), st.integers(0, 10))
def test_counting_in_sql_is_counting_one_by_one(still_world: World, found: list[Edge], now: int, grace_s: int) -> None:
    from verifier.tables import AccountRow

    now += START_UNIX_S
    with still_world.store.writing() as session:
        session.query(AccountRow).delete()
        for i, edge in enumerate(found):
            row = AccountRow(id=str(i), seq=1, registered_unix_s=0)
            shifted = {
                name: None if value is None else value + START_UNIX_S
                for name, value in (("deadline", edge.deadline_unix_s), ("until", edge.live_until_unix_s))
            }
            moved = Edge(edge.status, edge.reason, 1, shifted["deadline"], shifted["until"])
            statuses.store(row, moved)
            session.add(row)
        session.flush()
        rows = session.query(AccountRow).all()
        by, number = statuses.clock_and_round(session, now)
        views = [statuses.view(r, clock_unix_s=by, round_number=number, grace_s=grace_s)["status"] for r in rows]
        counted = statuses.count(session, now_unix_s=now, grace_s=grace_s)
        session.query(AccountRow).delete()
    assert counted == {status.value: views.count(status.value) for status in Status}
