"""Configuration files: TOML that an operator can read and edit, with one environment variable for every key."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from zkmargin.errors import InputError

from . import disk, keys

CONFIG_FILE = "config.toml"
_MAX_CONFIG_BYTES = 16 << 10
"""Ours has 3 kB. The time and memory that the TOML reader takes for one long dotted key grow with its square."""


class FileSettings(BaseSettings):
    """Settings that come from the environment first, then from the file, then from the defaults. No .env file."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The file's values come as arguments, and rank below the environment."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


S = TypeVar("S", bound=FileSettings)


def make(kind: type[S], values: dict[str, Any]) -> S:
    """Settings of ``kind`` from ``values`` and the environment.

    Raises: InputError, naming the key.
    """
    if any(key.startswith("_") for key in values):  # pydantic-settings reads options of its own from such names
        raise InputError("no setting begins with an underscore", code="bad_settings")
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(f"setting {key}: {first['msg']}", code="bad_settings") from None
    except (SettingsError, RecursionError):  # a variable that should hold a list
        prefix = kind.model_config.get("env_prefix", "")
        raise InputError(
            f'an environment variable {prefix}* that holds a list must be JSON, such as ["a", "b"]', code="bad_settings"
        ) from None


def load(kind: type[S], directory: Path) -> S:
    """The settings in ``directory``.

    Raises: InputError: no such file (run init first), not TOML, or a bad value.
    """
    path = directory / CONFIG_FILE
    try:
        values = tomllib.loads(disk.read(path, limit=_MAX_CONFIG_BYTES).decode("utf-8"))
    except (ValueError, RecursionError):  # not TOML, not UTF-8, a number of absurd length, nested too deeply
        raise InputError(f"{path}: not a TOML file", code="bad_settings") from None
    return make(kind, values)


def make_once(
    kind: type[S],
    directory: Path,
    values: dict[str, Any],
    *,
    required: Sequence[str],
    new_keys: Mapping[str, Callable[[], keys.Secret]],
) -> S:
    """The settings in ``directory``; if there are none, they are made of ``values``, with a key in every file of
    ``new_keys``. A directory with keys and no configuration is one that was interrupted here: its keys stay.

    Raises: InputError: a required value is missing, or one differs from what is configured there.   Unavailable.
    """
    if disk.exists(directory / CONFIG_FILE):
        settings = load(kind, directory)
        if any(value != getattr(settings, name) for name, value in values.items()):
            raise InputError(f"{directory} is configured already: edit {CONFIG_FILE} and restart", code="configured")
        return settings
    for name in required:
        if name not in values:
            raise InputError(f"--{name} is needed for a new one", code="usage")
    settings = make(kind, values)
    disk.make_directory(directory)
    for file, new in new_keys.items():
        if not disk.exists(directory / file):
            keys.write_new(directory / file, new())
    # Last: where there is a configuration, the keys are there too.
    disk.write_new(directory / CONFIG_FILE, render(settings).encode("utf-8"))
    return settings


def render(settings: FileSettings) -> str:
    """The file that ``load`` reads these settings from: every key, under what it means."""
    prefix = settings.model_config.get("env_prefix", "")
    lines = [f"# Written by init. The environment variable {prefix}KEY overrides KEY. Restart after a change."]
    values = settings.model_dump(mode="json")
    for name, field in type(settings).model_fields.items():
        lines += [
            "",
            *(f"# {line}" for line in (field.description or "").splitlines()),
            f"{name} = {json.dumps(values[name])}",
        ]
    return "\n".join(lines) + "\n"
