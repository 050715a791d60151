"""Any server that speaks the OpenAI chat protocol, over HTTP.

Design:
- Address, model and key come from the card's options (`url`, `model`, `key`), else from STUDIO_OPENAI_URL,
  STUDIO_OPENAI_MODEL and STUDIO_OPENAI_KEY. The key goes to that address and nowhere else: redirects are not followed.
- The protocol has no top-k, min-p, repeat penalty or DRY. Servers that take them anyway are named by the option
  `dialect` (STUDIO_OPENAI_DIALECT: "openai", "llama.cpp", "vllm"); elsewhere a request that *sets* one of them is
  refused by name, and one that leaves them alone is sent without.
- Reading happens on a thread of its own so that cancel is seen within a tenth of a second even when the server is
  silent; hanging up is what tells the server to stop.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from models.card import Card
from models.control import Control
from models.errors import AdapterFailed, BadInput, SourceUnavailable, UnsupportedArgument
from models.text.base import TextDelta, TextRequest, TextResult

POLL = 0.1  # seconds between two looks at the cancel token while nothing arrives
SILENCE = 120.0  # seconds without a byte after which the server counts as gone

# Fields beyond the protocol -> the server's own names for them.
DIALECTS: dict[str, dict[str, str]] = {
    "openai": {},
    "llama.cpp": {
        "top_k": "top_k",
        "min_p": "min_p",
        "repeat_penalty": "repeat_penalty",
        "dry_multiplier": "dry_multiplier",
    },
    "vllm": {"top_k": "top_k", "min_p": "min_p", "repeat_penalty": "repetition_penalty"},
}
NEUTRAL: dict[str, float] = {"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0, "dry_multiplier": 0.0}


def load(card: Card, folder: Path, *, options: Mapping[str, Any]) -> OpenAIText:
    """Options: url (ends in /v1), model, key, dialect, seconds (of silence until the server counts as gone)."""

    def setting(name: str) -> str:
        return str(options.get(name) or os.environ.get(f"STUDIO_OPENAI_{name.upper()}", "")).strip()

    url, model = setting("url"), setting("model")
    for name, value in (("STUDIO_OPENAI_URL", url), ("STUDIO_OPENAI_MODEL", model)):
        if not value:
            raise BadInput(f"{card.id}: {name} is not set.", hint=f"Set {name}, or choose another text model.")
    if not url.startswith(("http://", "https://")):
        raise BadInput(f"{card.id}: STUDIO_OPENAI_URL={url!r} is no http address.", hint="Example: http://host:8000/v1")
    dialect = setting("dialect") or "openai"
    if dialect not in DIALECTS:
        raise BadInput(f"{card.id}: unknown dialect {dialect!r}.", hint=f"Known: {', '.join(DIALECTS)}.")
    return OpenAIText(
        card.id,
        url=url.rstrip("/"),
        model=model,
        key=setting("key"),
        dialect=dialect,
        silence=float(options.get("seconds", SILENCE)),
    )


class OpenAIText:
    """A text model behind an address."""

    def __init__(self, card_id: str, *, url: str, model: str, key: str, dialect: str, silence: float) -> None:
        import httpx

        self.card_id = card_id
        self._url, self._model, self._dialect = url, model, dialect
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(silence, connect=min(silence, 15.0))
        self._client = httpx.Client(headers=headers, timeout=timeout, follow_redirects=False)

    def generate(self, request: TextRequest, *, control: Control | None = None) -> TextResult:
        """Write the whole text."""
        stream = self.stream(request, control=control or Control())
        while True:
            try:
                next(stream)
            except StopIteration as end:
                result: TextResult = end.value
                return result

    def stream(self, request: TextRequest, *, control: Control) -> Generator[TextDelta, None, TextResult]:
        """Yield the text as it arrives; the generator's return value is the `TextResult`."""
        control.check()
        body = self._body(request)
        pieces: list[str] = []
        logprobs: list[float] = []
        usage: dict[str, Any] = {}
        finish: str | None = None
        for event in self._events(body, control):
            usage = event.get("usage") or usage
            for choice in event.get("choices") or ():
                finish = choice.get("finish_reason") or finish
                text = (choice.get("delta") or {}).get("content") or ""
                told = [item["logprob"] for item in (choice.get("logprobs") or {}).get("content") or ()]
                logprobs += told
                if text:
                    pieces.append(text)
                    control.progress(min(len(pieces) / request.max_tokens, 1.0))
                    yield TextDelta(text=text, logprob=sum(told) if told else None)
        if finish is None:
            raise AdapterFailed(f"{self.card_id}: the server broke off before the end.", hint="Try again.")
        if finish == "content_filter":
            raise AdapterFailed(f"{self.card_id}: the server's content filter stopped the text.", retryable=False)
        reason: Literal["stop", "length"] = "length" if finish == "length" else "stop"
        return TextResult(
            text="".join(pieces),
            finish_reason=reason,
            prompt_tokens=int(usage.get("prompt_tokens", 0)),
            completion_tokens=int(usage.get("completion_tokens", len(pieces))),
            mean_logprob=sum(logprobs) / len(logprobs) if logprobs else None,
            model=self.card_id,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # -- inside ------------------------------------------------------------------------------------------------

    def _body(self, request: TextRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [message.model_dump() for message in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "presence_penalty": request.presence_penalty,
            "seed": request.seed,
        }
        if request.stop:
            body["stop"] = list(request.stop)
        if request.json_schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": request.json_schema},
            }
        names = DIALECTS[self._dialect]
        for field, neutral in NEUTRAL.items():
            value = getattr(request, field)
            if field in names:
                body[names[field]] = value
            elif field in request.model_fields_set and value != neutral:
                raise UnsupportedArgument(
                    f"{self.card_id}: {field}={value} is not part of the OpenAI protocol.",
                    hint='Set STUDIO_OPENAI_DIALECT to "llama.cpp" or "vllm" if the server is one.',
                )
        return body

    def _events(self, body: dict[str, Any], control: Control) -> Iterator[dict[str, Any]]:
        """The server's events; hangs up at once when cancelled."""
        arrived: queue.Queue[dict[str, Any] | Exception | None] = queue.Queue()
        hung_up = threading.Event()
        responses: list[Any] = []
        reader = threading.Thread(
            target=self._read, args=(body, arrived, hung_up, responses), name="openai-stream", daemon=True
        )
        reader.start()
        try:
            while True:
                control.check()
                try:
                    event = arrived.get(timeout=POLL)
                except queue.Empty:
                    continue
                if event is None:
                    return
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            hung_up.set()
            for response in responses:
                _shut(response)

    def _read(
        self,
        body: dict[str, Any],
        arrived: queue.Queue[dict[str, Any] | Exception | None],
        hung_up: threading.Event,
        responses: list[Any],
    ) -> None:
        import httpx

        try:
            with self._client.stream("POST", f"{self._url}/chat/completions", json=body) as response:
                responses.append(response)
                if response.status_code != 200:
                    arrived.put(self._refused(response.status_code, response.read().decode("utf-8", "replace")))
                    return
                for line in response.iter_lines():
                    if hung_up.is_set():
                        return
                    data = line[5:].strip() if line.startswith("data:") else ""
                    if data == "[DONE]":
                        break
                    if data:
                        event = json.loads(data)
                        if event.get("error"):
                            arrived.put(self._refused(500, data))
                            return
                        arrived.put(event)
            arrived.put(None)
        except httpx.ConnectError as error:
            arrived.put(
                SourceUnavailable(f"{self.card_id}: {self._url} does not answer.", hint="Is the server running?")
                if not hung_up.is_set()
                else error
            )
        except (httpx.HTTPError, httpx.StreamError, ValueError) as error:
            arrived.put(
                AdapterFailed(f"{self.card_id}: the server broke off ({type(error).__name__}).", hint="Try again.")
            )

    def _refused(self, status: int, answer: str) -> Exception:
        """The server's refusal as our error."""
        try:
            said = json.loads(answer).get("error", answer)
            message = str(said.get("message", said)) if isinstance(said, dict) else str(said)
        except (ValueError, AttributeError):
            message = answer
        line = f"{self.card_id}: {(message.strip().splitlines() or ['no reason given'])[0][:300]}"
        if status in (401, 403):
            return BadInput(line, hint="Check STUDIO_OPENAI_KEY.")
        if status == 404:
            return BadInput(line, hint="Check STUDIO_OPENAI_URL and STUDIO_OPENAI_MODEL.")
        if status in (400, 413, 422):
            return UnsupportedArgument(line, hint="The server does not take this request as it is.")
        return AdapterFailed(f"{line} (HTTP {status})", hint="Try again later.", retryable=status >= 429)


def _shut(response: Any) -> None:
    """End a connection that another thread may be reading from."""
    import socket

    stream = response.extensions.get("network_stream")
    connection = stream.get_extra_info("socket") if stream is not None else None
    if connection is not None:
        with contextlib.suppress(OSError):  # it may be closed already
            connection.shutdown(socket.SHUT_RDWR)
