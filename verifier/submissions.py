"""Submissions: a bundle asks, the verifier looks everything up in its own state and decides.

The copies of parameters, round and state inside a bundle are never used: they are for those who have no state of their
own. They must be the very bytes that are kept here, signatures included. So an accepted bundle can be checked by
anyone, and one proof makes one bundle: nobody can turn it into many by touching what the proof does not bind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from circuits import policy
from circuits.boxes import PriceBox
from circuits.claims import Claims
from circuits.markets import RiskParameters
from circuits.prices import box_from_request, prices_of
from circuits.statement import claims_of
from zkmargin import canonical
from zkmargin.bundle import Bundle, Request
from zkmargin.documents import Params, Round, State
from zkmargin.errors import ContextError, InputError

from . import accounts, documents, oracle, packed, parameters, statuses, trust
from .collateral import counting
from .collateral.counting import Counted
from .settings import Settings
from .tables import ParamsRow, RoundRow, StateRow, SubmissionRow


@dataclass(frozen=True)
class Grounds:
    """What a request refers to, out of the verifier's own state; every question but the proof is answered."""

    state: State
    params: Params
    params_version: int
    round: Round
    claims: Claims
    box: PriceBox
    standing: bool
    counted: Counted | None


def known(session: Session, bundle: str) -> SubmissionRow | None:
    """The accepted submission with this bundle id, if there is one."""
    return session.scalars(select(SubmissionRow).where(SubmissionRow.id == bundle)).first()


def check(session: Session, bundle: Bundle, settings: Settings, *, now_unix_s: int) -> Grounds:
    """Answer every question about ``bundle`` but the proof. The order decides which code a bundle with several faults
    gets.

    Raises: ContextError "wrong_audience"; "unknown_account", "earlier_sequence", "unknown_sequence", "state_mismatch",
            "unattested"; "unknown_params", "old_params"; "unknown_round", "old_round"; "expired", "expiry_too_far";
            "claim_not_allowed"; "bad_box", "missing_price", "price_outside_box", "box_too_wide"; those of
            ``counting.check``.
    """
    request = bundle.request
    policy.check_audience(request.audience, settings.audience)
    state_row = _state(session, request)
    _same(bundle.state.to_value(), state_row.envelope, "state", "state_mismatch")
    params_row = _params(session, request, now_unix_s, settings.params_grace_s)
    _same(bundle.params.to_value(), params_row.envelope, "parameters", "unknown_params")
    round_row = _round(session, request, now_unix_s, settings.max_round_age_s)
    _same(bundle.round.to_value(), round_row.content, "round", "unknown_round")
    policy.check_expiry(canonical.parse_time(request.expiry), now_unix_s, settings.max_expiry_s)
    claims = claims_of(request)
    policy.check_claims(claims, settings.claims)
    risk = documents.risk_parameters(params_row.envelope)
    round_ = documents.stored_round(round_row.content)
    box = _box(request, risk, round_, settings.max_box_percent)
    counted = None
    if request.collateral is not None:
        clock_unix_s, _ = statuses.clock_and_round(session, now_unix_s)
        counted = counting.check(
            session, request.collateral, request.account, clock_unix_s=clock_unix_s, grace_s=settings.params_grace_s
        )
    return Grounds(
        state=documents.stored_state(state_row.envelope).document,
        params=documents.stored_params(params_row.envelope).document,
        params_version=params_row.version,
        round=round_,
        claims=claims,
        box=box,
        standing=claims.implies_maintenance(risk.at(box)),
        counted=counted,
    )


def _state(session: Session, request: Request) -> StateRow:
    row = accounts.row_of(session, request.account)
    if request.seq < row.seq:
        raise ContextError("the account has a later state than the bundle is about", code="earlier_sequence")
    if request.seq > row.seq:
        raise ContextError("the bundle is about a state that was not put here yet", code="unknown_sequence")
    state = accounts.state_row(session, row)
    if request.state_digest != state.digest:
        raise ContextError("the bundle is about another state with this sequence number", code="state_mismatch")
    if state.attestation_key not in trust.current(session).attestation:
        raise ContextError(
            "the key that attested the state is not trusted any more: put a new state", code="unattested"
        )
    return state


def _params(session: Session, request: Request, now_unix_s: int, grace_s: int) -> ParamsRow:
    row = parameters.row_of(session, request.params)
    if row is None:
        raise ContextError("the bundle refers to risk parameters that were never published here", code="unknown_params")
    end_unix_s = parameters.ends(session, grace_s=grace_s).get(row.version)
    if end_unix_s is not None and now_unix_s > end_unix_s:
        raise ContextError("the bundle refers to risk parameters that are no longer in force", code="old_params")
    return row


def _round(session: Session, request: Request, now_unix_s: int, max_age_s: int) -> RoundRow:
    row = oracle.row_of(session, request.round)
    if row is None or row.number != request.round_number:
        raise ContextError("the bundle refers to an oracle round that is not complete here", code="unknown_round")
    policy.check_round_age(row.time_unix_s, now_unix_s, max_age_s)
    return row


def _box(request: Request, params: RiskParameters, round_: Round, max_percent: str) -> PriceBox:
    """The box that is asked for: it holds both medians of the round that the request names, and is not too wide around
    them.

    Whether it holds those of the current round too is for the status to say, now and at every later round.
    """
    box = box_from_request(request, params)
    try:
        prices = prices_of(round_, params)
    except InputError as error:
        raise ContextError(
            "the round is older than a market of the parameters: use a later one", code=error.code
        ) from None
    policy.check_prices(params.box(prices), box)
    policy.check_width(box, policy.widest_box(prices, params, max_percent))
    return box


def _same(copy: Any, kept: bytes, what: str, code: str) -> None:
    if canonical.to_bytes(copy) != kept:
        raise ContextError(
            f"the {what} inside the bundle must be those of this service, signatures included", code=code
        )


def accept(
    session: Session, data: bytes, bundle: str, request: Request, grounds: Grounds, *, receipt: bytes, now_unix_s: int
) -> SubmissionRow:
    """Store an accepted submission with its receipt. ``check`` was asked again in this same transaction."""
    row = SubmissionRow(
        id=bundle, account=request.account, seq=request.seq, params_version=grounds.params_version,
        round=grounds.round.number, claim=str(grounds.claims), standing=grounds.standing,
        expiry_unix_s=canonical.parse_time(request.expiry), box=packed.pack(grounds.box), bundle=data,
        receipt=receipt, decided_unix_s=now_unix_s,
        registry_version=None if grounds.counted is None else grounds.counted.version,
    )  # fmt: skip
    session.add(row)
    session.flush()
    if grounds.counted is not None:
        counting.keep(session, row.n, grounds.counted)
    statuses.retire(session, request.account, request.seq)
    return row
