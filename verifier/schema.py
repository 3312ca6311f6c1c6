"""The version of the database's schema: brought up to date by ``init``, checked by everything else that opens it."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from zkmargin.errors import InputError

from .store import Store, failures_told


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "verifier:migrations")
    config.set_main_option("path_separator", "os")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def newest() -> str | None:
    """The schema version of this installation."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def current(store: Store) -> str | None:
    """The schema version of the database; None: it is empty.

    Raises: Unavailable.
    """
    with failures_told(), store.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(store: Store) -> None:
    """Bring the database to the schema of this installation, in one transaction. Nothing happens if it is there
    already.

    Raises: Unavailable.
    """
    with failures_told(), store.writer.begin() as connection:
        command.upgrade(_config(connection), "head")


def check(store: Store) -> None:
    """Refuse to work on a database of another version.

    Raises: InputError: run ``init`` again (older), or install a newer zkmargin (newer).
    """
    found = current(store)
    if found == newest():
        return
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is None or found in known:
        raise InputError(
            "the database is not up to date: stop the service, back the directory up, and run init on it again",
            code="old_schema",
        )
    raise InputError("the database is of a newer version of zkmargin than the one installed", code="new_schema")
