"""The database: durable settings, transactions that are all or nothing, and a schema that is versioned."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from service_world import World
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from verifier import schema, store
from verifier.errors import Unavailable
from verifier.store import Store
from verifier.tables import ParamsRow, SubmissionRow, Table
from zkmargin.errors import InputError


@pytest.fixture
def empty(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'x.sqlite3'}")


@pytest.mark.parametrize("writes", [False, True])
def test_a_commit_is_on_the_disk_before_it_is_acknowledged(empty: Store, writes: bool) -> None:
    with empty.writing() if writes else empty.reading() as session:
        pragmas = {
            name: session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_a_refused_transaction_changes_nothing(world: World) -> None:
    before = world.dump()
    with contextlib.suppress(RuntimeError), world.store.writing() as session:
        session.add(ParamsRow(version=9, digest="d", envelope=b"", published_unix_s=0))
        session.flush()
        raise RuntimeError
    assert world.dump() == before


def test_foreign_keys_hold(world: World) -> None:
    with pytest.raises(Unavailable, match="IntegrityError"), world.store.writing() as session:
        session.add(
            SubmissionRow(
                id="x", account="nobody", seq=1, params_version=1, round=1, claim="", standing=True, expiry_unix_s=0,
                box=b"", bundle=b"", receipt=b"", decided_unix_s=0,
            )
        )  # fmt: skip


def test_a_writer_sees_what_the_writer_before_it_did(world: World) -> None:
    """BEGIN IMMEDIATE: the second waits before its first read, so that no check is made on what is out of date."""
    first_writes, seen = threading.Event(), []

    def first() -> None:
        with world.store.writing() as session:
            session.add(ParamsRow(version=2, digest="d", envelope=b"", published_unix_s=0))
            session.flush()
            first_writes.set()
            threading.Event().wait(0.1)

    def second() -> None:
        first_writes.wait()
        with world.store.writing() as session:
            seen.append(session.query(ParamsRow).count())

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [2]


def test_a_reader_is_not_held_up_and_sees_one_moment(world: World) -> None:
    with world.store.reading() as reader:
        assert reader.query(ParamsRow).count() == 1
        with world.store.writing() as writer:
            writer.add(ParamsRow(version=2, digest="d", envelope=b"", published_unix_s=0))
        assert reader.query(ParamsRow).count() == 1
    with world.store.reading() as reader:
        assert reader.query(ParamsRow).count() == 2


def test_a_database_that_stays_locked_is_unavailable(empty: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUSY_TIMEOUT_MS", 10)
    impatient = Store(empty.engine.url.render_as_string())
    with empty.writing() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(Unavailable), impatient.writing() as other:
            other.execute(text("SELECT 1"))


@pytest.mark.parametrize("url", ["", "x", "sqlite://", "sqlite:///:memory:", "postgresql://localhost/x", "sqlite:////"])
def test_an_address_that_is_no_database_of_ours(url: str) -> None:
    with pytest.raises((InputError, Unavailable)), Store(url).reading() as session:
        session.execute(text("SELECT 1"))


def test_the_migrations_make_the_tables_of_the_code(world: World) -> None:
    with world.store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_the_schema_goes_up_and_down(empty: Store) -> None:
    assert schema.current(empty) is None
    with pytest.raises(InputError, match="run init"):
        schema.check(empty)
    schema.upgrade(empty)
    schema.upgrade(empty)
    schema.check(empty)
    with empty.writer.begin() as connection:
        command.downgrade(schema._config(connection), "base")
    assert schema.current(empty) is None


def test_an_older_database_is_live_until_its_verdicts_expire(world: World) -> None:
    holder = world.holder().put()
    assert world.submit(holder.bundle()).status_code == 201
    with world.store.writer.begin() as connection:
        command.downgrade(schema._config(connection), "0001")
        connection.execute(text("UPDATE accounts SET live_until_unix_s = NULL"))
    schema.upgrade(world.store)
    assert world.status(holder.id)["status"] == "live"
    world.now += 3601
    status = world.status(holder.id)
    assert (status["status"], status["reason"]) == ("stale", "expired")


def test_a_newer_database_is_left_alone(empty: Store) -> None:
    schema.upgrade(empty)
    with empty.writer.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    with pytest.raises(InputError, match="newer version"):
        schema.check(empty)


def test_the_tables_exist_in_postgresql_too() -> None:
    dialect = postgresql.dialect()
    for table in Table.metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=dialect))


def test_boxes_of_an_older_database_allow_no_open_interest_and_no_volatility(world: World) -> None:
    holder = world.holder().put()
    assert world.submit(holder.bundle()).status_code == 201
    boxes = text("SELECT box FROM submissions")
    with world.store.writer.begin() as connection:
        packed = connection.execute(boxes).scalar_one()
        command.downgrade(schema._config(connection), "0002")
        assert len(connection.execute(boxes).scalar_one()) == len(packed) * 2 // 3
    schema.upgrade(world.store)
    with world.store.writer.begin() as connection:
        assert connection.execute(boxes).scalar_one() == packed
