"""The venue's own files: whatever lies among the positions ends in a sentence, and settings that cannot be are told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from service_world import VENUE
from venue_floor import Floor, code_of

from verifier import config_file, disk
from verifier.errors import Unavailable
from verifier.venue.positions import Positions
from verifier.venue.settings import VenueSettings
from zkmargin.errors import ContextError, InputError


def test_links_and_pipes_hold_nobody_up(floor: Floor, tmp_path: Path) -> None:
    holder, elsewhere = floor.holder(), tmp_path / "elsewhere.json"
    (floor.positions / "dangling.json").symlink_to(tmp_path / "nothing.json")
    (floor.positions / "loop.json").symlink_to("loop.json")
    (floor.positions / "directory.json").mkdir()
    os.mkfifo(floor.positions / "pipe.json")
    elsewhere.write_text((floor.positions / f"{holder.id}.json").read_text())
    (floor.positions / "outside.json").symlink_to(elsewhere)  # else: a second file of this owner
    assert floor.ask(holder, floor.request(holder)).status_code == 201


def test_a_link_within_the_directory_is_followed(floor: Floor, tmp_path: Path) -> None:
    """As where an orchestrator mounts files: every name is a link to the version of the day, beside it."""
    holder = floor.holder()
    file = floor.positions / f"{holder.id}.json"
    (floor.positions / "..today").mkdir()
    file.rename(floor.positions / "..today" / file.name)
    file.symlink_to(Path("..today") / file.name)
    link = tmp_path / "link"
    link.symlink_to(floor.positions)
    for directory in (floor.positions, link):
        assert Positions(directory).of(holder.owner.public) == holder.account


def test_a_file_that_goes_while_it_is_read(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    holder, leaving = floor.holder(), floor.holder()
    gone = floor.positions / f"{leaving.id}.json"
    positions, content = Positions(floor.positions), gone.read_bytes()
    read = disk.read

    def vanish(path: Path, **options: Any) -> bytes:
        if path.name == gone.name:
            path.unlink(missing_ok=True)
        return read(path, **options)

    times = gone.stat()
    with monkeypatch.context() as patch:
        patch.setattr(disk, "read", vanish)
        assert positions.of(holder.owner.public) == holder.account
    with pytest.raises(ContextError, match="no account with this owner"):
        positions.of(leaving.owner.public)
    gone.write_bytes(content)
    os.utime(gone, ns=(times.st_atime_ns, times.st_mtime_ns))  # it is back as it was, and counts again
    assert positions.of(leaving.owner.public) == leaving.account


@pytest.mark.parametrize("broken", ["no directory", "a failing disk"])
def test_positions_that_cannot_be_read_at_all(floor: Floor, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = floor.holder()
    request = floor.request(holder)
    if broken == "no directory":
        floor.positions.rename(floor.positions.with_name("moved"))
    else:

        def fail(path: Path, **_: object) -> bytes:
            raise Unavailable(f"{path}: input/output error", code="io_error")

        monkeypatch.setattr(disk, "read", fail)
    answer = floor.ask(holder, request)
    assert code_of(answer) == (503, "positions_unavailable")
    assert "positions/" not in answer.text  # the name of a file is not for the client


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("rate_limit", "often", "looks like 600/minute"),
        ("rate_limit", "0/minute", "looks like 600/minute"),
        ("rate_limit", "5/minute;1/second", "looks like 600/minute"),
        ("trusted_proxies", ("proxy.example",), "an address or a network"),
        ("trusted_proxies", ("*",), "an address or a network"),
        ("max_round_age_s", 0, "greater than or equal to 1"),
        ("max_round_age_s", -1, "greater than or equal to"),
        ("max_body_bytes", 0, "greater than or equal to 1024"),
        ("positions", "", "the path of a directory"),
        ("positions", "a\0b", "the path of a directory"),
        ("venue", "not a name", "letters, digits"),
        ("max_age", 1, "not permitted"),
    ],
)
def test_settings_that_cannot_be(name: str, value: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        config_file.make(VenueSettings, {"venue": VENUE, "positions": "positions"} | {name: value})
    assert str(caught.value).startswith(f"setting {name}")
    assert caught.value.code == "bad_settings"


def test_settings_that_can_be() -> None:
    values = {"venue": VENUE, "positions": "/a b/c", "rate_limit": "", "trusted_proxies": ("10.0.0.7", "fd00::/8")}
    settings = config_file.make(VenueSettings, values)
    assert config_file.make(VenueSettings, settings.model_dump()) == settings
