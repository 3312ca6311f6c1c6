"""Submissions: a bundle in, a verdict with a receipt out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import defer
from starlette.exceptions import HTTPException

from verifier import answers, problems, submissions
from verifier.bodies import raw_body
from verifier.replies import reply, tagged
from verifier.service import Refused
from verifier.tables import SubmissionRow
from zkmargin import canonical
from zkmargin.bundle import MEDIA_TYPE
from zkmargin.envelope import Envelope

from .common import PAGE, AccountFilter, BundleId, NumberCursor, TheService, takes

router = APIRouter()
BundleBody = Annotated[bytes, Depends(raw_body(MEDIA_TYPE))]
_WITHOUT_BYTES = (defer(SubmissionRow.bundle, raiseload=True), defer(SubmissionRow.box, raiseload=True))
_BUNDLE = {"type": "object", "description": "zkmargin/bundle/v1 of docs/formats.md, in canonical bytes"}


def _verdict(bundle: str, receipt: Envelope) -> dict[str, Any]:
    return {"bundle": bundle, "verdict": "accepted", "reason": "ok", "receipt": receipt.to_value()}


@router.post(
    "/v1/submissions",
    response_model=answers.Verdict,
    status_code=201,
    responses={200: {"model": answers.Verdict, "description": "These bytes were accepted before: the first receipt"}},
    operation_id="submit",
    openapi_extra=takes(MEDIA_TYPE, _BUNDLE),
)
def submit(request: Request, body: BundleBody, service: TheService) -> Response:
    """Ask for a verdict on a bundle. A refusal says why, with a receipt, and stores nothing."""
    decision = service.submit(body)
    if isinstance(decision, Refused):
        request.state.code = decision.error.code
        return problems.from_error(decision.error, verdict="refused", receipt=decision.receipt.to_value())
    return reply(_verdict(decision.bundle, decision.receipt), 201 if decision.created else 200)


@router.get("/v1/submissions", response_model=answers.SubmissionPage, operation_id="submissions")
def submission_page(service: TheService, account: AccountFilter = None, cursor: NumberCursor = None) -> Response:
    """Accepted submissions, the oldest first."""
    wanted = [SubmissionRow.n > (cursor or 0)]
    if account is not None:
        wanted.append(SubmissionRow.account == account)
    with service.store.reading() as session:
        query = select(SubmissionRow).options(*_WITHOUT_BYTES).where(*wanted).order_by(SubmissionRow.n).limit(PAGE + 1)
        rows = session.scalars(query).all()
        items = [
            {
                "bundle": row.id,
                "account": row.account,
                "seq": row.seq,
                "round": row.round,
                "claim": row.claim,
                "expiry": canonical.format_time(row.expiry_unix_s),
                "decided": canonical.format_time(row.decided_unix_s),
            }
            for row in rows[:PAGE]
        ]
        following = str(rows[PAGE - 1].n) if len(rows) > PAGE else None
    return reply({"items": items, "next": following})


@router.get("/v1/submissions/{bundle}", response_model=answers.Verdict, operation_id="submission")
def submission(request: Request, bundle: BundleId, service: TheService) -> Response:
    """The verdict on an accepted bundle, with its receipt."""
    with service.store.reading() as session:
        row = submissions.known(session, bundle)
        if row is None:
            raise HTTPException(404, "no bundle with this identifier was accepted here")
        content = canonical.to_bytes(_verdict(row.id, Envelope.from_bytes(row.receipt)))
    return tagged(request, content, row.id, immutable=True)
