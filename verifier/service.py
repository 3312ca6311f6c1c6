"""The operations of the verifier: each is one transaction, and a refused one changes nothing. Routes and commands both
come here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from circuits.statement import build
from zkmargin import canonical
from zkmargin.bundle import Bundle
from zkmargin.documents import Oracle, Params, Policy, Round, State, Trust, read
from zkmargin.envelope import Envelope, PrivateKey
from zkmargin.errors import ContextError, InputError, VerificationError, ZkMarginError

from . import (
    accounts,
    clock,
    config_file,
    documents,
    edges,
    keys,
    oracle,
    parameters,
    receipts,
    schema,
    statuses,
    submissions,
    trust,
)
from .collateral import classes
from .collateral.aggregator import Aggregator
from .metrics import Metrics
from .oracle import Reported
from .publication import Published
from .settings import DATABASE_FILE, RECEIPT_KEY_FILE, Settings
from .store import Store
from .tables import AccountRow, SubmissionRow


@dataclass(frozen=True)
class Accepted:
    """A bundle was accepted, now (``created``) or before."""

    bundle: str
    receipt: Envelope
    created: bool


@dataclass(frozen=True)
class Refused:
    """A bundle is refused, and nothing stored."""

    bundle: str
    receipt: Envelope
    error: ZkMarginError


def summary(policy: Policy, receipt_key: str, params: Params | None, round_: Round | None) -> dict[str, Any]:
    """What a service is, and what is current there, for a person."""
    return {
        "venue": policy.trust.venue,
        "audience": policy.audience,
        "receipt_key": receipt_key,
        "trust_version": policy.trust.version,
        "params_version": None if params is None else params.version,
        "params": None if params is None else params.digest,
        "markets": None if params is None else len(params.markets),
        "round": None if round_ is None else round_.number,
        "round_time": None if round_ is None else round_.time,
    }


class Service:
    """The verifier on its database, with its key. Safe to share between threads."""

    def __init__(self, settings: Settings, store: Store, key: PrivateKey) -> None:
        self.settings = settings
        self.store = store
        self.metrics = Metrics(self.count_statuses)
        self.collateral = Aggregator(
            store, settings.venue, settings.grace_s, lambda session, now, of: self._refresh(session, now, of=of)
        )
        self._key = key

    @classmethod
    def open(cls, directory: Path) -> Service:
        """The service that ``init`` made in ``directory``.

        Raises: InputError: not made there, or of another version.   Unavailable.
        """
        settings = config_file.load(Settings, directory)
        key = keys.read_signing(Path(settings.receipt_key_file or directory / RECEIPT_KEY_FILE))
        store = cls.open_store(settings, directory)
        schema.check(store)
        return cls(settings, store, key)

    @staticmethod
    def open_store(settings: Settings, directory: Path) -> Store:
        """The database of the service in ``directory``, whatever its version. Raises: InputError."""
        return Store(settings.database or f"sqlite:///{(directory / DATABASE_FILE).absolute()}")

    @property
    def receipt_key(self) -> str:
        """The public key that receipts are checked with."""
        return self._key.public

    def policy(self) -> Policy:
        """What this verifier accepts, as an offline checker reads it.

        Raises: ContextError "no_trust".   Unavailable.
        """
        with self.store.reading() as session:
            trusted = trust.current(session)
        s = self.settings
        return Policy(
            trust=trusted, audience=s.audience, claims=s.claims, max_expiry_s=s.max_expiry_s,
            max_round_age_s=s.max_round_age_s, max_box_percent=s.max_box_percent,
        )  # fmt: skip

    def summary(self) -> dict[str, Any]:
        """What this service is, and what is current. Raises: ContextError "no_trust".   Unavailable."""
        policy = self.policy()
        with self.store.reading() as session:
            params, round_ = parameters.latest_row(session), oracle.current_row(session)
            return summary(
                policy,
                self.receipt_key,
                None if params is None else documents.stored_params(params.envelope).document,
                None if round_ is None else documents.stored_round(round_.content),
            )

    def publish_trust(self, data: bytes, *, first: bool = False) -> Published:
        """Publish a trust document. Raises: as ``trust.publish``; with ``first``, ``trust.publish_first``."""
        signed, now = read(data, Trust), clock.now_unix_s()
        operation = trust.publish_first if first else trust.publish
        with self.store.writing() as session:
            published = operation(session, signed, venue=self.settings.venue, now_unix_s=now)
            if published.created:
                self._refresh(session, now)
        return published

    def publish_params(self, data: bytes) -> Published:
        """Publish risk parameters. Raises: as ``parameters.publish``."""
        signed, now = read(data, Params), clock.now_unix_s()
        with self.store.writing() as session:
            published = parameters.publish(session, signed, venue=self.settings.venue, now_unix_s=now)
            if published.created:
                self._refresh(session, now)
        return published

    def report(self, data: bytes) -> Reported:
        """Take an oracle report; a round that completes turns the statuses of all accounts with it. Raises: as
        ``oracle.report``."""
        signed, now = read(data, Oracle), clock.now_unix_s()
        with self.store.writing() as session:
            before = oracle.current_row(session)
            s = self.settings
            reported = oracle.report(
                session, signed, venue=s.venue, now_unix_s=now, skew_s=s.clock_skew_s, max_age_s=s.max_round_age_s
            )
            if reported.completed:
                classes.watch(session, is_new_round=True)
                self._refresh(session, now, seen_round=None if before is None else before.number)
        return reported

    def put_state(self, account: str, data: bytes) -> Published:
        """Make an attested state the current one. Raises: as ``accounts.check_points`` and ``accounts.put_state``."""
        signed, now = read(data, State), clock.now_unix_s()
        # First what costs little: points are read, and the write lock is taken, for nobody without the signatures.
        with self.store.reading() as session:
            before = accounts.known(session, account, signed)
            if before is not None:
                return before
            accounts.check(session, account, signed, venue=self.settings.venue)
        accounts.check_points(signed.document)
        with self.store.writing() as session:
            published = accounts.put_state(session, account, signed, venue=self.settings.venue, now_unix_s=now)
            if published.created:
                row = accounts.row_of(session, account)
                statuses.move(session, row, now_unix_s=now, grace_s=self.settings.grace_s)
        return published

    def submit(self, data: bytes) -> Accepted | Refused:
        """Decide about the bundle in ``data``; bytes that were accepted before get their first receipt. Raises:
        Unavailable only."""
        bundle_id = canonical.digest(data)
        with self.store.reading() as session:
            row = submissions.known(session, bundle_id)
            if row is not None:
                return self._repeated(row)
        try:
            return self._decide(data, bundle_id, Bundle.from_bytes(data))
        except (VerificationError, InputError) as error:
            self.metrics.submission(error.code)
            receipt = receipts.refused(
                self._key, audience=self.settings.audience, bundle=bundle_id, reason=error.code,
                decided_unix_s=clock.now_unix_s(),
            )  # fmt: skip
            return Refused(bundle_id, receipt, error)

    def _decide(self, data: bytes, bundle_id: str, bundle: Bundle) -> Accepted:
        """Raises: VerificationError or InputError: the refusal."""
        with self.store.reading() as session:
            grounds = submissions.check(session, bundle, self.settings, now_unix_s=clock.now_unix_s())
        # Outside any transaction: this is the work. What it is about cannot change, only stop being current.
        with self.metrics.verify_seconds.time():
            registry = None if grounds.counted is None else grounds.counted.registry
            build(bundle.request, grounds.state, grounds.params, grounds.round, registry).verify(bundle.proof)
        with self.store.writing() as session:
            row = submissions.known(session, bundle_id)
            if row is not None:
                return self._repeated(row)
            now = clock.now_unix_s()
            again = submissions.check(session, bundle, self.settings, now_unix_s=now)
            if (again.state.state_digest, again.params.digest) != (grounds.state.state_digest, grounds.params.digest):
                raise ContextError("the account moved while its proof was verified", code="state_mismatch")
            receipt = receipts.accepted(self._key, bundle=bundle_id, request=bundle.request, decided_unix_s=now)
            submissions.accept(
                session, data, bundle_id, bundle.request, again, receipt=receipt.to_bytes(), now_unix_s=now
            )
            self._refresh(session, now, of=AccountRow.id == bundle.request.account)
        self.metrics.submission(receipts.OK)
        return Accepted(bundle_id, receipt, created=True)

    def status(self, account: str) -> dict[str, Any]:
        """The status document of an account, as it is now. Raises: ContextError "unknown_account"."""
        with self.store.reading() as session:
            return self._views(session, [accounts.row_of(session, account)])[0]

    def statuses(self, *, after: str | None, limit: int) -> list[dict[str, Any]]:
        """The status documents of accounts in the order of their identifiers, from the one ``after``."""
        later = () if after is None else (AccountRow.id > after,)
        with self.store.reading() as session:
            query = select(AccountRow).where(*later).order_by(AccountRow.id).limit(limit)
            return self._views(session, session.scalars(query).all())

    def _views(self, session: Session, rows: Sequence[AccountRow]) -> list[dict[str, Any]]:
        clock_unix_s, number = statuses.clock_and_round(session, clock.now_unix_s())
        grace_s = self.settings.grace_s
        return [statuses.view(row, clock_unix_s=clock_unix_s, round_number=number, grace_s=grace_s) for row in rows]

    def count_statuses(self) -> dict[str, int]:
        """How many accounts are of each status now."""
        with self.store.reading() as session:
            return statuses.count(session, now_unix_s=clock.now_unix_s(), grace_s=self.settings.grace_s)

    def _repeated(self, row: SubmissionRow) -> Accepted:
        self.metrics.repeated()
        return Accepted(row.id, Envelope.from_bytes(row.receipt), created=False)

    def _moment(self, session: Session, now: int) -> edges.Moment | None:
        s = self.settings
        return statuses.moment(session, now_unix_s=now, grace_s=s.grace_s, params_grace_s=s.params_grace_s)

    def _refresh(
        self, session: Session, now: int, *, seen_round: int | None = None, of: ColumnElement[bool] | None = None
    ) -> None:
        at = self._moment(session, now)
        if at is not None:
            statuses.refresh(session, at, seen_round=at.round if seen_round is None else seen_round, of=of)
