"""HTTP to a venue and a verifier. Answers are untrusted bytes: sized, parsed strictly, and believed only if signed.

A service that does not answer is ``Unavailable`` (exit 3); one that answers no is ``Refused`` with its reason code
(exit 1). Redirects are not followed: a state or a request goes to the address that the holder named, or nowhere.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx2

from zkmargin import canonical
from zkmargin.bundle import MEDIA_TYPE
from zkmargin.documents import Params, Round, Signed, State
from zkmargin.errors import InputError, ZkMarginError

from .answers import AccountAnswer, SubmissionAnswer, VenueAnswer, VerifierAnswer
from .errors import Refused, Unavailable

T = TypeVar("T")

JSON = "application/json"
MAX_ANSWER_BYTES = 16 * 1024 * 1024
ANSWER_WITHIN_S = 30.0
"""From byte to byte; a whole answer takes at most ``_WHOLE_TIMES`` as long."""
_WHOLE_TIMES = 3
_CONNECT_WITHIN_S = 5.0
_BUSY = {408, 425, 429}


class Service:
    """One service at one base URL. A context manager; holds one connection."""

    role = "service"

    def __init__(
        self, url: str, *, transport: httpx2.BaseTransport | None = None, answer_within_s: float = ANSWER_WITHIN_S
    ) -> None:
        host = _host(url)
        if host is None:
            raise InputError(f"the address of the {self.role} must look like https://host", code="bad_url")
        self.url = url.rstrip("/")
        # Plain http beyond this machine lets anyone in between answer in the service's place.
        loopback = _is_loopback(host)
        self.confidential = url.startswith("https://") or loopback
        self._whole_within_s = _WHOLE_TIMES * answer_within_s
        try:
            self._http = httpx2.Client(
                base_url=self.url,
                timeout=httpx2.Timeout(answer_within_s, connect=_CONNECT_WITHIN_S),
                transport=transport,
                # Uncompressed, so that what comes over the wire is what is counted and timed.
                headers={"accept": JSON, "accept-encoding": "identity"},
                follow_redirects=False,
                trust_env=not loopback,  # a proxy cannot reach this machine's own loopback
            )
        except (ValueError, ImportError, OSError, httpx2.InvalidURL):
            # Read from the environment: HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE.
            raise InputError(
                "the proxy or the certificates that the environment names cannot be used", code="bad_environment"
            ) from None

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str) -> Any:
        """The JSON value at ``path``."""
        return self._exchange("GET", path)[1]

    def post(self, path: str, content: bytes, media_type: str = JSON) -> tuple[int, Any]:
        """Send ``content``; the status and the JSON answer."""
        return self._exchange("POST", path, content=content, headers={"content-type": media_type})

    def understood(self, parse: Callable[[], T]) -> T:
        """``parse()``; an answer that is not what it should be says nothing about the account or the proof.

        Raises: Unavailable.
        """
        try:
            return parse()
        except InputError as error:
            raise Unavailable(f"the {self.role} at {self.url} gave a bad answer: {error}", code="bad_answer") from None

    def _exchange(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        until = time.monotonic() + self._whole_within_s
        try:
            with self._http.stream(method, path, **options) as response:
                content = _read(response, self.role, until)
        except httpx2.TimeoutException:
            raise Unavailable(f"the {self.role} at {self.url} did not answer in time", code="timeout") from None
        except (httpx2.HTTPError, httpx2.StreamError, OSError):
            raise Unavailable(f"the {self.role} at {self.url} cannot be reached", code="unreachable") from None
        status = response.status_code
        try:
            value = canonical.parse(content, limit=MAX_ANSWER_BYTES)
        except ZkMarginError:
            raise Unavailable(
                f"the {self.role} at {self.url} answered {status}, not in JSON", code="bad_answer"
            ) from None
        if 200 <= status < 300:
            return status, value
        raise problem(self.role, status, value)


class Venue(Service):
    """The venue: knows the positions, attests states."""

    role = "venue"

    def __enter__(self) -> Venue:
        return self

    def keys(self) -> VenueAnswer:
        """Its name and public keys."""
        return self.understood(lambda: VenueAnswer.from_value(self.get("/v1/venue")))

    def attest(self, request: bytes) -> Any:
        """The attestation envelope for the signed ``request``."""
        return self.post("/v1/attestations", request)[1]


class Verifier(Service):
    """The verifier: holds states, gives verdicts."""

    role = "verifier"

    def __enter__(self) -> Verifier:
        return self

    def identity(self) -> VerifierAnswer:
        """Its audience, receipt key and policy."""
        return self.understood(lambda: VerifierAnswer.from_value(self.get("/v1/verifier")))

    def params(self) -> Signed[Params]:
        """The current parameters, as signed."""
        return self.understood(lambda: Signed.from_value(self.get("/v1/params/current"), Params))

    def round(self) -> Round:
        """The current oracle round."""
        return self.understood(lambda: Round.from_value(self.get("/v1/oracle/current")))

    def account(self, account_id: str) -> AccountAnswer:
        """The status of an account."""
        return self.understood(lambda: AccountAnswer.from_value(self.get(f"/v1/accounts/{_segment(account_id)}")))

    def state(self, account_id: str) -> Signed[State]:
        """The state that it holds of an account."""
        path = f"/v1/accounts/{_segment(account_id)}/state"
        return self.understood(lambda: Signed.from_value(self.get(path), State))

    def post_state(self, account_id: str, attestation: bytes) -> None:
        """Make an attested state the account's current one; a repetition changes nothing."""
        self.post(f"/v1/accounts/{_segment(account_id)}/states", attestation)

    def submit(self, bundle: bytes) -> SubmissionAnswer:
        """Ask for a verdict on a bundle. The same bytes again get the first answer. A refusal is an answer too.

        Raises: Refused: refused without a receipt.   Unavailable.
        """
        try:
            value = self.post("/v1/submissions", bundle, MEDIA_TYPE)[1]
        except Refused as refusal:
            if not isinstance(refusal.receipt, dict):
                raise
            value = {"verdict": "refused", "reason": refusal.code, "receipt": refusal.receipt}
        return self.understood(lambda: SubmissionAnswer.from_value(value))


