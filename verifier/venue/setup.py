"""``init``: make the directory of a venue, or give documents to one that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from verifier import config_file
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
