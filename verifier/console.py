"""What an operator sees: data on stdout, sentences on stderr, and one place that turns errors into exit codes.

In JSON mode stdout carries exactly one JSON document: the result, or ``{"error": {"code", "message"}}``.
"""

from __future__ import annotations

import io
import json
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from zkmargin.errors import ZkMarginError

from .errors import EXIT_BAD_INPUT, EXIT_CANNOT_SAY, exit_code


class Output(StrEnum):
    """How a result is written to stdout."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Write the result as text or as JSON.")]


class Commands(TyperGroup):
    """The root of the commands: every error ends as a sentence and an exit code, never as a traceback."""

    json_wanted = False

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        self.json_wanted = _json_wanted(sys.argv[1:] if args is None else args)
        _make_streams_usable()
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
            self._tell(error.code, str(error), json_wanted=self.json_wanted)
            raise typer.Exit(exit_code(error)) from None
        except typer.TyperException as error:
            if not self.json_wanted:
                raise  # Typer itself writes the sentence to stderr and exits with 2
            self._tell("usage", error.format_message(), json_wanted=True)
            raise typer.Exit(EXIT_BAD_INPUT) from None
        except (typer.Exit, typer.Abort):
            raise
        except _Unwritten as error:
            if not isinstance(error.__cause__, BrokenPipeError):  # a reader that has seen enough needs no sentence
                self._tell("io_error", "the result cannot be written to stdout", json_wanted=False)
            raise typer.Exit(EXIT_CANNOT_SAY) from None
        except Exception as error:  # no traceback: it shows values
            _drop_broken_streams()
            if not isinstance(error, BrokenPipeError):
                self._tell("internal", _unexpected(error), json_wanted=self.json_wanted)
            raise typer.Exit(EXIT_CANNOT_SAY) from None

    def _tell(self, code: str, message: str, *, json_wanted: bool) -> None:
        try:
            if json_wanted:
                print(json.dumps({"error": {"code": code, "message": message}}, indent=2), flush=True)
            else:
                print(f"{self.name}: {_plain(message)}", file=sys.stderr, flush=True)
        except OSError:  # nobody to tell: the exit code remains
            _drop_broken_streams()


def _make_streams_usable() -> None:
    """A stream that was closed at the start is None; a name that stdout cannot spell must not stop a result."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


class _Unwritten(Exception):
    """stdout does not take the result: the disk behind it is full, or its reader has gone."""


@contextmanager
def _writing() -> Iterator[None]:
    """Notice what cannot be written while there is an exit code to tell it by."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        _drop_broken_streams()
        raise _Unwritten from error


def _drop_broken_streams() -> None:
    """Nothing goes again where nothing can be written: Python would try once more when it ends, and complain."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except OSError:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115


def _unexpected(error: Exception) -> str:
    """Kind and place of an error that has no sentence of its own: what a report of it needs, and no value."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
    return f"internal error ({place}): a defect of this program, which says nothing about what was asked"


def _json_wanted(args: Sequence[str]) -> bool:
    """Known before parsing, so that a usage error is JSON too."""
    pairs = pairwise(args)
    return "--output=json" in args or "-ojson" in args or any(a in ("-o", "--output") and b == "json" for a, b in pairs)


def emit(output: Output, value: Mapping[str, Any]) -> None:
    """Write the result: as one JSON document, or as ``name  value`` lines."""
    width = max(map(len, value), default=0)
    with _writing():
        if output is Output.JSON:
            print(json.dumps(value, indent=2))
            return
        for name, member in value.items():
            text = ", ".join(map(str, member)) if isinstance(member, list) else "-" if member is None else str(member)
            print(_plain(f"{name:<{width}}  {text}"))


def _plain(text: str) -> str:
    """``text`` as a terminal may show it: files and services must not move the cursor or change colours."""
    return "".join(character if character.isprintable() else "?" for character in text)
