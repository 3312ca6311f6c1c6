"""Whatever a command is given, it ends in one sentence and an exit code: 2 for bad input, 3 for "cannot say"."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from cli_run import EXAMPLES, PUBLIC, Ran, commands, zkmargin

from prover import console, files
from prover.cli import app
from prover.errors import Unavailable
from zkmargin.envelope import PrivateKey

KEY = PrivateKey.generate().public
JUNK = (b"", b"\x00\xff\xfe", b"{}", b"[]", b'"x"', b"1e999", b'{"schema": 1}', b"[" * 99999, b'{"a":1,"a":2}', b"-")


def one_sentence(ran: Ran, code: int) -> None:
    assert ran.code == code
    assert ran.out == ""
    assert ran.err.startswith("zkmargin: ")
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("which", ["--account", "--params", "--oracle"])
def test_junk_files(tmp_path: Path, which: str, junk: bytes) -> None:
    path = tmp_path / "junk"
    path.write_bytes(junk)
    sources = {"--account": EXAMPLES / "account.json", "--params": PUBLIC[1], "--oracle": PUBLIC[3]} | {which: path}
    options = [part for pair in sources.items() for part in pair]
    one_sentence(zkmargin("whatif", *options), 2)
    one_sentence(zkmargin("prove", "--offline", *options, "--claim", "initial", "--out", tmp_path / "out"), 2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("junk", JUNK)
def test_junk_elsewhere(tmp_path: Path, junk: bytes, password_file: Path) -> None:
    path = tmp_path / "junk"
    path.write_bytes(junk)
    one_sentence(zkmargin("wallet", "show", "--wallet", path, "--password-file", password_file), 2)
    one_sentence(zkmargin("verify", "--receipt", path, "--key", "0x" + "11" * 32), 2)
    one_sentence(zkmargin("submit", path, "--verifier", "http://127.0.0.1:1"), 2)
    one_sentence(zkmargin("inspect", path), 2)
    one_sentence(
        zkmargin("verify", "--offline", *PUBLIC, "--policy", path, "--allow-unattested", EXAMPLES / "account.json"), 2
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["prove"],
        ["prove", "--bogus"],
        ["wallet", "nonsense"],
        ["prove", "--claim", "initial", "--out", "x", "--expiry", "0"],
        ["verify", "--output=xml"],
        ["bench", "--markets", "0"],
        ["bench", "--markets", "501"],
    ],
)
def test_usage(arguments: list[str]) -> None:
    ran = zkmargin(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    ran = zkmargin(*arguments, "-o", "json")
    assert (ran.code, ran.error) == (2, "usage")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--claim", "rich"], "a claim is maintenance"),
        (["--claim", "health<2"], "a claim is maintenance"),
        (["--claim", "leverage<=0"], "above 0"),
        (["--claim", "initial", "--box", "wide"], "--box is a number"),
        (["--claim", "initial", "--box", "-1"], "0 to 100 percent"),
        (["--claim", "initial", "--box", "101"], "0 to 100 percent"),
        (["--claim", "initial", "--verifier", "http://127.0.0.1:1"], "--offline asks no verifier"),
        (["--claim", "initial", "--audience", "not a name"], "audience"),
    ],
)
def test_bad_options(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    account = ("--account", EXAMPLES / "account.json")
    ran = zkmargin("prove", "--offline", *account, *PUBLIC, "--out", tmp_path / "out", *arguments)
    one_sentence(ran, 2)
    assert sentence in ran.err


BUNDLE = EXAMPLES / "account.json"  # never read: the options are looked at first
RECEIPT = ("verify", "--receipt", EXAMPLES / "account.json", "--key", KEY)


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "--receipt", EXAMPLES / "account.json"),
        ("verify", "--receipt", EXAMPLES / "account.json", "--key", "garbage"),
        ("verify", "--receipt", EXAMPLES / "account.json", "--key", "0x" + "00" * 32),
        (*RECEIPT, "--offline"),
        (*RECEIPT, "--verifier", "https://verifier.example"),
        (*RECEIPT, *PUBLIC[:2]),
        (*RECEIPT, *PUBLIC[2:]),
        (*RECEIPT, "--policy", BUNDLE),
        (*RECEIPT, "--allow-unattested"),
        (*RECEIPT, "--at", "2026-11-22T06:00:00Z"),
        ("verify", "--offline", *PUBLIC, "--key", KEY, BUNDLE),
        ("verify", "--offline", "--verifier", "https://verifier.example", BUNDLE),
        ("verify", BUNDLE),
        ("verify", "--offline", *PUBLIC),
        ("verify", "--offline", BUNDLE),
        ("submit", BUNDLE, "--verifier", "https://verifier.example", "--key", "garbage"),
        ("status", "--verifier", "https://verifier.example", "--account", KEY, "--wallet", BUNDLE),
        ("status", "--verifier", "https://verifier.example", "--account", KEY, "--password-file", BUNDLE),
        ("status", "--verifier", "https://verifier.example", "--account", "garbage"),
        ("prove", "--offline", "--account", BUNDLE, *PUBLIC, "--claim", "initial", "--out", "x", "--wallet", "w"),
        (
            "prove",
            "--offline",
            "--account",
            BUNDLE,
            *PUBLIC,
            "--claim",
            "initial",
            "--out",
            "x",
            "--password-file",
            "w",
        ),
        ("import", BUNDLE, *PUBLIC[:2], "--out", "x", "--balance", BUNDLE),
        ("import", BUNDLE, *PUBLIC[:2], "--out", "x", "--cash-currency", "USD"),
    ],
)
def test_an_option_that_would_mean_nothing_is_refused(arguments: tuple[object, ...]) -> None:
    ran = zkmargin(*arguments)
    one_sentence(ran, 2)
    assert "envelope" not in ran.err  # the receipt was not even read


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"precious")
    account = ("--account", EXAMPLES / "account.json")
    one_sentence(zkmargin("prove", "--offline", *account, *PUBLIC, "--claim", "initial", "--out", out), 2)
    assert out.read_bytes() == b"precious"


def test_paths_that_cannot_be_used(tmp_path: Path) -> None:
    whatif = ("whatif", *PUBLIC, "--account")
    one_sentence(zkmargin(*whatif, tmp_path / "missing"), 2)
    one_sentence(zkmargin(*whatif, tmp_path), 2)
    account = ("--account", EXAMPLES / "account.json", *PUBLIC, "--claim", "initial")
    one_sentence(zkmargin("prove", "--offline", *account, "--out", tmp_path / "no" / "out"), 2)
    one_sentence(zkmargin("prove", "--offline", *account, "--out", EXAMPLES / "account.json" / "out"), 2)


@pytest.mark.parametrize("where", [".", "a", "/dev/null"])
@pytest.mark.parametrize("length", [300, 5000])
def test_paths_that_no_file_system_has(tmp_path: Path, where: str, length: int, password_file: Path) -> None:
    path = tmp_path / where / ("x" * length)
    account = ("--account", EXAMPLES / "account.json")
    password = ("--password-file", password_file)
    for arguments in (
        ("whatif", *PUBLIC, "--account", path),
        ("import", EXAMPLES / "account.csv", *PUBLIC[:2], "--out", path),
        ("prove", "--offline", *account, *PUBLIC, "--claim", "initial", "--out", path),
        ("verify", "--offline", *PUBLIC, path),
        ("inspect", path),
        ("submit", EXAMPLES / "account.json", "--verifier", "http://127.0.0.1:1", "--receipt-out", path),
        ("wallet", "new", "--venue", "demo", "--wallet", path, *password),
        ("wallet", "show", "--wallet", path, *password),
        ("wallet", "show", "--wallet", path, "--password-file", path),
        ("wallet", "backup", "--wallet", path, "--out", path, *password),
        ("commit", "--account", path, "--wallet", path, "--request-out", path, *password),
    ):
        one_sentence(zkmargin(*arguments), 2)


def test_a_name_of_the_greatest_length_is_written(tmp_path: Path) -> None:
    out = tmp_path / ("x" * 255)
    assert zkmargin("import", EXAMPLES / "account.csv", *PUBLIC[:2], "--out", out).code == 0
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_a_home_that_is_none(monkeypatch: pytest.MonkeyPatch, password_file: Path) -> None:
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    one_sentence(zkmargin("wallet", "new", "--venue", "demo", "--password-file", password_file), 2)
    one_sentence(zkmargin("wallet", "show", "--password-file", password_file), 2)


def test_a_password_prompt_that_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def leave(*_: object, **__: object) -> str:
        raise EOFError

    monkeypatch.setattr("prover.files.is_terminal", lambda _: True)
    monkeypatch.setattr("getpass.getpass", leave)
    one_sentence(zkmargin("wallet", "new", "--venue", "demo", "--wallet", tmp_path / "w"), 2)


@pytest.mark.parametrize("field", ["price", "index"])
def test_prices_beyond_every_box(tmp_path: Path, field: str) -> None:
    text = (EXAMPLES / "oracle.json").read_text()
    oracle = tmp_path / "oracle.json"
    oracle.write_text(re.sub(rf'"{field}": "[0-9.]+"', f'"{field}": "{9 * 10**30}"', text, count=1))
    account = ("--account", EXAMPLES / "account.json", *PUBLIC[:2], "--oracle", oracle)
    one_sentence(zkmargin("whatif", *account), 2)
    one_sentence(zkmargin("prove", "--offline", *account, "--claim", "initial", "--out", tmp_path / "out"), 2)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", ["nonsense://proxy", "socks4://proxy"])
def test_a_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, variable: str, proxy: str) -> None:
    monkeypatch.setenv(variable, proxy)
    one_sentence(zkmargin("status", "--verifier", "https://verifier.example", "--account", KEY), 2)


def test_what_a_file_says_cannot_drive_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "account.csv"
    path.write_text("market,size,entry_price\n\x1b[2J\x1b]0;owned\x07,1,\ncash,1,\n")
    ran = zkmargin("whatif", "--account", path, *PUBLIC)
    one_sentence(ran, 2)
    assert "\x1b" not in ran.err
    assert "\x07" not in ran.err
    console.fields({"status": "live\x1b[31m\nstatus"})
    console.table("", ("a",), [("x\x1b[31m",)])
    assert "\x1b" not in capsys.readouterr().out


def test_a_disk_that_fails_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    account = ("--account", EXAMPLES / "account.json")
    monkeypatch.setattr(Path, "replace", fail)
    one_sentence(zkmargin("prove", "--offline", *account, *PUBLIC, "--claim", "initial", "--out", tmp_path / "out"), 3)
    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(Unavailable):
        files.read(tmp_path / "anything")


def test_a_large_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.read, "__kwdefaults__", {"limit": 10})
    one_sentence(zkmargin("whatif", *PUBLIC, "--account", EXAMPLES / "account.json"), 2)


def test_a_service_that_is_away_is_no_verdict() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        one_sentence(zkmargin("status", "--verifier", url, "--account", "0x" + "11" * 32), 3)
        ran = zkmargin("status", "--verifier", url, "--account", "0x" + "11" * 32, "-o", "json")
        assert (ran.code, ran.error) == (3, "unreachable")


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://a", "http://", "http://u:p@h", "https://h?q", "http://[", "http://a b",
            "http://x..y", "http://.x", f"http://{'a' * 64}.example", "http://\udcff"]
)  # fmt: skip
def test_addresses_that_are_none(url: str) -> None:
    one_sentence(zkmargin("status", "--verifier", url, "--account", "0x" + "11" * 32), 2)


def test_as_a_program() -> None:
    """Through the installed entry point: exit codes reach the shell, nothing but data is on stdout."""
    command = [sys.executable, "-c", "from prover.cli import app; app()"]
    options = ["--account", str(EXAMPLES / "insolvent.json"), *PUBLIC]
    claim = ["--claim", "initial", "--out", "never-written"]
    ran = subprocess.run(
        [*command, "prove", "--offline", *options, *claim], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("zkmargin: not provable")
    assert not Path("never-written").exists()


@pytest.mark.parametrize("command", commands(app))
def test_every_command_has_examples_in_its_help_and_speaks_json(command: str) -> None:
    ran = zkmargin(*command.split(), "--help")
    assert ran.code == 0
    assert "Examples:" in ran.out
    assert f"zkmargin {command}" in ran.out
    assert "--output" in ran.out


def test_progress_comes_only_when_something_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with console.progress("quick"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(console, "PROGRESS_AFTER_S", 0.01)
    with console.progress("slow"):
        import time

        time.sleep(0.1)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "slow ...\n")
