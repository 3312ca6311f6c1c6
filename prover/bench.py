"""``zkmargin bench``: proving, verifying and batch verifying, in units of one library multi-scalar multiplication.

One process, one thread, medians of several runs. The unit, one sum of 377 full-width terms, is measured in between
everything else; so is a sum of as many terms as the statement's own verification has (``own``). The clock is the
processor time of this process, and the garbage collector waits (as in ``timeit``): what other programs do at the same
time counts little. Verification starts at proof bytes, with the commitments held decoded; a batch is 64 proofs of 64
accounts.
"""

from __future__ import annotations

import gc
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from time import process_time
from typing import Any

from circuits import statement
from circuits.boxes import box_around
from circuits.markets import RiskParameters
from circuits.prices import box_entries
from circuits.statement import Statement
from zkmargin import canonical, generators
from zkmargin.batch import verify_batch
from zkmargin.bundle import BoxEntry, Request
from zkmargin.documents import Account, Openings, Params, Round, Signed
from zkmargin.field import R
from zkmargin.group import msm

from .bench_samples import Sample
from .commit import Identity, next_state
from .public import Public

UNIT_TERMS = 377
BATCH = 64
MIN_RUNS = 5
TOGETHER = 3
EXPIRY_S = 86400
_MS = 1000.0

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Case:
    """A statement of one account, and its openings."""

    statement: Statement
    openings: Openings
    params: RiskParameters


class Subject:
    """Statements about one sample, with their proofs, and what was measured of them."""

    def __init__(self, sample: Sample, batch: int) -> None:
        cases = _cases(sample, batch)
        proofs = [case.statement.prove(case.openings.by_label) for case in cases]
        self._items = [case.statement.item(proof) for case, proof in zip(cases, proofs, strict=True)]
        self._statement, self._proof, self._openings = cases[0].statement, proofs[0], cases[0].openings.by_label
        self._statement.verify(self._proof)  # warm: bases hashed, tables made
        self._sample, self._params = sample, cases[0].params
        self._own = _sum(self._statement.relation.terms)
        self._own_ms: list[float] = []
        self._build_ms: list[float] = []
        self._prove_ms: list[float] = []
        self._verify_ms: list[float] = []
        self._batch_ms: list[float] = []

    def measure(self, unit: Callable[[], object]) -> list[float]:
        """Build, prove, verify and batch verify once; the milliseconds of the units in between."""
        units = [_clock(unit)]
        self._build_ms.append(_clock(self._build))
        self._own_ms.append(_clock(self._own))
        self._prove_ms.append(_clock(lambda: self._statement.prove(self._openings)))
        units.append(_clock(unit))
        self._verify_ms.append(_clock(lambda: self._statement.verify(self._proof)))
        units.append(_clock(unit))
        self._batch_ms.append(_clock(lambda: verify_batch(self._items)) / len(self._items))
        return units

    def _build(self) -> None:
        """The relation from the public numbers, with nothing kept from the time before."""
        statement.layout.cache_clear()
        made = self._statement
        statement.layout(self._params, made.box, made.claims, made.lifetime)

    def result(self, unit_ms: float) -> dict[str, Any]:
        """Medians, in milliseconds and in units."""
        prove_ms, verify_ms, batch_ms = map(median, (self._prove_ms, self._verify_ms, self._batch_ms))
        own_ms, relation = median(self._own_ms), self._statement.relation
        return {
            "markets": len(self._sample.params["markets"]),
            "terms": relation.terms,
            "proof_bytes": len(self._proof),
            "prove_ms": round(prove_ms, 3),
            "verify_ms": round(verify_ms, 3),
            "batch_ms_per_proof": round(batch_ms, 3),
            "prove_over_msm": round(prove_ms / unit_ms, 2),
            "verify_over_msm": round(verify_ms / unit_ms, 2),
            "batch_over_msm": round(batch_ms / unit_ms, 3),
            "model": self._sample.model,
            "sample": self._sample.name,
            "slots": relation.N,
            "rows": len(relation.rows),
            "build_ms": round(median(self._build_ms), 3),
            "own_msm_ms": round(own_ms, 3),
            "prove_over_own": round(prove_ms / own_ms, 2),
            "verify_over_own": round(verify_ms / own_ms, 2),
        }


def run(samples: Sequence[Sample], *, runs: int, batch: int = BATCH, progress: Progress) -> dict[str, Any]:
    """Measure every one of ``samples``; the document of ``zkmargin bench -o json``.

    Every run measures several samples once, so that a machine that is busy for a while is so for their figures alike;
    no more of them than a process keeps tables for.
    """
    unit = _sum(UNIT_TERMS)
    units: list[float] = []
    measured: list[Subject] = []
    for first in range(0, len(samples), TOGETHER):
        subjects = []
        for sample in samples[first : first + TOGETHER]:
            progress(f"{sample.model}, {sample.name}: making {batch} proofs")
            subjects.append(Subject(sample, batch))
        with _no_garbage_collection():
            for i in range(runs):
                progress(f"run {i + 1} of {runs}")
                for subject in subjects:
                    units += subject.measure(unit)
        measured += subjects
    unit_ms = median(units)
    return {"unit_msm_ms": round(unit_ms, 3), "results": [subject.result(unit_ms) for subject in measured]}


def _sum(terms: int) -> Callable[[], object]:
    """One library sum of full-width terms. Turning integers into the library's scalars is under 1 % of it."""
    points = generators.bases("norm", terms)
    scalars = [secrets.randbelow(R) for _ in range(terms)]
    return lambda: msm(points, scalars)


def _clock(action: Callable[[], object]) -> float:
    """Milliseconds of processor time of one call."""
    start = process_time()
    action()
    return _MS * (process_time() - start)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _cases(sample: Sample, accounts: int) -> list[Case]:
    """Statements of ``accounts`` made-up accounts: a box of 1 percent, maintenance."""
    public = Public(Signed(Params.from_value(sample.params)), Round.from_value(sample.oracle))
    box = box_entries(box_around(public.prices, Fraction(1)), public.risk)
    return [_case(public, sample, box) for _ in range(accounts)]


def _case(public: Public, sample: Sample, box: tuple[BoxEntry, ...]) -> Case:
    account = Account.from_value(sample.account())
    state, openings = next_state(Identity.throw_away(public.round.venue), account, public, None)
    request = Request(
        audience="bench",
        account=state.account,
        seq=state.seq,
        state_digest=state.state_digest,
        params=public.params.digest,
        round=public.round.digest,
        round_number=public.round.number,
        claim="maintenance",
        box=box,
        expiry=canonical.format_time(public.round.time_unix_s + EXPIRY_S),
    )
    return Case(statement.build(request, state, public.params.document, public.round), openings, public.risk)
