"""Accounts: their status, their current state, and a new one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from verifier import accounts, answers
from verifier.bodies import raw_body
from verifier.replies import reply, tagged
from zkmargin.documents import State

from .common import ENVELOPE, PAGE, AccountCursor, AccountId, TheService, takes

router = APIRouter()
StateBody = Annotated[bytes, Depends(raw_body(State.media_type()))]


@router.get("/v1/accounts", response_model=answers.AccountPage, operation_id="accounts")
def account_page(service: TheService, cursor: AccountCursor = None) -> Response:
    """Accounts with their statuses, in the order of their identifiers."""
    found = service.statuses(after=cursor, limit=PAGE + 1)
    return reply({"items": found[:PAGE], "next": found[PAGE - 1]["account"] if len(found) > PAGE else None})


@router.get("/v1/accounts/{account}", response_model=answers.AccountStatus, operation_id="account")
def account_status(account: AccountId, service: TheService) -> Response:
    """The status of an account, as it is now."""
    return reply(service.status(account))


@router.get("/v1/accounts/{account}/state", response_model=answers.SignedDocument, operation_id="state")
def account_state(request: Request, account: AccountId, service: TheService) -> Response:
    """The current state of an account, as the venue and its owner signed it."""
    with service.store.reading() as session:
        row = accounts.state_row(session, accounts.row_of(session, account))
        return tagged(request, row.envelope, row.digest, immutable=False)


@router.post(
    "/v1/accounts/{account}/states",
    response_model=answers.StatePut,
    status_code=201,
    responses={200: {"model": answers.StatePut, "description": "It was put here already"}},
    operation_id="put_state",
    openapi_extra=takes(State.media_type(), ENVELOPE),
)
def put_state(account: AccountId, body: StateBody, service: TheService) -> Response:
    """Make an attested state the current one. The first state registers the account."""
    put = service.put_state(account, body)
    value = {"account": account, "seq": put.version, "state_digest": put.digest}
    return reply(value, 201 if put.created else 200)
