"""What a person sees: data on stdout, progress and errors on stderr, and one place that turns errors into exit codes.

In JSON mode stdout carries exactly one JSON document: the result, or ``{"error": {"code", "message"}}``.
"""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.status import Status
from typer.core import TyperGroup

from zkmargin.errors import ZkMarginError

from . import files
from .errors import EXIT_BAD_INPUT, EXIT_CANNOT_SAY, exit_code

PROGRESS_AFTER_S = 0.5


class Output(StrEnum):
    """How a result is written to stdout."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Write the result as text or as JSON.")]


class Commands(TyperGroup):
    """The root of the commands, where every error ends as a sentence and an exit code, never as a traceback."""

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
            tell_error(error.code, str(error), json_wanted=self.json_wanted)
            raise typer.Exit(exit_code(error)) from None
        except typer.TyperException as error:  # usage: Typer itself writes the sentence to stderr
            if not self.json_wanted:
                raise
            tell_error("usage", error.format_message(), json_wanted=True)
            raise typer.Exit(EXIT_BAD_INPUT) from None
        except (typer.Exit, typer.Abort):
            raise
        except _Unwritten as error:
            if not isinstance(error.__cause__, BrokenPipeError):  # a reader that has seen enough needs no sentence
                tell_error("io_error", "the result cannot be written to stdout", json_wanted=False)
            raise typer.Exit(EXIT_CANNOT_SAY) from None
        except Exception as error:  # no traceback: it shows values
            _drop_broken_streams()
            if not isinstance(error, BrokenPipeError):
                tell_error("internal", _unexpected(error), json_wanted=self.json_wanted)
            raise typer.Exit(EXIT_CANNOT_SAY) from None


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


def tell_error(code: str, message: str, *, json_wanted: bool) -> None:
    """The sentence on stderr, or the error document on stdout."""
    try:
        if json_wanted:
            print(json.dumps({"error": {"code": code, "message": message}}, indent=2), flush=True)
        else:
            print(f"zkmargin: {plain(message)}", file=sys.stderr, flush=True)
    except OSError:  # nobody to tell: the exit code remains
        _drop_broken_streams()


def plain(text: str) -> str:
    """``text`` as a terminal may show it: files and services must not move the cursor or change colours."""
    return "".join(character if character.isprintable() else "?" for character in text)


def emit(output: Output, value: object, text: Callable[[], None]) -> None:
    """Write the result: ``value`` as JSON, or whatever ``text`` prints."""
    with _writing():
        if output is Output.JSON:
            print(json.dumps(value, indent=2))
        else:
            text()


def note(message: str) -> None:
    """A line on stderr: beside the result, never in it."""
    print(plain(message), file=sys.stderr, flush=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Collection[int] = ()) -> None:
    """A table on stdout, one line a row, the columns of ``right`` aligned right. Never cut or wrapped."""
    cells = [tuple(map(plain, row)) for row in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if title:
        print(title)
    for row in cells:
        padded = (cell.rjust(widths[i]) if i in right else cell.ljust(widths[i]) for i, cell in enumerate(row))
        print("  ".join(padded).rstrip())


def fields(pairs: Mapping[str, str]) -> None:
    """``name  value`` lines on stdout."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        print(f"{name:<{width}}  {plain(value)}")


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Tell on stderr that ``what`` is going on, once it has taken more than half a second.

    A terminal gets a spinner that goes away; anything else gets one plain line.
    """
    status: list[Status] = []

    def show() -> None:
        if files.is_terminal(sys.stderr):
            status.append(Console(stderr=True).status(what))
            status[0].start()
        else:
            note(f"{what} ...")

    timer = threading.Timer(PROGRESS_AFTER_S, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        for spinner in status:
            spinner.stop()
