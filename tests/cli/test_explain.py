"""zkmargin explain: from the committed rule alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli_run import EXAMPLES, PUBLIC, zkmargin

from circuits.rule import load

FOLDERS = sorted(path.parent for path in EXAMPLES.glob("*/params.json"))


def test_a_rule_in_words_and_as_json() -> None:
    ran = zkmargin("explain", "perpetuals-cross")
    assert ran.code == 0
    assert load("perpetuals-cross").statement in ran.out
    assert "q, long: least of [-F_high + p_low - f*p_low] and [-F_high + p_high - f*p_high]" in ran.out
    ran = zkmargin("explain", "gross", "-o", "json")
    assert set(ran.json) == {"rule", "statement", "slack"}
    assert ran.json["rule"] == "gross"


def test_what_a_proof_costs() -> None:
    ran = zkmargin("explain", "perpetuals-cross", *PUBLIC, "-o", "json")
    assert ran.json["cost"] == {
        "hidden": {"cash": 1, "size": 3},
        "unknowns": {"slack": 1},
        "digit_base": 16,
        "slots": 65,
        "rows": 7,
        "terms": 116,
        "proof_bytes": 752,
    }
    assert "slots        65\n" in zkmargin("explain", "perpetuals-cross", *PUBLIC).out


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_example_can_be_counted(folder: Path) -> None:
    params = ("--params", folder / "params.json")
    name = json.loads((folder / "params.json").read_text())["model"]
    for prices in ((), ("--oracle", folder / "oracle.json")):
        ran = zkmargin("explain", name, *params, *prices, "-o", "json")
        assert ran.code == 0, ran.out
        assert ran.json["cost"]["unknowns"]["slack"] >= 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("perpetuals-isolated",), "unknown_model"),
        (("../perpetuals-cross",), "unknown_model"),
        (("perpetuals-brackets", *PUBLIC), "other_model"),
        (("perpetuals-cross", "--oracle", EXAMPLES / "oracle.json"), "usage"),
        (("perpetuals-cross", "--params", EXAMPLES / "account.json"), "bad_input"),
    ],
)
def test_what_is_refused(arguments: tuple[object, ...], code: str) -> None:
    ran = zkmargin("explain", *arguments, "-o", "json")
    assert (ran.code, ran.error) == (2, code)


def test_without_sympy() -> None:
    code = (
        "import sys; from prover.cli import app; app(['explain', 'perpetuals-brackets'], standalone_mode=False);"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'sympy', 'mpmath'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n")
