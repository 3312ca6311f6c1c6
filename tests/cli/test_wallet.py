"""zkmargin wallet: what it shows, where passwords come from, and that nothing is lost or overwritten."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import pytest
from cli_run import Ran, zkmargin

from prover.wallet import Wallet
from zkmargin.documents import account_id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wallet.json"


def new(path: Path, password_file: Path, *extra: object) -> Ran:
    return zkmargin("wallet", "new", "--venue", "demo", "--wallet", path, "--password-file", password_file, *extra)


def show(path: Path, password_file: Path) -> Ran:
    return zkmargin("wallet", "show", "--wallet", path, "--password-file", password_file, "-o", "json")


def test_new_and_show(path: Path, password_file: Path) -> None:
    made = new(path, password_file, "-o", "json")
    assert made.code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    shown = show(path, password_file)
    assert shown.json == made.json
    value = shown.json
    keys = {"wallet", "venue", "account", "owner", "sealing_key", "epoch", "seq", "state_digest", "pending_seq"}
    assert set(value) == keys
    wallet = Wallet.open(path, "correct horse battery")
    assert value["account"] == account_id("demo", value["owner"], value["sealing_key"], wallet.content.salt)
    for ran in (made, shown, zkmargin("wallet", "show", "--wallet", path, "--password-file", password_file)):
        for secret in (wallet.content.identity, wallet.content.sealing):
            assert secret[2:] not in ran.out + ran.err


def test_it_is_never_overwritten(path: Path, password_file: Path) -> None:
    assert new(path, password_file).code == 0
    before = path.read_bytes()
    ran = new(path, password_file, "-o", "json")
    assert (ran.code, ran.error) == (2, "file_exists")
    assert path.read_bytes() == before


def test_a_wrong_password(path: Path, password_file: Path) -> None:
    new(path, password_file)
    password_file.write_text("another password")
    ran = show(path, password_file)
    assert (ran.code, ran.error) == (2, "wrong_password")
    assert "password is wrong" in ran.json["error"]["message"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"short", "at least 8"), (b"", "at least 8"), (b"\xff" * 9, "not UTF-8"), (b"x" * 2000, "larger than")],
)
def test_passwords_that_are_refused(path: Path, password_file: Path, content: bytes, sentence: str) -> None:
    password_file.write_bytes(content)
    ran = new(path, password_file)
    assert ran.code == 2
    assert sentence in ran.err
    assert not path.exists()


def test_the_line_end_of_a_password_file_does_not_count(path: Path, password_file: Path) -> None:
    password_file.write_bytes(b"correct horse battery")
    new(path, password_file)
    for content in (b"correct horse battery\n", b"correct horse battery\r\n"):
        password_file.write_bytes(content)
        assert show(path, password_file).code == 0
    password_file.write_bytes(b"correct horse battery\n\n")
    assert show(path, password_file).code == 2


def test_a_password_is_asked_for_on_a_terminal_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = zkmargin("wallet", "new", "--venue", "demo", "--wallet", path, stdin="correct horse battery\n")
    assert ran.code == 2
    assert "--password-file" in ran.err
    monkeypatch.setattr("prover.files.is_terminal", lambda _: True)
    answers = iter(
        ["correct horse battery", "correct horse batterie", "correct horse battery", "correct horse battery"]
    )
    monkeypatch.setattr(getpass, "getpass", lambda *_, **__: next(answers))
    ran = zkmargin("wallet", "new", "--venue", "demo", "--wallet", path)
    assert ran.code == 2
    assert "differ" in ran.err
    assert zkmargin("wallet", "new", "--venue", "demo", "--wallet", path).code == 0
    monkeypatch.setattr(getpass, "getpass", lambda *_, **__: "half a character \udcff")
    assert zkmargin("wallet", "show", "--wallet", path).code == 2


def test_no_option_and_no_environment_takes_a_password(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ZKMARGIN_PASSWORD", "PASSWORD"):
        monkeypatch.setenv(name, "correct horse battery")
    assert zkmargin("wallet", "new", "--venue", "demo", "--wallet", path).code == 2
    assert zkmargin("wallet", "new", "--venue", "demo", "--wallet", path, "--password", "x").code == 2


def test_backup(tmp_path: Path, path: Path, password_file: Path) -> None:
    new(path, password_file)
    copy = tmp_path / "copy.json"
    arguments = ("wallet", "backup", "--wallet", path, "--password-file", password_file, "--out", copy)
    assert zkmargin(*arguments).code == 0
    assert copy.read_bytes() == path.read_bytes()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert show(copy, password_file).json["account"] == show(path, password_file).json["account"]
    assert zkmargin(*arguments).code == 2
    password_file.write_text("another password")
    other = tmp_path / "other.json"
    ran = zkmargin("wallet", "backup", "--wallet", path, "--password-file", password_file, "--out", other)
    assert ran.code == 2
    assert not other.exists()


def test_commands_that_need_a_wallet_say_so(tmp_path: Path, password_file: Path) -> None:
    options = ("--wallet", tmp_path / "none.json", "--password-file", password_file, "-o", "json")
    for command in (
        ("wallet", "show"),
        ("wallet", "backup", "--out", tmp_path / "copy"),
        ("commit", "--verifier", "http://127.0.0.1:1"),
        ("prove", "--claim", "initial", "--out", tmp_path / "out"),
        ("status", "--verifier", "http://127.0.0.1:1"),
    ):
        ran = zkmargin(*command, *options)
        assert (ran.code, ran.error) == (2, "no_wallet"), command


def test_a_venue_needs_a_name(path: Path, password_file: Path) -> None:
    ran = zkmargin("wallet", "new", "--venue", "not a name", "--wallet", path, "--password-file", password_file)
    assert ran.code == 2
    assert not path.exists()


def test_a_keystore_with_another_content(path: Path, password_file: Path) -> None:
    from prover.keystore import Keystore

    Keystore.create(path, json.dumps({"schema": "other"}).encode(), "correct horse battery")
    assert show(path, password_file).code == 2
