"""The service as HTTP: every error is problem+json, nothing that was sent comes back, limits hold, and it can be
observed."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from service_world import JSON, PRICES, World, make_report
from starlette.exceptions import HTTPException

from verifier import bodies, logs, problems
from verifier.openapi import description
from verifier.venue.app import create_app as venue_app
from zkmargin.bundle import MEDIA_TYPE
from zkmargin.documents import Policy, Trust

CANARY = "canary7391"
ROUTES = ["/v1/trust", "/v1/params", "/v1/oracle/reports", f"/v1/accounts/0x{'11' * 32}/states", "/v1/submissions"]


def problem_of(answer: Any) -> dict[str, Any]:
    """The problem in an answer, after checking that it is one."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "about:blank"
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]
    assert problem["code"].isidentifier()
    return problem


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", f"/{CANARY}", 404, "not_found"),
        ("GET", "/v1/accounts/", 404, "not_found"),
        ("PUT", "/v1/params", 405, "method_not_allowed"),
        ("DELETE", "/v1/submissions", 405, "method_not_allowed"),
        (CANARY.upper(), "/v1/params", 405, "method_not_allowed"),
        ("GET", "/v1/params", 405, "method_not_allowed"),
        ("GET", f"/v1/params/0x{'00' * 32}", 404, "not_found"),
        ("GET", f"/v1/submissions/0x{'00' * 32}", 404, "not_found"),
        ("GET", f"/v1/accounts/{CANARY}", 422, "bad_input"),
        ("GET", "/v1/accounts/0x" + "AB" * 32, 422, "bad_input"),
        ("GET", f"/v1/accounts/0x{'00' * 32}%0A", 422, "bad_input"),
        ("GET", f"/v1/accounts?cursor={CANARY}", 422, "bad_input"),
        ("GET", f"/v1/submissions?cursor={CANARY}", 422, "bad_input"),
        ("GET", "/v1/submissions?cursor=-1", 422, "bad_input"),
        ("GET", "/v1/submissions?cursor=" + "9" * 5000, 422, "bad_input"),
        ("GET", f"/v1/oracle/rounds/{CANARY}", 422, "bad_input"),
        ("GET", "/v1/oracle/rounds/0", 422, "bad_input"),
        ("GET", "/v1/oracle/rounds/9007199254740992", 422, "bad_input"),
        ("GET", "/v1/oracle/rounds/\N{ARABIC-INDIC DIGIT ONE}", 422, "bad_input"),
    ],
)
def test_errors_of_addresses(still_world: World, method: str, path: str, status: int, code: str) -> None:
    answer = still_world.client.request(method, path)
    assert answer.status_code == status
    assert problem_of(answer)["code"] == code
    if status == 405:
        assert answer.headers["allow"]
    if code == "bad_input":
        assert {*answer.json()["errors"][0]} == {"loc", "msg"}
    assert CANARY.lower() not in answer.text.lower()


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{}", f"application/{CANARY}", 415),
        (b"{}", None, 415),
        (b"x" * (4 << 20) + b"x", "application/json", 413),
        (b"", "application/json", 400),
        (b"{}", "application/json", 400),
        (b"[]", "application/json; charset=utf-8", 400),
        (b"null", "APPLICATION/JSON", 400),
        (f'{{"schema": "{CANARY}", "{CANARY}": "{CANARY}"}}'.encode(), "application/json", 400),
        (f'{{"payloadType": "{CANARY}", "payload": "{CANARY}", "signatures": []}}'.encode(), "application/json", 400),
        (f'"{CANARY}'.encode(), "application/json", 400),
        (b"[" * 5000 + b"]" * 5000, "application/json", 400),
        (b"9" * 5000, "application/json", 400),
        (b"\xff\xfe" + CANARY.encode(), "application/json", 400),
    ],
)
def test_errors_of_bodies(still_world: World, path: str, content: bytes, media_type: str | None, status: int) -> None:
    headers = {} if media_type is None else {"content-type": media_type}
    answer = still_world.client.post(path, content=content, headers=headers)
    assert answer.status_code == status
    problem_of(answer)
    assert CANARY not in answer.text


def test_a_body_is_not_read_beyond_the_limit(make_world: Callable[..., World]) -> None:
    world = make_world(max_body_bytes=1024)
    # In chunks, without a declared length.
    answer = world.client.post("/v1/params", content=(b" " * 100 for _ in range(11)), headers=JSON)
    assert problem_of(answer)["code"] == "too_large"
    answer = world.client.post("/v1/params", content=(b" " * 100 for _ in range(10)), headers=JSON)
    assert problem_of(answer)["code"] == "bad_input"
    for declared in ("1025", "9" * 30):  # refused for what it says, without waiting for it
        answer = world.client.post("/v1/params", content=b"", headers=JSON | {"content-length": declared})
        assert problem_of(answer)["code"] == "too_large"
        assert answer.headers["connection"] == "close"


