"""Settings of an attestor: ``config.toml`` in its directory, written by ``init``; ZKMARGIN_ATTESTOR_* in the
environment override it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from pydantic_settings import SettingsConfigDict

from verifier.config_file import FileSettings
from verifier.rate_limit import Proxies, Rate
from zkmargin.collateral.fields import MemberId
from zkmargin.documents.base import Name

DATABASE_FILE = "attestor.sqlite3"
TOKEN_FILE = "collector.token"  # noqa: S105 - the name of the file


def _check_node(text: str) -> str:
    chain, equals, url = text.partition("=")
    if not equals or ":" not in chain or not url:
        raise PydanticCustomError("node", "a node looks like eip155:1=http://127.0.0.1:8545")
    return text


Node = Annotated[str, AfterValidator(_check_node)]


class AttestorSettings(FileSettings):
    """What a member decides."""

    model_config = SettingsConfigDict(env_prefix="ZKMARGIN_ATTESTOR_")

    venue: Name
    """The venue whose locks are attested."""
    member: MemberId
    """The name of this member in the sets of attestors."""
    nodes: Annotated[tuple[Node, ...], Field(min_length=1)]
    """The chains that are followed, and this member's own node of each: ["eip155:1=http://127.0.0.1:8545"]."""
    poll_s: Annotated[int, Field(ge=1, le=3600)] = 15
    """How often the chains are looked at between checkpoints."""
    rate_limit: Rate = "120/minute"
    """Requests per client address; empty: no limit."""
    trusted_proxies: Proxies = ()
    """Addresses or networks of proxies whose X-Forwarded-For is believed."""

    @property
    def url_of(self) -> dict[str, str]:
        """The node of every chain, by its CAIP-2 id."""
        pairs = (node.partition("=") for node in self.nodes)
        return {chain: url for chain, _, url in pairs}
