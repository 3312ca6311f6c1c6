"""Worlds, each with a database file of its own and a clock that is set by hand. Many may begin as copies of one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from service_world import World

from verifier import clock, schema
from verifier.store import Store

DATABASE = "verifier.sqlite3"


class Beginning(NamedTuple):
    """What worlds begin with: a database file, and the world whose it was."""

    database: Path
    world: World | None = None


def blank_in(directory: Path) -> Beginning:
    """A database with its tables, and nothing in them."""
    store = Store(f"sqlite:///{directory / DATABASE}")
    schema.upgrade(store)
    store.close()
    return Beginning(directory / DATABASE)


@contextmanager
def worlds(directory: Path, beginning: Beginning) -> Iterator[Callable[..., World]]:
    """Makes worlds in ``directory``, one after the other; the clock is the ``now`` of the last one."""
    made: list[World] = []
    with pytest.MonkeyPatch.context() as patch:

        def make(**settings: Any) -> World:
            shutil.copy(beginning.database, directory / DATABASE)
            world = World(directory, beginning.world, **settings)
            patch.setattr(clock, "now_unix_s", lambda: world.now)
            made.append(world)
            return world

        yield make
        for world in made:
            world.close()


def begun(directory: Path, empty: Beginning, begin: Callable[[World], object], **settings: Any) -> Beginning:
    """A beginning in which ``begin`` has been done."""
    with worlds(directory, empty) as make:
        world = make(**settings)
        begin(world)
    return Beginning(directory / DATABASE, world)
