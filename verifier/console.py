"""What an operator sees: data on stdout, sentences on stderr, and one place that turns errors into exit codes.

In JSON mode stdout carries exactly one JSON document: the result, or ``{"error": {"code", "message"}}``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from zkmargin.errors import ZkMarginError

from .errors import EXIT_BAD_INPUT, exit_code


class Output(StrEnum):
    """How a result is written to stdout."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Write the result as text or as JSON.")]


class Commands(TyperGroup):
    """The root of the commands: every error of ours ends as a sentence and an exit code, never as a traceback."""

    json_wanted = False

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        self.json_wanted = _json_wanted(sys.argv[1:] if args is None else args)
        return super().main(args, *rest, **extra)

    def make_context(self, *args: Any, **extra: Any) -> Any:
        with self._errors_told():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        with self._errors_told():
            return super().invoke(ctx)

    @contextmanager
    def _errors_told(self) -> Iterator[None]:
        try:
            yield
        except ZkMarginError as error:
            self._tell(error.code, str(error))
            raise typer.Exit(exit_code(error)) from None
        except typer.TyperException as error:
            if not self.json_wanted:
                raise  # Typer itself writes the sentence to stderr and exits with 2
            self._tell("usage", error.format_message())
            raise typer.Exit(EXIT_BAD_INPUT) from None

    def _tell(self, code: str, message: str) -> None:
        if self.json_wanted:
            print(json.dumps({"error": {"code": code, "message": message}}, indent=2))
        else:
            print(f"{self.name}: {message}", file=sys.stderr)


def _json_wanted(args: Sequence[str]) -> bool:
    """Known before parsing, so that a usage error is JSON too."""
    pairs = pairwise(args)
    return "--output=json" in args or "-ojson" in args or any(a in ("-o", "--output") and b == "json" for a, b in pairs)


def emit(output: Output, value: Mapping[str, Any]) -> None:
    """Write the result: as one JSON document, or as ``name  value`` lines."""
    if output is Output.JSON:
        print(json.dumps(value, indent=2))
        return
    width = max(map(len, value), default=0)
    for name, member in value.items():
        text = ", ".join(map(str, member)) if isinstance(member, list) else "-" if member is None else str(member)
        print(f"{name:<{width}}  {text}")
