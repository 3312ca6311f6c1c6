"""The verifier of docs/protocol.md with one defence taken away, by a switch each.

Written apart from zkmargin, in the plain formulas of the document. With no switch it agrees with the real verifier (a
test says so); with one, the forgeries in this directory pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zkmargin.errors import ProofError
from zkmargin.field import R, batch_inverse, inner, inverse, to_bytes
from zkmargin.generators import G, generators
from zkmargin.group import IDENTITY, Point, decode, encode, msm
from zkmargin.relation import Digit, Gate, Relation
from zkmargin.transcript import Transcript


@dataclass(frozen=True)
class Switches:
    """One mistake each. ``real()`` has none."""

    alpha_before_A: bool = False
    challenges_before_R: bool = False
    T_before_S: bool = False
    lambda_from_0_without_y: bool = False
    one_x_for_all_tables: bool = False
    X_Y_not_absorbed: bool = False
    V_not_hashed: bool = False
    relation_not_hashed: bool = False
    context_not_hashed: bool = False
    row_weight_with_rho: bool = False
    """Row k has the weight lambda rho^k: the coefficients of V then depend on rho."""
    ghost_padding: bool = False
    """The norm vector is not padded with null slots; odd lengths get a zero that has no base."""
    short_norm_bases: bool = False
    """Null slots exist, but the sum silently drops what has no generator in a list of N."""
    extra_V_ignored: bool = False
    pole_as_zero: bool = False
    """The batch inversion returns zeros when one element is 0, as Fermat-style inversions do."""
    no_subgroup_check: bool = False


REAL = Switches()


def padded(relation: Relation, switches: Switches) -> int:
    return relation.N if switches.ghost_padding else relation.N_padded


@dataclass(frozen=True)
class Challenges:
    alpha: int
    rho: int
    x: int
    lambda_: int
    y: int


class Public:
    """Public vectors, N' entries each."""

    def __init__(self, relation: Relation, ch: Challenges, switches: Switches) -> None:
        size = padded(relation, switches)
        mu, mu_inv = ch.rho * ch.rho % R, inverse(ch.rho * ch.rho)
        self.mu = [pow(mu, i + 1, R) for i in range(size)]
        self.rho = [pow(ch.rho, i + 1, R) for i in range(size)]
        first = 0 if switches.lambda_from_0_without_y else 1
        weights = [pow(ch.lambda_, k + first, R) for k in range(len(relation.rows))]
        if switches.row_weight_with_rho:
            weights = [ch.lambda_ * pow(ch.rho, k, R) % R for k in range(len(relation.rows))]
        xs = [pow(ch.x, 1 if switches.one_x_for_all_tables else t + 1, R) for t in range(len(relation.tables))]
        self.y = 1 if switches.lambda_from_0_without_y else ch.y

        self.a_d, self.a_r = [0] * size, [0] * size
        self.aV = [0] * relation.J
        self.kappa = 0
        for weight, row in zip(weights, relation.rows, strict=True):
            for i, c in row.W:
                self.a_d[i] += weight * c
            for i, c in row.U:
                self.a_r[i] += weight * c
            for j, c in row.P:
                self.aV[j] += weight * c
            self.kappa += weight * row.b
        for h, slot in enumerate(relation.slots):
            if isinstance(slot, Gate):
                for i, c in slot.form:
                    self.a_d[i] -= self.mu[h] * c
                self.kappa += self.mu[h] * slot.constant
            else:
                self.kappa += self.mu[h]
        for i, slot in enumerate(relation.slots):
            unweight = pow(mu_inv, i + 1, R)
            self.a_d[i] = self.a_d[i] * unweight % R
            self.a_r[i] = self.a_r[i] * unweight % R
            if isinstance(slot, Digit):
                self.a_r[i] = (ch.alpha - xs[slot.table] * unweight) % R
        self.kappa += weighted(self.mu, self.a_r, self.a_d)
        poles = [(ch.alpha + s) % R for table in relation.tables for s in table]
        if 0 in poles and not switches.pole_as_zero:
            raise ProofError("alpha on a pole")
        inverses = [0] * len(poles) if 0 in poles else batch_inverse(poles)
        tables = [t for t, table in enumerate(relation.tables) for _ in table]
        self.a_m = [xs[t] * value % R for t, value in zip(tables, inverses, strict=True)]


def weighted(mu: Sequence[int], a: Sequence[int], b: Sequence[int]) -> int:
    return sum(m * p * q for m, p, q in zip(mu, a, b, strict=False)) % R


