"""The prover's shortcuts (pair sums, halves, bases folded once) against the plain formulas of docs/protocol.md."""

import random

import pytest

from zkmargin import norm_linear
from zkmargin.field import R, inner, powers
from zkmargin.generators import G, Generators
from zkmargin.group import encode, msm
from zkmargin.transcript import Transcript

fold_by_tables = Generators.fold_by_tables


def plain(transcript, H, bases, c, l, n, rounds):
    """Fold vectors and bases as the formulas say."""
    sent = []
    for _ in range(rounds):
        n_0, n_1, l_0, l_1, c_0, c_1 = n[::2], n[1::2], l[::2], l[1::2], c[::2], c[1::2]
        G_0, G_1, H_0, H_1 = bases[::2], bases[1::2], H[::2], H[1::2]
        v_X = 2 * inner(n_0, n_1) + inner(c_0, l_1) + inner(c_1, l_0)
        v_Y = inner(n_1, n_1) + inner(c_1, l_1)
        X = msm([G, *H_0[: len(l_1)], *H_1, *G_0, *G_1], [v_X, *l_1, *l_0[: len(H_1)], *n_1, *n_0])
        Y = msm([G, *H_1, *G_1], [v_Y, *l_1, *n_1])
        e = norm_linear.challenge(transcript, encode(X), encode(Y))
        sent.append((X, Y))
        n = [(a + e * b) % R for a, b in zip(n_0, n_1, strict=True)]
        bases = [a + msm([b], [e]) for a, b in zip(G_0, G_1, strict=True)]
        l = [(a + e * b) % R for a, b in zip(l_0, [*l_1, 0], strict=False)]
        c = [(a + e * b) % R for a, b in zip(c_0, [*c_1, 0], strict=False)]
        H = [a + msm([b], [e]) for a, b in zip(H_0, H_1, strict=False)] + H_0[len(H_1) :]
    return tuple(sent), tuple(n), tuple(l)


SHAPES = [
    (2, 4, 1),
    (2, 8, 2),
    (3, 8, 3),
    (5, 12, 2),
    (12, 16, 4),
    (1, 2, 1),
    (9, 32, 5),
    (6, 96, 5),
    (8, 64, 6),
    (2, 512, 9),
]


@pytest.mark.parametrize(("M", "N", "rounds"), SHAPES)
def test_shortcuts_equal_the_plain_formulas(M, N, rounds):
    rng = random.Random(M * 100 + N)
    bases = Generators(M, N)
    rho_inv = rng.randrange(1, R)
    c, l, n = ([rng.randrange(R) for _ in range(count)] for count in (4 + M, 4 + M, N))
    weights = powers(rho_inv, N)
    weighted = [msm([point], [weight]) for point, weight in zip(bases.norm, weights, strict=True)]
    expected = plain(Transcript(), bases.linear, weighted, c, l, n, rounds)
    for _ in range(2):  # the second time over folded bases, where there are enough rounds
        folded = norm_linear.prove(Transcript(), bases, rho_inv, c, l, n, rounds)
        assert (folded.rounds, folded.n, folded.l) == expected


def test_bases_are_folded_by_tables_from_the_second_proof_on(monkeypatch):
    folds = []
    monkeypatch.setattr(
        Generators, "fold_by_tables", lambda bases, *factors: folds.append(factors) or fold_by_tables(bases, *factors)
    )
    bases = Generators(2, 32)
    for _ in range(3):
        norm_linear.prove(Transcript(), bases, 5, [1] * 6, [2] * 6, [3] * 32, 5)
    assert [[len(kind) for kind in factors] for factors in folds] == [[3, 3]] * 2
    norm_linear.prove(Transcript(), bases, 5, [1] * 6, [2] * 6, [3] * 32, 4)
    assert len(folds) == 2, "a fold for two rounds costs more than it saves"


def test_many_rounds_fold_the_bases_later_and_without_tables_at_first(monkeypatch):
    folds = []
    for name in ("fold", "fold_by_tables"):
        method = getattr(Generators, name)

        def spy(bases, *factors, name=name, method=method):
            folds.append((name, *map(len, factors)))
            return method(bases, *factors)

        monkeypatch.setattr(Generators, name, spy)
    bases = Generators(2, 512)
    for _ in range(2):
        norm_linear.prove(Transcript(), bases, 5, [1] * 6, [2] * 6, [3] * 512, 9)
    assert folds == [("fold", 15, 15), ("fold_by_tables", 7, 7)]


def test_the_second_round_has_one_sum(monkeypatch):
    """Its Y comes from the first round's second half."""
    terms = []
    monkeypatch.setattr(norm_linear, "msm", lambda points, scalars: terms.append(len(points)) or msm(points, scalars))
    norm_linear.prove(Transcript(), Generators(4, 64), 5, [1] * 8, [2] * 8, [3] * 64, 2)
    assert terms == [*[1 + 2 + 16, 1 + 2 + 16, 1 + 4 + 16 + 2] * 2, 4, 1 + 8 + 32 + 4]


def test_fold_products():
    assert norm_linear.fold_products([2, 3, 5]) == [1, 2, 3, 6, 5, 10, 15, 30]
