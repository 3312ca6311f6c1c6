"""The venue and the verifier of the demo: processes of their own, on loopback, each with a directory of its own.

Whatever happens, an error, Ctrl-C and SIGTERM included, both processes are ended and the directory is removed.
"""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from ..errors import Unavailable

VENUE = "verifier.venue.cli"
VERIFIER = "verifier.cli"
FAILED = "demo"
"""The code of the error of a program that runs here."""
PATIENCE_S = 300.0
"""How long an answer may take on a machine that is busy with other things. A process that has ended is noticed at once.
"""
_TOLD_AFTER_S = 15.0
_STOP_TIMEOUT_S = 10.0
_LOOP = """
import json, sys
from {module} import app
for line in sys.stdin:
    code = app(json.loads(line), standalone_mode=False)
    if code:
        sys.exit(code)
    print(flush=True)
"""
"""Runs the commands that come in, one JSON list of arguments a line; an empty line ends the answer of each."""


class Program:
    """Commands of another package, run one after the other in one process of their own; its log goes to ``log``.

    With ``arguments``: the module itself, run as a program.
    """

    def __init__(
        self, module: str, log: Path, progress: Callable[[str], None], arguments: Sequence[str] | None = None
    ) -> None:
        self._module = module
        self._log = log
        self._progress = progress
        self._lines: queue.Queue[str] = queue.Queue()
        run = ("-c", _LOOP.format(module=module)) if arguments is None else ("-m", module, *arguments)
        with log.open("ab") as errors:
            # No shell, and only arguments of ours. A session of its own: Ctrl-C in the terminal reaches the demo, which
            # ends its processes in order. -P: a package in the working directory does not hide the installed ones.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", *run],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                text=True,
            )
        threading.Thread(target=self._read, daemon=True).start()

    def tell(self, *args: str) -> None:
        """Give the process a command; its answer comes with ``answer``."""
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(json.dumps(args) + "\n")
                self._process.stdin.flush()
        except OSError:
            self._fail("has ended")

    def answer(self) -> dict[str, Any]:
        """The JSON document that a command prints, once it has ended well. Raises: Unavailable."""
        lines: list[str] = []
        while (line := self._line()) not in ("\n", ""):
            lines.append(line)
        value = self._parse("".join(lines))
        if not line:  # the command has failed, and said why
            error = value.get("error")
            self._fail("has ended", str(error.get("message")) if isinstance(error, dict) else None)
        return value

    def first_line(self) -> dict[str, Any]:
        """The JSON document that a server prints in its first line. Raises: Unavailable."""
        return self._parse(self._line())

    def serves_at(self) -> str:
        """The address that a server prints in its first line. Raises: Unavailable."""
        return str(self.first_line().get("url"))

    def check(self) -> None:
        """Raises: Unavailable: the process has ended, with the last line of its log."""
        with suppress(subprocess.TimeoutExpired):
            self._fail(f"has ended with code {self._process.wait(1)}")

    def ask_to_end(self) -> None:
        """No more commands, and the signal that a server ends in order on."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        if self._process.poll() is None:
            self._process.terminate()

    def end(self) -> None:
        """Wait for the end, or force it."""
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        if self._process.stdout is not None:
            with self._process.stdout as stdout:
                for line in stdout:
                    self._lines.put(line)
        self._lines.put("")

    def _line(self) -> str:
        """The next line of stdout; nothing at its end."""
        for _ in range(int(PATIENCE_S / _TOLD_AFTER_S)):
            try:
                return self._lines.get(timeout=_TOLD_AFTER_S)
            except queue.Empty:
                self._progress(f"still waiting for {self._module}")
        return self._fail("did not answer in time")

    def _parse(self, text: str) -> dict[str, Any]:
        if not text:
            self._fail("has ended")
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        return value if isinstance(value, dict) else self._fail("printed something else than JSON")

    def _fail(self, what: str, why: str | None = None) -> NoReturn:
        self.ask_to_end()
        self.end()
        lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        raise Unavailable(f"{self._module} {what}: {why or (lines[-1] if lines else 'no message')}", code=FAILED)


class Services:
    """A temporary directory, and the programs that run in it."""

    def __init__(self, directory: Path, progress: Callable[[str], None]) -> None:
        self.directory = directory
        self._progress = progress
        self._programs: list[Program] = []

    def start(self, module: str, arguments: Sequence[str] | None = None) -> Program:
        """Start a program, which then waits for commands, or runs by itself with ``arguments``."""
        log = self.directory / f"{module}.{len(self._programs)}.log"
        program = Program(module, log, self._progress, arguments)
        self._programs.append(program)
        return program

    def check(self) -> None:
        """Raises: Unavailable: one of them has ended, which is why another thing failed."""
        for program in self._programs:
            program.check()

    def end(self) -> None:
        """End everything that runs, side by side."""
        for program in self._programs:
            program.ask_to_end()
        for program in self._programs:
            program.end()


@contextmanager
def services(progress: Callable[[str], None] = lambda _: None) -> Iterator[Services]:
    """A place for the demo; nothing is left of it.

    Raises: Unavailable: of what happens in it; if a program has ended, with that program's own last words.
    """
    with (
        _terminated_like_interrupted(),
        tempfile.TemporaryDirectory(prefix="zkmargin-demo-", ignore_cleanup_errors=True) as directory,
    ):
        place = Services(Path(directory), progress)
        try:
            yield place
        except Unavailable as error:
            if error.code != FAILED:  # a client only misses a service that has ended
                place.check()
            raise
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
