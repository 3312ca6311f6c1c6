"""Schnorr proofs of a preimage of a linear map: image = M * witness, M a sparse matrix of group elements.

Source: draft-irtf-cfrg-sigma-protocols (docs/sigma.md names the text), ciphersuite sigma-proofs_Shake128_BLS12381;
section numbers below are its own. This is the general machine. Applications use sigma.py, which fixes statements, tags
and nonces.

    commitment = map(nonces)    challenge = H(tag, instance, commitment)    response = nonces + challenge * witness
    accept if map(response) = commitment + challenge * image
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .errors import EncodingError, InputError, ProofError
from .field import SCALAR_BYTES, R, to_bytes
from .group import IDENTITY, POINT_BYTES, Point, decode, encode, msm
from .sigma_sponge import CHALLENGE_BYTES, DuplexSponge, decode_scalar, derive_session_id

SUITE = b"sigma-proofs_Shake128_BLS12381"
BATCHABLE = b"DSFS"
COMPACT = b"CMPT"
BASE_POINT = decode(
    bytes.fromhex("97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb")
)
"""The group's own generator, element 1 of every instance. Not the G of the Pedersen commitments."""

MAX_SIZE = 1024
"""Limit on scalars, elements, equations and terms: the largest scalar index sets the length of a proof."""


@dataclass(frozen=True)
class Equation:
    """sum of coefficient * element over ``image`` = sum of coefficient * scalar * element over ``terms``."""

    image: tuple[tuple[int, int], ...]
    terms: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class LinearRelation:
    """The instance: element 0 is the identity, 1 the base point, i + 2 is ``elements[i]`` (section 3.2).

    Everything that the statement is about must be an element of its own: that is what enters the hash. A sum of points
    as one element would let the proof pass for every other pair with that sum.

    Raises: InputError: an index out of range, an element in no equation, a coefficient outside [0, r), too large.
    """

    elements: tuple[Point, ...]
    equations: tuple[Equation, ...]

    def __post_init__(self) -> None:
        terms = [(s, e, c) for equation in self.equations for s, e, c in equation.terms]
        images = [(e, c) for equation in self.equations for e, c in equation.image]
        sizes = (len(self.elements), len(self.equations), len(terms), len(images))
        if any(size > MAX_SIZE for size in sizes) or not all(0 <= s < MAX_SIZE for s, _, _ in terms):
            raise InputError("the linear relation is above the size limits")
        used = {e for _, e, _ in terms} | {e for e, _ in images}
        if not all(0 <= e < len(self.elements) + 2 for e in used):
            raise InputError("an equation names an element that does not exist")
        if not used.issuperset(range(2, len(self.elements) + 2)):
            raise InputError("an element appears in no equation")
        if not all(0 <= c < R for c in [*(c for _, _, c in terms), *(c for _, c in images)]):
            raise InputError("a coefficient is not a canonical scalar")

    @cached_property
    def num_scalars(self) -> int:
        """Length of a witness: one more than the largest scalar index."""
        return max((s + 1 for equation in self.equations for s, _, _ in equation.terms), default=0)

    @cached_property
    def image(self) -> tuple[Point, ...]:
        """The left-hand side of every equation."""
        return tuple(
            msm([self._element(e) for e, _ in equation.image], [c for _, c in equation.image])
            for equation in self.equations
        )

    def map(self, scalars: Sequence[int]) -> tuple[Point, ...]:
        """The right-hand side of every equation at ``scalars`` (section 3.3). Variable time."""
        return tuple(
            msm([self._element(e) for _, e, _ in equation.terms], [c * scalars[s] for s, _, c in equation.terms])
            for equation in self.equations
        )

    @cached_property
    def encoded(self) -> bytes:
        """SerializeLinearRelation (section 3.6): counts and indices 4 bytes little-endian, scalars 32 big-endian."""
        out = [_le(len(self.equations))]
        for equation in self.equations:
            out.append(_le(len(equation.image)))
            out.extend(_le(e) + to_bytes(c) for e, c in equation.image)
            out.append(_le(len(equation.terms)))
            out.extend(_le(s) + _le(e) + to_bytes(c) for s, e, c in equation.terms)
        return b"".join([*out, *map(encode, self.elements)])

    def _element(self, index: int) -> Point:
        return self.elements[index - 2] if index >= 2 else (IDENTITY, BASE_POINT)[index]