def c_of_T(public: Public, T: int) -> list[int]:
    y = public.y
    return [0, y * T % R, y * pow(T, 2, R) % R, y * pow(T, 4, R) % R, *(2 * T * T * w % R for w in public.a_m)]


def start(relation: Relation, V: Sequence[Point], context: bytes, switches: Switches) -> Transcript:
    bases = generators(relation.M, relation.N_padded)
    transcript = Transcript()
    transcript.absorb("generators", bases.digest)
    if not switches.relation_not_hashed:
        transcript.absorb("relation", relation.digest)
    if not switches.context_not_hashed:
        transcript.absorb("context", context)
    transcript.absorb("J", len(V).to_bytes(4, "big"))
    if not switches.V_not_hashed:
        for point in V:
            transcript.absorb("V", encode(point))
    return transcript


def draw(transcript: Transcript, alpha: int) -> Challenges:
    return Challenges(alpha, *(transcript.challenge(label) for label in ("rho", "x", "lambda", "y")))


def verify(
    relation: Relation,
    V: Sequence[Point],
    proof: bytes,
    *,
    context: bytes,
    switches: Switches = REAL,
    forced_alpha: int | None = None,
) -> None:
    """Raises ProofError. ``forced_alpha`` stands for a lucky hash."""
    if len(V) != relation.J and not switches.extra_V_ignored:
        raise ProofError("wrong number of commitments")
    K, N_padded, L = relation.K, padded(relation, switches), relation.L
    read = Point.from_compressed_bytes_unchecked if switches.no_subgroup_check else decode
    points = [read(proof[48 * i : 48 * i + 48]) for i in range(3 + 2 * K)]
    rest = proof[48 * len(points) :]
    scalars = [int.from_bytes(rest[i : i + 32], "big") for i in range(0, len(rest), 32)]
    n_len, l_len = -(-N_padded >> K), -(-L >> K)
    if len(scalars) != n_len + l_len:
        raise ProofError("wrong length")
    n, l = scalars[:n_len], scalars[n_len:]
    A, R_point, S, *XY = points

    transcript = start(relation, V, context, switches)
    alpha = transcript.challenge("alpha") if switches.alpha_before_A else 0
    transcript.absorb("A", encode(A))
    if not switches.alpha_before_A:
        alpha = transcript.challenge("alpha")
    if forced_alpha is not None:
        alpha = forced_alpha
    ch = draw(transcript, alpha) if switches.challenges_before_R else None
    transcript.absorb("R", encode(R_point))
    ch = ch or draw(transcript, alpha)
    T = transcript.challenge("T") if switches.T_before_S else 0
    transcript.absorb("S", encode(S))
    T = T or transcript.challenge("T")
    es = []
    for k in range(K):
        if not switches.X_Y_not_absorbed:
            transcript.absorb("X", encode(XY[2 * k]))
            transcript.absorb("Y", encode(XY[2 * k + 1]))
        es.append(transcript.challenge("e"))

    public = Public(relation, ch, switches)
    c = c_of_T(public, T)
    s = [1] * (1 << K)
    for i in range(1 << K):
        for k in range(K):
            s[i] = s[i] * (es[k] if i >> k & 1 else 1) % R
    mask = (1 << K) - 1
    h = [l[i >> K] * s[i & mask] % R for i in range(L)]
    value = (2 * pow(T, 3, R) * public.kappa - inner(c, h) - inner(n, n)) % R
    norm = [
        T * public.a_r[i] + T * T * public.a_d[i] - n[i >> K] * s[i & mask] * inverse(public.rho[i])
        for i in range(N_padded)
    ]
    bases = generators(relation.M, relation.N_padded)
    norm_bases = bases.norm[:N_padded]
    if switches.short_norm_bases:
        norm_bases, norm = bases.norm[: relation.N], norm[: relation.N]
    total = msm(
        [A, R_point, S, *V[: relation.J], *XY, G, *bases.linear, *norm_bases],
        [
            T,
            T * T,
            1,
            *(2 * pow(T, 3, R) * w for w in public.aV),
            *(w for e in es for w in (e, e * e - 1)),
            value,
            *(-x for x in h),
            *norm,
        ],
    )
    if total != IDENTITY:
        raise ProofError("the proof does not verify")


def to_proof(points: Sequence[Point], scalars: Sequence[int]) -> bytes:
    return b"".join(map(encode, points)) + b"".join(map(to_bytes, scalars))
