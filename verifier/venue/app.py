"""The ASGI application of the venue: /healthz, /v1/venue, /v1/attestations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.responses import Response
from sqlalchemy import text

from verifier import problems
from verifier.bodies import raw_body
from verifier.observe import Observe
from verifier.rate_limit import RateLimit
from verifier.replies import reply
from zkmargin.documents import AttestationRequest

from .desk import Desk

RequestBody = Annotated[bytes, Depends(raw_body(AttestationRequest.media_type()))]


def create_app(desk: Desk) -> FastAPI:
    """The application on ``desk``, which it closes when it ends."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        desk.store.close()

    app = FastAPI(
        title="zkmargin venue",
        version=version("zkmargin"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.max_body_bytes = desk.settings.max_body_bytes

    @app.get("/healthz")
    def health() -> Response:
        """The venue is up and its database answers."""
        with desk.store.reading() as session:
            session.execute(text("SELECT 1"))
        return reply({"status": "ok"})

    @app.get("/v1/venue")
    def describe() -> Response:
        """Name and public keys."""
        return reply(desk.describe())

    @app.post("/v1/attestations", status_code=201)
    def attest(body: RequestBody) -> Response:
        """The state of an owner-signed request, with the venue's signature."""
        attested = desk.attest(body)
        return reply(attested.envelope.to_value(), 201 if attested.created else 200)

    problems.install(app)
    if desk.settings.rate_limit:
        app.add_middleware(RateLimit, rate=desk.settings.rate_limit)
    app.add_middleware(Observe)
    return app
