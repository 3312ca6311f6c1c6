"""``init``: make the directory of a service: key, configuration, database; or bring the database of an old one up to
date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zkmargin.envelope import PrivateKey

from . import config_file, schema
from .service import Service
from .settings import RECEIPT_KEY_FILE, Settings


def make(directory: Path, values: dict[str, Any], trust: bytes | None) -> Service:
    """The service in ``directory``, made if it is not there. Its key and configuration are never overwritten.

    Raises: InputError: ``values`` differ from what is configured there; bad settings; a bad ``trust``.
            ContextError: ``trust`` is not signed by a root of its own, or does not follow.   Unavailable.
    """
    settings = config_file.make_once(
        Settings,
        directory,
        values,
        required=("venue", "audience"),
        new_keys={RECEIPT_KEY_FILE: PrivateKey.generate},
    )
    store = Service.open_store(settings, directory)
    schema.upgrade(store)
    store.close()
    service = Service.open(directory)
    if trust is not None:
        service.publish_trust(trust, first=True)
    return service
