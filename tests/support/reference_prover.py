"""A slow prover in plain py_ecc, written from docs/protocol.md §4 and §5 alone, folding the bases as §4.2 says.

It shares the encodings of the reference verifier and nothing with the fast prover, so what both verifiers accept from
it they accept because the document says so. The transcript is a parameter: tests hand in wrong ones.
"""

from __future__ import annotations

import random
from itertools import zip_longest

from py_ecc.optimized_bls12_381 import add
from quick_sums import weighted_sum

from zkmargin.field import R
from zkmargin.reference import inner, inverse, public_vectors, shape_of
from zkmargin.reference_encoding import (
    Transcript,
    encode_point,
    generators,
    relation_digest,
    scalar_bytes,
    sha256,
    u32,
)
from zkmargin.relation import Digit


def commit(value: int, blinding: int) -> bytes:
    G, linear_bases, _ = generators(0, 0)
    return encode_point(_sum([(value, G), (blinding, linear_bases[0])]))


def prove(relation, openings, assignment, *, context: bytes, seed: int = 0, transcript: Transcript | None = None):
    """Proof bytes. ``seed`` makes the tape: this prover hides nothing and is for tests."""
    shape, N = shape_of(relation), len(relation.slots)
    tape = random.Random(seed)
    b_A, r_A, b_R, r_R, nu, s_0 = (tape.randrange(R) for _ in range(6))
    G, linear, norm = generators(shape.M, shape.N_padded)
    transcript = transcript or Transcript()
    transcript.absorb("generators", sha256(*map(encode_point, [G, *linear, *norm])))
    transcript.absorb("relation", relation_digest(relation))
    transcript.absorb("context", context)
    transcript.absorb("J", u32(relation.J))
    for opening in openings:
        transcript.absorb("V", commit(opening.value, opening.blinding))
    sent: list[bytes] = []

    def send(label: str, terms) -> None:
        sent.append(encode_point(_sum(terms)))
        transcript.absorb(label, sent[-1])

    # §5.1
    null = [0] * (shape.N_padded - N)
    a = [*assignment.a, *null]
    digits = [(slot.table, a[i]) for i, slot in enumerate(relation.slots) if isinstance(slot, Digit)]
    m = [digits.count((t, symbol)) for t, table in enumerate(relation.tables) for symbol in table]
    send("A", [(b_A, G), (r_A, linear[0]), *zip(m, linear[4:], strict=True), *zip(a, norm, strict=True)])
    alpha = transcript.challenge("alpha")

    # §5.2
    w = [
        inverse(alpha + a[i]) if isinstance(slot, Digit) else assignment.w[i] for i, slot in enumerate(relation.slots)
    ] + null
    send("R", [(b_R, G), (r_R, linear[0]), (nu, linear[2]), *zip(w, norm, strict=True)])
    rho, x, lam, y = (transcript.challenge(label) for label in ("rho", "x", "lambda", "y"))

    # §5.3
    mu = rho * rho % R
    a_r, a_d, aV, _ = public_vectors(relation, shape, alpha=alpha, mu=mu, x=x, lam=lam)
    a_m = [pow(x, t + 1, R) * inverse(alpha + s) for t, table in enumerate(relation.tables) for s in table]

    # §5.4
    def inner_mu(left, right) -> int:
        return sum(pow(mu, i + 1, R) * p * q for i, (p, q) in enumerate(zip(left, right, strict=True))) % R

    n_S = [tape.randrange(R) for _ in range(N)] + null
    s_m = [tape.randrange(R) for _ in range(shape.M)]
    n_1 = [p + q for p, q in zip(a, a_r, strict=True)]
    n_2 = [p + q for p, q in zip(w, a_d, strict=True)]
    l_1 = (b_A - 2 * inner_mu(n_S, n_1)) * inverse(y)
    l_2 = (b_R - inner_mu(n_1, n_1) - 2 * inner_mu(n_S, n_2) - 2 * inner(a_m, s_m)) * inverse(y)
    l_4 = -inner_mu(n_2, n_2) * inverse(y) - nu
    b_S = inner_mu(n_S, n_S)
    send("S", [(b_S, G), *zip([s_0, l_1, l_2, l_4, *s_m], linear, strict=True), *zip(n_S, norm, strict=True)])
    T = transcript.challenge("T")

    # §5.5
    blinding = sum(aV[j] * opening.blinding for j, opening in enumerate(openings))
    l = [s_0 + T * r_A + T**2 * r_R + 2 * T**3 * blinding, l_1, l_2 + T**2 * nu, l_4]
    l += [s_i + T * m_i for s_i, m_i in zip(s_m, m, strict=True)]
    c = [0, y * T, y * T**2, y * T**4, *(2 * T**2 * entry for entry in a_m)]
    n = [pow(rho, i + 1, R) * (p + T * q + T**2 * s) for i, (p, q, s) in enumerate(zip(n_S, n_1, n_2, strict=True))]
    norm = [_sum([(pow(inverse(rho), i + 1, R), base)]) for i, base in enumerate(norm)]

    # §4.2
    for _ in range(shape.K):
        n_0, n_1, l_0, l_1, c_0, c_1 = n[::2], n[1::2], l[::2], l[1::2], c[::2], c[1::2]
        G_0, G_1, H_0, H_1 = norm[::2], norm[1::2], linear[::2], linear[1::2]
        pairs = len(l_1)  # an odd |l| ends with an entry that has no partner
        v_X = 2 * inner(n_0, n_1) + inner(c_0[:pairs], l_1) + inner(c_1, l_0[:pairs])
        v_Y = inner(n_1, n_1) + inner(c_1, l_1)
        crossed = [*zip(l_1, H_0, strict=False), *zip(l_0, H_1, strict=False)]
        send("X", [(v_X, G), *crossed, *zip(n_1, G_0, strict=True), *zip(n_0, G_1, strict=True)])
        send("Y", [(v_Y, G), *zip(l_1, H_1, strict=True), *zip(n_1, G_1, strict=True)])
        e = transcript.challenge("e")
        n, l, c = (_fold(n_0, n_1, e), _fold(l_0, l_1, e), _fold(c_0, c_1, e))
        norm, linear = _fold_bases(G_0, G_1, e), _fold_bases(H_0, H_1, e)
    return b"".join([*sent, *map(scalar_bytes, n), *map(scalar_bytes, l)])


def _sum(terms):
    return weighted_sum([(scalar % R, point) for scalar, point in terms])


def _fold(even, odd, e: int) -> list[int]:
    return [(p + e * q) % R for p, q in zip_longest(even, odd, fillvalue=0)]


def _fold_bases(even, odd, e: int) -> list:
    return [add(P, _sum([(e, Q)])) if Q else P for P, Q in zip_longest(even, odd)]
