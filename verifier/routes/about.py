"""/healthz, /metrics and /v1/verifier."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import text

from verifier import answers, metrics
from verifier.replies import reply

from .common import TheService

router = APIRouter()


@router.get("/healthz", response_model=answers.Health, operation_id="health")
def health(service: TheService) -> Response:
    """The service is up and its database answers."""
    with service.store.reading() as session:
        session.execute(text("SELECT 1"))
    return reply({"status": "ok"})


@router.get(
    "/metrics", operation_id="metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}}
)
def show_metrics(service: TheService) -> Response:
    """Measurements for Prometheus."""
    return Response(service.metrics.page(), media_type=metrics.MEDIA_TYPE)


@router.get("/v1/verifier", response_model=answers.Identity, operation_id="identity")
def identity(service: TheService) -> Response:
    """Who this verifier is, the key that signs its receipts, and what it accepts."""
    policy = service.policy()
    return reply({"audience": policy.audience, "receipt_key": service.receipt_key, "policy": policy.to_value()})
