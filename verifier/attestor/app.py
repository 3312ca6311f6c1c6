"""The ASGI application of the attestor: /healthz, /v1/attestor, pledges for holders, checkpoints for collectors."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Annotated

from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import Response
from sqlalchemy import text
from starlette.exceptions import HTTPException

from verifier import problems
from verifier.bodies import raw_body
from verifier.observe import Observe
from verifier.rate_limit import RateLimit
from verifier.replies import reply
from zkmargin.canonical import MAX_DOCUMENT_BYTES, MAX_INTEGER
from zkmargin.collateral.pledge import Pledge

from . import checkpoints, links, pledges
from .desk import Desk
from .follower import Follower
from .messages import Proposal

PledgeBody = Annotated[bytes, Depends(raw_body(Pledge.media_type(), limit=pledges.MAX_BODY_BYTES))]
ProposalBody = Annotated[bytes, Depends(raw_body(Proposal.media_type(), limit=MAX_DOCUMENT_BYTES))]
Epoch = Annotated[int, Query(ge=1, le=MAX_INTEGER)]
After = Annotated[int, Query(ge=0, le=MAX_INTEGER)]


def _is_collector(request: Request) -> None:
    """Raises: HTTPException 401: not the token. Checked before a body is read."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    wanted: str = request.app.state.token
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(), wanted.encode()):
        headers = {"www-authenticate": "Bearer"}
        raise HTTPException(401, "this needs the token of the attestor's collectors", headers=headers)


Collector = [Depends(_is_collector)]


def create_app(desk: Desk) -> FastAPI:
    """The application on ``desk``, which it follows the chains with, and closes when it ends."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        follower = Follower(desk)
        follower.start()
        yield
        follower.end()
        desk.store.close()

    app = FastAPI(
        title="zkmargin attestor",
        version=version("zkmargin"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.token = desk.token

    @app.get("/healthz")
    def health() -> Response:
        """The attestor is up and its database answers."""
        with desk.store.reading() as session:
            session.execute(text("SELECT 1"))
        return reply({"status": "ok"})

    @app.get("/v1/attestor")
    def describe() -> Response:
        """Venue, name and public keys."""
        return reply(desk.describe())

    @app.post("/v1/pledges", status_code=201)
    def pledge(body: PledgeBody) -> Response:
        """Know a pledge, once its lock is seen."""
        pledged = pledges.accept(desk, body)
        return reply(pledged.to_value(), 201 if pledged.created else 200)

    @app.get("/v1/pledges/{tag}")
    def pledge_status(tag: str) -> Response:
        """How far a pledge is."""
        return reply(pledges.status(desk, tag).to_value())

    @app.get("/v1/chains/{chain}", dependencies=Collector)
    def chain_state(chain: str) -> Response:
        """The newest epoch that is final, and the newest that is signed."""
        return reply(checkpoints.state(desk, chain).to_value())

    @app.get("/v1/chains/{chain}/candidates", dependencies=Collector)
    def candidates(chain: str, epoch: Epoch) -> Response:
        """What this member would sign at an epoch."""
        return reply(checkpoints.candidates(desk, chain, epoch).to_value())

    @app.get("/v1/chains/{chain}/checkpoints", dependencies=Collector)
    def passed(chain: str, after: After) -> Response:
        """The first checkpoint after an epoch that has passed, without leaves."""
        return reply(links.after(desk, chain, after).to_value())

    @app.post("/v1/chains/{chain}/checkpoints", dependencies=Collector)
    def sign(chain: str, body: ProposalBody) -> Response:
        """This member's signature of a proposal."""
        return reply(checkpoints.sign(desk, chain, body).to_value())

    problems.install(app)
    if desk.settings.rate_limit:
        app.add_middleware(RateLimit, rate=desk.settings.rate_limit)
    app.add_middleware(Observe)
    return app
