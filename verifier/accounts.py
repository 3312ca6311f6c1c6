"""Accounts and their states: one sequence number after the other, each attested by the venue and signed by the
owner."""

from __future__ import annotations

from sqlalchemy.orm import Session

from circuits.markets import RiskParameters
from zkmargin import canonical, group
from zkmargin.documents import NO_STATE, Signed, State, verify_attestation
from zkmargin.errors import ContextError, InputError

from . import documents, edges, parameters, trust
from .publication import Published, check_venue, envelope_of
from .tables import AccountRow, StateRow

FIRST_EPOCH = 1


def row_of(session: Session, account: str) -> AccountRow:
    """The row of an account.

    Raises: ContextError "unknown_account".
    """
    row = session.get(AccountRow, account)
    if row is None:
        raise ContextError("no account with this identifier has a state here", code="unknown_account")
    return row


def state_row(session: Session, row: AccountRow) -> StateRow:
    """The current state of an account."""
    return session.get_one(StateRow, (row.id, row.seq))


def check_points(state: State) -> None:
    """Every commitment is the encoding of a point of the group: what is stored can always be used. Needs no database.

    Raises: EncodingError.
    """
    for entry in state.commitments:
        group.decode(canonical.from_hex(entry.commitment), allow_identity=True)


def known(session: Session, account: str, signed: Signed[State]) -> Published | None:
    """This very attestation, if it was put here before: then it is left alone.

    Raises: ContextError "unsigned".
    """
    row = session.get(StateRow, (account, signed.document.seq))
    if row is None or row.envelope != envelope_of(signed.envelope).to_bytes():
        return None
    return Published(row.seq, row.digest, created=False)


def check(session: Session, account: str, signed: Signed[State], *, venue: str) -> str:
    """Answer every question about a new state but whether its commitments are points. The key that attested it.

    Raises: ContextError "no_trust", "no_params", "unsigned", "bad_signature", "earlier_sequence", "unknown_sequence",
            "state_mismatch" (of the previous state), "unsupported_epoch", "unknown_label",
            "lot_changed"; InputError "wrong_account".
    """
    state = signed.document
    check_venue(state.venue, venue)
    if state.account != account:
        raise InputError("the state is of another account than the address names", code="wrong_account")
    attesting = _verify(session, signed)
    _check_sequence(session, session.get(AccountRow, account), state)
    _check_labels(state, documents.risk_parameters(parameters.current_row(session).envelope))
    return attesting


def put_state(session: Session, account: str, signed: Signed[State], *, venue: str, now_unix_s: int) -> Published:
    """Make ``signed`` the current state of ``account``; the first one registers it. What is known is left alone.

    ``check_points`` comes first.

    Raises: as ``check``.
    """
    before = known(session, account, signed)
    if before is not None:
        return before
    attesting, state = check(session, account, signed, venue=venue), signed.document
    row = session.get(AccountRow, account)
    if row is None:
        row = AccountRow(
            id=account, seq=state.seq, registered_unix_s=now_unix_s, status=edges.NEW.status, reason=edges.NEW.reason
        )
        session.add(row)
    row.seq = state.seq
    session.flush()
    session.add(
        StateRow(
            account=account, seq=state.seq, digest=state.state_digest, attestation_key=attesting,
            envelope=envelope_of(signed.envelope).to_bytes(), accepted_unix_s=now_unix_s,
        )
    )  # fmt: skip
    session.flush()
    return Published(state.seq, state.state_digest, created=True)


def _verify(session: Session, signed: Signed[State]) -> str:
    """The attestation key whose signature stands before the owner's.

    Exactly those two, in this order: else a stranger could put a public state here first, with a signature of its own
    added, and what the owner holds would no longer be what is kept.
    """
    verify_attestation(signed, trust.current(session))
    attesting, *others = envelope_of(signed.envelope).keys
    if others != [signed.document.owner]:
        raise ContextError(
            "an attestation has exactly two signatures: the venue's, then the owner's", code="bad_signature"
        )
    return attesting


def _check_sequence(session: Session, row: AccountRow | None, state: State) -> None:
    if state.epoch != FIRST_EPOCH:
        raise ContextError("keys of accounts cannot be rotated yet: the key epoch is 1", code="unsupported_epoch")
    current = 0 if row is None else row.seq
    if state.seq <= current:
        raise ContextError("the account is at this sequence number or a later one already", code="earlier_sequence")
    if state.seq > current + 1:
        raise ContextError("the sequence number must be the one after the current", code="unknown_sequence")
    previous = NO_STATE if row is None else state_row(session, row).digest
    if state.previous != previous:
        raise ContextError("the state does not follow from the current one", code="state_mismatch")


def _check_labels(state: State, params: RiskParameters) -> None:
    units = params.units
    for entry in state.commitments:
        if entry.label not in units:
            raise ContextError(
                "a label is neither cash0 nor q/MARKET for a market of the current parameters", code="unknown_label"
            )
        if entry.unit != units[entry.label]:
            raise ContextError("the unit of a label is not the lot of its market", code="lot_changed")
