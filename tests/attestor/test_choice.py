"""Whom a collector asks: those that have the most in common, and in between every quorum in its turn."""

from __future__ import annotations

from itertools import combinations, count, islice
from math import comb

import pytest

from verifier.attestor.choice import MAX_CHOICES, Offer, _turn, choose

SEEN = {name: Offer(set(leaves)) for name, leaves in {"a": "12", "b": "1234", "c": "234", "d": "1", "e": "234"}.items()}


def of_the_most(threshold: int, members: int = 5) -> list[int]:
    """Epochs in which the most is asked for: one for every turn, and a few more."""
    quorums = comb(members, threshold)
    epochs = (epoch for epoch in count(1) if _turn(epoch, quorums)[1])
    return list(islice(epochs, 2 * quorums))


def common(offers: dict[str, Offer], some: tuple[str, ...]) -> tuple[int, int]:
    return (
        len(set.intersection(*(set(offers[name].pressing) for name in some))),
        len(set.intersection(*(set(offers[name].leaves) for name in some))),
    )


@pytest.mark.parametrize("threshold", range(1, 6))
def test_the_greatest_intersection(threshold: int) -> None:
    best = max(common(SEEN, some) for some in combinations("abcde", threshold))
    chosen = {choose(SEEN, SEEN, threshold, epoch) for epoch in of_the_most(threshold)}
    assert {common(SEEN, some) for some in chosen} == {best}
    if threshold == 2:
        assert chosen == {("b", "c"), ("b", "e"), ("c", "e")}  # as good as one another: each in its turn


def test_too_few() -> None:
    assert choose(SEEN, [*SEEN, "f"], 6, 1) == ()
    assert choose({}, ["a"], 1, 1) == ()


def test_pressing_revocations_come_before_any_number_of_leaves() -> None:
    offers = {name: Offer(offer.leaves, {name in "ade", "x"} - {False}) for name, offer in SEEN.items()}
    assert common(offers, ("a", "d", "e")) == (2, 0)
    assert {choose(offers, offers, 3, epoch) for epoch in of_the_most(3)} == {("a", "d", "e")}


@pytest.mark.parametrize(("threshold", "members"), [(2, "abc"), (3, "abcd"), (3, "abcde"), (1, "ab")])
def test_every_quorum_has_its_turn_in_any_row_of_epochs(threshold: int, members: str) -> None:
    """Whatever the others offer, and however much of it."""
    quorums = set(combinations(members, threshold))
    offers = {name: Offer({str(leaf) for leaf in range(100) if name != "a"}) for name in members}
    row = 4 * len(quorums)
    asked = [choose(offers, members, threshold, epoch) for epoch in range(1, 12 * row)]
    for begin in range(len(asked) - row):
        assert set(asked[begin : begin + row]) == quorums


def test_two_of_three_epochs_in_a_row_are_not_both_turns_for_long() -> None:
    most = [_turn(epoch, 10)[1] for epoch in range(1, 2000)]
    assert all(any(most[begin : begin + 3]) and not all(most[begin : begin + 3]) for begin in range(len(most) - 3))


@pytest.mark.parametrize("stride", [2, 3, 4, 5, 9, 10, 11, 19, 20, 40, 400])
def test_no_rhythm_of_collecting_misses_a_quorum_for_ever(stride: int) -> None:
    asked = {_turn(epoch, 10) for epoch in range(stride, 400 * stride, stride)}
    assert len(asked) == 20


def test_a_member_that_is_silent_takes_no_turn_from_the_others() -> None:
    offers = {name: SEEN[name] for name in "abde"}
    asked = [choose(offers, "abcde", 3, epoch) for epoch in range(1, 200)]
    for begin in range(len(asked) - 40):
        assert set(asked[begin : begin + 40]) == set(combinations("abde", 3))


def test_all_collectors_choose_alike() -> None:
    for epoch in range(1, 50):
        turned = dict(reversed(SEEN.items()))
        assert choose(SEEN, "abcde", 3, epoch) == choose(turned, "edcba", 3, epoch)


def test_among_very_many_members() -> None:
    assert comb(40, 21) > MAX_CHOICES
    offers = {f"m{n:02}": Offer({str(leaf) for leaf in range(10 if n % 3 else n)}) for n in range(40)}
    asked = [choose(offers, offers, 21, epoch) for epoch in range(1, 41)]
    assert all(len(set(chosen)) == 21 and list(chosen) == sorted(chosen) for chosen in asked)
    assert sum(common(offers, chosen) == (0, 10) for chosen in asked) >= 20
    assert {name for chosen in asked for name in chosen} == set(offers)
    # A revocation outweighs the leaves here too.
    offers |= {f"m{n:02}": Offer(offers[f"m{n:02}"].leaves, {"x"}) for n in range(21)}
    assert sum(common(offers, choose(offers, offers, 21, epoch)) == (1, 0) for epoch in range(1, 41)) >= 20
