"""The venue at work: its keys, its positions, its documents, and the one thing it does: ``attest``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from circuits import statement
from circuits.markets import RiskParameters
from verifier import clock, config_file, documents, keys
from verifier.errors import Unavailable
from verifier.parameters import check_continues
from verifier.publication import Published, check_venue, check_version, envelope_of
from verifier.store import Store
from zkmargin.documents import NO_STATE, Account, AttestationRequest, Params, Signed, State, Trust, read
from zkmargin.envelope import Envelope, PrivateKey
from zkmargin.errors import ContextError, InputError
from zkmargin.sealing import SealingKey

from . import tables
from .checks import check_not_passed, check_openings, check_request
from .positions import Positions
from .settings import ATTESTATION_KEY_FILE, DATABASE_FILE, SEALING_KEY_FILE, VenueSettings
from .tables import ONLY, AttestedRow, NewestRoundRow, ParamsRow, TrustRow


@dataclass(frozen=True)
class Attested:
    """A state with the venue's signature; ``created`` is false if it was attested before."""

    envelope: Envelope
    created: bool


class Desk:
    """The venue on its directory. Safe to share between threads."""

    def __init__(self, settings: VenueSettings, store: Store, key: PrivateKey, sealing_key: SealingKey) -> None:
        self.settings = settings
        self.store = store
        self.positions = Positions(Path(settings.positions))
        self._key = key
        self._sealing_key = sealing_key

    @classmethod
    def open(cls, directory: Path) -> Desk:
        """The venue that ``init`` made in ``directory``.

        Raises: InputError: not made there.   Unavailable.
        """
        settings = config_file.load(VenueSettings, directory)
        key = keys.read_signing(directory / ATTESTATION_KEY_FILE)
        sealing_key = keys.read_sealing(directory / SEALING_KEY_FILE)
        store = Store(f"sqlite:///{(directory / DATABASE_FILE).absolute()}")
        tables.create(store)
        return cls(settings, store, key, sealing_key)

    def describe(self) -> dict[str, str]:
        """Name and public keys."""
        return {
            "venue": self.settings.venue,
            "attestation_key": self._key.public,
            "sealing_key": self._sealing_key.public,
        }

    def publish_trust(self, data: bytes) -> Published:
        """Go by this trust document from now on: the first one, signed by a root of its own, or the next.

        Raises: ContextError "unsigned", "bad_signature", "old_version", "version_conflict", "version_gap"; InputError.
        """
        signed = read(data, Trust)
        check_venue(signed.document.venue, self.settings.venue)
        with self.store.writing() as session:
            row = session.scalars(select(TrustRow).order_by(TrustRow.version.desc()).limit(1)).first()
            if row is not None and documents.stored_trust(row.envelope).digest == signed.digest:
                return Published(row.version, signed.digest, created=False)
            if row is None:
                signed.verify(signed.document.root)
            else:
                check_version(signed.document.version, row.version)
                documents.stored_trust(row.envelope).document.verify_successor(signed)
            envelope = envelope_of(signed.envelope).to_bytes()
            session.add(TrustRow(version=signed.document.version, envelope=envelope))
        return Published(signed.document.version, signed.digest, created=True)

    def publish_params(self, data: bytes) -> Published:
        """Attest under these risk parameters too: the next version, signed by a parameter key.

        Raises: ContextError "no_trust", "unsigned", "bad_signature", "old_version", "version_conflict", "version_gap",
                "lot_changed", "market_removed"; InputError.
        """
        signed = read(data, Params)
        check_venue(signed.document.venue, self.settings.venue)
        with self.store.writing() as session:
            if session.get(ParamsRow, signed.digest) is not None:
                return Published(signed.document.version, signed.digest, created=False)
            signed.verify(_trust(session).params)
            row = session.scalars(select(ParamsRow).order_by(ParamsRow.version.desc()).limit(1)).first()
            if row is not None:
                check_version(signed.document.version, row.version)
                check_continues(documents.stored_params(row.envelope).document, signed.document)
            statement.check_usable(RiskParameters.from_document(signed.document), clock.now_unix_s())
            envelope = envelope_of(signed.envelope).to_bytes()
            session.add(ParamsRow(digest=signed.digest, version=signed.document.version, envelope=envelope))
        return Published(signed.document.version, signed.digest, created=True)

    def attest(self, data: bytes) -> Attested:
        """Sign the state that a request asks for, once everything in it is true. The same state again gets the same
        answer, whatever has happened since; under the venue's present key, if it was another one's.

        Raises: InputError, EncodingError: malformed.
                ContextError "unsigned", "bad_signature" (the owner's, or the round's), "unknown_owner",
                "other_account", "earlier_sequence" (this number is attested, for another state), "unknown_sequence",
                "state_mismatch", "unsupported_epoch", "no_trust", "unknown_params", "old_round", "missing_label",
                "unknown_label", "lot_changed", "bad_opening", "positions_differ". None of them carries an amount.
                Unavailable: the positions or the database cannot be read, or the venue's key is not trusted (yet).
        """
        request, positions = self._request(data)
        state = request.state
        with self.store.reading() as session:
            row = _attested(session, state)
            if row is not None and self._key.public in (known := Envelope.from_bytes(row.envelope)).keys:
                return Attested(known, created=False)
            trusted = _trust(session)
            self._check_key(trusted)
            if row is None:
                params = _params(session, request)
        if row is None:
            round_ = check_request(
                request, params, trusted, now_unix_s=clock.now_unix_s(), max_round_age_s=self.settings.max_round_age_s
            )
            check_openings(request, request.open(self._sealing_key), positions, params, round_)
        envelope = state.sign(self._key)
        with self.store.writing() as session:
            row = _attested(session, state)  # two requests at once: the first one counts
            if row is not None:
                row.envelope = envelope.to_bytes()
                return Attested(envelope, created=False)
            check_not_passed(round_, _newest_round(session))
            session.merge(NewestRoundRow(id=ONLY, number=round_.number))
            session.add(
                AttestedRow(
                    account=state.account, seq=state.seq, owner=state.owner, digest=state.state_digest,
                    envelope=envelope.to_bytes(), attested_unix_s=clock.now_unix_s(),
                )
            )  # fmt: skip
        return Attested(envelope, created=True)

    def _request(self, data: bytes) -> tuple[AttestationRequest, Account]:
        """The request, and what the venue's books say of the account of its owner.

        Reading a request of 500 markets takes a third of a second and more: it is not read before the owner of an
        account here is known to have signed it.
        """
        envelope = Envelope.from_bytes(data)
        if envelope.payload_type != AttestationRequest.media_type():
            raise InputError(f"the envelope does not hold a {AttestationRequest.SCHEMA} document")
        if len(envelope.keys) != 1:
            raise ContextError("a request has one signature, its owner's", code="unsigned")
        envelope.verify(envelope.keys, payload_type=envelope.payload_type)
        owner = envelope.keys[0]
        positions = self.positions.of(owner)
        request = Signed(AttestationRequest.from_bytes(envelope.payload), envelope).document
        if request.state.owner != owner:
            raise ContextError("the request is not signed by the owner of its state", code="unsigned")
        check_venue(request.state.venue, self.settings.venue)
        return request, positions

    def _check_key(self, trusted: Trust) -> None:
        # A key that was rotated too early would sign states that no verifier takes.
        if self._key.public not in trusted.attestation:
            raise Unavailable(
                "the venue's key is not in its trust document: publish the one that names it", code="untrusted_key"
            )


