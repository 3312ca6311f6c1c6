"""``zkmargin-verifier bench --collateral``: checkpoints of many locks into a real database, in one thread.

Cold: no lock is known, every commitment is decoded. Renewal: the next checkpoint of every chain, with the same locks.
Phases, each summed over the chains:

    read    JSON into a document           check   signatures of the quorum, leaves, tree, points of new commitments
    book    the write transaction          commit  until the disk has it

Turning the accounts that count the locks, in the same transaction, is told apart: ``turn``. Each of them counts a lock
of every chain, so that every checkpoint turns all of them. Seconds are of the clock on the wall; ``over_msm`` is
processor time of the phases over that of one library sum.
"""

from __future__ import annotations

import gc
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from zkmargin import canonical, generators
from zkmargin.collateral import SignedCheckpoint, SignedMemberSet
from zkmargin.documents import Oracle, Params, Signed, Trust
from zkmargin.envelope import PrivateKey
from zkmargin.errors import InputError
from zkmargin.field import R
from zkmargin.group import msm

from .. import clock, edges, setup, statuses
from ..edges import Moment, Status
from ..errors import Unavailable
from ..service import Service
from ..tables import AccountRow, StateRow, SubmissionRow
from . import bench_sample, checkpoints, usage
from .bench_sample import MARKET, VENUE, ChainSample
from .tables import LockRow, SubmissionLockRow

UNIT_TERMS = 377
_UNITS = 5
PHASES = ("read", "check", "book", "commit")
TURN = "turn"


