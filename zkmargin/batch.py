"""Verify many proofs, of one statement or of different ones, with one multi-scalar multiplication.

Source: docs/protocol.md, "Batch verification". Proof b is weighted with z_b, fresh random 128 bits drawn when
all proofs are in (z_0 = 1), and coefficients of shared bases are merged. If any equation is not 0, the sum is 0 with
probability 2^-128 at most.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .errors import ProofError, VerificationError
from .generators import G, bases, linear_bases
from .group import IDENTITY, Point, msm
from .range_argument import Equation, equation
from .relation import Relation

WEIGHT_BITS = 128


@dataclass(frozen=True)
class Item:
    """One proof to verify: the arguments of ``range_argument.verify``."""

    relation: Relation
    V: Sequence[Point]
    proof: bytes
    context: bytes


class BatchError(ProofError):
    """At least one proof of a batch is bad; ``failures`` maps the index of each bad one to its error."""

    def __init__(self, failures: Mapping[int, VerificationError]) -> None:
        named = ", ".join(str(i) for i in sorted(failures))
        super().__init__(f"these proofs of the batch do not verify: {named}")
        self.failures = dict(failures)


def verify_batch(items: Sequence[Item]) -> None:
    """Accept only if every item verifies; otherwise name each that does not, by bisection.

    Source: docs/protocol.md, "Batch verification".
    Raises: BatchError with the error of every bad item.
    Trust:  as ``verify``; the system's randomness is trusted for soundness.
    Cost:   one sum of 1 + L + N' + sum(3 + J + 2K) terms, and per item 3 + 2K decodings; a bad item costs
            2 log2(len(items)) more sums.
    """
    failures: dict[int, VerificationError] = {}
    equations: list[tuple[int, Equation]] = []
    for i, item in enumerate(items):
        try:
            equations.append((i, equation(item.relation, item.V, item.proof, context=item.context)))
        except VerificationError as error:
            failures[i] = error
    for i in _bad(equations):
        failures[i] = ProofError("the proof does not verify")
    if failures:
        raise BatchError(failures)


def _bad(equations: list[tuple[int, Equation]]) -> list[int]:
    if not equations or _holds([claim for _, claim in equations]):
        return []
    if len(equations) == 1:
        return [equations[0][0]]
    middle = len(equations) // 2
    return _bad(equations[:middle]) + _bad(equations[middle:])


def _holds(equations: Sequence[Equation]) -> bool:
    """Whether a fresh random combination of ``equations`` is 0. The weights are drawn here, after every proof."""
    points: list[Point] = []
    weights: list[int] = []
    value = 0
    linear = [0] * max(len(claim.linear) for claim in equations)
    norm = [0] * max(len(claim.norm) for claim in equations)
    for b, claim in enumerate(equations):
        z = secrets.randbits(WEIGHT_BITS) if b else 1
        points += claim.points
        weights += [z * weight for weight in claim.weights]
        value += z * claim.value
        _add(linear, z, claim.linear)
        _add(norm, z, claim.norm)
    bases_in_order = [*points, G, *linear_bases(len(linear)), *bases("norm", len(norm))]
    return msm(bases_in_order, [*weights, value, *linear, *norm]) == IDENTITY


def _add(total: list[int], z: int, coefficients: list[int]) -> None:
    """total += z * coefficients, unreduced: the sum is reduced once, in the multi-scalar multiplication."""
    total[: len(coefficients)] = [a + z * c for a, c in zip(total, coefficients, strict=False)]
