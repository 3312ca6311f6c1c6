"""Fixtures of the service's tests: worlds with a database of their own and a clock that is set by hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from collateral_service import Scene
from service_world import World
from service_worlds import Beginning, begun, blank_in, worlds
from venue_floor import Floor

from verifier import clock


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Beginning:
    """A database with its tables, and nothing in them."""
    return blank_in(tmp_path_factory.mktemp("blank"))


@pytest.fixture(scope="session")
def _begun(tmp_path_factory: pytest.TempPathFactory, blank: Beginning) -> Beginning:
    return begun(tmp_path_factory.mktemp("begun"), blank, World.begin)


@pytest.fixture
def make_world(tmp_path: Path, blank: Beginning) -> Iterator[Callable[..., World]]:
    """Makes a world whose clock is its ``now``; nothing is published in it yet."""
    with worlds(tmp_path, blank) as make:
        yield make


@pytest.fixture
def make_begun_world(tmp_path: Path, _begun: Beginning) -> Iterator[Callable[..., World]]:
    """Makes a world with trust, parameters and a round: the same in all of them, each in a database of its own."""
    with worlds(tmp_path, _begun) as make:
        yield make


@pytest.fixture
def world(make_begun_world: Callable[..., World]) -> World:
    """A world with trust, parameters and a round."""
    return make_begun_world()


@pytest.fixture(scope="module")
def still_world(tmp_path_factory: pytest.TempPathFactory, _begun: Beginning) -> Iterator[World]:
    """One for all tests of a module that change nothing in it."""
    with worlds(tmp_path_factory.mktemp("still"), _begun) as make:
        yield make()


@pytest.fixture(scope="session")
def _scene(tmp_path_factory: pytest.TempPathFactory, blank: Beginning) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("scene")
    shutil.copy(blank.database, directory / "verifier.sqlite3")
    with pytest.MonkeyPatch.context() as patch:
        scene = Scene(directory)
        patch.setattr(clock, "now_unix_s", lambda: scene.now)
        scene.begin()
    yield scene
    scene.close()


@pytest.fixture
def scene(_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A world with collateral on two chains, as it was at its beginning; its clock is its ``now``."""
    monkeypatch.setattr(clock, "now_unix_s", lambda: _scene.now)
    _scene.rewind()
    return _scene


@pytest.fixture
def floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Floor:
    """A venue whose clock is its ``now``."""
    floor = Floor(tmp_path)
    monkeypatch.setattr(clock, "now_unix_s", lambda: floor.now)
    return floor
