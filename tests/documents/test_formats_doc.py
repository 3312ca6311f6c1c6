"""docs/formats.md says what the code does: examples, limits, hashes."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from document_examples import ACCOUNT_ID, EXAMPLES, OWNER, SEALING, STATE, STATE_DOCUMENT

from zkmargin import bundle, canonical, envelope
from zkmargin.documents import Document, Oracle, Round, Signed, account, oracle, params, state, trust
from zkmargin.envelope import Envelope

TEXT = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")


def _blocks(name: str) -> list[str]:
    return re.findall(rf"```{name}\n(.*?)```", TEXT, re.DOTALL)


EXAMPLE = {line[:13].strip(): line[13:] for block in _blocks("example") for line in block.splitlines()}


def test_the_json_of_the_page_is_read() -> None:
    kinds = {kind.SCHEMA: kind for kind in EXAMPLES}
    read: set[type[Document]] = set()
    for block in _blocks("json"):
        value = json.loads(block)
        if "schema" in value:
            kinds[value["schema"]].from_value(value)
            read.add(kinds[value["schema"]])
        else:
            assert set(value) == set(Envelope("x", b"", ()).to_value())
    assert len(read) == 4


def test_the_table_of_documents_is_complete() -> None:
    named = set(re.findall(r"^\| `(zkmargin/[a-z-]+/v1)` \|", TEXT, re.MULTILINE))
    assert named == {kind.SCHEMA for kind in EXAMPLES} | {Round.SCHEMA, bundle.Bundle.SCHEMA}


def test_the_limits_are_those_of_the_code() -> None:
    section = TEXT.split("## 11. Limits")[1].split("\n## ")[0]
    limits = dict(re.findall(r"^\| ([a-z ,]+) \| (\d+)", section, re.MULTILINE))
    assert {name: int(limit) for name, limit in limits.items()} == {
        "document, envelope or round": canonical.MAX_DOCUMENT_BYTES,
        "bundle": bundle.MAX_BUNDLE_BYTES,
        "commas in either": canonical.MAX_COMMAS,
        "nesting": canonical.MAX_DEPTH,
        "integer": canonical.MAX_INTEGER,
        "characters of a decimal": canonical.MAX_DECIMAL_CHARACTERS,
        "markets": params.MAX_MARKETS,
        "reports of a round": oracle.MAX_REPORTS,
        "signatures of an envelope": envelope.MAX_SIGNATURES,
        "keys of a role": trust.MAX_KEYS,
        "labels of a state": state.MAX_LABELS,
        "positions of an account": account.MAX_POSITIONS,
        "bytes of a proof": bundle.MAX_PROOF_BYTES,
    }


def test_the_worked_example() -> None:
    commitments = {entry["label"]: entry["commitment"] for entry in STATE["commitments"]}
    assert EXAMPLE["owner"] == OWNER.public
    assert EXAMPLE["sealing key"] == SEALING.public
    assert EXAMPLE["account id"] == ACCOUNT_ID
    assert EXAMPLE["V cash0"] == commitments["cash0"]
    assert EXAMPLE["V q/BTC-USD"] == commitments["q/BTC-USD"]
    assert EXAMPLE["state digest"] == STATE_DOCUMENT.state_digest


def test_the_hashed_bytes() -> None:
    (block,) = _blocks("hashed")
    hashed = bytes.fromhex("".join(block.split()))
    assert f"({len(hashed)} of them" in TEXT
    assert "0x" + hashlib.sha256(hashed).hexdigest() == ACCOUNT_ID


def test_the_round_of_the_example() -> None:
    (block,) = _blocks("reports")
    reports = [Oracle.from_bytes(line.encode()) for line in block.splitlines()]
    assert [report.to_bytes().decode() for report in reports] == block.splitlines()
    assert [report.digest for report in reports] == [EXAMPLE["report 1"], EXAMPLE["report 2"]]
    round_ = Round(tuple(Signed(report) for report in reports))
    assert round_.digest == EXAMPLE["round"]
    low, high = round_.prices["BTC-USD"]
    assert f"the interval from {canonical.format_decimal(low)} to {canonical.format_decimal(high)}" in TEXT


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", TEXT))
def test_links_lead_somewhere(link: str) -> None:
    if not link.startswith("https://"):
        assert (Path(__file__).parents[2] / "docs" / link).exists()
