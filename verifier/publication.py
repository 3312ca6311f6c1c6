"""What publishing a document answers, and the checks that every signed document of the venue has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zkmargin.envelope import Envelope
from zkmargin.errors import ContextError, InputError


@dataclass(frozen=True)
class Published:
    """A document of a version. ``created`` is false if it was there already: publishing twice changes nothing."""

    version: int
    digest: str
    created: bool

    def to_value(self) -> dict[str, Any]:
        """What an answer says."""
        return {"version": self.version, "digest": self.digest}


def envelope_of(signed_envelope: Envelope | None) -> Envelope:
    """The envelope, which must be there.

    Raises: ContextError "unsigned".
    """
    if signed_envelope is None:
        raise ContextError("the document must be signed: send an envelope", code="unsigned")
    return signed_envelope


def check_venue(found: str, wanted: str) -> None:
    """Raises: InputError "wrong_venue"."""
    if found != wanted:
        raise InputError("the document is of another venue than this service", code="wrong_venue")


def check_version(found: int, current: int) -> None:
    """``found`` must be the version after ``current``.

    Raises: ContextError "old_version", "version_conflict" (the current version with other content), "version_gap".
    """
    if found < current:
        raise ContextError("a later version is published already", code="old_version")
    if found == current:
        raise ContextError("this version is published already, with another content", code="version_conflict")
    if found > current + 1:
        raise ContextError("versions are published one after the other, and one is missing", code="version_gap")
