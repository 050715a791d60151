"""GGUF models through llama.cpp, in this process (the `xllamacpp` wheels).

Design:
- llama.cpp's own server runs in the process and is spoken to on the loopback address it picked, with a random key:
  that door, unlike the direct call, streams, stops when the caller hangs up and writes several candidates at once.
- Every message but the last is a *prefix*. A prefix is evaluated once, from exactly the same starting point and in
  the same batches, and stays in the context; only the last message is read again. Reusing "whatever happens to be
  cached" would be faster still, but floating-point results then depend on what was asked before: same seed, same
  text is worth more.
- `generate_many` decodes candidates side by side: their weights are read from memory once for all.
- Cancel is looked at between tokens and, while a prompt is being read, ten times a second: the socket is shut and the
  server drops the job at its next batch, which is kept small for that reason.
"""

from __future__ import annotations

import contextlib
import gc
import json
import queue
import secrets
import socket
import threading
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from models.card import Card
from models.control import Control
from models.errors import AdapterFailed, BadInput, ModelMissing, UnsupportedArgument
from models.text.base import TextDelta, TextRequest, TextResult

_POLL_SECONDS = 0.1  # how often the cancel token is looked at while nothing arrives
_BATCH_TOKENS = 64  # prompt tokens evaluated between two looks at the job list
_SLOTS = 6  # candidates decoded side by side
_MARK = "#"  # stands behind a prefix while only the prefix is wanted; no chat template starts a turn with it


def load(card: Card, folder: Path, *, options: Mapping[str, Any]) -> LlamaModel:
    """Load a GGUF model.

    Options: threads, device ("cpu" or "cuda"), context (tokens, shared by all candidates), slots (candidates side by
    side), file (name in `folder`, default the card's first .gguf).
    """
    names = [item.name for item in card.files if item.name.endswith(".gguf")]
    path = folder / str(options.get("file") or (names[0] if names else "model.gguf"))
    if not path.is_file():
        raise ModelMissing(f"{card.id}: {path.name} is not on this machine.", hint=f"studio models pull {card.id}")
    return LlamaModel(
        card_id=card.id,
        path=path,
        threads=int(options.get("threads") or 2),
        context=int(options.get("context") or 4096),
        slots=int(options.get("slots") or _SLOTS),
        gpu=str(options.get("device", "cpu")).startswith("cuda"),
    )


@dataclass
class _Candidate:
    """One text as it grows."""

    pieces: list[str] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: Literal["stop", "length"] = "length"
    done: bool = False

    def result(self, model: str) -> TextResult:
        mean = sum(self.logprobs) / len(self.logprobs) if self.logprobs else None
        return TextResult(
            text="".join(self.pieces),
            finish_reason=self.finish_reason,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            mean_logprob=mean,
            model=model,
        )


