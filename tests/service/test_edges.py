"""Edges as plain functions, value by value: what a status turns into, and when."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.boxes import MarketBox, within
from verifier import edges, packed
from verifier.edges import Edge, Moment, Status, Verdict

BOX = (MarketBox(10, 20, -5, 5), MarketBox(100, 200, 0, 0))


def moment(now: int = 1000, round_unix_s: int = 1000, prices=(BOX[0], BOX[1]), **changes) -> Moment:
    members = {"params_end_unix_s": {1: 2000}, "attestation_keys": {"key"}, "grace_s": 300} | changes
    return Moment(now_unix_s=now, round=7, round_unix_s=round_unix_s, prices=packed.pack(prices), **members)


VERDICT = Verdict("maintenance", 1, 1000, "key", packed.pack(BOX))
STALE = Edge(Status.STALE, "price_outside_box", 3, 1500, claim="initial")


# As time passes


def test_a_live_account_is_stale_once_its_last_verdict_has_ended() -> None:
    live = Edge(Status.LIVE, live_until_unix_s=100, live_until_reason="old_params", claim="initial")

    def at(clock_unix_s: int) -> Edge:
        return edges.seen(live, clock_unix_s=clock_unix_s, round_number=7, grace_s=30)

    assert at(100) == live
    assert at(101) == at(130) == Edge(Status.STALE, "old_params", 7, 130, claim="initial")
    assert at(131) == Edge(Status.LIQUIDATABLE, "old_params", 7, 130, claim="initial")


def test_a_deadline_passes_and_changes_nothing_else() -> None:
    for edge in (STALE, Edge(Status.UNPROVEN, "state_changed", 2, 1500)):
        assert edges.seen(edge, clock_unix_s=1500, round_number=7, grace_s=30) == edge
        late = edges.seen(edge, clock_unix_s=1501, round_number=7, grace_s=30)
        assert late == edge._replace(status=Status.LIQUIDATABLE)


def test_without_an_end_or_a_deadline_time_changes_nothing() -> None:
    for edge in (edges.NEW, Edge(Status.LIVE, claim="initial")):
        assert edges.seen(edge, clock_unix_s=10**10, round_number=7, grace_s=30) == edge


# As rounds, parameters, trust and verdicts come


def test_a_verdict_needs_every_one_of_its_conditions() -> None:
    verdict = Verdict("maintenance", 1, 1000, "key", packed.pack(BOX))
    assert edges.turned(edges.NEW, [verdict], moment()).status is Status.LIVE
    assert edges.turned(edges.NEW, [verdict], moment(now=1001)).reason == "expired"
    late = Verdict("maintenance", 1, 3000, "key", packed.pack(BOX))
    assert edges.turned(edges.NEW, [late], moment(now=1999, round_unix_s=2000)).reason is None
    assert edges.turned(edges.NEW, [late], moment(now=1999, round_unix_s=2001)).reason == "old_params"
    assert edges.turned(edges.NEW, [verdict], moment(round_unix_s=1001)).reason == "expired"
    assert edges.turned(edges.NEW, [verdict], moment(attestation_keys=set())).reason == "unattested"
    assert edges.turned(edges.NEW, [verdict], moment(prices=BOX[:1])).reason == "price_outside_box"
    for low, high, funding_low, funding_high in ((9, 20, 0, 0), (10, 21, 0, 0), (10, 20, -6, 0), (10, 20, 0, 6)):
        prices = (MarketBox(low, high, funding_low, funding_high), BOX[1])
        assert edges.turned(edges.NEW, [verdict], moment(prices=prices)).reason == "price_outside_box"
        assert edges.turned(edges.NEW, [verdict], moment(prices=(BOX[0], MarketBox(99, 99, 0, 0)))).reason
    for risk in ({"open_interest": 1}, {"volatility_ppm": 1}):  # the box allows none
        prices = (replace(BOX[0], **risk), BOX[1])
        assert edges.turned(edges.NEW, [verdict], moment(prices=prices)).reason == "price_outside_box"


def test_live_until_the_last_verdict_that_covers_ends() -> None:
    longer = VERDICT._replace(claim="initial", expiry_unix_s=1999)
    narrow = Verdict("health>=1", 1, 9999, "key", packed.pack((BOX[0], MarketBox(1, 2, 0, 0))))
    for verdicts in ([VERDICT, longer, narrow], [narrow, longer, VERDICT]):
        live = Edge(Status.LIVE, live_until_unix_s=1999, live_until_reason="expired", claim="initial")
        assert edges.turned(STALE, verdicts, moment()) == live
    same = VERDICT._replace(claim="initial")
    assert edges.turned(STALE, [same, VERDICT], moment()).claim == "initial"  # of two that last as long, the newest


@pytest.mark.parametrize(
    ("expiry_unix_s", "end"), [(1999, (1999, "expired")), (2000, (2000, "expired")), (2001, (2000, "old_params"))]
)
def test_a_verdict_ends_with_its_expiry_or_the_grace_of_its_parameters(expiry_unix_s: int, end: tuple) -> None:
    verdict = VERDICT._replace(expiry_unix_s=expiry_unix_s)
    assert moment().end(verdict) == end
    edge = edges.turned(edges.NEW, [verdict], moment())
    assert (edge.live_until_unix_s, edge.live_until_reason) == end
    assert moment(params_end_unix_s={2: 5}).end(verdict) == (expiry_unix_s, "expired")


def test_no_verdict_turns_nothing() -> None:
    for edge in (edges.NEW, STALE):
        assert edges.turned(edge, [], moment()) == edge


OUTSIDE = moment(now=900, prices=BOX[:1])


def test_a_deadline_runs_from_what_turned_the_account() -> None:
    """Prices: from the round. Trust and time: from the clock, which is the later of two."""
    assert edges.turned(edges.NEW, [VERDICT], OUTSIDE) == Edge(
        Status.STALE, "price_outside_box", 7, 1000 + 300, claim="maintenance"
    )
    late = moment(now=1100, prices=BOX[:1])
    lasting = VERDICT._replace(expiry_unix_s=1100)
    assert edges.turned(edges.NEW, [lasting], late).deadline_unix_s == 1000 + 300
    for now, changes, reason in ((1200, {}, "expired"), (1200, {"attestation_keys": set()}, "unattested")):
        assert edges.turned(edges.NEW, [VERDICT], moment(now=now, **changes)) == Edge(
            Status.STALE, reason, 7, 1200 + 300, claim="maintenance"
        )


def test_a_deadline_that_runs_is_kept() -> None:
    kept = Edge(Status.STALE, "price_outside_box", 3, 1500, claim="maintenance")
    assert edges.turned(STALE, [VERDICT], OUTSIDE) == kept
    assert edges.turned(STALE._replace(status=Status.LIQUIDATABLE), [VERDICT], OUTSIDE) == kept
    assert edges.turned(STALE, [VERDICT], moment(attestation_keys=set())) == kept
    changed = Edge(Status.UNPROVEN, "state_changed", 3, 1500)
    assert edges.turned(changed, [VERDICT], moment(now=1001)) == kept._replace(reason="expired")


def test_what_had_ended_before_is_not_why() -> None:
    ended = VERDICT._replace(claim="initial", expiry_unix_s=999)
    outside = VERDICT._replace(box=packed.pack((BOX[0], MarketBox(1, 2, 0, 0))))
    edge = edges.turned(edges.NEW, [ended, outside], moment())
    assert (edge.reason, edge.claim) == ("price_outside_box", "maintenance")
    edge = edges.turned(edges.NEW, [ended, VERDICT._replace(expiry_unix_s=998)], moment())
    assert (edge.reason, edge.claim) == ("expired", "initial")
    graced = VERDICT._replace(claim="initial", expiry_unix_s=9999)
    edge = edges.turned(edges.NEW, [graced, outside], moment(params_end_unix_s={1: 999}))
    assert (edge.reason, edge.claim) == ("old_params", "initial")
    other = VERDICT._replace(claim="health>=1", attestation_key="another")
    edge = edges.turned(edges.NEW, [graced, other], moment(params_end_unix_s={1: 999}))
    assert (edge.reason, edge.claim) == ("unattested", "health>=1")


# As states come


def test_a_new_state_of_a_live_account_is_unproven_with_a_deadline() -> None:
    live = Edge(Status.LIVE, live_until_unix_s=100, live_until_reason="expired", claim="initial")
    moved = edges.moved(live, clock_unix_s=50, round_number=7, grace_s=30)
    assert moved == Edge(Status.UNPROVEN, "state_changed", 7, 80)


def test_a_new_state_of_any_other_account_keeps_its_edge_and_loses_its_claim() -> None:
    for edge in (edges.NEW, STALE, STALE._replace(status=Status.LIQUIDATABLE)):
        assert edges.moved(edge, clock_unix_s=50, round_number=7, grace_s=30) == edge._replace(claim=None)


# Which verdicts stand


def box_of(width: int, markets: int = 1) -> bytes:
    return packed.pack((MarketBox(1000 - width, 1000 + width, 0, 0),) * markets)


def test_which_verdict_is_least_needed() -> None:
    def least(*verdicts: tuple[int, int, bytes]) -> int:
        """(expiry, version of the parameters, box), the newest first."""
        return edges.least_needed([Verdict("maintenance", version, end, "key", box) for end, version, box in verdicts])

    wide, narrow = box_of(20), box_of(10)
    assert least((1, 1, narrow), (5, 1, narrow), (5, 1, wide)) == 1  # the wide one stands in
    assert least((9, 1, narrow), (5, 1, wide), (4, 1, narrow), (4, 1, wide)) == 3  # the oldest of those
    assert least((5, 1, wide), (9, 1, narrow), (6, 1, box_of(15))) == 2  # nothing stands in: the first to expire
    assert least((5, 1, narrow), (5, 1, narrow)) == 1  # never the newest
    # Under older parameters, or without a market, a box stands in for nothing newer.
    assert least((9, 1, narrow), (7, 1, wide), (6, 2, box_of(10, 2)), (8, 2, box_of(20, 3))) == 2
    assert least((9, 2, narrow), (9, 1, narrow), (8, 1, wide)) == 1


# Packed boxes


_ENDS = st.integers(-(2**91) + 1, 2**91 - 1) | st.integers(-3, 3) | st.sampled_from([2**91 - 1, 1 - 2**91])
_MARKETS = st.builds(
    lambda a, b, c, d, e, f: MarketBox(*sorted((abs(a), abs(b))), *sorted((c, d)), abs(e), abs(f)), *[_ENDS] * 6
)


@settings(deadline=None)
@given(st.lists(_MARKETS, max_size=4), st.lists(_MARKETS, max_size=4), st.booleans())
def test_packed_boxes_compare_as_boxes_do(box: list[MarketBox], prices: list[MarketBox], near: bool) -> None:
    if near:  # prices that are the ends of the box, so that most are inside
        prices = [replace(market) for market in box] + prices
    inside = len(prices) >= len(box) and within(tuple(prices[: len(box)]), tuple(box))
    assert packed.covers(packed.pack(tuple(box)), packed.pack(tuple(prices))) == inside
