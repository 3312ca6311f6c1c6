"""``init``: make the directory of a venue, or give documents to one that is there. ``rotate-key``: change its keys."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

from verifier import config_file, keys
from zkmargin.envelope import PrivateKey
from zkmargin.sealing import SealingKey

from .desk import Desk
from .settings import ATTESTATION_KEY_FILE, SEALING_KEY_FILE, VenueSettings


def make(directory: Path, values: dict[str, Any], trust: bytes | None, params: bytes | None) -> Desk:
    """The venue in ``directory``, made if it is not there. Its keys and configuration are never overwritten.

    Raises: InputError: ``values`` differ from what is configured there; bad settings or documents.
            ContextError: a document is not signed as it must be.   Unavailable.
    """
    config_file.make_once(
        VenueSettings,
        directory,
        values,
        required=("venue", "positions"),
        new_keys={ATTESTATION_KEY_FILE: PrivateKey.generate, SEALING_KEY_FILE: SealingKey.generate},
    )
    desk = Desk.open(directory)
    if trust is not None:
        desk.publish_trust(trust)
    if params is not None:
        desk.publish_params(params)
    return desk


class Key(StrEnum):
    """The keys of a venue."""

    ATTESTATION = "attestation"
    SEALING = "sealing"


def rotate(directory: Path, which: Key) -> dict[str, str]:
    """Make a new key of the venue in ``directory``; the old one stays beside it. A server that runs has read the old
    one when it started, and keeps to it until it is started again.

    Raises: InputError: no venue there.   Unavailable.
    """
    config_file.load(VenueSettings, directory)
    old: PrivateKey | SealingKey
    new: PrivateKey | SealingKey
    if which is Key.ATTESTATION:
        path = directory / ATTESTATION_KEY_FILE
        old, new = keys.read_signing(path), PrivateKey.generate()
    else:
        path = directory / SEALING_KEY_FILE
        old, new = keys.read_sealing(path), SealingKey.generate()
    kept = keys.rotate(path, old, new)
    return {f"{which}_key": new.public, "replaces": old.public, "kept": str(kept)}
