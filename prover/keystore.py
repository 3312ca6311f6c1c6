"""The encrypted file that everything secret of a holder lives in: Argon2id for the key, AES-256-GCM for the content.

The shape is that of Ethereum's keystores: version, kdf, kdfparams, cipher, cipherparams, ciphertext. The parameters
of the key derivation are stored, so they can rise: a file made with weaker ones is re-encrypted with today's when it
is next saved. Everything but the ciphertext is authenticated as associated data, so no field can be altered
unnoticed.

    {"schema": "zkmargin/keystore/v1", "version": 1,
     "crypto": {"kdf": "argon2id", "kdfparams": {"iterations", "lanes", "length", "memory_kib", "salt"},
                "cipher": "aes-256-gcm", "cipherparams": {"nonce"}, "ciphertext"}}

Trust: an attacker may have written the file. Costs above the limits below are refused before any memory is taken.
       Python cannot wipe the password or the key from memory.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zkmargin import canonical
from zkmargin.errors import InputError

from . import files
from .errors import PasswordError

ITERATIONS, LANES, MEMORY_KIB = 3, 4, 65536
"""What a new file costs to guess at: RFC 9106, second recommended option."""
_NONCE_BYTES = 12
_SALT_BYTES = 16
_HEADER = {"schema": "zkmargin/keystore/v1", "version": 1}

Hex16 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Hex12 = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]
HexBytes = Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class KdfParameters(_Strict):
    """Argon2id: the cost of one password guess, and the salt. The limits bound what a hostile file can ask for."""

    iterations: int = Field(ge=1, le=32)
    lanes: int = Field(ge=1, le=16)
    length: Literal[32]
    memory_kib: int = Field(ge=128, le=1024 * 1024)
    salt: Hex16

    @classmethod
    def today(cls) -> KdfParameters:
        """What a new file gets, with a fresh salt."""
        salt = secrets.token_hex(_SALT_BYTES)
        return cls(iterations=ITERATIONS, lanes=LANES, length=32, memory_kib=MEMORY_KIB, salt=salt)

    def derive(self, password: str) -> bytes:
        """The AES key of ``password``."""
        kdf = Argon2id(
            salt=bytes.fromhex(self.salt),
            length=self.length,
            iterations=self.iterations,
            lanes=self.lanes,
            memory_cost=self.memory_kib,
        )
        return kdf.derive(password.encode("utf-8"))

    def weaker_than(self, other: KdfParameters) -> bool:
        """Whether a guess costs less than under ``other``."""
        return self.iterations * self.memory_kib < other.iterations * other.memory_kib


class CipherParameters(_Strict):
    nonce: Hex12


class Crypto(_Strict):
    kdf: Literal["argon2id"]
    kdfparams: KdfParameters
    cipher: Literal["aes-256-gcm"]
    cipherparams: CipherParameters
    ciphertext: HexBytes


class KeystoreFile(_Strict):
    schema_: Literal["zkmargin/keystore/v1"] = Field(alias="schema")
    version: Literal[1]
    crypto: Crypto


@dataclass
class Keystore:
    """An opened keystore: path, plaintext content, and the key to save it again. Its repr shows the path only."""

    path: Path
    content: bytes = field(repr=False)
    _kdfparams: KdfParameters = field(repr=False)
    _key: bytes = field(repr=False)

    @classmethod
    def create(cls, path: Path, content: bytes, password: str) -> Keystore:
        """Encrypt ``content`` into a new file at ``path``, mode 0600.

        Raises: InputError: the file exists already.
        """
        kdfparams = KdfParameters.today()
        keystore = cls(path, content, kdfparams, kdfparams.derive(password))
        files.write_new(path, keystore._encrypt(content), mode=files.PRIVATE)
        return keystore

    @classmethod
    def open(cls, path: Path, password: str) -> Keystore:
        """Decrypt the file at ``path``.

        Raises: InputError: not a keystore.   PasswordError: wrong password, or an altered file.
        """
        file = parse(files.read(path), path)
        crypto = file.crypto
        kdfparams, key = crypto.kdfparams, crypto.kdfparams.derive(password)
        try:
            content = AESGCM(key).decrypt(
                bytes.fromhex(crypto.cipherparams.nonce), bytes.fromhex(crypto.ciphertext), _header(crypto)
            )
        except InvalidTag:
            raise PasswordError(f"{path}: the password is wrong, or the file was altered") from None
        today = KdfParameters.today()
        if kdfparams.weaker_than(today):
            kdfparams = today
            key = kdfparams.derive(password)
        return cls(path, content, kdfparams, key)

    def save(self, content: bytes) -> None:
        """Put ``content`` in the place of the old one: atomic, synced, a fresh nonce."""
        files.replace(self.path, self._encrypt(content), mode=files.PRIVATE)
        self.content = content

    def _encrypt(self, content: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipherparams = CipherParameters(nonce=nonce.hex())
        crypto = Crypto(
            kdf="argon2id", kdfparams=self._kdfparams, cipher="aes-256-gcm", cipherparams=cipherparams, ciphertext="00"
        )
        sealed = AESGCM(self._key).encrypt(nonce, content, _header(crypto))
        crypto = crypto.model_copy(update={"ciphertext": sealed.hex()})
        return json.dumps(_HEADER | {"crypto": crypto.model_dump()}, indent=1).encode("ascii") + b"\n"


def parse(data: bytes, path: Path) -> KeystoreFile:
    """The keystore file in ``data``.

    Raises: InputError: not a keystore of a version that this program reads.
    """
    try:
        return KeystoreFile.model_validate(canonical.parse(data, limit=files.MAX_FILE_BYTES))
    except (ValidationError, InputError):
        raise InputError(f"{path}: not a zkmargin keystore of version 1", code="bad_keystore") from None


def _header(crypto: Crypto) -> bytes:
    """All of the file but the ciphertext: the associated data of the encryption."""
    return canonical.to_bytes(_HEADER | {"crypto": crypto.model_dump(exclude={"ciphertext"})})
