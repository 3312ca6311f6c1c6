"""Every error as problem+json (RFC 9457): ``type`` about:blank, ``title`` of the status, ``detail`` one sentence,
``code`` for machines.

The sentence is ours and fixed: nothing that a client sent is in it. What nobody expected is a 500 without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from zkmargin.errors import EncodingError, InputError, VerificationError, ZkMarginError

from .errors import Unavailable

MEDIA_TYPE = "application/problem+json"

_STATUS_OF_CODE = {
    HTTPStatus.FORBIDDEN: {
        "unsigned", "bad_signature", "unattested",
        "too_few_signatures", "duplicate_signature", "unknown_member", "high_s", "bad_possession",
    },
    HTTPStatus.NOT_FOUND: {
        "unknown_account", "no_trust", "no_params", "no_round", "unknown_pledge",
        "no_registry", "unknown_lock", "no_leaf",
    },
    HTTPStatus.CONFLICT: {
        "earlier_sequence", "unknown_sequence", "state_mismatch", "old_params", "old_round", "round_closed",
        "round_gap", "equivocation", "old_version", "version_conflict", "version_gap", "lot_changed", "market_removed",
        "wrong_version", "registry_changed", "registry_moved", "old_registry", "no_members", "wrong_set", "wrong_epoch",
        "old_checkpoint", "skipped_checkpoint", "unknown_checkpoint", "chain_frozen", "double_pledge",
        "collateral_reorged", "collateral_released", "collateral_seized", "collateral_expired",
        "collateral_coefficient",
    },
}  # fmt: skip
_STATUS = {code: status for status, codes in _STATUS_OF_CODE.items() for code in codes}
_HTTP_CODES = {
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "too_large",
    415: "unsupported_media_type",
}


class Problem(JSONResponse):
    """A problem+json response."""

    media_type = MEDIA_TYPE

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        content = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "code": code,
            "detail": detail,
        }
        super().__init__(content | members, status_code=status, headers=headers)


def status_of(error: ZkMarginError) -> int:
    """The HTTP status of a refusal or failure."""
    if isinstance(error, Unavailable):
        return HTTPStatus.SERVICE_UNAVAILABLE
    if error.code in _STATUS:
        return _STATUS[error.code]
    if isinstance(error, InputError | EncodingError):
        return HTTPStatus.BAD_REQUEST
    if isinstance(error, VerificationError):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPStatus.INTERNAL_SERVER_ERROR


def from_error(error: ZkMarginError, **members: Any) -> Problem:
    """The problem that ``error`` is; ``members`` are added to it."""
    return Problem(status_of(error), error.code, str(error), **members)


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem: ours, the framework's, and unexpected ones."""
    app.add_exception_handler(ZkMarginError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)


def _ours(request: Request, error: Any) -> Response:
    request.state.code = error.code
    return from_error(error)


def _http(request: Request, error: Any) -> Response:
    status = int(error.status_code)
    phrase = HTTPStatus(status).phrase
    code = request.state.code = _HTTP_CODES.get(status, "http_error")
    # Our own sentences come in ``detail``; the framework's are the phrase of the status.
    return Problem(status, code, error.detail or phrase, headers=error.headers)


def _validation(request: Request, error: Any) -> Response:
    """Where and why, never what: the default answer of the framework repeats the value."""
    request.state.code = "bad_input"
    problems = [{"loc": [str(part) for part in e["loc"]], "msg": str(e["msg"])} for e in error.errors()]
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "bad_input", "a parameter of the request is not valid", errors=problems
    )


def _gone(_request: Request, _error: Any) -> Response:
    return Problem(HTTPStatus.BAD_REQUEST, "bad_input", "the request ended before its body did")


def _unexpected(request: Request, _error: Any) -> Response:
    request.state.code = "internal"
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "the service failed; nothing was changed")
