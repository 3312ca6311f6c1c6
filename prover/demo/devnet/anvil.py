"""anvil in place of py-evm: a real node, with its own ``eth_getProof`` and reorganisations, if it is installed.

It comes with Foundry, or as the npm package @foundry-rs/anvil; ``ANVIL`` names the program where PATH does not.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress

from ...errors import Unavailable

_MISSING = "anvil is not installed: npm install @foundry-rs/anvil, or name it in ANVIL"
_PATIENCE_S = 20.0
_STOP_TIMEOUT_S = 5.0


def program() -> str | None:
    """Where anvil is, if anywhere."""
    return shutil.which(os.environ.get("ANVIL", "anvil"))


class Anvil:
    """One anvil process. Raises: Unavailable: not installed, or it does not answer."""

    def __init__(self, chain_id: int, *, port: int = 0, block_time_s: float | None = None) -> None:
        found = program()
        if found is None:
            raise Unavailable(_MISSING, code="anvil")
        port = port or _free_port()
        options = ["--port", str(port), "--chain-id", str(chain_id), "--silent", "--hardfork", "prague"]
        if block_time_s is not None:
            options += ["--block-time", str(block_time_s)]
        # No shell, and only arguments of ours. A session of its own: the npm package starts anvil as a child of Node.
        self._process = subprocess.Popen(  # noqa: S603
            [found, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )
        self.url = f"http://127.0.0.1:{port}"
        self._wait()

    def wait(self) -> int:
        """Until it ends."""
        return self._process.wait()

    def close(self) -> None:
        """End it, and what it started."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", int(self.url.rsplit(":", 1)[1])), 1):
                return
            time.sleep(0.02)
        self.close()
        raise Unavailable("anvil did not start", code="anvil")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
