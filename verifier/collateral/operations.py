"""What the operator's commands about chains do, on the database (``--dir``) or at a running service (``--url``)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from zkmargin import canonical
from zkmargin.collateral import Chains, MemberSet, SignedCheckpoint, SignedMemberSet
from zkmargin.documents import Signed
from zkmargin.errors import InputError

from .. import remote
from ..errors import Unavailable
from ..service import Service
from .aggregator import Aggregator

T = TypeVar("T")
Items = list[dict[str, Any]]
_PATH = "/v1/collateral"


def at(directory: Path | None, url: str | None) -> ChainOperations:
    """Operations on the one of the two that is given.

    Raises: InputError: none or both; no service in ``directory``.   Unavailable.
    """
    if url is not None and directory is None:
        return Remote(url)
    if directory is not None and url is None:
        return Local(Service.open(directory).collateral)
    raise InputError("give either --dir or --url", code="usage")


class ChainOperations(ABC):
    """The commands that exist both ways. Values are those of the HTTP answers."""

    @abstractmethod
    def publish_registry(self, data: bytes) -> dict[str, Any]:
        """Publish a registry."""

    @abstractmethod
    def publish_set(self, data: bytes) -> dict[str, Any]:
        """Publish the next attestors of a chain."""

    @abstractmethod
    def take_checkpoint(self, data: bytes, *, late: bool = False) -> dict[str, Any]:
        """Take a checkpoint."""

    @abstractmethod
    def take_lock(self, data: bytes) -> dict[str, Any]:
        """Take evidence of one lock."""

    @abstractmethod
    def registry_value(self) -> dict[str, Any]:
        """The registry in its envelope."""

    @abstractmethod
    def items(self, path: str) -> Items:
        """The list at ``path``: chains, classes, chains/CHAIN/sets or chains/CHAIN/checkpoints/EPOCH."""

    def registry(self) -> Chains:
        """The registry."""
        value = self.registry_value()
        return _read(lambda: Signed.from_value(value, Chains).document)

    def sets(self, chain: str) -> list[MemberSet]:
        """The sets of a chain, the newest first."""
        items = self.items(f"chains/{chain}/sets")
        return _read(lambda: [SignedMemberSet.from_value(item).document for item in items])

    def last_checkpoint(self, chain: str) -> SignedCheckpoint | None:
        """The last checkpoint of a chain, without its leaves."""
        epochs = [item.get("epoch") for item in self.items("chains") if item.get("chain") == chain]
        if not epochs or epochs[0] is None:
            return None
        items = self.items(f"chains/{chain}/checkpoints/{epochs[0]}")
        return _read(lambda: SignedCheckpoint.from_value(items[0]["file"]))


class Local(ChainOperations):
    """On the database of a service, running or not: both work in transactions."""

    def __init__(self, aggregator: Aggregator) -> None:
        self._aggregator = aggregator

    def publish_registry(self, data: bytes) -> dict[str, Any]:
        return self._aggregator.publish_registry(data).to_value()

    def publish_set(self, data: bytes) -> dict[str, Any]:
        return self._aggregator.publish_set(data).to_value()

    def take_checkpoint(self, data: bytes, *, late: bool = False) -> dict[str, Any]:
        return self._aggregator.take_checkpoint(data, late=late).to_value()

    def take_lock(self, data: bytes) -> dict[str, Any]:
        return self._aggregator.take_lock(data).value

    def registry_value(self) -> dict[str, Any]:
        value: dict[str, Any] = canonical.parse(self._aggregator.registry())
        return value

    def items(self, path: str) -> Items:
        match path.split("/"):
            case ["chains"]:
                return self._aggregator.chains()
            case ["classes"]:
                return self._aggregator.classes()
            case ["chains", chain, "sets"]:
                return self._aggregator.sets(chain)
            case ["chains", chain, "checkpoints", epoch]:
                return self._aggregator.checkpoints(chain, int(epoch))
        raise ValueError("no such list")


class Remote(ChainOperations):
    """At a running service."""

    def __init__(self, url: str) -> None:
        self._url = url

    def publish_registry(self, data: bytes) -> dict[str, Any]:
        return remote.post(self._url, f"{_PATH}/registry", data)

    def publish_set(self, data: bytes) -> dict[str, Any]:
        return remote.post(self._url, f"{_PATH}/sets", data)

    def take_checkpoint(self, data: bytes, *, late: bool = False) -> dict[str, Any]:
        if late:
            raise InputError("a late checkpoint is taken with --dir: only the operator may say so", code="usage")
        return remote.post(self._url, f"{_PATH}/checkpoints", data)

    def take_lock(self, data: bytes) -> dict[str, Any]:
        return remote.post(self._url, f"{_PATH}/locks", data)

    def registry_value(self) -> dict[str, Any]:
        return remote.get(self._url, f"{_PATH}/registry")

    def items(self, path: str) -> Items:
        items = remote.get(self._url, f"{_PATH}/{path}").get("items")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise Unavailable("the service gave no list of objects", code="bad_answer")
        return items


def _read(read: Callable[[], T]) -> T:
    try:
        return read()
    except (InputError, LookupError):
        raise Unavailable("the service gave a document that cannot be read", code="bad_answer") from None
