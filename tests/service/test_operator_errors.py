"""The operator's and the venue's programs: an interrupted init goes on, and whatever happens ends in a sentence at most
and an exit code that is no verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from cli_run import commands
from typer.testing import CliRunner

from verifier import cli, disk, keys
from verifier.venue import cli as venue_cli

PROGRAMS = {"zkmargin-verifier": cli.app, "zkmargin-venue": venue_cli.app}
MADE = {
    "zkmargin-verifier": ("init", "--dir", "d", "--venue", "demo", "--audience", "a"),
    "zkmargin-venue": ("init", "--dir", "d", "--venue", "demo", "--positions", "p"),
}
PROGRAM = pytest.mark.parametrize("program", PROGRAMS)


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def told(program: str, *args: str, code: int = 0) -> Any:
    """The JSON that a command prints."""
    result = CliRunner().invoke(PROGRAMS[program], [*args, "-o", "json"], catch_exceptions=False)
    assert result.exit_code == code, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


def refused(program: str, *args: str, code: int = 2) -> str:
    """The code of the error that a command ends with: one sentence, and the same in JSON."""
    result = CliRunner().invoke(PROGRAMS[program], list(args), catch_exceptions=False, prog_name=program)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith(f"{program}: ")
    assert len(result.stderr.splitlines()) == 1
    reason = told(program, *args, code=code)["error"]["code"]
    assert reason != "internal"
    return str(reason)


@PROGRAM
@pytest.mark.parametrize("failing", range(4))
def test_an_interrupted_init_goes_on(program: str, failing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it stops, the same command finishes it, with the keys that are there already."""
    written: list[Path] = []
    name = disk._name

    def stop(temporary: Path, path: Path) -> None:
        if len(written) == failing:
            raise KeyboardInterrupt
        name(temporary, path)
        written.append(path)

    with monkeypatch.context() as patch:
        patch.setattr(disk, "_name", stop)
        result = CliRunner().invoke(PROGRAMS[program], MADE[program])
    files = 2 if program == "zkmargin-verifier" else 3
    assert (result.exit_code, len(written)) == (130 if failing < files else 0, min(failing, files))
    kept = {path: path.read_bytes() for path in written}
    told(program, *MADE[program])
    assert {path: path.read_bytes() for path in written} == kept
    assert not list(Path("d").glob(".zkmargin-*"))
    made = told(program, *MADE[program])
    assert made == told(program, *MADE[program])


@PROGRAM
def test_a_key_in_use_is_never_replaced(program: str) -> None:
    told(program, *MADE[program])
    before = {path.name: path.read_bytes() for path in Path("d").glob("*.key")}
    Path("d/config.toml").unlink()
    told(program, *MADE[program])
    assert {path.name: path.read_bytes() for path in Path("d").glob("*.key")} == before
    Path("d/config.toml").unlink()
    for path in Path("d").glob("*.key"):
        path.write_bytes(b"not a key")
    assert refused(program, *MADE[program]) == "bad_key_file"
    assert {path.read_bytes() for path in Path("d").glob("*.key")} == {b"not a key"}


@pytest.mark.parametrize("links", [True, False])
def test_a_file_is_written_whole_or_not_at_all(links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    path = Path("file")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        with pytest.raises(disk.Unavailable):
            disk.write_new(path, b"content")
    assert list(Path().iterdir()) == []
    disk.write_new(path, b"content", mode=disk.PRIVATE)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"content", 0o600)
    with pytest.raises(disk.InputError, match="not overwritten"):
        disk.write_new(path, b"other")
    assert [entry.name for entry in Path().iterdir()] == ["file"]
    assert path.read_bytes() == b"content"


@pytest.mark.parametrize(
    "value", ["x", "[", "1", '["x"]', "[" * 50_000, "9" * 5000, '{"a": 1}'], ids=lambda value: value[:8]
)
@PROGRAM
def test_the_environment_is_told_from_a_defect(program: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = {"zkmargin-verifier": "ZKMARGIN_VERIFIER_CLAIMS", "zkmargin-venue": "ZKMARGIN_VENUE_TRUSTED_PROXIES"}[
        program
    ]
    if program == "zkmargin-venue" and value == '["x"]':
        pytest.skip("a list of names, as it should be")
    monkeypatch.setenv(name, value)
    assert refused(program, *MADE[program]) == "bad_settings"
    assert not Path("d").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"x = " + b"[" * 16_000, b"x = " + b"[" * 100_000, b"x = " + b"{a=" * 5_000, b"x = " + b"9" * 10_000,
        b".".join([b"a"] * 2_000) + b" = 1", b".".join([b"a"] * 100_000) + b" = 1", b"\xff", b"\x00", b"", b"venue = ",
        b'"\\u001b[31m" = 1', b"x = 1979-05-27", b"x = nan",
    ],
    ids=range(13),
)  # fmt: skip
@PROGRAM
def test_a_configuration_that_is_none(program: str, content: bytes) -> None:
    _refuses(program, content)


