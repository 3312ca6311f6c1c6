"""``init``: make the directory of an attestor, or give documents to one that is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from verifier import config_file, disk
from verifier.store import Store

from . import tables
from .desk import Desk
from .keys import to_make
from .settings import DATABASE_FILE, AttestorSettings


def make(
    directory: Path,
    values: dict[str, Any],
    *,
    trust: bytes | None = None,
    registry: bytes | None = None,
    sets: Sequence[bytes] = (),
) -> Desk:
    """The attestor in ``directory``, made if it is not there. Its keys and configuration are never overwritten.

    Raises: InputError: ``values`` differ from what is configured there; bad settings or documents.
            ContextError: a document is not signed as it must be, or does not follow.   Unavailable.
    """
    is_new = not disk.exists(directory / config_file.CONFIG_FILE)
    config_file.make_once(
        AttestorSettings, directory, values, required=("venue", "member", "nodes"), new_keys=to_make()
    )
    if is_new:
        _make_database(directory / DATABASE_FILE)
    desk = Desk.open(directory)
    if trust is not None:
        desk.publish_trust(trust)
    if registry is not None:
        desk.publish_registry(registry)
    for members in sets:
        desk.publish_set(members)
    return desk


def _make_database(path: Path) -> None:
    # Before SQLite makes it, which would let others read it: openings are in it.
    disk.write_new(path, b"", mode=disk.PRIVATE)
    store = Store(f"sqlite:///{path.absolute()}")
    tables.create(store)
    store.close()
