"""JSON-RPC over HTTP, on loopback: one request at a time reaches the chain."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .rpc import Rpc, RpcError

_MAX_BODY_BYTES = 4 << 20
_PARSE_ERROR, _INVALID_REQUEST = -32700, -32600


class Server:
    """Serves until ``close``. ``block_time_s``: mine at this interval instead of at every transaction."""

    def __init__(self, rpc: Rpc, *, port: int = 0, block_time_s: float | None = None) -> None:
        self._rpc = rpc
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _handler(self.respond))
        self._http.daemon_threads = True
        self._block_time_s = block_time_s

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> None:
        """Answer in threads of its own."""
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        if self._block_time_s is not None:
            self._rpc.chain.automine = False
            threading.Thread(target=self._mine, args=(self._block_time_s,), daemon=True).start()

    def close(self) -> None:
        """Stop; what was in memory is gone."""
        self._closed.set()
        self._http.shutdown()
        self._http.server_close()

    def respond(self, body: bytes) -> Any:
        """The answer to a request, or the list of answers to a list."""
        try:
            request = json.loads(body)
        except ValueError:
            return _error(None, _PARSE_ERROR, "this is not JSON")
        if isinstance(request, list):
            return [self._one(each) for each in request]
        return self._one(request)

    def _one(self, request: Any) -> dict[str, Any]:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _error(None, _INVALID_REQUEST, "this is not a request of JSON-RPC")
        number = request.get("id")
        try:
            with self._lock:
                result = self._rpc.answer(request["method"], request.get("params") or [])
        except RpcError as error:
            return {"jsonrpc": "2.0", "id": number, "error": error.body}
        return {"jsonrpc": "2.0", "id": number, "result": result}

    def _mine(self, block_time_s: float) -> None:
        while not self._closed.wait(block_time_s):
            with self._lock:
                self._rpc.chain.mine()


def _error(number: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def _handler(respond: Any) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # headers and body leave in one packet

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if not 0 < length <= _MAX_BODY_BYTES:
                self.send_error(413)
                return
            answer = json.dumps(respond(self.rfile.read(length))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: stdout has one line, and requests are no news."""

    return Handler
