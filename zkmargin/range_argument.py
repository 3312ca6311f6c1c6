"""The reciprocal range argument over a relation: prove and verify.

Source: docs/protocol.md, "Range argument" and "Verification"; Bulletproofs++ (ePrint 2022/510) in its
shared-multiplicity form, generalised to public linear rows and product gates. Transparent: no trusted set-up.

    {(V; v, beta, entries): V_j = v_j G + beta_j H, every slot, gadget and row of the relation}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .errors import EncodingError, ProofError, WitnessError
from .field import R, batch_inverse, inner, inverse, powers, to_bytes
from .generators import G, Generators, H, generators
from .group import IDENTITY, Point, encode, msm, msm_small, sum_points
from .nonces import NonceSource
from .norm_linear import challenge, fold_products
from .norm_linear import prove as prove_norm_linear
from .pedersen import Commitments, Opening, commit
from .proof import Proof, decode_proof, split
from .public_vectors import Challenges, PublicVectors
from .relation import Relation
from .transcript import Transcript

MAX_CONTEXT_BYTES = 65536


@dataclass(frozen=True)
class Assignment:
    """Entries that satisfy a relation: ``a`` the A-entry of every slot, ``w`` the R-entry of every gate. Secret."""

    a: Sequence[int] = field(repr=False)
    w: Mapping[int, int] = field(repr=False)


def prove(
    relation: Relation,
    openings: Sequence[Opening],
    assignment: Assignment,
    *,
    context: bytes,
    commitments: Sequence[Point] | None = None,
) -> bytes:
    """Prove that the commitments of ``openings`` satisfy ``relation``, in zero knowledge.

    Source: docs/protocol.md, "Range argument", steps 1-5.
    Args:   openings: J, secret.   assignment: secret.   context: everything the statement means.
            commitments: the J commitments, if the caller holds them (saves J small sums).
    Returns: ``relation.proof_bytes`` bytes.
    Raises: WitnessError: the witness does not satisfy the relation (says nothing of amounts).
    Trust:  variable time; randomness is hedged.   Cost: 8 to 9 sums of the verifier's terms, 9 to 12 at first.
    """
    _check_witness(relation, openings, assignment)
    V = Commitments(map(commit, openings)) if commitments is None else commitments
    bases = generators(relation.M, relation.N_padded)
    transcript = _transcript(relation, bases, Commitments(V).encoded, context)
    secrets = [x for opening in openings for x in (opening.value, opening.blinding)]
    nonces = NonceSource(
        b"range-argument", transcript.state, *map(to_bytes, (*secrets, *assignment.a, *assignment.w.values()))
    )
    b_A, r_A, b_R, r_R, nu, s_0 = (nonces.scalar(name) for name in ("b_A", "r_A", "b_R", "r_R", "nu", "s_0"))

    # Step 1: A commits to the entries and to how often each symbol occurs, before alpha.
    symbols = {(t, s % R): i for i, (t, s) in enumerate((t, s) for t, row in enumerate(relation.tables) for s in row)}
    symbol_of = {i: symbols[t, assignment.a[i] % R] for i, t in relation.digits}
    m = [0] * relation.M
    for position in symbol_of.values():
        m[position] += 1
    null = relation.N_padded - relation.N
    A = msm([G, H], [b_A, r_A]) + msm_small([*bases.linear[4:], *bases.norm[: relation.N]], [*m, *assignment.a])
    transcript.absorb("A", encode(A))
    alpha = transcript.challenge("alpha")

    # Step 2: R commits to the reciprocals 1/(alpha + d_i), equal ones summed first, and to the R-entries of the gates.
    all_symbols = [s for table in relation.tables for s in table]
    used = [i for i, count in enumerate(m) if count]
    reciprocals = dict(zip(used, batch_inverse([alpha + all_symbols[i] for i in used]), strict=True))
    buckets: list[list[Point]] = [[] for _ in all_symbols]
    for i, position in symbol_of.items():
        buckets[position].append(bases.norm[i])
    R_point = msm(
        [G, H, bases.linear[2], *(sum_points(buckets[i]) for i in used)],
        [b_R, r_R, nu, *(reciprocals[i] for i in used)],
    ) + msm_small([bases.norm[i] for i, _ in relation.gates], [assignment.w[i] for i, _ in relation.gates])
    transcript.absorb("R", encode(R_point))
    challenges = _challenges(transcript, alpha)
    R_entries = [reciprocals[symbol_of[i]] if i in symbol_of else assignment.w[i] for i in range(relation.N)]

    # Step 3.
    public = PublicVectors(relation, challenges)
    y_inv = inverse(challenges.y)
    n1 = [(a + b) % R for a, b in zip(assignment.a, public.a_r, strict=True)]
    n2 = [(a + b) % R for a, b in zip(R_entries, public.a_d, strict=True)]

    # Step 4: S blinds; the error slots absorb every power of T but T^3. Weighted by rho^(i+1), <a, b>_mu is <a~, b~>.
    n_S = nonces.scalars("n_S", relation.N)
    s_m = nonces.scalars("s_m", relation.M)
    weighted_S, weighted_1, weighted_2 = (
        [x * weight % R for x, weight in zip(entries, public.rho, strict=True)] for entries in (n_S, n1, n2)
    )
    b_S = inner(weighted_S, weighted_S)
    l_1 = (b_A - 2 * inner(weighted_S, weighted_1)) * y_inv % R
    l_2 = (
        (b_R - inner(weighted_1, weighted_1) - 2 * inner(weighted_S, weighted_2) - 2 * inner(public.a_m, s_m))
        * y_inv
        % R
    )
    l_4 = (-inner(weighted_2, weighted_2) * y_inv - nu) % R
    S = msm([G, *bases.linear, *bases.norm[: relation.N]], [b_S, s_0, l_1, l_2, l_4, *s_m, *n_S])
    transcript.absorb("S", encode(S))
    T = transcript.challenge("T")

    # Step 5.
    T2, T3 = T * T % R, T * T * T % R
    blinding = 2 * T3 * inner(public.aV, [opening.blinding for opening in openings])
    l = [
        (s_0 + T * r_A + T2 * r_R + blinding) % R,
        l_1,
        (l_2 + T2 * nu) % R,
        l_4,
        *((s + T * count) % R for s, count in zip(s_m, m, strict=True)),
    ]
    n = [(s + T * one + T2 * two) % R for s, one, two in zip(weighted_S, weighted_1, weighted_2, strict=True)]
    folded = prove_norm_linear(
        transcript, bases, public.rho_inv, linear_weights(public.a_m, challenges.y, T), l, n + [0] * null, relation.K
    )
    return Proof(A, R_point, S, folded.rounds, folded.n, folded.l).to_bytes()


def verify(relation: Relation, V: Sequence[Point], proof: bytes, *, context: bytes) -> None:
    """Accept only if the prover knows openings of ``V`` that satisfy ``relation``.

    Relation: {(V; v, beta, entries): V_j = v_j G + beta_j H, every slot, gadget and row of ``relation``}
    Source:   docs/protocol.md, "Verification", steps 1-8.
    Args:     V: J subgroup-checked points; the identity is allowed.   proof: ``relation.proof_bytes`` bytes.
    Raises:   EncodingError (length, non-canonical); ProofError (any check fails).
    Trust:    V and proof untrusted; nothing secret.   Cost: one sum of 4 + J + 2K + L + N' terms, 3 + 2K decodings.
    """
    claim = equation(relation, V, proof, context=context)
    bases = generators(relation.M, relation.N_padded)
    total = msm(
        [*claim.points, G, *bases.linear, *bases.norm], [*claim.weights, claim.value, *claim.linear, *claim.norm]
    )
    if total != IDENTITY:
        raise ProofError("the proof does not verify")


@dataclass(frozen=True, slots=True)
class Equation:
    """sum weights_i points_i + value G + <linear, H..> + <norm, G..> = 0; coefficients need not be reduced."""

    points: list[Point]
    weights: list[int]
    value: int
    linear: list[int]
    norm: list[int]


def equation(relation: Relation, V: Sequence[Point], proof: bytes, *, context: bytes) -> Equation:
    """The one equation that ``proof`` must satisfy (steps 1-7 of docs/protocol.md, "Verification").

    Raises: EncodingError, ProofError.
    """
    # Steps 1-3: lengths, then encodings, then the transcript.
    if len(V) != relation.J:
        raise ProofError(f"the statement has {relation.J} commitments")
    encoded = split(relation, proof)
    decoded = decode_proof(relation, proof)
    bases = generators(relation.M, relation.N_padded)
    transcript = _transcript(relation, bases, Commitments(V).encoded, context)
    transcript.absorb("A", encoded[0])
    alpha = transcript.challenge("alpha")
    transcript.absorb("R", encoded[1])
    challenges = _challenges(transcript, alpha)
    transcript.absorb("S", encoded[2])
    T = transcript.challenge("T")
    es = [challenge(transcript, X, Y) for X, Y in zip(encoded[3::2], encoded[4::2], strict=True)]

    # Step 4: public vectors.
    public = PublicVectors(relation, challenges)

    # Step 5: what the folding did to the bases:
    # G_i has n'_[i>>K] s_[i mod 2^K] rho^-(i+1), H_i has l'_[i>>K] s_[i mod 2^K].
    K, low = relation.K, (1 << relation.K) - 1
    s = fold_products(es)
    h = [decoded.l[i >> K] * s[i & low] % R for i in range(relation.L)]
    c = linear_weights(public.a_m, challenges.y, T)
    v = inner(c, h) + inner(decoded.n, decoded.n)
    rho_inv = powers(public.rho_inv, 1 << K)  # rho^-(i+1) is rho^-(j+1), j = i mod 2^K, times a power of the last
    s_rho = [s_j * power % R for s_j, power in zip(s, rho_inv, strict=True)]
    n_rho = [n_p * power % R for n_p, power in zip(decoded.n, [1, *powers(rho_inv[-1], len(decoded.n))], strict=False)]

    # Step 6: coefficients T a_r,i + T^2 a_d,i - (folded weight); a_d,i = mu^-(i+1) ad_i, and
    # a_r,i = alpha - x^(t+1) mu^-(i+1) for a digit, mu^-(i+1) ar_i for a gate.
    T2, T3 = T * T % R, T * T * T % R
    norm = [-n_p * s_j for n_p in n_rho for s_j in s_rho]
    ad, ar, mu_inv = public.ad, public.ar, public.mu_inv
    T_alpha = T * alpha
    for x, slots in zip(public.x, relation.digits_of, strict=True):
        T_x = T * x % R
        for i in slots:
            norm[i] += T_alpha + mu_inv[i] * (T2 * ad[i] - T_x)
    for i, _ in relation.gates:
        norm[i] += mu_inv[i] * (T2 * ad[i] + T * ar[i])
    rounds = [point for pair in decoded.rounds for point in pair]
    return Equation(
        points=[decoded.A, decoded.R, decoded.S, *V, *rounds],
        weights=[
            T,
            T2,
            1,
            *(2 * T3 * weight for weight in public.aV),
            *(weight for e in es for weight in (e, e * e - 1)),
        ],
        value=2 * T3 * public.kappa - v,
        linear=[-h_i for h_i in h],
        norm=norm,
    )


def linear_weights(a_m: Sequence[int], y: int, T: int) -> list[int]:
    """c(T) = (0, yT, yT^2, yT^4, 2T^2 a_m), in the order H, H_1, H_2, H_4, Hm."""
    T2 = T * T % R
    return [0, y * T % R, y * T2 % R, y * T2 * T2 % R, *(2 * T2 * weight % R for weight in a_m)]


def _transcript(relation: Relation, bases: Generators, V: Sequence[bytes], context: bytes) -> Transcript:
    """Everything public, before the first challenge."""
    if len(context) > MAX_CONTEXT_BYTES:
        raise EncodingError(f"the context is above {MAX_CONTEXT_BYTES} bytes")
    transcript = Transcript()
    transcript.absorb("generators", bases.digest)
    transcript.absorb("relation", relation.digest)
    transcript.absorb("context", context)
    transcript.absorb("J", len(V).to_bytes(4, "big"))
    for point in V:
        transcript.absorb("V", point)
    return transcript


def _challenges(transcript: Transcript, alpha: int) -> Challenges:
    """rho, x, lambda, y, in this order, after R."""
    return Challenges(alpha, *(transcript.challenge(label) for label in ("rho", "x", "lambda", "y")))


def _check_witness(relation: Relation, openings: Sequence[Opening], assignment: Assignment) -> None:
    a, w = assignment.a, assignment.w
    if len(openings) != relation.J or len(a) != relation.N or set(w) != {i for i, _ in relation.gates}:
        raise WitnessError("the witness does not have the shape of the statement")
    tables = [{symbol % R for symbol in table} for table in relation.tables]
    satisfied = all(a[i] % R in tables[t] for i, t in relation.digits)
    satisfied &= all(
        (a[i] * w[i] - gate.constant - sum(c * a[j] for j, c in gate.form)) % R == 0 for i, gate in relation.gates
    )
    satisfied &= all(
        (
            sum(c * a[i] for i, c in row.W)
            + sum(c * w[i] for i, c in row.U)
            - sum(c * openings[j].value for j, c in row.P)
            - row.b
        )
        % R
        == 0
        for row in relation.rows
    )
    if not satisfied:
        raise WitnessError("the witness does not satisfy the statement")
