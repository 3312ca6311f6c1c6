"""The venue and the verifier of the demo: processes of their own, on loopback, each with a directory of its own.

Whatever happens, an error, Ctrl-C and SIGTERM included, both processes are ended and the directory is removed.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from ..errors import Unavailable

VENUE = "verifier.venue.cli"
VERIFIER = "verifier.cli"
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 10.0


class Program:
    """A command of another package, running in a process of its own; what it logs goes to ``log``."""

    def __init__(self, module: str, *args: str, log: Path) -> None:
        self._module = module
        self._log = log
        with log.open("ab") as errors:
            # No shell, and only arguments of ours. A session of its own: Ctrl-C in the terminal reaches the demo, which
            # ends its processes in order. -P: a package in the working directory does not hide the installed ones.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-c", f"from {module} import app; app()", *args],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                text=True,
            )

    def answer(self) -> dict[str, Any]:
        """The JSON document that the command prints before it ends well. Raises: Unavailable."""
        try:
            stdout, _ = self._process.communicate(timeout=_START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._fail("did not end in time")
        if self._process.returncode != 0:
            self._fail(f"ended with exit code {self._process.returncode}")
        return self._parse(stdout)

    def first_line(self) -> dict[str, Any]:
        """The JSON document in the first line that a server prints. Raises: Unavailable."""
        lines: list[str] = []
        stdout = self._process.stdout
        if stdout is not None:
            reader = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
            reader.start()
            reader.join(_START_TIMEOUT_S)
        if not lines or not lines[0]:
            self._fail("did not start")
        return self._parse(lines[0])

    def ask_to_end(self) -> None:
        """Send the signal that a server ends in order on."""
        if self._process.poll() is None:
            self._process.terminate()

    def end(self) -> None:
        """Wait for the end, or force it."""
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _parse(self, text: str) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            self._fail("printed something else than JSON")
        return value

    def _fail(self, what: str) -> NoReturn:
        lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        raise Unavailable(f"{self._module} {what}: {lines[-1] if lines else 'no message'}", code="demo")


class Services:
    """A temporary directory, and the programs that run in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._programs: list[Program] = []

    def start(self, module: str, *args: str) -> Program:
        """Start a command."""
        program = Program(module, *args, log=self.directory / f"{module}.log")
        self._programs.append(program)
        return program

    def end(self) -> None:
        """End everything that runs, side by side."""
        for program in self._programs:
            program.ask_to_end()
        for program in self._programs:
            program.end()

    def run(self, *commands: tuple[str, ...]) -> list[dict[str, Any]]:
        """Run commands side by side; their JSON answers."""
        programs = [self.start(*command, "-o", "json") for command in commands]
        return [program.answer() for program in programs]

    def serve(self, *commands: tuple[str, ...]) -> list[str]:
        """Start servers side by side; their addresses."""
        programs = [self.start(*command, "--host", "127.0.0.1", "--port", "0") for command in commands]
        return [str(program.first_line()["url"]) for program in programs]


@contextmanager
def services() -> Iterator[Services]:
    """A place for the demo; nothing is left of it."""
    with (
        _terminated_like_interrupted(),
        tempfile.TemporaryDirectory(prefix="zkmargin-demo-", ignore_cleanup_errors=True) as directory,
    ):
        place = Services(Path(directory))
        try:
            yield place
        finally:
            place.end()


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does: by an exception, so that everything is cleaned up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
