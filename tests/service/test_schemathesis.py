"""The API against its own description: whatever fits it, and what nearly does, is answered as it says."""

from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from collateral_service import Scene
from collateral_world import EVM, SOL, tag_evidence
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from service_world import PRICES, World, make_report

from verifier.openapi import description
from zkmargin import canonical

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


ROUTES = [(method.upper(), path) for path, methods in json.loads(description())["paths"].items() for method in methods]


@pytest.fixture(scope="module")
def api(still_world: World) -> Any:
    holder = still_world.holder().put()
    assert still_world.submit(holder.bundle()).status_code == 201
    return schemathesis.openapi.from_asgi("/openapi.json", still_world.client.app)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_answers_as_described(api: Any, method: str, path: str) -> None:
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(api[path][method].as_strategy())
    def ask(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    ask()


def test_the_description_is_of_good_answers_too(still_world: World, api: Any) -> None:
    """Random requests hardly ever get a good answer: here are some, against the same schemas."""
    holder = still_world.holder()
    put = still_world.put(holder.id, holder.attest(holder.next_state()))
    accepted = still_world.submit(holder.bundle())
    refused = still_world.submit(holder.wrap(holder.request(audience="x"), b""))
    bundle = accepted.json()["bundle"]
    report = make_report(2, PRICES, still_world.now)
    answers: list[tuple[str, str, Any]] = [
        ("/v1/accounts/{account}/states", "POST", put),
        ("/v1/submissions", "POST", accepted),
        ("/v1/submissions", "POST", refused),
        ("/v1/oracle/reports", "POST", still_world.report(report.sign(still_world.keys.oracles[0]))),
        ("/v1/params", "POST", still_world.post("/v1/params", canonical.to_bytes(still_world.params.to_value()))),
    ]
    gets: dict[str, str] = {
        "/healthz": "/healthz", "/metrics": "/metrics", "/v1/verifier": "/v1/verifier", "/v1/trust": "/v1/trust",
        "/v1/params/current": "/v1/params/current", "/v1/params/{digest}": f"/v1/params/{still_world.params.digest}",
        "/v1/oracle/current": "/v1/oracle/current", "/v1/oracle/rounds/{number}": "/v1/oracle/rounds/1",
        "/v1/accounts": "/v1/accounts", "/v1/accounts/{account}": f"/v1/accounts/{holder.id}",
        "/v1/accounts/{account}/state": f"/v1/accounts/{holder.id}/state", "/v1/submissions": "/v1/submissions",
        "/v1/submissions/{bundle}": f"/v1/submissions/{bundle}",
    }  # fmt: skip
    answers += [(route, "GET", still_world.client.get(path)) for route, path in gets.items()]
    for route, method, answer in answers:
        assert answer.status_code < 300 or answer is refused, (route, answer.text)
        api[route][method].validate_response(answer)


def test_the_description_is_of_good_answers_about_collateral_too(scene: Scene) -> None:
    api = schemathesis.openapi.from_asgi("/openapi.json", scene.client.app)
    prefix, file = "/v1/collateral", scene.file(EVM, [scene.ann_eth, scene.ben_eth])
    taken = scene.take(file)
    contradicting = scene.take(scene.file(EVM, epoch=2, previous=file.checkpoint.previous))
    answers: list[tuple[str, str, Any]] = [
        ("/checkpoints", "POST", taken),
        ("/checkpoints", "POST", contradicting),
        ("/registry", "POST", scene.publish_registry(scene.next_registry())),
        ("/sets", "POST", scene.rotate(EVM)),
        ("/locks", "POST", scene.show(tag_evidence(scene.last[SOL], 0))),
    ]
    gets = {
        "/registry": "/registry", "/chains": "/chains", "/classes": "/classes",
        "/chains/{chain}/sets": f"/chains/{EVM}/sets",
        "/chains/{chain}/checkpoints/{epoch}": f"/chains/{EVM}/checkpoints/2",
        "/locks/{tag}": f"/locks/{canonical.to_hex(scene.ann_eth.note.tag)}",
        "/locks/{tag}/evidence": f"/locks/{canonical.to_hex(scene.ann_dollars.note.tag)}/evidence",
    }  # fmt: skip
    answers += [(route, "GET", scene.client.get(prefix + path)) for route, path in gets.items()]
    for route, method, answer in answers:
        assert answer.status_code < 300, (route, answer.text)
        api[prefix + route][method].validate_response(answer)
