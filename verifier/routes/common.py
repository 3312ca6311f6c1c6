"""What routes share: the service, and the shapes of identifiers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request

from verifier.service import Service
from zkmargin.canonical import MAX_INTEGER

_DIGEST = r"^0x[0-9a-f]{64}$"


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(_service)]
AccountId = Annotated[str, Path(description="Identifier of the account", pattern=_DIGEST)]
DocumentDigest = Annotated[str, Path(description="Digest of the document", pattern=_DIGEST)]
BundleId = Annotated[str, Path(description="SHA-256 of the submitted bytes", pattern=_DIGEST)]
RoundNumber = Annotated[int, Path(description="Number of the round", ge=1, le=MAX_INTEGER)]
AccountFilter = Annotated[str | None, Query(description="Only of this account", pattern=_DIGEST)]
AccountCursor = Annotated[str | None, Query(description="`next` of the page before", pattern=_DIGEST)]
NumberCursor = Annotated[int | None, Query(description="`next` of the page before", ge=0, le=MAX_INTEGER)]

PAGE = 100
"""Items of a page."""


def takes(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI description of a body that the route reads as bytes."""
    content = {kind: {"schema": schema} for kind in dict.fromkeys(("application/json", media_type))}
    return {"requestBody": {"required": True, "content": content}}


ENVELOPE = {"$ref": "#/components/schemas/SignedDocument"}
