"""The JSON Schemas of docs/schemas: as generated, and in agreement with what the readers do."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from document_examples import BUNDLE, EXAMPLES, ORACLE, ROUND

from zkmargin import canonical
from zkmargin.bundle import Bundle
from zkmargin.documents import Document, Round
from zkmargin.envelope import Envelope
from zkmargin.errors import ZkMarginError
from zkmargin.schemas import schemas, to_text

DIRECTORY = Path(__file__).parents[2] / "docs" / "schemas"
SCHEMAS = schemas()
KINDS = pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)


def _validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(SCHEMAS[f"{name}.v1.json"])


def _name(kind: type[Document]) -> str:
    return kind.SCHEMA.split("/")[1]


def test_the_files_are_what_is_generated() -> None:
    assert {path.name for path in DIRECTORY.iterdir()} == set(SCHEMAS)
    for name, schema in SCHEMAS.items():
        assert (DIRECTORY / name).read_text(encoding="utf-8") == to_text(schema), f"{name}: generate it again"


def test_the_command_writes_them(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "zkmargin.schemas", "--out", str(tmp_path / "new")], check=True)
    assert {path.name: path.read_text() for path in (tmp_path / "new").iterdir()} == {
        name: to_text(schema) for name, schema in SCHEMAS.items()
    }


@pytest.mark.parametrize("name", SCHEMAS)
def test_they_are_schemas(name: str) -> None:
    jsonschema_rs.meta.validate(SCHEMAS[name])
    assert SCHEMAS[name]["additionalProperties"] is False


@KINDS
def test_examples_are_valid(kind: type[Document]) -> None:
    _validator(_name(kind)).validate(EXAMPLES[kind])


def test_so_are_rounds_bundles_and_envelopes() -> None:
    _validator("round").validate(ROUND.to_value())
    _validator("round").validate(Round.from_value(ORACLE).to_value())
    _validator("bundle").validate(BUNDLE.to_value())
    _validator("envelope").validate(BUNDLE.params.to_value())


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside ``value``."""
    for step in list(value) if isinstance(value, dict) else range(len(value)):
        yield (*path, step)
        if isinstance(value[step], (dict, list)):
            yield from _places(value[step], (*path, step))


def _mutants(value: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """``value`` with one change: a wrong type or form, a key dropped, a key more."""
    wrong: dict[type, list[Any]] = {str: [5, "", "\n", "x y", True], int: ["5", True, -1]}
    for path in _places(value):
        for change in ("drop", "more", *wrong.get(type(_at(value, path)), [{}, [], "x"])):
            mutant = copy.deepcopy(value)
            owner = _at(mutant, path[:-1])
            if change == "drop":
                del owner[path[-1]]
            elif change == "more" and isinstance(owner, dict):
                owner["unknown"] = 1
            else:
                owner[path[-1]] = change
            yield path, mutant


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _reads(parse: Any, value: Any) -> bool:
    try:
        parse(value)
    except ZkMarginError:
        return False
    return True


@KINDS
def test_what_a_schema_refuses_the_reader_refuses(kind: type[Document]) -> None:
    validator = _validator(_name(kind))
    refused = 0
    for path, mutant in _mutants(EXAMPLES[kind]):
        if not validator.is_valid(mutant):
            refused += 1
            assert not _reads(kind.from_value, mutant), path
    assert refused > 20


def test_the_same_for_bundles_and_envelopes() -> None:
    for validator, parse, value in (
        (_validator("bundle"), lambda v: Bundle.from_bytes(canonical.to_bytes(v)), BUNDLE.to_value()),
        (_validator("round"), Round.from_value, Round.from_value(ORACLE).to_value()),
        (_validator("envelope"), Envelope.from_value, BUNDLE.params.to_value()),
    ):
        for path, mutant in _mutants(value):
            if not validator.is_valid(mutant):
                assert not _reads(parse, mutant), path


@KINDS
def test_numbers_for_amounts_are_invalid_in_the_schema_too(kind: type[Document]) -> None:
    text = to_text(SCHEMAS[f"{_name(kind)}.v1.json"])
    assert '"number"' not in text
    assert json.loads(text) == SCHEMAS[f"{_name(kind)}.v1.json"]