def run(*, locks: int, chains: int, members: int, threshold: int, accounts: int) -> dict[str, Any]:
    """Measure; the document of ``-o json``. ``accounts``: how many are live by a lock on every chain.

    Raises: InputError: numbers that make no sense together.
    """
    if not (chains <= locks and accounts <= locks // chains and threshold <= members < 2 * threshold):
        raise InputError("a lock for every chain and account, and a quorum of more than half", code="usage")
    registry, samples = bench_sample.chains(chains, locks, members, threshold)
    operator, now = PrivateKey.generate(), clock.now_unix_s()
    with tempfile.TemporaryDirectory() as directory:
        service = _service(Path(directory) / "verifier", operator, now)
        try:
            service.collateral.publish_registry(registry.sign(operator).to_bytes())
            for sample in samples:
                signed = Signed(sample.set(), sample.set().sign(operator))
                service.collateral.publish_set(SignedMemberSet(members=signed.to_value()).to_bytes())
            cold = _measure(service, [sample.checkpoint(1, now - 120) for sample in samples], now)
            if accounts:
                _count(service, samples, accounts, now)
            renewal = _measure(service, [sample.checkpoint(2, now - 60) for sample in samples], now)
        finally:
            service.store.close()
    unit_s = median(_unit() for _ in range(_UNITS))
    return {
        "locks": locks,
        "chains": chains,
        "quorum": f"{threshold} of {members}",
        "accounts": accounts,
        "unit_msm_ms": round(unit_s * 1000, 3),
        "cold": cold.told(unit_s),
        "renewal": renewal.told(unit_s),
    }


class _Measured:
    """Seconds by step, on the wall and of the processor."""

    def __init__(self) -> None:
        self.wall_s = dict.fromkeys((*PHASES, TURN), 0.0)
        self.processor_s = dict(self.wall_s)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """What happens inside is ``name``."""
        began, processor_began = perf_counter(), process_time()
        yield
        self.wall_s[name] += perf_counter() - began
        self.processor_s[name] += process_time() - processor_began

    def told(self, unit_s: float) -> dict[str, Any]:
        """What the document says."""
        return {
            "seconds": round(sum(self.wall_s[name] for name in PHASES), 4),
            "processor_seconds": round(sum(self.processor_s[name] for name in PHASES), 4),
            "over_msm": round(sum(self.processor_s[name] for name in PHASES) / unit_s, 1),
            "phases": {name: round(self.wall_s[name], 4) for name in PHASES},
            TURN: round(self.wall_s[TURN], 4),
        }


def _measure(service: Service, files: list[bytes], now: int) -> _Measured:
    """As ``Aggregator.take_checkpoint`` does, step by step. The garbage collector waits, as in timeit."""
    measured = _Measured()
    gc.collect()
    gc.disable()
    try:
        for data in files:
            _take(service, data, now, measured)
    finally:
        gc.enable()
    return measured


def _take(service: Service, data: bytes, now: int, measured: _Measured) -> None:
    with measured.step("read"):
        file = SignedCheckpoint.from_bytes(data)
    with measured.step("check"), service.store.reading() as session:
        found = checkpoints.examine(session, file, now_unix_s=now, late=False)
    with service.store.writing() as session:
        with measured.step("book"):
            taken = checkpoints.take(session, found, now_unix_s=now)
        with measured.step(TURN):
            at = _moment(session, service, now)
            statuses.refresh(session, at, seen_round=at.round, of=usage.by_lock(LockRow.chain == taken.chain))
        with measured.step("commit"):
            session.commit()


def _service(directory: Path, operator: PrivateKey, now: int) -> Service:
    """A service with parameters and a round: one key does everything."""
    key = operator.public
    trust = Trust(
        venue=VENUE, version=1, root=(key,), params=(key,), attestation=(key,), oracle=(key,), oracle_threshold=1
    )
    service = setup.make(directory, {"venue": VENUE, "audience": VENUE}, trust.sign(operator).to_bytes())
    market = {"market": MARKET, "lot": "0.001", "initial_ppm": 50000, "maintenance_ppm": 30000, "max_size": "1000"}
    params = {
        "schema": Params.SCHEMA, "venue": VENUE, "version": 1, "model": "perpetuals-cross", "quote": "USD",
        "markets": [market],
    }  # fmt: skip
    service.publish_params(Params.from_value(params).sign(operator).to_bytes())
    report = {
        "schema": Oracle.SCHEMA, "venue": VENUE, "round": 1, "time": canonical.format_time(now),
        "prices": [{"market": MARKET, "price": "3000"}],
    }  # fmt: skip
    service.report(Oracle.from_value(report).sign(operator).to_bytes())
    return service


def _count(service: Service, samples: list[ChainSample], accounts: int, now: int) -> None:
    """Accounts with a standing verdict that counts one lock of every chain: rows as ``submissions.accept`` leaves them,
    without the proofs."""
    with service.store.writing() as session:
        at = _moment(session, service, now)
        key = next(iter(at.attestation_keys))
        ids = [canonical.to_hex(bench_sample.account(i)) for i in range(accounts)]
        _add(session, AccountRow, [
            {"id": id, "seq": 1, "registered_unix_s": now} | edges.Edge(Status.LIVE)._asdict() for id in ids
        ])  # fmt: skip
        _add(session, StateRow, [
            {"account": id, "seq": 1, "digest": id, "attestation_key": key, "envelope": b"", "accepted_unix_s": now}
            for id in ids
        ])  # fmt: skip
        _add(session, SubmissionRow, [
            {
                "n": n, "id": id, "account": id, "seq": 1, "params_version": 1, "round": 1, "claim": "maintenance",
                "standing": True, "expiry_unix_s": now + 86400, "box": at.prices, "bundle": b"", "receipt": b"",
                "decided_unix_s": now, "registry_version": 1,
            }
            for n, id in enumerate(ids, 1)
        ])  # fmt: skip
        _add(session, SubmissionLockRow, [
            {"n": n, "tag": canonical.to_hex(sample.leaves[n - 1].tag), "class": f"COIN.{sample.index}",
             "coefficient_atto": "1"}
            for n in range(1, accounts + 1)
            for sample in samples
        ])  # fmt: skip


def _moment(session: Session, service: Service, now: int) -> Moment:
    s = service.settings
    at = statuses.moment(session, now_unix_s=now, grace_s=s.grace_s, params_grace_s=s.params_grace_s)
    if at is None:
        raise Unavailable("the round of the bench is not complete")
    return at


def _add(session: Session, kind: Any, rows: list[dict[str, Any]]) -> None:
    session.connection().execute(insert(kind.__table__), rows)


def _unit() -> float:
    """Processor seconds of one library sum of full-width terms."""
    points = generators.bases("norm", UNIT_TERMS)
    scalars = [secrets.randbelow(R) for _ in range(UNIT_TERMS)]
    began = process_time()
    msm(points, scalars)
    return process_time() - began
