"""JSON Schemas of every document, made from the same classes that read them: ``python -m zkmargin.schemas --out DIR``.

A schema says what a reader accepts field by field. What no schema can say (each market once, a digest that fits, a
signature) is in docs/formats.md. Only ``main`` writes files; nothing of the library imports this module.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .bundle import MAX_PROOF_BYTES, MEDIA_TYPE, Bundle, Request
from .collateral import Chains, Checkpoint, CollateralLock, MemberSet, Pledge, SignedCheckpoint, SignedMemberSet
from .documents import (
    Account,
    AttestationRequest,
    Document,
    Openings,
    Oracle,
    Params,
    Part,
    Policy,
    Receipt,
    Round,
    State,
    Trust,
)
from .documents.oracle import MAX_REPORTS
from .envelope import MAX_PAYLOAD_TYPE_CHARACTERS, MAX_SIGNATURES

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS: tuple[type[Document], ...] = (
    Account,
    AttestationRequest,
    Chains,
    Checkpoint,
    CollateralLock,
    MemberSet,
    Openings,
    Oracle,
    Params,
    Pledge,
    Policy,
    Receipt,
    SignedCheckpoint,
    SignedMemberSet,
    State,
    Trust,
)
ENVELOPE = "dsse/envelope/v1"


def schemas() -> dict[str, Schema]:
    """The schema of every document, by the name of its file."""
    by_name = {kind.SCHEMA: _of(kind) for kind in DOCUMENTS}
    by_name[AttestationRequest.SCHEMA] = _attestation_request()
    by_name[SignedMemberSet.SCHEMA] = _signed_member_set()
    by_name |= {ENVELOPE: _envelope(), Round.SCHEMA: _round(), Bundle.SCHEMA: _bundle()}
    return {_file_name(name): {"$schema": DIALECT, "title": name} | schema for name, schema in by_name.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write every schema into a directory."""
    parser = argparse.ArgumentParser(prog="python -m zkmargin.schemas", description="Write the JSON Schemas.")
    parser.add_argument("--out", type=Path, required=True, help="the directory, such as docs/schemas")
    directory: Path = parser.parse_args(arguments).out
    directory.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (directory / name).write_text(to_text(schema), encoding="utf-8")


def to_text(schema: Schema) -> str:
    """The file of a schema: the same text for the same schema."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _file_name(schema: str) -> str:
    _, name, version = schema.split("/")
    return f"{name}.{version}.json"


def _of(kind: type[Part]) -> Schema:
    schema: Schema = _tidy(kind.model_json_schema(ref_template="#/$defs/{model}"))
    return schema


def _tidy(value: Any, *, names: bool = False) -> Any:
    """Without the titles that pydantic makes of names, and with ``schema`` required, which has a default in Python.

    ``names``: the keys of ``value`` are names of fields or definitions, not words of JSON Schema.
    """
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    tidy = {
        key: _tidy(item, names=not names and key in ("properties", "$defs"))
        for key, item in value.items()
        if names or key not in ("title", "default")
    }
    if not names and "schema" in tidy.get("properties", {}):
        tidy["required"] = ["schema", *tidy.get("required", [])]
    return tidy


def _definitions(*kinds: type[Part]) -> Schema:
    """``$defs`` with the kinds and all that they refer to, and the envelope."""
    definitions: Schema = {"Envelope": _envelope()}
    for kind in kinds:
        schema = _of(kind)
        definitions |= schema.pop("$defs", {})
        definitions[kind.__name__] = schema
    return definitions


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _signed(kind: type[Document]) -> Schema:
    """A document, bare or in an envelope."""
    return {"anyOf": [_reference(kind.__name__), _reference("Envelope")]}


def _object(description: str, properties: Schema) -> Schema:
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _envelope() -> Schema:
    signature = _object(
        "One signature: over the pre-authentication encoding of DSSE v1.",
        {
            "keyid": {"type": "string", "pattern": "^0x[0-9a-f]{64}$"},
            "sig": {"type": "string", "pattern": "^[A-Za-z0-9+/]{86}==$"},
        },
    )
    return _object(
        "DSSE v1 with Ed25519. The payload is the canonical bytes of a document.",
        {
            "payloadType": {"type": "string", "maxLength": MAX_PAYLOAD_TYPE_CHARACTERS},
            "payload": {"type": "string", "contentEncoding": "base64", "pattern": "^[A-Za-z0-9+/]*={0,2}$"},
            "signatures": {"type": "array", "maxItems": MAX_SIGNATURES, "items": signature},
        },
    )


def _round_properties() -> Schema:
    return _object(
        "The reports of one oracle round. Where a round is read, one report alone stands for a round of one.",
        {
            "schema": {"const": Round.SCHEMA, "type": "string"},
            "reports": {"type": "array", "minItems": 1, "maxItems": MAX_REPORTS, "items": _signed(Oracle)},
        },
    )


def _round() -> Schema:
    return _round_properties() | {"$defs": _definitions(Oracle)}


def _attestation_request() -> Schema:
    schema = _of(AttestationRequest)
    schema["properties"]["round"] = _reference("Round")
    schema["$defs"] |= _definitions(Oracle) | {"Round": _round_properties()}
    return schema


def _signed_member_set() -> Schema:
    schema = _of(SignedMemberSet)
    schema["properties"]["members"] = _signed(MemberSet)
    schema["$defs"] |= _definitions(MemberSet)
    return schema


def _bundle() -> Schema:
    proof = {"type": "string", "pattern": "^0x([0-9a-f]{2})*$", "maxLength": 2 + 2 * MAX_PROOF_BYTES}
    bundle = _object(
        "A proof and all that it refers to, in one file.",
        {
            "schema": {"const": Bundle.SCHEMA, "type": "string"},
            "media_type": {"const": MEDIA_TYPE, "type": "string"},
            "request": _reference("Request"),
            "proof": proof,
            "state": _signed(State),
            "params": _signed(Params),
            "round": _reference("Round"),
        },
    )
    return bundle | {"$defs": _definitions(Oracle, Params, Request, State) | {"Round": _round_properties()}}


if __name__ == "__main__":
    main()
