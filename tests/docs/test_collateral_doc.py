"""docs/collateral.md says what the formats are and how refusals are named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from zkmargin import collateral
from zkmargin.collateral import checkpoint, evidence, leaf, merkle

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "collateral.md").read_text(encoding="utf-8")
FORMATS, CHECKS = (
    TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0] for title in ("2. Formats", "3. Checks and their codes")
)
# What is checked by these is told in section 3; the rest of the package has codes of its own kind of chain.
CHECKED = ("checkpoint", "evidence", "leaf", "members", "merkle", "note", "pledge", "registry", "revocation")
CHECKED += ("secp256k1", "signatures", "storage_proof")
# Mistakes of a caller, not refusals of what came from outside.
CALLERS = {"bad_note", "bad_amount", "missing_extra"}


def _sources() -> str:
    package = Path(collateral.__file__).parent
    return "\n".join((package / f"{name}.py").read_text(encoding="utf-8") for name in CHECKED)


def test_the_struct_is_the_codes() -> None:
    (block,) = re.findall(r"```text\n(.*?)\n```", FORMATS, re.DOTALL)
    assert block == checkpoint.STRUCT_TYPE
    assert checkpoint.DOMAIN_TYPE in FORMATS
    assert f'{{name: "{checkpoint.DOMAIN_NAME}", version: "{checkpoint.DOMAIN_VERSION}", salt: venue id}}' in FORMATS


FUNCTIONS = {name for name in dir(collateral) if name.startswith(("check_", "verify_"))}


def test_every_code_is_told_and_every_told_code_exists() -> None:
    raised = set(re.findall(r'code="([a-z_]+)"|_found\(.*, "([a-z_]+)"\)', _sources()))
    raised = {code for pair in raised for code in pair if code}
    told = set(re.findall(r"`([a-z]+_[a-z_]+)`", CHECKS)) - FUNCTIONS
    assert raised - CALLERS <= told
    assert told <= raised | {"bad_input", "unsigned", "bad_signature"}


def test_the_limits_are_those_of_the_code() -> None:
    assert f"at most {evidence.MAX_FILE_LEAVES}" in FORMATS
    assert merkle.MAX_LEAVES == 2**20
    assert "at most 2^20 leaves" in FORMATS
    assert f"{leaf.LEAF_BYTES} bytes, what is attested" in FORMATS
    assert f"bits, 1 to {leaf.MAX_BITS}" in FORMATS


def test_the_table_of_a_leaf_adds_up() -> None:
    rows = re.findall(r"^\| (\d+) \| (\d+)(?: each)? \| (.*) \|$", FORMATS, re.MULTILINE)
    at = 0
    for start, width, what in rows:
        assert int(start) == at
        at += int(width) * (len(what.split(",")) if width == "32" else 1)
    assert at == leaf.LEAF_BYTES


def test_every_document_of_collateral_is_on_the_page() -> None:
    names = {path.name for path in (ROOT / "docs" / "schemas").glob("collateral-*.json")}
    for name in names:
        schema = json.loads((ROOT / "docs" / "schemas" / name).read_text(encoding="utf-8"))["title"]
        assert f"`{schema}`" in FORMATS


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT))))
def test_links_lead_somewhere(link: str) -> None:
    if link.startswith("https://"):
        return
    path, _, anchor = link.partition("#")
    target = ROOT / "docs" / path if path else ROOT / "docs" / "collateral.md"
    headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert not anchor or anchor in anchors
