"""The encrypted file: nobody else reads it, nothing alters it unnoticed, a crash leaves the old one or the new one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from prover import files, keystore
from prover.errors import PasswordError, Unavailable, WalletError
from prover.keystore import Keystore
from prover.wallet import Wallet
from zkmargin.errors import InputError

PASSWORD = "correct horse battery"
COST = (keystore.ITERATIONS, keystore.LANES, keystore.MEMORY_KIB)  # before tests make it cheap
SECRET = b"the openings of the account"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wallet.json"


def test_it_opens_with_its_password_and_holds_what_was_put_in(path: Path) -> None:
    Keystore.create(path, SECRET, PASSWORD)
    opened = Keystore.open(path, PASSWORD)
    assert opened.content == SECRET
    opened.save(b"another content")
    assert Keystore.open(path, PASSWORD).content == b"another content"


def test_only_its_owner_can_read_it_and_it_shows_nothing(path: Path) -> None:
    made = Keystore.create(path, SECRET, PASSWORD)
    assert path.stat().st_mode & 0o777 == 0o600
    assert SECRET not in path.read_bytes()
    assert SECRET.hex() not in path.read_text()
    assert "openings" not in repr(made)
    made.save(SECRET)
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_has_the_shape_of_ethereums_keystores(path: Path) -> None:
    Keystore.create(path, SECRET, PASSWORD)
    value = json.loads(path.read_text())
    assert value["version"] == 1
    assert set(value["crypto"]) == {"kdf", "kdfparams", "cipher", "cipherparams", "ciphertext"}
    assert (value["crypto"]["kdf"], value["crypto"]["cipher"]) == ("argon2id", "aes-256-gcm")


def test_a_new_file_costs_what_rfc_9106_recommends() -> None:
    assert COST == (3, 4, 65536)


def test_it_is_never_overwritten(path: Path) -> None:
    Keystore.create(path, SECRET, PASSWORD)
    before = path.read_bytes()
    with pytest.raises(InputError, match="not overwritten"):
        Keystore.create(path, b"other", PASSWORD)
    assert path.read_bytes() == before


def test_another_password_does_not_open_it(path: Path) -> None:
    Keystore.create(path, SECRET, PASSWORD)
    with pytest.raises(PasswordError, match="password is wrong"):
        Keystore.open(path, PASSWORD + "x")


def _set(value: dict[str, Any], where: str, change: Any) -> None:
    *parents, last = where.split(".")
    for name in parents:
        value = value[name]
    value[last] = change(value[last])


def _flip(text: str) -> str:
    return ("1" if text[0] == "0" else "0") + text[1:]


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("crypto.ciphertext", _flip),
        ("crypto.ciphertext", lambda text: text[:-2]),
        ("crypto.ciphertext", lambda text: text[:20]),
        ("crypto.cipherparams.nonce", _flip),
        ("crypto.kdfparams.salt", _flip),
        ("crypto.kdfparams.iterations", lambda n: n + 1),
        ("crypto.kdfparams.memory_kib", lambda n: n + 8),
        ("crypto.kdfparams.lanes", lambda n: n - 1),
    ],
)
def test_no_field_can_be_altered(path: Path, where: str, change: Any) -> None:
    Keystore.create(path, SECRET, PASSWORD)
    value = json.loads(path.read_text())
    _set(value, where, change)
    path.write_text(json.dumps(value))
    with pytest.raises(PasswordError):
        Keystore.open(path, PASSWORD)


def test_the_header_is_authenticated_beyond_the_key(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a field that does not change the key: the associated data covers all of the header."""
    Keystore.create(path, SECRET, PASSWORD)
    monkeypatch.setattr(keystore, "_HEADER", {"schema": "zkmargin/keystore/v1", "version": 2})
    with pytest.raises(PasswordError):
        Keystore.open(path, PASSWORD)


