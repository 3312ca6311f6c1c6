"""``zkmargin bench``: proving, verifying and batch verifying, in units of one library multi-scalar multiplication.

One process, one thread, medians of several runs. The unit, one sum of 377 full-width terms, is measured in between
everything else. The clock is the processor time of this process, and the garbage collector waits (as in ``timeit``):
what other programs do at the same time counts little. Verification starts at proof bytes, with the commitments held
decoded; a batch is 64 proofs of 64 accounts.
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
from circuits.markets import box_entries
from circuits.statement import Statement
from zkmargin import generators
from zkmargin.batch import verify_batch
from zkmargin.bundle import BoxEntry, Request
from zkmargin.documents import Account, Openings, Oracle, Params, Round, Signed
from zkmargin.field import R
from zkmargin.group import msm

from .commit import Identity, next_state
from .public import Public

UNIT_TERMS = 377
BATCH = 64
MIN_RUNS = 5
_MS = 1000.0

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Case:
    """A statement of one account, and its openings."""

    statement: Statement
    openings: Openings


class Subject:
    """Statements of one number of markets, with their proofs, and what was measured of them."""

    def __init__(self, markets: int, batch: int) -> None:
        cases = sample(markets, batch)
        proofs = [case.statement.prove(case.openings.by_label) for case in cases]
        self._items = [case.statement.item(proof) for case, proof in zip(cases, proofs, strict=True)]
        self._statement, self._proof, self._openings = cases[0].statement, proofs[0], cases[0].openings.by_label
        self._statement.verify(self._proof)  # warm: bases hashed, tables made
        self._markets = markets
        self._prove_ms: list[float] = []
        self._verify_ms: list[float] = []
        self._batch_ms: list[float] = []

    def measure(self, unit: Callable[[], object]) -> list[float]:
        """Prove, verify and batch verify once; the milliseconds of the units in between."""
        units = [_clock(unit)]
        self._prove_ms.append(_clock(lambda: self._statement.prove(self._openings)))
        units.append(_clock(unit))
        self._verify_ms.append(_clock(lambda: self._statement.verify(self._proof)))
        units.append(_clock(unit))
        self._batch_ms.append(_clock(lambda: verify_batch(self._items)) / len(self._items))
        return units

    def result(self, unit_ms: float) -> dict[str, Any]:
        """Medians, in milliseconds and in units."""
        prove_ms, verify_ms, batch_ms = map(median, (self._prove_ms, self._verify_ms, self._batch_ms))
        return {
            "markets": self._markets,
            "terms": self._statement.relation.terms,
            "proof_bytes": len(self._proof),
            "prove_ms": round(prove_ms, 3),
            "verify_ms": round(verify_ms, 3),
            "batch_ms_per_proof": round(batch_ms, 3),
            "prove_over_msm": round(prove_ms / unit_ms, 2),
            "verify_over_msm": round(verify_ms / unit_ms, 2),
            "batch_over_msm": round(batch_ms / unit_ms, 3),
        }


def run(markets: Sequence[int], *, runs: int, batch: int = BATCH, progress: Progress) -> dict[str, Any]:
    """Measure every number of ``markets``; the document of ``zkmargin bench -o json``.

    Every run measures everything once, so that a machine that is busy for a while is so for all figures alike.
    """
    subjects = []
    for count in markets:
        progress(f"{count} markets: making {batch} proofs")
        subjects.append(Subject(count, batch))
    unit = _unit()
    units: list[float] = []
    with _no_garbage_collection():
        for i in range(runs):
            progress(f"run {i + 1} of {runs}")
            for subject in subjects:
                units += subject.measure(unit)
    unit_ms = median(units)
    return {"unit_msm_ms": round(unit_ms, 3), "results": [subject.result(unit_ms) for subject in subjects]}


def _unit() -> Callable[[], object]:
    """One library sum of 377 full-width terms. Turning integers into the library's scalars is under 1 % of it."""
    points = generators.bases("norm", UNIT_TERMS)
    scalars = [secrets.randbelow(R) for _ in range(UNIT_TERMS)]
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


def sample(markets: int, accounts: int) -> list[Case]:
    """Statements of ``accounts`` made-up accounts at one venue: every market held, a box of 1 percent, maintenance."""
    names = [f"M{i:03d}-USD" for i in range(markets)]
    rates = {"lot": "0.0001", "initial_ppm": 50000, "maintenance_ppm": 30000, "max_size": "100000"}
    params = {
        "schema": Params.SCHEMA,
        "venue": "bench",
        "version": 1,
        "model": "perpetuals-cross",
        "quote": "USD",
        "markets": [{"market": name} | rates for name in names],
    }
    report = {
        "schema": Oracle.SCHEMA,
        "venue": "bench",
        "round": 1,
        "time": "2026-01-01T00:00:00Z",
        "prices": [{"market": name, "price": _digits(60_000, decimals=8)} for name in names],
    }
    public = Public(Signed(Params.from_value(params)), Round.from_value(report))
    box = box_entries(box_around(public.prices, Fraction(1)), public.risk)
    return [_case(public, names, box) for _ in range(accounts)]


def _case(public: Public, names: Sequence[str], box: tuple[BoxEntry, ...]) -> Case:
    sizes = [("-" if secrets.randbelow(2) else "") + _digits(10, decimals=4) for _ in names]
    account = {
        "schema": Account.SCHEMA,
        "account": "bench",
        "cash": "1" + _digits(10**9, decimals=2).rjust(12, "0"),  # enough for every market short at its high
        "positions": [{"market": name, "size": size} for name, size in zip(names, sizes, strict=True)],
    }
    state, openings = next_state(Identity.throw_away("bench"), Account.from_value(account), public, None)
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
        expiry="2026-01-02T00:00:00Z",
    )
    return Case(statement.build(request, state, public.params.document, public.round), openings)


def _digits(below: int, *, decimals: int) -> str:
    """A decimal from 1 to ``below``, with ``decimals`` decimals."""
    return f"{1 + secrets.randbelow(below - 1)}.{secrets.randbelow(10**decimals):0{decimals}d}"
