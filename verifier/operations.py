"""What the operator's commands do, on the database (``--dir``) or at a running service (``--url``): the same
operations."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from zkmargin.documents import Params, Policy, Round, Signed
from zkmargin.errors import ContextError, InputError

from . import remote
from .errors import Unavailable
from .service import Service, summary

T = TypeVar("T")
_ACCOUNT = re.compile(r"0x[0-9a-f]{64}", re.ASCII)


class Operations(Protocol):
    """The commands that exist both ways. Values are those of the HTTP answers."""

    def publish_trust(self, data: bytes) -> dict[str, Any]:
        """Publish a trust document."""

    def publish_params(self, data: bytes) -> dict[str, Any]:
        """Publish risk parameters."""

    def report(self, data: bytes) -> dict[str, Any]:
        """Send an oracle report."""

    def account(self, account: str) -> dict[str, Any]:
        """The status of an account."""

    def summary(self) -> dict[str, Any]:
        """What the service is, and what is current there."""


def at(directory: Path | None, url: str | None) -> Operations:
    """Operations on the one of the two that is given.

    Raises: InputError: none or both; no service in ``directory``.   Unavailable.
    """
    if url is not None and directory is None:
        return Remote(url)
    if directory is not None and url is None:
        return Local(Service.open(directory))
    raise InputError("give either --dir or --url", code="usage")


class Local:
    """On the database of a service, running or not: both work in transactions."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def publish_trust(self, data: bytes) -> dict[str, Any]:
        """Publish a trust document; here the first one too."""
        return self._service.publish_trust(data, first=True).to_value()

    def publish_params(self, data: bytes) -> dict[str, Any]:
        """Publish risk parameters."""
        return self._service.publish_params(data).to_value()

    def report(self, data: bytes) -> dict[str, Any]:
        """Send an oracle report."""
        return self._service.report(data).to_value()

    def account(self, account: str) -> dict[str, Any]:
        """The status of an account."""
        return self._service.status(_checked(account))

    def summary(self) -> dict[str, Any]:
        """What the service is, and what is current there; with the number of accounts of each status."""
        return self._service.summary() | {"accounts": self._service.count_statuses()}


class Remote:
    """At a running service."""

    def __init__(self, url: str) -> None:
        self._url = url

    def publish_trust(self, data: bytes) -> dict[str, Any]:
        """Publish a trust document."""
        return remote.post(self._url, "/v1/trust", data)

    def publish_params(self, data: bytes) -> dict[str, Any]:
        """Publish risk parameters."""
        return remote.post(self._url, "/v1/params", data)

    def report(self, data: bytes) -> dict[str, Any]:
        """Send an oracle report."""
        return remote.post(self._url, "/v1/oracle/reports", data)

    def account(self, account: str) -> dict[str, Any]:
        """The status of an account."""
        return remote.get(self._url, f"/v1/accounts/{_checked(account)}")

    def summary(self) -> dict[str, Any]:
        """What the service is, and what is current there."""
        identity = remote.get(self._url, "/v1/verifier")
        try:
            policy, key = Policy.from_value(identity.get("policy")), str(identity.get("receipt_key"))
            params = self._if_any("/v1/params/current", lambda value: Signed.from_value(value, Params).document)
            round_ = self._if_any("/v1/oracle/current", Round.from_value)
        except InputError as error:
            raise Unavailable(f"the service gave a document that cannot be read: {error}", code="bad_answer") from None
        return summary(policy, key, params, round_)

    def _if_any(self, path: str, read: Callable[[Any], T]) -> T | None:
        """What is at ``path``; None where nothing was published yet."""
        try:
            return read(remote.get(self._url, path))
        except ContextError as error:
            if error.code in ("no_params", "no_round"):
                return None
            raise


def _checked(account: str) -> str:
    """Raises: InputError: not an identifier; it becomes a part of an address."""
    if not _ACCOUNT.fullmatch(account):
        raise InputError("an account is 0x and 64 lower-case hex digits")
    return account
