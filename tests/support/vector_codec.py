"""How tests/vectors/*.json writes relations, openings and bytes: decimal strings for integers, 0x-hex for bytes."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from zkmargin import nonces
from zkmargin.pedersen import Opening
from zkmargin.range_argument import Assignment
from zkmargin.relation import Abs, Digit, Gate, Relation, Row, Sparse, Square


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def unhexed(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def relation_to_json(relation: Relation) -> dict[str, Any]:
    value = {
        "J": relation.J,
        "tables": [[str(symbol) for symbol in table] for table in relation.tables],
        "slots": [
            {"digit": slot.table}
            if isinstance(slot, Digit)
            else {"gate": {"form": _sparse(slot.form), "constant": str(slot.constant)}}
            for slot in relation.slots
        ],
        "rows": [
            {"W": _sparse(row.W), "U": _sparse(row.U), "P": _sparse(row.P), "b": str(row.b)} for row in relation.rows
        ],
        "gadgets": [
            {"abs": {"gate": gadget.gate, "rows": list(gadget.rows)}}
            if isinstance(gadget, Abs)
            else {"square": {"gate": gadget.gate, "row": gadget.row}}
            for gadget in relation.gadgets
        ],
    }
    return value | {"attested": list(map(list, relation.attested))} if relation.attested else value


def relation_from_json(value: dict[str, Any]) -> Relation:
    return Relation(
        tables=tuple(tuple(map(int, table)) for table in value["tables"]),
        slots=tuple(
            Digit(slot["digit"])
            if "digit" in slot
            else Gate(_from_sparse(slot["gate"]["form"]), int(slot["gate"]["constant"]))
            for slot in value["slots"]
        ),
        rows=tuple(
            Row(_from_sparse(row["W"]), _from_sparse(row["U"]), _from_sparse(row["P"]), int(row["b"]))
            for row in value["rows"]
        ),
        gadgets=tuple(
            Abs(gadget["abs"]["gate"], (gadget["abs"]["rows"][0], gadget["abs"]["rows"][1]))
            if "abs" in gadget
            else Square(gadget["square"]["gate"], gadget["square"]["row"])
            for gadget in value["gadgets"]
        ),
        J=value["J"],
        attested=tuple((j, bits) for j, bits in value.get("attested", ())),
    )


def opening_to_json(opening: Opening) -> dict[str, str]:
    return {"value": str(opening.value), "blinding": str(opening.blinding)}


def opening_from_json(value: dict[str, str]) -> Opening:
    return Opening(int(value["value"]), int(value["blinding"]))


def assignment_to_json(assignment: Assignment) -> dict[str, Any]:
    return {"a": [str(x) for x in assignment.a], "w": {str(i): str(x) for i, x in assignment.w.items()}}


def assignment_from_json(value: dict[str, Any]) -> Assignment:
    return Assignment([int(x) for x in value["a"]], {int(i): int(x) for i, x in value["w"].items()})


@contextlib.contextmanager
def seeded_entropy(seed: str) -> Iterator[None]:
    """The prover's entropy becomes SHA-256 of ``seed``: for vectors only, never outside tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nonces, "fresh_entropy", lambda: hashlib.sha256(seed.encode()).digest())
        yield


def _sparse(entries: Sparse) -> list[list[Any]]:
    return [[index, str(coefficient)] for index, coefficient in entries]


def _from_sparse(entries: list[list[Any]]) -> Sparse:
    return tuple((index, int(coefficient)) for index, coefficient in entries)
