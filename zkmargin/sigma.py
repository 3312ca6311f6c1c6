"""Proofs about single Pedersen commitments: of opening, of zero, of equality.

Source: docs/sigma.md. Statements of sigma_linear.py over the bases G, H of pedersen.py, in compact form. Every public
point (the bases, the commitments) is hashed before the challenge; the context is part of the session tag.

    opening(V):        V = v*G + beta*H
    zero(V):           V = beta*H
    equality(V1, V2):  V1 - V2 = delta*H

The identity is refused as a commitment, and so are two equal commitments: their openings are public, a proof would
show nothing. Compare the points instead.
"""

from __future__ import annotations

from .errors import ProofError, WitnessError
from .field import R, to_bytes
from .generators import G, H
from .group import IDENTITY, Point
from .nonces import NonceSource
from .pedersen import Opening
from .sigma_linear import COMPACT, SUITE, Equation, LinearRelation, prove_compact, verify_compact

OPENING_BYTES = 96
ZERO_BYTES = 64
EQUALITY_BYTES = 64


def prove_opening(V: Point, opening: Opening, *, context: bytes) -> bytes:
    """96 bytes that show knowledge of ``opening`` of ``V``, to be verified under the same ``context``.

    Raises: WitnessError: the opening is not one of V, or V is the identity.
    """
    return _prove("opening", _opening(V), (opening.value, opening.blinding), context)


def verify_opening(V: Point, proof: bytes, *, context: bytes) -> None:
    """Accept only if the prover knows (v, beta) with V = v*G + beta*H, and meant ``context``.

    Source: docs/sigma.md, "Opening".   Trust: V decoded with a subgroup check; proof untrusted.
    Raises: EncodingError (length, scalar not below r); ProofError.   Cost: an MSM of 3 terms.
    It bounds nothing: v is any residue mod r.
    """
    _verify("opening", _opening(V), proof, context)


def prove_zero(V: Point, opening: Opening, *, context: bytes) -> bytes:
    """64 bytes that show that ``V`` commits to zero.

    Raises: WitnessError: as ``prove_opening``, or the value is not 0 modulo r.
    """
    if opening.value % R:
        raise WitnessError("the opening does not fit the statement")
    return _prove("zero", _zero(V), (opening.blinding,), context)


def verify_zero(V: Point, proof: bytes, *, context: bytes) -> None:
    """Accept only if the prover knows beta with V = beta*H, and meant ``context``. Otherwise as ``verify_opening``."""
    _verify("zero", _zero(V), proof, context)


def prove_equality(V1: Point, opening1: Opening, V2: Point, opening2: Opening, *, context: bytes) -> bytes:
    """64 bytes that show that ``V1`` and ``V2`` commit to the same value.

    Raises: WitnessError: the openings do not fit, their values differ, or V1 = V2.
    """
    if (opening1.value - opening2.value) % R:
        raise WitnessError("the opening does not fit the statement")
    return _prove("equality", _equality(V1, V2), (opening1.blinding - opening2.blinding,), context)


def verify_equality(V1: Point, V2: Point, proof: bytes, *, context: bytes) -> None:
    """Accept only if the prover knows delta with V1 - V2 = delta*H, and meant ``context``.

    It shows equal values mod r, not that the prover can open either: ask for a proof of opening where that matters.
    Otherwise as ``verify_opening``.
    """
    _verify("equality", _equality(V1, V2), proof, context)


def _opening(V: Point) -> LinearRelation:
    return LinearRelation((G, H, V), (Equation(image=((4, 1),), terms=((0, 2, 1), (1, 3, 1))),))


def _zero(V: Point) -> LinearRelation:
    return LinearRelation((H, V), (Equation(image=((3, 1),), terms=((0, 2, 1),)),))


def _equality(V1: Point, V2: Point) -> LinearRelation:
    # V1 and V2 are elements of their own, never their difference: the proof must not pass for another pair.
    return LinearRelation((H, V1, V2), (Equation(image=((3, 1), (4, R - 1)), terms=((0, 2, 1),)),))


def _tag(name: str, context: bytes) -> bytes:
    """Fixed part first, the context last and in hexadecimal: no two (name, context) share a tag."""
    return f"ZKMARGIN-V01-{name}-".encode() + COMPACT + b"-with-" + SUITE + b"-context-" + context.hex().encode()


def _is_trivial(relation: LinearRelation) -> bool:
    return IDENTITY in (*relation.elements, *relation.image)


def _prove(name: str, relation: LinearRelation, witness: tuple[int, ...], context: bytes) -> bytes:
    if _is_trivial(relation) or relation.map(witness) != relation.image:
        raise WitnessError("the opening does not fit the statement")
    tag = _tag(name, context)
    nonces = NonceSource(b"sigma", tag, relation.encoded, *map(to_bytes, witness))
    return prove_compact(tag, relation, witness, nonces.scalars("nonce", relation.num_scalars))


def _verify(name: str, relation: LinearRelation, proof: bytes, context: bytes) -> None:
    if _is_trivial(relation):
        raise ProofError("the identity has a public opening: nothing is to be proved about it")
    verify_compact(_tag(name, context), relation, proof)
