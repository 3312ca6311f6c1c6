"""Length-prefixed fields: the one framing of everything that is hashed outside the transcript.

Source: docs/formats.md. A length before each content: no two sequences of fields make the same bytes.
"""

from __future__ import annotations


def framed(*fields: bytes) -> bytes:
    """len(field) || field of every field, lengths in 4 bytes, big-endian."""
    return b"".join(part for field in fields for part in (len(field).to_bytes(4, "big"), field))
