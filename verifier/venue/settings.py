"""Settings of the venue: ``config.toml`` in its directory, written by ``init``; ZKMARGIN_VENUE_* in the environment
override it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from verifier.config_file import FileSettings
from verifier.rate_limit import Proxies, Rate
from zkmargin.documents.base import Name, Text
from zkmargin.documents.policy import Seconds

DATABASE_FILE = "venue.sqlite3"
ATTESTATION_KEY_FILE = "attestation.key"
SEALING_KEY_FILE = "sealing.key"


class VenueSettings(FileSettings):
    """What the venue decides."""

    model_config = SettingsConfigDict(env_prefix="ZKMARGIN_VENUE_")

    venue: Name
    """The name of this venue."""
    positions: Annotated[str, Text(r"^[^\x00]+$", "must be the path of a directory", 4096)]
    """The directory of position files: one zkmargin/account/v1 file an account, with its owner. Read again at every
    request."""
    max_round_age_s: Annotated[Seconds, Field(ge=1)] = 600
    """The round that fixes the funding index of cash0 may be at most this old."""
    max_body_bytes: Annotated[int, Field(ge=1024, le=1 << 26)] = 2 << 20
    """The longest request body. 500 markets at a round of 15 reports take 1.9 MB, with the longest names and prices
    and 3 reports 1.3 MB."""
    rate_limit: Rate = "600/minute"
    """Requests per client address; empty: no limit."""
    trusted_proxies: Proxies = ()
    """Addresses or networks of proxies whose X-Forwarded-For is believed."""
