"""The program in a hostile shell, and errors that nobody expected: a sentence at most, and an exit code that is no
verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_run import EXAMPLES, PUBLIC
from typer.testing import CliRunner

from prover import cli

COMMAND = [sys.executable, "-c", "from prover.cli import app; app()"]
IMPORT = ("import", str(EXAMPLES / "account.json"), *PUBLIC[:2], "--out", "account.json")
WHATIF = ("whatif", "--account", str(EXAMPLES / "account.json"), *PUBLIC)
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
BUFFERED = pytest.mark.parametrize("unbuffered", ["", pytest.param("1", marks=pytest.mark.slow)])
OUTPUT = pytest.mark.parametrize("output", ["text", pytest.param("json", marks=pytest.mark.slow)])
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def shell(line: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``line`` in a shell; "$@" is the program with ``arguments``."""
    return subprocess.run(
        ["bash", "-c", line, "bash", *COMMAND, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=ENVIRONMENT | environment,
    )  # fmt: skip


@FULL
@BUFFERED
@OUTPUT
def test_a_result_that_cannot_be_written(output: str, unbuffered: str) -> None:
    ran = shell('"$@" > /dev/full', *IMPORT, "-o", output, PYTHONUNBUFFERED=unbuffered)
    assert (ran.returncode, ran.stderr) == (3, "zkmargin: the result cannot be written to stdout\n")


@FULL
@BUFFERED
@OUTPUT
def test_an_error_that_cannot_be_written(output: str, unbuffered: str) -> None:
    ran = shell('"$@" > /dev/full 2> /dev/full', "inspect", "nowhere", "-o", output, PYTHONUNBUFFERED=unbuffered)
    assert (ran.returncode, ran.stderr) == (2, "")


@BUFFERED
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(IMPORT, marks=pytest.mark.slow),
        (*IMPORT, "-o", "json"),
        ("--help",),
        ("inspect", "nowhere", "-o", "json"),
    ],
    ids=["text", "json", "help", "error"],
)
def test_a_reader_that_has_seen_enough_is_told_nothing(arguments: tuple[str, ...], unbuffered: str) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as unread:
        environment = ENVIRONMENT | {"PYTHONUNBUFFERED": unbuffered}
        ran = subprocess.run(
            [*COMMAND, *arguments], stdout=unread, stderr=subprocess.PIPE, text=True, check=False, env=environment
        )
    assert (ran.returncode, ran.stderr) == (2 if "inspect" in arguments else 3, "")


def test_a_terminal_that_spells_ascii_only() -> None:
    ran = shell('"$@"', *IMPORT[:-1], "konto-ü.json", PYTHONIOENCODING="ascii")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "konto-\\xfc.json" in ran.stdout


def test_streams_that_are_closed() -> None:
    ran = shell('"$@" <&-', "wallet", "show", "--wallet", str(EXAMPLES / "account.json"))
    assert ran.returncode == 2
    assert ran.stderr == "zkmargin: no terminal to ask for the password: name a file with --password-file\n"
    assert shell('"$@" >&-', *IMPORT).returncode == 0
    ran = shell('"$@" 2>&-', "inspect", "nowhere")
    assert (ran.returncode, ran.stdout) == (2, "")  # the sentence does not move to stdout


@pytest.mark.parametrize("error", [RuntimeError, OSError, RecursionError, MemoryError, KeyError])
def test_an_error_that_nobody_expected(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def fail(*_: object) -> None:
        raise error("cash 42340.25")

    monkeypatch.setattr("circuits.calculators.of", fail)
    ran = CliRunner().invoke(cli.app, WHATIF)
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert ran.stderr.startswith(f"zkmargin: internal error ({error.__name__} at test_streams.py:")
    assert len(ran.stderr.splitlines()) == 1
    assert "42340.25" not in ran.stderr
    ran = CliRunner().invoke(cli.app, [*WHATIF, "-o", "json"])
    assert (ran.exit_code, ran.stderr) == (3, "")
    assert json.loads(ran.stdout)["error"]["code"] == "internal"
    assert "42340.25" not in ran.stdout
