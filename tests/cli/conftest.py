"""Fixtures of the holder's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_world import CliWorld, Owner, account, cli_world

from prover import console, keystore


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password guess costs next to nothing in tests."""
    monkeypatch.setattr(keystore, "ITERATIONS", 1)
    monkeypatch.setattr(keystore, "MEMORY_KIB", 128)


@pytest.fixture(autouse=True)
def _nothing_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands on stderr must not depend on how busy the machine is."""
    monkeypatch.setattr(console, "PROGRESS_AFTER_S", 3600.0)


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password.txt"
    path.write_text("correct horse battery\n")
    return path


@pytest.fixture(scope="session")
def world() -> Iterator[CliWorld]:
    """A venue and a verifier, each its own process, with the demo's parameters and a first round."""
    with cli_world() as world:
        yield world


@pytest.fixture
def owner(world: CliWorld, tmp_path: Path) -> Owner:
    """A wallet whose account the venue keeps; nothing is committed yet."""
    return world.owner(tmp_path, account("holder"))
