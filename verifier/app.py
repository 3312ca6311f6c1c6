"""The ASGI application of the verifier."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from . import answers, problems
from .observe import Observe
from .rate_limit import RateLimit
from .routes import about, accounts, collateral, publications, submissions
from .service import Service

PROBLEM = {
    "description": "Refused, with a reason code",
    "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_REF = "#/components/schemas/{model}"


class VerifierApp(FastAPI):
    """FastAPI, whose description also has the schema of problems."""

    def openapi(self) -> dict[str, Any]:
        description = super().openapi()
        _, defined = models_json_schema([(answers.Problem, "serialization")], ref_template=_REF)
        schemas = description.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in defined["$defs"].items():
            schemas.setdefault(name, schema)
        return description


def create_app(service: Service) -> FastAPI:
    """The application on ``service``, which it closes when it ends."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        service.store.close()

    app = VerifierApp(
        title="zkmargin verifier",
        summary="States of accounts, parameters, oracle rounds, verdicts and statuses",
        version=version("zkmargin"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would repeat the address that was asked for
        responses={"4XX": PROBLEM, "5XX": PROBLEM},
    )
    app.state.service = service
    app.state.max_body_bytes = service.settings.max_body_bytes
    for module in (about, publications, collateral, accounts, submissions):
        app.include_router(module.router)
    problems.install(app)
    if service.settings.rate_limit:
        app.add_middleware(RateLimit, rate=service.settings.rate_limit)
    app.add_middleware(Observe, measured=service.metrics.request)
    return app
