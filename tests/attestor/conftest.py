"""Fixtures of the attestor's tests: a society whose clocks go with its chain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attestor_world import Society

from verifier import clock


@pytest.fixture(scope="session")
def _founded(tmp_path_factory: pytest.TempPathFactory) -> Society:
    """Keys, documents and databases, made once."""
    society = Society(tmp_path_factory.mktemp("society"))
    society.end()
    return society


@pytest.fixture
def society(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _founded: Society) -> Iterator[Society]:
    society = Society(tmp_path, like=_founded)
    monkeypatch.setattr(clock, "now_unix_s", lambda: society.now)
    yield society
    society.end()