def problem(role: str, status: int, value: Any) -> ZkMarginError:
    """The error that a problem+json answer (RFC 9457) stands for. Its text is the service's, cut and made printable."""
    members = value if isinstance(value, dict) else {}
    code = members.get("code")
    code = code if isinstance(code, str) and code.isidentifier() and len(code) <= 64 else f"http_{status}"
    told = members.get("detail") or members.get("title")
    sentence = "".join(c for c in told[:400] if c.isprintable()) if isinstance(told, str) else f"answer {status}"
    if status >= 500 or status in _BUSY or 300 <= status < 400:
        return Unavailable(f"the {role} cannot say: {sentence}", code=code)
    refusal = Refused(f"the {role} refused: {sentence}", code=code)
    refusal.receipt = members.get("receipt")
    return refusal


def _read(response: httpx2.Response, role: str, until: float) -> bytes:
    """The body. The timeout of a connection is from byte to byte: a byte every two seconds would hold us for ever, so
    the whole answer has a time too, by the monotonic clock.

    Raises: Unavailable "bad_answer"; httpx2.ReadTimeout.
    """
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Unavailable(f"the {role} compresses its answer, unasked", code="bad_answer")
    content = bytearray()
    for chunk in response.iter_bytes():
        if time.monotonic() > until:
            raise httpx2.ReadTimeout("the whole answer took too long")
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise Unavailable(f"the answer of the {role} is too large", code="bad_answer")
    return bytes(content)


def _host(url: str) -> str | None:
    """The host of an http address without user, query or fragment; None if ``url`` is anything else."""
    try:
        parts = urlsplit(url)
        port, parsed = parts.port, httpx2.URL(url)
        parsed.raw_host.decode("ascii").encode("idna")  # as the resolver will: no empty and no overlong label
    except (ValueError, httpx2.InvalidURL):  # covers UnicodeError
        return None
    plain = url.isprintable() and " " not in url and not (parts.username or parts.query or parts.fragment)
    known = parts.scheme in ("http", "https") and url.startswith(parts.scheme + "://") and port != 0
    return parsed.host if plain and known and parsed.host == parts.hostname else None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _segment(text: str) -> str:
    return quote(text, safe="")
