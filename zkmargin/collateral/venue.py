"""The 32 bytes that stand for a venue in notes, leaves, vaults and the domain of signatures."""

from __future__ import annotations

import hashlib

_DOMAIN = b"zkmargin/venue-id/v1"


def venue_id(venue: str) -> bytes:
    """SHA-256("zkmargin/venue-id/v1" | name in UTF-8). The name is last: no two names give the same bytes."""
    return hashlib.sha256(_DOMAIN + venue.encode("utf-8")).digest()