def _trust(session: Session) -> Trust:
    row = session.scalars(select(TrustRow).order_by(TrustRow.version.desc()).limit(1)).first()
    if row is None:
        raise ContextError("the venue has no trust document yet", code="no_trust")
    return documents.stored_trust(row.envelope).document


def _params(session: Session, request: AttestationRequest) -> Params:
    row = session.get(ParamsRow, request.params)
    if row is None:
        raise ContextError("the venue does not know these risk parameters", code="unknown_params")
    return documents.stored_params(row.envelope).document


def _newest_round(session: Session) -> int:
    """The number of the newest round that a state was attested at; 0 before the first."""
    row = session.get(NewestRoundRow, ONLY)
    return 0 if row is None else row.number


def _attested(session: Session, state: State) -> AttestedRow | None:
    """The row of ``state``, or None if it is the account's next one.

    Raises: ContextError "other_account" (its owner has an account already: the same positions would count twice),
            "earlier_sequence", "unknown_sequence", "state_mismatch".
    """
    others = select(AttestedRow).where(AttestedRow.owner == state.owner, AttestedRow.account != state.account)
    if session.scalars(others.limit(1)).first() is not None:
        raise ContextError("the owner has another account already, with the same positions", code="other_account")
    row = session.get(AttestedRow, (state.account, state.seq))
    if row is not None:
        if Envelope.from_bytes(row.envelope).payload != state.to_bytes():
            raise ContextError("another state with this sequence number is attested", code="earlier_sequence")
        return row
    last = session.scalar(select(func.max(AttestedRow.seq)).where(AttestedRow.account == state.account)) or 0
    if state.seq != last + 1:
        raise ContextError("the sequence number must be the one after the last attested", code="unknown_sequence")
    previous = session.get_one(AttestedRow, (state.account, last)).digest if last else NO_STATE
    if state.previous != previous:
        raise ContextError("the state does not follow from the last attested one", code="state_mismatch")
    return None