class LlamaModel:
    """A loaded GGUF model. Safe between threads: requests wait for one another."""

    def __init__(self, *, card_id: str, path: Path, threads: int, context: int, slots: int, gpu: bool) -> None:
        import xllamacpp

        self.card_id = card_id
        self._slots = slots
        self._key = secrets.token_hex(16)
        self._lock = threading.Lock()
        self._prefixes: tuple[str, ...] = ()  # evaluated and held in the context, shortest first
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = context
        params.n_parallel = slots
        params.n_batch = params.n_ubatch = _BATCH_TOKENS
        params.kv_unified = True  # one pool of cells: candidates share their prompt's
        params.cache_ram_mib = 0  # no second cache behind our back: see the docstring
        params.cache_idle_slots = False
        params.n_gpu_layers = -1 if gpu else 0
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        # No spinning between layers: it wins little on an idle machine and burns whole cores on a busy one.
        params.cpuparams.poll = params.cpuparams_batch.poll = 0
        params.api_keys = [self._key]
        params.ui = False
        params.warmup = False
        params.verbosity = 0
        try:
            self._server: Any = xllamacpp.Server(params)
        except RuntimeError as error:
            raise AdapterFailed(
                f"{card_id}: llama.cpp cannot open {path.name}: {error}", hint=f"studio models check {card_id}"
            ) from error
        self._address: str = self._server.listening_address

    def stream(self, request: TextRequest, *, control: Control) -> Generator[TextDelta, None, TextResult]:
        """Yield pieces as they are written; the generator's return value is the `TextResult`."""
        candidate = _Candidate()
        with self._lock:
            for _, delta in self._run(request, [candidate], control):
                yield delta
        return candidate.result(self.card_id)

    def generate(self, request: TextRequest, *, control: Control | None = None) -> TextResult:
        """Write the whole text."""
        candidate = _Candidate()
        with self._lock:
            for _ in self._run(request, [candidate], control or Control()):
                pass
        return candidate.result(self.card_id)

    def generate_many(
        self, request: TextRequest, count: int, *, control: Control | None = None
    ) -> tuple[TextResult, ...]:
        """Write `count` candidates side by side (in groups of at most the number of slots)."""
        control = control or Control()
        results: list[TextResult] = []
        while len(results) < count:
            group = [_Candidate() for _ in range(min(self._slots, count - len(results)))]
            varied = request.model_copy(update={"seed": (request.seed + len(results)) % 2**32})
            with self._lock:
                for _ in self._run(varied, group, control):
                    pass
            results += [candidate.result(self.card_id) for candidate in group]
        return tuple(results)

    def close(self) -> None:
        """Stop the server and give the memory back."""
        with self._lock:
            self._server = None
            self._prefixes = ()
            gc.collect()

    # -- inside ------------------------------------------------------------------------------------------------

    def _run(
        self, request: TextRequest, candidates: list[_Candidate], control: Control
    ) -> Iterator[tuple[int, TextDelta]]:
        if self._server is None:
            raise AdapterFailed(f"{self.card_id} is closed.", hint="Load it again.")
        control.check()
        prompt, prefixes = self._prompts(request)
        if prompt:
            self._hold(prefixes, control)
        body = self._body(request, prompt, len(candidates), reuse=bool(prefixes))
        try:
            for event in self._post(body, control):
                index = int(event.get("index", 0))
                candidate = candidates[index]
                delta = _read(event, candidate)
                if delta.text:
                    yield index, delta
                if candidate.done:
                    control.progress(sum(item.done for item in candidates) / len(candidates))
        except AdapterFailed:
            self._prefixes = ()
            raise
        if not all(candidate.done for candidate in candidates):
            raise AdapterFailed(f"{self.card_id}: llama.cpp ended the text too early.", hint="Try again.")

    def _prompts(self, request: TextRequest) -> tuple[str, tuple[str, ...]]:
        """The whole prompt, and the prompt up to each message but the last, by the model's own chat template."""
        full = self._template([message.model_dump() for message in request.messages])
        prefixes: list[str] = []
        for end in range(1, len(request.messages)):
            part = self._template([message.model_dump() for message in request.messages[:end]], opening=False)
            # A template that rewrites earlier turns gives no prefix; the prompt is then read whole.
            if full.startswith(part) and (not prefixes or len(part) > len(prefixes[-1])):
                prefixes.append(part)
        return full, tuple(prefixes)

    def _template(self, messages: list[dict[str, Any]], *, opening: bool = True) -> str:
        reply = self._call("/apply-template", {"messages": messages, "add_generation_prompt": opening})
        return str(reply["prompt"])

    def _hold(self, prefixes: tuple[str, ...], control: Control) -> None:
        """Bring the context to exactly `prefixes`, each evaluated on top of the one before it."""
        common = 0
        while common < min(len(prefixes), len(self._prefixes)) and prefixes[common] == self._prefixes[common]:
            common += 1
        self._prefixes, held = (), prefixes[:common]
        # The first call also cuts off what was written behind the held prefix.
        for prefix in [*held[-1:], *prefixes[common:]]:
            body = {"prompt": prefix + _MARK, "n_predict": 0, "cache_prompt": common > 0 or prefix != prefixes[0]}
            for _ in self._post({**body, "id_slot": 0, "stream": True}, control):
                pass
        self._prefixes = prefixes

    def _body(self, request: TextRequest, prompt: str, count: int, *, reuse: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "prompt": prompt,
            "stream": True,
            "id_slot": 0,
            "cache_prompt": reuse,
            "n_predict": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "top_k": request.top_k,
            "min_p": request.min_p,
            "presence_penalty": request.presence_penalty,
            "repeat_penalty": request.repeat_penalty,
            "dry_multiplier": request.dry_multiplier,
            "seed": request.seed,
            "stop": list(request.stop),
            "n_probs": 1,
        }
        if count > 1:
            body["n_cmpl"] = count
        if request.json_schema is not None:
            body["json_schema"] = request.json_schema
        return body

    def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        import httpx

        try:
            reply = httpx.post(self._address + path, json=body, headers=self._headers(), timeout=60, trust_env=False)
        except httpx.HTTPError as error:
            raise AdapterFailed(f"{self.card_id}: llama.cpp does not answer ({error}).", hint="Try again.") from error
        if reply.status_code != 200:
            raise _refused(self.card_id, reply.text)
        return cast(dict[str, Any], reply.json())

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"}

    def _post(self, body: dict[str, Any], control: Control) -> Iterator[dict[str, Any]]:
        """Stream the server's events; hang up at once when cancelled."""
        import httpx

        events: queue.Queue[dict[str, Any] | BaseException | None] = queue.Queue()
        sockets: list[socket.socket] = []

        def read() -> None:
            try:
                with (
                    httpx.Client(timeout=None, trust_env=False) as client,
                    client.stream(
                        "POST", self._address + "/completion", json=body, headers=self._headers()
                    ) as response,
                ):
                    stream = response.extensions.get("network_stream")
                    if stream is not None:
                        sockets.append(stream.get_extra_info("socket"))
                    if response.status_code != 200:
                        raise _refused(self.card_id, response.read().decode("utf-8", "replace"))
                    for line in response.iter_lines():
                        _put(events, line)
                events.put(None)
            except (httpx.HTTPError, AdapterFailed, BadInput, UnsupportedArgument) as error:
                events.put(error)

        reader = threading.Thread(target=read, name="llama-stream", daemon=True)
        reader.start()
        try:
            while True:
                control.check()
                try:
                    event = events.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    continue
                if event is None:
                    return
                if isinstance(event, httpx.HTTPError):
                    raise AdapterFailed(f"{self.card_id}: llama.cpp broke off ({event}).", hint="Try again.")
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            for connection in sockets:
                with contextlib.suppress(OSError):  # it may be closed already
                    connection.shutdown(socket.SHUT_RDWR)


