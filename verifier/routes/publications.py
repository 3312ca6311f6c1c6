"""What the venue's keys publish: trust, risk parameters, oracle reports and the rounds that they make."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from verifier import answers, oracle, parameters, trust
from verifier.bodies import raw_body
from verifier.publication import Published
from verifier.replies import reply, tagged
from verifier.tables import RoundRow
from zkmargin.documents import Oracle, Params, Trust

from .common import ENVELOPE, DocumentDigest, RoundNumber, TheService, takes

router = APIRouter()
TrustBody = Annotated[bytes, Depends(raw_body(Trust.media_type()))]
ParamsBody = Annotated[bytes, Depends(raw_body(Params.media_type()))]
OracleBody = Annotated[bytes, Depends(raw_body(Oracle.media_type()))]


def _published(published: Published) -> Response:
    return reply(published.to_value(), 201 if published.created else 200)


@router.get("/v1/trust", response_model=answers.SignedDocument, operation_id="trust")
def current_trust(request: Request, service: TheService) -> Response:
    """The current trust document."""
    with service.store.reading() as session:
        row = trust.current_row(session)
        return tagged(request, row.envelope, row.digest, immutable=False)


@router.post(
    "/v1/trust",
    response_model=answers.Publication,
    status_code=201,
    responses={200: {"model": answers.Publication, "description": "It was published already"}},
    operation_id="publish_trust",
    openapi_extra=takes(Trust.media_type(), ENVELOPE),
)
def publish_trust(body: TrustBody, service: TheService) -> Response:
    """Publish the next trust document, signed by a root of the current one and by one of its own."""
    return _published(service.publish_trust(body))


@router.get("/v1/params/current", response_model=answers.SignedDocument, operation_id="params_current")
def current_params(request: Request, service: TheService) -> Response:
    """The current risk parameters."""
    with service.store.reading() as session:
        row = parameters.current_row(session)
        return tagged(request, row.envelope, row.digest, immutable=False)


@router.get("/v1/params/{digest}", response_model=answers.SignedDocument, operation_id="params")
def params(request: Request, digest: DocumentDigest, service: TheService) -> Response:
    """A version of the risk parameters, current or not."""
    with service.store.reading() as session:
        row = parameters.row_of(session, digest)
        if row is None:
            raise HTTPException(404, "no risk parameters with this digest were published here")
        return tagged(request, row.envelope, row.digest, immutable=True)


@router.post(
    "/v1/params",
    response_model=answers.Publication,
    status_code=201,
    responses={200: {"model": answers.Publication, "description": "They were published already"}},
    operation_id="publish_params",
    openapi_extra=takes(Params.media_type(), ENVELOPE),
)
def publish_params(body: ParamsBody, service: TheService) -> Response:
    """Publish the next version of the risk parameters, signed by a parameter key."""
    return _published(service.publish_params(body))


@router.post(
    "/v1/oracle/reports",
    response_model=answers.Report,
    status_code=201,
    responses={
        200: {"model": answers.Report, "description": "This report was taken already; its round is complete"},
        202: {"model": answers.Report, "description": "Taken; the round waits for more reports"},
    },
    operation_id="report",
    openapi_extra=takes(Oracle.media_type(), ENVELOPE),
)
def report(body: OracleBody, service: TheService) -> Response:
    """Report one key's prices for a round. 201: the round is complete with it, and current."""
    reported = service.report(body)
    return reply(reported.to_value(), 201 if reported.completed else 202 if reported.digest is None else 200)


@router.get("/v1/oracle/current", response_model=answers.OracleRound, operation_id="round_current")
def current_round(request: Request, service: TheService) -> Response:
    """The current round."""
    with service.store.reading() as session:
        row = oracle.required_row(session)
        return tagged(request, row.content, row.digest, immutable=False)


@router.get("/v1/oracle/rounds/{number}", response_model=answers.OracleRound, operation_id="round")
def round_of(request: Request, number: RoundNumber, service: TheService) -> Response:
    """A completed round: it never changes."""
    with service.store.reading() as session:
        row = session.get(RoundRow, number)
        if row is None:
            raise HTTPException(404, "no round with this number is complete here")
        return tagged(request, row.content, row.digest, immutable=True)
