"""Which members a collector asks to sign. What all of them see is in the checkpoint; what one of them does not see
waits. Pure, and the same for every collector: two side by side should not ask for two checkpoints of one epoch.

The most is asked for: most pressing revocations in common, then most leaves. By this alone a lock that few members know
would wait for ever behind others, made for that, that other members know. So at every other epoch one quorum of the set
has its turn: nothing that it has in common is left out. And everything would wait if a member promised much and signed
nothing. So if the epoch before has no checkpoint, the quorum in turn is asked for what it has and no more. Nobody but
the operator, who makes the set, can change whose turn it is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from itertools import combinations
from math import comb
from typing import NamedTuple

MAX_CHOICES = 5000
"""Above this many quorums they are not all compared: 6 of 15 members are 5005."""


class Offer(NamedTuple):
    """What a member would sign. ``pressing``: revocations without which something counts that must not."""

    leaves: Set[str]
    pressing: Set[Hashable] = frozenset()


def choose(
    offers: Mapping[str, Offer], members: Iterable[str], threshold: int, epoch: int, last: int
) -> tuple[str, ...]:
    """The ``threshold`` members to ask at ``epoch``; nobody, if fewer offer anything.

    In a row of 4 C epochs each of the C quorums has its turn; one with a member that is silent leaves it to the next.

    Args: members: of the set, those too that offer nothing.   last: the epoch of the checkpoint before; 0 if none is.
    """
    if len(offers) < threshold:
        return ()
    ids = sorted(members)
    quorums = comb(len(ids), threshold)
    if quorums > MAX_CHOICES:
        return _of_very_many(offers, threshold, epoch, last)
    turn, in_turn = _turn(epoch, quorums)
    order = list(combinations(ids, threshold))
    there = [quorum for quorum in order[turn:] + order[:turn] if offers.keys() >= set(quorum)]
    if in_turn and epoch - last > 1:
        return there[0]
    fields = _fields(offers)
    common = {quorum: _common(fields, quorum) for quorum in there}
    if in_turn:
        wanted = common[there[0]]
        common = {quorum: have for quorum, have in common.items() if _covers(have, wanted)}
    # max keeps the first of the greatest: the next one in turn.
    return max(common, key=lambda quorum: tuple(items.bit_count() for items in common[quorum]))


def _turn(epoch: int, quorums: int) -> tuple[int, bool]:
    """Whose turn it is next, and whether it has it at this epoch.

    A round has two epochs a quorum. Where it begins is drawn: else a collector that comes at every other epoch, say,
    would see the same half of the turns in each round.
    """
    length = 2 * quorums
    number, place = divmod(epoch, length)
    begin = int.from_bytes(_drawn(number))
    turn, half = divmod((begin + place) % length, 2)
    return turn, half == 1


def _of_very_many(offers: Mapping[str, Offer], threshold: int, epoch: int, last: int) -> tuple[str, ...]:
    """As ``choose``, with turns that are drawn; and the most is found by asking those who know what most is known by
    just the same members: good, and perhaps not the best."""
    _, in_turn = _turn(epoch, 1)
    drawn = frozenset(sorted(offers, key=lambda member: _drawn(epoch, member))[:threshold] if in_turn else ())
    if in_turn and epoch - last > 1:
        return tuple(sorted(drawn))
    alike = [
        *_alike({member: offer.pressing for member, offer in offers.items()}),
        *_alike({member: offer.leaves for member, offer in offers.items()}),
    ]
    left = frozenset(offers)
    for knowers in sorted(alike, key=lambda members: not members >= drawn):
        if len(left & knowers) >= threshold:
            left &= knowers
    return tuple(sorted(left)[:threshold])


def _alike(offers: Mapping[str, Set[Hashable]]) -> list[frozenset[str]]:
    """The sets of members that are all who know something; first of whom that is true most often."""
    knowers: dict[Hashable, set[str]] = {}
    for member, items in offers.items():
        for item in items:
            knowers.setdefault(item, set()).add(member)
    often = Counter(frozenset(members) for members in knowers.values())
    return sorted(often, key=lambda members: (-often[members], sorted(members)))


def _drawn(number: int, member: str = "") -> bytes:
    """A draw that everybody makes alike."""
    return hashlib.sha256(f"{number} {member}".encode()).digest()


def _fields(offers: Mapping[str, Offer]) -> dict[str, tuple[int, int]]:
    """Every offer as two bit fields, a bit a revocation and a bit a leaf: what is common is an AND."""
    pressing = _bits({member: offer.pressing for member, offer in offers.items()})
    leaves = _bits({member: offer.leaves for member, offer in offers.items()})
    return {member: (pressing[member], leaves[member]) for member in offers}


def _bits(offers: Mapping[str, Set[Hashable]]) -> dict[str, int]:
    places = {item: place for place, item in enumerate(set().union(*offers.values()))}
    fields = {}
    for member, items in offers.items():
        field = bytearray(len(places) // 8 + 1)
        for item in items:
            field[places[item] >> 3] |= 1 << (places[item] & 7)
        fields[member] = int.from_bytes(field, "little")
    return fields


def _common(fields: Mapping[str, tuple[int, int]], members: Sequence[str]) -> tuple[int, int]:
    """The pressing revocations and the leaves that these members have in common."""
    pressing = leaves = -1
    for member in members:
        pressing &= fields[member][0]
        leaves &= fields[member][1]
    return pressing, leaves


def _covers(have: tuple[int, int], wanted: tuple[int, int]) -> bool:
    return not any(some & ~other for some, other in zip(wanted, have, strict=True))
