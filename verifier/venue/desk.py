"""The venue at work: its keys, its positions, its documents, and the one thing it does: ``attest``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from verifier import clock, config_file, documents, keys
from verifier.parameters import check_continues
from verifier.publication import Published, check_venue, check_version, envelope_of
from verifier.store import Store
from zkmargin.documents import NO_STATE, AttestationRequest, Params, Signed, State, Trust, read
from zkmargin.envelope import Envelope, PrivateKey
from zkmargin.errors import ContextError
from zkmargin.sealing import SealingKey

from . import tables
from .checks import check_openings, check_request
from .positions import Positions
from .settings import ATTESTATION_KEY_FILE, DATABASE_FILE, SEALING_KEY_FILE, VenueSettings
from .tables import AttestedRow, ParamsRow, TrustRow


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
            envelope = envelope_of(signed.envelope).to_bytes()
            session.add(ParamsRow(digest=signed.digest, version=signed.document.version, envelope=envelope))
        return Published(signed.document.version, signed.digest, created=True)

    def attest(self, data: bytes) -> Attested:
        """Sign the state that a request asks for, once everything in it is true. The same state again gets the same
        answer.

        Raises: InputError, EncodingError: malformed.
                ContextError "unsigned", "bad_signature" (the owner's, or the round's), "unknown_owner",
                "other_account", "earlier_sequence" (this number is attested, for another state), "unknown_sequence",
                "state_mismatch", "unsupported_epoch", "no_trust", "unknown_params", "old_round", "missing_label",
                "unknown_label", "lot_changed", "bad_opening", "positions_differ". None of them carries an amount.
        """
        signed = read(data, AttestationRequest)
        request, now = signed.document, clock.now_unix_s()
        check_venue(request.state.venue, self.settings.venue)
        signed.verify([request.state.owner])
        positions = self.positions.of(request.state.owner)
        with self.store.reading() as session:
            known = _attested(session, request.state)
            if known is not None:
                return Attested(known, created=False)
            trusted, params = _trust(session), _params(session, request)
        round_ = check_request(request, params, trusted, now_unix_s=now, max_round_age_s=self.settings.max_round_age_s)
        check_openings(request, request.open(self._sealing_key), positions, params, round_)
        with self.store.writing() as session:
            known = _attested(session, request.state)  # two requests at once: the first one counts
            if known is not None:
                return Attested(known, created=False)
            state = request.state
            envelope = state.sign(self._key)
            session.add(
                AttestedRow(
                    account=state.account, seq=state.seq, owner=state.owner, digest=state.state_digest,
                    envelope=envelope.to_bytes(), attested_unix_s=now,
                )
            )  # fmt: skip
        return Attested(envelope, created=True)


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


def _attested(session: Session, state: State) -> Envelope | None:
    """The attestation that ``state`` has, or None if it is the account's next one.

    Raises: ContextError "other_account" (its owner has an account already: the same positions would count twice),
            "earlier_sequence", "unknown_sequence", "state_mismatch".
    """
    others = select(AttestedRow).where(AttestedRow.owner == state.owner, AttestedRow.account != state.account)
    if session.scalars(others.limit(1)).first() is not None:
        raise ContextError("the owner has another account already, with the same positions", code="other_account")
    row = session.get(AttestedRow, (state.account, state.seq))
    if row is not None:
        envelope = Envelope.from_bytes(row.envelope)
        if Signed.from_value(envelope.to_value(), State).digest != state.digest:
            raise ContextError("another state with this sequence number is attested", code="earlier_sequence")
        return envelope
    last = session.scalar(select(func.max(AttestedRow.seq)).where(AttestedRow.account == state.account)) or 0
    if state.seq != last + 1:
        raise ContextError("the sequence number must be the one after the last attested", code="unknown_sequence")
    previous = session.get_one(AttestedRow, (state.account, last)).digest if last else NO_STATE
    if state.previous != previous:
        raise ContextError("the state does not follow from the last attested one", code="state_mismatch")
    return None