def _put(events: queue.Queue[dict[str, Any] | BaseException | None], line: str) -> None:
    """Pass on a `data:` line; pings and empty events are dropped."""
    if not line.startswith("data: ") or line[6:].strip() in {"", "null", "[DONE]"}:
        return
    event = json.loads(line[6:])
    if "error" in event:
        events.put(_refused("llama.cpp", json.dumps(event)))
    else:
        events.put(event)


def _read(event: dict[str, Any], candidate: _Candidate) -> TextDelta:
    """Take one server event into its candidate."""
    text = str(event.get("content") or "")
    values = [float(item["logprob"]) for item in event.get("completion_probabilities", ()) if "logprob" in item]
    if text:
        candidate.pieces.append(text)
    candidate.logprobs += values
    if event.get("stop"):
        candidate.done = True
        candidate.finish_reason = "length" if event.get("stop_type") == "limit" else "stop"
        candidate.prompt_tokens = int(event.get("tokens_evaluated", 0))
        candidate.completion_tokens = int(event.get("tokens_predicted", 0))
    return TextDelta(text=text, logprob=sum(values) if values else None)


def _refused(card_id: str, answer: str) -> BadInput | AdapterFailed:
    """The server's own words as our error: what was asked cannot be done, or it failed."""
    try:
        error = json.loads(answer).get("error", {})
        message, code = str(error.get("message", answer)), int(error.get("code", 500))
    except (ValueError, AttributeError):
        message, code = answer, 500
    line = f"{card_id}: {message.strip().splitlines()[0][:300] if message.strip() else 'no reason given'}"
    if "context size" in message or "exceed" in message:
        return BadInput(line, hint="Shorten the text, or give the model more `context`.")
    if code == 400:
        return UnsupportedArgument(line, hint="Change the schema or the sampling options.")
    return AdapterFailed(line, hint="Try again; if it stays, choose another model.")
