"""The client believes nothing: odd answers are "cannot say", refusals keep their code, nothing is followed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from prover.client import Service, Venue, Verifier
from prover.errors import Refused, Unavailable, exit_code
from zkmargin.errors import InputError, ZkMarginError

URL = "http://127.0.0.1:8080"
ACCOUNT = "0x" + "11" * 32


def answering(status: int, body: Any, **headers: str) -> Callable[[httpx2.Request], httpx2.Response]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _request: httpx2.Response(status, content=content, headers=headers)


def verifier(handler: Callable[[httpx2.Request], httpx2.Response]) -> Verifier:
    return Verifier(URL, transport=httpx2.MockTransport(handler))


def problem(**members: Any) -> dict[str, Any]:
    return {"type": "about:blank", "title": "Refused", "status": 409, "detail": "the sequence is old"} | members


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (409, problem(code="earlier_sequence"), Refused, "earlier_sequence"),
        (422, problem(code="bad_input"), Refused, "bad_input"),
        (404, problem(code="unknown_account"), Refused, "unknown_account"),
        (403, {}, Refused, "http_403"),
        (400, problem(code="<b>not a code</b>"), Refused, "http_400"),
        (429, problem(code="rate_limited"), Unavailable, "rate_limited"),
        (503, problem(code="busy"), Unavailable, "busy"),
        (500, problem(), Unavailable, "http_500"),
        (307, {}, Unavailable, "http_307"),
        (200, b"<html>", Unavailable, "bad_answer"),
        (500, b"", Unavailable, "bad_answer"),
        (200, b'{"seq": 1.5}', Unavailable, "bad_answer"),
        (200, {"account": "x"}, Unavailable, "bad_answer"),
        (200, [], Unavailable, "bad_answer"),
    ],
)
def test_answers(status: int, body: Any, kind: type[ZkMarginError], code: str) -> None:
    with verifier(answering(status, body)) as service, pytest.raises(kind) as caught:
        service.account(ACCOUNT)
    assert caught.value.code == code
    assert exit_code(caught.value) == (1 if kind is Refused else 3)


def test_a_refusal_carries_the_services_sentence_made_harmless() -> None:
    body = problem(code="old_round", detail="too old\x1b[31m" + "x" * 1000)
    with verifier(answering(409, body)) as service, pytest.raises(Refused) as caught:
        service.account(ACCOUNT)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_redirects_are_not_followed() -> None:
    seen: list[str] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(str(request.url))
        return httpx2.Response(302, headers={"location": "http://elsewhere.example/"}, content=b"{}")

    with verifier(handler) as service, pytest.raises(Unavailable):
        service.post_state(ACCOUNT, b"{}")
    assert seen == [f"{URL}/v1/accounts/{ACCOUNT}/states"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (httpx2.ConnectError("x"), "unreachable"),
        (httpx2.ReadTimeout("x"), "timeout"),
        (httpx2.ConnectTimeout("x"), "timeout"),
        (httpx2.RemoteProtocolError("x"), "unreachable"),
        (OSError("x"), "unreachable"),
    ],
)
def test_a_connection_that_fails(error: Exception, code: str) -> None:
    def handler(_request: httpx2.Request) -> httpx2.Response:
        raise error

    with verifier(handler) as service, pytest.raises(Unavailable) as caught:
        service.account(ACCOUNT)
    assert caught.value.code == code


def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prover.client.MAX_ANSWER_BYTES", 1000)
    with verifier(answering(200, b" " * 2000)) as service, pytest.raises(Unavailable, match="too large"):
        service.account(ACCOUNT)


def test_identifiers_cannot_leave_their_place_in_the_path() -> None:
    seen: list[bytes] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.url.raw_path)
        return httpx2.Response(404, content=b"{}")

    with verifier(handler) as service, pytest.raises(Refused):
        service.account("../v1/trust?x=#y")
    assert seen == [b"/v1/accounts/..%2Fv1%2Ftrust%3Fx%3D%23y"]


def test_a_refusal_with_a_receipt_is_an_answer_and_one_without_is_not() -> None:
    body = problem(code="expired", verdict="refused", receipt={"payloadType": "x"})
    with verifier(answering(422, body)) as service:
        answer = service.submit(b"{}")
    assert (answer.verdict, answer.reason) == ("refused", "expired")
    with verifier(answering(413, problem(code="too_large"))) as service, pytest.raises(Refused):
        service.submit(b"{}")


@pytest.mark.parametrize(
    ("url", "confidential"),
    [
        ("https://venue.example", True),
        ("http://127.0.0.1:99", True),
        ("http://localhost", True),
        ("http://[::1]:1", True),
        ("http://venue.example", False),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1.evil.example", False),
    ],
)
def test_which_connections_nobody_else_can_answer_on(url: str, confidential: bool) -> None:
    assert Venue(url).confidential is confidential


@pytest.mark.parametrize(
    "url",
    ["", "x", "ftp://a", "http://", "http://u:p@h", "https://h?q", "http://[", "http://a b", "http://h:99999",
     "HTTP://h", "http:///h", "http://h#f", "http://h\n"],
)  # fmt: skip
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(InputError, match="must look like"):
        Service(url)
