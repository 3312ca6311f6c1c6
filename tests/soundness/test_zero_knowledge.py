"""Zero knowledge: the map from the prover's tape to what is revealed has full rank, and every randomiser is needed.

docs/protocol.md, section 10. The real prover runs under fixed challenges and a tape of our own; what it hands to the
norm-linear argument, l(T) and n(T), and the logarithms of A and R are an affine function of the tape. For fixed witness
and challenges it must be a bijection: then what is revealed is uniform, whatever the witness.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from small_relations import Case, absolute, ranges, square, two_tables

from zkmargin import range_argument
from zkmargin.field import R, powers
from zkmargin.generators import ERRORS, G, H, generators
from zkmargin.group import IDENTITY, Point, encode, msm
from zkmargin.norm_linear import Folded
from zkmargin.norm_linear import prove as prove_norm_linear
from zkmargin.pedersen import Opening, commit
from zkmargin.proof import Proof
from zkmargin.public_vectors import Challenges, PublicVectors
from zkmargin.range_argument import linear_weights, prove, verify
from zkmargin.transcript import Transcript

CASES = [ranges([3], 2, 2), two_tables(), absolute(-1, 130, count=1, slack_digits=3), square(1, base=2, count=1)]
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)

CHALLENGES = {"alpha": 1001, "rho": 1002, "x": 1003, "lambda": 1004, "y": 1005, "T": 1006, "e": 1007}
Label = tuple[str, int]


@dataclass
class Revealed:
    """A, R as points; l(T); n(T) on the real slots, weighted."""

    A: Point
    R: Point
    l: list[int]
    n: list[int]


class Laboratory:
    """The real prover, with its tape and its challenges in our hands."""

    def __init__(self, case: Case, patch: pytest.MonkeyPatch) -> None:
        self.case = case
        self.tape: dict[Label, int] = {}
        self.asked: list[Label] = []
        self.seen: list[tuple[list[int], list[int]]] = []
        laboratory = self

        class Tape:
            def __init__(self, *_: bytes) -> None:
                pass

            def scalar(self, label: str, index: int = 0) -> int:
                laboratory.asked.append((label, index))
                return laboratory.tape.get((label, index), 0)

            def scalars(self, label: str, count: int) -> list[int]:
                return [self.scalar(label, i) for i in range(count)]

        def stop(
            _transcript: Transcript, _bases: object, _rho_inv: int, _c: object, l: list[int], n: list[int], _: int
        ) -> Folded:
            laboratory.seen.append((l, n))
            return Folded((), (), ())

        patch.setattr(range_argument, "NonceSource", Tape)
        patch.setattr(range_argument, "prove_norm_linear", stop)
        patch.setattr(Transcript, "challenge", lambda _, label: CHALLENGES[label])

    def run(self, tape: dict[Label, int]) -> Revealed:
        self.tape, self.asked = tape, []
        points = prove(self.case.relation, self.case.openings(), self.case.assignment, context=b"c")
        l, n = self.seen.pop()
        real = self.case.relation.N
        assert not any(n[real:])
        decode = Point.from_compressed_bytes
        return Revealed(decode(points[:48]), decode(points[48:96]), l, n[:real])


def logarithm(point: Point) -> int:
    """Of a change of A or R by one unit of a randomiser: each of the possible bases stands for a number of its own."""
    for base, number in ((IDENTITY, 0), (G, 71), (H, 72), (ERRORS[1], 73)):
        if point == base:
            return number
    raise AssertionError("a randomiser moves A or R by something else than G, H or H_2")


def rank(rows: list[list[int]]) -> int:
    """Gaussian elimination modulo r."""
    rows, found = [list(row) for row in rows], 0
    for column in range(len(rows[0])):
        pivot = next((i for i in range(found, len(rows)) if rows[i][column] % R), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        scale = pow(rows[found][column], -1, R)
        rows[found] = [x * scale % R for x in rows[found]]
        for i in range(len(rows)):
            if i != found and rows[i][column]:
                factor = rows[i][column]
                rows[i] = [(x - factor * y) % R for x, y in zip(rows[i], rows[found], strict=True)]
        found += 1
    return found


def tape_map(case: Case) -> dict[Label, list[int]]:
    """The linear part of the map: for every randomiser, how what is revealed moves with it."""
    with pytest.MonkeyPatch.context() as patch:
        laboratory = Laboratory(case, patch)
        zero = laboratory.run({})
        labels = list(laboratory.asked)
        assert len(set(labels)) == len(labels)  # each is drawn once
        moves = {}
        for label in labels:
            one = laboratory.run({label: 1})
            differences = [a - b for a, b in zip([*one.l, *one.n], [*zero.l, *zero.n], strict=True)]
            moves[label] = [logarithm(one.A - zero.A), logarithm(one.R - zero.R), *(d % R for d in differences)]
        return moves


@cases
def test_the_tape_is_what_the_document_says(case: Case) -> None:
    relation = case.relation
    expected = {(name, 0) for name in ("b_A", "r_A", "b_R", "r_R", "nu", "s_0")}
    expected |= {("s_m", i) for i in range(relation.M)} | {("n_S", i) for i in range(relation.N)}
    assert set(tape_map(case)) == expected


@cases
def test_the_map_is_a_bijection(case: Case) -> None:
    moves = list(tape_map(case).values())
    assert len(moves) == len(moves[0]) == 6 + case.relation.M + case.relation.N
    assert rank(moves) == len(moves)


@cases
def test_every_randomiser_is_needed(case: Case) -> None:
    """Dropping one loses exactly its dimension: something is then revealed that depends on the witness alone."""
    moves = tape_map(case)
    for dropped in moves:
        rest = [move for label, move in moves.items() if label != dropped]
        assert rank(rest) == len(moves) - 1


@cases
def test_the_map_is_affine(case: Case) -> None:
    """What the rank says holds at every tape, not only at the zero tape."""
    moves = tape_map(case)
    tape_of = random.Random(5)
    tape = {label: tape_of.randrange(R) for label in moves}
    with pytest.MonkeyPatch.context() as patch:
        laboratory = Laboratory(case, patch)
        zero, there = laboratory.run({}), laboratory.run(tape)
    moved = [
        sum(tape[label] * move[i + 2] for label, move in moves.items()) % R for i in range(len(zero.l) + len(zero.n))
    ]
    assert [(a + b) % R for a, b in zip([*zero.l, *zero.n], moved, strict=True)] == [*there.l, *there.n]


@cases
def test_the_simulator_needs_no_witness(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """It programs the oracle, draws A, R, l(T), n(T), solves for S, and folds: accepted, for values that are false."""
    monkeypatch.setattr(Transcript, "challenge", lambda _, label: CHALLENGES[label])
    relation, draw = case.relation, random.Random(9)
    bases = generators(relation.M, relation.N_padded)

    def scalars(count: int) -> list[int]:
        return [draw.randrange(R) for _ in range(count)]

    V = [commit(Opening(*scalars(2))) for _ in range(relation.J)]
    A, R_point = msm([G, H], scalars(2)), msm([G, H], scalars(2))
    challenges = Challenges(*(CHALLENGES[label] for label in ("alpha", "rho", "x", "lambda", "y")))
    public, T = PublicVectors(relation, challenges), CHALLENGES["T"]
    c = linear_weights(public.a_m, challenges.y, T)
    l, n = scalars(relation.L), [*scalars(relation.N), *[0] * (relation.N_padded - relation.N)]
    value = sum(a * b for a, b in zip(c, l, strict=True)) + sum(x * x for x in n)
    shifts = [T * a + T * T * b for a, b in zip(public.a_r, public.a_d, strict=True)]
    plain = [x * rho_inv for x, rho_inv in zip(n, powers(public.rho_inv, relation.N_padded), strict=True)]
    S = msm(
        [G, *bases.linear, *bases.norm, *bases.norm[: relation.N], A, R_point, *V],
        [
            value - 2 * T**3 * public.kappa,
            *l,
            *plain,
            *(-x for x in shifts),
            -T,
            -T * T,
            *(-2 * T**3 * weight for weight in public.aV),
        ],
    )
    folded = prove_norm_linear(Transcript(), bases, public.rho_inv, c, l, n, relation.K)
    proof = Proof(A, R_point, S, folded.rounds, folded.n, folded.l).to_bytes()
    assert len({encode(A), encode(R_point), encode(S)}) == 3
    verify(relation, V, proof, context=b"c")