def test_a_body_that_does_not_come_is_not_waited_for(still_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "TIMEOUT_S", 0.01)

    async def silence() -> dict[str, Any]:
        await asyncio.sleep(10)
        return {"type": "http.disconnect"}

    headers = [(b"content-type", b"application/json")]
    request = Request({"type": "http", "method": "POST", "headers": headers, "app": still_world.client.app}, silence)
    with pytest.raises(HTTPException) as caught:
        asyncio.run(bodies.raw_body()(request))
    assert caught.value.status_code == 408


def desk() -> Any:
    return SimpleNamespace(settings=SimpleNamespace(max_body_bytes=1024, rate_limit=""))


@pytest.mark.parametrize("of", ["verifier", "venue"])
def test_a_body_that_stops_half_way_is_answered(still_world: World, monkeypatch: pytest.MonkeyPatch, of: str) -> None:
    monkeypatch.setattr(bodies, "TIMEOUT_S", 0.01)
    app, path = (still_world.client.app, ROUTES[-1]) if of == "verifier" else (venue_app(desk()), "/v1/attestations")
    parts: list[dict[str, Any]] = [{"type": "http.request", "body": b"{", "more_body": True}]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not parts:
            await asyncio.sleep(60)
        return parts.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def canaries(world: World) -> list[tuple[str, bytes]]:
    """Documents that are nearly right, with a canary in every kind of place."""
    report = make_report(2, PRICES, world.now).to_value()
    trust = world.keys.trust(2).to_value()
    return [
        ("/v1/oracle/reports", json.dumps(report | change).encode())
        for change in (
            {"venue": CANARY}, {"time": CANARY}, {CANARY: 1}, {"round": CANARY}, {"prices": [{CANARY: CANARY}]},
            {"prices": [{"market": CANARY, "price": CANARY}]}, {"prices": {CANARY: CANARY}}, {"prices": CANARY},
            {"prices": [{"market": f"{CANARY} {CANARY}", "price": "1"}]},
            {"funding": [{"market": CANARY, "index": "1"}]},
        )
    ] + [
        ("/v1/trust", json.dumps(trust | change).encode())
        for change in ({"venue": CANARY}, {"root": [CANARY]}, {"oracle_threshold": CANARY}, {CANARY: CANARY})
    ]  # fmt: skip


def test_nothing_that_was_sent_comes_back_or_is_logged(still_world: World) -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure(stream)
    try:
        for path, content in canaries(still_world):
            answer = still_world.post(path, content)
            problem_of(answer)
            assert CANARY not in answer.text, content
        client = still_world.client
        client.get(f"/{CANARY}?{CANARY}={CANARY}", headers={"user-agent": CANARY, "x-forwarded-for": CANARY})
        client.request(CANARY.upper(), "/v1/params")
        client.post("/v1/submissions", content=CANARY.encode(), headers={"content-type": MEDIA_TYPE})
        holder = still_world.holder()
        still_world.put(holder.id, holder.attest(holder.next_state()))
        still_world.submit(holder.bundle())
        logging.getLogger("uvicorn.error").info("of a library: %s", CANARY)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    lines = stream.getvalue()
    assert CANARY not in lines.lower()
    for secret in (
        holder.id,
        holder.id[2:],
        holder.owner.public,
        *(str(o.value) for o in holder.openings.values() if o.value),
    ):
        assert secret not in lines
    entries = [json.loads(line) for line in lines.splitlines()]
    ours = [entry for entry in entries if entry["event"] == "request"]
    assert {"method": "POST", "route": "/v1/submissions", "status": 201, "code": None}.items() <= ours[-1].items()
    assert any(entry["event"] == "of a library: %s" for entry in entries)
    assert any(entry["method"] == "other" for entry in ours)
    assert any(entry["route"] == "none" and entry["status"] == 404 for entry in ours)


