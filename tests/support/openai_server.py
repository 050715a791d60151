"""A tiny server that speaks the OpenAI chat protocol: the fake writer is behind it, and it misbehaves on demand.

Example:
    with OpenAIServer() as server:
        server.url, server.bodies, server.hung_up
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from models.control import Control
from models.text.base import Message, TextRequest
from models.text.fake import FakeText


class OpenAIServer:
    """Attributes:
    bodies: Requests as they came.
    headers: Their headers.
    refuse: (status, body) to answer with instead of writing.
    stall: Wait for ever after the first piece of text.
    cut: Close the connection after this many pieces.
    hung_up: Set once the client has gone while the server was stalled.
    """

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.refuse: tuple[int, str] | None = None
        self.stall = False
        self.cut: int | None = None
        self.hung_up = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> OpenAIServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                owner.bodies.append(body)
                owner.headers.append({key.lower(): value for key, value in self.headers.items()})
                if owner.refuse:
                    self.send_response(owner.refuse[0])
                    self.end_headers()
                    self.wfile.write(owner.refuse[1].encode())
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                self._write(body)

            def _write(self, body: dict[str, Any]) -> None:
                schema = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
                request = TextRequest(
                    messages=tuple(Message(**message) for message in body["messages"]),
                    max_tokens=body["max_tokens"],
                    temperature=body["temperature"],
                    seed=body["seed"],
                    stop=tuple(body.get("stop", ())),
                    json_schema=schema,
                )
                stream = FakeText().stream(request, control=Control())
                sent = 0
                while True:
                    try:
                        delta = next(stream)
                    except StopIteration as end:
                        result = end.value
                        break
                    self._send({"choices": [{"index": 0, "delta": {"content": delta.text}, "finish_reason": None}]})
                    sent += 1
                    if owner.cut is not None and sent >= owner.cut:
                        return
                    if owner.stall:
                        self.connection.settimeout(10)
                        if self.connection.recv(1) == b"":
                            owner.hung_up.set()
                        return
                self._send({"choices": [{"index": 0, "delta": {}, "finish_reason": result.finish_reason}]})
                usage = {"prompt_tokens": result.prompt_tokens, "completion_tokens": result.completion_tokens}
                self._send({"choices": [], "usage": usage})
                self.wfile.write(b"data: [DONE]\n\n")

            def _send(self, event: dict[str, Any]) -> None:
                self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
                self.wfile.flush()

            def log_message(self, *args: object) -> None:
                """Silence."""

        return Handler
