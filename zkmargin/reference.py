"""A second verifier, in plain py_ecc, written to be read beside docs/protocol.md.

It exists to disagree: it shares no code with the fast verifier (no group, generators, transcript, commitments or
arguments), takes each formula from the document as it stands there, and is some hundred times slower. Comments name
the sections (§) and the verifier steps of docs/protocol.md. Of a relation it reads only the public attributes
``tables``, ``slots``, ``rows``, ``gadgets``, ``J`` and ``attested``; lengths and the digest it works out itself. What
it takes over is that a ``Relation`` that exists was accepted when it was made: limits, gadgets and closure (§2, §9).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from py_ecc.optimized_bls12_381 import is_inf

from .errors import EncodingError, ProofError
from .field import R
from .reference_encoding import (
    Transcript,
    decode_point,
    decode_scalar,
    encode_point,
    generators,
    relation_digest,
    sha256,
    u32,
    weighted_sum,
)
from .relation import Digit, Gate, Relation

CONTEXT_LIMIT_BYTES = 65536


def verify(relation: Relation, V: Sequence[bytes], proof: bytes, *, context: bytes) -> None:
    """Accept only if the prover knows openings of ``V`` that satisfy ``relation``.

    Relation: {(V; v, beta, entries): V_j = v_j*G + beta_j*H, every slot, gadget and row of ``relation``}
    Source:   docs/protocol.md §7, steps 1-8, in that order.
    Args:     V: J compressed points, the identity allowed.   proof: 48*(3+2K) + 32*(|n'|+|l'|) bytes.
    Raises:   EncodingError (steps 1 and 2), ProofError (steps 1, 3 and 8).
    Trust:    V, proof and context untrusted; nothing secret.   Cost: seconds; requests are served by the fast verifier.
    """
    shape = shape_of(relation)

    # Step 1: sizes, before anything is decoded.
    if len(V) != relation.J:
        raise ProofError("The number of commitments is not the one that the relation has.")
    if len(context) > CONTEXT_LIMIT_BYTES:
        raise EncodingError("The context is longer than the protocol allows.")
    if len(proof) != shape.proof_bytes:
        raise EncodingError("The proof does not have the length that the relation fixes.")

    # Step 2: encodings.
    V_points = [decode_point(encoded, allow_identity=True) for encoded in V]
    point_count = 3 + 2 * shape.K
    encoded_points = [proof[48 * i : 48 * (i + 1)] for i in range(point_count)]
    encoded_scalars = [proof[i : i + 32] for i in range(48 * point_count, len(proof), 32)]
    A, R_point, S, *XY = [decode_point(encoded, allow_identity=False) for encoded in encoded_points]
    X, Y = XY[0::2], XY[1::2]
    scalars = [decode_scalar(encoded) for encoded in encoded_scalars]
    n_final, l_final = scalars[: shape.n_final], scalars[shape.n_final :]

    # Step 3: transcript.
    G, linear_bases, norm_bases = generators(shape.M, shape.N_padded)
    transcript = Transcript()
    transcript.absorb("generators", sha256(*map(encode_point, [G, *linear_bases, *norm_bases])))
    transcript.absorb("relation", relation_digest(relation))
    transcript.absorb("context", context)
    transcript.absorb("J", u32(relation.J))
    for encoded in V:
        transcript.absorb("V", encoded)
    transcript.absorb("A", encoded_points[0])
    alpha = transcript.challenge("alpha")
    transcript.absorb("R", encoded_points[1])
    rho, x, lam, y = [transcript.challenge(label) for label in ("rho", "x", "lambda", "y")]
    transcript.absorb("S", encoded_points[2])
    T = transcript.challenge("T")
    e = []
    for k in range(shape.K):
        transcript.absorb("X", encoded_points[3 + 2 * k])
        transcript.absorb("Y", encoded_points[4 + 2 * k])
        e.append(transcript.challenge("e"))

    if any((alpha + symbol) % R == 0 for table in relation.tables for symbol in table):
        raise ProofError("The challenge alpha falls on a pole of a table.")

    # Step 4: public vectors, and the linear form c(T) in the order H, H_1, H_2, H_4, Hm.
    a_r, a_d, aV, kappa = public_vectors(relation, shape, alpha=alpha, mu=rho * rho % R, x=x, lam=lam)
    tables = enumerate(relation.tables)
    a_m = [pow(x, t + 1, R) * inverse(alpha + symbol) % R for t, table in tables for symbol in table]
    c = [0, y * T, y * T**2, y * T**4, *(2 * T**2 * entry for entry in a_m)]

    # Step 5: folding. s_i is the product of e_k over the set bits k < K of i.
    s = [product(e[k] for k in range(shape.K) if i >> k & 1) for i in range(2**shape.K)]
    c_final = [0] * shape.l_final
    for i in range(shape.L):
        c_final[i >> shape.K] += s[i % 2**shape.K] * c[i]
    v_final = inner(c_final, l_final) + inner(n_final, n_final)

    # Step 6: coefficients of the shared bases.
    terms = [(2 * T**3 * kappa - v_final, G)]
    for i in range(shape.L):
        terms += [(-l_final[i >> shape.K] * s[i % 2**shape.K], linear_bases[i])]
    for i in range(shape.N_padded):
        folded = n_final[i >> shape.K] * s[i % 2**shape.K] * inverse(pow(rho, i + 1, R))
        terms += [(T * a_r[i] + T**2 * a_d[i] - folded, norm_bases[i])]

    # Step 7: coefficients of the proof's own points.
    terms += [(T, A), (T**2, R_point), (1, S)]
    terms += [(2 * T**3 * aV[j], V_points[j]) for j in range(relation.J)]
    terms += [(e[k], X[k]) for k in range(shape.K)]
    terms += [(e[k] ** 2 - 1, Y[k]) for k in range(shape.K)]

    # Step 8: the sum of all 4 + J + 2K + L + N' terms must be the identity.
    if not is_inf(weighted_sum([(scalar % R, point) for scalar, point in terms])):
        raise ProofError("The proof does not satisfy the verification equation.")


class Shape(NamedTuple):
    """§4.1: all lengths follow from the relation alone."""

    M: int  # symbols of all tables
    L: int  # linear entries
    K: int  # rounds
    N_padded: int  # N' norm entries
    n_final: int  # |n'|
    l_final: int  # |l'|
    proof_bytes: int


def shape_of(relation: Relation) -> Shape:
    M = sum(len(table) for table in relation.tables)
    L = 4 + M
    K, n, l = 0, len(relation.slots), L
    while n + l - half(n) - half(l) >= 4:
        K, n, l = K + 1, half(n), half(l)
    # n = ceil(N / 2^K) and l = ceil(L / 2^K): padding to N' = n * 2^K leaves the final length as it is.
    return Shape(M, L, K, n * 2**K, n, l, 48 * (3 + 2 * K) + 32 * (n + l))


def public_vectors(
    relation: Relation, shape: Shape, *, alpha: int, mu: int, x: int, lam: int
) -> tuple[list[int], list[int], list[int], int]:
    """§5.3: a_r and a_d (N' entries each, zero on null slots), aV (J entries) and kappa.

    Slots, rows and tables are counted from 0, exponents from 1.
    """
    ad, ar = [0] * shape.N_padded, [0] * shape.N_padded
    aV = [0] * relation.J
    kappa = 0
    for k, row in enumerate(relation.rows):
        lam_k = pow(lam, k + 1, R)
        for i, coefficient in row.W:
            ad[i] += lam_k * coefficient
        for i, coefficient in row.U:
            ar[i] += lam_k * coefficient
        for j, coefficient in row.P:
            aV[j] += lam_k * coefficient
        kappa += lam_k * row.b
    for h, slot in enumerate(relation.slots):
        mu_h = pow(mu, h + 1, R)
        if isinstance(slot, Gate):
            for i, coefficient in slot.form:
                ad[i] -= mu_h * coefficient
            kappa += mu_h * slot.constant
        else:
            kappa += mu_h

    inverse_mu = inverse(mu)
    a_r, a_d = [0] * shape.N_padded, [0] * shape.N_padded
    for i, slot in enumerate(relation.slots):
        unweight = pow(inverse_mu, i + 1, R)
        a_d[i] = ad[i] * unweight % R
        if isinstance(slot, Digit):
            a_r[i] = (alpha - pow(x, slot.table + 1, R) * unweight) % R
        else:
            a_r[i] = ar[i] * unweight % R
        kappa += a_r[i] * a_d[i] * pow(mu, i + 1, R)
    return a_r, a_d, aV, kappa


# Arithmetic that any textbook has.


def half(count: int) -> int:
    return (count + 1) // 2


def inverse(value: int) -> int:
    return pow(value, -1, R)


def inner(left: Sequence[int], right: Sequence[int]) -> int:
    return sum(a * b for a, b in zip(left, right, strict=True)) % R


def product(factors: Iterable[int]) -> int:
    result = 1
    for factor in factors:
        result = result * factor % R
    return result