def test_what_nobody_expected_is_a_500_that_says_nothing(
    still_world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(type(still_world.service), "status", broken)
    answer = still_world.client.get(f"/v1/accounts/0x{'00' * 32}")
    assert answer.status_code == 500
    assert problem_of(answer)["code"] == "internal"
    assert CANARY not in answer.text
    try:
        broken()
    except RuntimeError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed", None, __import__("sys").exc_info())
    line = logs.JsonLines().format(record)
    assert CANARY not in line
    assert json.loads(line)["exception"] == "RuntimeError"
    assert "test_http.py" in json.loads(line)["at"][0]


def test_a_rate_limit_counts_addresses_apart(make_world: Callable[..., World]) -> None:
    world = make_world(rate_limit="3/year")
    app = world.client.app

    def ask(address: str, path: str = "/v1/oracle/current") -> Any:
        return TestClient(app, client=(address, 1)).get(path)

    assert [ask("192.0.2.1").status_code for _ in range(4)] == [404, 404, 404, 429]
    refused = ask("192.0.2.1")
    assert problem_of(refused)["code"] == "too_many_requests"
    assert int(refused.headers["retry-after"]) >= 1
    assert ask("192.0.2.2").status_code == 404
    assert ask("192.0.2.1", "/healthz").status_code == 200
    # An IPv6 customer has a whole /64, and an IPv4 address may come written as IPv6.
    assert [ask(f"2001:db8::{i}").status_code for i in range(4)] == [404, 404, 404, 429]
    assert ask("2001:db8:0:1::1").status_code == 404
    assert ask("::ffff:192.0.2.1").status_code == 429


def test_the_service_says_who_it_is(still_world: World) -> None:
    answer = still_world.client.get("/v1/verifier").json()
    assert answer["audience"] == "risk.example"
    assert answer["receipt_key"] == still_world.receipt_key.public
    policy = Policy.from_value(answer["policy"])
    assert policy.trust == still_world.keys.trust()
    assert isinstance(policy.trust, Trust)
    assert (policy.max_expiry_s, policy.max_round_age_s) == (30 * 86400, 600)


def test_health_and_metrics(world: World) -> None:
    assert world.client.get("/healthz").json() == {"status": "ok"}
    holder = world.holder().put()
    bundle = holder.bundle()
    for content in (bundle, bundle, bundle[:-1], holder.wrap(holder.request(audience="x"), b"")):
        world.submit(content)
    page = world.client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    for line in (
        'zkmargin_submissions_total{reason="ok"} 1.0',
        'zkmargin_submissions_total{reason="bad_encoding"} 1.0',
        'zkmargin_submissions_total{reason="wrong_audience"} 1.0',
        "zkmargin_submission_repeats_total 1.0",
        "zkmargin_verify_seconds_count 1.0",
        'zkmargin_accounts{status="live"} 1.0',
        'zkmargin_accounts{status="stale"} 0.0',
        'zkmargin_request_seconds_count{method="POST",route="/v1/submissions",status="201"} 1.0',
    ):
        assert line in page.text
    assert holder.id not in page.text


def test_a_failing_database_is_a_503_and_no_metrics(still_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError
    from sqlalchemy.orm import Session

    def broken(*_: object, **__: object) -> None:
        raise OperationalError(CANARY, {"value": CANARY}, RuntimeError(CANARY))

    monkeypatch.setattr(Session, "scalars", broken)
    monkeypatch.setattr(Session, "execute", broken)
    for path in ("/healthz", "/metrics", "/v1/trust", "/v1/accounts"):
        answer = still_world.client.get(path)
        assert (answer.status_code, problem_of(answer)["code"]) == (503, "store_unavailable")
        assert CANARY not in answer.text


def test_every_code_has_one_status() -> None:
    codes = [code for group in problems._STATUS_OF_CODE.values() for code in group]
    assert len(codes) == len(set(codes))


def test_the_description_is_the_committed_one() -> None:
    from pathlib import Path

    committed = Path(__file__).parents[2] / "docs" / "openapi.json"
    assert committed.read_text("utf-8") == description(), "run: python -m verifier.openapi --out docs/openapi.json"


def test_the_description_names_every_route_of_the_contract() -> None:
    paths = {
        (method.upper(), path) for path, methods in json.loads(description())["paths"].items() for method in methods
    }
    assert paths == {
        ("GET", "/healthz"), ("GET", "/metrics"), ("GET", "/v1/verifier"), ("GET", "/v1/trust"), ("POST", "/v1/trust"),
        ("GET", "/v1/params/current"), ("GET", "/v1/params/{digest}"), ("POST", "/v1/params"),
        ("POST", "/v1/oracle/reports"), ("GET", "/v1/oracle/current"), ("GET", "/v1/oracle/rounds/{number}"),
        ("GET", "/v1/accounts"), ("GET", "/v1/accounts/{account}"), ("GET", "/v1/accounts/{account}/state"),
        ("POST", "/v1/accounts/{account}/states"), ("POST", "/v1/submissions"), ("GET", "/v1/submissions"),
        ("GET", "/v1/submissions/{bundle}"),
        ("GET", "/v1/collateral/registry"), ("POST", "/v1/collateral/registry"), ("POST", "/v1/collateral/sets"),
        ("POST", "/v1/collateral/checkpoints"), ("POST", "/v1/collateral/locks"), ("GET", "/v1/collateral/chains"),
        ("GET", "/v1/collateral/chains/{chain}/sets"),
        ("GET", "/v1/collateral/chains/{chain}/checkpoints/{epoch}"),
        ("GET", "/v1/collateral/classes"), ("GET", "/v1/collateral/locks/{tag}"),
        ("GET", "/v1/collateral/locks/{tag}/evidence"),
    }  # fmt: skip
