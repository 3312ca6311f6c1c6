"""Which members a collector asks to sign: those that have the most in common. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from itertools import combinations
from math import comb

MAX_CHOICES = 5000
"""Above this many sets of members they are not all compared: 6 of 15 members are 5005."""


def choose(offers: Mapping[str, Set[str]], threshold: int) -> tuple[str, ...]:
    """The ``threshold`` members whose offers have the most leaves in common; of several such the first by their ids.
    Nobody, if there are fewer members.

    With very many members one is left out after the other, each time the one without whom the others have the most in
    common: good, and perhaps not the best.
    """
    members = sorted(offers)
    if len(members) < threshold:
        return ()
    bits = _bits(offers)
    if comb(len(members), threshold) <= MAX_CHOICES:
        # max keeps the first of the greatest, and combinations come in the order of the ids.
        return max(combinations(members, threshold), key=lambda some: _common(bits, some))
    while len(members) > threshold:
        left_out = max(
            reversed(members), key=lambda member: _common(bits, [other for other in members if other != member])
        )
        members.remove(left_out)
    return tuple(members)


def _bits(offers: Mapping[str, Set[str]]) -> dict[str, int]:
    """Every offer as a bit field, one bit a leaf: what is common is an AND."""
    places = {leaf: place for place, leaf in enumerate(sorted(set().union(*offers.values())))}
    fields = {}
    for member, leaves in offers.items():
        field = bytearray(len(places) // 8 + 1)
        for leaf in leaves:
            field[places[leaf] >> 3] |= 1 << (places[leaf] & 7)
        fields[member] = int.from_bytes(field, "little")
    return fields


def _common(bits: Mapping[str, int], members: Iterable[str]) -> int:
    common = -1
    for member in members:
        common &= bits[member]
    return common.bit_count()
