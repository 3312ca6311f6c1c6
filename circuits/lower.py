"""``python -m circuits.lower``: write what lowering makes of every rule. The same rule gives the same bytes.

``python -m circuits.lower --check`` writes nothing and fails if a committed file differs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .lowering import Rule, lower
from .models import CLAIM_RULES, MODELS

FOLDER = Path(__file__).parent / "lowered"


def artefact(rule: Rule) -> bytes:
    """The bytes of a lowered rule."""
    return (json.dumps(lower(rule), indent=1, sort_keys=True) + "\n").encode("ascii")


def main(arguments: list[str]) -> int:
    """0 if every file is (now) what lowering makes of its rule."""
    status = 0
    for name, model in (MODELS | CLAIM_RULES).items():
        path, content = FOLDER / f"{name}.json", artefact(model.rule())
        if arguments == ["--check"]:
            if not path.exists() or path.read_bytes() != content:
                sys.stderr.write(f"circuits/lowered/{name}.json is out of date: run python -m circuits.lower\n")
                status = 1
        else:
            path.write_bytes(content)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
