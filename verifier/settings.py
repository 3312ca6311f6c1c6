"""Settings of the service: ``config.toml`` in its directory, written by ``init``; ZKMARGIN_VERIFIER_* in the
environment override it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from zkmargin.documents.base import Name, PositiveDecimal
from zkmargin.documents.policy import ClaimKind, Seconds

from .config_file import FileSettings
from .rate_limit import Proxies, Rate

DATABASE_FILE = "verifier.sqlite3"
RECEIPT_KEY_FILE = "receipt.key"

DAY_S = 86_400
Positive = Annotated[Seconds, Field(ge=1)]


class Settings(FileSettings):
    """What the operator decides. What a checker must know of it is published at /v1/verifier."""

    model_config = SettingsConfigDict(env_prefix="ZKMARGIN_VERIFIER_")

    venue: Name
    """The venue whose documents are accepted."""
    audience: Name
    """The name of this verifier, which every bundle must be addressed to."""

    claims: Annotated[tuple[ClaimKind, ...], Field(min_length=1)] = ("maintenance", "initial", "health", "leverage")
    """Kinds of claims that are accepted."""
    max_expiry_s: Positive = 30 * DAY_S
    """A verdict may last at most this long."""
    max_round_age_s: Positive = 600
    """A bundle may refer to a round at most this old; an older report makes no round."""
    max_box_percent: PositiveDecimal = "50"
    """A box may reach at most this far from the prices of its round, in percent of them."""
    grace_s: Seconds = 300
    """From the first round outside its box to liquidatable."""
    params_grace_s: Seconds = 3600
    """How long verdicts under older parameters stand after newer ones are published."""
    clock_skew_s: Annotated[int, Field(ge=0, le=3600)] = 60
    """How far ahead of this machine's clock an oracle's may be."""

    database: str = ""
    """sqlite:////path/to/file; empty: verifier.sqlite3 in the directory."""
    receipt_key_file: str = ""
    """The key that signs receipts; empty: receipt.key in the directory."""

    max_body_bytes: Annotated[int, Field(ge=1024, le=1 << 26)] = 4 << 20
    """The longest request body."""
    rate_limit: Rate = "1200/minute"
    """Requests per client address; empty: no limit."""
    trusted_proxies: Proxies = ()
    """Addresses or networks of proxies whose X-Forwarded-For is believed."""
