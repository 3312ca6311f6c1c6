"""Edges as plain functions, value by value: what a status turns into, and when."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.boxes import MarketBox, within
from verifier import edges, packed
from verifier.collateral import standing
from verifier.collateral.standing import LockState, Terms, UsedLock
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


# Locks


TERMS = {"ETH": Terms((100, 80, 50), 10, 20, 2000)}
LOCK = UsedLock("a", "ETH", 50, LockState.FINAL, False, 900, 1960)
COUNTING = VERDICT._replace(expiry_unix_s=9999, registry_version=1, locks=(LOCK,))


def counting(now: int = 1000, **lock: object) -> Edge:
    """The edge of an account that counts such a lock."""
    verdict = COUNTING._replace(locks=(LOCK._replace(**lock),))
    return edges.turned(edges.NEW, [verdict], moment(now=now, terms=TERMS, params_end_unix_s={}))


def test_a_verdict_covers_while_every_lock_of_it_counts() -> None:
    edge = counting()
    assert (edge.status, edge.live_until_unix_s, edge.live_until_reason) == (Status.LIVE, 1959, "collateral_expired")
    assert counting(now=1959).status is Status.LIVE
    assert counting(now=1960).reason == "collateral_expired"
    for changes, reason in (
        ({"state": LockState.REORGED}, "collateral_reorged"),
        ({"state": LockState.RELEASED}, "collateral_released"),
        ({"state": LockState.SEIZED}, "collateral_seized"),
        ({"frozen": True}, "chain_frozen"),
        ({"coefficient_atto": 101}, "collateral_coefficient"),
        ({"class_": "SOL"}, "collateral_coefficient"),  # of a class without terms nothing counts
    ):
        assert counting(**changes).reason == reason
    both = COUNTING._replace(locks=(LOCK._replace(expiry_unix_s=1500), LOCK._replace(tag="b")))
    assert edges.turned(edges.NEW, [both], moment(terms=TERMS, params_end_unix_s={})).live_until_unix_s == 1499


def test_what_a_lot_counts_falls_with_the_age_of_its_block() -> None:
    for coefficient, until, reason in (
        (50, 1959, "collateral_expired"),
        (51, 1000 + 20, "collateral_coefficient"),
        (80, 1000 + 20, "collateral_coefficient"),
        (81, 1000 + 10, "collateral_coefficient"),
        (100, 1000 + 10, "collateral_coefficient"),
    ):
        edge = counting(coefficient_atto=coefficient, seen_unix_s=1000)
        assert (edge.live_until_unix_s, edge.live_until_reason) == (until, reason)
        assert counting(now=until, coefficient_atto=coefficient, seen_unix_s=1000).status is Status.LIVE
        assert counting(now=until + 1, coefficient_atto=coefficient, seen_unix_s=1000).reason == reason


@settings(deadline=None)
@given(*[st.integers(0, 60)] * 3, st.integers(1, 60), *[st.integers(0, 30)] * 3, st.integers(1, 99))
def test_when_a_lock_ends_is_the_first_second_in_which_it_does_not_count(
    a: int, b: int, c: int, coefficient: int, soft_age_s: int, more_s: int, life_s: int, max_age_s: int
) -> None:
    late, soft, fresh = sorted((a, b, c))
    terms = Terms((fresh, soft, late), soft_age_s, soft_age_s + more_s, max_age_s)
    lock = LOCK._replace(coefficient_atto=coefficient, seen_unix_s=0, expiry_unix_s=life_s + 1)
    counts = [now <= life_s and now < max_age_s and coefficient <= terms.at(now) for now in range(100)]
    assert [standing.why_not(lock, {"ETH": terms}, now) is None for now in range(100)] == counts
    if counts[0]:
        assert standing.end(lock, {"ETH": terms})[0] == counts.index(False) - 1


def test_a_verdict_ends_with_the_grace_of_its_registry_too() -> None:
    at = moment(terms=TERMS, params_end_unix_s={}, registry_end_unix_s={1: 1500})
    edge = edges.turned(edges.NEW, [COUNTING], at)
    assert (edge.live_until_unix_s, edge.live_until_reason) == (1500, "old_registry")
    late = moment(now=1501, terms=TERMS, params_end_unix_s={}, registry_end_unix_s={1: 1500})
    assert edges.turned(edges.NEW, [COUNTING], late).reason == "old_registry"
    assert edges.turned(edges.NEW, [COUNTING._replace(registry_version=2)], late).status is Status.LIVE


def test_a_verdict_that_counts_other_locks_stands_in_for_none() -> None:
    def least(*verdicts: tuple[tuple[UsedLock, ...], int | None]) -> int:
        """(locks, version of the registry), the newest first; the one in the middle is the first to expire."""
        made = [COUNTING._replace(locks=locks, registry_version=version) for locks, version in verdicts]
        made[-1] = made[-1]._replace(expiry_unix_s=9999)
        made[1] = made[1]._replace(expiry_unix_s=9998)
        return edges.least_needed(made)

    other, more, dearer = LOCK._replace(tag="b"), (LOCK, LOCK._replace(tag="b")), LOCK._replace(coefficient_atto=51)
    stands_in, does_not = 2, 1
    assert least(((LOCK,), 1), ((other,), 1), ((LOCK,), 1)) == stands_in
    assert least(((LOCK,), 1), ((other,), 1), (more, 1)) == stands_in  # it needs one lock less
    assert least(((LOCK,), 1), ((other,), 1), ((dearer,), 1)) == stands_in
    assert least(((), None), ((other,), 1), ((LOCK,), 1)) == stands_in  # it needs none
    assert least(((LOCK,), 2), ((other,), 1), ((LOCK,), 1)) == stands_in
    assert least((more, 1), ((other,), 1), ((LOCK,), 1)) == does_not
    assert least(((LOCK,), 1), ((LOCK._replace(tag="c"),), 1), ((other,), 1)) == does_not
    assert least(((dearer,), 1), ((other,), 1), ((LOCK,), 1)) == does_not
    assert least(((LOCK,), 1), ((other,), 1), ((LOCK,), 2)) == does_not
    assert least(((LOCK,), 1), ((other,), 1), ((), None)) == does_not


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
