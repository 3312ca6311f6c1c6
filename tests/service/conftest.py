"""Fixtures of the service's tests: worlds with a database of their own and a clock that is set by hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from service_world import World
from venue_floor import Floor

from verifier import clock, schema
from verifier.store import Store


@pytest.fixture(scope="session")
def _empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "verifier.sqlite3"
    store = Store(f"sqlite:///{path}")
    schema.upgrade(store)
    store.close()
    return path


@contextmanager
def _worlds(directory: Path, empty: Path) -> Iterator[Callable[..., World]]:
    made: list[World] = []
    with pytest.MonkeyPatch.context() as patch:

        def make(**settings: Any) -> World:
            shutil.copy(empty, directory / "verifier.sqlite3")
            world = World(directory, **settings)
            patch.setattr(clock, "now_unix_s", lambda: world.now)
            made.append(world)
            return world

        yield make
        for world in made:
            world.close()


@pytest.fixture
def make_world(tmp_path: Path, _empty_database: Path) -> Iterator[Callable[..., World]]:
    """Makes a world whose clock is its ``now``; nothing is published in it yet."""
    with _worlds(tmp_path, _empty_database) as make:
        yield make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A world with trust, parameters and a round."""
    return make_world().begin()


@pytest.fixture(scope="module")
def still_world(tmp_path_factory: pytest.TempPathFactory, _empty_database: Path) -> Iterator[World]:
    """One for all tests of a module that change nothing in it."""
    with _worlds(tmp_path_factory.mktemp("still"), _empty_database) as make:
        yield make().begin()


@pytest.fixture
def floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Floor:
    """A venue whose clock is its ``now``."""
    floor = Floor(tmp_path)
    monkeypatch.setattr(clock, "now_unix_s", lambda: floor.now)
    return floor
