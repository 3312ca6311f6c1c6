"""The public vectors of the range argument, from the relation and the challenges alone.

Source: docs/protocol.md, "Public vectors". Both sides compute them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from operator import mul

from .errors import ProofError
from .field import R, batch_inverse, powers
from .relation import Relation


@dataclass(frozen=True, slots=True)
class Challenges:
    """alpha follows A; rho, x, lambda, y follow R; T follows S."""

    alpha: int
    rho: int
    x: int
    lambda_: int
    y: int


class PublicVectors:
    """Over the N real slots (null slots are 0 everywhere), with mu = rho^2:

        ad_i = sum_k lambda^(k+1) W_ki - sum over gates h of mu^(h+1) c_hi          a_d,i = mu^-(i+1) ad_i
        ar_i = sum_k lambda^(k+1) U_ki                                              (gates)
        a_r,i = alpha - x^(t(i)+1) mu^-(i+1)  for digits;   mu^-(i+1) ar_i  for gates
        a_m(t,s) = x^(t+1) / (alpha + s)          aV_j = sum_k lambda^(k+1) P_kj
        kappa = sum_digits mu^(i+1) + sum_gates mu^(h+1) c_h + sum_k lambda^(k+1) b_k + sum_i a_r,i ad_i

    ``ad``, ``ar`` and ``a_d`` stay unreduced: their uses reduce once. What only a prover needs is made on demand.

    Raises: ProofError if alpha is a public pole (alpha + s = 0 for a symbol s).
    Cost:   linear in slots and sparse entries; one inversion.
    """

    def __init__(self, relation: Relation, challenges: Challenges) -> None:
        self._relation, self._challenges = relation, challenges
        alpha, rho = challenges.alpha, challenges.rho
        N = relation.N
        denominators = [(alpha + symbol) % R for table in relation.tables for symbol in table]
        if 0 in denominators:
            # Probability M/r for an honest prover, who would start again; a reciprocal of 0 proves nothing.
            raise ProofError("the challenge hit a table symbol")
        self.rho_inv, *reciprocals = batch_inverse([rho, *denominators])
        self.mu_inv = powers(self.rho_inv**2 % R, N)
        self.x = powers(challenges.x, len(relation.tables))
        x_of = [x for x, table in zip(self.x, relation.tables, strict=True) for _ in table]
        self.a_m = [x * reciprocal % R for x, reciprocal in zip(x_of, reciprocals, strict=True)]

        self.ad: list[int] = [0] * N
        self.ar: list[int] = [0] * N
        aV = [0] * relation.J
        kappa = 0
        for row, weight in zip(relation.rows, powers(challenges.lambda_, len(relation.rows)), strict=True):
            for i, coefficient in row.W:
                self.ad[i] += weight * coefficient
            for i, coefficient in row.U:
                self.ar[i] += weight * coefficient
            for j, coefficient in row.P:
                aV[j] += weight * coefficient
            kappa += weight * row.b
        # mu^(i+1) = mu^(N+1) mu^-(N-i): the negative powers, read backwards.
        top = pow(rho, 2 * (N + 1), R)
        for h, gate in relation.gates:
            mu_h = top * self.mu_inv[N - 1 - h]
            for i, coefficient in gate.form:
                self.ad[i] -= mu_h * coefficient
            kappa += mu_h * gate.constant
        self.aV = [weight % R for weight in aV]
        self.a_d = list(map(mul, self.mu_inv, self.ad))

        # sum of a_r,i ad_i: alpha ad_i - x^(t+1) a_d,i for a digit, ar_i a_d,i for a gate.
        for x, slots in zip(self.x, relation.digits_of, strict=True):
            kappa += top * sum(self.mu_inv[N - 1 - i] for i in slots)
            kappa += alpha * sum(self.ad[i] for i in slots) - x * sum(self.a_d[i] for i in slots)
        kappa += sum(self.ar[i] * self.a_d[i] for i, _ in relation.gates)
        self.kappa = kappa % R

    @cached_property
    def rho(self) -> list[int]:
        """rho^1 .. rho^N: the weights of pre-weighted vectors."""
        return powers(self._challenges.rho, self._relation.N)

    @cached_property
    def a_r(self) -> list[int]:
        """a_r,i of every real slot."""
        a_r = [0] * self._relation.N
        for i, t in self._relation.digits:
            a_r[i] = (self._challenges.alpha - self.x[t] * self.mu_inv[i]) % R
        for i, _ in self._relation.gates:
            a_r[i] = self.mu_inv[i] * self.ar[i] % R
        return a_r
