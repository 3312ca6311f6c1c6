"""Pedersen commitments V = v*G + beta*H: perfectly hiding, binding under the discrete logarithm, additive.

Source: docs/protocol.md, "Relation".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from .field import R
from .generators import G, H
from .group import Point, encode, msm
from .nonces import NonceSource


@dataclass(frozen=True)
class Opening:
    """What opens a commitment: a signed integer ``value`` and a ``blinding`` scalar. Secret: its repr shows nothing."""

    value: int = field(repr=False)
    blinding: int = field(repr=False)

    @classmethod
    def random(cls, value: int) -> Opening:
        """An opening of ``value`` under a fresh, hedged blinding."""
        return cls(value, NonceSource(b"blinding", (value % R).to_bytes(32, "big")).scalar("blinding"))

    def __add__(self, other: Opening) -> Opening:
        return Opening(self.value + other.value, (self.blinding + other.blinding) % R)

    def __sub__(self, other: Opening) -> Opening:
        return Opening(self.value - other.value, (self.blinding - other.blinding) % R)


ZERO = Opening(0, 0)


class Commitments(tuple[Point, ...]):
    """Points that are encoded once, however many statements they are part of."""

    def __new__(cls, points: Iterable[Point]) -> Commitments:
        return points if isinstance(points, Commitments) else super().__new__(cls, points)

    @cached_property
    def encoded(self) -> tuple[bytes, ...]:
        """The canonical bytes of every point, in order."""
        return tuple(map(encode, self))


def commit(opening: Opening) -> Point:
    """V = value*G + blinding*H. Values are taken modulo r."""
    return msm([G, H], [opening.value, opening.blinding])