def prove_compact(tag: bytes, relation: LinearRelation, witness: Sequence[int], nonces: Sequence[int]) -> bytes:
    """challenge || response, 32 (1 + num_scalars) bytes (section 5.5). ``nonces``: uniform, secret, used once."""
    commitment = _encode_points(relation.map(_checked(relation, nonces)))
    challenge = derive_challenge(tag, relation, commitment)
    return to_bytes(challenge) + _respond(_checked(relation, witness), nonces, challenge)


def prove_batchable(tag: bytes, relation: LinearRelation, witness: Sequence[int], nonces: Sequence[int]) -> bytes:
    """commitment || response, 48 num_equations + 32 num_scalars bytes (section 5.4). ``nonces`` as above."""
    commitment = _encode_points(relation.map(_checked(relation, nonces)))
    challenge = derive_challenge(tag, relation, commitment)
    return commitment + _respond(_checked(relation, witness), nonces, challenge)


def verify_compact(tag: bytes, relation: LinearRelation, proof: bytes) -> None:
    """Accept only if the prover knows a witness of ``relation`` and meant ``tag`` (section 5.5).

    Raises: EncodingError (length, scalar not below r); ProofError.
    Cost:   one small MSM an equation; no point of the proof to decode.
    """
    challenge, *response = _decode_scalars(proof, relation.num_scalars + 1)
    # SimulateCommitment (section 4.4): the only commitment that fits; it must hash to the challenge that it came from.
    commitment = [
        msm([image, left], [-challenge, 1]) for image, left in zip(relation.image, relation.map(response), strict=True)
    ]
    if derive_challenge(tag, relation, _encode_points(commitment)) != challenge:
        raise ProofError("the sigma proof does not verify")


def verify_batchable(tag: bytes, relation: LinearRelation, proof: bytes) -> None:
    """As ``verify_compact``, for commitment || response (section 5.4).

    Raises: EncodingError (length, point or scalar not canonical); ProofError. The identity is a canonical point here.
    """
    split = POINT_BYTES * len(relation.equations)
    if len(proof) != split + SCALAR_BYTES * relation.num_scalars:
        raise EncodingError("the sigma proof has the wrong length")
    response = _decode_scalars(proof[split:], relation.num_scalars)
    commitment = [decode(proof[i : i + POINT_BYTES], allow_identity=True) for i in range(0, split, POINT_BYTES)]
    challenge = derive_challenge(tag, relation, proof[:split])
    for point, image, left in zip(commitment, relation.image, relation.map(response), strict=True):
        if msm([point, image, left], [1, challenge, -1]) != IDENTITY:
            raise ProofError("the sigma proof does not verify")


def derive_challenge(tag: bytes, relation: LinearRelation, commitment: bytes) -> int:
    """DeriveChallenge (section 5.2): the statement is hashed before the commitment, the tag before both."""
    sponge = DuplexSponge(derive_session_id(tag))
    sponge.absorb(relation.encoded)
    sponge.absorb(commitment)
    return decode_scalar(sponge.squeeze(CHALLENGE_BYTES))


def _checked(relation: LinearRelation, scalars: Sequence[int]) -> Sequence[int]:
    if len(scalars) != relation.num_scalars:
        raise ValueError("as many scalars as the relation has are needed")
    return scalars


def _respond(witness: Sequence[int], nonces: Sequence[int], challenge: int) -> bytes:
    return b"".join(to_bytes(k + challenge * w) for k, w in zip(nonces, witness, strict=True))


def _encode_points(points: Sequence[Point]) -> bytes:
    return b"".join(map(encode, points))


def _decode_scalars(data: bytes, count: int) -> list[int]:
    if len(data) != SCALAR_BYTES * count:
        raise EncodingError("the sigma proof has the wrong length")
    scalars = [int.from_bytes(data[i : i + SCALAR_BYTES], "big") for i in range(0, len(data), SCALAR_BYTES)]
    if any(s >= R for s in scalars):
        raise EncodingError("a scalar of the sigma proof is not below the group order")
    return scalars


def _le(n: int) -> bytes:
    return n.to_bytes(4, "little")
