"""``python -m prover.demo.devnet``: one JSON line {"url", "chain_id", "genesis", "accounts"}, then a chain that runs.

SIGTERM ends it. The accounts are unlocked: ``eth_sendTransaction`` signs for them.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import urllib.request
from typing import Any

from zkmargin.errors import ZkMarginError

from ...errors import Unavailable, exit_code

_MISSING = "a chain in Python needs: pip install 'zkmargin[devnet]'"


def main(arguments: list[str] | None = None) -> int:
    """Run a chain; the exit code."""
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        server = _start(options)
    except ZkMarginError as error:
        print(f"error: {error}", file=sys.stderr)
        return exit_code(error)
    try:
        print(json.dumps(_described(server.url)), flush=True)
        stop.wait()
    finally:
        server.close()
    return 0


def _start(options: argparse.Namespace) -> Any:
    """Something with ``url`` and ``close``. Raises: Unavailable: the engine is not installed."""
    if options.engine == "anvil":
        from .anvil import Anvil

        return Anvil(options.chain_id, port=options.port, block_time_s=options.block_time)
    try:
        from .chain import DevChain
        from .rpc import Rpc
        from .server import Server
    except ImportError as error:
        raise Unavailable(f"{_MISSING} ({error})", code="devnet") from None
    rpc = Rpc(DevChain(options.chain_id, finality_depth=options.finality_depth))
    server = Server(rpc, port=options.port, block_time_s=options.block_time)
    server.start()
    return server


def _described(url: str) -> dict[str, Any]:
    return {
        "url": url,
        "chain_id": int(_ask(url, "eth_chainId"), 16),
        "genesis": _ask(url, "eth_getBlockByNumber", "0x0", False)["hash"],
        "accounts": _ask(url, "eth_accounts"),
    }


def _ask(url: str, method: str, *params: Any) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    # The address is the loopback server that this process has just started.
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)["result"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m prover.demo.devnet", description=__doc__)
    parser.add_argument("--chain-id", type=int, default=1337)
    parser.add_argument("--port", type=int, default=0, help="0: one that is free")
    parser.add_argument("--block-time", type=float, help="seconds between blocks; without it, each transaction has one")
    parser.add_argument("--finality-depth", type=int, default=2, help="blocks on top of a final one (py-evm)")
    parser.add_argument("--engine", choices=("py-evm", "anvil"), default="py-evm")
    return parser


if __name__ == "__main__":
    sys.exit(main())
