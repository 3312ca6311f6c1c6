"""Whom a collector asks: those that have the most in common, and in between every quorum in its turn."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, count, islice
from math import comb

import pytest

from verifier.attestor.choice import MAX_CHOICES, Offer, _turn, choose

SEEN = {name: Offer(set(leaves)) for name, leaves in {"a": "12", "b": "1234", "c": "234", "d": "1", "e": "234"}.items()}


def of_the_most(threshold: int, members: int = 5) -> list[int]:
    """Epochs that are nobody's turn: two for every quorum."""
    quorums = comb(members, threshold)
    return list(islice((epoch for epoch in count(1) if not _turn(epoch, quorums)[1]), 2 * quorums))


def ask(offers: dict[str, Offer], members: str, threshold: int, epochs: Iterable[int]) -> list[tuple[str, ...]]:
    """Whom a collector asks, every checkpoint having passed."""
    return [choose(offers, members, threshold, epoch, epoch - 1) for epoch in epochs]


def common(offers: dict[str, Offer], some: tuple[str, ...]) -> tuple[int, int]:
    return (
        len(set.intersection(*(set(offers[name].pressing) for name in some))),
        len(set.intersection(*(set(offers[name].leaves) for name in some))),
    )


@pytest.mark.parametrize("threshold", range(1, 6))
def test_the_greatest_intersection(threshold: int) -> None:
    best = max(common(SEEN, some) for some in combinations("abcde", threshold))
    chosen = set(ask(SEEN, "abcde", threshold, of_the_most(threshold)))
    assert {common(SEEN, some) for some in chosen} == {best}
    if threshold == 2:
        assert chosen == {("b", "c"), ("b", "e"), ("c", "e")}  # as good as one another: each in its turn


def test_too_few() -> None:
    assert choose(SEEN, [*SEEN, "f"], 6, 1, 0) == ()
    assert choose({}, ["a"], 1, 1, 0) == ()


def test_pressing_revocations_come_before_any_number_of_leaves() -> None:
    offers = {name: Offer(offer.leaves, {"x", "y"} if name in "ade" else {"x"}) for name, offer in SEEN.items()}
    assert common(offers, ("a", "d", "e")) == (2, 0)
    assert set(ask(offers, "abcde", 3, of_the_most(3))) == {("a", "d", "e")}


@pytest.mark.parametrize(("threshold", "members"), [(2, "abc"), (3, "abcd"), (3, "abcde"), (1, "ab")])
def test_every_quorum_has_its_turn_in_any_row_of_epochs(threshold: int, members: str) -> None:
    """Each has a leaf that nobody else has in common; one has much more."""
    quorums = list(combinations(members, threshold))
    offers = {name: Offer({"".join(some) for some in quorums if name in some}) for name in members}
    for name in quorums[-1]:
        offers[name] = Offer({*offers[name].leaves, *"0123456789"})
    row = 4 * len(quorums)
    asked = ask(offers, members, threshold, range(1, 12 * row))
    for begin in range(len(asked) - row):
        assert set(asked[begin : begin + row]) == set(quorums)


def test_a_quorum_in_turn_gives_way_to_one_that_has_more_beside() -> None:
    """A member that is new knows nothing yet: while checkpoints pass, nothing that the others know is left out."""
    offers = SEEN | {"c": Offer(set()), "d": Offer({"1", "2", "9"})}
    assert set(ask(offers, "abcde", 2, range(1, 100))) == {("a", "b"), ("a", "d"), ("b", "d"), ("b", "e")}
    assert set(ask({"a": SEEN["a"], "b": SEEN["b"], "c": Offer(set())}, "abc", 2, range(1, 100))) == {("a", "b")}


def test_a_quorum_in_turn_gives_way_to_nobody_after_an_epoch_without_a_checkpoint() -> None:
    """Whatever a member promises that then does not sign."""
    offers = {name: Offer({"all"}) for name in "bde"} | {name: Offer({"all", "bait"}, {"bait"}) for name in "abc"}
    asked = {choose(offers, "abcde", 3, epoch, epoch - 2) for epoch in range(1, 41)}
    assert asked == set(combinations("abcde", 3))
    assert set(ask(offers, "abcde", 3, range(1, 41))) == {("a", "b", "c")}


def test_turns_are_every_other_epoch() -> None:
    turns = [_turn(epoch, 10)[1] for epoch in range(1, 2000)]
    assert all(0 < sum(turns[begin : begin + 3]) < 3 for begin in range(len(turns) - 3))


@pytest.mark.parametrize("stride", [2, 3, 9, 10, 19, 20, 400])
def test_no_rhythm_of_collecting_misses_a_quorum_for_ever(stride: int) -> None:
    assert len({_turn(epoch, 10) for epoch in range(stride, 400 * stride, stride)}) == 20


def test_a_member_that_is_silent_takes_no_turn_from_the_others() -> None:
    offers = {name: Offer({"".join(some) for some in combinations("abde", 3) if name in some}) for name in "abde"}
    asked = ask(offers, "abcde", 3, range(1, 200))
    for begin in range(len(asked) - 40):
        assert set(asked[begin : begin + 40]) == set(combinations("abde", 3))


def test_all_collectors_choose_alike() -> None:
    turned = dict(reversed(SEEN.items()))
    assert ask(SEEN, "abcde", 3, range(1, 50)) == ask(turned, "edcba", 3, range(1, 50))


def test_among_very_many_members() -> None:
    assert comb(40, 21) > MAX_CHOICES
    offers = {f"m{n:02}": Offer({str(leaf) for leaf in range(10 if n % 3 else n)}) for n in range(40)}
    for epoch in range(1, 21):
        chosen = choose(offers, offers, 21, epoch, epoch - 1)
        assert (len(set(chosen)), list(chosen)) == (21, sorted(chosen))
        assert common(offers, chosen) == (0, 10)
    late = {choose(offers, offers, 21, epoch, 0) for epoch in range(2, 22)}
    assert len(late) > 10
    assert {name for chosen in late for name in chosen} == set(offers)
    # A revocation outweighs the leaves here too.
    for n in range(21):
        offers[f"m{n:02}"] = Offer(offers[f"m{n:02}"].leaves, {"x"})
    asked = [choose(offers, offers, 21, epoch, epoch - 1) for epoch in range(1, 21)]
    assert sum(common(offers, chosen) == (1, 0) for chosen in asked) >= 10
