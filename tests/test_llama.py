"""The llama.cpp adapter against a stand-in for its server: prefixes, candidates, errors, cancel. No weights."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from models.card import Card
from models.control import CancelToken, Control
from models.errors import AdapterFailed, BadInput, Cancelled, ModelMissing, UnsupportedArgument
from models.text import llama
from models.text.base import Message, TextModel, TextRequest
from models.text.candidates import ManyTextModel, generate_many
from models.text.fake import FakeText


class Stand(ThreadingHTTPServer):
    """Answers like llama.cpp's server; remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, Any]] = []
        self.error: tuple[int, dict[str, Any]] | None = None
        self.tokens = ["Hel", "lo"]
        self.endless = False
        self.hung_up = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: Stand

    def log_message(self, *args: Any) -> None:
        return None

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/apply-template":
            text = "".join(f"<{message['role']}>{message['content']}" for message in body["messages"])
            self._json(200, {"prompt": text + ("<assistant>" if body["add_generation_prompt"] else "")})
            return
        self.server.asked.append(body)
        if self.server.error:
            self._json(*self.server.error)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            self._stream(body)
        except (BrokenPipeError, ConnectionResetError):
            self.server.hung_up.set()

    def _stream(self, body: dict[str, Any]) -> None:
        count = body.get("n_cmpl", 1)
        if body["n_predict"] == 0:
            self._event({"index": 0, "content": "", "stop": True})
            return
        self._raw("data: null\n\n: ping\n\n")
        while True:
            for index in range(count):
                for token in self.server.tokens:
                    self._event(
                        {
                            "index": index,
                            "content": token + str(index or ""),
                            "stop": False,
                            "completion_probabilities": [{"logprob": -0.5}],
                        }
                    )
            if not self.server.endless:
                break
            time.sleep(0.01)
        for index in range(count):
            self._event({"index": index, "content": "", "stop": True, "stop_type": "eos", "tokens_predicted": 2})

    def _event(self, event: dict[str, Any]) -> None:
        self._raw("data: " + json.dumps(event) + "\n\n")

    def _raw(self, text: str) -> None:
        self.wfile.write(text.encode())
        self.wfile.flush()

    def _json(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def stand() -> Iterator[Stand]:
    server = Stand()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.endless = False
    server.shutdown()
    server.server_close()


@pytest.fixture
def model(stand: Stand) -> llama.LlamaModel:
    """The adapter, speaking to the stand-in; only the loading of weights is left out."""
    made = object.__new__(llama.LlamaModel)
    made.card_id = "tiny"
    made._slots, made._key, made._lock, made._prefixes = 2, "key", threading.Lock(), ()
    made._server, made._address = object(), f"http://127.0.0.1:{stand.server_address[1]}"
    return made


def request(*turns: str, **options: Any) -> TextRequest:
    messages = [Message(role="user" if index else "system", content=text) for index, text in enumerate(turns)]
    return TextRequest(messages=tuple(messages), **options)


def test_text_counts_and_likelihood_come_back(model: llama.LlamaModel) -> None:
    result = model.generate(request("Be short.", "Hi"))
    assert (result.text, result.finish_reason, result.completion_tokens) == ("Hello", "stop", 2)
    assert result.mean_logprob == pytest.approx(-0.5)
    assert result.model == "tiny"
    assert isinstance(model, TextModel)


def test_stream_yields_pieces_and_returns_the_result(model: llama.LlamaModel) -> None:
    stream = model.stream(request("Be short.", "Hi"), control=Control())
    assert [next(stream).text, next(stream).text] == ["Hel", "lo"]
    with pytest.raises(StopIteration) as end:
        next(stream)
    assert end.value.value.text == "Hello"


def test_a_prefix_is_evaluated_once_and_always_from_the_same_start(stand: Stand, model: llama.LlamaModel) -> None:
    model.generate(request("Brand.", "First"))
    model.generate(request("Brand.", "Second"))
    model.generate(request("Other.", "Third"))
    asked = [(entry["prompt"], entry["cache_prompt"]) for entry in stand.asked]
    assert asked == [
        ("<system>Brand.#", False),
        ("<system>Brand.<user>First<assistant>", True),
        ("<system>Brand.#", True),  # cuts the first answer off, evaluates nothing
        ("<system>Brand.<user>Second<assistant>", True),
        ("<system>Other.#", False),
        ("<system>Other.<user>Third<assistant>", True),
    ]


def test_without_a_prefix_nothing_of_earlier_requests_is_reused(stand: Stand, model: llama.LlamaModel) -> None:
    model.generate(TextRequest(messages=(Message(role="user", content="Hi"),)))
    assert [entry["cache_prompt"] for entry in stand.asked] == [False]


def test_candidates_are_asked_for_together_in_groups_of_slots(stand: Stand, model: llama.LlamaModel) -> None:
    results = generate_many(model, request("Brand.", "Hi", seed=5), 3)
    assert isinstance(model, ManyTextModel)
    assert [result.text for result in results] == ["Hello", "Hel1lo1", "Hello"]
    asked = [(entry.get("n_cmpl", 1), entry["seed"]) for entry in stand.asked if entry["n_predict"]]
    assert asked == [(2, 5), (1, 7)]


def test_other_models_are_asked_seed_by_seed() -> None:
    fake = FakeText()
    results = generate_many(fake, request("Brand.", "Hi", seed=2**32 - 1), 3)
    assert [entry.seed for entry in fake.requests] == [2**32 - 1, 0, 1]
    assert len({result.text for result in results}) > 1


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "the request exceeds the available context size", BadInput),
        (400, "failed to parse grammar", UnsupportedArgument),
        (500, "out of luck", AdapterFailed),
    ],
)
def test_refusals_are_told_as_our_errors(
    stand: Stand, model: llama.LlamaModel, status: int, message: str, kind: type[Exception]
) -> None:
    stand.error = (status, {"error": {"code": status, "message": message}})
    with pytest.raises(kind, match=message):
        model.generate(request("Brand.", "Hi"))
    stand.error = None
    assert model.generate(request("Brand.", "Hi")).text == "Hello"


def test_cancel_hangs_up(stand: Stand, model: llama.LlamaModel) -> None:
    stand.endless = True
    token = CancelToken()
    stream = model.stream(request("Brand.", "Hi"), control=Control(cancel=token))
    assert next(stream).text == "Hel"
    token.cancel()
    with pytest.raises(Cancelled):
        for _ in stream:
            pass
    assert stand.hung_up.wait(10)


def test_a_consumer_that_stops_listening_hangs_up(stand: Stand, model: llama.LlamaModel) -> None:
    stand.endless = True
    stream = model.stream(request("Brand.", "Hi"), control=Control())
    next(stream)
    stream.close()
    assert stand.hung_up.wait(10)


def test_a_closed_model_says_so(model: llama.LlamaModel) -> None:
    model.close()
    model.close()
    with pytest.raises(AdapterFailed, match="closed"):
        model.generate(request("Brand.", "Hi"))


def test_missing_weights_name_the_command(tmp_path: Path) -> None:
    card = Card.model_validate(
        {
            "id": "tiny",
            "task": "text",
            "adapter": "xllamacpp",
            "title": {"zh": "小", "en": "Tiny"},
            "sources": [{"kind": "builtin"}],
            "licence": {"id": "MIT", "commercial_use": "yes"},
            "memory": {"resident": 1},
            "files": [{"name": "model.gguf"}],
        }
    )
    with pytest.raises(ModelMissing) as error:
        llama.load(card, tmp_path, options={})
    assert error.value.hint == "studio models pull tiny"
