"""The database: one engine, transactions for reading and for writing.

SQLite in WAL mode with ``synchronous=FULL``: a commit returns after its pages are on the disk, so neither ``kill -9``
nor a power cut loses what was acknowledged. A writing transaction begins IMMEDIATE: it has the only write lock before
its first read, so what it checked is still true when it writes, and the loser of a race sees what the winner did. A
reading transaction is a snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from zkmargin.errors import InputError

from .errors import Unavailable

BUSY_TIMEOUT_MS = 10_000
CONNECTIONS = 48
"""More than the worker threads of an application: none of them waits for a connection."""
_WRITES = "zkmargin_writes"


def open_engine(url: str) -> Engine:
    """An engine on ``url`` with the transactions described above.

    Raises: InputError: not the address of an SQLite database (the schema is portable, the write lock is not yet).
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InputError("the database must look like sqlite:////path/to/file", code="bad_database") from None
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise InputError("the database must be an SQLite file: sqlite:////path/to/file", code="bad_database")
    engine = create_engine(parsed, pool_size=CONNECTIONS, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; _on_begin does
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class Store:
    """Transactions on one database. Safe to share between threads."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        self.writer = self.engine.execution_options(**{_WRITES: True})

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A snapshot to read from.

        Raises: Unavailable: the database cannot be read.
        """
        with failures_told(), Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction: committed when the block ends, and nothing changed if anything is raised in it.

        Raises: Unavailable: the database is busy for too long, full, or broken.
        """
        with failures_told(), Session(self.writer) as session, session.begin():
            yield session


@contextmanager
def failures_told() -> Iterator[None]:
    """Turn a failure of the database into ``Unavailable``."""
    try:
        yield
    except DBAPIError as error:
        # Neither the statement nor its parameters: they are submitted values.
        kind = type(error.orig).__name__
        raise Unavailable(f"the database failed ({kind}); nothing was changed", code="store_unavailable") from None
    except PoolTimeoutError:
        raise Unavailable("the database is too busy; nothing was changed", code="store_unavailable") from None