@pytest.mark.slow
@PROGRAM
def test_a_configuration_that_takes_longest_to_read(program: str) -> None:
    """One dotted key, as long as a file may be."""
    _refuses(program, b".".join([b"a"] * 8_000) + b" = 1")


def _refuses(program: str, content: bytes) -> None:
    told(program, *MADE[program])
    Path("d/config.toml").write_bytes(content)
    assert refused(program, *MADE[program]) in ("bad_settings", "bad_file")


@PROGRAM
def test_paths_that_no_file_system_has(program: str) -> None:
    long = "x" * 300
    assert refused(program, "init", "--dir", long, *MADE[program][3:]) == "bad_file"
    assert refused(program, *MADE[program], "--trust", long) == "bad_file"
    Path("file").write_bytes(b"")
    assert refused(program, "init", "--dir", "file", *MADE[program][3:]) in ("bad_file", "file_exists")
    if program == "zkmargin-verifier":
        assert refused(program, "keys", "new", "--out", long) == "bad_file"
        assert refused(program, "status", "--dir", long) == "bad_file"
    else:
        assert refused(program, "key", "--dir", long) == "bad_file"


@pytest.mark.parametrize("url", ["http://x..y", f"http://{'a' * 64}.example", "x", "", "ftp://h"])
def test_addresses_that_are_none(url: str) -> None:
    assert refused("zkmargin-verifier", "status", "--url", url) == "bad_url"


def test_a_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy")
    assert refused("zkmargin-verifier", "status", "--url", "https://verifier.example") == "bad_environment"


@PROGRAM
@pytest.mark.parametrize("output", ["text", "json"])
def test_an_error_that_nobody_expected(program: str, output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("submitted value")

    monkeypatch.setattr(keys, "write_new", fail)
    ran = CliRunner().invoke(PROGRAMS[program], [*MADE[program], "-o", output], prog_name=program)
    assert ran.exit_code == 3
    assert "internal error (RuntimeError at test_operator_errors.py:" in ran.output
    assert "submitted value" not in ran.output
    if output == "json":
        assert json.loads(ran.stdout)["error"]["code"] == "internal"
    else:
        assert (ran.stdout, len(ran.stderr.splitlines())) == ("", 1)


# A program of its own takes long to start: of eight, the quick tests start two.
UNBUFFERED = pytest.mark.parametrize("unbuffered", ["", pytest.param("1", marks=pytest.mark.slow)])
SLOW_TEXT = pytest.mark.parametrize("output", [pytest.param("text", marks=pytest.mark.slow), "json"])
SLOW_JSON = pytest.mark.parametrize("output", ["text", pytest.param("json", marks=pytest.mark.slow)])


def _new_key(output: str, unbuffered: str, stdout: int) -> tuple[int, str]:
    ran = subprocess.run(
        [sys.executable, "-c", "from verifier.cli import app; app()", "keys", "new", "--out", "key", "-o", output],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    )
    return ran.returncode, ran.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@UNBUFFERED
@SLOW_JSON
def test_a_result_that_cannot_be_written(output: str, unbuffered: str) -> None:
    with open("/dev/full", "w") as full:
        told = _new_key(output, unbuffered, full.fileno())
    assert told == (3, "zkmargin-verifier: the result cannot be written to stdout\n")


@UNBUFFERED
@SLOW_TEXT
def test_a_reader_that_has_seen_enough_is_told_nothing(output: str, unbuffered: str) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    assert _new_key(output, unbuffered, write_end) == (3, "")
    os.close(write_end)


@PROGRAM
def test_what_a_terminal_must_not_see(program: str) -> None:
    told(program, *MADE[program])
    Path("d/config.toml").write_bytes(b'"\\u001b[31m" = 1')
    result = CliRunner().invoke(PROGRAMS[program], MADE[program])
    assert result.exit_code == 2
    assert "\x1b" not in result.output


@pytest.mark.parametrize(
    ("program", "command"), [(program, command) for program, app in PROGRAMS.items() for command in commands(app)]
)
def test_every_command_has_an_example_in_its_help_and_speaks_json(program: str, command: str) -> None:
    assert isinstance(PROGRAMS[program], typer.Typer)
    result = CliRunner().invoke(PROGRAMS[program], [*command.split(), "--help"])
    assert result.exit_code == 0
    assert f"{program} {command}" in " ".join(result.stdout.split()).partition("Example")[2]
    assert ("--output" in result.stdout) == (command != "serve")  # a server's first line is JSON in any case
