"""A generic malicious prover.

It may place any component (any base) in V, A, R, S, X and Y, take any entries and multiplicities, and otherwise runs
the honest equations. It knows all representations, works out E(T), and uses every freedom that a prover has: the error
slots, that is the G-, H_1-, H_2- and H_4-part of S, for T^0, T^1, T^2, T^4. What is left of E(T) at T^3, T^5, T^6, T^7
is what the verifier must catch. An ``Attack`` overrides the steps in which it does more than that.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from zkmargin.field import R, inner, inverse
from zkmargin.generators import G, generators
from zkmargin.group import Point, encode, msm
from zkmargin.relation import Gate, Relation
from zkmargin.transcript import Transcript

from .algebra import H1, H2, H4, HM, Comb, add, total
from .weak import REAL, Challenges, Public, Switches, c_of_T, draw, padded, start, to_proof, weighted


class NotThisTime(Exception):
    """This attempt cannot succeed (a non-square, a zero); another tape may."""


@dataclass
class Attack:
    """What is proved, with what entries, and every step that an attacker may bend.

    V:  representations of the commitments.   a: A-entries of all N' slots (short lists: zeros).
    w:  R-entries of gates and null slots.    m: multiplicities, by default those of the digits that are symbols.
    """

    relation: Relation
    V: Sequence[Comb]
    a: Sequence[int]
    w: dict[int, int] = field(default_factory=dict)
    m: Sequence[int] | None = None
    in_A: Comb = field(default_factory=Comb)
    in_R: Comb = field(default_factory=Comb)
    in_S: Comb = field(default_factory=Comb)
    in_XY: Sequence[Comb] = ()
    torsion: Point | None = None
    """Added to A as it is sent: a point outside the group."""
    seed: int = 0

    def multiplicities(self, _alpha: int | None) -> list[int]:
        """alpha is known only where the verifier gave it away."""
        if self.m is not None:
            return list(self.m)
        counts = []
        for t, table in enumerate(self.relation.tables):
            digits = [self.a[i] % R for i, table_of in self.relation.digits if table_of == t]
            counts += [digits.count(s % R) for s in table]
        return counts

    def reciprocals(self, alpha: int, _challenges: Challenges | None) -> dict[int, int]:
        """R-entries of the digits; the later challenges are known only where the verifier gave them away."""
        return {i: inverse(alpha + self.a[i]) for i, _ in self.relation.digits}

    def blinding_n(self, n_S: list[int], _expansion: Expansion) -> list[int]:
        """n_S may be chosen late, once E is known up to S."""
        return n_S

    def final_S(self, S: Comb, _E: Sequence[int], _T: int) -> Comb:
        """Change S once T is known: only where the verifier gave T away."""
        return S

    def knows_e(self) -> bool:
        """Whether the error is put into X once e is known: only where the verifier gave e away."""
        return False

    def ghosts(self, _C: Opened) -> list[int]:
        """Entries of the (weighted) norm vector that no base holds: those of slots N, N+1, .."""
        return []


@dataclass
class Expansion:
    """Everything that E(T) is made of, as coefficient lists in T."""

    public: Public
    A: Comb
    R: Comb
    V: Comb
    """sum_j aV_j V_j"""

    def coefficients(self, S: Comb) -> list[int]:
        """E_0 .. E_7 of E(T) = (G-part of C) - <c, l> - |n|^2_mu."""
        by_power = [S, self.A, self.R, self.V * 2]  # T^0 .. T^3
        E = [0] * 8
        for power, comb in enumerate(by_power):
            E[power] += comb.g
            for index, c_power in ((H1, 1), (H2, 2), (H4, 4)):
                E[power + c_power] -= self.public.y * _at(comb.l, index)
            E[power + 2] -= 2 * inner(self.public.a_m, list(comb.l[HM:]))
        E[3] += 2 * self.public.kappa
        n = [S.n, add(self.A.n, self.public.a_r), add(self.R.n, self.public.a_d), [2 * x for x in self.V.n]]
        for p, left in enumerate(n):
            for q, right in enumerate(n):
                E[p + q] -= weighted(self.public.mu, left, right)
        return [e % R for e in E]

    def solve_slots(self, S: Comb) -> Comb:
        """S with the G-, H_1-, H_2- and H_4-parts that make E_0, E_1, E_2 and E_4 zero."""
        y_inv = inverse(self.public.y)
        E = self.coefficients(S)
        l = list(S.l)
        for index, power in ((H1, 1), (H2, 2), (H4, 4)):
            l[index] += E[power] * y_inv
        return Comb((S.g - E[0]) % R, [x % R for x in l], S.n)


@dataclass
class Opened:
    """C(T) as the prover can open it: value, l, weighted norm vector, weights c, and how far the value is off."""

    value: int
    l: list[int]
    n: list[int]
    c: list[int]

    @property
    def error(self) -> int:
        return (self.value - inner(self.c, self.l) - inner(self.n, self.n)) % R


@dataclass
class Forgery:
    """What is submitted, and the challenges that it met."""

    V: list[Point]
    proof: bytes
    public: Public
    challenges: Challenges
    T: int


def forge(attack: Attack, *, context: bytes, switches: Switches = REAL, forced_alpha: int | None = None) -> Forgery:
    """Nothing is checked: what comes out may be accepted or not.

    Raises: NotThisTime.
    """
    relation, tape = attack.relation, random.Random(attack.seed)
    M, N, size = relation.M, relation.N, padded(relation, switches)
    V = [comb.point(M, relation.N_padded) for comb in attack.V]
    transcript = start(relation, V, context, switches)

    def one() -> int:
        return tape.randrange(R)

    def send(label: str, comb: Comb) -> Point:
        point = comb.point(M, relation.N_padded)
        if label == "A" and attack.torsion is not None:
            point += attack.torsion
        transcript.absorb(label, encode(point))
        return point

    alpha = transcript.challenge("alpha") if switches.alpha_before_A else None
    m = attack.multiplicities(alpha)
    A = Comb(one(), [one(), 0, 0, 0, *m], list(attack.a)) + attack.in_A
    A_point = send("A", A)
    alpha = alpha or transcript.challenge("alpha")
    if forced_alpha is not None:
        alpha = forced_alpha

    ch = draw(transcript, alpha) if switches.challenges_before_R else None
    R_entries = [0] * size
    for i, value in {**attack.reciprocals(alpha, ch), **attack.w}.items():
        R_entries[i] = value
    R_comb = Comb(one(), [one(), 0, one()], R_entries) + attack.in_R
    R_point = send("R", R_comb)
    ch = ch or draw(transcript, alpha)

    public = Public(relation, ch, switches)
    VV = total(comb * w for comb, w in zip(attack.V, public.aV, strict=False))
    expansion = Expansion(public, A, R_comb, VV)
    T = transcript.challenge("T") if switches.T_before_S else 0
    n_S = attack.blinding_n([*(one() for _ in range(N)), *[0] * (size - N)], expansion)
    S = expansion.solve_slots(Comb(0, [one(), 0, 0, 0, *(one() for _ in range(M))], n_S) + attack.in_S)
    if T:
        S = attack.final_S(S, expansion.coefficients(S), T)
    S_point = send("S", S)
    T = T or transcript.challenge("T")

    # C(T), opened over the bases; the public shifts T a_r + T^2 a_d and 2 T^3 kappa are the verifier's.
    C = total([S, A * T, R_comb * (T * T), VV * (2 * T**3), Comb(2 * T**3 * public.kappa)])
    n = add(add(C.n, [T * x for x in public.a_r]), [T * T * x for x in public.a_d])
    n = [x * weight % R for x, weight in zip(n, public.rho, strict=True)]
    opened = Opened(C.g, add(C.l, [0] * relation.L), n, c_of_T(public, T))
    ghosts = attack.ghosts(opened)
    points, scalars = fold(transcript, attack, public, opened, ghosts, switches)
    return Forgery(V, to_proof([A_point, R_point, S_point, *points], scalars), public, ch, T)


def fold(
    transcript: Transcript, attack: Attack, public: Public, C: Opened, ghosts: Sequence[int], switches: Switches
) -> tuple[list[Point], list[int]]:
    """The norm-linear prover of docs/protocol.md, section 4.2, over the original bases, for any vectors.

    ``ghosts``: entries beyond the bases. Without any, odd lengths are completed by a 0 that has no base.
    """
    relation, in_XY = attack.relation, attack.in_XY
    bases = generators(relation.M, relation.N_padded)
    real = len(public.rho)  # so many entries of n have a base
    held = relation.N if switches.short_norm_bases else real
    n, l, c = [*C.n, *ghosts], C.l, C.c
    if switches.short_norm_bases:
        n = [*C.n[: relation.N], *ghosts, *[0] * (real - relation.N - len(ghosts))]
    s = [1]
    points: list[Point] = []
    error = C.error if attack.knows_e() else 0
    for k in range(relation.K):
        n, l, c = (v + [0] * (len(v) % 2) for v in (n, l, c))
        n_0, n_1, l_0, l_1, c_0, c_1 = n[::2], n[1::2], l[::2], l[1::2], c[::2], c[1::2]
        v_X = 2 * inner(n_0, n_1) + inner(c_0, l_1) + inner(c_1, l_0)
        v_Y = inner(n_1, n_1) + inner(c_1, l_1)
        e = 0
        if switches.X_Y_not_absorbed:
            e = transcript.challenge("e")
            v_X -= error * inverse(e)
            error = 0
        weight = [s[i & (1 << k) - 1] for i in range(1 << k)]

        def over(even: Sequence[int], odd: Sequence[int], i: int, k: int = k, weight: Sequence[int] = weight) -> int:
            """Coefficient of an original base with index i in <even, B_0> + <odd, B_1>."""
            return (odd if i >> k & 1 else even)[i >> k + 1] * weight[i & (1 << k) - 1]

        for v, (n_even, n_odd), (l_even, l_odd) in (
            (v_X, (n_1, n_0), (l_1, l_0)),
            (v_Y, ([0] * len(n_1), n_1), ([0] * len(l_1), l_1)),
        ):
            comb = Comb(
                v % R,
                [over(l_even, l_odd, i) for i in range(relation.L)],
                [over(n_even, n_odd, i) * inverse(public.rho[i]) for i in range(held)],
            )
            if len(points) < len(in_XY):
                comb += in_XY[len(points)]
            point = msm([G, *bases.linear, *bases.norm[:held]], [comb.g, *add(comb.l, []), *add(comb.n, [0] * held)])
            points.append(point)
            if not switches.X_Y_not_absorbed:
                transcript.absorb("X" if len(points) % 2 else "Y", encode(point))
        e = e or transcript.challenge("e")
        s = [*s, *(e * x % R for x in s)]
        n, l, c = add(n_0, [e * x for x in n_1]), add(l_0, [e * x for x in l_1]), add(c_0, [e * x for x in c_1])
    return points, [*n[: -(-real >> relation.K)], *l[: -(-relation.L >> relation.K)]]


def commitments(values: Sequence[int], seed: int = 1) -> list[Comb]:
    """Honest commitments with random blindings."""
    tape = random.Random(seed)
    return [Comb(value % R, [tape.randrange(R)]) for value in values]


def gate_slots(relation: Relation) -> list[int]:
    return [i for i, slot in enumerate(relation.slots) if isinstance(slot, Gate)]


def _at(values: Sequence[int], index: int) -> int:
    return values[index] if index < len(values) else 0
