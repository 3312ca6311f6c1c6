"""Running ``zkmargin`` in tests, in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from prover.cli import app

EXAMPLES = Path(__file__).parents[2] / "examples"
PUBLIC = ("--params", str(EXAMPLES / "params.json"), "--oracle", str(EXAMPLES / "oracle.json"))


def commands(app: typer.Typer) -> list[str]:
    """The names of all commands of ``app``, those of groups with the name of the group before."""
    return list(_names(typer.main.get_command(app), ""))


def _names(command: Any, path: str) -> Iterator[str]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path
    for name, child in (children or {}).items():
        yield from _names(child, f"{path} {name}".strip())


@dataclass(frozen=True)
class Ran:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The code of the error document."""
        value = self.json
        assert set(value) == {"error"}
        assert set(value["error"]) == {"code", "message"}
        return str(value["error"]["code"])


def zkmargin(*args: object, stdin: str | None = None) -> Ran:
    """Run a command. An exception that is not an exit is a failure of the test: no traceback may reach a user."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], input=stdin, catch_exceptions=False)
    assert "Traceback" not in result.stderr
    assert "internal error" not in result.output  # the last resort is for what nobody knows of yet
    return Ran(result.exit_code, result.stdout, result.stderr)
