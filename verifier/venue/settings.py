"""Settings of the venue: ``config.toml`` in its directory, written by ``init``; ZKMARGIN_VENUE_* in the environment
override it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from verifier.config_file import FileSettings
from zkmargin.documents.base import Name
from zkmargin.documents.policy import Seconds

DATABASE_FILE = "venue.sqlite3"
ATTESTATION_KEY_FILE = "attestation.key"
SEALING_KEY_FILE = "sealing.key"


class VenueSettings(FileSettings):
    """What the venue decides."""

    model_config = SettingsConfigDict(env_prefix="ZKMARGIN_VENUE_")

    venue: Name
    """The name of this venue."""
    positions: str
    """The directory of position files: one zkmargin/account/v1 file an account, with its owner. Read again at every
    request."""
    max_round_age_s: Seconds = 600
    """The round that fixes the funding index of cash0 may be at most this old."""
    max_body_bytes: Annotated[int, Field(ge=1024, le=1 << 26)] = 4 << 20
    """The longest request body."""
    rate_limit: str = "600/minute"
    """Requests per client address; empty: no limit."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies whose X-Forwarded-For is believed."""