def test_the_format_is_what_the_document_says(path: Path) -> None:
    """Read without the code under test: the associated data is the whole file but the ciphertext, in canonical JSON."""
    Keystore.create(path, SECRET, PASSWORD)
    value = json.loads(path.read_text())
    crypto, kdf = value["crypto"], value["crypto"]["kdfparams"]
    ciphertext = bytes.fromhex(crypto.pop("ciphertext"))
    key = Argon2id(
        salt=bytes.fromhex(kdf["salt"]), length=32, iterations=kdf["iterations"], lanes=kdf["lanes"],
        memory_cost=kdf["memory_kib"],
    ).derive(PASSWORD.encode())  # fmt: skip
    header = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    nonce = bytes.fromhex(crypto["cipherparams"]["nonce"])
    assert AESGCM(key).decrypt(nonce, ciphertext, header) == SECRET


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("version", lambda _: 2),
        ("schema", lambda _: "other"),
        ("crypto.kdf", lambda _: "scrypt"),
        ("crypto.cipher", lambda _: "aes-128-ctr"),
        ("crypto.kdfparams.memory_kib", lambda _: 2**40),
        ("crypto.kdfparams.memory_kib", lambda _: 1),
        ("crypto.kdfparams.iterations", lambda _: 10**6),
        ("crypto.kdfparams.lanes", lambda _: 0),
        ("crypto.kdfparams.length", lambda _: 16),
        ("crypto.ciphertext", lambda _: "zz"),
    ],
)
def test_what_it_cannot_be_is_refused_before_any_work(
    path: Path, where: str, change: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Keystore.create(path, SECRET, PASSWORD)
    value = json.loads(path.read_text())
    _set(value, where, change)
    path.write_text(json.dumps(value))
    monkeypatch.setattr(keystore.KdfParameters, "derive", lambda *_: pytest.fail("derived a key"))
    with pytest.raises(InputError, match="not a zkmargin keystore"):
        Keystore.open(path, PASSWORD)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"a":1.5}', b"[" * 100_000])
def test_other_files_are_not_keystores(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a zkmargin keystore"):
        Keystore.open(path, PASSWORD)


def test_parameters_rise_at_the_next_save(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Keystore.create(path, SECRET, PASSWORD)
    monkeypatch.setattr(keystore, "MEMORY_KIB", 256)
    Keystore.open(path, PASSWORD).save(SECRET)
    assert json.loads(path.read_text())["crypto"]["kdfparams"]["memory_kib"] == 256
    assert Keystore.open(path, PASSWORD).content == SECRET
    monkeypatch.setattr(keystore, "MEMORY_KIB", 128)  # they never fall
    Keystore.open(path, PASSWORD).save(SECRET)
    assert json.loads(path.read_text())["crypto"]["kdfparams"]["memory_kib"] == 256


def test_every_save_has_a_nonce_of_its_own(path: Path) -> None:
    opened = Keystore.create(path, SECRET, PASSWORD)
    nonces = set()
    for _ in range(5):
        opened.save(SECRET)
        nonces.add(json.loads(path.read_text())["crypto"]["cipherparams"]["nonce"])
    assert len(nonces) == 5


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_while_saving_leaves_the_old_content(path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Keystore.create(path, SECRET, PASSWORD)

    def crash(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync" if step == "fsync" else "pathlib.Path.replace", crash)
        with pytest.raises(Unavailable, match="no space left"):
            opened.save(b"new content")
    assert Keystore.open(path, PASSWORD).content == SECRET
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new.json"
    path.write_bytes(b"somebody else's")
    monkeypatch.setattr(files, "check_new", lambda _: None)
    with pytest.raises(InputError, match="not overwritten"):
        files.write_new(path, b"ours")
    assert path.read_bytes() == b"somebody else's"


def test_two_commands_do_not_move_one_wallet(path: Path) -> None:
    with files.locked(path), pytest.raises(WalletError, match="another command"), files.locked(path):
        pass
    with files.locked(path):
        pass


def test_a_wallet_shows_no_secret(path: Path) -> None:
    wallet = Wallet.new(path, "demo", PASSWORD)
    shown = repr(wallet) + repr(wallet.content) + repr(wallet.identity) + repr(wallet.sealing_key)
    assert wallet.content.identity not in shown
    assert wallet.content.sealing not in shown
    assert wallet.content.identity[2:] not in path.read_text()
